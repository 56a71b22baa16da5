//! What an engine is opened with.

use crate::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokengine_core::{Position, Time};
use tokengine_journal as journal;

/// Says what time it is, in Unix milliseconds. It may jump; the engine never goes back below the last event's time.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// Ends the process at once. It may be called on any of the engine's threads.
pub type OnFatal = Arc<dyn Fn(&Error) + Send + Sync>;

/// How an engine is laid out and run.
#[derive(Clone)]
pub struct Options {
    /// Where journal and snapshots are.
    pub folder: PathBuf,
    /// Spreads the hash indexes, so that clients cannot make keys collide: random, from the caller, new at every start.
    pub seed: u64,
    /// What time it is.
    pub clock: Clock,
    /// So many commands may wait in each lane; more are answered [`Error::Busy`].
    pub queue: usize,
    /// So many commands are decided for one batch of the journal. What gathers while the disk is busy goes together.
    pub max_batch: usize,
    /// A snapshot is made every so many events.
    pub snapshot_every: u64,
    /// The journal's own options.
    pub journal: journal::Options,
    /// Sealed segments are copied to this folder, best on another disk.
    pub archive: Option<PathBuf>,
    /// The highest cursor of what follows the journal. If the journal ends before it, it was restored from a backup, and
    /// the engine starts in recovery.
    pub followers_seen: Option<Position>,
    /// Called when the engine cannot go on safely, such as after a failed sync: must end the process at once.
    pub on_fatal: OnFatal,
}

impl Options {
    /// 65,536 waiting commands a lane, 8,190 a batch, a snapshot every million events, the system's clock, no archive,
    /// and an abort of the process when it cannot go on.
    pub fn new(folder: impl Into<PathBuf>, seed: u64) -> Self {
        let folder = folder.into();
        // Only a new journal takes it: no two journals share a start of their chain.
        let mut genesis = blake3::Hasher::new_derive_key("tokengine 2026 journal genesis");
        genesis.update(&seed.to_le_bytes()).update(&system_clock().0.to_le_bytes());
        genesis.update(folder.as_os_str().as_encoded_bytes());
        Self {
            folder,
            seed,
            clock: Arc::new(system_clock),
            queue: 65_536,
            max_batch: 8_190,
            snapshot_every: 1_000_000,
            journal: journal::Options::new((*genesis.finalize().as_bytes()).into()),
            archive: None,
            followers_seen: None,
            on_fatal: Arc::new(abort),
        }
    }

    /// With the journal's options changed.
    #[must_use]
    pub fn with_journal(mut self, change: impl FnOnce(&mut journal::Options)) -> Self {
        change(&mut self.journal);
        self
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("folder", &self.folder)
            .field("queue", &self.queue)
            .field("max_batch", &self.max_batch)
            .field("snapshot_every", &self.snapshot_every)
            .finish_non_exhaustive()
    }
}

/// The system's clock, in Unix milliseconds.
pub fn system_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn abort(error: &Error) {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    eprintln!("fatal: {text}");
    std::process::abort();
}
