//! The yardstick: what a prototype of an afternoon does with the same moves on the same disk. It has balances in a table,
//! a set of request keys, a hash chain and a log that is written by a second thread while the next batch is applied. It
//! has no accounts' names, no rules, no stored answers, no recovery.

use crate::world::{BATCH, Dice};
use std::collections::HashSet;
use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

const RECORD: usize = 64;

#[derive(Clone, Copy)]
struct Move {
    key: u128,
    amount: u128,
    from: u32,
    to: u32,
}

pub(crate) struct Prototype {
    balances: Vec<(u128, u128)>,
    keys: HashSet<u128, foldhash::fast::RandomState>,
    dice: Dice,
    path: PathBuf,
    file: File,
}

impl Prototype {
    pub(crate) fn new(folder: &Path, accounts: u32) -> Result<Self, Box<dyn Error>> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("prototype");
        Ok(Self {
            balances: vec![(1 << 60, 0); accounts as usize],
            keys: HashSet::default(),
            dice: Dice::new(1 << 30),
            file: File::create(&path)?,
            path,
        })
    }

    /// Two buffers: one is written and synced while the other is filled. Moves a second.
    pub(crate) fn run(&mut self, batches: usize) -> Result<f64, Box<dyn Error>> {
        let bytes = (BATCH * RECORD + 32).next_multiple_of(4096);
        for batch in 0..batches {
            self.file.write_all_at(&vec![0; bytes], (batch * bytes) as u64)?;
        }
        self.file.sync_all()?;
        let file = self.file.try_clone()?;
        let (full, to_write) = sync_channel::<Vec<u8>>(1);
        let (empty, to_fill) = sync_channel::<Vec<u8>>(2);
        for _ in 0..2 {
            empty.send(Vec::with_capacity(bytes))?;
        }
        let start = Instant::now();
        let log = thread::spawn(move || -> std::io::Result<()> {
            let mut hash = [0; 32];
            for (at, mut buffer) in to_write.into_iter().enumerate() {
                buffer.extend_from_slice(&hash);
                hash = *blake3::hash(&buffer).as_bytes();
                file.write_all_at(&buffer, (at * bytes) as u64)?;
                file.sync_data()?;
                buffer.clear();
                let _ = empty.send(buffer);
            }
            Ok(())
        });
        for _ in 0..batches {
            let moves: Vec<Move> = (0..BATCH).map(|_| self.roll()).collect();
            let mut buffer = to_fill.recv()?;
            moves.iter().for_each(|one| self.apply(one, &mut buffer));
            full.send(buffer)?;
        }
        drop(full);
        log.join().map_err(|_| "the log panicked")??;
        Ok((batches * BATCH) as f64 / start.elapsed().as_secs_f64())
    }

    fn roll(&mut self) -> Move {
        let accounts = u32::try_from(self.balances.len()).unwrap_or(u32::MAX);
        let from = self.dice.below(accounts);
        let to = (from + 1 + self.dice.below(accounts - 1)) % accounts;
        let key = u128::from(self.dice.next()) << 64 | u128::from(self.dice.next());
        Move { key, amount: u128::from(1 + self.dice.below(1000)), from, to }
    }

    fn apply(&mut self, one: &Move, buffer: &mut Vec<u8>) {
        let Move { key, amount, from, to } = *one;
        assert!(self.keys.insert(key), "keys are random");
        let left = self.balances[from as usize].0.checked_sub(amount).expect("it has more than it can lose");
        self.balances[from as usize].0 = left;
        self.balances[to as usize].0 += amount;
        let mut record = [0; RECORD];
        record[..16].copy_from_slice(&key.to_le_bytes());
        record[16..32].copy_from_slice(&amount.to_le_bytes());
        record[32..36].copy_from_slice(&from.to_le_bytes());
        record[36..40].copy_from_slice(&to.to_le_bytes());
        buffer.extend_from_slice(&record);
    }
}

impl Drop for Prototype {
    fn drop(&mut self) {
        // The folder is removed after the run anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}
