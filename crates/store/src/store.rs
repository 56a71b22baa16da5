//! The writer: takes the journal's records in, a batch a transaction, together with the cursor.

use crate::catalog::{Catalog, one};
use crate::db::{Db, Location};
use crate::read::Reader;
use crate::write::Writer;
use crate::{Error, migrate, sql};
use std::path::Path;
use tokengine_core::{Position, Record};

/// The read model. One writer; any number of [`Reader`]s beside it.
///
/// It follows the journal and nothing else: give it every durable record in order. After a crash, ask for the
/// [`cursor`](Self::cursor) and go on from there. All calls block on the disk: keep it on a thread of its own.
pub struct Store {
    location: Location,
    db: Db,
    catalog: Catalog,
}

impl Store {
    /// Opens the database file, makes it if there is none, and brings it to this release's form.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Foreign`], [`Error::Newer`], [`Error::MigrationChanged`], [`Error::Corrupt`] and what the
    /// disk says. When [`Error::needs_rebuild`], remove the file (with its `-wal` and `-shm`) and feed the journal again.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_at(Location::File(path.to_owned()))
    }

    /// A read model in memory, gone with its last connection. Readers wait for the writer here.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn open_in_memory() -> Result<Self, Error> {
        Self::open_at(Location::memory())
    }

    fn open_at(location: Location) -> Result<Self, Error> {
        let db = location.writer()?;
        let catalog = Catalog::read(&db.connection)?;
        Ok(Self { location, db, catalog })
    }

    /// The position of the last event that was taken in; 0 for none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn cursor(&self) -> Result<Position, Error> {
        one(&self.db.connection, sql::READ_POSITION)
    }

    /// Takes records in: all of them and the cursor in one transaction, or nothing. What was taken in before is skipped.
    /// Some thousands at a time are fast: of a balance that many of them change, only the last value is written.
    ///
    /// # Errors
    /// [`Error::Gap`] when a position is missing; [`Error::Inconsistent`] when the journal is not the one followed so far;
    /// [`Error::Busy`], [`Error::Full`], [`Error::Io`], after which the same call may be made again.
    pub fn apply(&mut self, records: &[(Position, Record)]) -> Result<(), Error> {
        let transaction = self.db.begin()?;
        let cursor: Position = one(&transaction, sql::READ_POSITION)?;
        if cursor != self.catalog.position {
            // Another writer was here, or a rebuild: what is remembered is of another time.
            self.catalog = Catalog::read(&transaction)?;
        }
        let mut writer = Writer::new(&transaction, self.catalog.clone())?;
        for (position, record) in records {
            let expected = writer.position().next();
            if *position < expected {
                continue;
            }
            if *position > expected {
                return Err(Error::Gap { expected, found: *position });
            }
            writer.take_in(*position, record)?;
        }
        let catalog = writer.finish()?;
        transaction.commit()?;
        self.catalog = catalog;
        Ok(())
    }

    /// Readers of this database, each call of which sees one snapshot.
    ///
    /// # Errors
    /// What the disk says.
    pub fn reader(&self) -> Result<Reader, Error> {
        Reader::open(self.location.clone())
    }

    /// Forgets everything, for a rebuild: the cursor is 0 again, and the caller feeds the journal from its first record.
    /// Readers go on; they see the old rows until this returns and the new ones as they come.
    ///
    /// # Errors
    /// What the disk says; then nothing was forgotten.
    pub fn reset(&mut self) -> Result<(), Error> {
        let transaction = self.db.begin()?;
        migrate::drop_all(&transaction)?;
        migrate::migrate(&transaction)?;
        let catalog = Catalog::read(&transaction)?;
        transaction.commit()?;
        self.catalog = catalog;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokengine_core::{Event, Time};

    fn opened(numbers: std::ops::RangeInclusive<u64>) -> Vec<(Position, Record)> {
        let record = |number| {
            let name = format!("account-{number}-{}", "x".repeat(40)).into();
            (Position(number), Record { at: Time(number), event: Event::AccountOpened { request: None, name } })
        };
        numbers.map(record).collect()
    }

    #[test]
    fn a_full_disk_leaves_the_last_whole_batch_and_goes_on_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("store.db")).unwrap();
        store.apply(&opened(1..=10)).unwrap();
        let limit = |store: &Store, pages: u32| {
            let set = format!("PRAGMA max_page_count = {pages}");
            store.db.connection.query_row(&set, [], |row| row.get::<_, u32>(0)).unwrap()
        };
        let full = limit(&store, 1); // as many as there are
        let error = store.apply(&opened(11..=5_000)).unwrap_err();
        assert_eq!((error.code(), error.is_transient(), error.needs_rebuild()), ("store-full", true, false));
        assert_eq!(store.cursor().unwrap(), Position(10));
        assert_eq!(store.reader().unwrap().position().unwrap(), Position(10), "what is there can be read");
        limit(&store, full + 100_000);
        store.apply(&opened(11..=5_000)).unwrap();
        assert_eq!(store.cursor().unwrap(), Position(5_000));
    }

    #[test]
    fn a_database_that_another_holds_is_busy_and_later_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let (mut store, mut other) = (Store::open(&path).unwrap(), Store::open(&path).unwrap());
        store.db.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        let holder = other.db.begin().unwrap();
        let error = store.apply(&opened(1..=1)).unwrap_err();
        assert_eq!((error.code(), error.is_transient()), ("store-busy", true));
        assert_eq!(store.reader().unwrap().position().unwrap(), Position(0), "readers do not wait for it");
        drop(holder);
        store.apply(&opened(1..=1)).unwrap();
    }

    #[test]
    fn a_connection_lost_in_mid_transaction_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut store = Store::open(&path).unwrap();
        store.apply(&opened(1..=3)).unwrap();
        {
            let transaction = store.db.begin().unwrap();
            let mut writer = Writer::new(&transaction, store.catalog.clone()).unwrap();
            for (position, record) in opened(4..=9) {
                writer.take_in(position, &record).unwrap();
            }
            writer.finish().unwrap();
            // Everything is written, the cursor too; only the commit is missing.
        }
        drop(store);
        let mut store = Store::open(&path).unwrap();
        assert_eq!(store.cursor().unwrap(), Position(3));
        let page = crate::Page::first(9);
        assert_eq!(store.reader().unwrap().accounts(&page).unwrap().items.len(), 3);
        store.apply(&opened(4..=9)).unwrap();
        assert_eq!(store.reader().unwrap().accounts(&page).unwrap().items.len(), 9);
    }
}
