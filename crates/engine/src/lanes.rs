//! What waits for the writer: clients' commands, workers' commands, and questions, each bounded.

use crate::answers::Waiting;
use crate::{Done, Error, Refused};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use tokengine_core::{Command, State};
use tokio::sync::oneshot;

/// Who asks. Each has a queue of its own and a share of every batch, so that neither starves the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Clients and the operator, through the doors.
    Client,
    /// Workers, that say what they saw on networks.
    Worker,
}

/// Commands that get consecutive decisions, and where their answer goes.
#[allow(clippy::large_enum_variant, reason = "a box would cost an allocation for every command")]
pub(crate) enum Submission {
    One(Command, oneshot::Sender<Result<Done, Refused>>),
    Many(Vec<Command>, oneshot::Sender<Vec<Result<Done, Refused>>>),
}

impl Submission {
    /// The command, if there is one.
    pub(crate) fn single(&self) -> Option<&Command> {
        match self {
            Self::One(command, _) => Some(command),
            Self::Many(..) => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::Many(commands, _) => commands.len(),
        }
    }
}

/// Looks at the state and gives back what to answer once that is durable.
pub(crate) type Query = Box<dyn FnOnce(&State) -> Waiting + Send>;

#[derive(Default)]
struct Queue {
    submissions: VecDeque<Submission>,
    commands: usize,
}

impl Queue {
    /// Takes whole submissions until `room` is used up; at least one, if there is one.
    fn take(&mut self, room: usize, into: &mut Vec<Submission>) -> usize {
        let mut taken: usize = 0;
        while taken < room
            && let Some(submission) = self.submissions.pop_front()
        {
            taken = taken.saturating_add(submission.len().max(1));
            into.push(submission);
        }
        self.commands = self.commands.saturating_sub(taken);
        taken
    }
}

#[derive(Default)]
struct Inner {
    client: Queue,
    worker: Queue,
    queries: VecDeque<Query>,
    durable: u64,
    stopping: bool,
    ended: Option<Error>,
    writer_waits: bool,
}

/// The writer's inbox.
pub(crate) struct Lanes {
    inner: Mutex<Inner>,
    wake: Condvar,
    queue: usize,
}

/// How much waits, in commands and questions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    pub(crate) client: usize,
    pub(crate) worker: usize,
    pub(crate) queries: usize,
}

/// What the writer does next.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) submissions: Vec<Submission>,
    pub(crate) queries: Vec<Query>,
    /// Nothing waits, and nothing more will come.
    pub(crate) last: bool,
}

/// Questions that are answered between two batches; more wait for the next.
const QUERIES_A_ROUND: usize = 256;

impl Lanes {
    pub(crate) fn new(queue: usize) -> Self {
        Self { inner: Mutex::default(), wake: Condvar::new(), queue }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }

    fn wake_writer(&self, mut inner: MutexGuard<'_, Inner>) {
        let waits = std::mem::take(&mut inner.writer_waits);
        drop(inner);
        if waits {
            self.wake.notify_one();
        }
    }

    fn open(&self) -> Result<MutexGuard<'_, Inner>, Error> {
        let inner = self.inner();
        match &inner.ended {
            Some(error) => Err(error.clone()),
            None if inner.stopping => Err(Error::Stopped),
            None => Ok(inner),
        }
    }

    /// Takes a submission in. One that is larger than the queue is taken when the queue is empty.
    pub(crate) fn push(&self, lane: Lane, submission: Submission) -> Result<(), Error> {
        let mut inner = self.open()?;
        let queue = match lane {
            Lane::Client => &mut inner.client,
            Lane::Worker => &mut inner.worker,
        };
        let commands = queue.commands.saturating_add(submission.len().max(1));
        if commands > self.queue && !queue.submissions.is_empty() {
            return Err(Error::Busy);
        }
        queue.commands = commands;
        queue.submissions.push_back(submission);
        self.wake_writer(inner);
        Ok(())
    }

    pub(crate) fn ask(&self, query: Query) -> Result<(), Error> {
        let mut inner = self.open()?;
        if inner.queries.len() >= self.queue {
            return Err(Error::Busy);
        }
        inner.queries.push_back(query);
        self.wake_writer(inner);
        Ok(())
    }

    /// The journal is durable so far: the writer may hand over what it holds.
    pub(crate) fn durable(&self, position: u64) {
        let mut inner = self.inner();
        inner.durable = position;
        self.wake_writer(inner);
    }

    /// Nothing more is taken; what waits is still answered.
    pub(crate) fn stop(&self) {
        let mut inner = self.inner();
        inner.stopping = true;
        self.wake_writer(inner);
    }

    /// The writer is gone: whoever waits is told so, because its sender is dropped.
    pub(crate) fn end(&self, why: Error) {
        let mut inner = self.inner();
        inner.ended.get_or_insert(why);
        let waiting =
            (std::mem::take(&mut inner.client), std::mem::take(&mut inner.worker), std::mem::take(&mut inner.queries));
        self.wake_writer(inner);
        drop(waiting);
    }

    pub(crate) fn ended(&self) -> Option<Error> {
        self.inner().ended.clone()
    }

    pub(crate) fn waits(&self) -> Waits {
        let inner = self.inner();
        Waits { client: inner.client.commands, worker: inner.worker.commands, queries: inner.queries.len() }
    }

    /// Waits for work, if there is `room` for some, or until more than `durable` is durable, if that is given.
    pub(crate) fn next(&self, room: usize, durable: Option<u64>, round: &mut Round) {
        let mut inner = self.inner();
        while !inner.fill(room, durable, round) {
            inner.writer_waits = true;
            inner = self.wake.wait(inner).expect("no holder of this lock panics");
            inner.writer_waits = false;
        }
    }

    /// As [`Lanes::next`], but does not wait. Returns whether it would not have had to.
    pub(crate) fn try_next(&self, room: usize, durable: Option<u64>, round: &mut Round) -> bool {
        self.inner().fill(room, durable, round)
    }
}

impl Inner {
    /// Takes what the writer does next, if there is anything to be done.
    fn fill(&mut self, room: usize, durable: Option<u64>, round: &mut Round) -> bool {
        let commands = !self.client.submissions.is_empty() || !self.worker.submissions.is_empty();
        if !self.queries.is_empty() || (commands && room > 0) {
            // Half for the workers, and what they leave for the clients.
            let workers = self.worker.take(room.div_ceil(2), &mut round.submissions);
            let clients = self.client.take(room.saturating_sub(workers).max(room.div_ceil(2)), &mut round.submissions);
            self.worker.take(room.saturating_sub(workers.saturating_add(clients)), &mut round.submissions);
            let queries = self.queries.len().min(QUERIES_A_ROUND);
            round.queries.extend(self.queries.drain(..queries));
            return true;
        }
        if self.stopping && !commands {
            round.last = true;
            return true;
        }
        self.ended.is_some() || durable.is_some_and(|durable| self.durable > durable)
    }
}
