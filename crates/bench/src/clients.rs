//! Who brings the work: each way to bring it, and how fast the answers came.

use crate::world::{self, BATCH, Dice};
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};
use tokengine_engine::{Engine, Handle, Lane, system_clock};

/// Two clients, each with one batch under way; moves a second.
pub(crate) fn in_batches(engine: &Engine, accounts: u32, batches: usize, seed: u64) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let clients: Vec<_> = (0..2)
        .map(|client| {
            let handle = engine.handle();
            let mut dice = Dice::new(2 * seed + client);
            thread::spawn(move || -> Result<(), String> {
                for _ in 0..batches / 2 {
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
    Ok((batches / 2 * 2 * BATCH) as f64 / start.elapsed().as_secs_f64())
}

/// One client that brings some at a time and waits; moves a second.
pub(crate) fn at_once(
    handle: &Handle,
    accounts: u32,
    moves: usize,
    syncs: usize,
    seed: u64,
) -> Result<f64, Box<dyn Error>> {
    let mut dice = Dice::new((1 << 20) + seed);
    let start = Instant::now();
    for _ in 0..syncs {
        world::submit(handle, dice.transfers(accounts, moves))?;
    }
    Ok((moves * syncs) as f64 / start.elapsed().as_secs_f64())
}

/// Many clients, each with one move under way; moves a second.
pub(crate) fn many(
    handle: &Handle,
    accounts: u32,
    clients: u64,
    each: usize,
    seed: u64,
) -> Result<f64, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (handle, mut dice) = (handle.clone(), Dice::new((1 << 40) + seed * clients + client));
            runtime.spawn(async move {
                for _ in 0..each {
                    let command = dice.transfer(accounts, system_clock().0);
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
    Ok((clients as usize * each) as f64 / start.elapsed().as_secs_f64())
}

/// One client, one move at a time: how long each took.
pub(crate) fn one_at_a_time(
    handle: &Handle,
    accounts: u32,
    moves: usize,
    seed: u64,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut dice = Dice::new((1 << 50) + seed);
    let mut times = Vec::with_capacity(moves);
    for _ in 0..moves {
        let command = dice.transfer(accounts, system_clock().0);
        let start = Instant::now();
        handle.submit_blocking(Lane::Client, command)?;
        times.push(start.elapsed());
    }
    Ok(times)
}
