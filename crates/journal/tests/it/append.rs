//! Appending, reading back, opening again.

use std::{sync::Arc, time::Duration};

use tokengine_journal::{Batch, Disk, Error, Feed, Journal, Urgency, mem::MemDisk, verify};

use crate::{append, batch, check, open, options, real_disk, record};

#[test]
fn what_was_appended_reads_back_from_any_position_and_after_opening_again() {
    let (_folder, disk) = real_disk();
    let mut journal = Journal::open(disk.clone(), options()).expect("opened");
    assert!(journal.recovery().created && journal.recovery().clean);
    assert_eq!(journal.head().position, 0);
    assert_eq!(journal.head().hash, journal.genesis());
    for count in (1..60).map(|i| i % 7 + 1) {
        append(&mut journal, count).expect("appended");
    }
    let head = journal.head();
    let feed = journal.feed();
    for from in 1..=head.position + 1 {
        assert_eq!(check(&feed, from), head.position.max(from - 1));
    }
    assert_eq!(journal.close().expect("closed"), head);

    let mut journal = Journal::open(disk.clone(), options()).expect("opened again");
    assert_eq!(journal.head(), head);
    let recovery = journal.recovery();
    assert!(recovery.clean && !recovery.created && recovery.cut.is_none(), "{recovery:?}");
    append(&mut journal, 5).expect("goes on");
    assert_eq!(check(&journal.feed(), 1), head.position + 5);
    drop(journal);

    let journal = Journal::open(disk, options()).expect("opened after an unclean stop");
    assert!(!journal.recovery().clean);
    assert_eq!(check(&journal.feed(), 1), head.position + 5);
}

#[test]
fn a_reader_gives_nothing_before_it_is_durable_and_goes_on_when_it_is() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    let mut reader = journal.feed().reader(1);
    assert!(reader.next_record().expect("reads").is_none());
    let mut position = 0;
    for round in 0..50 {
        position = journal.write(&mut batch(position + 1, 1 + round % 3), 5, Urgency::Normal).expect("written");
        assert!(reader.next_record().expect("reads").is_none(), "written, not durable");
        assert!(!reader.wait(Duration::ZERO).expect("open"));
        journal.sync().expect("synced");
        assert!(reader.wait(Duration::ZERO).expect("open"));
        while let Some(found) = reader.next_record().expect("reads") {
            assert_eq!(found.bytes, record(found.position));
        }
        assert_eq!(reader.next_position(), position + 1);
    }
    drop(journal);
    assert_eq!(reader.wait(Duration::from_secs(60)).expect_err("no more will come").code(), "journal-closed");
}

#[test]
fn batches_keep_their_borders_and_times() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    journal.write(&mut batch(1, 3), 77, Urgency::Normal).expect("written");
    journal.write(&mut batch(4, 2), 78, Urgency::Normal).expect("written");
    let head = journal.sync().expect("synced");

    let mut reader = journal.feed().reader(2);
    let first = reader.next_batch().expect("reads").expect("there");
    assert_eq!((first.first, first.count, first.time_ms), (2, 2, 77), "it starts where it was asked to");
    assert_eq!(first.records().map(|r| r.position).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(reader.next_record().expect("reads").expect("there").position, 4);
    let rest = reader.next_batch().expect("reads").expect("there");
    assert_eq!((rest.first, rest.count, rest.time_ms, rest.hash), (5, 1, 78, head.hash), "what was left of it");
    assert_eq!(rest.records().next().expect("one").bytes, record(5));
    assert!(reader.next_batch().expect("reads").is_none());
}

#[test]
fn a_batch_takes_encoded_records_and_refuses_others() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    let mut batch = Batch::new();
    batch.push_with(|buf| buf.extend_from_slice(b"one"));
    for (count, payload) in [(1, &b"\x05\0\0\0abc"[..]), (2, b"\x01\0\0\0a"), (1, b"\x01\0\0\0a\0"), (1, b"\x01\0")] {
        assert_eq!(batch.push_encoded(count, payload).expect_err("not that").code(), "journal-payload-mismatch");
    }
    batch.push_encoded(2, b"\x03\0\0\0two\0\0\0\0").expect("two records, one of them empty");
    assert_eq!((batch.count(), batch.payload_bytes()), (3, 18));
    assert_eq!(batch.disk_bytes(), Batch::disk_bytes_for(18));
    journal.write(&mut batch, 1, Urgency::Normal).expect("written");
    assert!(batch.is_empty(), "ready for the next");
    assert_eq!(journal.write(&mut batch, 1, Urgency::Normal).expect("nothing to do"), 3);
    journal.sync().expect("synced");
    let mut reader = journal.feed().reader(1);
    for (position, bytes) in [(1, &b"one"[..]), (2, b"two"), (3, b"")] {
        let found = reader.next_record().expect("reads").expect("there");
        assert_eq!((found.position, found.bytes), (position, bytes));
    }
}

