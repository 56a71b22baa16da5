//! Beside databases: the same moves in PostgreSQL, and the read model that follows the journal into SQLite.

use crate::ask::Ask;
use crate::clients;
use crate::postgres::Postgres;
use crate::row::{Better, Report, Row, median};
use crate::world::{self, BATCH, Dice};
use std::error::Error;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;
use tokengine_core::Position;
use tokengine_engine::{Engine, Lane, system_clock};
use tokengine_store::Store;

const ACCOUNTS: u32 = 10_000;
const PEER: &str = "PostgreSQL 15, one function call a move";
/// Batches that the moves may be ahead of the read model.
const AHEAD: usize = 4;

pub(crate) fn run(ask: &Ask, report: &mut Report) -> Result<(), Box<dyn Error>> {
    if ask.wants("PostgreSQL") {
        beside_postgres(ask, report)?;
    }
    if ask.wants("read model") {
        read_model(ask, report)?;
    }
    Ok(())
}

fn beside_postgres(ask: &Ask, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let (runs, seconds, syncs) = if ask.quick { (1, 5, 500) } else { (3, 15, 3_000) };
    let place = ask.folder.join("engine");
    let engine = Engine::open(world::options(&place), None, |_| {})?;
    world::found(&engine, ACCOUNTS, system_clock())?;
    let postgres = Postgres::start(&ask.folder, ACCOUNTS)?;
    let handle = engine.handle();
    let (mut one, mut many, mut peer_one, mut peer_many) = (vec![], vec![], vec![], vec![]);
    for run in 0..runs {
        one.push(clients::many(&handle, ACCOUNTS, 64, syncs, run)?);
        peer_one.push(postgres.one_a_request(64, seconds)?);
        many.push(clients::at_once(&handle, ACCOUNTS, 1_000, syncs / 3, run)?);
        peer_many.push(1_000.0 * postgres.in_batches(seconds)?);
    }
    engine.stop()?;
    for (name, ours, peer, times) in [
        ("beside PostgreSQL: one a request, 64 clients", one, peer_one, 5.0),
        ("beside PostgreSQL: batches of 1,000, one client", many, peer_many, 100.0),
    ] {
        let (value, peer) = (median(ours), median(peer));
        let (aim, better) = (Some(times * peer), Better::Higher);
        report.add(Row { name: name.into(), value, unit: "moves/s", aim, better, peer: Some((PEER, peer)) });
    }
    Ok(())
}

/// Moves over many accounts, never more than a few batches ahead of the read model.
fn read_model(ask: &Ask, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let (accounts, batches) = if ask.quick { (100_000, 20) } else { (1_000_000, 120) };
    let place = ask.folder.join("engine-followed");
    let engine = Engine::open(world::options(&place), None, |_| {})?;
    world::found(&engine, accounts, system_clock())?;
    let mut store = Store::open(&ask.folder.join("read-model"))?;
    let mut feed = engine.handle().feed(Position::default());
    let mut take = |until: u64| -> Result<(), Box<dyn Error>> {
        while feed.cursor().0 < until {
            store.apply(&feed.next_blocking(BATCH)?)?;
        }
        Ok(())
    };
    let founded = engine.handle().journal().head().position;
    let start = Instant::now();
    take(founded)?;
    let catching_up = founded as f64 / start.elapsed().as_secs_f64();

    let (go, allowed) = sync_channel::<()>(AHEAD);
    let (handle, start) = (engine.handle(), Instant::now());
    let client = thread::spawn(move || -> Result<(), String> {
        let mut dice = Dice::new(5);
        for () in allowed {
            let moves = dice.transfers(accounts, BATCH);
            handle.submit_many_blocking(Lane::Client, moves).map_err(|error| error.to_string())?;
        }
        Ok(())
    });
    for batch in 0..batches {
        go.send(())?;
        take((founded + (batch * BATCH) as u64).saturating_sub((AHEAD * BATCH) as u64))?;
    }
    drop(go);
    client.join().map_err(|_| "the client panicked")??;
    take(founded + (batches * BATCH) as u64)?;
    let value = (batches * BATCH) as f64 / start.elapsed().as_secs_f64();
    engine.stop()?;
    let name = "moves with the read model keeping up".into();
    let peer = Some(("the read model alone, catching up", catching_up));
    report.add(Row { name, value, unit: "moves/s", aim: Some(50_000.0), better: Better::Higher, peer });
    Ok(())
}
