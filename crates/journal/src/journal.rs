//! The writer: appends batches to the active segment and makes them durable. One thread, no clock, no randomness; the
//! log thread drives it in production, a simulator may drive it step by step.

use std::{sync::Arc, time::Duration};

use crate::{
    batch::Batch,
    catalog::{self, Catalog, Segment},
    disk::{Disk, DiskFile, LockGuard},
    error::Error,
    format::{BLOCK_BYTES, ChainHash, Head, SegmentHeader},
    mark::DurableMark,
    open::{self, Recovery},
    reader::Feed,
    spares::{Space, Spares, Urgency},
    thread::{self, Appender, Log, Progress},
};

/// How a journal is laid out and run. Only the genesis hash is fixed for ever.
#[derive(Clone, Debug)]
pub struct Options {
    /// Start of the hash chain, used when the journal is created. Make it unguessable, so that no two journals share it.
    pub genesis: ChainHash,
    /// Size of a segment file in bytes, a multiple of 512 from 4 KiB to 2 GiB. The largest batch is a little smaller.
    pub segment_bytes: u64,
    /// Bytes kept ready that only [`Urgency::Essential`] batches may use. Besides them, one segment is kept ready to go
    /// on in and one for a recovery on a full disk, so a new folder takes the reserve, in whole segments, and three more.
    pub reserve_bytes: u64,
    /// Batches that may wait for the log thread before [`Appender::append`] waits too.
    pub queue_batches: usize,
    /// Bytes that may wait for the log thread before [`Appender::append`] waits too.
    pub queue_bytes: u64,
    /// How often a full disk is asked for room again.
    pub full_disk_retry: Duration,
}

impl Options {
    /// 64 MiB segments, a reserve of one of them, 8 batches or 32 MiB in the queue, a full disk asked once a second.
    pub fn new(genesis: ChainHash) -> Self {
        Self {
            genesis,
            segment_bytes: 64 << 20,
            reserve_bytes: 64 << 20,
            queue_batches: 8,
            queue_bytes: 32 << 20,
            full_disk_retry: Duration::from_secs(1),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let sound = (4 << 10..=2 << 30).contains(&self.segment_bytes)
            && self.segment_bytes.is_multiple_of(BLOCK_BYTES)
            && self.reserve_bytes <= 1 << 40
            && self.queue_batches > 0;
        let what =
            "a segment is a multiple of 512 bytes from 4 KiB to 2 GiB, the reserve at most 1 TiB, the queue not empty";
        if sound { Ok(()) } else { Err(Error::BadOptions { what }) }
    }
}

/// An open journal, with the folder's lock. Dropping it without [`Journal::close`] is an unclean stop, which is safe.
pub struct Journal {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) spares: Arc<Spares>,
    pub(crate) mark: Arc<DurableMark>,
    pub(crate) tail: Tail,
    pub(crate) head: Head,
    pub(crate) recovery: Recovery,
    pub(crate) options: Options,
    /// After a failed write or sync nothing more is taken.
    pub(crate) failed: Option<Error>,
    #[expect(dead_code, reason = "kept for its Drop; last, so that the folder is free only when all else is gone")]
    pub(crate) lock: LockGuard,
}

/// The segment that is written to.
pub(crate) struct Tail {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the next batch goes.
    pub(crate) offset: u64,
    pub(crate) capacity: u64,
    pub(crate) synced: bool,
}

impl Tail {
    pub(crate) fn left(&self) -> u64 {
        self.capacity.saturating_sub(self.offset)
    }
}

