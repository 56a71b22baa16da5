//! What the engine's threads and its handles have in common.

use crate::answers::Answers;
use crate::health::Status;
use crate::lanes::Lanes;
use crate::options::OnFatal;
use crate::signal::Signal;
use crate::{Error, failpoint};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;
use tokengine_core::Position;
use tokengine_journal as journal;
use tokio::sync::watch;

pub(crate) struct Shared {
    pub(crate) lanes: Lanes,
    pub(crate) answers: Answers,
    pub(crate) signal: Signal,
    pub(crate) journal: journal::Feed,
    pub(crate) durable: watch::Receiver<Position>,
    /// Enough was written that a segment may be sealed.
    pub(crate) archive_due: AtomicBool,
    /// Where recovery ended, until the journal has forgotten that it was restored; 0 for nowhere.
    pub(crate) recovery_ended: AtomicU64,
    /// So many API keys were revoked since the start: whoever remembers keys looks again when it changes.
    pub(crate) keys_revoked: AtomicU64,
    /// Batches under way: their last position, and since when.
    handed: Mutex<VecDeque<(u64, Instant)>>,
    status: Mutex<Status>,
    on_fatal: OnFatal,
}

impl Shared {
    pub(crate) fn new(
        lanes: Lanes,
        journal: journal::Feed,
        durable: watch::Receiver<Position>,
        status: Status,
        on_fatal: OnFatal,
    ) -> Self {
        Self {
            lanes,
            answers: Answers::default(),
            signal: Signal::new(journal.mark().position()),
            journal,
            durable,
            archive_due: AtomicBool::new(false),
            recovery_ended: AtomicU64::new(0),
            keys_revoked: AtomicU64::new(0),
            handed: Mutex::default(),
            status: Mutex::new(status),
            on_fatal,
        }
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().expect("no holder of this lock panics")
    }

    fn handed(&self) -> MutexGuard<'_, VecDeque<(u64, Instant)>> {
        self.handed.lock().expect("no holder of this lock panics")
    }

    /// A batch up to `position` goes to the journal now.
    pub(crate) fn hand_over(&self, position: u64) {
        self.handed().push_back((position, Instant::now()));
    }

    /// On the journal's log thread, after every sync.
    pub(crate) fn on_durable(&self, position: u64, watch: &watch::Sender<Position>) {
        failpoint::hit("engine.durable");
        // The writer first: it fills the disk's time while the answers go out.
        self.lanes.durable(position);
        self.answers.release(position);
        failpoint::hit("engine.answered");
        watch.send_replace(Position(position));
        self.signal.durable(position);
        let mut batches: u64 = 0;
        let mut since = None;
        let mut handed = self.handed();
        while let Some((_, at)) = handed.pop_front_if(|(last, _)| *last <= position) {
            (batches, since) = (batches.saturating_add(1), Some(at));
        }
        drop(handed);
        if let Some(since) = since {
            let mut status = self.status();
            status.commits = status.commits.saturating_add(batches);
            status.last_commit = since.elapsed();
        }
        let ended = self.recovery_ended.load(Ordering::Relaxed);
        if ended != 0 && ended <= position {
            self.recovery_ended.store(0, Ordering::Relaxed);
            // If the note stays, the next start begins recovery again: that costs time and nothing else.
            let _ = self.journal.forget_restore();
        }
    }

    /// It cannot go on safely. The process must be gone before anybody hears a word.
    pub(crate) fn fatal(&self, error: &Error) {
        (self.on_fatal)(error);
        // Only a test comes here.
        let why = match error {
            Error::Fatal { .. } => error.clone(),
            other => Error::Fatal { why: format!("{} ({other})", other.code()).into() },
        };
        self.end(why);
    }

    /// The journal failed under the writer's hands.
    pub(crate) fn fault(&self, error: journal::Error) -> Error {
        let error = Error::Journal(error);
        self.fatal(&error);
        error
    }

    /// Nobody is answered from here on.
    pub(crate) fn end(&self, why: Error) {
        self.lanes.end(why);
        self.answers.drop_all();
        self.signal.end();
    }

    /// Why there is no answer.
    pub(crate) fn end_error(&self) -> Error {
        self.lanes.ended().unwrap_or(Error::Stopped)
    }
}
