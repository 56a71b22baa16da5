//! Segments made ahead, and who may use the last of them.
//!
//! Writing into a file that was filled with zeros and synced before needs no new blocks, so a sync costs half, and it
//! cannot run out of disk. So room is not asked of the file system but counted here: what is left of the active segment
//! and the spare segments. Below the reserve only essential batches are taken.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    catalog::TMP_SUFFIX,
    disk::{Disk, DiskFile},
    error::Error,
    format::BLOCK_BYTES,
};

const SPARE_PREFIX: &str = "spare-";
/// Zeros go to disk in pieces, so that a sync of the active segment never waits behind a whole segment of them.
const ZERO_PIECE: usize = 1 << 20;
const ZERO_SYNC: u64 = 4 << 20;

/// One spare is for nobody: a process that dies on a full disk must be able to rewrite its tail, which then gives the room
/// of the old one back.
const FOR_RECOVERY: usize = 1;

/// Whether a batch may use the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// New work: refused while only the reserve is left.
    Normal,
    /// Work under way that must finish, such as a payout that is signed: may use the reserve.
    Essential,
}

/// How much may still be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes made ready ahead: they can be written even if the disk is full.
    pub ready_bytes: u64,
    /// The part of them that only essential batches may use.
    pub reserve_bytes: u64,
    /// Whether the disk refused to give more when last asked.
    pub disk_full: bool,
}

pub(crate) struct Spares {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    reserve: u64,
    target: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What is left of the active segment, after all that was admitted.
    left: u64,
    ready: VecDeque<String>,
    /// Spares that admitted batches will use.
    promised: usize,
    serial: u64,
    full: bool,
    /// No keeper runs: who needs room makes it.
    by_hand: bool,
    ended: Option<Error>,
}

impl State {
    fn available(&self) -> usize {
        (self.ready.len() - self.promised).saturating_sub(FOR_RECOVERY)
    }
}

impl Spares {
    /// Takes over the spares that an earlier process left, and removes those of another size.
    pub(crate) fn open(disk: Arc<dyn Disk>, segment_bytes: u64, reserve: u64) -> Result<Self, Error> {
        let mut state = State::default();
        let mut names = disk.list().map_err(|e| Error::io(&*disk, "list", "", e))?;
        names.sort_unstable();
        for name in names {
            let Some(serial) = name.strip_prefix(SPARE_PREFIX).and_then(|digits| digits.parse().ok()) else { continue };
            let len = disk.open(&name).and_then(|file| file.len()).map_err(|e| Error::io(&*disk, "open", &name, e))?;
            state.serial = state.serial.max(serial);
            if len == segment_bytes {
                state.ready.push_back(name);
            } else {
                disk.remove(&name).map_err(|e| Error::io(&*disk, "remove", &name, e))?;
            }
        }
        let room = segment_bytes - BLOCK_BYTES;
        let target = usize::try_from(reserve.div_ceil(room)).expect("a reserve fits into memory counts") + 1;
        Ok(Self { disk, segment_bytes, reserve, target, state: Mutex::new(state), changed: Condvar::new() })
    }

    /// The largest batch, in bytes on disk.
    pub(crate) fn batch_limit(&self) -> u64 {
        self.segment_bytes - BLOCK_BYTES
    }

    pub(crate) fn set_left(&self, left: u64) {
        self.state().left = left;
    }

    pub(crate) fn space(&self) -> Space {
        let state = self.state();
        let ready_bytes = state.left + state.available() as u64 * self.batch_limit();
        Space { ready_bytes, reserve_bytes: self.reserve, disk_full: state.full }
    }

    /// Whether a batch of `len` bytes on disk would be admitted; if so, what it leaves.
    fn fits(&self, state: &State, len: u64, urgency: Urgency) -> Option<(u64, usize)> {
        let (left, used) = if len <= state.left { (state.left - len, 0) } else { (self.batch_limit() - len, 1) };
        let spares = state.available().checked_sub(used)?;
        let after = left + spares as u64 * self.batch_limit();
        (urgency == Urgency::Essential || after >= self.reserve).then_some((left, used))
    }

