//! Deposits, claims, and amounts without an owner.

use super::Reader;
use super::audit::{Step, steps};
use super::query::{Conditions, Item, by_key, find, read_all};
use crate::column::{Columns, bind};
use crate::{ClaimState, DepositState, Error, Listing, Page, SuspenseState, sql};
use tokengine_core::*;

/// A deposit, from first sight on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Its number in the order of first sight: the key of a page.
    pub id: u64,
    /// What it is for ever known by, as 128 bits.
    pub fingerprint: Fingerprint,
    /// What it is for ever known by.
    pub key: DepositKey,
    /// What was paid.
    pub asset: AssetIx,
    /// Which wallet received it.
    pub wallet: WalletIx,
    /// Who paid, as the network says.
    pub from: Address,
    /// The sender is a contract.
    pub from_contract: bool,
    /// How much, in base units of the asset.
    pub amount: Amount,
    /// How much was credited, in base units of the token.
    pub credited: Option<Amount>,
    /// Whose it is; while it is confirming, whose it is going to be, as far as that is known.
    pub account: Option<AccountIx>,
    /// Where it stands.
    pub state: DepositState,
    /// A reorg took its block, and it was not seen again yet.
    pub orphaned: bool,
    /// The block it is in, or was in.
    pub block: BlockRef,
    /// How deep it lay when it was credited, in blocks, its own included.
    pub confirmations: Option<u64>,
    /// When it was first seen.
    pub seen_at: Time,
    /// When it was credited, dropped or reversed.
    pub settled_at: Option<Time>,
    /// The event that did.
    pub settled_position: Option<Position>,
}

impl Item for Deposit {
    const SELECT: &'static str = sql::SELECT_DEPOSIT;

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            id: columns.take()?,
            fingerprint: columns.take()?,
            key: DepositKey { network: columns.take()?, tx: columns.take()?, locator: columns.take()? },
            asset: columns.take()?,
            wallet: columns.take()?,
            from: columns.take()?,
            from_contract: columns.take()?,
            amount: columns.take()?,
            credited: columns.take()?,
            account: columns.take()?,
            state: columns.take()?,
            orphaned: columns.take()?,
            block: BlockRef { height: columns.take()?, hash: columns.take()?, parent: columns.take()? },
            confirmations: columns.take()?,
            seen_at: columns.take()?,
            settled_at: columns.take()?,
            settled_position: columns.take()?,
        })
    }

    fn key(&self) -> u64 {
        self.id
    }
}

/// Which deposits; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct DepositFilter {
    /// Of one account.
    pub account: Option<AccountIx>,
    /// In one transaction.
    pub tx: Option<(NetworkIx, TxId)>,
    /// In one state.
    pub state: Option<DepositState>,
}

impl DepositFilter {
    pub(super) fn conditions(&self) -> Conditions {
        Conditions::default()
            .with("network", self.tx.map(|(network, _)| network).as_ref())
            .with("tx", self.tx.map(|(_, tx)| tx).as_ref())
            .with("account", self.account.as_ref())
            .with_state(self.state.as_ref())
    }
}

/// Somebody said that a transaction pays us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The event that opened it: the key of a page.
    pub id: u64,
    /// Where.
    pub network: NetworkIx,
    /// Which transaction.
    pub tx: TxId,
    /// Who said so, if an account did.
    pub account: Option<AccountIx>,
    /// When.
    pub opened_at: Time,
    /// Where it stands.
    pub state: ClaimState,
    /// Why it was refused, if it was.
    pub refusal: Option<ClaimRefusal>,
    /// When it ended.
    pub closed_at: Option<Time>,
    /// The event that ended it.
    pub closed_position: Option<Position>,
}

impl Item for Claim {
    const SELECT: &'static str = sql::SELECT_CLAIM;

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            id: columns.take()?,
            network: columns.take()?,
            tx: columns.take()?,
            account: columns.take()?,
            opened_at: columns.take()?,
            state: columns.take()?,
            refusal: columns.take()?,
            closed_at: columns.take()?,
            closed_position: columns.take()?,
        })
    }

    fn key(&self) -> u64 {
        self.id
    }
}

