//! The log thread: order, grouping, fatal faults, readers and power losses beside it.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use tokengine_journal::{Disk, Head, Journal, Options, Progress, Urgency, mem::MemDisk, verify};

use crate::{batch, check, open, options, real_disk, record};

#[test]
fn every_batch_is_reported_in_order_and_none_before_it_is_durable() {
    let disk = Arc::new(MemDisk::new());
    let journal = open(&disk).expect("opened");
    let feed = journal.feed();
    let heads = Arc::new(Mutex::new(Vec::<Head>::new()));
    let mut appender = journal
        .start({
            let (heads, feed) = (Arc::clone(&heads), feed.clone());
            move |progress| match progress {
                Progress::Durable(head) => {
                    assert_eq!(feed.head(), head, "the mark moves first");
                    heads.lock().expect("no panic").push(head);
                }
                Progress::Fatal(error) => panic!("{error}"),
            }
        })
        .expect("started");
    let mut last = 0;
    for count in (1..200).map(|i| i % 5 + 1) {
        let next = appender.next_position();
        let mut buffer = appender.buffer();
        assert!(buffer.is_empty());
        (next..next + count).for_each(|position| buffer.push(&record(position)));
        last = appender.append(buffer, next, Urgency::Normal).expect("taken");
        assert_eq!(last, next + count - 1);
    }
    assert_eq!(feed.mark().wait(last).expect("open"), last);
    let head = appender.close().expect("closed");
    let heads = heads.lock().expect("no panic");
    assert!(heads.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!((heads.last(), head.position), (Some(&head), last));
    assert_eq!(check(&feed, 1), last);
    assert!(open(&disk).expect("opened").recovery().clean);
}

#[test]
fn batches_that_gather_during_a_sync_share_the_next_one() {
    let disk = Arc::new(MemDisk::new());
    let (entered, on_entered) = mpsc::sync_channel(100);
    let (release, on_release) = mpsc::sync_channel::<()>(100);
    let options = Options { queue_batches: 100, segment_bytes: 1 << 20, ..options() };
    let journal = Journal::open(disk.clone(), options).expect("opened");
    let mut appender = journal
        .start(move |progress| {
            if let Progress::Durable(head) = progress {
                entered.send(head.position).expect("listening");
                on_release.recv().expect("released");
            }
        })
        .expect("started");
    appender.append(batch(1, 1), 1, Urgency::Normal).expect("taken");
    assert_eq!(on_entered.recv().expect("durable"), 1);
    for position in 2..=50 {
        appender.append(batch(position, 1), 1, Urgency::Normal).expect("taken");
        assert!(!appender.is_idle());
    }
    release.send(()).expect("listening");
    assert_eq!(on_entered.recv().expect("durable"), 50, "one sync for all that gathered");
    release.send(()).expect("listening");
    assert_eq!(appender.close().expect("closed").position, 50);
}

#[test]
fn a_full_queue_makes_the_caller_wait() {
    let in_batches = Options { queue_batches: 2, ..options() };
    let in_bytes = Options { queue_bytes: 1024, ..options() };
    for (bound, options) in [("two batches", in_batches), ("two batches of 512 bytes", in_bytes)] {
        let (entered, on_entered) = mpsc::sync_channel(100);
        let (release, on_release) = mpsc::sync_channel::<()>(100);
        let journal = Journal::open(Arc::new(MemDisk::new()), options).expect("opened");
        let mut appender = journal
            .start(move |_| {
                entered.send(()).expect("listening");
                on_release.recv().expect("released");
            })
            .expect("started");
        appender.append(batch(1, 1), 1, Urgency::Normal).expect("taken");
        on_entered.recv().expect("durable");
        appender.append(batch(2, 1), 1, Urgency::Normal).expect("taken");
        appender.append(batch(3, 1), 1, Urgency::Normal).expect("taken");
        let (done, on_done) = mpsc::sync_channel(1);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                appender.append(batch(4, 1), 1, Urgency::Normal).expect("taken");
                done.send(appender).expect("listening");
            });
            // A queue without that bound would answer within the time.
            let early = on_done.recv_timeout(Duration::from_millis(30)).ok();
            let waited = early.is_none();
            (0..4).for_each(|_| release.send(()).expect("listening"));
            let appender = early.unwrap_or_else(|| on_done.recv().expect("taken once the thread took the queue"));
            assert!(waited, "{bound}");
            assert_eq!(appender.close().expect("closed").position, 4);
        });
    }
}

