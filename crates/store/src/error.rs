//! What can go wrong between the read model and its database.

use std::path::PathBuf;
use tokengine_core::Position;

/// The database's own account of a fault.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// A fault of the read model. It never touches the engine: the journal has everything, and what is lost here is rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another connection or process held the database for longer than we wait (5 seconds).
    #[error("the read model's database is in use by another process or connection")]
    Busy {
        /// The database's own account of it.
        source: Source,
    },
    /// No room for the read model; nothing of the batch was written.
    #[error("the disk of the read model's database is full")]
    Full {
        /// The database's own account of it.
        source: Source,
    },
    /// The file is damaged, or no database at all. Remove it and rebuild from the journal.
    #[error("the read model's database is damaged: remove it and rebuild it from the journal")]
    Corrupt {
        /// The database's own account of it.
        source: Source,
    },
    /// The operating system refused a read, a write or a sync.
    #[error("the read model's database cannot be read or written")]
    Io {
        /// The database's own account of it.
        source: Source,
    },
    /// The file cannot be opened, or its file system cannot serve readers beside a writer.
    #[error("{path} cannot be opened as the read model's database: {why}")]
    Open {
        /// The file.
        path: PathBuf,
        /// In what way.
        why: String,
    },
    /// The file is a database of something else; nothing in it was changed.
    #[error("{path} is a database of another program")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later release wrote the database. Start that one, or rebuild.
    #[error("the read model has form {found}, and this release knows up to {known}")]
    Newer {
        /// The newest migration in the database.
        found: u32,
        /// The newest one of this release.
        known: u32,
    },
    /// A migration that was applied is not the one of this release. Rebuild.
    #[error("migration {version} of the read model is not the one that was applied")]
    MigrationChanged {
        /// Which one.
        version: u32,
    },
    /// Events are missing between what was applied and what came; nothing of the batch was written.
    #[error("the read model expects event {expected}, and {found} came")]
    Gap {
        /// The position after the last one applied.
        expected: Position,
        /// What came.
        found: Position,
    },
    /// An event speaks of something that the read model does not have: it follows another journal, or has a defect.
    /// Nothing of the batch was written. Rebuild.
    #[error("event {position} does not fit the read model: {what}")]
    Inconsistent {
        /// The event.
        position: Position,
        /// What it speaks of.
        what: &'static str,
    },
    /// A row holds what this release never writes.
    #[error("a row of the read model holds {what} that cannot be read")]
    Row {
        /// What should be there.
        what: &'static str,
    },
    /// The page's cursor points to nothing of this list.
    #[error("the cursor does not belong to this list")]
    BadCursor,
    /// Anything else the database said: a defect of ours.
    #[error("the read model's database refused a statement")]
    Sql {
        /// The database's own account of it.
        source: Source,
    },
}

impl Error {
    /// Stable; alerts and clients match on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "store-busy",
            Self::Full { .. } => "store-full",
            Self::Corrupt { .. } => "store-corrupt",
            Self::Io { .. } => "store-io",
            Self::Open { .. } => "store-open",
            Self::Foreign { .. } => "store-foreign",
            Self::Newer { .. } => "store-newer",
            Self::MigrationChanged { .. } => "store-migration-changed",
            Self::Gap { .. } => "store-gap",
            Self::Inconsistent { .. } => "store-inconsistent",
            Self::Row { .. } => "store-row",
            Self::BadCursor => "store-bad-cursor",
            Self::Sql { .. } => "store-sql",
        }
    }

    /// Whether the same call may succeed later without anyone changing the data.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Full { .. } | Self::Io { .. } => true,
            Self::Corrupt { .. }
            | Self::Open { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::MigrationChanged { .. }
            | Self::Gap { .. }
            | Self::Inconsistent { .. }
            | Self::Row { .. }
            | Self::BadCursor
            | Self::Sql { .. } => false,
        }
    }

    /// Only a rebuild from the journal helps.
    pub fn needs_rebuild(&self) -> bool {
        match self {
            Self::Corrupt { .. }
            | Self::Newer { .. }
            | Self::MigrationChanged { .. }
            | Self::Gap { .. }
            | Self::Inconsistent { .. }
            | Self::Row { .. } => true,
            Self::Busy { .. }
            | Self::Full { .. }
            | Self::Io { .. }
            | Self::Open { .. }
            | Self::Foreign { .. }
            | Self::BadCursor
            | Self::Sql { .. } => false,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::*;
        let code = error.sqlite_error_code();
        let source = Box::new(error);
        match code {
            Some(DatabaseBusy | DatabaseLocked | FileLockingProtocolFailed) => Self::Busy { source },
            Some(DiskFull) => Self::Full { source },
            Some(DatabaseCorrupt | NotADatabase) => Self::Corrupt { source },
            Some(SystemIoFailure | ReadOnly | CannotOpen | PermissionDenied | OutOfMemory) => Self::Io { source },
            _ => Self::Sql { source },
        }
    }
}
