//! A durable log: batches of opaque records, chained by BLAKE3, in pre-zeroed segment files.
//!
//! It owns positions (the first record is 1), bytes on disk, what "durable" means, recovery after a crash, and reading
//! back. It promises that a record at or below the durable position survives any crash, that no record appears that
//! was not written, and that a changed byte of history is found. **It never learns what a record means**: events,
//! snapshots and cursors belong to others.
//!
//! ```
//! use std::sync::Arc;
//! use tokengine_journal::{Batch, Journal, Options, Progress, Urgency, mem::MemDisk};
//!
//! # fn main() -> Result<(), tokengine_journal::Error> {
//! let options = Options { segment_bytes: 64 << 10, reserve_bytes: 64 << 10, ..Options::new([7; 32].into()) };
//! let journal = Journal::open(Arc::new(MemDisk::new()), options)?;
//! let feed = journal.feed();
//! // The log thread writes and syncs while the caller fills the next batch.
//! let mut appender = journal.start(|progress| match progress {
//!     Progress::Durable(head) => println!("durable up to {}", head.position),
//!     Progress::Fatal(error) => panic!("stop at once: {error}"),
//! })?;
//! let mut batch: Batch = appender.buffer();
//! batch.push(b"deposit seen");
//! batch.push(b"deposit credited");
//! let last = appender.append(batch, 1_700_000_000_000, Urgency::Normal).map_err(|refused| refused.error)?;
//! feed.mark().wait(last)?; // answers leave only now
//!
//! let mut reader = feed.reader(1);
//! assert_eq!(reader.next_record()?.expect("it is durable").bytes, b"deposit seen");
//! assert_eq!(appender.close()?.position, 2);
//! # Ok(())
//! # }
//! ```

mod archive;
mod batch;
mod catalog;
mod disk;
mod error;
mod file;
mod format;
mod journal;
mod mark;
pub mod mem;
mod open;
mod reader;
mod scan;
mod spares;
mod thread;
mod verify;

pub use archive::{Backup, restore};
pub use batch::Batch;
pub use disk::{Disk, DiskFile, LockError, LockGuard};
pub use error::Error;
pub use file::FileDisk;
pub use format::{BLOCK_BYTES, ChainHash, FORMAT_VERSION, Head};
pub use journal::{Journal, Options};
pub use mark::DurableMark;
pub use open::{Cut, Recovery};
pub use reader::{Feed, Reader, Record, RecordBatch, Records};
pub use spares::{Space, Urgency};
pub use thread::{Appender, Log, Progress, Refused};
pub use verify::{Verified, VerifyProgress, verify};