#[test]
fn a_failed_sync_is_told_to_everybody_once_and_ends_it() {
    let disk = Arc::new(MemDisk::new());
    let journal = Journal::open(disk.clone(), Options { segment_bytes: 1 << 20, reserve_bytes: 0, ..options() });
    let journal = journal.expect("opened");
    let feed = journal.feed();
    let (tell, told) = mpsc::sync_channel(100);
    let mut appender = journal
        .start(move |progress| {
            let told = match progress {
                Progress::Durable(head) => Ok(head.position),
                Progress::Fatal(error) => Err(error.code()),
            };
            tell.send(told).expect("listening");
        })
        .expect("started");
    let waiter = std::thread::spawn({
        let mark = Arc::clone(feed.mark());
        move || mark.wait(u64::MAX)
    });
    appender.append(batch(1, 2), 1, Urgency::Normal).expect("taken");
    assert_eq!(told.recv().expect("told"), Ok(2));
    // The keeper syncs too while it makes a spare; wait until it is done, so that the failure hits the log.
    while appender.space().ready_bytes < 1 << 20 {
        std::thread::yield_now();
    }
    disk.fail_sync_after(0);
    appender.append(batch(3, 1), 1, Urgency::Normal).expect("taken");
    assert_eq!(told.recv().expect("told"), Err("journal-sync-failed"));
    assert!(told.recv().is_err(), "the thread is gone");
    assert_eq!(waiter.join().expect("no panic").expect_err("ended").code(), "journal-sync-failed");
    let refused = appender.append(batch(4, 1), 1, Urgency::Essential).expect_err("ended");
    assert_eq!((refused.error.code(), refused.batch.count()), ("journal-sync-failed", 1));
    assert_eq!(feed.head().position, 2);
    assert_eq!(appender.close().expect_err("ended").code(), "journal-sync-failed");
    assert_eq!(feed.mark().ended().expect("ended").code(), "journal-sync-failed", "the close does not hide it");
}

#[test]
fn dropping_the_appender_writes_what_it_took() {
    let disk = Arc::new(MemDisk::new());
    let mut appender = open(&disk).expect("opened").start(|_| {}).expect("started");
    appender.append(batch(1, 3), 1, Urgency::Normal).expect("taken");
    drop(appender);
    let journal = open(&disk).expect("the folder is free");
    assert!(!journal.recovery().clean);
    assert_eq!(check(&journal.feed(), 1), 3);
}

#[test]
fn readers_follow_from_anywhere_while_it_is_written() {
    let (_folder, disk) = real_disk();
    let journal = Journal::open(disk.clone(), Options { segment_bytes: 64 << 10, ..options() }).expect("opened");
    let mut appender = journal.start(|_| {}).expect("started");
    let feed = appender.feed().clone();
    let last = 3000;
    std::thread::scope(|scope| {
        for start in [1, 2, 777, 1500, 2999] {
            let mut reader = feed.reader(start);
            scope.spawn(move || {
                let mut next = start;
                while next <= last {
                    assert!(reader.wait(Duration::from_secs(60)).expect("open"), "nothing came");
                    while let Some(found) = reader.next_record().expect("reads") {
                        assert_eq!((found.position, found.bytes), (next, &record(next)[..]));
                        next += 1;
                    }
                }
            });
        }
        let shared: Arc<dyn Disk> = disk.clone();
        scope.spawn(move || {
            // Another process may verify at any time; a batch half written is no damage.
            for _ in 0..5 {
                verify(&shared, &mut |_| {}).expect("whole");
            }
        });
        while appender.next_position() <= last {
            let next = appender.next_position();
            let batch = batch(next, (next % 4 + 1).min(last + 1 - next));
            appender.append(batch, 1, Urgency::Normal).expect("taken");
        }
    });
    assert_eq!(appender.close().expect("closed").position, last);
}

#[test]
fn power_losses_under_the_log_thread_lose_nothing_acknowledged() {
    let disk = Arc::new(MemDisk::new());
    let mut acknowledged = 0;
    for round in 0..60 {
        let journal = open(&disk).expect("recovers");
        let there = check(&journal.feed(), 1);
        assert!(there >= acknowledged, "round {round}: {acknowledged} acknowledged, {there} there");
        let mut appender = journal.start(|_| {}).expect("started");
        disk.fail_power_after(round * 7 % 50);
        for count in (1..10).cycle() {
            if appender.append(batch(appender.next_position(), count), 1, Urgency::Normal).is_err() {
                break;
            }
        }
        acknowledged = appender.feed().head().position;
        drop(appender);
        disk.lose_power(round);
    }
    assert!(acknowledged > 0);
}
