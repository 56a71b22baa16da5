//! Archives and backups of a running journal, and the way back.

use std::sync::Arc;

use tokengine_journal::{Disk, Error, Feed, FileDisk, Journal, Urgency, mem::MemDisk, restore, verify};

use crate::{append, batch, check, open, options, real_disk};

fn mem() -> (Arc<MemDisk>, Arc<dyn Disk>) {
    let disk = Arc::new(MemDisk::new());
    (disk.clone(), disk)
}

fn quiet_restore(from: &Arc<dyn Disk>, to: &Arc<dyn Disk>) -> Result<tokengine_journal::Backup, Error> {
    restore(from, to, &mut |_| {}, &mut |_, _| {})
}

#[test]
fn sealed_segments_are_archived_once_and_the_archive_is_a_journal() {
    let (_folder, disk) = real_disk();
    let (_folder, archive) = real_disk();
    let archive: Arc<dyn Disk> = archive;
    let mut journal = Journal::open(disk, options()).expect("opened");
    let mut copies = 0;
    for _ in 0..40 {
        append(&mut journal, 4).expect("appended");
        copies += journal.feed().archive(&archive).expect("archived");
        assert_eq!(journal.feed().archive(&archive).expect("archived"), 0, "nothing new");
    }
    assert!(copies > 5, "{copies}");
    let verified = verify(&archive, &mut |_| {}).expect("whole");
    assert_eq!(verified.segments, copies);
    assert!(verified.head.position < journal.head().position, "the active segment is not in it");
    assert_eq!(check(&Feed::read_only(archive).expect("read"), 1), verified.head.position);
}

#[test]
fn a_backup_of_a_running_journal_is_whole_and_restores() {
    let (_folder, disk) = real_disk();
    let mut appender = Journal::open(disk, options()).expect("opened").start(|_| {}).expect("started");
    let feed = appender.feed().clone();
    let folder = tempfile::tempdir().expect("a folder");
    let made = std::thread::scope(|scope| {
        let backups = scope.spawn(|| {
            let made = (0..8).map(|i| {
                let dest: Arc<dyn Disk> = Arc::new(FileDisk::new(folder.path().join(i.to_string())).expect("a disk"));
                let mut told = (0, 0);
                let backup = feed.backup(&dest, &mut |done, total| told = (done, total)).expect("made");
                assert_eq!(told, (backup.bytes, backup.bytes));
                (dest, backup)
            });
            made.collect::<Vec<_>>()
        });
        while !backups.is_finished() {
            let batch = batch(appender.next_position(), 3);
            appender.append(batch, 5, Urgency::Normal).expect("taken");
        }
        backups.join().expect("no panic")
    });
    let head = appender.close().expect("closed");
    for (dest, backup) in &made {
        assert!(backup.head.position <= head.position);
        let verified = verify(dest, &mut |_| {}).expect("whole");
        assert!(verified.closed && verified.head == backup.head, "{verified:?}");
        assert_eq!(check(&Feed::read_only(dest.clone()).expect("read"), 1), backup.head.position);
    }

    let (source, backup) = made.last().expect("some");
    let (_folder, dest) = real_disk();
    let dest: Arc<dyn Disk> = dest;
    assert_eq!(quiet_restore(source, &dest).expect("restored"), *backup);
    let mut journal = Journal::open(dest.clone(), options()).expect("opened");
    assert_eq!(journal.recovery().restored, Some(backup.head));
    append(&mut journal, 3).expect("goes on");
    assert_eq!(check(&journal.feed(), 1), backup.head.position + 3);
    drop(journal);
    let mut journal = Journal::open(dest.clone(), options()).expect("opened");
    assert_eq!(journal.recovery().restored, Some(backup.head), "until it is forgotten");
    journal.forget_restore().expect("forgotten");
    journal.close().expect("closed");
    assert_eq!(Journal::open(dest, options()).expect("opened").recovery().restored, None);
}

