//! Payouts with their history and attempts, and every other use of our wallets' nonces.

use super::Reader;
use super::audit::{Step, steps};
use super::query::{Conditions, Item, by_key, find, read_all, rows};
use crate::column::{Columns, bind};
use crate::{DispatchPurpose, DispatchState, Error, Listing, Page, PayoutState, sql};
use rusqlite::Connection;
use tokengine_core::*;

/// A payout, from its hold to its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Its number: the key of a page.
    pub id: PayoutId,
    /// Whose tokens are taken.
    pub account: AccountIx,
    /// What is paid.
    pub asset: AssetIx,
    /// How much arrives, in base units of the asset.
    pub amount: Amount,
    /// The same in base units of the token.
    pub token_amount: Amount,
    /// Who is paid.
    pub destination: Address,
    /// The most the account pays in fees, in base units of the token.
    pub max_fee: Amount,
    /// The client's own name for it.
    pub external_id: Option<Box<str>>,
    /// What was signed once and never again.
    pub nonce: u128,
    /// The request was void after this; [`i64::MAX`] milliseconds stand for everything later.
    pub expiry: Time,
    /// What gave the right: `operator`, `key:N`, or `signature:` and the CAIP-10 id that signed.
    pub authority: Box<str>,
    /// The transfer that it belongs to.
    pub transfer: Option<TransferId>,
    /// Taken when it succeeds, in base units of the token.
    pub success_fee: Amount,
    /// Taken when it fails, in base units of the token.
    pub failure_fee: Amount,
    /// What was put on hold: the amount and the larger fee, in base units of the token. Nothing when it was settled inside.
    pub held: Amount,
    /// Its owner or the operator wants it back if that is still possible.
    pub cancel_requested: bool,
    /// Where it stands.
    pub state: PayoutState,
    /// Why it waits, while it does.
    pub wait: Option<Wait>,
    /// The slot that it has now, or that ended it.
    pub dispatch: Option<DispatchId>,
    /// Who received it, when it was settled inside.
    pub received_by: Option<AccountIx>,
    /// The fee that was taken in the end, in base units of the token.
    pub fee: Option<Amount>,
    /// What all its slots cost the operator so far, in base units of the network's own coin.
    pub gas: Amount,
    /// The proof of its outcome: the transaction that ended it.
    pub tx: Option<TxId>,
    /// Height and hash of that transaction's block.
    pub block: Option<(u64, BlockHash)>,
    /// When it was held, or settled inside.
    pub held_at: Time,
    /// The event that did.
    pub position: Position,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// The event that ended it.
    pub ended_position: Option<Position>,
}

fn block(columns: &mut Columns<'_, '_>) -> Result<Option<(u64, BlockHash)>, Error> {
    let (height, hash) = (columns.take::<Option<u64>>()?, columns.take::<Option<BlockHash>>()?);
    Ok(height.zip(hash))
}

impl Item for Payout {
    const SELECT: &'static str = sql::SELECT_PAYOUT;

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            id: columns.take()?,
            account: columns.take()?,
            asset: columns.take()?,
            amount: columns.take()?,
            token_amount: columns.take()?,
            destination: columns.take()?,
            max_fee: columns.take()?,
            external_id: columns.take()?,
            nonce: columns.take()?,
            expiry: columns.take()?,
            authority: columns.take()?,
            transfer: columns.take()?,
            success_fee: columns.take()?,
            failure_fee: columns.take()?,
            held: columns.take()?,
            cancel_requested: columns.take()?,
            state: columns.take()?,
            wait: columns.take()?,
            dispatch: columns.take()?,
            received_by: columns.take()?,
            fee: columns.take()?,
            gas: columns.take()?,
            tx: columns.take()?,
            block: block(columns)?,
            held_at: columns.take()?,
            position: columns.take()?,
            ended_at: columns.take()?,
            ended_position: columns.take()?,
        })
    }

    fn key(&self) -> u64 {
        self.id.0
    }
}

