//! The few file operations that the journal needs. The real disk and the faulting one in memory implement them, so that
//! a simulator can lose power at any of them.

use std::{io, sync::Arc};

/// One flat folder of files.
///
/// Names are plain file names without a path. What [`Disk::create`], [`Disk::rename`] and [`Disk::remove`] did is sure
/// to survive a power loss only after [`Disk::sync_dir`]. A full disk answers [`io::ErrorKind::StorageFull`].
pub trait Disk: Send + Sync + 'static {
    /// Names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes an empty file; one of the same name is emptied first.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, replacing a file of that name in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes names durable: files created, renamed and removed so far.
    fn sync_dir(&self) -> io::Result<()>;
    /// Bytes that can still be allocated; [`u64::MAX`] where there is no limit.
    fn free_bytes(&self) -> io::Result<u64>;
    /// Takes the folder for this process, until the guard is dropped.
    fn lock(&self) -> Result<LockGuard, LockError>;
    /// How a person finds the file (or, for an empty name, the folder): a path, for messages only.
    fn location(&self, name: &str) -> String;
}

/// One open file. Calls from several threads at once are fine.
pub trait DiskFile: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether there is nothing in it.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads up to `buf.len()` bytes at `offset`; 0 means the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `buf` at `offset`, growing the file where needed. After an error, any part may have been written.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;
    /// Makes the bytes written so far, and the length needed to read them, survive a power loss.
    fn sync_data(&self) -> io::Result<()>;
    /// Cuts the file, or grows it by a hole that reads as zeros and reserves no room.
    fn set_len(&self, len: u64) -> io::Result<()>;
}

/// Holds a folder for this process; dropping it gives the folder free.
pub struct LockGuard(#[expect(dead_code, reason = "kept for its Drop")] Box<dyn Send + Sync>);

impl LockGuard {
    /// Wraps whatever gives the lock free when it is dropped.
    pub fn new(inner: impl Send + Sync + 'static) -> Self {
        Self(Box::new(inner))
    }
}

impl std::fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LockGuard")
    }
}

/// Why a folder could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("the folder is taken")]
    Held {
        /// Process id of the holder, if known.
        holder: Option<u32>,
    },
    /// The lock file could not be opened or locked.
    #[error("cannot take the lock")]
    Io(#[from] io::Error),
}

/// Reads until `buf` is full or the file ends, and says how much it read.
pub(crate) fn read_full(file: &dyn DiskFile, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match file.read_at(&mut buf[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
