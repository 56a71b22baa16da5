//! Everything that is SQLite's alone: where the database is, how it is opened, what it is told.
//!
//! A file is in WAL mode: readers see one snapshot each and never wait for the writer. `synchronous = NORMAL` is enough
//! for a follower: a power failure may take the last transactions, each with its cursor, and the journal has them.

use crate::{Error, migrate};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// "TKEN": says that a file is ours.
const APPLICATION_ID: i64 = 0x544b_454e;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More than the statements of the writer or of a reader, so that none is prepared twice.
const CACHED_STATEMENTS: usize = 160;

/// Where a database is.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    File(PathBuf),
    /// In this process alone, under this name, until its last connection closes.
    Memory(String),
}

impl Location {
    pub(crate) fn memory() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self::Memory(format!("file:/tokengine-store-{}?vfs=memdb", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Memory(name) => Path::new(name),
        }
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, Error> {
        let flags = match self {
            Self::File(_) => flags | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            Self::Memory(_) => flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI,
        };
        let connection = Connection::open_with_flags(self.path(), flags)
            .map_err(|error| Error::Open { path: self.path().to_owned(), why: error.to_string() })?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        Ok(connection)
    }

    /// A connection that cannot change anything.
    pub(crate) fn reader(&self) -> Result<Connection, Error> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch("PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA query_only = ON;")?;
        Ok(connection)
    }

    /// The connection that writes, with the database in this release's form.
    pub(crate) fn writer(&self) -> Result<Db, Error> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        self.claim(&connection)?;
        let wanted = match self {
            Self::File(_) => "wal",
            Self::Memory(_) => "memory",
        };
        let mode: String = connection.pragma_update_and_check(None, "journal_mode", wanted, |row| row.get(0))?;
        if mode != wanted {
            let why = format!("the journal mode is {mode}, and readers beside the writer need {wanted}");
            return Err(Error::Open { path: self.path().to_owned(), why });
        }
        // Large checkpoints: a page that many batches changed is written back once.
        connection.execute_batch(
            "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -131072; PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 268435456;",
        )?;
        let mut db = Db { connection };
        let transaction = db.begin()?;
        migrate::migrate(&transaction)?;
        transaction.commit()?;
        Ok(db)
    }

    /// Marks a new file as ours, and refuses one that is somebody else's.
    fn claim(&self, connection: &Connection) -> Result<(), Error> {
        let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        if id == APPLICATION_ID {
            return Ok(());
        }
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if id != 0 || tables != 0 {
            return Err(Error::Foreign { path: self.path().to_owned() });
        }
        connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
        Ok(())
    }
}

/// The connection that writes.
pub(crate) struct Db {
    pub(crate) connection: Connection,
}

impl Db {
    /// Starts a transaction that no other writer can come between; dropped without a commit it never was.
    pub(crate) fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}
