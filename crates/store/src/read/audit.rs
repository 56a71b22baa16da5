//! The audit trail: every event with who asked for it. And the steps of a history, which are events too.

use super::Reader;
use super::query::{Conditions, Item, by_key, listing, rows};
use crate::column::{Columns, bind};
use crate::detail::event_detail;
use crate::{Error, Listing, Page, sql};
use serde_json::Value;
use tokengine_core::*;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its number in the journal.
    pub position: Position,
    /// When it was decided.
    pub at: Time,
    /// Its name.
    pub name: &'static str,
    /// Who asked for it; nobody when the engine saw it by itself.
    pub principal: Option<Principal>,
    /// The idempotency key of the request.
    pub request_key: Option<u128>,
    /// What it says, as a JSON object: numbers as numbers, amounts and hashes as texts.
    pub detail: Value,
}

/// One step of a deposit's or a payout's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The event that made it.
    pub position: Position,
    /// When that was.
    pub at: Time,
    /// The word for it: a state's, or what happened on the way (`held`, `unseen`, `dead`, `cancel-requested`, ...).
    pub step: Box<str>,
    /// What the event says, as a JSON object.
    pub detail: Value,
}

fn record(columns: &mut Columns<'_, '_>) -> Result<Record, Error> {
    let bytes: Vec<u8> = columns.take()?;
    Record::decode(&bytes).map_err(|_| Error::Row { what: "an event" })
}

impl Item for AuditEntry {
    const SELECT: &'static str = sql::SELECT_EVENT;
    const KEY: &'static str = "position";

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        let position = columns.take()?;
        let Record { at, event } = record(columns)?;
        let request = event.request();
        Ok(Self {
            position,
            at,
            name: event.name(),
            principal: request.map(|request| request.principal),
            request_key: request.map(|request| request.key),
            detail: event_detail(&event),
        })
    }

    fn key(&self) -> u64 {
        self.position.0
    }
}

/// The steps that `sql` finds for the row `of`, oldest first.
pub(super) fn steps(connection: &rusqlite::Connection, sql: &str, of: u64) -> Result<Vec<Step>, Error> {
    rows(connection, sql, bind![of], |columns| {
        let (position, step) = (columns.take()?, columns.take()?);
        let Record { at, event } = record(columns)?;
        Ok(Step { position, at, step, detail: event_detail(&event) })
    })
}

impl Reader {
    /// Every event, newest first; the key is its position.
    ///
    /// # Errors
    /// What the disk says.
    pub fn audit(&self, page: &Page) -> Result<Listing<AuditEntry>, Error> {
        self.snapshot(|connection| Conditions::default().page(connection, page))
    }

    /// Every event, oldest first; the key is its position.
    ///
    /// # Errors
    /// What the disk says.
    pub fn audit_forward(&self, page: &Page) -> Result<Listing<AuditEntry>, Error> {
        self.snapshot(|connection| {
            let limit = u64::try_from(page.limit() + 1).unwrap_or(u64::MAX);
            let sql = format!("{} WHERE position > ?1 ORDER BY position LIMIT ?2", AuditEntry::SELECT);
            let after = page.key().copied().unwrap_or(0);
            let items = rows(connection, &sql, bind![after, limit], AuditEntry::read)?;
            listing(connection, items, page.limit(), AuditEntry::key)
        })
    }

    /// One event.
    ///
    /// # Errors
    /// What the disk says.
    pub fn audit_entry(&self, position: Position) -> Result<Option<AuditEntry>, Error> {
        self.snapshot(|connection| by_key(connection, &position))
    }
}
