//! Balances and the entries that change them.
//!
//! A batch keeps the balances that it changes in memory and writes each once, at its end; entries are written as they
//! come. So a move costs two appended entries, and a balance row for each account that the batch moved at all.

use crate::column::{Columns, bind};
use crate::model::{Change, EntryKind};
use crate::{Error, sql};
use rusqlite::{CachedStatement, Transaction};
use std::collections::HashMap;
use tokengine_core::*;

struct BookRow {
    token: TokenIx,
    free: Amount,
    held: Amount,
    owed: Amount,
    last_entry: u64,
    changed: bool,
}

/// What an account has, and where its chain of entries ends: at the last of all its rows' entries.
struct AccountBooks {
    last_entry: u64,
    rows: Vec<BookRow>,
}

impl AccountBooks {
    fn row(&mut self, token: TokenIx) -> &mut BookRow {
        let at = match self.rows.iter().position(|row| row.token == token) {
            Some(at) => at,
            None => {
                let none = Amount::ZERO;
                self.rows.push(BookRow { token, free: none, held: none, owed: none, last_entry: 0, changed: false });
                self.rows.len() - 1
            }
        };
        &mut self.rows[at]
    }
}

/// One change of one balance.
pub(super) struct Posting {
    pub(super) account: AccountIx,
    pub(super) token: TokenIx,
    pub(super) kind: EntryKind,
    /// By kind: an account, a payout, a deposit's row, a suspense item.
    pub(super) reference: Option<u64>,
    pub(super) free: Change,
    pub(super) held: Change,
}

pub(super) struct Books<'t> {
    accounts: HashMap<AccountIx, AccountBooks>,
    read: CachedStatement<'t>,
    write: CachedStatement<'t>,
    insert_entry: CachedStatement<'t>,
}

impl<'t> Books<'t> {
    pub(super) fn new(transaction: &'t Transaction<'t>) -> Result<Self, Error> {
        Ok(Self {
            accounts: HashMap::new(),
            read: transaction.prepare_cached(sql::READ_BOOKS)?,
            write: transaction.prepare_cached(sql::WRITE_BOOK)?,
            insert_entry: transaction.prepare_cached(sql::INSERT_ENTRY)?,
        })
    }

    fn account(&mut self, account: AccountIx) -> Result<&mut AccountBooks, Error> {
        if !self.accounts.contains_key(&account) {
            let mut books = AccountBooks { last_entry: 0, rows: Vec::new() };
            let mut rows = self.read.query(bind![account])?;
            while let Some(row) = rows.next()? {
                let mut columns = Columns::new(row);
                let (token, free, held, owed) = (columns.take()?, columns.take()?, columns.take()?, columns.take()?);
                let last_entry = columns.take()?;
                books.rows.push(BookRow { token, free, held, owed, last_entry, changed: false });
                books.last_entry = books.last_entry.max(last_entry);
            }
            self.accounts.insert(account, books);
        }
        Ok(self.accounts.get_mut(&account).expect("was just put there when it was missing"))
    }

    /// Changes a balance and writes its entry under the number `entry`. `None` when the balance cannot take the change.
    pub(super) fn post(&mut self, position: Position, entry: u64, posting: &Posting) -> Result<Option<()>, Error> {
        let Posting { account, token, kind, reference, free, held } = posting;
        let books = self.account(*account)?;
        let previous = std::mem::replace(&mut books.last_entry, entry);
        let row = books.row(*token);
        let (Some(free_after), Some(held_after)) = (free.apply(row.free), held.apply(row.held)) else {
            return Ok(None);
        };
        (row.free, row.held, row.last_entry, row.changed) = (free_after, held_after, entry, true);
        self.insert_entry.execute(bind![
            entry, previous, position, account, token, kind, reference, free, held, free_after, held_after
        ])?;
        Ok(Some(()))
    }

    /// Changes what an account owes the operator. It stays at what fits, as in the engine: nothing stands against it.
    pub(super) fn owe(&mut self, account: AccountIx, token: TokenIx, change: Change) -> Result<Option<()>, Error> {
        let row = self.account(account)?.row(token);
        let Some(owed) = change.apply(row.owed).or((!change.negative).then_some(Amount::MAX)) else { return Ok(None) };
        (row.owed, row.changed) = (owed, true);
        Ok(Some(()))
    }

    /// Writes the changed balances, in the order of their keys: neighbours share a page.
    pub(super) fn write(&mut self) -> Result<(), Error> {
        let mut accounts: Vec<_> = self.accounts.drain().collect();
        accounts.sort_unstable_by_key(|(account, _)| *account);
        for (account, books) in accounts {
            for row in books.rows.iter().filter(|row| row.changed) {
                self.write.execute(bind![account, row.token, row.free, row.held, row.owed, row.last_entry])?;
            }
        }
        Ok(())
    }
}