/// Which payouts; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct PayoutFilter {
    /// Of one account.
    pub account: Option<AccountIx>,
    /// In one state.
    pub state: Option<PayoutState>,
    /// Only those that have not ended.
    pub open: bool,
}

impl PayoutFilter {
    pub(super) fn conditions(&self) -> Conditions {
        Conditions::default()
            .with("account", self.account.as_ref())
            .with_state(self.state.as_ref())
            .holds("ended_position IS NULL", self.open)
    }
}

/// One use of a wallet's nonce: for a payout, a sweep, a top-up, or to fill a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Its number: the key of a page.
    pub id: DispatchId,
    /// Where.
    pub network: NetworkIx,
    /// Who sends.
    pub wallet: WalletIx,
    /// What all its attempts have in common.
    pub nonce: u64,
    /// What it is for.
    pub purpose: DispatchPurpose,
    /// Which payout, when it is for one.
    pub payout: Option<PayoutId>,
    /// Which wallet of ours receives, in a sweep or a top-up.
    pub to_wallet: Option<WalletIx>,
    /// What a sweep or a top-up moves.
    pub asset: Option<AssetIx>,
    /// How much of it, in base units of the asset.
    pub amount: Option<Amount>,
    /// What is kept for gas, in base units of the network's own coin.
    pub gas_reserve: Amount,
    /// Where it stands.
    pub state: DispatchState,
    /// Which of the attempts was found in a block.
    pub seen_attempt: Option<u32>,
    /// Whether that one did what it was for; otherwise it was reverted.
    pub seen_success: Option<bool>,
    /// Height and hash of the block where it was found, or of the proof of its end.
    pub block: Option<(u64, BlockHash)>,
    /// The transaction that ended it: one of the attempts, or a foreign one when it is dead.
    pub tx: Option<TxId>,
    /// What it cost, in base units of the network's own coin.
    pub gas: Option<Amount>,
    /// When it was opened.
    pub opened_at: Time,
    /// The event that opened it.
    pub position: Position,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// The event that ended it.
    pub ended_position: Option<Position>,
    /// Everything that was signed for it, in order.
    pub attempts: Vec<Attempt>,
}

/// What was signed for a slot; the bytes are in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number in the order of signing.
    pub number: u32,
    /// What the network calls it.
    pub tx: TxId,
    /// Whether it does what the slot is for, or only uses the nonce up.
    pub kind: AttemptKind,
    /// The most it can cost in gas, in base units of the native coin.
    pub max_gas_cost: Amount,
    /// The most it pays per unit of gas.
    pub fee_cap: Amount,
    /// Of that, what goes to the block's maker.
    pub tip: Amount,
    /// When it was signed.
    pub signed_at: Time,
    /// When it was first sent, as far as we know.
    pub sent_at: Option<Time>,
}

impl Item for Dispatch {
    const SELECT: &'static str = sql::SELECT_DISPATCH;

    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            id: columns.take()?,
            network: columns.take()?,
            wallet: columns.take()?,
            nonce: columns.take()?,
            purpose: columns.take()?,
            payout: columns.take()?,
            to_wallet: columns.take()?,
            asset: columns.take()?,
            amount: columns.take()?,
            gas_reserve: columns.take()?,
            state: columns.take()?,
            seen_attempt: columns.take()?,
            seen_success: columns.take()?,
            block: block(columns)?,
            tx: columns.take()?,
            gas: columns.take()?,
            opened_at: columns.take()?,
            position: columns.take()?,
            ended_at: columns.take()?,
            ended_position: columns.take()?,
            attempts: Vec::new(),
        })
    }

    fn key(&self) -> u64 {
        self.id.0
    }
}

impl Dispatch {
    fn with_attempts(mut self, connection: &Connection) -> Result<Self, Error> {
        self.attempts = rows(connection, sql::SELECT_ATTEMPTS, bind![self.id], |columns| {
            Ok(Attempt {
                number: columns.take()?,
                tx: columns.take()?,
                kind: columns.take()?,
                max_gas_cost: columns.take()?,
                fee_cap: columns.take()?,
                tip: columns.take()?,
                signed_at: columns.take()?,
                sent_at: columns.take()?,
            })
        })?;
        Ok(self)
    }
}

