//! Numbered migrations: embedded, applied in order, and checked against what was applied before.

use crate::Error;
use crate::column::{Columns, bind};
use rusqlite::Transaction;
use tokengine_core::Fingerprint;

struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, name: "read_model", sql: include_str!("../migrations/sqlite/0001_read_model.sql") }];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum BLOB NOT NULL
)";

impl Migration {
    fn checksum(&self) -> Fingerprint {
        Fingerprint::of("store-migration", &[self.sql.as_bytes()])
    }
}

/// Brings the database to this release's form.
///
/// # Errors
/// [`Error::Newer`], [`Error::MigrationChanged`]; nothing is changed then.
pub(crate) fn migrate(transaction: &Transaction<'_>) -> Result<(), Error> {
    transaction.execute_batch(TABLE)?;
    let mut applied = Vec::new();
    {
        let mut statement = transaction.prepare("SELECT version, checksum FROM schema_migrations ORDER BY version")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut columns = Columns::new(row);
            applied.push((columns.take::<u32>()?, columns.take::<Fingerprint>()?));
        }
    }
    let known = MIGRATIONS.last().map_or(0, |last| last.version);
    if let Some((found, _)) = applied.last().filter(|(found, _)| *found > known) {
        return Err(Error::Newer { found: *found, known });
    }
    for migration in MIGRATIONS {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            Some((_, checksum)) if *checksum == migration.checksum() => {}
            Some(_) => return Err(Error::MigrationChanged { version: migration.version }),
            None => {
                transaction.execute_batch(migration.sql)?;
                transaction.execute(
                    "INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)",
                    bind![migration.version, migration.name, migration.checksum()],
                )?;
            }
        }
    }
    Ok(())
}

/// Takes everything away, so that [`migrate`] starts from nothing.
pub(crate) fn drop_all(transaction: &Transaction<'_>) -> Result<(), Error> {
    let tables: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        transaction.execute_batch(&format!("DROP TABLE \"{table}\""))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        let transaction = connection.transaction().unwrap();
        migrate(&transaction).unwrap();
        transaction.commit().unwrap();
        connection
    }

    #[test]
    fn numbers_rise_by_one_and_the_files_are_named_after_them() {
        for (row, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(usize::try_from(migration.version), Ok(row + 1));
            let file =
                format!("{}/migrations/sqlite/{:04}_{}.sql", env!("CARGO_MANIFEST_DIR"), row + 1, migration.name);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), migration.sql, "{file}");
        }
    }

    #[test]
    fn a_second_run_changes_nothing() {
        let mut connection = database();
        let changes = connection.total_changes();
        let transaction = connection.transaction().unwrap();
        migrate(&transaction).unwrap();
        transaction.commit().unwrap();
        assert_eq!(connection.total_changes(), changes);
    }

    #[test]
    fn a_changed_or_newer_migration_is_refused() {
        let mut connection = database();
        connection.execute("UPDATE schema_migrations SET checksum = zeroblob(16)", []).unwrap();
        let error = migrate(&connection.transaction().unwrap()).unwrap_err();
        assert_eq!((error.code(), error.is_transient()), ("store-migration-changed", false));

        let mut connection = database();
        connection.execute("INSERT INTO schema_migrations VALUES (99, 'later', zeroblob(16))", []).unwrap();
        let error = migrate(&connection.transaction().unwrap()).unwrap_err();
        assert_eq!((error.code(), error.is_transient()), ("store-newer", false));
    }

    #[test]
    fn dropping_everything_leaves_nothing_behind() {
        let mut connection = database();
        let transaction = connection.transaction().unwrap();
        drop_all(&transaction).unwrap();
        let left: u32 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
        migrate(&transaction).unwrap();
    }
}
