//! Power losses, kills and failed syncs at every moment: what was acknowledged survives, nothing else appears.

use std::sync::Arc;

use proptest::prelude::*;
use tokengine_journal::{Batch, Disk, Error, Journal, Urgency, mem::MemDisk, verify};

use crate::{SEGMENT, append, batch, check, open, options};

#[derive(Clone, Debug)]
enum Act {
    Write { records: usize, bytes: usize },
    Sync,
    Close,
    Drop,
    Kill,
    LosePower { seed: u64 },
    FailPowerAfter { operations: u64 },
    FailSyncAfter { syncs: u64 },
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (1..6usize, 0..900usize).prop_map(|(records, bytes)| Act::Write { records, bytes }),
        6 => Just(Act::Sync),
        1 => Just(Act::Close),
        1 => Just(Act::Drop),
        1 => Just(Act::Kill),
        1 => any::<u64>().prop_map(|seed| Act::LosePower { seed }),
        2 => (0..40u64).prop_map(|operations| Act::FailPowerAfter { operations }),
        1 => (0..6u64).prop_map(|syncs| Act::FailSyncAfter { syncs }),
    ]
}

/// A journal on a bad disk, beside what it must hold.
struct World {
    disk: Arc<MemDisk>,
    journal: Option<Journal>,
    /// All records written in this line of history, durable or not.
    written: Vec<Vec<u8>>,
    /// So many of them were acknowledged.
    acknowledged: usize,
    /// Goes into every record, so that one from a line that was cut off is recognised.
    life: u64,
    seed: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let disk = Arc::new(MemDisk::new());
        let journal = Some(open(&disk).expect("an empty disk"));
        Self { disk, journal, written: Vec::new(), acknowledged: 0, life: 0, seed }
    }

    fn act(&mut self, act: &Act) {
        let Some(journal) = &mut self.journal else { return self.recover() };
        let result = match *act {
            Act::Write { records, bytes } => {
                let mut batch = Batch::new();
                for i in 0..records {
                    let mut record = vec![i as u8; bytes];
                    record.extend_from_slice(
                        &[self.life.to_le_bytes(), (self.written.len() as u64).to_le_bytes()].concat(),
                    );
                    batch.push(&record);
                    self.written.push(record);
                }
                let last = journal.write(&mut batch, 9, Urgency::Normal);
                last.map(|last| assert_eq!(last, self.written.len() as u64))
            }
            Act::Sync => journal.sync().map(|head| self.acknowledged = usize::try_from(head.position).expect("small")),
            Act::Close => {
                let journal = self.journal.take().expect("just seen");
                journal.close().map(|head| self.acknowledged = usize::try_from(head.position).expect("small"))
            }
            Act::Drop => return self.journal = None,
            Act::Kill => {
                self.disk.kill_process();
                return self.journal = None;
            }
            Act::LosePower { seed } => {
                self.disk.lose_power(seed);
                return self.journal = None;
            }
            Act::FailPowerAfter { operations } => return self.disk.fail_power_after(operations),
            Act::FailSyncAfter { syncs } => return self.disk.fail_sync_after(syncs),
        };
        if let Err(error) = result {
            assert_ne!(error.code(), "journal-corrupt");
            if let Some(journal) = &mut self.journal {
                journal.sync().expect_err("a failed journal takes no more");
                let durable = usize::try_from(journal.feed().head().position).expect("small");
                assert!((self.acknowledged..=self.written.len()).contains(&durable));
                self.acknowledged = durable; // a roll inside a write may have made part of it durable
            }
            self.journal = None;
        }
    }

    /// Opens again, through as many failures as it takes, and compares.
    fn recover(&mut self) {
        let shared: Arc<dyn Disk> = self.disk.clone();
        let mut attempts = 0;
        let journal = loop {
            attempts += 1;
            assert!(attempts < 10, "nothing fails any more, and still it does not open");
            match open(&self.disk) {
                Ok(journal) => break journal,
                Err(Error::Corrupt { file, offset, reason }) => panic!("{file} {offset} {reason}"),
                Err(_) => {
                    self.seed = self.seed.wrapping_mul(31).wrapping_add(7);
                    // After a failed sync the process dies and the system stays, as a failed power takes both.
                    if self.disk.list().is_ok() {
                        self.disk.kill_process()
                    } else {
                        self.disk.lose_power(self.seed)
                    }
                    let verified = verify(&shared, &mut |_| {});
                    assert!(!matches!(verified, Err(Error::Corrupt { .. })), "{verified:?}");
                }
            }
        };
        let head = usize::try_from(journal.head().position).expect("small");
        assert!(head >= self.acknowledged, "{} were acknowledged, {head} are there", self.acknowledged);
        assert!(head <= self.written.len(), "{} were written, {head} are there", self.written.len());
        let mut reader = journal.feed().reader(1);
        for (i, expected) in self.written[..head].iter().enumerate() {
            match reader.next_record() {
                Ok(found) => assert_eq!(found.expect("there").bytes, expected, "position {}", i + 1),
                Err(_) => return, // the power may fail under the reader too; the next round compares again
            }
        }
        self.written.truncate(head);
        self.acknowledged = head;
        self.life += 1;
        self.journal = Some(journal);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn what_was_acknowledged_survives_any_schedule(acts in prop::collection::vec(any_act(), 1..120), seed: u64) {
        let mut world = World::new(seed);
        acts.iter().for_each(|act| world.act(act));
        world.disk.lose_power(seed);
        world.journal = None;
        while world.journal.is_none() {
            world.recover();
        }
    }
}

