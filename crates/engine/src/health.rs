//! How the engine is, for probes and metrics.

use crate::Error;
use std::time::Duration;
use tokengine_core::Position;
use tokengine_journal::Space;

/// How the engine is. A look at it never waits for the writer.
#[derive(Clone, Debug)]
pub struct Health {
    /// The writer takes commands.
    pub alive: bool,
    /// Why it does not, if it stopped by itself.
    pub fatal: Option<Error>,
    /// Everything up to here survives any crash.
    pub durable: Position,
    /// The last position that was decided.
    pub decided: Position,
    /// Clients' commands that wait.
    pub client_queue: usize,
    /// Workers' commands that wait.
    pub worker_queue: usize,
    /// Questions that wait.
    pub query_queue: usize,
    /// New work is refused until there is room; work under way goes on. A look at it makes the writer look again, so that
    /// it ends even if nobody asks for anything else.
    pub disk_full: bool,
    /// What the journal can still write without asking the disk for more, as of the last batch.
    pub space: Space,
    /// From handing the last batch to the journal until it was durable.
    pub last_commit: Duration,
    /// Batches that became durable since the start.
    pub commits: u64,
    /// The last snapshot.
    pub snapshot: Option<Position>,
    /// Snapshots made since the start.
    pub snapshots_made: u64,
    /// Why the last snapshot was not made; nothing if it was.
    pub snapshot_error: Option<Error>,
    /// Segments copied to the archive since the start.
    pub archived: u64,
    /// Why the last copy to the archive failed; nothing if it did not.
    pub archive_error: Option<Error>,
}

/// The part of it that the engine's threads write down as they go.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) decided: u64,
    pub(crate) refusing: bool,
    pub(crate) space: Space,
    pub(crate) last_commit: Duration,
    pub(crate) commits: u64,
    pub(crate) snapshot: Option<Position>,
    pub(crate) snapshots_made: u64,
    pub(crate) snapshot_error: Option<Error>,
    pub(crate) archived: u64,
    pub(crate) archive_error: Option<Error>,
}
