//! What one command takes while everything that is remembered grows from nothing, and what it takes in memory.

use crate::ask::Ask;
use crate::cpu;
use crate::row::{Better, Report, Row};
use crate::world::{self, Dice};
use std::error::Error;
use std::hint::black_box;
use tokengine_core::*;
use tokengine_engine::system_clock;

const EARLY: u64 = 1_000_000;

/// Times by sixteenths of a power of two of nanoseconds.
struct Histogram([u64; 1024]);

impl Histogram {
    fn new() -> Self {
        Self([0; 1024])
    }

    fn add(&mut self, seconds: f64) {
        let at = ((seconds * 1e9).max(1.0).log2() * 16.0) as usize;
        self.0[at.min(1023)] += 1;
    }

    /// In microseconds, rounded up to the next sixteenth.
    fn at(&self, part: f64) -> f64 {
        let wanted = (self.0.iter().sum::<u64>() as f64 * part) as u64;
        let mut sum = 0;
        let found = self.0.iter().position(|count| {
            sum += count;
            sum > wanted
        });
        ((found.unwrap_or(1023) + 1) as f64 / 16.0).exp2() / 1e3
    }
}

/// Moves with a request each, one by one: decided, encoded and taken in, without a look ahead.
pub(crate) fn run(ask: &Ask, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let (all, late) = if ask.quick { (2 * EARLY, EARLY) } else { (50 * EARLY, 49 * EARLY) };
    let mut state = world::found_state(10_000)?;
    let (mut early, mut grown, mut last) = (Histogram::new(), Histogram::new(), Histogram::new());
    let (mut worst, mut dice, mut out) = (0f64, Dice::new(20), Vec::new());
    for count in 0..all {
        let command = dice.transfer(10_000, system_clock().0);
        let before = cpu::of_thread();
        let at = state.at();
        if state.take_move(&command, at, &mut out).is_none() {
            let Decision::Event(event) = state.decide(&command, at) else { return Err("a move was refused".into()) };
            black_box(state.evolve(&Record { at, event }));
        }
        let took = cpu::of_thread() - before;
        out.clear();
        if count < EARLY {
            early.add(took);
        }
        if count < 20 * EARLY {
            grown.add(took);
            worst = worst.max(took);
        }
        if count >= late {
            last.add(took);
        }
    }
    let row = |name: &str, value, aim, peer| Row {
        name: name.into(),
        value,
        unit: "us",
        aim: Some(aim),
        better: Better::Lower,
        peer,
    };
    report.add(row("one command, p99.9, growing to 20 M", grown.at(0.999), 10.0, None));
    report.add(row("one command, worst, growing to 20 M", worst * 1e6, 1_000.0, None));
    let empty = early.at(0.99);
    let peer = Some(("p99 of the first million", empty));
    report.add(row("one command, p99, after 50 M", last.at(0.99), 1.5 * empty, peer));
    Ok(())
}

/// Deposits of new accounts: bytes of each at the worst of all sizes on the way, because tables grow in steps.
pub(crate) fn memory(ask: &Ask, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let count: u32 = if ask.quick { 300_000 } else { 1_000_000 };
    let mut state = world::found_state(1)?;
    let block = BlockRef { height: 1, hash: BlockHash([1; 32]), parent: BlockHash([0; 32]) };
    let (mut accounts, mut deposits) = (0f64, 0f64);
    for n in 0..count {
        let from = format!("0x{n:040x}");
        let mut tx = [9; 32];
        tx[..4].copy_from_slice(&n.to_be_bytes());
        let event = Event::DepositCredited {
            key: DepositKey { network: NetworkIx(0), tx: TxId(tx), locator: Locator::Log(3) },
            asset: AssetIx(0),
            wallet: WalletIx(0),
            to: CreditTo::NewAccount(format!("eip155:31337:{from}").into()),
            from: Address::new(&from).expect("short and not empty"),
            amount: Amount::new(5),
            credited: Amount::new(5),
            block,
            depth: Depth { confirmations: 1, safe: true, finalized: true, nodes: 1 },
            from_surplus: Vec::new(),
            given_before: Amount::ZERO,
        };
        state.evolve(&Record { at: state.at(), event });
        if n >= 100_000 && n % 10_000 == 0 {
            let (of_accounts, of_deposits) = state.heap_bytes();
            accounts = accounts.max(of_accounts as f64 / f64::from(n));
            deposits = deposits.max(of_deposits as f64 / f64::from(n));
        }
    }
    for (name, value, aim) in
        [("an account, one token and its name", accounts, 160.0), ("a remembered deposit", deposits, 40.0)]
    {
        let (name, unit) = (format!("memory: {name}"), "bytes");
        report.add(Row { name, value, unit, aim: Some(aim), better: Better::Lower, peer: None });
    }
    Ok(())
}
