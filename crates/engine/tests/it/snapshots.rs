//! A snapshot saves time and changes nothing; one that is not right is not used.

use crate::world::*;
use std::thread;
use tokengine_core::*;
use tokengine_engine::{Lane, Options};
use tokengine_journal::{Disk, mem::MemDisk};

fn often(options: &mut Options) {
    options.snapshot_every = 100;
}

fn snapshots(disk: &MemDisk) -> Vec<String> {
    let mut names = disk.list().expect("listed");
    names.retain(|name| name.starts_with("snapshot-"));
    names.sort();
    names
}

/// A closed engine with so many snapshots made, and its digest and end.
fn busy(disk: MemDisk, made: u64) -> (MemDisk, [u8; 32], u64) {
    let world = World::with(disk, often);
    let handle = world.handle();
    found(&handle, 1 << 60, 3);
    let mut number = 0;
    while handle.health().snapshots_made < made {
        number += 1;
        let to = AccountIx(1 + u32::try_from(number % 3).expect("small"));
        submit(&handle, transfer(number, HOUSE, to, u128::from(number))).expect("enough");
        assert!(handle.health().snapshot_error.is_none(), "{:?}", handle.health().snapshot_error);
    }
    let live = digest(&handle);
    (world.disk, live, world.engine.stop().expect("stopped").position)
}

/// Case I7: the same events are the same state.
#[test]
fn snapshot_and_rest_are_the_same_as_all_of_it() {
    let (disk, live, end) = busy(MemDisk::new(), 3);
    let names = snapshots(&disk);
    assert_eq!(names.len(), 2, "older ones are removed");
    let world = World::with(disk, |options| options.seed = 99);
    let opened = world.engine.opened().clone();
    assert_eq!(opened.snapshot.map(|position| format!("snapshot-{:020}", position.0)), names.last().cloned());
    assert_eq!(opened.replayed, end - opened.snapshot.expect("used").0);
    assert!(opened.unusable.is_empty());
    assert_eq!(digest(&world.handle()), live);
    world.engine.stop().expect("stopped");

    for name in names {
        world.disk.remove(&name).expect("removed");
    }
    let world = World::with(world.disk, |_| {});
    assert_eq!((world.engine.opened().snapshot, world.engine.opened().replayed), (None, end));
    assert_eq!(digest(&world.handle()), live);
}

#[test]
fn a_damaged_snapshot_costs_time_and_nothing_else() {
    let (disk, live, end) = busy(MemDisk::new(), 3);
    let names = snapshots(&disk);
    let mut expected = vec![Some(names[0].clone()), None];
    for damaged in names.iter().rev() {
        let len = disk.bytes(damaged).expect("there").len();
        disk.flip(damaged, len / 2, 0x10).expect("flipped");
        let world = World::with(disk.clone(), |_| {});
        let opened = world.engine.opened();
        let used = opened.snapshot.map(|position| format!("snapshot-{:020}", position.0));
        assert_eq!(used, expected.remove(0));
        assert!(opened.unusable.iter().all(|error| error.code() == "snapshot-unusable"));
        assert!(opened.unusable[0].to_string().contains("checksum"), "{}", opened.unusable[0]);
        assert_eq!(opened.replayed, end - opened.snapshot.unwrap_or_default().0);
        assert_eq!(digest(&world.handle()), live);
        world.engine.stop().expect("stopped");
    }
}

#[test]
fn a_snapshot_of_another_journal_is_refused() {
    let (disk, live, _) = busy(MemDisk::new(), 1);
    let strange = {
        let world = World::with(MemDisk::new(), |options| {
            often(options);
            options.journal.genesis = [9; 32].into();
        });
        let handle = world.handle();
        found(&handle, 5, 1);
        for number in 0.. {
            if handle.health().snapshots_made > 0 {
                break;
            }
            submit(&handle, open_account(&format!("strange-{number}"))).expect("opened");
        }
        world.engine.stop().expect("stopped");
        let name = snapshots(&world.disk).pop().expect("made");
        world.disk.bytes(&name).expect("there")
    };
    // It takes the place of ours; its checksum is good.
    for name in snapshots(&disk) {
        let file = disk.create(&name).expect("emptied");
        file.write_at(&strange, 0).expect("written");
    }
    let world = World::with(disk, |_| {});
    assert_eq!(world.engine.opened().snapshot, None);
    assert!(!world.engine.opened().unusable.is_empty());
    assert_eq!(digest(&world.handle()), live);
}

#[test]
fn sealed_segments_are_copied_and_can_be_started_from() {
    let archive = tempfile::tempdir().expect("a folder");
    let disk = MemDisk::new();
    let change = |options: &mut Options| options.archive = Some(archive.path().join("archive"));
    let world = World::with(disk, change);
    let handle = world.handle();
    found(&handle, 1 << 60, 1);
    for round in 0..8_u64 {
        let moves = (0..500).map(|i| transfer(round * 500 + i, HOUSE, AccountIx(1), 1)).collect();
        handle.submit_many_blocking(Lane::Client, moves).expect("it runs");
    }
    while handle.health().archived == 0 {
        thread::yield_now();
    }
    let health = handle.health();
    assert!(health.archive_error.is_none(), "{:?}", health.archive_error);
    world.engine.stop().expect("stopped");
    let copy = tokengine_journal::FileDisk::new(archive.path().join("archive")).expect("there");
    let copy: std::sync::Arc<dyn Disk> = std::sync::Arc::new(copy);
    let verified = tokengine_journal::verify(&copy, &mut |_| {}).expect("whole");
    assert!(verified.head.position > 500, "{verified:?}");
}