impl Journal {
    /// Takes the folder and opens its journal, or makes one; after an unclean stop, recovers it first.
    ///
    /// # Errors
    /// [`Error::Locked`]; [`Error::Corrupt`] if something that was acknowledged is damaged (nothing is changed then);
    /// [`Error::UnknownFormat`]; [`Error::DiskFull`]; [`Error::BadOptions`]; whatever the disk says.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<Self, Error> {
        open::open(disk, options)
    }

    /// What opening found and did.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Start of the hash chain: what identifies this journal.
    pub fn genesis(&self) -> ChainHash {
        self.catalog.genesis
    }

    /// The last record written, durable or not.
    pub fn head(&self) -> Head {
        self.head
    }

    /// For readers, followers and backups; stays valid while the journal runs.
    pub fn feed(&self) -> Feed {
        Feed { catalog: Arc::clone(&self.catalog), mark: Arc::clone(&self.mark) }
    }

    /// How much may still be written.
    pub fn space(&self) -> Space {
        self.spares.space()
    }

    /// Writes a batch and empties it; it is durable after [`Journal::sync`]. Returns the position of its last record.
    /// An empty batch changes nothing.
    ///
    /// # Errors
    /// [`Error::DiskFull`] and [`Error::BatchTooLarge`]: nothing was written, the batch is as before, and the journal
    /// goes on. Any other error is fatal: the journal takes no more.
    pub fn write(&mut self, batch: &mut Batch, time_ms: u64, urgency: Urgency) -> Result<u64, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if !batch.is_empty() {
            match self.spares.admit_alone(batch.disk_bytes(), urgency) {
                Err(error @ (Error::DiskFull { .. } | Error::BatchTooLarge { .. })) => return Err(error),
                other => self.watch(other)?,
            }
        }
        self.write_admitted(batch, time_ms)
    }

    /// Makes everything written so far durable, and publishes it.
    ///
    /// # Errors
    /// Fatal: what was not durable before may or may not be on disk. Stop the process; opening again finds out.
    pub fn sync(&mut self) -> Result<Head, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let synced = self.sync_tail();
        self.watch(synced).map(|()| self.head)
    }

    /// Starts the log thread, which writes and syncs what the [`Appender`] hands over, and a thread that makes segments
    /// ahead. `on_progress` runs on the log thread after every sync, so it should be quick; after
    /// [`Progress::Fatal`] the process must stop at once.
    ///
    /// # Errors
    /// [`Error::Io`] if the threads cannot be started.
    pub fn start(self, on_progress: impl FnMut(Progress<'_>) + Send + 'static) -> Result<Appender, Error> {
        thread::start(self, Box::new(on_progress))
    }

    /// As [`Journal::start`] without threads: the caller does their work with the [`Log`]. Nothing waits for anything then:
    /// a missing segment is made on the caller's thread, and the queue has no bound but the caller's.
    pub fn start_by_hand(self, on_progress: impl FnMut(Progress<'_>) + Send + 'static) -> (Appender, Log) {
        thread::start_by_hand(self, Box::new(on_progress))
    }

    /// Syncs, and leaves the marker that spares the next start a recovery.
    ///
    /// # Errors
    /// As [`Journal::sync`].
    pub fn close(mut self) -> Result<Head, Error> {
        let head = self.sync()?;
        // Without the marker the next start takes longer, no more, so a full disk does not fail the close.
        match open::write_marker(&*self.disk, catalog::CLEAN_FILE, &head) {
            Ok(()) | Err(Error::DiskFull { .. }) => Ok(head),
            Err(error) => Err(error),
        }
    }

    /// Forgets that this journal came out of a backup: call it when what must follow a restore is done and durable.
    ///
    /// # Errors
    /// [`Error::Io`]; the note is then still there.
    pub fn forget_restore(&mut self) -> Result<(), Error> {
        self.feed().forget_restore()?;
        self.recovery.restored = None;
        Ok(())
    }

    /// Writes a batch for which room was set aside.
    pub(crate) fn write_admitted(&mut self, batch: &mut Batch, time_ms: u64) -> Result<u64, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if batch.is_empty() {
            return Ok(self.head.position);
        }
        let written = self.put(batch, time_ms);
        batch.clear();
        self.watch(written).map(|()| self.head.position)
    }

    fn put(&mut self, batch: &mut Batch, time_ms: u64) -> Result<(), Error> {
        let (len, count) = (batch.disk_bytes(), u64::from(batch.count()));
        if len > self.tail.left() {
            self.roll()?;
        }
        let first = self.head.position + 1;
        let hash = batch.seal(first, time_ms, self.mark.position(), self.head.hash, self.catalog.seed);
        self.tail.synced = false;
        let Tail { segment, file, offset, .. } = &self.tail;
        file.write_at(batch.sealed_bytes(), *offset)
            .map_err(|e| Error::io(&*self.disk, "write", &segment.name(), e))?;
        segment.note(first, *offset);
        self.tail.offset += len;
        self.head = Head { position: self.head.position + count, hash };
        Ok(())
    }

    fn sync_tail(&mut self) -> Result<(), Error> {
        if !self.tail.synced {
            self.tail.file.sync_data().map_err(|e| Error::sync(&*self.disk, &self.tail.segment.name(), e))?;
            self.tail.synced = true;
            self.mark.publish(self.head);
        }
        Ok(())
    }

    /// Seals the active segment and goes on in a spare. A segment has its name only when everything before it is
    /// durable, so a name alone proves that.
    fn roll(&mut self) -> Result<(), Error> {
        let sealed = self.tail.segment.name();
        self.tail.synced = false; // so that one sync covers the new length too
        self.tail.file.set_len(self.tail.offset).map_err(|e| Error::io(&*self.disk, "cut", &sealed, e))?;
        self.sync_tail()?;
        let disk = &*self.disk;
        let spare = self.spares.take();
        let file = disk.open(&spare).map_err(|e| Error::io(disk, "open", &spare, e))?;
        let capacity = file.len().map_err(|e| Error::io(disk, "read", &spare, e))?;
        let first = self.head.position + 1;
        let header = SegmentHeader { first, genesis: self.catalog.genesis, previous: self.head.hash };
        file.write_at(&header.encode(), 0).map_err(|e| Error::io(disk, "write", &spare, e))?;
        file.sync_data().map_err(|e| Error::sync(disk, &spare, e))?;
        let segment = Arc::new(Segment::new(first));
        disk.rename(&spare, &segment.name()).map_err(|e| Error::io(disk, "rename", &spare, e))?;
        disk.sync_dir().map_err(|e| Error::sync(disk, "", e))?;
        self.catalog.push(Arc::clone(&segment));
        self.tail = Tail { segment, file, offset: BLOCK_BYTES, capacity, synced: true };
        Ok(())
    }

    fn watch(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        result.inspect_err(|error| {
            self.failed = Some(error.clone());
            self.mark.end(error.clone());
            self.spares.end(error.clone());
        })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.mark.end(Error::Closed);
        self.spares.end(Error::Closed);
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("head", &self.head).field("recovery", &self.recovery).finish_non_exhaustive()
    }
}
