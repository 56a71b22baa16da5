//! The writer: one thread that decides and evolves, one command after the other.
//!
//! While the journal syncs one batch, the next gathers here, decided and evolved already. It is handed over as soon as
//! the disk is free; a large one at once, so that the disk never waits. At most two batches are under way. There is no
//! timer.

use crate::answers::Waiting;
use crate::lanes::{Round, Submission};
use crate::options::{Clock, Options};
use crate::shared::Shared;
use crate::{Done, Error, Refused, failpoint};
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokengine_core::{Answer, Command, Decision, Event, Position, Record, Rejection, State, Time};
use tokengine_journal::{Appender, Batch, Error as JournalError, Head, Urgency};

/// From so many bytes on a batch does not wait for the one before it.
const LARGE: usize = 128 << 10;
const MAX_BATCH_BYTES: u64 = 4 << 20;
/// More than a move takes in the journal.
const MOVE_BYTES: usize = 160;

/// What the journal has room for, as long as the open batch is not handed over.
#[derive(Clone, Copy)]
enum Room {
    /// Any command, up to so many bytes on disk.
    All(u64),
    /// Only what finishes work under way.
    Essential(u64),
    None,
}

/// What was decided and is not handed over yet.
struct Open {
    batch: Batch,
    answers: Vec<Waiting>,
    commands: usize,
    room: Option<Room>,
}

/// What a turn of the writer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It did something.
    Worked,
    /// There was nothing to do.
    Idle,
    /// Nothing more will come.
    Last,
}

pub(crate) struct Writer {
    state: State,
    appender: Appender,
    shared: Arc<Shared>,
    clock: Clock,
    max_batch: usize,
    max_bytes: u64,
    segment_bytes: u64,
    /// Written since the archive was last asked to look.
    unarchived: u64,
    open: Open,
    in_flight: VecDeque<u64>,
    /// There was no room for new work at the last look.
    refusing: bool,
    scratch: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(state: State, appender: Appender, shared: Arc<Shared>, options: &Options) -> Self {
        let segment_bytes = options.journal.segment_bytes;
        Self {
            state,
            open: Open { batch: appender.buffer(), answers: Vec::new(), commands: 0, room: None },
            appender,
            shared,
            clock: Arc::clone(&options.clock),
            max_batch: options.max_batch.max(1),
            max_bytes: MAX_BATCH_BYTES.min(segment_bytes / 2),
            segment_bytes,
            unarchived: 0,
            in_flight: VecDeque::new(),
            refusing: false,
            scratch: Vec::new(),
        }
    }

    /// Runs until it is told to stop, or cannot go on.
    pub(crate) fn run(mut self) -> Result<Head, Error> {
        let guard = Guard(Arc::clone(&self.shared));
        self.work().and_then(|()| self.appender.close().map_err(|error| guard.0.fault(error)))
    }

    fn work(&mut self) -> Result<(), Error> {
        let mut round = Round::default();
        while self.turn(&mut round, true)? != Turn::Last {}
        Ok(())
    }

    /// One turn of the loop: hands over what is due, and decides what waits. It waits for work only if it `may_wait`.
    pub(crate) fn turn(&mut self, round: &mut Round, may_wait: bool) -> Result<Turn, Error> {
        let durable = self.shared.journal.mark().position();
        while self.in_flight.pop_front_if(|last| *last <= durable).is_some() {}
        let (waits, large) = (self.in_flight.len(), self.open.batch.payload_bytes() >= LARGE || self.is_full());
        let is_due = !self.open.batch.is_empty() && (waits == 0 || (waits == 1 && large));
        if is_due {
            self.hand_over()?;
        }
        let room = self.max_batch.saturating_sub(self.open.commands);
        let progress = (!self.open.batch.is_empty()).then_some(durable);
        if may_wait {
            self.shared.lanes.next(room, progress, round);
        } else if !self.shared.lanes.try_next(room, progress, round) {
            return Ok(if is_due { Turn::Worked } else { Turn::Idle });
        }
        if let Some(error) = self.shared.lanes.ended() {
            return Err(error);
        }
        if round.last {
            self.hand_over()?;
            return Ok(Turn::Last);
        }
        self.take(round)?;
        Ok(Turn::Worked)
    }

