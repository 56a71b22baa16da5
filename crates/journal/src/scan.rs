//! Walks the batches of one segment and checks every byte: the only code that parses a segment.

use std::sync::Arc;

use crate::{
    disk::{self, Disk, DiskFile},
    error::Error,
    format::{
        self, BLOCK, BLOCK_BYTES, ChainHash, FORMAT_VERSION, Flaw, HASH_LEN, HEADER_LEN, Head, Header, SegmentHeader,
    },
};

/// Read at once where batches are smaller.
const WINDOW: usize = 1 << 20;

/// One whole, checked batch; its bytes are in the scanner's window until the next call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) header: Header,
    pub(crate) offset: u64,
    pub(crate) hash: ChainHash,
}

#[derive(Debug)]
pub(crate) enum Step {
    Batch(Found),
    /// A zero block or the end of the file.
    End,
    Damage(&'static str),
}

/// What lies behind the last good batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rest {
    /// Offset of the first block that is not zero.
    pub(crate) dirty: Option<u64>,
    /// The highest durable mark of any whole header in it.
    pub(crate) mark: u64,
}

/// Where the good part of a segment ends, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned {
    pub(crate) head: Head,
    pub(crate) end: u64,
    pub(crate) batches: u64,
    /// The highest durable mark of any header, good or behind damage.
    pub(crate) mark: u64,
    pub(crate) damage: Option<Damage>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Damage {
    pub(crate) offset: u64,
    pub(crate) reason: &'static str,
}

pub(crate) struct Scanner {
    disk: Arc<dyn Disk>,
    name: String,
    file: Arc<dyn DiskFile>,
    seed: u32,
    /// Offset of the next batch.
    pub(crate) offset: u64,
    /// Position that the next batch must start with.
    pub(crate) next: u64,
    /// Hash that the next batch must name; none after a jump.
    pub(crate) previous: Option<ChainHash>,
    window: Vec<u8>,
    window_at: u64,
}

/// Opens a segment and reads its header, which was synced before the file had its name, so it must be whole.
pub(crate) fn open_segment(disk: &dyn Disk, name: &str) -> Result<(Arc<dyn DiskFile>, SegmentHeader), Error> {
    let file = disk.open(name).map_err(|e| Error::io(disk, "open", name, e))?;
    let mut block = [0; BLOCK];
    let read = disk::read_full(&*file, &mut block, 0).map_err(|e| Error::io(disk, "read", name, e))?;
    match SegmentHeader::decode(&block[..read]) {
        Ok(header) => Ok((file, header)),
        Err(Flaw::Damaged(reason)) => Err(Error::corrupt(disk, name, 0, reason)),
        Err(Flaw::Version(found)) => Err(unknown_format(disk, name, 0, found)),
    }
}

fn unknown_format(disk: &dyn Disk, name: &str, offset: u64, found: u16) -> Error {
    Error::UnknownFormat { file: disk.location(name), offset, found, supported: FORMAT_VERSION }
}

impl Scanner {
    /// Starts at the first batch of a segment whose header was read.
    pub(crate) fn new(disk: Arc<dyn Disk>, name: String, file: Arc<dyn DiskFile>, header: &SegmentHeader) -> Self {
        Self {
            disk,
            name,
            file,
            seed: format::checksum_seed(&header.genesis),
            offset: BLOCK_BYTES,
            next: header.first,
            previous: Some(header.previous),
            window: Vec::new(),
            window_at: 0,
        }
    }

    /// Goes to a batch that is known to start there.
    pub(crate) fn jump(&mut self, position: u64, offset: u64) {
        if offset != self.offset {
            (self.next, self.offset, self.previous) = (position, offset, None);
        }
    }