#[test]
fn a_batch_larger_than_a_segment_is_refused_and_the_largest_fits() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    let mut batch = Batch::new();
    let most = 8192 - 512 - 80 - 32 - 4;
    batch.push(&vec![7; most + 1]);
    let error = journal.write(&mut batch, 1, Urgency::Essential).expect_err("too large");
    assert_eq!(error.code(), "journal-batch-too-large");
    assert_eq!(batch.count(), 1, "given back as it was");
    batch.clear();
    for _ in 0..3 {
        batch.push(&vec![7; most]);
        journal.write(&mut batch, 1, Urgency::Normal).expect("fits");
    }
    assert_eq!(journal.sync().expect("synced").position, 3);
}

#[test]
fn one_folder_has_one_writer() {
    let (_folder, disk) = real_disk();
    let journal = Journal::open(disk.clone(), options()).expect("opened");
    match Journal::open(disk.clone(), options()) {
        Err(error @ Error::Locked { holder, .. }) => {
            assert_eq!(holder, Some(std::process::id()));
            assert_eq!(error.code(), "journal-locked");
            assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        }
        other => panic!("opened twice: {other:?}"),
    }
    drop(journal);
    Journal::open(disk, options()).expect("free again");
}

#[test]
fn a_closed_journal_can_be_read_without_opening_it() {
    let disk = Arc::new(MemDisk::new());
    let shared: Arc<dyn Disk> = disk.clone();
    assert_eq!(Feed::read_only(shared.clone()).expect_err("nothing there").code(), "journal-not-found");
    let mut journal = open(&disk).expect("opened");
    for _ in 0..30 {
        append(&mut journal, 4).expect("appended");
    }
    let head = journal.close().expect("closed");
    let before = disk.operations();
    let feed = Feed::read_only(shared.clone()).expect("read");
    assert_eq!(feed.head(), head);
    assert_eq!(check(&feed, 1), 120);
    let mut last = None;
    let verified = verify(&shared, &mut |progress| last = Some(progress)).expect("whole");
    assert!(verified.closed && verified.cut.is_none());
    assert_eq!((verified.head, verified.batches), (head, 30));
    let last = last.expect("told");
    assert_eq!((last.done_bytes, last.position), (last.total_bytes, 120));
    assert_eq!(disk.operations(), before, "nothing was changed");
}

#[test]
fn options_that_cannot_work_are_refused() {
    for segment_bytes in [0, 512, 8191, 8193, 4 << 30] {
        let options = tokengine_journal::Options { segment_bytes, ..options() };
        let error = Journal::open(Arc::new(MemDisk::new()), options).expect_err("unsound");
        assert_eq!(error.code(), "journal-bad-options", "{segment_bytes}");
    }
}

#[test]
fn any_position_is_found_in_large_segments_with_and_without_an_index() {
    let disk = Arc::new(MemDisk::new());
    let options = || tokengine_journal::Options { segment_bytes: 2 << 20, ..options() };
    let mut journal = Journal::open(disk.clone(), options()).expect("opened");
    for round in 0..400 {
        append(&mut journal, [1, 50, 9][round % 3]).expect("appended");
    }
    let last = journal.close().expect("closed").position;
    let journal = Journal::open(disk.clone(), options()).expect("opened");
    let feed = journal.feed();
    let names = disk.list().expect("listed");
    assert!(names.iter().filter(|name| name.ends_with(".seg")).count() > 1, "{names:?}");
    for round in 0..2 {
        // Jumps about, so that the index is built in no order.
        for position in (0..500).map(|i| i * 6151 % last + 1) {
            let mut reader = feed.reader(position);
            for next in position..(position + 60).min(last + 1) {
                let found = reader.next_record().expect("reads").expect("there");
                assert_eq!((found.position, found.bytes), (next, &record(next)[..]), "round {round}");
            }
        }
    }
    assert_eq!(check(&feed, 1), last);
}
