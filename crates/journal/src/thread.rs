//! The log thread: writes and syncs what has gathered while the caller fills the next batch. There is no timer: while a
//! sync is under way the next batches gather by themselves, and the next sync takes them all.
//!
//! The thread is a shell around [`Log`], which a simulator steps by hand.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

use crate::{
    batch::Batch,
    error::Error,
    format::Head,
    journal::{Journal, Options},
    open::Recovery,
    reader::Feed,
    spares::{Space, Spares, Urgency},
};

/// Memory kept in buffers for [`Appender::buffer`]: fresh memory costs more than the copy into it.
const KEPT_BYTES: usize = 64 << 20;

/// What the log thread reports after every sync.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Everything up to here survives any crash: its answers may leave.
    Durable(Head),
    /// A write or a sync failed. Stop the process at once: what was not durable yet may or may not be on disk.
    Fatal(&'a Error),
}

type OnProgress = Box<dyn FnMut(Progress<'_>) + Send>;

/// A batch that was not taken, given back as it was.
#[derive(Debug)]
pub struct Refused {
    /// Why: [`Error::DiskFull`] and [`Error::BatchTooLarge`] concern this batch only; any other error is the end.
    pub error: Error,
    /// The batch.
    pub batch: Batch,
}

/// Hands batches to the log thread, or to the [`Log`] of whoever does its work. There is one, so the order of calls is the
/// order of positions. Dropping it without [`Appender::close`] writes what was handed over and leaves the next start a
/// recovery.
pub struct Appender {
    shared: Arc<Shared>,
    spares: Arc<Spares>,
    feed: Feed,
    recovery: Recovery,
    options: Options,
    /// Position of the last record handed over.
    last: u64,
    /// Nobody takes what is handed over until the caller lets go, so that a full queue is not waited for.
    by_hand: bool,
    log: Option<JoinHandle<Result<Head, Error>>>,
    keeper: Option<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// There is work, or it is time to stop.
    work: Condvar,
    /// The log thread took the queue, or ended.
    taken: Condvar,
}

#[derive(Default)]
struct Queue {
    batches: VecDeque<(Batch, u64)>,
    bytes: u64,
    buffers: Vec<Batch>,
    stop: Option<Stop>,
    ended: Option<Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Close,
    Drop,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no holder of this lock panics")
    }

    fn end(&self, why: Error) {
        self.queue().ended.get_or_insert(why);
        self.taken.notify_all();
    }
}

pub(crate) fn start(journal: Journal, on_progress: OnProgress) -> Result<Appender, Error> {
    let (spares, retry) = (Arc::clone(&journal.spares), journal.options.full_disk_retry);
    let location = journal.disk.location("");
    let spawn_error = |source| Error::Io { what: "start a thread for", file: location, source: Arc::new(source) };
    let (mut appender, log) = split(journal, on_progress);

    let keeper = thread::Builder::new().name("journal-spares".into()).spawn(move || spares.keep(retry));
    // On failure the journal is dropped, which ends the keeper too.
    let keeper = keeper.map_err(spawn_error.clone())?;
    let log = thread::Builder::new().name("journal-log".into()).spawn(move || log.run());
    appender.log = Some(log.map_err(spawn_error)?);
    appender.keeper = Some(keeper);
    Ok(appender)
}

pub(crate) fn start_by_hand(journal: Journal, on_progress: OnProgress) -> (Appender, Log) {
    journal.spares.keep_by_hand();
    let (mut appender, log) = split(journal, on_progress);
    appender.by_hand = true;
    (appender, log)
}

fn split(journal: Journal, on_progress: OnProgress) -> (Appender, Log) {
    let shared = Arc::new(Shared { queue: Mutex::default(), work: Condvar::new(), taken: Condvar::new() });
    let spares = Arc::clone(&journal.spares);
    let (feed, recovery, last) = (journal.feed(), journal.recovery().clone(), journal.head().position);
    let options = journal.options.clone();
    let log = Log { end: EndOnDrop(Arc::clone(&shared)), journal, on_progress };
    let appender = Appender { shared, spares, feed, recovery, options, last, by_hand: false, log: None, keeper: None };
    (appender, log)
}

/// Tells the appender that nothing will be written any more, even if a callback panicked.
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end(Error::Closed);
    }
}

/// What the log thread does. In production it has that thread; a simulator takes its steps when it likes.
pub struct Log {
    end: EndOnDrop,
    journal: Journal,
    on_progress: OnProgress,
}

impl Log {
    fn run(mut self) -> Result<Head, Error> {
        loop {
            let mut queue = self.end.0.queue();
            while queue.batches.is_empty() && queue.stop.is_none() {
                queue = self.end.0.work.wait(queue).expect("no holder of this lock panics");
            }
            let stop = queue.stop.filter(|_| queue.batches.is_empty());
            drop(queue);
            match stop {
                Some(Stop::Close) => return self.journal.close(),
                Some(Stop::Drop) => return Ok(self.journal.head()),
                None => drop(self.step()?),
            }
        }
    }

