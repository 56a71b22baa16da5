//! The log thread: writes and syncs what has gathered while the caller fills the next batch. There is no timer: while a
//! sync is under way the next batches gather by themselves, and the next sync takes them all.

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

/// Hands batches to the log thread. There is one, so the order of calls is the order of positions. Dropping it without
/// [`Appender::close`] writes what was handed over and leaves the next start a recovery.
pub struct Appender {
    shared: Arc<Shared>,
    spares: Arc<Spares>,
    feed: Feed,
    recovery: Recovery,
    options: Options,
    /// Position of the last record handed over.
    last: u64,
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
    let shared = Arc::new(Shared { queue: Mutex::default(), work: Condvar::new(), taken: Condvar::new() });
    let spares = Arc::clone(&journal.spares);
    let (feed, recovery, last) = (journal.feed(), journal.recovery().clone(), journal.head().position);
    let options = journal.options.clone();
    let location = journal.disk.location("");
    let spawn_error = |source| Error::Io { what: "start a thread for", file: location, source: Arc::new(source) };

    let keeper = thread::Builder::new().name("journal-spares".into()).spawn({
        let (spares, retry) = (Arc::clone(&spares), options.full_disk_retry);
        move || spares.keep(retry)
    });
    // On failure the journal is dropped, which ends the keeper too.
    let keeper = keeper.map_err(spawn_error.clone())?;
    let log = thread::Builder::new().name("journal-log".into()).spawn({
        let shared = Arc::clone(&shared);
        move || run(journal, &shared, on_progress)
    });
    let log = log.map_err(spawn_error)?;
    Ok(Appender { shared, spares, feed, recovery, options, last, log: Some(log), keeper: Some(keeper) })
}

/// Tells the appender that the log thread is gone, even if a callback panicked.
struct EndOnDrop<'a>(&'a Shared);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end(Error::Closed);
    }
}

fn run(mut journal: Journal, shared: &Shared, mut on_progress: OnProgress) -> Result<Head, Error> {
    let _end = EndOnDrop(shared);
    loop {
        let mut queue = shared.queue();
        while queue.batches.is_empty() && queue.stop.is_none() {
            queue = shared.work.wait(queue).expect("no holder of this lock panics");
        }
        if queue.batches.is_empty() {
            let stop = queue.stop;
            drop(queue);
            return if stop == Some(Stop::Close) { journal.close() } else { Ok(journal.head()) };
        }
        let mut batches = mem::take(&mut queue.batches);
        queue.bytes = 0;
        drop(queue);
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
    /// The fault that stopped the journal, now or before.
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
