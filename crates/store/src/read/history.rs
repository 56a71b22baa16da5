//! An account's history: every posting, newest first.

use super::Reader;
use super::query::{find, listing, rows};
use crate::column::{Columns, bind};
use crate::{Change, EntryKind, Error, Listing, Page, sql};
use tokengine_core::*;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The other side of a move, or the account that was joined.
    Account(AccountIx),
    /// A deposit, by its fingerprint.
    Deposit(Fingerprint),
    /// A payout.
    Payout(PayoutId),
    /// What lay in suspense.
    Suspense(SuspenseId),
    /// Nothing but its own event.
    Nothing,
}

/// One change of one balance of an account. Amounts are base units of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number: the key of a page.
    pub id: u64,
    /// The event that made it.
    pub position: Position,
    /// When that was.
    pub at: Time,
    /// Of which token.
    pub token: TokenIx,
    /// Why.
    pub kind: EntryKind,
    /// What it is about.
    pub reference: Reference,
    /// How what is free changed.
    pub free_change: Change,
    /// How what is on hold changed.
    pub held_change: Change,
    /// What was free afterwards.
    pub free: Amount,
    /// What was on hold afterwards.
    pub held: Amount,
}

fn number<T>(number: Option<u64>, id: impl FnOnce(u64) -> Option<T>) -> Result<T, Error> {
    number.and_then(id).ok_or(Error::Row { what: "a reference" })
}

impl Entry {
    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        let (id, position, at, token, kind) =
            (columns.take()?, columns.take()?, columns.take()?, columns.take()?, columns.take()?);
        let (to, deposit) = (columns.take::<Option<u64>>()?, columns.take::<Option<Fingerprint>>()?);
        let reference = match kind {
            EntryKind::Move | EntryKind::Join => {
                Reference::Account(number(to, |to| u32::try_from(to).ok().map(AccountIx))?)
            }
            EntryKind::Deposit | EntryKind::DepositReversed => {
                Reference::Deposit(deposit.ok_or(Error::Row { what: "a reference" })?)
            }
            EntryKind::SuspenseAssigned => Reference::Suspense(number(to, |to| Some(SuspenseId(to)))?),
            EntryKind::OwedSettled | EntryKind::Minted | EntryKind::Burned => Reference::Nothing,
            EntryKind::PayoutHeld
            | EntryKind::PayoutCommitted
            | EntryKind::PayoutFailed
            | EntryKind::PayoutCancelled
            | EntryKind::PayoutSettled
            | EntryKind::PayoutReceived => Reference::Payout(number(to, |to| Some(PayoutId(to)))?),
        };
        Ok(Self {
            id,
            position,
            at,
            token,
            kind,
            reference,
            free_change: columns.take()?,
            held_change: columns.take()?,
            free: columns.take()?,
            held: columns.take()?,
        })
    }
}

impl Reader {
    /// Every posting of an account, newest first, in steps of a page whose cost does not depend on how many there are.
    /// An account that was joined to another keeps the entries of its own time.
    ///
    /// # Errors
    /// [`Error::BadCursor`] when the page begins after an entry that is not this account's; what the disk says.
    pub fn history(&self, account: AccountIx, page: &Page) -> Result<Listing<Entry>, Error> {
        self.snapshot(|connection| {
            let first: u64 = match page.key() {
                None => find(connection, sql::FIRST_ENTRY, bind![account])?.unwrap_or(0),
                Some(after) => find(connection, sql::ENTRY_BEFORE, bind![after, account])?.ok_or(Error::BadCursor)?,
            };
            let length = u64::try_from(page.limit() + 1).unwrap_or(u64::MAX);
            let items = rows(connection, sql::HISTORY, bind![first, length], Entry::read)?;
            listing(connection, items, page.limit(), |entry| entry.id)
        })
    }
}
