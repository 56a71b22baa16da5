//! The journal through its public face, on real files and on a disk that fails.

mod append;
mod copies;
mod corruption;
mod crash;
mod format;
mod full_disk;
mod log_thread;

use std::sync::Arc;

use tokengine_journal::{Batch, Disk, Error, Feed, FileDisk, Journal, Options, mem::MemDisk};

/// Segments so small that every test crosses their borders.
const SEGMENT: u64 = 8 << 10;

fn options() -> Options {
    Options { segment_bytes: SEGMENT, reserve_bytes: SEGMENT, ..Options::new([0xab; 32].into()) }
}

fn open(disk: &Arc<MemDisk>) -> Result<Journal, Error> {
    Journal::open(Arc::clone(disk) as Arc<dyn Disk>, options())
}

/// A record whose bytes follow from its position, of 1 to 700 bytes.
fn record(position: u64) -> Vec<u8> {
    let len = usize::try_from(position * 37 % 700).expect("small") + 1;
    position.to_le_bytes().into_iter().cycle().take(len).collect()
}

/// A batch of the records from `first` on.
fn batch(first: u64, count: u64) -> Batch {
    let mut batch = Batch::new();
    (first..first + count).for_each(|position| batch.push(&record(position)));
    batch
}

/// Writes and syncs the next `count` records as one batch.
fn append(journal: &mut Journal, count: u64) -> Result<u64, Error> {
    let first = journal.head().position + 1;
    journal.write(&mut batch(first, count), 1_000 + first, tokengine_journal::Urgency::Normal)?;
    Ok(journal.sync()?.position)
}

/// Checks that the records from `from` on are exactly those that `record` gives, and returns the last position.
fn check(feed: &Feed, from: u64) -> u64 {
    let mut reader = feed.reader(from);
    let mut next = from;
    while let Some(found) = reader.next_record().expect("it reads") {
        assert_eq!((found.position, found.bytes), (next, &record(next)[..]));
        next += 1;
    }
    next - 1
}

fn real_disk() -> (tempfile::TempDir, Arc<FileDisk>) {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Arc::new(FileDisk::new(folder.path().join("journal")).expect("a disk"));
    (folder, disk)
}
