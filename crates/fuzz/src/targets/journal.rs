//! A segment file: verified, opened, recovered and read back, with checksums mended so that mutants come through them.

use std::sync::Arc;

use tokengine_journal::mem::MemDisk;
use tokengine_journal::{BLOCK_BYTES, Batch, Disk, Error, Journal, Options, Progress, Urgency, verify};

use super::state::records;
use crate::Target;

const GENESIS: [u8; 32] = [7; 32];
const NAME: &str = "00000000000000000001.seg";
const SEGMENT: u64 = 16 << 10;
const BLOCK: usize = 512;

/// The first byte of an input says whether checksums are mended, the rest is the file.
pub(super) struct Segment {
    example: Vec<u8>,
}

fn options() -> Options {
    Options { segment_bytes: SEGMENT, reserve_bytes: 0, ..Options::new(GENESIS.into()) }
}

impl Segment {
    pub(super) fn new() -> Self {
        let disk = MemDisk::new();
        let journal = Journal::open(Arc::new(disk.clone()), options()).expect("an empty disk");
        let mark = journal.feed();
        let mut appender =
            journal.start(|progress| assert!(matches!(progress, Progress::Durable(_)))).expect("a thread");
        let mut last = 0;
        for records in records().chunks(2) {
            let mut batch = Batch::new();
            records.iter().for_each(|record| batch.push(record));
            last = appender.append(batch, 1_700_000_000_000, Urgency::Normal).expect("there is room");
        }
        mark.mark().wait(last).expect("durable");
        let bytes = disk.bytes(NAME).expect("the first segment");
        // The zeros behind it are not worth mutating.
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1).next_multiple_of(BLOCK);
        Self { example: bytes[..used].to_vec() }
    }
}

impl Target for Segment {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        [0, 1].map(|mended| [&[mended][..], &self.example].concat()).to_vec()
    }

    fn words(&self) -> &'static [&'static str] {
        &["TKJB", "TKJS", "TKJC"]
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        let Some((mended, file)) = input.split_first() else { return "nothing".to_owned() };
        let mut file = file.to_vec();
        if mended % 2 == 1 {
            mend(&mut file);
        }
        let memory = MemDisk::new();
        memory.create(NAME).and_then(|made| made.write_at(&file, 0)).expect("there is room");
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let verified = verify(&disk, &mut |_| {});
        assert!(memory.bytes(NAME).is_ok_and(|now| now == file), "looking changes nothing");
        let opened = Journal::open(Arc::clone(&disk), options());
        match (&verified, &opened) {
            (Ok(verified), Ok(journal)) => {
                assert_eq!(verified.head, journal.head(), "both see the same end");
                let mut reader = journal.feed().reader(1);
                let mut position = 0;
                while let Some(record) = reader.next_record().expect("what was verified can be read") {
                    position += 1;
                    assert_eq!(record.position, position);
                }
                assert_eq!(position, journal.head().position);
                // What was cut is gone, and what is left is whole.
                let again = verify(&disk, &mut |_| {}).expect("a journal that was opened is whole");
                assert!(again.head == verified.head && again.cut.is_none());
                format!("{} records, cut: {:?}", position, verified.cut.as_ref().map(|cut| cut.reason))
            }
            (Err(one), Err(other)) => {
                assert!(memory.bytes(NAME).is_ok_and(|now| now == file), "what is refused is not changed");
                format!("{} {}", reason(one), reason(other))
            }
            (one, other) => {
                panic!("verify says {:?}, open says {:?}", one.as_ref().map(drop), other.as_ref().map(drop))
            }
        }
    }
}

fn reason(error: &Error) -> &str {
    match error {
        Error::Corrupt { reason, .. } => reason,
        error => error.code(),
    }
}

/// Makes the checksums and the chain of hashes right again, as far as there are batches: as `docs/formats.md` has it.
fn mend(file: &mut [u8]) {
    assert_eq!(BLOCK_BYTES, 512);
    let Some(head) = file.get_mut(..BLOCK) else { return };
    let sum = crc32fast::hash(&head[..80]);
    head[80..84].copy_from_slice(&sum.to_le_bytes());
    let seed = crc32fast::hash(&head[16..48]);
    let mut previous: [u8; 32] = head[48..80].try_into().expect("32 bytes");
    let mut at = BLOCK;
    while let Some(header) = file.get_mut(at..at + 80) {
        if header[..4] != *b"TKJB" {
            return;
        }
        header[40..72].copy_from_slice(&previous);
        let mut sum = crc32fast::Hasher::new_with_initial(seed);
        sum.update(&header[..76]);
        header[76..80].copy_from_slice(&sum.finalize().to_le_bytes());
        let payload = u32::from_le_bytes(header[36..40].try_into().expect("4 bytes"));
        let Ok(end) = usize::try_from(payload).map(|payload| at + 80 + payload) else { return };
        let Some(hashed) = file.get(at..end) else { return };
        previous = *blake3::hash(hashed).as_bytes();
        let Some(place) = file.get_mut(end..end + 32) else { return };
        place.copy_from_slice(&previous);
        at = (end + 32).next_multiple_of(BLOCK);
    }
}
