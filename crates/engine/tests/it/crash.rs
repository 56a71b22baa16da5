//! Power fails at any moment, and syncs fail: what was answered is there, nothing happens twice, and a replay is equal.

use crate::world::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use tokengine_core::*;
use tokengine_engine::{Done, Error};
use tokengine_journal::mem::MemDisk;

const CUSTOMERS: u32 = 4;

/// What clients know: the answers they got.
type Answered = Arc<Mutex<BTreeMap<u64, Done>>>;

/// Every thread moves, one after the other, until the engine is gone. The number of a move tells its amount.
fn spend(world: &World, round: u64, answered: &Answered) {
    let threads: Vec<_> = (0..u64::from(CUSTOMERS))
        .map(|thread| {
            let (handle, answered) = (world.handle(), Arc::clone(answered));
            thread::spawn(move || {
                for i in 0..10_000 {
                    let number = round << 32 | thread << 16 | i;
                    match submit(&handle, numbered(number)) {
                        Ok(done) => drop(answered.lock().expect("no panic").insert(number, done)),
                        Err(Error::Refused(refused)) => panic!("{}", refused.rejection),
                        // It may have happened: the same request will tell.
                        Err(_) => return Some(number),
                    }
                }
                None
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic").expect("the power fails before they are done");
    }
}

fn numbered(number: u64) -> Command {
    let to = AccountIx(1 + u32::try_from(number >> 16 & 3).expect("two bits"));
    transfer(number, HOUSE, to, u128::from(number % 7 + 1))
}

/// Everything that was answered is there, where it was said to be.
fn check(world: &World, answered: &Answered) {
    let handle = world.handle();
    let events: BTreeMap<Position, Record> =
        handle.feed(Position(0)).ready(usize::MAX).expect("it reads").into_iter().collect();
    for (number, done) in answered.lock().expect("no panic").iter() {
        let record = events.get(&done.position).expect("what was answered is there");
        assert_eq!(record.at, done.at);
        let Event::Moved { request: found, .. } = record.event else { panic!("not a move: {record:?}") };
        assert_eq!(found, request(START, *number));
    }
    let mut replayed = State::new(3);
    for record in events.values() {
        replayed.evolve(record);
    }
    assert_eq!(replayed.digest(), digest(&handle), "a replay of the feed ends in the live state");
    handle.query_blocking(State::check_books).expect("it runs").expect("the books balance");
}

#[test]
fn what_was_answered_survives_power_loss_at_any_moment() {
    for seed in 0..12_u64 {
        let disk = MemDisk::new();
        let answered = Answered::default();
        let world = World::with(disk.clone(), |_| {});
        found(&world.handle(), 1 << 60, CUSTOMERS);
        world.engine.stop().expect("stopped");
        for round in 1..6_u64 {
            let often = |options: &mut tokengine_engine::Options| {
                options.seed = round;
                options.snapshot_every = 40;
            };
            let world = World::with(disk.clone(), often);
            check(&world, &answered);
            disk.fail_power_after(seed * 31 + round * round * 7);
            spend(&world, round, &answered);
            assert!(world.fatal.lock().expect("no panic").is_some(), "the process would be gone");
            assert!(world.engine.stop().is_err());
            disk.lose_power(seed << 8 | round);
            // Sometimes it fails again while starting.
            disk.fail_power_after(seed + round);
            if let Ok(world) = World::open(disk.clone(), |_| {}) {
                let _ = world.engine.stop();
            }
            disk.lose_power(seed << 16 | round);
        }

        // Whoever got no answer asks again: it happens once, or had happened.
        let world = World::with(disk.clone(), |_| {});
        check(&world, &answered);
        let handle = world.handle();
        let before = free(&handle, HOUSE);
        let answers = answered.lock().expect("no panic").clone();
        for (number, done) in &answers {
            let again = submit(&handle, numbered(*number)).expect("the same answer");
            assert_eq!((again.position, again.at, again.replayed), (done.position, done.at, true));
        }
        assert_eq!(free(&handle, HOUSE), before, "nothing happened twice");
        world.engine.stop().expect("stopped");
    }
}

#[test]
fn a_failed_sync_stops_the_engine_before_anybody_is_answered() {
    for syncs in 0..12 {
        let disk = MemDisk::new();
        let world = World::with(disk.clone(), |_| {});
        found(&world.handle(), 1 << 60, CUSTOMERS);
        let answered = Answered::default();
        disk.fail_sync_after(syncs);
        spend(&world, 1, &answered);
        let fatal = world.fatal.lock().expect("no panic").clone();
        // It may have been the sync of a segment that is made ahead.
        assert!(matches!(fatal.as_deref(), Some("journal-sync-failed" | "journal-io")), "{fatal:?}");
        let handle = world.handle();
        assert!(!handle.health().alive && handle.health().fatal.is_some());
        assert!(matches!(submit(&handle, open_account("late")), Err(Error::Fatal { .. })));
        assert!(matches!(handle.query_blocking(|_| ()), Err(Error::Fatal { .. })), "nobody sees what may not be");
        assert!(handle.feed(handle.health().durable).next_blocking(1).is_err());
        assert!(world.engine.stop().is_err());
        disk.lose_power(syncs);

        let world = World::with(disk, |_| {});
        check(&world, &answered);
    }
}

#[test]
fn a_question_waits_until_what_it_saw_is_durable() {
    let disk = MemDisk::new();
    let world = World::with(disk.clone(), |_| {});
    let handle = world.handle();
    found(&handle, 1 << 60, CUSTOMERS);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let answered = Answered::default();
    let asker = thread::spawn({
        let (handle, seen) = (handle.clone(), Arc::clone(&seen));
        move || {
            while let Ok(position) = handle.query_blocking(State::position) {
                assert!(position.0 <= handle.journal().mark().position());
                seen.lock().expect("no panic").push(position);
            }
        }
    });
    disk.fail_power_after(400);
    spend(&world, 1, &answered);
    asker.join().expect("no panic");
    assert!(world.engine.stop().is_err());
    disk.lose_power(77);
    let world = World::with(disk, |_| {});
    let end = world.handle().health().durable;
    let seen = seen.lock().expect("no panic");
    assert!(seen.iter().all(|position| *position <= end), "nobody saw what is not there");
    assert!(!seen.is_empty());
}
