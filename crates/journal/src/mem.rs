//! A disk in memory that loses, tears and reorders what was not synced, fails syncs, fills up and rots.
//!
//! It behaves as badly as a real one may: after a failed sync the written bytes still read back, but are on no list to
//! be written any more, so that only writing them again can save them. Everything follows from the calls and the seeds
//! given, so a run can be repeated.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::disk::{Disk, DiskFile, LockError, LockGuard};

/// What a power loss tears apart: each such piece of an unsynced write survives or not by itself.
const SECTOR: usize = 512;
/// What room is counted in.
const PAGE: usize = 4096;

/// One folder in memory. Clones are the same folder.
#[derive(Clone, Default)]
pub struct MemDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: Vec<FileState>,
    /// Names as a running system sees them, and as they are on the medium.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the last sync of the folder. A power loss keeps some first part of them.
    name_ops: Vec<NameOp>,
    /// Files and locks opened before the last crash are of no use.
    epoch: u64,
    locked: bool,
    capacity: Option<u64>,
    /// Counts down with every operation that changes something; at none left, the power fails.
    operations_left: Option<u64>,
    powerless: bool,
    syncs_left: Option<u64>,
    operations: u64,
}

#[derive(Default)]
struct FileState {
    /// What a running system reads.
    cache: Vec<u8>,
    /// What is on the medium.
    medium: Vec<u8>,
    /// Writes since the last sync. One that failed counts: the system believes those pages to be written.
    pending: Vec<Write>,
    /// Which pages take room.
    pages: Vec<bool>,
}

enum Write {
    Bytes { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

enum NameOp {
    Bind { name: String, file: usize },
    Rename { from: String, to: String },
    Remove { name: String },
}

impl NameOp {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Bind { name, file } => drop(names.insert(name.clone(), *file)),
            Self::Rename { from, to } => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove { name } => drop(names.remove(name)),
        }
    }
}

impl FileState {
    fn write(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
        if target.len() < offset + bytes.len() {
            target.resize(offset + bytes.len(), 0);
        }
        target[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Puts each sector of each pending write on the medium, or not.
    fn settle(&mut self, dice: &mut Dice) {
        for write in std::mem::take(&mut self.pending) {
            match write {
                Write::Length(len) => {
                    if dice.even() {
                        self.medium.resize(len, 0);
                    }
                }
                Write::Bytes { mut offset, bytes } => {
                    // All, none or a mixture: the extremes are likely in reality, and dice alone would never show them.
                    let fate = dice.below(4);
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let len = (SECTOR - offset % SECTOR).min(rest.len());
                        if fate == 0 || (fate > 1 && dice.even()) {
                            Self::write(&mut self.medium, offset, &rest[..len]);
                        }
                        (offset, rest) = (offset + len, &rest[len..]);
                    }
                }
            }
        }
        self.cache.clone_from(&self.medium);
        self.pages = vec![true; self.medium.len().div_ceil(PAGE)];
    }
}

impl State {
    fn used(&self) -> u64 {
        let pages = self.names.values().map(|file| self.files[*file].pages.iter().filter(|used| **used).count());
        (pages.sum::<usize>() * PAGE) as u64
    }

    /// Counts one operation that changes something. `Ok(false)`: the power fails in the middle of it.
    fn operate(&mut self) -> io::Result<bool> {
        self.powered()?;
        self.operations += 1;
        match &mut self.operations_left {
            Some(0) => {
                self.powerless = true;
                Ok(false)
            }
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None => Ok(true),
        }
    }

    fn powered(&self) -> io::Result<()> {
        if self.powerless { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_names(&mut self, op: NameOp) -> io::Result<()> {
        let whole = self.operate()?;
        op.apply(&mut self.names);
        self.name_ops.push(op);
        if whole { Ok(()) } else { self.powered() }
    }

    fn restart(&mut self) {
        self.epoch += 1;
        self.locked = false;
        self.powerless = false;
        self.operations_left = None;
        self.syncs_left = None;
    }
}

/// A small generator of our own, so that a seed means the same for ever.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn even(&mut self) -> bool {
        self.next() & 1 == 0
    }
}

impl MemDisk {
    /// An empty folder without a limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on there is room for so many bytes in all; `None` for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Bytes that files take.
    pub fn used_bytes(&self) -> u64 {
        self.state().used()
    }

