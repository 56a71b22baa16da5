//! What each event means for the rows. No rule is decided here: `decide` did that, and the event says what happened.

mod accounts;
mod books;
mod deposits;
mod dispatches;
mod networks;
mod payouts;
mod token;

use crate::catalog::Catalog;
use crate::column::{Column, Columns, bind};
use crate::{Error, sql};
use books::Books;
use rusqlite::{CachedStatement, Params, Transaction};
use tokengine_core::*;

/// One batch on its way into the database.
pub(crate) struct Writer<'t> {
    transaction: &'t Transaction<'t>,
    catalog: Catalog,
    books: Books<'t>,
    insert_event: CachedStatement<'t>,
    bytes: Vec<u8>,
    /// When the event at hand was decided.
    at: Time,
}

impl<'t> Writer<'t> {
    pub(crate) fn new(transaction: &'t Transaction<'t>, catalog: Catalog) -> Result<Self, Error> {
        Ok(Self {
            books: Books::new(transaction)?,
            insert_event: transaction.prepare_cached(sql::INSERT_EVENT)?,
            bytes: Vec::with_capacity(256),
            at: Time::default(),
            transaction,
            catalog,
        })
    }

    /// The last event that was taken in.
    pub(crate) fn position(&self) -> Position {
        self.catalog.position
    }

    /// Writes what was kept back: balances, and the cursor.
    pub(crate) fn finish(mut self) -> Result<Catalog, Error> {
        self.books.write()?;
        self.execute(sql::WRITE_POSITION, bind![self.catalog.position])?;
        Ok(self.catalog)
    }

    fn execute(&self, sql: &str, parameters: impl Params) -> Result<usize, Error> {
        Ok(self.transaction.prepare_cached(sql)?.execute(parameters)?)
    }

