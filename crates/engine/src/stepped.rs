//! The engine without threads, for a simulator: the same code, one step at a time, in an order that the caller chooses.

use crate::engine::Found;
use crate::keeper::Keeper;
use crate::lanes::Round;
use crate::shared::Shared;
use crate::writer::{Turn, Writer};
use crate::{Error, Handle, Lane, Opened, Options};
use std::sync::Arc;
use tokengine_core::{Command, State};
use tokengine_journal::{Disk, Head, Log};

/// An engine whose threads' work is done by hand.
///
/// Handles work as ever, except that those of their functions that block would block for ever. Dropping it is a crash:
/// what was not durable may be lost, and nobody is told that it happened.
pub struct Stepped {
    handle: Handle,
    opened: Opened,
    writer: Writer,
    round: Round,
    log: Log,
    keeper: Keeper,
    _end: End,
}

impl Stepped {
    /// As [`Engine::open`](crate::Engine::open), without starting anything. It never waits.
    ///
    /// # Errors
    /// As [`Engine::open`](crate::Engine::open).
    pub fn open(options: Options, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let found = Found::open(&options, &disk, &mut |_| {})?;
        let (shared, on_progress) = found.share(&options);
        let Found { journal, state, opened, lost } = found;
        let (appender, log) = journal.start_by_hand(on_progress);
        let keeper = Keeper::new(disk, Arc::clone(&shared), &options, opened.snapshot);
        let writer = Writer::new(state, appender, Arc::clone(&shared), &options);
        let (handle, end) = (Handle { shared: Arc::clone(&shared) }, End(shared));
        let mut engine = Self { handle, opened, writer, round: Round::default(), log, keeper, _end: end };
        if let Some(reason) = lost {
            // Before anybody has a handle, so before anything else.
            let mut answer = engine.handle.send(Lane::Worker, Command::StartRecovery { reason: reason.into() })?;
            while engine.decide()? | engine.write()? {}
            answer.try_recv().map_err(|_| Error::Stopped)??;
        }
        Ok(engine)
    }

    /// For whoever talks to the engine.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What opening found and did.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The state as of the last decision, durable or not.
    pub fn state(&self) -> &State {
        self.writer.state()
    }

    /// One turn of the writer. Returns whether there was anything to do.
    ///
    /// # Errors
    /// What the writer's thread would have died of: the process must stop at once.
    pub fn decide(&mut self) -> Result<bool, Error> {
        Ok(self.writer.turn(&mut self.round, false)? == Turn::Worked)
    }

    /// One turn of the log thread: everything that was handed over becomes durable, and its answers leave. Returns whether
    /// there was anything to do.
    ///
    /// # Errors
    /// A failed write or sync: the process must stop at once.
    pub fn write(&mut self) -> Result<bool, Error> {
        Ok(self.log.step()?)
    }

    /// One turn of those who keep segments ready, snapshots and archive. Returns whether there was anything to do.
    pub fn tend(&mut self) -> bool {
        let made = self.log.make_ahead();
        self.keeper.step() || made
    }

    /// Decides and writes what waits, and closes the journal in order. Returns where it ends.
    ///
    /// # Errors
    /// Why the engine had stopped before by itself.
    pub fn stop(mut self) -> Result<Head, Error> {
        self.handle.shared.lanes.stop();
        while self.writer.turn(&mut self.round, false)? != Turn::Last {
            self.log.step()?;
        }
        Ok(self.log.close()?)
    }
}

/// Whoever still holds a handle is told, as everybody is when a process ends.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end(Error::Stopped);
    }
}

impl std::fmt::Debug for Stepped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stepped").field("opened", &self.opened).finish_non_exhaustive()
    }
}
