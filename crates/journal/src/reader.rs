//! Reading back, from any position and from any thread, up to what is durable and never beyond.

use std::{sync::Arc, time::Duration};

use crate::{
    archive::{self, Backup},
    catalog::{Catalog, RESTORED_FILE},
    disk::Disk,
    error::Error,
    format::{self, ChainHash, Head},
    mark::DurableMark,
    open,
    scan::{Found, Scanner, Step},
};

/// Everything about a journal but writing to it. Cheap to clone; stays valid while the journal runs and after it.
#[derive(Clone)]
pub struct Feed {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) mark: Arc<DurableMark>,
}

impl Feed {
    /// For a journal that no process writes to, such as a backup: takes no lock and changes nothing. Ends where
    /// recovery would, so a damaged unacknowledged end is left out.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Corrupt`], [`Error::UnknownFormat`], or what the disk says.
    pub fn read_only(disk: Arc<dyn Disk>) -> Result<Self, Error> {
        open::look(disk)
    }

    /// A reader whose first record is the one at `position` (from 1 on). It may lie ahead of what there is.
    pub fn reader(&self, position: u64) -> Reader {
        Reader { feed: self.clone(), next: position.max(1), scanner: None, seen: 0, pending: None }
    }

    /// The durable position: to ask for, and to wait for.
    pub fn mark(&self) -> &Arc<DurableMark> {
        &self.mark
    }

    /// Where the durable journal ends.
    pub fn head(&self) -> Head {
        self.mark.head()
    }

    /// Start of the hash chain: what identifies this journal.
    pub fn genesis(&self) -> ChainHash {
        self.catalog.genesis
    }

    /// Copies sealed segments that `dest` does not have yet, each synced before it gets its name. Returns how many were
    /// copied. `dest` is a folder of its own, best on another disk; it can be verified and restored from.
    ///
    /// # Errors
    /// [`Error::Foreign`] if what is in `dest` is not the start of this journal; [`Error::Corrupt`] if a copy does not
    /// check; what either disk says. Calling again goes on where it ended.
    pub fn archive(&self, dest: &Arc<dyn Disk>) -> Result<u64, Error> {
        archive::archive(self, dest)
    }

    /// Copies everything that is durable now into an empty folder, and checks the copy, while the journal runs.
    /// `on_progress` hears of bytes copied and bytes in all.
    ///
    /// # Errors
    /// [`Error::NotEmpty`]; [`Error::Corrupt`] if what was read does not check; what either disk says.
    pub fn backup(&self, dest: &Arc<dyn Disk>, on_progress: &mut dyn FnMut(u64, u64)) -> Result<Backup, Error> {
        archive::backup(self, dest, on_progress)
    }

    /// Forgets that this journal came out of a backup: call it when what must follow a restore is done and durable.
    ///
    /// # Errors
    /// [`Error::Io`]; the note is then still there.
    pub fn forget_restore(&self) -> Result<(), Error> {
        let disk = &*self.catalog.disk;
        if open::read_marker(disk, RESTORED_FILE)?.is_some() {
            disk.remove(RESTORED_FILE).map_err(|e| Error::io(disk, "remove", RESTORED_FILE, e))?;
            disk.sync_dir().map_err(|e| Error::io(disk, "sync", RESTORED_FILE, e))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("head", &self.head()).finish_non_exhaustive()
    }
}

/// One record, as long as the reader is not moved on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its position.
    pub position: u64,
    /// When its batch was written, in Unix milliseconds, by the writer's word.
    pub time_ms: u64,
    /// What was written.
    pub bytes: &'a [u8],
}

/// Records that became durable together.
#[derive(Clone, Copy, Debug)]
pub struct RecordBatch<'a> {
    /// Position of the first record in here.
    pub first: u64,
    /// Number of records in here.
    pub count: u64,
    /// When the batch was written, in Unix milliseconds, by the writer's word.
    pub time_ms: u64,
    /// Hash of the whole batch: with its last position, a [`Head`].
    pub hash: ChainHash,
    payload: &'a [u8],
}

impl<'a> RecordBatch<'a> {
    /// The records as they are in the journal, each with its length before it: for [`Records::of`] on another thread.
    pub fn encoded(&self) -> &'a [u8] {
        self.payload
    }

    /// The records in order.
    pub fn records(&self) -> Records<'a> {
        Records { position: self.first, time_ms: self.time_ms, rest: self.payload }
    }
}

/// Goes through the records of a batch.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    position: u64,
    time_ms: u64,
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Goes through records that [`RecordBatch::encoded`] gave.
    pub fn of(encoded: &'a [u8], first: u64, time_ms: u64) -> Self {
        Self { position: first, time_ms, rest: encoded }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (bytes, rest) = format::split_record(self.rest)?;
        let record = Record { position: self.position, time_ms: self.time_ms, bytes };
        self.position += 1;
        self.rest = rest;
        Some(record)
    }
}

