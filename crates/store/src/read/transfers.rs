//! Transfers: a deposit and a payout asked for in one call.

use super::Reader;
use super::query::{Conditions, Item, by_key};
use crate::column::Columns;
use crate::{Error, Listing, Page, TransferState, sql};
use tokengine_core::*;

/// A transfer, from the request on. Once its payout is held, the payout tells the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its number: the key of a page.
    pub id: TransferId,
    /// Whose it is.
    pub account: AccountIx,
    /// Where the deposit comes from.
    pub network: NetworkIx,
    /// In which transaction.
    pub tx: TxId,
    /// What is paid out.
    pub asset: AssetIx,
    /// How much of it arrives, in base units of the asset.
    pub amount: Amount,
    /// Who is paid.
    pub destination: Address,
    /// The most the account pays in fees, in base units of the token.
    pub max_fee: Amount,
    /// The client's own name for the payout.
    pub external_id: Option<Box<str>>,
    /// Where it stands.
    pub state: TransferState,
    /// Why it came to nothing, if it did.
    pub refusal: Option<Rejection>,
    /// Its payout.
    pub payout: Option<PayoutId>,
    /// When it was asked for.
    pub requested_at: Time,
    /// The event that took it.
    pub position: Position,
    /// When its payout was held, or when it failed.
    pub closed_at: Option<Time>,
    /// The event that did.
    pub closed_position: Option<Position>,
}

impl Item for Transfer {
    const SELECT: &'static str = sql::SELECT_TRANSFER;

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            id: columns.take()?,
            account: columns.take()?,
            network: columns.take()?,
            tx: columns.take()?,
            asset: columns.take()?,
            amount: columns.take()?,
            destination: columns.take()?,
            max_fee: columns.take()?,
            external_id: columns.take()?,
            state: columns.take()?,
            refusal: columns.take()?,
            payout: columns.take()?,
            requested_at: columns.take()?,
            position: columns.take()?,
            closed_at: columns.take()?,
            closed_position: columns.take()?,
        })
    }

    fn key(&self) -> u64 {
        self.id.0
    }
}

/// Which transfers; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransferFilter {
    /// Of one account.
    pub account: Option<AccountIx>,
    /// With a deposit in one transaction.
    pub tx: Option<(NetworkIx, TxId)>,
    /// In one state.
    pub state: Option<TransferState>,
}

impl TransferFilter {
    pub(super) fn conditions(&self) -> Conditions {
        Conditions::default()
            .with("network", self.tx.map(|(network, _)| network).as_ref())
            .with("tx", self.tx.map(|(_, tx)| tx).as_ref())
            .with("account", self.account.as_ref())
            .with_state(self.state.as_ref())
    }
}

impl Reader {
    /// A transfer by its number.
    ///
    /// # Errors
    /// What the disk says.
    pub fn transfer(&self, id: TransferId) -> Result<Option<Transfer>, Error> {
        self.snapshot(|connection| by_key(connection, &id))
    }

    /// Transfers, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn transfers(&self, filter: &TransferFilter, page: &Page) -> Result<Listing<Transfer>, Error> {
        self.snapshot(|connection| filter.conditions().page(connection, page))
    }
}