    fn check_len(&self, len: u64) -> Result<(), Error> {
        let limit = self.batch_limit();
        if len > limit { Err(Error::BatchTooLarge { bytes: len, limit }) } else { Ok(()) }
    }

    /// Sets room aside, or waits while the keeper makes some.
    pub(crate) fn admit(&self, len: u64, urgency: Urgency) -> Result<(), Error> {
        let mut state = self.wait_for_room(len, urgency)?;
        let (left, used) = self.fits(&state, len, urgency).expect("it just fitted, and the lock is held");
        state.left = left;
        state.promised += used;
        if used > 0 {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// As [`Spares::admit`], but sets nothing aside.
    pub(crate) fn check(&self, len: u64, urgency: Urgency) -> Result<(), Error> {
        self.wait_for_room(len, urgency).map(drop)
    }

    fn wait_for_room(&self, len: u64, urgency: Urgency) -> Result<MutexGuard<'_, State>, Error> {
        self.check_len(len)?;
        let mut state = self.state();
        loop {
            if let Some(error) = &state.ended {
                return Err(error.clone());
            }
            if self.fits(&state, len, urgency).is_some() {
                return Ok(state);
            }
            if state.full {
                return Err(Error::DiskFull { folder: self.disk.location("") });
            }
            if state.by_hand {
                drop(state);
                self.prepare_or_end();
                state = self.state();
                continue;
            }
            state = self.changed.wait(state).expect("no holder of this lock panics");
        }
    }

    /// No keeper will run.
    pub(crate) fn keep_by_hand(&self) {
        self.state().by_hand = true;
    }

    /// What the keeper does when it wakes: makes one spare if some are missing. Returns whether it did.
    pub(crate) fn keep_step(&self) -> bool {
        let missing = {
            let state = self.state();
            state.ended.is_none() && state.available() < self.target
        };
        missing && self.prepare_or_end()
    }

    /// Makes a spare; a fault is told to the next batch that needs room.
    fn prepare_or_end(&self) -> bool {
        match self.prepare() {
            Ok(()) => true,
            Err(Error::DiskFull { .. }) => false,
            Err(error) => {
                self.end(error);
                false
            }
        }
    }

    /// As [`Spares::admit`] where no keeper runs: makes room on the caller's thread.
    pub(crate) fn admit_alone(&self, len: u64, urgency: Urgency) -> Result<(), Error> {
        self.check_len(len)?;
        while self.fits(&self.state(), len, urgency).is_none() {
            self.prepare()?;
        }
        self.admit(len, urgency)
    }

    /// A spare for an admitted batch, by name.
    pub(crate) fn take(&self) -> String {
        let mut state = self.state();
        state.promised = state.promised.checked_sub(1).expect("only an admitted batch takes a spare");
        state.ready.pop_front().expect("a promised spare is there")
    }

    /// A spare to rewrite a recovered tail into, if there is one.
    pub(crate) fn take_for_recovery(&self) -> Option<String> {
        self.state().ready.pop_front()
    }

    /// Makes one spare.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        let serial = {
            let mut state = self.state();
            state.serial += 1;
            state.serial
        };
        let name = format!("{SPARE_PREFIX}{serial:010}");
        let tmp = format!("{name}{TMP_SUFFIX}");
        let made = self
            .leave_some()
            .and_then(|()| create_zeroed(&*self.disk, &tmp, self.segment_bytes))
            .and_then(|_| self.disk.rename(&tmp, &name).map_err(|e| Error::io(&*self.disk, "rename", &tmp, e)));
        let mut state = self.state();
        match &made {
            Ok(()) => {
                state.ready.push_back(name);
                state.full = false;
            }
            Err(error) => state.full = matches!(error, Error::DiskFull { .. }),
        }
        drop(state);
        self.changed.notify_all();
        made
    }

    /// Others use this disk too, and filling it to the last byte, if only to see that it is full, would break them.
    fn leave_some(&self) -> Result<(), Error> {
        let free = self.disk.free_bytes().map_err(|e| Error::io(&*self.disk, "ask for room in", "", e))?;
        let enough = free >= self.segment_bytes + self.segment_bytes / 2;
        if enough { Ok(()) } else { Err(Error::DiskFull { folder: self.disk.location("") }) }
    }

    /// Keeps enough spares until [`Spares::end`]; tries a full disk again every `retry`.
    pub(crate) fn keep(&self, retry: Duration) {
        loop {
            let mut state = self.state();
            let mut waited = false;
            loop {
                if state.ended.is_some() {
                    return;
                }
                if state.available() >= self.target {
                    state = self.changed.wait(state).expect("no holder of this lock panics");
                } else if state.full && !waited {
                    let timeout = self.changed.wait_timeout(state, retry).expect("no holder of this lock panics");
                    (state, waited) = (timeout.0, timeout.1.timed_out());
                } else {
                    break;
                }
            }
            drop(state);
            self.prepare_or_end();
        }
    }

    /// Stops the keeper and refuses further batches; the first reason stays.
    pub(crate) fn end(&self, why: Error) {
        self.state().ended.get_or_insert(why);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

/// Makes a file of so many zeros, written and synced. On failure it is removed, so that it takes no room.
pub(crate) fn create_zeroed(disk: &dyn Disk, name: &str, bytes: u64) -> Result<Arc<dyn DiskFile>, Error> {
    let fill = || {
        let file = disk.create(name).map_err(|e| Error::io(disk, "create", name, e))?;
        let zeros = vec![0; ZERO_PIECE.min(usize::try_from(bytes).unwrap_or(ZERO_PIECE))];
        let (mut at, mut synced) = (0, 0);
        while at < bytes {
            let len = usize::try_from(bytes - at).map_or(zeros.len(), |left| left.min(zeros.len()));
            file.write_at(&zeros[..len], at).map_err(|e| Error::io(disk, "write", name, e))?;
            at += len as u64;
            if at - synced >= ZERO_SYNC || at == bytes {
                // A file system that finds out only now that it is full says so here.
                file.sync_data().map_err(|e| Error::io(disk, "sync", name, e))?;
                synced = at;
            }
        }
        Ok(file)
    };
    fill().inspect_err(|_| {
        let _ = disk.remove(name); // the reason it failed is what the caller needs to hear
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::MemDisk;

    #[test]
    fn a_file_that_does_not_fit_leaves_nothing_behind() {
        let disk = MemDisk::new();
        disk.set_capacity(Some(3 << 20));
        let error = create_zeroed(&disk, "a.tmp", 5 << 20).err().expect("too large");
        assert_eq!(error.code(), "disk-full");
        assert_eq!(disk.used_bytes(), 0);
        let file = create_zeroed(&disk, "a.tmp", 3 << 20).expect("fits");
        assert_eq!(file.len().expect("length"), 3 << 20);
        assert_eq!(disk.used_bytes(), 3 << 20, "zeros were written, not left as a hole");
    }

    #[test]
    fn spares_leave_room_for_others_and_count_only_what_is_free_to_use() {
        let disk = Arc::new(MemDisk::new());
        let spares = Spares::open(disk.clone(), 8192, 0).expect("opened");
        disk.set_capacity(Some(4 * 8192));
        while spares.prepare().is_ok() {}
        assert_eq!(disk.free_bytes().expect("told"), 8192);
        let space = spares.space();
        assert!(space.disk_full);
        assert_eq!(space.ready_bytes, 2 * (8192 - 512), "the third is for a recovery");
        for _ in 0..2 {
            spares.admit(7680, Urgency::Normal).expect("ready");
        }
        assert_eq!(spares.admit(512, Urgency::Essential).expect_err("used up").code(), "disk-full");
        assert!(spares.take_for_recovery().is_some());
    }

    #[test]
    fn spares_of_another_size_are_not_used() {
        let disk = Arc::new(MemDisk::new());
        Spares::open(disk.clone(), 8192, 0).expect("opened").prepare().expect("made");
        let spares = Spares::open(disk.clone(), 4096, 0).expect("opened");
        assert_eq!((spares.take_for_recovery(), disk.used_bytes()), (None, 0));
    }
}