    /// The power fails in the middle of the operation after `operations` more that change something. Everything fails
    /// from then on, until [`MemDisk::lose_power`] brings it back.
    pub fn fail_power_after(&self, operations: u64) {
        self.state().operations_left = Some(operations);
    }

    /// The sync of a file after `syncs` more of them fails, once, and loses what it was to make durable.
    pub fn fail_sync_after(&self, syncs: u64) {
        self.state().syncs_left = Some(syncs);
    }

    /// Operations so far that changed something: to choose a moment for [`MemDisk::fail_power_after`].
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Power loss and restart: of what was not synced, `seed` decides sector by sector what survives. Open files and
    /// locks are void.
    pub fn lose_power(&self, seed: u64) {
        let mut state = self.state();
        let state = &mut *state;
        let mut dice = Dice(seed);
        let kept = dice.below(state.name_ops.len() as u64 + 1);
        for op in state.name_ops.drain(..).take(usize::try_from(kept).expect("a count of operations")) {
            op.apply(&mut state.durable_names);
        }
        state.names.clone_from(&state.durable_names);
        for (at, file) in state.files.iter_mut().enumerate() {
            if state.names.values().any(|named| *named == at) {
                file.settle(&mut dice);
            } else {
                *file = FileState::default(); // no name and no valid handle leads here any more
            }
        }
        state.restart();
    }

    /// The process is killed, the system goes on: all that was written reads back. Open files and locks are void.
    pub fn kill_process(&self) {
        self.state().restart();
    }

    /// The bytes of a file, as a running system reads them.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn bytes(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.state();
        Ok(state.files[state.file(name)?].cache.clone())
    }

    /// Rot: flips the bits of `mask` in one byte, on the medium and in memory.
    ///
    /// # Errors
    /// If there is no such file or byte.
    pub fn flip(&self, name: &str, offset: usize, mask: u8) -> io::Result<()> {
        let mut state = self.state();
        let at = state.file(name)?;
        let FileState { cache, medium, .. } = &mut state.files[at];
        *cache.get_mut(offset).ok_or(io::ErrorKind::UnexpectedEof)? ^= mask;
        if let Some(byte) = medium.get_mut(offset) {
            *byte ^= mask;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl std::fmt::Debug for MemDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemDisk").field("names", &self.state().names.keys()).finish_non_exhaustive()
    }
}

impl Disk for MemDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state();
        state.powered()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        state.powered()?;
        Ok(Arc::new(MemFile { disk: self.clone(), file: state.file(name)?, epoch: state.epoch }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.powered()?;
        let file = state.files.len();
        state.files.push(FileState::default());
        state.change_names(NameOp::Bind { name: name.to_owned(), file })?;
        Ok(Arc::new(MemFile { disk: self.clone(), file, epoch: state.epoch }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.file(from)?;
        state.change_names(NameOp::Rename { from: from.to_owned(), to: to.to_owned() })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.file(name)?;
        state.change_names(NameOp::Remove { name: name.to_owned() })
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.state();
        if !state.operate()? {
            return state.powered(); // what survives of it is decided by the power loss
        }
        let State { name_ops, durable_names, .. } = &mut *state;
        name_ops.drain(..).for_each(|op| op.apply(durable_names));
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.state();
        state.powered()?;
        Ok(state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used())))
    }

    fn lock(&self) -> Result<LockGuard, LockError> {
        let mut state = self.state();
        state.powered()?;
        if state.locked {
            return Err(LockError::Held { holder: Some(std::process::id()) });
        }
        state.locked = true;
        Ok(LockGuard::new(MemLock { disk: self.clone(), epoch: state.epoch }))
    }

    fn location(&self, name: &str) -> String {
        format!("memory:{name}")
    }
}

struct MemLock {
    disk: MemDisk,
    epoch: u64,
}

impl Drop for MemLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.epoch == self.epoch {
            state.locked = false;
        }
    }
}

struct MemFile {
    disk: MemDisk,
    file: usize,
    epoch: u64,
}

impl MemFile {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state();
        state.powered()?;
        if state.epoch != self.epoch {
            return Err(io::Error::other("the file was opened before the crash"));
        }
        act(&mut state)
    }
}

