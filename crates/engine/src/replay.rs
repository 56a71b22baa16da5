//! From the journal, and the newest good snapshot, back to the state.

use crate::{Error, snapshot};
use std::sync::Arc;
use tokengine_core::{Position, Record, State};
use tokengine_journal::{self as journal, ChainHash, Disk};

/// How far a replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayProgress {
    /// The last event taken in.
    pub position: Position,
    /// The last one there is.
    pub end: Position,
    /// The snapshot that it started from, if there was one.
    pub snapshot: Option<Position>,
}

/// What opening an engine found and did.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What opening the journal found and did.
    pub journal: journal::Recovery,
    /// The snapshot that was used, if one was.
    pub snapshot: Option<Position>,
    /// Snapshots that were not: damaged, of another journal, or of another release. Each cost a longer replay.
    pub unusable: Vec<Error>,
    /// Events that were replayed.
    pub replayed: u64,
    /// The engine started in recovery: networks are searched before anything new is signed.
    pub in_recovery: bool,
}

/// The batches between two reports of a long replay.
const REPORT_EVERY: u64 = 65_536;

/// A replay's outcome: the state, and the hash of the last batch in it.
pub(crate) struct Replayed {
    pub(crate) state: State,
    pub(crate) hash: Option<ChainHash>,
    pub(crate) snapshot: Option<Position>,
    pub(crate) unusable: Vec<Error>,
    pub(crate) events: u64,
}

/// Replays everything that is durable now, or until `is_over`, which gives nothing.
pub(crate) fn replay(
    disk: &Arc<dyn Disk>,
    feed: &journal::Feed,
    seed: u64,
    progress: &mut dyn FnMut(ReplayProgress),
    is_over: impl Fn() -> bool,
) -> Result<Option<Replayed>, Error> {
    let mut unusable = Vec::new();
    let found = snapshot::newest(disk, feed, seed, &mut unusable);
    let snapshot = found.as_ref().map(State::position);
    let mut state = found.unwrap_or_else(|| State::new(seed));
    let (start, end) = (state.position(), Position(feed.mark().position()));
    let mut reader = feed.reader(start.next().0);
    let (mut hash, mut reported) = (None, start.0);
    while state.position() < end {
        if is_over() {
            return Ok(None);
        }
        let batch = reader.next_batch()?.ok_or(journal::Error::Closed)?;
        for found in batch.records() {
            let position = Position(found.position);
            let record = Record::decode(found.bytes).map_err(|source| Error::Event { position, source })?;
            state.evolve(&record);
        }
        hash = Some(batch.hash);
        if state.position().0.saturating_sub(reported) >= REPORT_EVERY || state.position() >= end {
            reported = state.position().0;
            progress(ReplayProgress { position: state.position(), end, snapshot });
        }
    }
    let events = state.position().0.saturating_sub(start.0);
    Ok(Some(Replayed { state, hash, snapshot, unusable, events }))
}
