//! How everybody else talks to the engine.

use crate::answers::Waiting;
use crate::lanes::Submission;
use crate::shared::Shared;
use crate::{Error, Feed, Health, Lane, Refused};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokengine_core::{Command, Position, Record, State, Subject, Time};
use tokengine_journal as journal;
use tokio::sync::{oneshot, watch};

/// A command was accepted, and is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The event that it came to.
    pub position: Position,
    /// What it is about.
    pub subject: Subject,
    /// When that was decided, in Unix milliseconds.
    pub at: Time,
    /// The same request was accepted before; this is that answer again.
    pub replayed: bool,
}

type Answers = Vec<Result<Done, Refused>>;

/// Talks to the engine; as many as wanted, on any thread. It does not keep the engine running.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    /// Has one command decided, and waits until that is durable. Dropping the future does not take the command back.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Busy`] when nothing was taken; [`Error::Stopped`] and [`Error::Fatal`] when it may or
    /// may not have happened: the next process tells, by the request's key.
    pub async fn submit(&self, lane: Lane, command: Command) -> Result<Done, Error> {
        let answer = self.send(lane, command)?.await;
        self.settle(answer)
    }

    /// As [`Handle::submit`], on a thread that may wait.
    ///
    /// # Errors
    /// As [`Handle::submit`].
    ///
    /// # Panics
    /// Inside an asynchronous runtime.
    pub fn submit_blocking(&self, lane: Lane, command: Command) -> Result<Done, Error> {
        let answer = self.send(lane, command)?.blocking_recv();
        self.settle(answer)
    }

    pub(crate) fn send(&self, lane: Lane, command: Command) -> Result<oneshot::Receiver<Result<Done, Refused>>, Error> {
        let (send, receive) = oneshot::channel();
        self.shared.lanes.push(lane, Submission::One(command, send))?;
        Ok(receive)
    }

    fn settle(&self, answer: Result<Result<Done, Refused>, oneshot::error::RecvError>) -> Result<Done, Error> {
        let mut done = answer.map_err(|_| self.shared.end_error())??;
        if done.replayed {
            done.at = self.decided_at(&mut None, done.position)?;
        }
        Ok(done)
    }

    /// Has commands decided in order, with nothing in between, each by itself: one that is refused does not stop the
    /// rest. Waits until all of it is durable, and gives an answer each.
    ///
    /// # Errors
    /// As [`Handle::submit`]; a refusal is not an error here.
    pub async fn submit_many(&self, lane: Lane, commands: Vec<Command>) -> Result<Answers, Error> {
        let answers = self.send_many(lane, commands)?.await;
        self.settle_many(answers)
    }

    /// As [`Handle::submit_many`], on a thread that may wait.
    ///
    /// # Errors
    /// As [`Handle::submit_many`].
    ///
    /// # Panics
    /// Inside an asynchronous runtime.
    pub fn submit_many_blocking(&self, lane: Lane, commands: Vec<Command>) -> Result<Answers, Error> {
        let answers = self.send_many(lane, commands)?.blocking_recv();
        self.settle_many(answers)
    }

    fn send_many(&self, lane: Lane, commands: Vec<Command>) -> Result<oneshot::Receiver<Answers>, Error> {
        let (send, receive) = oneshot::channel();
        self.shared.lanes.push(lane, Submission::Many(commands, send))?;
        Ok(receive)
    }

    fn settle_many(&self, answers: Result<Answers, oneshot::error::RecvError>) -> Result<Answers, Error> {
        let mut answers = answers.map_err(|_| self.shared.end_error())?;
        let mut reader = None;
        for done in answers.iter_mut().flatten().filter(|done| done.replayed) {
            done.at = self.decided_at(&mut reader, done.position)?;
        }
        Ok(answers)
    }

    /// When an event was decided: the state keeps answers without their times, so that a request takes few bytes.
    fn decided_at(&self, reader: &mut Option<journal::Reader>, position: Position) -> Result<Time, Error> {
        let near = |reader: &journal::Reader| {
            let next = reader.next_position();
            next <= position.0 && position.0.saturating_sub(next) < 10_000
        };
        let reader = match reader {
            Some(reader) if near(reader) => reader,
            other => other.insert(self.shared.journal.reader(position.0)),
        };
        loop {
            let ended = || Error::Journal(journal::Error::Closed);
            let found = journal::Reader::next_record(reader)?.ok_or_else(ended)?;
            if found.position == position.0 {
                let record = Record::decode(found.bytes).map_err(|source| Error::Event { position, source })?;
                return Ok(record.at);
            }
        }
    }

    /// Asks the state something. It is answered by the writer between two batches, so `ask` should be quick, and the
    /// answer leaves when what it saw is durable.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::QueryPanicked`], [`Error::Stopped`], [`Error::Fatal`].
    pub async fn query<R: Send + 'static>(&self, ask: impl FnOnce(&State) -> R + Send + 'static) -> Result<R, Error> {
        let answer = self.ask(ask)?.await;
        answer.unwrap_or_else(|_| Err(self.shared.end_error()))
    }

    /// As [`Handle::query`], on a thread that may wait.
    ///
    /// # Errors
    /// As [`Handle::query`].
    ///
    /// # Panics
    /// Inside an asynchronous runtime.
    pub fn query_blocking<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let answer = self.ask(ask)?.blocking_recv();
        answer.unwrap_or_else(|_| Err(self.shared.end_error()))
    }

    fn ask<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<R, Error>>, Error> {
        let (send, receive) = oneshot::channel();
        self.shared.lanes.ask(Box::new(move |state| {
            // It cannot have changed anything, so a bug in it is nobody else's trouble.
            let answer = catch_unwind(AssertUnwindSafe(|| ask(state))).map_err(|_| Error::QueryPanicked);
            Waiting::Query(Box::new(move || drop(send.send(answer))))
        }))?;
        Ok(receive)
    }

    /// A number that grows with every API key that is revoked, before the revocation is answered. What was learned of a key
    /// after this was read holds as long as it stays the same.
    pub fn keys_revoked(&self) -> u64 {
        self.shared.keys_revoked.load(Ordering::Acquire)
    }

    /// How far everything is durable, as it goes on.
    pub fn durable(&self) -> watch::Receiver<Position> {
        self.shared.durable.clone()
    }

    /// Everything that happened after `after`, and then what happens, as soon as it is durable.
    pub fn feed(&self, after: Position) -> Feed {
        Feed::new(Arc::clone(&self.shared), after)
    }

    /// The journal itself, for backups and its head.
    pub fn journal(&self) -> &journal::Feed {
        &self.shared.journal
    }

    /// How the engine is, without waiting for anything.
    pub fn health(&self) -> Health {
        let ended = self.shared.lanes.ended();
        let waits = self.shared.lanes.waits();
        let durable = Position(self.shared.journal.mark().position());
        let status = self.shared.status().clone();
        if status.refusing {
            // Whoever asks again sees what the writer found; if it has much to do, it looks anyway.
            let _ = self.shared.lanes.ask(Box::new(|_| Waiting::Query(Box::new(|| ()))));
        }
        Health {
            alive: ended.is_none(),
            fatal: ended.filter(|error| matches!(error, Error::Fatal { .. })),
            durable,
            decided: Position(status.decided.max(durable.0)),
            client_queue: waits.client,
            worker_queue: waits.worker,
            query_queue: waits.queries,
            disk_full: status.refusing,
            space: status.space,
            last_commit: status.last_commit,
            commits: status.commits,
            snapshot: status.snapshot,
            snapshots_made: status.snapshots_made,
            snapshot_error: status.snapshot_error,
            archived: status.archived,
            archive_error: status.archive_error,
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("journal", &self.shared.journal).finish_non_exhaustive()
    }
}
