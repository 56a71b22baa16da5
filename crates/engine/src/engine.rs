//! Opening and stopping.

use crate::health::Status;
use crate::keeper::Keeper;
use crate::lanes::Lanes;
use crate::replay::{self, Replayed};
use crate::shared::Shared;
use crate::writer::Writer;
use crate::{Error, Handle, Lane, Opened, Options, ReplayProgress};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokengine_core::{Command, Position, State};
use tokengine_journal::{Disk, FileDisk, Head, Journal, Progress, Recovery};
use tokio::sync::watch;

/// A running engine. There is one for a folder.
pub struct Engine {
    handle: Handle,
    opened: Opened,
    writer: Option<JoinHandle<Result<Head, Error>>>,
    keeper: Option<JoinHandle<()>>,
}

impl Engine {
    /// Takes the folder, or `disk` if there is one, recovers the journal, loads the newest good snapshot, replays the
    /// rest, and starts. `progress` hears of a long replay.
    ///
    /// # Errors
    /// [`Error::Journal`] when the journal is in use, damaged or of a later release; [`Error::Event`] when an event is of
    /// a later release; [`Error::System`]. Nothing runs then.
    pub fn open(
        options: Options,
        disk: Option<Arc<dyn Disk>>,
        mut progress: impl FnMut(ReplayProgress),
    ) -> Result<Self, Error> {
        let disk = match disk {
            Some(disk) => disk,
            None => Arc::new(FileDisk::new(&options.folder).map_err(system("make the data folder"))?),
        };
        let found = Found::open(&options, &disk, &mut progress)?;
        let lost = found.lost.clone();
        let engine = Self::start(options, disk, found)?;
        if let Some(reason) = lost {
            // Before anybody has a handle, so before anything else.
            engine.handle.submit_blocking(Lane::Worker, Command::StartRecovery { reason: reason.into() })?;
        }
        Ok(engine)
    }

    fn start(options: Options, disk: Arc<dyn Disk>, found: Found) -> Result<Self, Error> {
        let (shared, on_progress) = found.share(&options);
        let Found { journal, state, opened, .. } = found;
        let appender = journal.start(on_progress)?;
        let snapshot = opened.snapshot;
        let mut engine = Self { handle: Handle { shared: Arc::clone(&shared) }, opened, writer: None, keeper: None };
        let writer = Writer::new(state, appender, Arc::clone(&shared), &options);
        let writer = thread::Builder::new().name("engine-writer".into()).spawn(move || writer.run());
        engine.writer = Some(writer.map_err(system("start the writer"))?);
        let keeper = Keeper::new(disk, shared, &options, snapshot);
        let keeper = thread::Builder::new().name("engine-keeper".into()).spawn(move || keeper.run());
        engine.keeper = Some(keeper.map_err(system("start the keeper"))?);
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

    /// Takes nothing more, answers what waits, and closes the journal in order. Returns where it ends.
    ///
    /// # Errors
    /// Why the engine had stopped before by itself.
    pub fn stop(mut self) -> Result<Head, Error> {
        self.end()
    }

    fn end(&mut self) -> Result<Head, Error> {
        self.handle.shared.lanes.stop();
        let panicked = || Err(Error::Fatal { why: "the writer panicked".into() });
        let result =
            self.writer.take().map_or(Err(Error::Stopped), |writer| writer.join().unwrap_or_else(|_| panicked()));
        self.handle.shared.signal.end();
        if let Some(keeper) = self.keeper.take() {
            // What it was doing is done again from the journal.
            let _ = keeper.join();
        }
        result
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.writer.is_some() {
            let _ = self.end(); // who cares about the outcome calls stop
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("opened", &self.opened).finish_non_exhaustive()
    }
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::System { what, why: error.to_string().into() }
}

/// What is on the disk, recovered and replayed.
pub(crate) struct Found {
    pub(crate) journal: Journal,
    pub(crate) state: State,
    pub(crate) opened: Opened,
    /// Why the world may have seen more than this journal knows, if so: recovery has to begin before anything else.
    pub(crate) lost: Option<String>,
}

impl Found {
    pub(crate) fn open(
        options: &Options,
        disk: &Arc<dyn Disk>,
        progress: &mut dyn FnMut(ReplayProgress),
    ) -> Result<Self, Error> {
        let journal = Journal::open(Arc::clone(disk), options.journal.clone())?;
        let recovery = journal.recovery().clone();
        let replayed = replay::replay(disk, &journal.feed(), options.seed, progress, || false)?;
        let Replayed { state, snapshot, unusable, events, .. } = replayed.expect("it ends only when it is done");
        let lost = lost(options, &recovery, &state);
        let opened = Opened {
            in_recovery: state.recovery().is_some() || lost.is_some(),
            journal: recovery,
            snapshot,
            unusable,
            replayed: events,
        };
        Ok(Self { journal, state, opened, lost })
    }

    /// What writer, journal and handles have in common, and what the journal tells it.
    pub(crate) fn share(&self, options: &Options) -> (Arc<Shared>, impl FnMut(Progress<'_>) + Send + use<>) {
        let (sender, durable) = watch::channel(self.state.position());
        let status = Status {
            decided: self.state.position().0,
            refusing: false,
            space: self.journal.space(),
            last_commit: Duration::ZERO,
            commits: 0,
            snapshot: self.opened.snapshot,
            snapshots_made: 0,
            snapshot_error: self.opened.unusable.first().cloned(),
            archived: 0,
            archive_error: None,
        };
        let (lanes, on_fatal) = (Lanes::new(options.queue), Arc::clone(&options.on_fatal));
        let shared = Arc::new(Shared::new(lanes, self.journal.feed(), durable, status, on_fatal));
        let told = Arc::clone(&shared);
        let on_progress = move |progress: Progress<'_>| match progress {
            Progress::Durable(head) => told.on_durable(head.position, &sender),
            Progress::Fatal(error) => told.fatal(&Error::Journal(error.clone())),
        };
        (shared, on_progress)
    }
}

/// Why the world may have seen more than this journal knows, if so.
fn lost(options: &Options, recovery: &Recovery, state: &State) -> Option<String> {
    if state.recovery().is_some() {
        return None;
    }
    if let Some(head) = &recovery.restored {
        return Some(format!("the journal was restored from a backup that ended at {}", head.position));
    }
    let seen = options.followers_seen.filter(|seen| *seen > state.position())?;
    let end: Position = state.position();
    Some(format!("the journal ends at {end}, but what follows it has seen {seen}"))
}