/// Which slots; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct DispatchFilter {
    /// Of one wallet.
    pub wallet: Option<WalletIx>,
    /// For one purpose.
    pub purpose: Option<DispatchPurpose>,
    /// Only those that have not ended.
    pub open: bool,
}

impl DispatchFilter {
    pub(super) fn conditions(&self) -> Conditions {
        // One of the two finds few enough rows; the other is compared in them.
        let purpose = if self.wallet.is_some() { "purpose || ''" } else { "purpose" };
        Conditions::default()
            .with("wallet", self.wallet.as_ref())
            .with(purpose, self.purpose.as_ref())
            .holds("state = 'open'", self.open)
    }
}

/// A payout with everything that happened to it.
#[derive(Clone, Debug, PartialEq)]
pub struct PayoutStory {
    /// The payout.
    pub payout: Payout,
    /// What happened, oldest first.
    pub history: Vec<Step>,
    /// Every slot that was opened for it, oldest first, each with its attempts.
    pub dispatches: Vec<Dispatch>,
    /// Up to which event this follows the journal.
    pub position: Position,
}

impl Reader {
    /// A payout with its history and its attempts.
    ///
    /// # Errors
    /// What the disk says.
    pub fn payout(&self, id: PayoutId) -> Result<Option<PayoutStory>, Error> {
        self.snapshot(|connection| {
            let Some(payout) = by_key(connection, &id)? else { return Ok(None) };
            let sql = format!("{} WHERE payout = ?1 ORDER BY id", Dispatch::SELECT);
            let dispatches: Vec<Dispatch> = read_all(connection, &sql, bind![id])?;
            let dispatches: Result<_, Error> =
                dispatches.into_iter().map(|dispatch| dispatch.with_attempts(connection)).collect();
            Ok(Some(PayoutStory {
                payout,
                history: steps(connection, sql::PAYOUT_STEPS, id.0)?,
                dispatches: dispatches?,
                position: crate::catalog::one(connection, sql::READ_POSITION)?,
            }))
        })
    }

    /// The payout that has this external id.
    ///
    /// # Errors
    /// What the disk says.
    pub fn payout_by_external_id(&self, account: AccountIx, external_id: &str) -> Result<Option<Payout>, Error> {
        self.snapshot(|connection| {
            let sql = format!("{} WHERE account = ?1 AND external_id = ?2 ORDER BY id LIMIT 1", Payout::SELECT);
            Ok(read_all(connection, &sql, bind![account, external_id])?.into_iter().next())
        })
    }

    /// Payouts, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn payouts(&self, filter: &PayoutFilter, page: &Page) -> Result<Listing<Payout>, Error> {
        self.snapshot(|connection| filter.conditions().page(connection, page))
    }

    /// A slot with its attempts.
    ///
    /// # Errors
    /// What the disk says.
    pub fn dispatch(&self, id: DispatchId) -> Result<Option<Dispatch>, Error> {
        self.snapshot(|connection| {
            by_key(connection, &id)?.map(|dispatch: Dispatch| dispatch.with_attempts(connection)).transpose()
        })
    }

    /// The newest slot for which that transaction was signed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn dispatch_of_tx(&self, tx: &TxId) -> Result<Option<DispatchId>, Error> {
        self.snapshot(|connection| find(connection, sql::DISPATCH_OF_TX, bind![tx]))
    }

    /// Slots with their attempts, newest first: payouts', sweeps, top-ups.
    ///
    /// # Errors
    /// What the disk says.
    pub fn dispatches(&self, filter: &DispatchFilter, page: &Page) -> Result<Listing<Dispatch>, Error> {
        self.snapshot(|connection| {
            let Listing { items, next, position } = filter.conditions().page::<Dispatch>(connection, page)?;
            let items: Result<_, Error> =
                items.into_iter().map(|dispatch| dispatch.with_attempts(connection)).collect();
            Ok(Listing { items: items?, next, position })
        })
    }
}