    /// Forgets what was read ahead, because more may have been written since.
    pub(crate) fn forget(&mut self) {
        self.window.clear();
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn file(&self) -> &dyn DiskFile {
        &*self.file
    }

    /// Checks the next batch and goes behind it.
    pub(crate) fn step(&mut self) -> Result<Step, Error> {
        let offset = self.offset;
        let header = match self.peek()? {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(Step::End),
            Err(reason) => return Ok(Step::Damage(reason)),
        };
        let previous = self.previous;
        let bytes = self.load(offset, header.disk_len())?;
        if (bytes.len() as u64) < header.disk_len() {
            return Ok(Step::Damage("the file ends inside the batch"));
        }
        let payload_end = HEADER_LEN + header.payload_len as usize;
        let hash = ChainHash::from(*blake3::hash(&bytes[..payload_end]).as_bytes());
        let (stored, padding) = bytes[payload_end..].split_at(HASH_LEN);
        let flaw = if previous.is_some_and(|previous| previous != header.previous) {
            Some("the batch does not follow the one before")
        } else if stored != hash.as_bytes() {
            Some("the hash of the batch does not match")
        } else if padding.iter().any(|byte| *byte != 0) {
            Some("the batch is not followed by zeros")
        } else if !format::payload_has(&bytes[HEADER_LEN..payload_end], header.count) {
            Some("the batch does not hold the records that it counts")
        } else {
            None
        };
        if let Some(reason) = flaw {
            return Ok(Step::Damage(reason));
        }
        self.offset = offset + header.disk_len();
        self.next = header.last() + 1;
        self.previous = Some(hash);
        Ok(Step::Batch(Found { header, offset, hash }))
    }

    /// Goes behind the next batch without reading its payload, if all of it lies before `position`.
    pub(crate) fn skip_before(&mut self, position: u64) -> Result<bool, Error> {
        match self.peek()? {
            Ok(Some(header)) if header.last() < position => {
                self.offset += header.disk_len();
                self.next = header.last() + 1;
                self.previous = None;
                Ok(true)
            }
            _ => Ok(false), // damage is for `step` to report
        }
    }

    /// The payload of the batch that `step` just found.
    pub(crate) fn payload(&self, found: &Found) -> &[u8] {
        let start =
            usize::try_from(found.offset - self.window_at).expect("a found batch is in the window") + HEADER_LEN;
        &self.window[start..start + found.header.payload_len as usize]
    }

    /// Header of the next batch; `None` where there is nothing, `Err` inside where there is damage.
    fn peek(&mut self) -> Result<Result<Option<Header>, &'static str>, Error> {
        let (offset, seed, next) = (self.offset, self.seed, self.next);
        let block = self.load(offset, BLOCK_BYTES)?;
        if is_zero(block) {
            return Ok(Ok(None));
        }
        match Header::decode(block, seed) {
            Ok(header) if header.first != next => Ok(Err("the batch does not start with the next position")),
            Ok(header) => Ok(Ok(Some(header))),
            Err(Flaw::Damaged(reason)) => Ok(Err(reason)),
            Err(Flaw::Version(found)) => Err(unknown_format(&*self.disk, &self.name, offset, found)),
        }
    }

    /// Looks through everything from `from` to the end of the file.
    pub(crate) fn rest(&mut self, from: u64) -> Result<Rest, Error> {
        let mut rest = Rest::default();
        let mut at = from;
        loop {
            let seed = self.seed;
            let bytes = self.load(at, WINDOW as u64)?;
            if bytes.is_empty() {
                return Ok(rest);
            }
            let len = bytes.len() as u64;
            let mut unknown = None;
            if !is_zero(bytes) {
                for (i, block) in bytes.chunks(BLOCK).enumerate().filter(|(_, block)| !is_zero(block)) {
                    let offset = at + i as u64 * BLOCK_BYTES;
                    rest.dirty.get_or_insert(offset);
                    match Header::decode(block, seed) {
                        Ok(header) => rest.mark = rest.mark.max(header.durable),
                        Err(Flaw::Version(found)) => unknown = Some((offset, found)),
                        Err(Flaw::Damaged(_)) => {}
                    }
                }
            }
            if let Some((offset, found)) = unknown {
                return Err(unknown_format(&*self.disk, &self.name, offset, found));
            }
            at += len;
        }
    }

    /// Walks to the end, or until `limit` is reached, and looks at what follows.
    pub(crate) fn run(&mut self, limit: u64, mut on_batch: impl FnMut(&Found)) -> Result<Scanned, Error> {
        let hash = self.previous.expect("a run starts at the start of a segment");
        let mut head = Head { position: self.next - 1, hash };
        let mut batches = 0;
        // The name of a segment is given only after everything before it was synced.
        let mut mark = head.position;
        let damage = loop {
            if head.position >= limit {
                return Ok(Scanned { head, end: self.offset, batches, mark, damage: None });
            }
            match self.step()? {
                Step::Batch(found) => {
                    head = Head { position: found.header.last(), hash: found.hash };
                    mark = mark.max(found.header.durable);
                    batches += 1;
                    on_batch(&found);
                }
                Step::End => break None,
                Step::Damage(reason) => break Some(Damage { offset: self.offset, reason }),
            }
        };
        let rest = self.rest(self.offset)?;
        let hole = |offset| Damage { offset, reason: "there are bytes behind the end" };
        Ok(Scanned {
            head,
            end: self.offset,
            batches,
            mark: mark.max(rest.mark),
            damage: damage.or_else(|| rest.dirty.map(hole)),
        })
    }

    /// Up to `len` bytes at `offset`, fewer only at the end of the file.
    fn load(&mut self, offset: u64, len: u64) -> Result<&[u8], Error> {
        let have = self.window_at + self.window.len() as u64;
        if offset < self.window_at || offset + len > have {
            // A header that checks has an honest length, but a file may have been cut: never reserve what is not there.
            let error = |e| Error::io(&*self.disk, "read", &self.name, e);
            let left = self.file.len().map_err(error)?.saturating_sub(offset);
            let wanted = len.max(WINDOW as u64).min(left);
            self.window.resize(usize::try_from(wanted).expect("a segment fits into memory"), 0);
            let read = disk::read_full(&*self.file, &mut self.window, offset).map_err(error);
            self.window.truncate(*read.as_ref().unwrap_or(&0));
            self.window_at = offset;
            read?;
        }
        let start = usize::try_from(offset - self.window_at).expect("within the window");
        let end = self.window.len().min(start + usize::try_from(len).expect("a segment fits into memory"));
        Ok(&self.window[start.min(end)..end])
    }
}

/// Compares with zeros at the speed of memory, in builds without optimisation too: an open reads a segment of them.
fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}