#[test]
fn an_empty_journal_can_be_backed_up_and_restored() {
    let (disk, _) = mem();
    let journal = open(&disk).expect("opened");
    let ((_, backup), (copy, restored)) = (mem(), mem());
    journal.feed().backup(&backup, &mut |_, _| {}).expect("made");
    quiet_restore(&backup, &restored).expect("restored");
    let journal = open(&copy).expect("opened");
    assert_eq!((journal.head().position, journal.recovery().created), (0, false));
}

#[test]
fn a_damaged_backup_is_not_restored_and_a_journal_is_not_overwritten() {
    let (disk, shared) = mem();
    let mut journal = open(&disk).expect("opened");
    for _ in 0..20 {
        append(&mut journal, 4).expect("appended");
    }
    let (bad, backup) = mem();
    journal.feed().backup(&backup, &mut |_, _| {}).expect("made");
    assert_eq!(journal.feed().backup(&backup, &mut |_, _| {}).expect_err("taken").code(), "journal-not-empty");
    assert_eq!(quiet_restore(&backup, &shared).expect_err("taken").code(), "journal-not-empty");

    let (_, dest) = mem();
    bad.flip("00000000000000000001.seg", 3000, 4).expect("there");
    assert_eq!(quiet_restore(&backup, &dest).expect_err("damaged").code(), "journal-corrupt");
    bad.flip("00000000000000000001.seg", 3000, 4).expect("there");
    quiet_restore(&backup, &dest).expect("whole again, and the folder is still free");
    let (_, nothing) = mem();
    assert_eq!(quiet_restore(&nothing, &nothing).expect_err("nothing there").code(), "journal-not-found");
}

#[test]
fn half_a_copy_is_never_taken_for_a_journal() {
    let (disk, shared) = mem();
    let mut journal = open(&disk).expect("opened");
    for _ in 0..20 {
        append(&mut journal, 4).expect("appended");
    }
    let head = journal.close().expect("closed");
    let mut whole = 0;
    for at in 0.. {
        let (copy, dest) = mem();
        copy.fail_power_after(at);
        if quiet_restore(&shared, &dest).is_ok() {
            whole = at;
            break;
        }
        copy.lose_power(at);
        // Nothing yet, unfinished, or all of it: never a journal that ends early.
        match verify(&dest, &mut |_| {}) {
            Ok(verified) => assert_eq!(verified.head, head),
            Err(Error::NotFound { .. }) => continue,
            Err(Error::Unfinished { .. }) => {
                assert_eq!(open(&copy).expect_err("unfinished").code(), "journal-copy-unfinished");
                quiet_restore(&shared, &dest).expect("again, from the start");
            }
            Err(other) => panic!("{other}"),
        }
        let journal = open(&copy).expect("opened");
        assert_eq!((journal.head(), journal.recovery().restored), (head, Some(head)));
    }
    assert!(whole > 20, "every operation was tried: {whole}");
}

#[test]
fn an_archive_takes_only_what_follows_it() {
    let (_, archive) = mem();
    let (disk, shared) = mem();
    let (copy, dest) = mem();
    let mut journal = open(&disk).expect("opened");
    let mut fork = None;
    for round in 0..20 {
        append(&mut journal, 4).expect("appended");
        if round == 10 {
            let (_, backup) = mem();
            journal.feed().backup(&backup, &mut |_, _| {}).expect("made");
            quiet_restore(&backup, &dest).expect("restored");
            fork = Some(open(&copy).expect("opened"));
        }
    }
    journal.feed().archive(&archive).expect("archived");
    // The restored one goes another way, and its segments do not follow those in the archive.
    let mut fork = fork.expect("restored");
    for _ in 0..20 {
        append(&mut fork, 5).expect("appended");
    }
    assert_eq!(fork.feed().archive(&archive).expect_err("another course").code(), "journal-foreign");
    let (other, _) = mem();
    let options = tokengine_journal::Options { genesis: [5; 32].into(), ..options() };
    let mut stranger = Journal::open(other, options).expect("opened");
    for _ in 0..40 {
        append(&mut stranger, 4).expect("appended");
    }
    assert_eq!(stranger.feed().archive(&archive).expect_err("another journal").code(), "journal-foreign");
    drop(journal);
    verify(&archive, &mut |_| {}).expect("untouched");
    verify(&shared, &mut |_| {}).expect("untouched");
}
