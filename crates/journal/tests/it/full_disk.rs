//! A full disk: new work is refused, essential work goes on, and all goes on when there is room.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokengine_journal::{Batch, Error, Journal, Options, Urgency, mem::MemDisk};

use crate::{SEGMENT, batch, check, open, options};

/// Writes batches of that urgency until one is refused, and says how many were taken.
fn fill(journal: &mut Journal, urgency: Urgency) -> u64 {
    let mut taken = 0;
    loop {
        let next = journal.head().position + 1;
        let mut batch = batch(next, 3);
        match journal.write(&mut batch, 1, urgency) {
            Ok(_) => taken += 1,
            Err(error) => {
                assert_eq!(error.code(), "disk-full");
                assert!(error.is_transient());
                assert_eq!(batch.count(), 3, "given back as it was");
                journal.sync().expect("what was taken is safe");
                return taken;
            }
        }
        assert!(taken < 10_000, "the disk was to be full");
    }
}

#[test]
fn the_reserve_is_for_essential_work_and_is_filled_again() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    disk.set_capacity(Some(8 * SEGMENT));
    assert!(fill(&mut journal, Urgency::Normal) > 5);
    let space = journal.space();
    assert!(space.disk_full && space.ready_bytes >= space.reserve_bytes, "{space:?}");
    assert!(fill(&mut journal, Urgency::Essential) >= 3, "a reserve of 8 KiB");
    assert_eq!(fill(&mut journal, Urgency::Essential), 0, "it is used up");

    disk.set_capacity(Some(8 * SEGMENT + SEGMENT));
    assert_eq!(fill(&mut journal, Urgency::Normal), 0, "the reserve comes first");
    disk.set_capacity(Some(20 * SEGMENT));
    assert!(fill(&mut journal, Urgency::Normal) > 5);
    let last = journal.head().position;
    assert_eq!(check(&journal.feed(), 1), last);
}

#[test]
fn a_full_disk_can_be_recovered_from_and_closed() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    disk.set_capacity(Some(8 * SEGMENT));
    fill(&mut journal, Urgency::Normal);
    let last = journal.head().position;
    drop(journal);
    disk.lose_power(3);
    disk.set_capacity(Some(disk.used_bytes()));
    let mut journal = open(&disk).expect("the tail is rewritten into a spare");
    assert_eq!(check(&journal.feed(), 1), last);
    fill(&mut journal, Urgency::Essential);
    let last = journal.close().expect("closed, with or without a marker").position;
    assert_eq!(check(&open(&disk).expect("opened").feed(), 1), last);
}

#[test]
fn the_log_thread_refuses_at_once_and_goes_on_by_itself_when_there_is_room() {
    let disk = Arc::new(MemDisk::new());
    let options = Options { full_disk_retry: Duration::from_millis(1), ..options() };
    let journal = Journal::open(disk.clone(), options).expect("opened");
    disk.set_capacity(Some(10 * SEGMENT));
    let mut appender = journal.start(|_| {}).expect("started");
    let take = |appender: &mut tokengine_journal::Appender, urgency| loop {
        let batch = batch(appender.next_position(), 3);
        let admitted = appender.admits(batch.disk_bytes(), urgency);
        match appender.append(batch, 1, urgency) {
            Ok(_) => admitted.expect("it was taken"),
            Err(refused) => {
                assert_eq!(refused.error.code(), "disk-full");
                assert_eq!(refused.batch.count(), 3, "given back");
                return admitted.expect_err("only refused after it said so").code();
            }
        }
    };
    assert_eq!(take(&mut appender, Urgency::Normal), "disk-full");
    let refused_at = appender.next_position();
    assert_eq!(take(&mut appender, Urgency::Essential), "disk-full");
    assert!(appender.next_position() > refused_at, "essential work went on");
    assert!(appender.space().disk_full);
    appender.feed().mark().wait(appender.next_position() - 1).expect("all that was taken is durable");

    disk.set_capacity(None);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut empty_handed = Some(batch(appender.next_position(), 3));
    while let Some(batch) = empty_handed.take() {
        empty_handed = appender.append(batch, 1, Urgency::Normal).err().map(|refused| refused.batch);
        assert!(Instant::now() < deadline, "it never went on");
        std::thread::yield_now();
    }
    let last = appender.next_position() - 1;
    let feed = appender.feed().clone();
    assert_eq!(appender.close().expect("closed").position, last);
    assert_eq!(check(&feed, 1), last);
}

#[test]
fn what_was_admitted_is_taken() {
    let disk = Arc::new(MemDisk::new());
    let mut appender = open(&disk).expect("opened").start(|_| {}).expect("started");
    disk.set_capacity(Some(30 * SEGMENT));
    let budget = 3000;
    for size in (0..2000).cycle().step_by(331) {
        match appender.admits(budget, Urgency::Normal) {
            Ok(()) => {
                let mut batch: Batch = appender.buffer();
                batch.push(&vec![1; size]);
                assert!(batch.disk_bytes() <= budget);
                appender.append(batch, 1, Urgency::Normal).expect("it was admitted");
            }
            Err(Error::DiskFull { .. }) => break,
            Err(other) => panic!("{other}"),
        }
    }
    appender.close().expect("closed");
}
