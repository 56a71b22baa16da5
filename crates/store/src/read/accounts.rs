//! Accounts with their names and balances, and wallets.

use super::Reader;
use super::query::{Conditions, Item, by_key, listing, rows};
use crate::column::{Columns, bind};
use crate::{Error, Listing, Page, sql};
use tokengine_core::*;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number: the key of a page.
    pub id: AccountIx,
    /// The name it was opened under: a CAIP-10 id, or the operator's.
    pub name: Box<str>,
    /// The operator gave it its name, so that an API key may act for it.
    pub operator_named: bool,
    /// Nothing may be taken from it.
    pub frozen: bool,
    /// The account that it became part of, if it did.
    pub joined: Option<AccountIx>,
    /// When it was opened.
    pub opened_at: Time,
}

impl Item for Account {
    const SELECT: &'static str = sql::SELECT_ACCOUNT;

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            id: columns.take()?,
            name: columns.take()?,
            operator_named: columns.take()?,
            frozen: columns.take()?,
            joined: columns.take()?,
            opened_at: columns.take()?,
        })
    }

    fn key(&self) -> u64 {
        self.id.0.into()
    }
}

/// An account that was found by one of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccount {
    /// The name that was found: the key of a page.
    pub by: Box<str>,
    /// The account. When it is joined to another, that one has its balances.
    pub account: Account,
}

/// An address on a network under our keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// Its number: the key of a page.
    pub id: WalletIx,
    /// Where it is.
    pub network: NetworkIx,
    /// Its address.
    pub address: Address,
    /// What it is for.
    pub role: Role,
    /// Which key signs for it: a name in the keyring, or a derivation path. Never the key.
    pub key: Box<str>,
    /// When it was listed.
    pub listed_at: Time,
    /// Since when and why nothing is signed for it.
    pub frozen: Option<Stop>,
}

impl Item for Wallet {
    const SELECT: &'static str = sql::SELECT_WALLET;

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        let (id, network, address) = (columns.take()?, columns.take()?, columns.take()?);
        let (role, account): (Box<str>, Option<AccountIx>) = (columns.take()?, columns.take()?);
        let role = match (&*role, account) {
            ("hot", None) => Role::Hot,
            ("cold", None) => Role::Cold,
            ("deposit", Some(account)) => Role::Deposit(account),
            ("gas", None) => Role::Gas,
            ("retiring", None) => Role::Retiring,
            _ => return Err(Error::Row { what: "a wallet's role" }),
        };
        let (key, listed_at) = (columns.take()?, columns.take()?);
        let (since, reason) = (columns.take::<Option<Time>>()?, columns.take::<Option<Box<str>>>()?);
        let frozen = since.zip(reason).map(|(since, reason)| Stop { reason, since });
        Ok(Self { id, network, address, role, key, listed_at, frozen })
    }

    fn key(&self) -> u64 {
        self.id.0.into()
    }
}

/// Which wallets; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct WalletFilter {
    /// On one network.
    pub network: Option<NetworkIx>,
    /// The deposit addresses of one account.
    pub account: Option<AccountIx>,
}

impl WalletFilter {
    pub(super) fn conditions(&self) -> Conditions {
        Conditions::default().with("account", self.account.as_ref()).with("network + 0", self.network.as_ref())
    }
}

/// The smallest text that no text beginning with `prefix` reaches: names are ASCII, and so is what follows them.
fn end_of(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

impl Reader {
    /// An account by its number.
    ///
    /// # Errors
    /// What the disk says.
    pub fn account(&self, id: AccountIx) -> Result<Option<Account>, Error> {
        self.snapshot(|connection| by_key(connection, &id))
    }

    /// Accounts, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn accounts(&self, page: &Page) -> Result<Listing<Account>, Error> {
        self.snapshot(|connection| Conditions::default().page(connection, page))
    }

    /// The accounts behind every name that begins with `prefix`, in the order of the names.
    ///
    /// # Errors
    /// What the disk says.
    pub fn search_accounts(
        &self,
        prefix: &str,
        page: &Page<Box<str>>,
    ) -> Result<Listing<FoundAccount, Box<str>>, Error> {
        self.snapshot(|connection| {
            let limit = u64::try_from(page.limit() + 1).unwrap_or(u64::MAX);
            let after = page.key().map_or("", |name| name);
            let items =
                rows(connection, sql::SEARCH_ACCOUNTS, bind![prefix, end_of(prefix), after, limit], |columns| {
                    Ok(FoundAccount { by: columns.take()?, account: Account::read(columns)? })
                })?;
            listing(connection, items, page.limit(), |found| found.by.clone())
        })
    }

    /// Every name of an account, the one it was opened under first; those of accounts that became part of it included.
    ///
    /// # Errors
    /// What the disk says.
    pub fn account_names(&self, id: AccountIx) -> Result<Vec<Box<str>>, Error> {
        self.snapshot(|connection| rows(connection, sql::NAMES_OF_ACCOUNT, bind![id], |columns| columns.take()))
    }

    /// What an account has of every token it ever had, in base units, and what it owes the operator of it. As of
    /// [`Self::position`] or later; what may be spent is for the engine's own state to say.
    ///
    /// # Errors
    /// What the disk says.
    pub fn books(&self, id: AccountIx) -> Result<Vec<(TokenIx, Book, Amount)>, Error> {
        self.snapshot(|connection| {
            rows(connection, sql::BOOKS_OF_ACCOUNT, bind![id], |columns| {
                let token = columns.take()?;
                Ok((token, Book { free: columns.take()?, held: columns.take()? }, columns.take()?))
            })
        })
    }

    /// A wallet by its number.
    ///
    /// # Errors
    /// What the disk says.
    pub fn wallet(&self, id: WalletIx) -> Result<Option<Wallet>, Error> {
        self.snapshot(|connection| by_key(connection, &id))
    }

    /// Wallets, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn wallets(&self, filter: &WalletFilter, page: &Page) -> Result<Listing<Wallet>, Error> {
        self.snapshot(|connection| filter.conditions().page(connection, page))
    }
}