    /// What was decided so far, durable or not.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    fn is_full(&self) -> bool {
        self.open.commands >= self.max_batch
    }

    fn take(&mut self, round: &mut Round) -> Result<(), Error> {
        // A clock that went back stands still until it has caught up.
        let now = (self.clock)().max(self.state.at());
        self.state.touch(round.submissions.iter().filter_map(Submission::single));
        for submission in round.submissions.drain(..) {
            let waiting = match submission {
                Submission::One(command, reply) => Waiting::One(reply, self.decide(&command, now)?),
                Submission::Many(commands, reply) => {
                    let mut answers = Vec::with_capacity(commands.len());
                    for some in commands.chunks(State::AHEAD) {
                        self.state.touch(some);
                        for command in some {
                            answers.push(self.decide(command, now)?);
                        }
                    }
                    Waiting::Many(reply, answers)
                }
            };
            self.open.answers.push(waiting);
        }
        for query in round.queries.drain(..) {
            let waiting = query(&self.state);
            self.open.answers.push(waiting);
        }
        if self.open.batch.is_empty() {
            // Nothing to write; but what was seen may be under way to the disk.
            if self.refusing {
                self.measure()?;
            }
            self.open.room = None;
            self.open.commands = 0;
            self.shared.answers.hold(self.state.position().0, mem::take(&mut self.open.answers));
            self.shared.answers.release(self.shared.journal.mark().position());
        }
        Ok(())
    }

    /// Decides one command and takes its event in.
    fn decide(&mut self, command: &Command, now: Time) -> Result<Result<Done, Refused>, Error> {
        if self.is_full() {
            self.hand_over()?;
        }
        self.open.commands = self.open.commands.saturating_add(1);
        let fresh = |rejection| Err(Refused { rejection, position: None, replayed: false });
        if !self.admits(command)? {
            return Ok(fresh(Rejection::DiskFull));
        }
        if self.has_room(MOVE_BYTES)
            && let Some(answer) = self.open.batch.try_push_with(|out| self.state.take_move(command, now, out))
        {
            return Ok(outcome(&answer, now, false));
        }
        let event = match self.state.decide(command, now) {
            Decision::Event(event) => event,
            Decision::Replayed(answer) => return Ok(outcome(&answer, Time::default(), true)),
            Decision::Refused(rejection) => return Ok(fresh(rejection)),
        };
        let record = Record { at: now, event };
        if let Err(rejection) = self.write(command, &record)? {
            return Ok(fresh(rejection));
        }
        let answer = self.state.evolve(&record);
        match record.event {
            Event::RecoveryEnded { .. } => self.shared.recovery_ended.store(answer.position.0, Ordering::Relaxed),
            // Before anybody hears of it: the next request of that key is refused.
            Event::KeyRevoked { .. } => {
                self.shared.keys_revoked.fetch_add(1, Ordering::Release);
            }
            _ => {}
        }
        Ok(outcome(&answer, now, false))
    }

    /// Whether the journal takes what the command may come to. Asked before anything is decided, so that nothing is
    /// taken in that cannot be written.
    fn admits(&mut self, command: &Command) -> Result<bool, Error> {
        let room = match self.open.room {
            Some(room) => room,
            None => self.measure()?,
        };
        Ok(match room {
            Room::All(_) => true,
            Room::Essential(_) => command.finishes_work(),
            Room::None => false,
        })
    }

    fn measure(&mut self) -> Result<Room, Error> {
        let (all, some) = (self.max_bytes, self.max_bytes / 8);
        let room = if self.fits(all, Urgency::Normal)? {
            Room::All(all)
        } else if self.fits(all, Urgency::Essential)? {
            Room::Essential(all)
        } else if self.fits(some, Urgency::Essential)? {
            Room::Essential(some)
        } else {
            Room::None
        };
        self.open.room = Some(room);
        self.refusing = !matches!(room, Room::All(_));
        let mut status = self.shared.status();
        status.refusing = self.refusing;
        status.space = self.appender.space();
        Ok(room)
    }

    fn fits(&self, bytes: u64, urgency: Urgency) -> Result<bool, Error> {
        match self.appender.admits(bytes, urgency) {
            Ok(()) => Ok(true),
            Err(JournalError::DiskFull { .. }) => Ok(false),
            Err(error) => Err(self.shared.fault(error)),
        }
    }

    /// Puts a record into the open batch; in a new one if it does not fit.
    fn write(&mut self, command: &Command, record: &Record) -> Result<Result<(), Rejection>, Error> {
        let is_move = matches!(record.event, Event::Moved { .. });
        let len = if is_move {
            MOVE_BYTES
        } else {
            self.scratch.clear();
            record.encode(&mut self.scratch);
            self.scratch.len()
        };
        if !self.has_room(len) {
            self.hand_over()?;
            if !self.admits(command)? {
                return Ok(Err(Rejection::DiskFull));
            }
            if !self.has_room(len) {
                let urgency =
                    if matches!(self.open.room, Some(Room::All(_))) { Urgency::Normal } else { Urgency::Essential };
                match self.appender.admits(Batch::disk_bytes_for(len.saturating_add(4)), urgency) {
                    Ok(()) => {}
                    Err(JournalError::DiskFull { .. }) => return Ok(Err(Rejection::DiskFull)),
                    // No door lets such a command in.
                    Err(JournalError::BatchTooLarge { .. }) => return Ok(Err(Rejection::TooMany)),
                    Err(error) => return Err(self.shared.fault(error)),
                }
            }
        }
        if is_move {
            self.open.batch.push_with(|buffer| record.encode(buffer));
        } else {
            self.open.batch.push(&self.scratch);
        }
        Ok(Ok(()))
    }

    fn has_room(&self, len: usize) -> bool {
        let payload = self.open.batch.payload_bytes().saturating_add(len).saturating_add(4);
        match self.open.room {
            Some(Room::All(bytes) | Room::Essential(bytes)) => Batch::disk_bytes_for(payload) <= bytes,
            Some(Room::None) | None => false,
        }
    }

    /// Gives the open batch to the journal, and its answers to whoever sees it become durable.
    fn hand_over(&mut self) -> Result<(), Error> {
        let answers = mem::take(&mut self.open.answers);
        let position = self.state.position().0;
        let room = self.open.room.take();
        self.open.commands = 0;
        self.shared.answers.hold(position, answers);
        if self.open.batch.is_empty() {
            self.shared.answers.release(self.shared.journal.mark().position());
            return Ok(());
        }
        let urgency = if matches!(room, Some(Room::Essential(_))) { Urgency::Essential } else { Urgency::Normal };
        let batch = mem::replace(&mut self.open.batch, self.appender.buffer());
        self.unarchived = self.unarchived.saturating_add(batch.disk_bytes());
        failpoint::hit("engine.before_append");
        self.shared.hand_over(position);
        self.shared.status().decided = position;
        // Room was asked for before anything was decided, so any refusal here is the end.
        let appended = self.appender.append(batch, self.state.at().0, urgency);
        let last = appended.map_err(|refused| self.shared.fault(refused.error))?;
        debug_assert_eq!(last, position, "the journal and the state count alike");
        failpoint::hit("engine.after_append");
        self.in_flight.push_back(position);
        if self.unarchived >= self.segment_bytes {
            self.unarchived = 0;
            self.shared.archive_due.store(true, Ordering::Relaxed);
            self.shared.signal.nudge();
        }
        Ok(())
    }
}

fn outcome(answer: &Answer, at: Time, replayed: bool) -> Result<Done, Refused> {
    let &Answer { position, subject, refused } = answer;
    match refused {
        None => Ok(Done { position, subject, at, replayed }),
        Some(rejection) => Err(Refused { rejection, position: Some::<Position>(position), replayed }),
    }
}

/// Tells everybody that the writer is gone, even if it panicked: what it knew is then in doubt, so the process ends.
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fatal(&Error::Fatal { why: "the writer panicked".into() });
        }
        self.0.end(Error::Stopped);
    }
}