/// Which claims; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClaimFilter {
    /// Made by one account.
    pub account: Option<AccountIx>,
    /// Of one transaction.
    pub tx: Option<(NetworkIx, TxId)>,
    /// In one state.
    pub state: Option<ClaimState>,
}

impl ClaimFilter {
    pub(super) fn conditions(&self) -> Conditions {
        Conditions::default()
            .with("network", self.tx.map(|(network, _)| network).as_ref())
            .with("tx", self.tx.map(|(_, tx)| tx).as_ref())
            .with("account", self.account.as_ref())
            .with_state(self.state.as_ref())
    }
}

/// An amount that nobody owned when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspense {
    /// Its number: the key of a page.
    pub id: SuspenseId,
    /// What it is.
    pub token: TokenIx,
    /// How much, in base units of the token.
    pub amount: Amount,
    /// Why nobody owned it.
    pub reason: SuspenseReason,
    /// The deposit that brought it, if one did.
    pub deposit: Option<Fingerprint>,
    /// Who paid it, if a payment brought it.
    pub from: Option<Address>,
    /// Which wallet holds it.
    pub wallet: WalletIx,
    /// Since when.
    pub since: Time,
    /// The event that booked it.
    pub position: Position,
    /// Where it stands.
    pub state: SuspenseState,
    /// Who got it; nobody when the operator did.
    pub account: Option<AccountIx>,
    /// The reason that was given for that.
    pub assigned_why: Option<Box<str>>,
    /// When it ended.
    pub closed_at: Option<Time>,
    /// The event that ended it.
    pub closed_position: Option<Position>,
}

impl Item for Suspense {
    const SELECT: &'static str = sql::SELECT_SUSPENSE;

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            id: columns.take()?,
            token: columns.take()?,
            amount: columns.take()?,
            reason: columns.take()?,
            deposit: columns.take()?,
            from: columns.take()?,
            wallet: columns.take()?,
            since: columns.take()?,
            position: columns.take()?,
            state: columns.take()?,
            account: columns.take()?,
            assigned_why: columns.take()?,
            closed_at: columns.take()?,
            closed_position: columns.take()?,
        })
    }

    fn key(&self) -> u64 {
        self.id.0
    }
}

impl Reader {
    /// A deposit by its fingerprint ([`DepositKey::fingerprint`]).
    ///
    /// # Errors
    /// What the disk says.
    pub fn deposit(&self, fingerprint: Fingerprint) -> Result<Option<Deposit>, Error> {
        self.snapshot(|connection| {
            let sql = format!("{} WHERE fingerprint = ?1", Deposit::SELECT);
            Ok(read_all(connection, &sql, bind![fingerprint])?.into_iter().next())
        })
    }

    /// Deposits, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn deposits(&self, filter: &DepositFilter, page: &Page) -> Result<Listing<Deposit>, Error> {
        self.snapshot(|connection| filter.conditions().page(connection, page))
    }

    /// What happened to a deposit, oldest first; nothing when there is no such deposit.
    ///
    /// # Errors
    /// What the disk says.
    pub fn deposit_history(&self, fingerprint: Fingerprint) -> Result<Vec<Step>, Error> {
        self.snapshot(|connection| match find(connection, sql::FIND_DEPOSIT, bind![fingerprint])? {
            Some(deposit) => steps(connection, sql::DEPOSIT_STEPS, deposit),
            None => Ok(Vec::new()),
        })
    }

    /// Claims, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn claims(&self, filter: &ClaimFilter, page: &Page) -> Result<Listing<Claim>, Error> {
        self.snapshot(|connection| filter.conditions().page(connection, page))
    }

    /// An amount that had no owner, by its number.
    ///
    /// # Errors
    /// What the disk says.
    pub fn suspense_item(&self, id: SuspenseId) -> Result<Option<Suspense>, Error> {
        self.snapshot(|connection| by_key(connection, &id))
    }

    /// Amounts that had no owner, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn suspense(&self, state: Option<SuspenseState>, page: &Page) -> Result<Listing<Suspense>, Error> {
        self.snapshot(|connection| Conditions::default().with_state(state.as_ref()).page(connection, page))
    }
}