    /// Writes and syncs everything that was handed over, and reports it. Returns whether there was anything.
    ///
    /// # Errors
    /// A failed write or sync, which was reported too: the process must stop at once.
    pub fn step(&mut self) -> Result<bool, Error> {
        let Self { end: EndOnDrop(shared), journal, on_progress } = self;
        let mut queue = shared.queue();
        let mut batches = mem::take(&mut queue.batches);
        queue.bytes = 0;
        drop(queue);
        if batches.is_empty() {
            return Ok(false);
        }
        shared.taken.notify_all();

        let written = batches.iter_mut().try_for_each(|(batch, time)| journal.write_admitted(batch, *time).map(drop));
        match written.and_then(|()| journal.sync()) {
            Ok(head) => on_progress(Progress::Durable(head)),
            Err(error) => {
                on_progress(Progress::Fatal(&error));
                shared.end(error.clone());
                return Err(error);
            }
        }
        let mut queue = shared.queue();
        let mut kept: usize = queue.buffers.iter().map(Batch::capacity).sum();
        for (batch, _) in batches {
            kept += batch.capacity();
            if kept > KEPT_BYTES {
                break;
            }
            queue.buffers.push(batch);
        }
        Ok(true)
    }

    /// Makes one segment ahead if some are missing, as a thread of its own does in production. Returns whether it did.
    pub fn make_ahead(&self) -> bool {
        self.journal.spares.keep_step()
    }

    /// Writes what was handed over, and ends in order as [`Journal::close`] does.
    ///
    /// # Errors
    /// As [`Log::step`] and [`Journal::close`].
    pub fn close(mut self) -> Result<Head, Error> {
        while self.step()? {}
        self.journal.close()
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl Appender {
    /// What opening the journal found and did.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// For readers, followers, backups, and to wait until something is durable.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Position that the next record handed over will get.
    pub fn next_position(&self) -> u64 {
        self.last + 1
    }

    /// How much may still be written.
    pub fn space(&self) -> Space {
        self.spares.space()
    }

    /// An empty batch, with the memory of an earlier one where possible.
    pub fn buffer(&self) -> Batch {
        self.shared.queue().buffers.pop().unwrap_or_default()
    }

    /// Whether a batch of up to `disk_bytes` ([`Batch::disk_bytes_for`]) will be taken. Ask before deciding what cannot
    /// be undone: after `Ok`, the next [`Appender::append`] of a batch of that size or less, with the same urgency, is
    /// not refused for room. May wait for a segment to be made ready, never for a full disk.
    ///
    /// # Errors
    /// [`Error::DiskFull`] while only the reserve is left (normal) or nothing is (essential);
    /// [`Error::BatchTooLarge`]; else the fault that stopped the journal.
    pub fn admits(&self, disk_bytes: u64, urgency: Urgency) -> Result<(), Error> {
        self.spares.check(disk_bytes, urgency)
    }

    /// Hands a batch over, and returns the position of its last record at once; it is durable when the mark says so.
    /// Waits while too much is queued. An empty batch changes nothing.
    ///
    /// # Errors
    /// [`Refused`] with the batch. [`Error::DiskFull`] and [`Error::BatchTooLarge`] leave the journal going; any other
    /// error is fatal.
    pub fn append(&mut self, batch: Batch, time_ms: u64, urgency: Urgency) -> Result<u64, Refused> {
        if batch.is_empty() {
            return Ok(self.last);
        }
        let (bytes, count) = (batch.disk_bytes(), u64::from(batch.count()));
        if let Err(error) = self.spares.admit(bytes, urgency) {
            return Err(Refused { error, batch });
        }
        let mut queue = self.shared.queue();
        while queue.ended.is_none()
            && !self.by_hand
            && (queue.batches.len() >= self.options.queue_batches
                || (queue.bytes + bytes > self.options.queue_bytes && !queue.batches.is_empty()))
        {
            queue = self.shared.taken.wait(queue).expect("no holder of this lock panics");
        }
        if let Some(error) = queue.ended.clone() {
            return Err(Refused { error, batch });
        }
        queue.batches.push_back((batch, time_ms));
        queue.bytes += bytes;
        drop(queue);
        self.shared.work.notify_one();
        self.last += count;
        Ok(self.last)
    }

    /// Whether the log thread has taken everything that was handed over, so that more gathering gains nothing.
    pub fn is_idle(&self) -> bool {
        self.shared.queue().batches.is_empty()
    }

    /// Writes and syncs what was handed over, leaves the marker of an orderly end, and gives the folder free.
    ///
    /// # Errors
    /// The fault that stopped the journal, now or before; [`Error::Closed`] where there is no log thread, see
    /// [`Log::close`].
    pub fn close(mut self) -> Result<Head, Error> {
        self.stop(Stop::Close)
    }

    fn stop(&mut self, how: Stop) -> Result<Head, Error> {
        self.shared.queue().stop.get_or_insert(how);
        self.shared.work.notify_one();
        let result = self.log.take().map_or(Err(Error::Closed), |log| log.join().unwrap_or(Err(Error::Closed)));
        if let Some(keeper) = self.keeper.take() {
            // The log thread dropped the journal, which ended the spares; a panic of the keeper has no one to tell.
            let _ = keeper.join();
        }
        result
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        if self.log.is_some() {
            let _ = self.stop(Stop::Drop); // who cares about the outcome calls close
        }
    }
}

impl std::fmt::Debug for Appender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appender").field("last", &self.last).finish_non_exhaustive()
    }
}
