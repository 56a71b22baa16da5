//! Starting again: from the journal, from a snapshot, and what a snapshot costs while it is made.

use crate::ask::Ask;
use crate::row::{Better, Report, Row, median};
use crate::world;
use crate::{clients, raw};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokengine_core::Time;
use tokengine_engine::{Engine, Options, system_clock};

const SMALL: u32 = 10_000;
const LARGE: u32 = 10_000_000;
const READ: &str = "read of the same files";
/// Longer than requests are remembered: what is measured is accounts.
const LONG_AGO_MS: u64 = 48 * 60 * 60 * 1000;

pub(crate) fn run(ask: &Ask, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let place = ask.folder.join("engine");
    if std::fs::exists(&place)? {
        std::fs::remove_dir_all(&place)?;
    }
    if ask.wants("replay") {
        let (runs, batches) = if ask.quick { (1, 200) } else { (5, 1_200) };
        let engine = Engine::open(world::options(&place), None, |_| {})?;
        world::found(&engine, SMALL, system_clock())?;
        clients::in_batches(&engine, SMALL, batches, 1)?;
        engine.stop()?;
        report.add(replay(&place, runs)?);
        std::fs::remove_dir_all(&place)?;
    }
    if ask.wants("snapshot") {
        snapshots(ask, &place, if ask.quick { LARGE / 10 } else { LARGE }, report)?;
    }
    Ok(())
}

/// Opens what is there, without a snapshot.
fn replay(place: &Path, runs: usize) -> Result<Row, Box<dyn Error>> {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let start = Instant::now();
        let engine = Engine::open(world::options(place), None, |_| {})?;
        let seconds = start.elapsed().as_secs_f64();
        let events = engine.opened().replayed as f64;
        engine.stop()?;
        ours.push(events / seconds);
        plain.push(events / raw::read_all(place, "0")?.1.as_secs_f64());
    }
    let (name, peer) = ("replay".into(), Some((READ, median(plain))));
    Ok(Row { name, value: median(ours), unit: "events/s", aim: Some(4e6), better: Better::Higher, peer })
}

/// Makes a snapshot of many accounts while a client makes one move after the other, and starts from it.
fn snapshots(ask: &Ask, place: &Path, accounts: u32, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let runs = if ask.quick { 1 } else { 3 };
    let ago = Arc::new(AtomicU64::new(LONG_AGO_MS));
    let clock = {
        let ago = Arc::clone(&ago);
        move || Time(system_clock().0 - ago.load(Ordering::Relaxed))
    };
    let options = Options { clock: Arc::new(clock), ..world::options(place) };
    let engine = Engine::open(options, None, |_| {})?;
    world::found(&engine, accounts, Time(system_clock().0 - LONG_AGO_MS))?;
    ago.store(0, Ordering::Relaxed);
    clients::one_at_a_time(&engine.handle(), accounts, 1, 1)?;
    engine.stop()?;

    let engine = Engine::open(Options { snapshot_every: 1, ..world::options(place) }, None, |_| {})?;
    let mut during = Vec::new();
    while engine.handle().health().snapshots_made == 0 {
        during.extend(clients::one_at_a_time(&engine.handle(), accounts, 100, during.len() as u64)?);
    }
    engine.stop()?;
    let engine = Engine::open(world::options(place), None, |_| {})?;
    let quiet = clients::one_at_a_time(&engine.handle(), accounts, during.len().max(2_000), 1 << 20)?;
    engine.stop()?;
    let worst = |times: Vec<std::time::Duration>| {
        let mut times: Vec<_> = times.into_iter().map(|time| time.as_secs_f64() * 1e6).collect();
        times.sort_unstable_by(f64::total_cmp);
        times[(times.len() * 999 / 1000).min(times.len() - 1)]
    };
    let (value, plain) = (worst(during), worst(quiet));
    let peer = Some(("the same without a snapshot under way", plain));
    let name = "one move, p99.9, during a snapshot".into();
    report.add(Row { name, value, unit: "us", aim: None, better: Better::Lower, peer });

    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let start = Instant::now();
        let engine = Engine::open(world::options(place), None, |_| {})?;
        ours.push(start.elapsed().as_secs_f64());
        if engine.opened().snapshot.is_none() {
            return Err("it did not start from a snapshot".into());
        }
        engine.stop()?;
        plain.push(raw::read_all(place, "snapshot")?.1.as_secs_f64());
    }
    let name = format!("start from a snapshot, {} M accounts", accounts / 1_000_000);
    let peer = Some((READ, median(plain)));
    report.add(Row { name, value: median(ours), unit: "s", aim: Some(5.0), better: Better::Lower, peer });
    Ok(())
}
