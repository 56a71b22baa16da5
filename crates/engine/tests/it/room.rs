//! A full disk: new work is refused, work under way goes on, and all goes on when there is room.

use crate::world::*;
use std::thread;
use tokengine_core::*;
use tokengine_engine::{Error, Lane};
use tokengine_journal::mem::MemDisk;

#[test]
fn a_full_disk_refuses_new_work_and_finishes_what_is_under_way() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 1 << 60, 1);
    world.disk.set_capacity(Some(world.disk.used_bytes()));
    let mut accepted = 0;
    let full = loop {
        match submit(&handle, transfer(accepted, HOUSE, AccountIx(1), 1)) {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 10_000, "the disk never fills");
    };
    assert_eq!((full.code(), full.is_transient()), ("disk-full", true));
    let Error::Refused(refused) = full else { panic!("it is an answer") };
    assert_eq!((refused.rejection, refused.position), (Rejection::DiskFull, None));
    assert!(handle.health().disk_full && handle.health().alive);

    let freeze = |frozen| Command::FreezeAccount { account: AccountIx(1), frozen, reason: "looks odd".into() };
    let mixed = vec![freeze(true), transfer(accepted, HOUSE, AccountIx(1), 1), freeze(false)];
    let answers = handle.submit_many_blocking(Lane::Worker, mixed).expect("it runs");
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1].expect_err("no room").rejection, Rejection::DiskFull);

    // The reserve ends too, and that is an answer as well.
    let mut frozen = true;
    while handle.submit_blocking(Lane::Worker, freeze(frozen)).is_ok() {
        frozen = !frozen;
    }
    assert_eq!(handle.submit_blocking(Lane::Worker, freeze(frozen)).expect_err("full").code(), "disk-full");

    world.disk.set_capacity(None);
    while handle.health().disk_full {
        thread::yield_now();
    }
    submit(&handle, transfer(accepted, HOUSE, AccountIx(1), 1)).expect("there is room");
    assert_eq!(free(&handle, AccountIx(1)), u128::from(accepted) + 1);
    let live = digest(&handle);
    world.engine.stop().expect("stopped");
    let world = World::with(world.disk, |_| {});
    assert_eq!(digest(&world.handle()), live);
}

#[test]
fn an_event_larger_than_a_segment_is_refused_and_harms_nothing() {
    let world = World::with(MemDisk::new(), |options| options.max_batch = 3);
    let handle = world.handle();
    found(&handle, 100, 1);
    let of =
        |bytes: usize| Command::FreezeAccount { account: AccountIx(1), frozen: true, reason: "x".repeat(bytes).into() };
    let segment = usize::try_from(SEGMENT).expect("small");
    assert_eq!(submit(&handle, of(segment)).expect_err("too large").code(), "too-many");
    submit(&handle, transfer(1, HOUSE, AccountIx(1), 1)).expect("it goes on");
    submit(&handle, of(segment - 2_000)).expect("just fits");
    assert!(handle.query_blocking(|state| state.is_frozen(AccountIx(1))).expect("it runs"));
}
