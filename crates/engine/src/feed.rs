//! What happened, in order, as soon as it is durable.

use crate::Error;
use crate::shared::Shared;
use std::sync::Arc;
use tokengine_core::{Position, Record};
use tokengine_journal as journal;
use tokio::sync::watch;

/// Gives the durable events after a cursor, and waits for more. It reads the journal's files, so it never makes the
/// writer wait, however slow it is.
pub struct Feed {
    reader: journal::Reader,
    durable: watch::Receiver<Position>,
    shared: Arc<Shared>,
}

impl Feed {
    pub(crate) fn new(shared: Arc<Shared>, after: Position) -> Self {
        Self { reader: shared.journal.reader(after.next().0), durable: shared.durable.clone(), shared }
    }

    /// The last position that was given out.
    pub fn cursor(&self) -> Position {
        Position(self.reader.next_position().saturating_sub(1))
    }

    /// The next events, at most `max` and at least one; waits until there is one. May be dropped at any point.
    ///
    /// # Errors
    /// [`Error::Stopped`] or [`Error::Fatal`] when there will be no more; [`Error::Journal`] and [`Error::Event`] when
    /// the journal cannot be read.
    pub async fn next(&mut self, max: usize) -> Result<Vec<(Position, Record)>, Error> {
        let next = Position(self.reader.next_position());
        if self.durable.wait_for(|durable| *durable >= next).await.is_err() && !self.is_behind() {
            return Err(self.shared.end_error());
        }
        self.ready(max)
    }

    /// As [`Feed::next`], on a thread that may wait.
    ///
    /// # Errors
    /// As [`Feed::next`].
    pub fn next_blocking(&mut self, max: usize) -> Result<Vec<(Position, Record)>, Error> {
        self.wait(|| false);
        if !self.is_behind() && self.shared.signal.has_ended() {
            return Err(self.shared.end_error());
        }
        self.ready(max)
    }

    /// Waits until there is a next event, the engine has ended, or `is_due`.
    pub(crate) fn wait(&self, is_due: impl Fn() -> bool) {
        if !self.is_behind() {
            self.shared.signal.wait(self.reader.next_position(), None, is_due);
        }
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.shared.journal.mark().position() >= self.reader.next_position()
    }

    /// The next events that are there now, at most `max`; nothing if there are none.
    ///
    /// # Errors
    /// [`Error::Journal`] and [`Error::Event`] when the journal cannot be read.
    pub fn ready(&mut self, max: usize) -> Result<Vec<(Position, Record)>, Error> {
        let mut records = Vec::new();
        while records.len() < max.max(1) {
            let Some(found) = self.reader.next_record()? else { break };
            let position = Position(found.position);
            let record = Record::decode(found.bytes).map_err(|source| Error::Event { position, source })?;
            records.push((position, record));
        }
        Ok(records)
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("cursor", &self.cursor()).finish_non_exhaustive()
    }
}
