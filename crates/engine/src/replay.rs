//! From the journal, and the newest good snapshot, back to the state.

use crate::{Error, snapshot};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use tokengine_core::{Position, State};
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
    let mut reported = start.0;
    let mut take = |piece: &Piece| -> Result<bool, Error> {
        let records = journal::Records::of(&piece.records, state.position().next().0, 0);
        state.replay(records.map(|record| record.bytes)).map_err(|source| {
            let position = state.position().next();
            Error::Event { position, source }
        })?;
        if state.position().0.saturating_sub(reported) >= REPORT_EVERY || state.position() >= end {
            reported = state.position().0;
            progress(ReplayProgress { position: state.position(), end, snapshot });
        }
        Ok(!is_over())
    };
    let hash = if end.0.saturating_sub(start.0) < LONG {
        read_here(&mut reader, end, &mut take)?
    } else {
        read_beside(&mut reader, end, &mut take)?
    };
    let Some(hash) = hash else { return Ok(None) };
    let events = state.position().0.saturating_sub(start.0);
    Ok(Some(Replayed { state, hash: hash.0, snapshot, unusable, events }))
}

/// From so many events on a second thread is worth its while: it reads and checks hashes while this one takes in.
const LONG: u64 = 100_000;
/// Bytes of records that go from one thread to the other together.
const PIECE: usize = 256 << 10;
/// Pieces under way between the two.
const PIECES: usize = 8;

/// Records of whole batches, as the journal has them.
#[derive(Default)]
struct Piece {
    records: Vec<u8>,
    hash: Option<ChainHash>,
}

impl Piece {
    /// Reads batches until there is enough, or `end` is reached.
    fn fill(&mut self, reader: &mut journal::Reader, end: Position) -> Result<(), Error> {
        self.records.clear();
        while self.records.len() < PIECE && reader.next_position() <= end.0 {
            let batch = reader.next_batch()?.ok_or(journal::Error::Closed)?;
            self.records.extend_from_slice(batch.encoded());
            self.hash = Some(batch.hash);
        }
        Ok(())
    }
}

/// The hash of the last batch, if there was one.
struct LastHash(Option<ChainHash>);

type Take<'a> = dyn FnMut(&Piece) -> Result<bool, Error> + 'a;

/// Nothing when it was told to stop.
fn read_here(reader: &mut journal::Reader, end: Position, take: &mut Take<'_>) -> Result<Option<LastHash>, Error> {
    let mut piece = Piece::default();
    while reader.next_position() <= end.0 {
        piece.fill(reader, end)?;
        if !take(&piece)? {
            return Ok(None);
        }
    }
    Ok(Some(LastHash(piece.hash)))
}

/// As [`read_here`], with the reading on a thread of its own.
fn read_beside(reader: &mut journal::Reader, end: Position, take: &mut Take<'_>) -> Result<Option<LastHash>, Error> {
    let (full, pieces) = sync_channel::<Result<Piece, Error>>(PIECES);
    let (empty, used) = sync_channel::<Piece>(PIECES);
    thread::scope(|scope| {
        let read = move || {
            while reader.next_position() <= end.0 {
                let mut piece = used.try_recv().unwrap_or_default();
                let filled = piece.fill(reader, end).map(|()| piece);
                let failed = filled.is_err();
                // Nobody takes it any more when the other side was told to stop.
                if full.send(filled).is_err() || failed {
                    return;
                }
            }
        };
        let spawned = thread::Builder::new().name("engine-replay".into()).spawn_scoped(scope, read);
        spawned.map_err(|e| Error::System { what: "start a thread to read the journal", why: e.to_string().into() })?;
        let mut hash = None;
        for piece in pieces {
            let piece = piece?;
            hash = piece.hash;
            if !take(&piece)? {
                return Ok(None);
            }
            let _ = empty.try_send(piece); // when there are enough, its memory goes back
        }
        Ok(Some(LastHash(hash)))
    })
}
