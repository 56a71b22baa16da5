//! The core without threads, disk or answers: what one core can decide, encode and take in.

use crate::core::Size;
use crate::cpu;
use crate::row::{Better, Report, Row, median};
use crate::world::{BATCH, Dice};
use std::hint::black_box;
use tokengine_core::{Command, Decision, Record, State};
use tokengine_journal::Batch;

/// Decides, encodes and takes in, as the writer does.
#[inline(never)]
pub(crate) fn apply(state: &mut State, commands: &[Command], batch: &mut Batch) {
    for some in commands.chunks(State::AHEAD) {
        state.touch(some);
        for command in some {
            let now = state.at();
            if batch.try_push_with(|out| state.take_move(command, now, out)).is_some() {
                continue;
            }
            let Decision::Event(event) = state.decide(command, now) else { panic!("a move that must be taken") };
            let record = Record { at: now, event };
            batch.push_with(|buffer| record.encode(buffer));
            black_box(state.evolve(&record));
        }
    }
}

pub(crate) fn run(name: &str, state: &mut State, accounts: u32, size: &Size, report: &mut Report) {
    let mut dice = Dice::new(accounts.into());
    let mut batch = Batch::new();
    let mut ours = Vec::new();
    for _ in 0..size.runs {
        let mut seconds = 0.0;
        for _ in 0..size.batches {
            let commands = dice.transfers(accounts, BATCH);
            let start = cpu::of_thread();
            apply(state, &commands, &mut batch);
            seconds += cpu::of_thread() - start;
            batch.clear();
        }
        ours.push((size.batches * BATCH) as f64 / seconds);
    }
    let value = median(ours);
    report.add(Row { name: name.into(), value, unit: "moves/s", aim: None, better: Better::Higher, peer: None });
}
