//! What is done beside the writer: snapshots by replay, and copies of sealed segments.

use crate::options::Options;
use crate::shared::Shared;
use crate::{Error, replay, snapshot};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokengine_core::{Position, State};
use tokengine_journal::{Disk, FileDisk};

pub(crate) struct Keeper {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
    seed: u64,
    snapshot_every: u64,
    archive: Option<PathBuf>,
    /// The next snapshot is due from here on.
    due: u64,
}

impl Keeper {
    pub(crate) fn new(disk: Arc<dyn Disk>, shared: Arc<Shared>, options: &Options, last: Option<Position>) -> Self {
        let snapshot_every = options.snapshot_every.max(1);
        let due = last.unwrap_or_default().0.saturating_add(snapshot_every);
        Self { disk, shared, seed: options.seed, snapshot_every, archive: options.archive.clone(), due }
    }

    pub(crate) fn run(mut self) {
        self.archive();
        loop {
            let archive_due = || self.shared.archive_due.load(Ordering::Relaxed);
            let durable = self.shared.signal.wait(self.due, None, archive_due);
            if self.shared.archive_due.swap(false, Ordering::Relaxed) {
                self.archive();
            }
            if self.shared.signal.has_ended() {
                return self.archive();
            }
            if durable >= self.due {
                self.snapshot();
            }
        }
    }

    /// As much as is to be done now, without waiting. Returns whether there was anything.
    pub(crate) fn step(&mut self) -> bool {
        let archive_due = self.shared.archive_due.swap(false, Ordering::Relaxed);
        if archive_due {
            self.archive();
        }
        let snapshot_due = self.shared.journal.mark().position() >= self.due && !self.shared.signal.has_ended();
        if snapshot_due {
            self.snapshot();
        }
        archive_due || snapshot_due
    }

    /// Replays from the last snapshot, as a restart would, and writes the next one. The writer does not notice.
    fn snapshot(&mut self) {
        let made = self.make_snapshot();
        let mut status = self.shared.status();
        let reached = match made {
            Ok(None) => return,
            Ok(Some(position)) => {
                status.snapshot = Some(position);
                status.snapshots_made = status.snapshots_made.saturating_add(1);
                status.snapshot_error = None;
                position.0
            }
            Err(error) => {
                status.snapshot_error = Some(error);
                self.shared.journal.mark().position()
            }
        };
        self.due = reached.saturating_add(self.snapshot_every);
    }

    fn make_snapshot(&self) -> Result<Option<Position>, Error> {
        let feed = &self.shared.journal;
        let is_over = || self.shared.signal.has_ended();
        let Some(replayed) = replay::replay(&self.disk, feed, self.seed, &mut |_| {}, is_over)? else {
            return Ok(None);
        };
        if let Some(hash) = replayed.hash {
            snapshot::write(&*self.disk, feed.genesis(), hash, &replayed.state)?;
        }
        Ok(Some(State::position(&replayed.state)))
    }

    fn archive(&self) {
        let Some(folder) = &self.archive else { return };
        let copied = FileDisk::new(folder)
            .map_err(|e| Error::System { what: "use the archive folder", why: e.to_string().into() })
            .and_then(|disk| Ok(self.shared.journal.archive(&(Arc::new(disk) as Arc<dyn Disk>))?));
        let mut status = self.shared.status();
        match copied {
            Ok(segments) => {
                status.archived = status.archived.saturating_add(segments);
                status.archive_error = None;
            }
            Err(error) => status.archive_error = Some(error),
        }
    }
}
