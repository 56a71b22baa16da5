//! The engine alone: durable moves in batches and one by one, latency, and replay.

use crate::raw;
use crate::row::{Better, Row, median};
use crate::world::{self, BATCH, Dice};
use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tokengine_engine::{Engine, Handle, Lane, system_clock};
use tokengine_journal::Batch;

const SMALL: u32 = 10_000;
const LARGE: u32 = 1_000_000;
const PLAIN: &str = "write + fdatasync of the same bytes";

struct Size {
    runs: usize,
    moves: usize,
    syncs: usize,
}

pub(crate) fn run(folder: &Path, quick: bool, print: &mut dyn FnMut(Row)) -> Result<(), Box<dyn Error>> {
    let size = if quick {
        Size { runs: 1, moves: 20 * BATCH, syncs: 200 }
    } else {
        Size { runs: 5, moves: 120 * BATCH, syncs: 3_000 }
    };
    for (name, accounts) in [("moves, 10 k accounts", SMALL), ("moves, 1 M accounts", LARGE)] {
        let place = folder.join("engine");
        if std::fs::exists(&place)? {
            std::fs::remove_dir_all(&place)?;
        }
        let engine = Engine::open(world::options(&place), None, |_| {})?;
        world::found(&engine, accounts)?;
        print(in_batches(folder, &engine, &size, name, accounts)?);
        if accounts == SMALL {
            for row in [small_batches, clients, one_at_a_time] {
                print(row(folder, &engine.handle(), &size)?);
            }
            engine.stop()?;
            print(replay(&place, size.runs.min(3))?);
        }
    }
    Ok(())
}

/// Two clients, each with one batch under way.
fn in_batches(
    folder: &Path,
    engine: &Engine,
    size: &Size,
    name: &'static str,
    accounts: u32,
) -> Result<Row, Box<dyn Error>> {
    let bytes = usize::try_from(Batch::disk_bytes_for(world::move_bytes() * BATCH))?;
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for run in 0..size.runs {
        let start = Instant::now();
        let clients: Vec<_> = (0..2)
            .map(|client| {
                let (handle, batches) = (engine.handle(), size.moves / BATCH / 2);
                thread::spawn(move || -> Result<(), String> {
                    let mut dice = Dice((run * 2 + client) as u64 * 0x1234_5678_9abc + 99);
                    for _ in 0..batches {
                        let moves = dice.transfers(accounts, BATCH);
                        world::submit(&handle, moves).map_err(|error| error.to_string())?;
                    }
                    Ok(())
                })
            })
            .collect();
        for client in clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        let moves = size.moves / BATCH / 2 * 2 * BATCH;
        ours.push(moves as f64 / start.elapsed().as_secs_f64());
        let times = raw::append(folder, bytes, size.moves / BATCH)?;
        plain.push(rate(BATCH, &times));
    }
    Ok(Row {
        name,
        value: median(ours),
        unit: "moves/s",
        aim: Some(1_000_000.0),
        better: Better::Higher,
        peer: (PLAIN, median(plain)),
    })
}

/// One client that brings 64 at a time.
fn small_batches(folder: &Path, handle: &Handle, size: &Size) -> Result<Row, Box<dyn Error>> {
    let bytes = usize::try_from(Batch::disk_bytes_for(world::move_bytes() * 64))?;
    let mut dice = Dice(64);
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..size.runs {
        let start = Instant::now();
        for _ in 0..size.syncs {
            world::submit(handle, dice.transfers(SMALL, 64))?;
        }
        ours.push((64 * size.syncs) as f64 / start.elapsed().as_secs_f64());
        plain.push(rate(64, &raw::append(folder, bytes, size.syncs)?));
    }
    let peer = (PLAIN, median(plain));
    Ok(Row { name: "moves, 64 a sync", value: median(ours), unit: "moves/s", aim: None, better: Better::Higher, peer })
}

/// 64 clients, each with one move under way.
fn clients(folder: &Path, handle: &Handle, size: &Size) -> Result<Row, Box<dyn Error>> {
    let bytes = usize::try_from(Batch::disk_bytes_for(world::move_bytes() * 64))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for run in 0..size.runs {
        let start = Instant::now();
        let tasks: Vec<_> = (0..64)
            .map(|client| {
                let (handle, mut dice, count) =
                    (handle.clone(), Dice((run * 64 + client) as u64 + (1 << 40)), size.syncs);
                runtime.spawn(async move {
                    for _ in 0..count {
                        let command = dice.transfer(SMALL, system_clock().0);
                        handle.submit(Lane::Client, command).await.map_err(|error| error.to_string())?;
                    }
                    Ok::<_, String>(())
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.map_err(|error| error.to_string())??;
            }
            Ok::<_, String>(())
        })?;
        ours.push((64 * size.syncs) as f64 / start.elapsed().as_secs_f64());
        plain.push(rate(64, &raw::append(folder, bytes, size.syncs)?));
    }
    let peer = (PLAIN, median(plain));
    Ok(Row { name: "moves, 64 clients", value: median(ours), unit: "moves/s", aim: None, better: Better::Higher, peer })
}

/// One client, one move at a time: what a move takes.
fn one_at_a_time(folder: &Path, handle: &Handle, size: &Size) -> Result<Row, Box<dyn Error>> {
    let bytes = usize::try_from(Batch::disk_bytes_for(world::move_bytes()))?;
    let mut dice = Dice(1 << 50);
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..size.runs {
        for _ in 0..size.syncs {
            let command = dice.transfer(SMALL, system_clock().0);
            let start = Instant::now();
            handle.submit_blocking(Lane::Client, command)?;
            ours.push(micros(start.elapsed()));
        }
        plain.extend(raw::append(folder, bytes, size.syncs)?.into_iter().map(micros));
    }
    let peer = (PLAIN, median(plain));
    Ok(Row { name: "one move, median", value: median(ours), unit: "us", aim: None, better: Better::Lower, peer })
}

/// Opens what the others left, without a snapshot.
fn replay(place: &Path, runs: usize) -> Result<Row, Box<dyn Error>> {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let start = Instant::now();
        let engine = Engine::open(world::options(place), None, |_| {})?;
        let seconds = start.elapsed().as_secs_f64();
        let events = engine.opened().replayed as f64;
        engine.stop()?;
        ours.push(events / seconds);
        plain.push(events / raw::read_all(place)?.1.as_secs_f64());
    }
    let peer = ("read of the same files", median(plain));
    Ok(Row { name: "replay", value: median(ours), unit: "events/s", aim: None, better: Better::Higher, peer })
}

fn rate(per_piece: usize, times: &[Duration]) -> f64 {
    (per_piece * times.len()) as f64 / times.iter().sum::<Duration>().as_secs_f64()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