/// Reads records in order, checking hashes on the way.
pub struct Reader {
    feed: Feed,
    /// Position of the next record to give out.
    next: u64,
    scanner: Option<Scanner>,
    /// The durable position when the scanner last started to read ahead: bytes up to there are whole in its window.
    seen: u64,
    pending: Option<Pending>,
}

/// The part of the batch in the window that was not given out yet.
#[derive(Clone, Copy)]
struct Pending {
    found: Found,
    /// Where in the payload the next record starts.
    from: usize,
}

impl Reader {
    /// The next durable record, or `None` if there is none yet.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the files do not show what was written; what the disk says.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, Error> {
        let Some(Pending { found, from }) = self.fill()? else { return Ok(None) };
        let position = self.next;
        let payload = self.scanner.as_ref().expect("a pending batch is in its window").payload(&found);
        let (bytes, rest) = format::split_record(&payload[from..]).expect("the scanner counted the records");
        self.next += 1;
        self.pending = (!rest.is_empty()).then_some(Pending { found, from: payload.len() - rest.len() });
        Ok(Some(Record { position, time_ms: found.header.time_ms, bytes }))
    }

    /// What is left of the current batch, or the next one; `None` if there is none yet.
    ///
    /// # Errors
    /// As [`Reader::next_record`].
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch<'_>>, Error> {
        let Some(Pending { found, from }) = self.fill()? else { return Ok(None) };
        let (first, last) = (self.next, found.header.last());
        self.next = last + 1;
        self.pending = None;
        let payload = self.scanner.as_ref().expect("a pending batch is in its window").payload(&found);
        Ok(Some(RecordBatch {
            first,
            count: last - first + 1,
            time_ms: found.header.time_ms,
            hash: found.hash,
            payload: &payload[from..],
        }))
    }

    /// Position of the next record to be given out.
    pub fn next_position(&self) -> u64 {
        self.next
    }

    /// Waits until there is a next record; `false` if there was none within `timeout`.
    ///
    /// # Errors
    /// [`Error::Closed`], or the fault that stopped the log, if there will be none.
    pub fn wait(&self, timeout: Duration) -> Result<bool, Error> {
        Ok(self.feed.mark.wait_timeout(self.next, timeout)?.is_some())
    }

    /// Makes sure that a batch with the next record is in the window, if that record is durable.
    fn fill(&mut self) -> Result<Option<Pending>, Error> {
        if self.pending.is_some() {
            return Ok(self.pending);
        }
        let durable = self.feed.mark.position();
        if self.next > durable {
            return Ok(None);
        }
        let mut scanner = match self.scanner.take() {
            Some(scanner) => scanner,
            None => self.seek()?,
        };
        if self.next > self.seen {
            // What was read ahead may have been half written at the time.
            scanner.forget();
            self.seen = durable;
        }
        let found = loop {
            let segment = self.feed.catalog.holding(scanner.next);
            match scanner.step()? {
                Step::Batch(found) => {
                    segment.note(found.header.first, found.offset);
                    break found;
                }
                Step::End if segment.first == scanner.next && scanner.offset != format::BLOCK_BYTES => {
                    let before = scanner.previous.map(|hash| Head { position: scanner.next - 1, hash });
                    scanner = self.enter(segment.first, before)?;
                }
                Step::End => return Err(self.corrupt(&scanner, "acknowledged records are missing")),
                Step::Damage(reason) => return Err(self.corrupt(&scanner, reason)),
            }
        };
        let payload = scanner.payload(&found);
        let mut rest = payload;
        for _ in found.header.first..self.next {
            rest = format::split_record(rest).expect("the scanner counted the records").1;
        }
        let from = payload.len() - rest.len();
        self.scanner = Some(scanner);
        self.pending = Some(Pending { found, from });
        Ok(self.pending)
    }

    /// Goes to the batch with the next record, from the nearest one that is known.
    fn seek(&self) -> Result<Scanner, Error> {
        let segment = self.feed.catalog.holding(self.next);
        let mut scanner = self.enter(segment.first, None)?;
        let (position, offset) = segment.nearest(self.next);
        scanner.jump(position, offset);
        while scanner.skip_before(self.next)? {
            segment.note(scanner.next, scanner.offset);
        }
        Ok(scanner)
    }

    fn enter(&self, first: u64, before: Option<Head>) -> Result<Scanner, Error> {
        let before = before.map(|head| (head, self.feed.catalog.genesis));
        Ok(open::open_checked(&self.feed.catalog.disk, first, before)?.0)
    }

    fn corrupt(&self, scanner: &Scanner, reason: &'static str) -> Error {
        Error::corrupt(&*self.feed.catalog.disk, scanner.name(), scanner.offset, reason)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("next", &self.next).finish_non_exhaustive()
    }
}
