//! The engine alone: durable moves in batches, a few at a time and one by one.

use crate::ask::Ask;
use crate::row::{Better, Report, Row, median};
use crate::world::{self, BATCH};
use crate::{clients, cpu, growth, prototype, pure, raw};
use std::error::Error;
use std::path::Path;
use std::time::Duration;
use tokengine_engine::{Engine, system_clock};
use tokengine_journal::Batch;

const SMALL: u32 = 10_000;
const LARGE: u32 = 10_000_000;
/// Who works while clients bring moves.
const THREADS: [&str; 3] = ["engine-writer", "journal-log", "journal-spares"];
const PROTOTYPE: &str = "prototype: a table, a log, nothing else";
const PLAIN: &str = "write + fdatasync of the same bytes";

pub(crate) struct Size {
    pub(crate) runs: usize,
    /// Batches of [`BATCH`] in each run.
    pub(crate) batches: usize,
    /// Syncs of each run, where there are a few moves in one.
    pub(crate) syncs: usize,
}

pub(crate) fn run(ask: &Ask, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let (size, large) = if ask.quick {
        (Size { runs: 1, batches: 60, syncs: 500 }, LARGE / 10)
    } else {
        (Size { runs: 5, batches: 240, syncs: 3_000 }, LARGE)
    };
    if ask.wants("one command") {
        growth::run(ask, report)?;
    }
    if ask.wants("memory") {
        growth::memory(ask, report)?;
    }
    for (text, accounts, aim) in [("10 k", SMALL, 4e6), ("10 M", large, 1.5e6)] {
        let name = format!("decide, encode, evolve, {text} accounts");
        if ask.wants(&name) {
            pure::run(&name, &mut world::found_state(accounts)?, accounts, &size, report);
        }
        let name = format!("moves, {text} accounts");
        let small = ["moves, 64 a sync", "moves, 64 clients", "one move, median"];
        let wanted = ask.wants(&name) || (accounts == SMALL && small.iter().any(|name| ask.wants(name)));
        if !wanted {
            continue;
        }
        let place = ask.folder.join("engine");
        if std::fs::exists(&place)? {
            std::fs::remove_dir_all(&place)?;
        }
        let engine = Engine::open(world::options(&place), None, |_| {})?;
        world::found(&engine, accounts, system_clock())?;
        if ask.wants(&name) {
            in_batches(&ask.folder, &engine, &size, name, accounts, aim, report)?;
        }
        if accounts == SMALL {
            small_rows(ask, &engine, &size, small, report)?;
        }
        engine.stop()?;
    }
    let of = |text: &str| report.value(&format!("moves, {text} accounts"));
    if let (Some(small), Some(large)) = (of("10 k"), of("10 M")) {
        let (name, aim, better) = ("cost of a move, 10 M accounts to 10 k".into(), Some(2.5), Better::Lower);
        report.add(Row { name, value: small / large, unit: "times", aim, better, peer: None });
    }
    Ok(())
}

/// Two clients, each with one batch under way.
fn in_batches(
    folder: &Path,
    engine: &Engine,
    size: &Size,
    name: String,
    accounts: u32,
    aim: f64,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    let mut prototype = prototype::Prototype::new(folder, accounts)?;
    let before = THREADS.map(cpu::of_threads);
    for run in 0..size.runs {
        ours.push(clients::in_batches(engine, accounts, size.batches, run as u64)?);
        plain.push(prototype.run(size.batches)?);
    }
    for (thread, before) in THREADS.iter().zip(before) {
        let value = (cpu::of_threads(thread) - before) * 1e9 / (size.runs * size.batches * BATCH) as f64;
        let name = format!("{name}: {thread}");
        report.add(Row { name, value, unit: "ns of CPU", aim: None, better: Better::Lower, peer: None });
    }
    let peer = Some((PROTOTYPE, median(plain)));
    report.add(Row { name, value: median(ours), unit: "moves/s", aim: Some(aim), better: Better::Higher, peer });
    Ok(())
}

fn small_rows(
    ask: &Ask,
    engine: &Engine,
    size: &Size,
    [a_sync, clients, one]: [&str; 3],
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let handle = engine.handle();
    let bytes = |moves: usize| usize::try_from(Batch::disk_bytes_for(world::move_bytes() * moves));
    for name in [a_sync, clients].into_iter().filter(|name| ask.wants(name)) {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for run in 0..size.runs {
            ours.push(match name == a_sync {
                true => clients::at_once(&handle, SMALL, 64, size.syncs, run as u64)?,
                false => clients::many(&handle, SMALL, 64, size.syncs, run as u64)?,
            });
            plain.push(rate(64, &raw::append(&ask.folder, bytes(64)?, size.syncs)?));
        }
        let (value, plain) = (median(ours), median(plain));
        let peer = Some((PLAIN, plain));
        report.add(Row {
            name: name.into(),
            value,
            unit: "moves/s",
            aim: Some(0.7 * plain),
            better: Better::Higher,
            peer,
        });
    }
    if ask.wants(one) {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for run in 0..size.runs {
            ours.extend(clients::one_at_a_time(&handle, SMALL, size.syncs, run as u64)?.into_iter().map(micros));
            plain.extend(raw::append(&ask.folder, bytes(1)?, size.syncs)?.into_iter().map(micros));
        }
        let (value, plain) = (median(ours), median(plain));
        let peer = Some((PLAIN, plain));
        report.add(Row { name: one.into(), value, unit: "us", aim: Some(2.0 * plain), better: Better::Lower, peer });
    }
    Ok(())
}

fn rate(per_piece: usize, times: &[Duration]) -> f64 {
    (per_piece * times.len()) as f64 / times.iter().sum::<Duration>().as_secs_f64()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