/// One script, with the power failing at every single operation of it, and again during the recovery.
#[test]
fn the_power_may_fail_at_every_operation() {
    let script = |disk: &Arc<MemDisk>, acknowledged: &mut u64| -> Result<(), Error> {
        for life in 0..2 {
            let mut journal = open(disk)?;
            for count in [1, 4, 2, 15, 1, 10, 12] {
                *acknowledged = append(&mut journal, count + life)?;
            }
            if life == 0 {
                journal.close()?;
            }
        }
        Ok(())
    };
    let quiet = Arc::new(MemDisk::new());
    script(&quiet, &mut 0).expect("nothing fails");
    let operations = quiet.operations();
    assert!(operations > 50, "{operations}");
    for at in 0..operations {
        for seed in [at, at + 1_000_003, at + 7_000_003] {
            let disk = Arc::new(MemDisk::new());
            let mut acknowledged = 0;
            disk.fail_power_after(at);
            script(&disk, &mut acknowledged).expect_err("the power fails");
            disk.lose_power(seed);
            disk.fail_power_after(at % 13);
            let journal = open(&disk).or_else(|_| {
                disk.lose_power(seed + 1);
                open(&disk)
            });
            let journal = journal.expect("recovers");
            let there = check(&journal.feed(), 1);
            assert!(there >= acknowledged, "power at {at}, seed {seed}: {acknowledged} acknowledged, {there} there");
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_taken_and_the_next_process_saves_what_reads_back() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    append(&mut journal, 3).expect("appended");
    journal.write(&mut batch(4, 2), 1, Urgency::Normal).expect("written");
    disk.fail_sync_after(0);
    assert_eq!(journal.sync().expect_err("as told").code(), "journal-sync-failed");
    assert_eq!(journal.sync().expect_err("never asked again").code(), "journal-sync-failed");
    let error = journal.write(&mut batch(6, 1), 1, Urgency::Normal).expect_err("closed to writes");
    assert_eq!(error.code(), "journal-sync-failed");
    assert_eq!(journal.feed().head().position, 3);
    assert_eq!(journal.feed().mark().wait(4).expect_err("never").code(), "journal-sync-failed");
    drop(journal);

    disk.kill_process();
    let journal = open(&disk).expect("opened");
    assert_eq!(journal.head().position, 5, "it read back, so it counts");
    // Everything that counts now must be on the medium, though the kernel believed the old pages to be written.
    disk.lose_power(4);
    drop(journal);
    assert_eq!(check(&open(&disk).expect("opened").feed(), 1), 5);
}

#[test]
fn a_clean_stop_spares_the_rewrite_and_any_other_stop_does_not() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    append(&mut journal, 3).expect("appended");
    journal.close().expect("closed");
    let journal = open(&disk).expect("opened");
    assert!(journal.recovery().clean);
    drop(journal); // without a record, but also without a close
    let journal = open(&disk).expect("opened");
    assert!(!journal.recovery().clean && journal.recovery().cut.is_none());
    journal.close().expect("closed");
    assert!(open(&disk).expect("opened").recovery().clean);
}

#[test]
fn a_segment_size_may_change_between_runs() {
    let disk = Arc::new(MemDisk::new());
    let mut last = 0;
    for segment_bytes in [2 * SEGMENT, SEGMENT, 4 * SEGMENT, SEGMENT / 2] {
        let options = tokengine_journal::Options { segment_bytes, ..options() };
        let mut journal = Journal::open(disk.clone(), options).expect("opened");
        for _ in 0..12 {
            last = append(&mut journal, 3).expect("appended");
        }
        drop(journal);
        disk.lose_power(last);
    }
    assert_eq!(check(&open(&disk).expect("opened").feed(), 1), last);
}