fn index(value: u64) -> io::Result<usize> {
    usize::try_from(value).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl DiskFile for MemFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|state| Ok(state.files[self.file].cache.len() as u64))
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = index(offset)?;
        self.with(|state| {
            let there = state.files[self.file].cache.get(offset..).unwrap_or_default();
            let len = there.len().min(buf.len());
            buf[..len].copy_from_slice(&there[..len]);
            Ok(len)
        })
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let offset = index(offset)?;
        self.with(|state| {
            let whole = state.operate()?;
            let pages = offset / PAGE..(offset + buf.len()).div_ceil(PAGE);
            let file = &state.files[self.file];
            let new = pages.clone().filter(|page| !file.pages.get(*page).copied().unwrap_or(false)).count();
            if state.capacity.is_some_and(|capacity| new > 0 && state.used() + (new * PAGE) as u64 > capacity) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let file = &mut state.files[self.file];
            if file.pages.len() < pages.end {
                file.pages.resize(pages.end, false);
            }
            file.pages[pages].fill(true);
            FileState::write(&mut file.cache, offset, buf);
            file.pending.push(Write::Bytes { offset, bytes: buf.to_vec() });
            if whole { Ok(()) } else { state.powered() }
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|state| {
            if !state.operate()? {
                return state.powered(); // what survives of it is decided by the power loss
            }
            let failed = match &mut state.syncs_left {
                Some(0) => {
                    state.syncs_left = None;
                    true
                }
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            };
            let file = &mut state.files[self.file];
            let pending = std::mem::take(&mut file.pending);
            if failed {
                return Err(io::Error::other("the medium refused"));
            }
            for write in pending {
                match write {
                    Write::Bytes { offset, bytes } => FileState::write(&mut file.medium, offset, &bytes),
                    Write::Length(len) => file.medium.resize(len, 0),
                }
            }
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = index(len)?;
        self.with(|state| {
            let whole = state.operate()?;
            let file = &mut state.files[self.file];
            file.cache.resize(len, 0);
            file.pages.resize(len.div_ceil(PAGE), false);
            file.pending.push(Write::Length(len));
            if whole { Ok(()) } else { state.powered() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_loss_keeps_what_was_synced_and_some_of_the_rest() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..64 {
            let disk = MemDisk::new();
            let file = disk.create("a").expect("made");
            file.write_at(&[1; 2 * SECTOR], 0).expect("written");
            file.sync_data().expect("synced");
            disk.sync_dir().expect("synced");
            file.write_at(&[2; 2 * SECTOR], 0).expect("written");
            disk.lose_power(seed);
            assert!(file.len().is_err(), "old handles are void");
            let bytes = disk.bytes("a").expect("its name was durable");
            seen.insert((bytes[0], bytes[SECTOR]));
            assert!(bytes[..SECTOR].iter().all(|b| *b == bytes[0]), "sectors are not torn");
        }
        assert_eq!(seen.len(), 4, "old, new, and both mixtures: {seen:?}");
    }

    #[test]
    fn a_name_is_lost_unless_the_folder_was_synced() {
        let survives = |seed| {
            let disk = MemDisk::new();
            disk.create("a").expect("made").sync_data().expect("synced");
            disk.lose_power(seed);
            disk.bytes("a").is_ok()
        };
        let survived = (0..32).filter(|seed| survives(*seed)).count();
        assert!((1..32).contains(&survived), "{survived}");
    }

    #[test]
    fn a_failed_sync_forgets_what_it_was_for() {
        let disk = MemDisk::new();
        let file = disk.create("a").expect("made");
        disk.sync_dir().expect("synced");
        file.write_at(b"x", 0).expect("written");
        disk.fail_sync_after(0);
        file.sync_data().expect_err("as told");
        file.sync_data().expect("the second one lies");
        disk.kill_process();
        assert_eq!(disk.bytes("a").expect("there"), b"x", "it reads back");
        disk.lose_power(1);
        assert_eq!(disk.bytes("a").expect("there"), b"", "but was never on the medium");
    }

    #[test]
    fn a_full_disk_refuses_new_pages_only() {
        let disk = MemDisk::new();
        let file = disk.create("a").expect("made");
        file.write_at(&[0; PAGE], 0).expect("written");
        disk.set_capacity(Some(PAGE as u64));
        file.write_at(&[1; PAGE], 0).expect("the page is there");
        let full = file.write_at(&[1], PAGE as u64).expect_err("no room");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.free_bytes().expect("told"), 0);
        disk.remove("a").expect("removed");
        assert_eq!(disk.free_bytes().expect("told"), PAGE as u64);
    }
}
