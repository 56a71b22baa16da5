//! What can go wrong, with the file and the byte where it did.

use std::{io, sync::Arc};

use crate::disk::Disk;

/// A fault of the journal. Cloneable, because a fatal one is told to every waiter.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an operation that is not a sync. After a failed write the journal takes no more.
    #[error("cannot {what} {file}")]
    Io {
        /// The operation, as a verb: `read`, `write`, `rename`.
        what: &'static str,
        /// Path or name of the file.
        file: String,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// A sync failed. What was written since the last good one may or may not be on disk, and asking again proves
    /// nothing (the kernel forgets the failure), so the process must stop and recover from what it reads.
    #[error("cannot sync {file}: the process must stop and start again")]
    SyncFailed {
        /// Path or name of the file.
        file: String,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// Bytes at or below the durable position are not what was written.
    #[error("{file} is damaged at byte {offset}: {reason}")]
    Corrupt {
        /// Path or name of the file.
        file: String,
        /// Offset in bytes of the first batch or block that does not check.
        offset: u64,
        /// What does not check.
        reason: &'static str,
    },
    /// Written by a later release, so nothing is cut or changed.
    #[error("{file} has format version {found} at byte {offset}, and this release reads up to {supported}")]
    UnknownFormat {
        /// Path or name of the file.
        file: String,
        /// Offset in bytes.
        offset: u64,
        /// The version found.
        found: u16,
        /// The newest version known here.
        supported: u16,
    },
    /// Another process (or this one, twice) has the folder open.
    #[error("{folder} is in use by {}", match .holder { Some(pid) => format!("process {pid}"), None => "another process".to_owned() })]
    Locked {
        /// The folder.
        folder: String,
        /// Process id of the holder, where its lock file tells.
        holder: Option<u32>,
    },
    /// Only the reserve is left, and the batch was not essential; or nothing is left at all. Nothing was written.
    #[error("the disk of {folder} is full")]
    DiskFull {
        /// The folder.
        folder: String,
    },
    /// A batch must fit into one segment. Nothing was written.
    #[error("a batch of {bytes} bytes is larger than a segment takes, {limit}")]
    BatchTooLarge {
        /// Bytes on disk, with header, hash and padding.
        bytes: u64,
        /// The most that a segment takes.
        limit: u64,
    },
    /// An already encoded payload whose length prefixes do not give the count that came with it.
    #[error("the payload does not hold exactly {count} length-prefixed records")]
    PayloadMismatch {
        /// The count that came with it.
        count: u32,
    },
    /// Restoring or backing up needs a folder without a journal in it.
    #[error("{folder} has a journal already")]
    NotEmpty {
        /// The folder.
        folder: String,
    },
    /// The archive holds segments of another journal, or of a course that this one has left since a restore.
    #[error("{folder} holds segments that do not belong to this journal")]
    Foreign {
        /// The folder.
        folder: String,
    },
    /// There is no journal in the folder.
    #[error("{folder} has no journal")]
    NotFound {
        /// The folder.
        folder: String,
    },
    /// The folder holds a backup or a restore that did not finish. Doing it again starts over.
    #[error("{folder} holds an unfinished copy of a journal")]
    Unfinished {
        /// The folder.
        folder: String,
    },
    /// Options that cannot work, such as a segment without room for a batch.
    #[error("{what}")]
    BadOptions {
        /// What is wrong with them.
        what: &'static str,
    },
    /// The journal was closed; what is asked for will not come.
    #[error("the journal is closed")]
    Closed,
}

impl Error {
    /// Stable; alerts and clients match on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "journal-io",
            Self::SyncFailed { .. } => "journal-sync-failed",
            Self::Corrupt { .. } => "journal-corrupt",
            Self::UnknownFormat { .. } => "journal-format-unknown",
            Self::Locked { .. } => "journal-locked",
            Self::DiskFull { .. } => "disk-full",
            Self::BatchTooLarge { .. } => "journal-batch-too-large",
            Self::PayloadMismatch { .. } => "journal-payload-mismatch",
            Self::NotEmpty { .. } => "journal-not-empty",
            Self::Foreign { .. } => "journal-foreign",
            Self::NotFound { .. } => "journal-not-found",
            Self::Unfinished { .. } => "journal-copy-unfinished",
            Self::BadOptions { .. } => "journal-bad-options",
            Self::Closed => "journal-closed",
        }
    }

    /// Whether the same call may succeed later without anyone changing the data.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Locked { .. } | Self::DiskFull { .. } => true,
            Self::Io { .. }
            | Self::SyncFailed { .. }
            | Self::Corrupt { .. }
            | Self::UnknownFormat { .. }
            | Self::BatchTooLarge { .. }
            | Self::PayloadMismatch { .. }
            | Self::NotEmpty { .. }
            | Self::Foreign { .. }
            | Self::NotFound { .. }
            | Self::Unfinished { .. }
            | Self::BadOptions { .. }
            | Self::Closed => false,
        }
    }

    /// Turns an answer of the disk into an error that names the file; a full disk is its own kind.
    pub(crate) fn io(disk: &dyn Disk, what: &'static str, name: &str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { folder: disk.location("") },
            _ => Self::Io { what, file: disk.location(name), source: Arc::new(source) },
        }
    }

    pub(crate) fn sync(disk: &dyn Disk, name: &str, source: io::Error) -> Self {
        Self::SyncFailed { file: disk.location(name), source: Arc::new(source) }
    }

    pub(crate) fn corrupt(disk: &dyn Disk, name: &str, offset: u64, reason: &'static str) -> Self {
        Self::Corrupt { file: disk.location(name), offset, reason }
    }
}