    /// The first row, if there is one.
    fn find<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&mut Columns<'_, '_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut statement = self.transaction.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        rows.next()?.map(|row| read(&mut Columns::new(row))).transpose()
    }

    fn find_one<T: Column>(&self, sql: &str, parameters: impl Params) -> Result<Option<T>, Error> {
        self.find(sql, parameters, |columns| columns.take())
    }

    /// Changes exactly one row, or the event does not fit what is here.
    fn change(&self, what: &'static str, sql: &str, parameters: impl Params) -> Result<(), Error> {
        match self.execute(sql, parameters)? {
            1 => Ok(()),
            _ => Err(self.unfit(what)),
        }
    }

    /// The event at hand does not fit what is here.
    fn unfit(&self, what: &'static str) -> Error {
        Error::Inconsistent { position: self.catalog.position, what }
    }

    /// Base units of an asset as base units of its token, with the token.
    fn scaled(&self, asset: AssetIx, amount: Amount) -> Result<(TokenIx, Amount), Error> {
        let row = self.catalog.assets.get(asset.row()).ok_or_else(|| self.unfit("an asset that is not listed"))?;
        let scaled = amount.scale_up(row.places).ok_or_else(|| self.unfit("an amount that does not fit"))?;
        Ok((row.token, scaled))
    }

    fn token_of(&self, asset: AssetIx) -> Result<TokenIx, Error> {
        self.scaled(asset, Amount::ZERO).map(|(token, _)| token)
    }

    /// Takes the next record in.
    pub(crate) fn take_in(&mut self, position: Position, record: &Record) -> Result<(), Error> {
        self.catalog.position = position;
        self.at = record.at;
        self.bytes.clear();
        record.encode(&mut self.bytes);
        let principal = record.event.request().map(|request| principal(request.principal));
        let name = record.event.name();
        self.insert_event.execute(bind![position, record.at, name, principal, self.bytes])?;
        self.event(&record.event)
    }

    fn event(&mut self, event: &Event) -> Result<(), Error> {
        use Event::*;
        match event {
            Moved { token, from, to, amount, .. } => self.moved(*token, *from, *to, *amount),
            NetworkListed { id, policy } => self.network_listed(id, policy),
            NetworkPolicyChanged { network, policy } => self.network_policy_changed(*network, policy),
            TokenListed { id, decimals } => self.token_listed(id, *decimals),
            AssetListed { id, network, token, decimals, contract, .. } => {
                self.asset_listed(id, *network, *token, *decimals, contract.as_ref())
            }
            WalletListed { network, address, role, key, .. } => self.wallet_listed(*network, address, *role, key),
            WalletRoleChanged { wallet, role } => self.wallet_role_changed(*wallet, *role),
            WalletFrozen { wallet, reason } => self.freeze_wallet(*wallet, reason),
            WalletThawed { wallet, .. } => self.change("a wallet that is not listed", sql::THAW_WALLET, bind![wallet]),
            AccountOpened { name, .. } => self.open_account(name, !name.contains(':')).map(drop),
            NameLinked { account, name, merged, moved, .. } => self.name_linked(*account, name, *merged, moved),
            AccountFrozen { account, frozen, .. } => self.freeze_account(*account, *frozen),
            OwedSettled { account, token, amount, .. } => self.owed_settled(*account, *token, *amount),
            NetworkStarted { network, from, .. } => self.scanned_from(*network, from.height),
            BlocksScanned { network, blocks } => self.blocks_scanned(*network, blocks),
            ScanRewound { network, to } => self.scan_rewound(*network, to.height),
            NetworkResumed { network, from, searched, .. } => match from {
                Some(from) if *searched => self.scan_rewound(*network, from.height),
                Some(from) => self.scanned_from(*network, from.height),
                None => Ok(()),
            },
            DepositClaimed { network, tx, by, .. } => self.claimed(*network, tx, *by),
            ClaimClosed { network, tx, outcome } => self.claim_closed(*network, tx, *outcome),
            DepositSeen { deposit } => self.deposit_seen(deposit),
            DepositReblocked { key, block } => self.deposit_reblocked(key, block),
            DepositDropped { key } => self.deposit_dropped(key),
            DepositCredited { key, asset, wallet, from, credited, to, block, depth, from_surplus, .. } => {
                self.deposit_credited(key, *asset, *wallet, from, *credited, to, block, depth)?;
                self.found_in_surplus(key, *asset, from_surplus)
            }
            DepositReversed { key, account, asset, credited, taken, .. } => {
                self.deposit_reversed(key, *account, *asset, *credited, *taken)
            }
            SuspenseAssigned { item, to, reason, .. } => self.suspense_assigned(*item, *to, reason),
            SurplusBooked { wallet, asset, amount, .. } => {
                self.booked_to_suspense(*wallet, *asset, *amount, SuspenseReason::Surplus)
            }
            PayoutHeld { payout, transfer, order, amount, success_fee, failure_fee, held, .. } => {
                self.payout_held(*payout, *transfer, order, (*amount, *success_fee, *failure_fee, *held))
            }
            PayoutSettledInside { payout, transfer, order, to, amount, fee, .. } => {
                self.payout_settled(*payout, *transfer, order, *to, (*amount, *fee))
            }
            PayoutWaiting { payout, why } => self.payout_waiting(*payout, *why),
            PayoutCancelled { payout, .. } => self.payout_cancelled(*payout),
            PayoutEndedInside { payout, to, fee } => self.payout_ended_inside(*payout, *to, *fee),
            CancelRequested { payout, .. } => self.cancel_requested(*payout),
            DispatchOpened { dispatch, wallet, nonce, purpose, gas_reserve } => {
                self.dispatch_opened(*dispatch, *wallet, *nonce, purpose, *gas_reserve)
            }
            AttemptSigned { dispatch, attempt } => self.attempt_signed(*dispatch, attempt),
            AttemptSent { dispatch, attempt } => self.attempt_sent(*dispatch, *attempt),
            DispatchSeen { dispatch, sighting } => self.dispatch_seen(*dispatch, sighting),
            DispatchUnseen { dispatch } => self.dispatch_unseen(*dispatch),
            DispatchFinal { dispatch, sighting, gas, .. } => self.dispatch_final(*dispatch, sighting, *gas),
            DispatchDead { dispatch, by, block } => self.dispatch_dead(*dispatch, by, block),
            PayoutPaidBefore { payout, dispatch, tx, block, fee } => {
                self.payout_paid_before(*payout, *dispatch, tx, block, *fee)
            }
            DispatchAdopted { dispatch, wallet, nonce, purpose, tx, block, success, lost, gas, .. } => {
                // An attempt that a restore lost ends a slot that is open already.
                if !self.dispatch_is_open(*dispatch)? {
                    self.insert_dispatch(*dispatch, *wallet, *nonce, purpose.as_ref(), Amount::ZERO)?;
                }
                self.dispatch_adopted(*dispatch, *wallet, purpose.as_ref(), (tx, block, *success), lost.is_some(), *gas)
            }
            TransferRequested { transfer, network, tx, order, .. } => {
                self.transfer_requested(*transfer, *network, tx, order)
            }
            TransferFailed { transfer, why } => self.transfer_failed(*transfer, *why),
            FinalCleared { wallet, returned: Some((asset, amount)), from: None, .. } => {
                self.booked_to_suspense(*wallet, *asset, *amount, SuspenseReason::Unpaid)
            }
            ClassCreated { spec, .. } => self.class_created(spec),
            Operated { opened, posting, .. } => self.operated(opened.as_deref(), *posting),
            // These leave no row but their own in the audit trail.
            Refused { .. }
            | AssetRulesChanged { .. }
            | AssetPinned { .. }
            | AssetStopped { .. }
            | AssetResumed { .. }
            | WalletReady { .. }
            | KeyAdded { .. }
            | KeyRevoked { .. }
            | TopUpLimitSet { .. }
            | NetworkHalted { .. }
            | FundingAnnounced { .. }
            | FinalReblocked { .. }
            | FinalCleared { .. }
            | UnmatchedCleared { .. }
            | PauseSet { .. }
            | ShortageFound { .. }
            | ShortageCleared { .. }
            | ShortageWrittenOff { .. }
            | RecoveryStarted { .. }
            | RecoveryEnded { .. }
            | ClassChanged { .. }
            | ClassPaused { .. }
            | OperationFailed { .. } => Ok(()),
        }
    }
}

/// How the audit trail names who asked.
fn principal(principal: Principal) -> Box<str> {
    match principal {
        Principal::Key(key) => format!("key:{key}").into(),
        Principal::Account(account) => format!("account:{account}").into(),
        Principal::Operator => "operator".into(),
    }
}
