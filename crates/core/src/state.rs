//! Everything the engine knows, in memory. It is changed by [`evolve`](State::evolve) alone and rebuilt from the journal.

use crate::exchange::requests::Requests;
use crate::exchange::rows::*;
use crate::ids::*;
use crate::index::Index;
use crate::known::Known;
use crate::ledger::Ledger;
use crate::model::*;
use crate::rows::Rows;
use crate::token::Issued;
use crate::wire::{Bytes, DecodeError, Wire};
use crate::{Address, Amount, TxId};
use std::collections::{BTreeMap, BTreeSet};

/// The form of a snapshot; a snapshot of another form is not read, the journal is replayed instead.
const SNAPSHOT_VERSION: u32 = 7;

/// All accounts, wallets and work under way, as of one position of the journal.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) position: Position,
    pub(crate) at: Time,
    pub(crate) ledger: Ledger,
    pub(crate) requests: Requests,
    pub(crate) known_deposits: Known,
    pub(crate) known_payouts: Known,
    pub(crate) networks: Vec<Network>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) assets: Vec<Asset>,
    pub(crate) wallets: Rows<Wallet>,
    pub(crate) wallet_index: Index,
    /// Wallets that are not deposit addresses: few, so that a planner may look at all of them.
    pub(crate) house_wallets: Vec<WalletIx>,
    pub(crate) deposit_wallets: BTreeMap<(AccountIx, NetworkIx), WalletIx>,
    /// Deposit addresses that hold something.
    pub(crate) to_sweep: BTreeSet<WalletIx>,
    pub(crate) keys: Vec<ApiKey>,
    pub(crate) pending: BTreeMap<Fingerprint, Pending>,
    pub(crate) claims: BTreeMap<(NetworkIx, TxId), Claim>,
    pub(crate) funding: BTreeMap<(NetworkIx, TxId), Time>,
    pub(crate) payouts: BTreeMap<PayoutId, Payout>,
    pub(crate) next_payout: PayoutId,
    pub(crate) dispatches: BTreeMap<DispatchId, Dispatch>,
    pub(crate) next_dispatch: DispatchId,
    pub(crate) attempts: BTreeMap<TxId, DispatchId>,
    pub(crate) transfers: BTreeMap<TransferId, Transfer>,
    pub(crate) next_transfer: TransferId,
    pub(crate) suspense: BTreeMap<SuspenseId, Suspense>,
    pub(crate) next_suspense: SuspenseId,
    /// The items in suspense that are a surplus of that wallet.
    pub(crate) surplus: BTreeMap<(WalletIx, AssetIx), BTreeSet<SuspenseId>>,
    /// What persons gave away of surpluses.
    pub(crate) given: BTreeMap<(WalletIx, AssetIx), Vec<Given>>,
    pub(crate) shortages: BTreeMap<(AssetIx, WalletIx), Shortage>,
    /// What was adopted after a restore and nothing asked for: an order for the same is that payment.
    pub(crate) unmatched: BTreeMap<DispatchId, Unmatched>,
    /// What the network took from a wallet beyond its books; taken from the next deposit that it is credited.
    pub(crate) ahead: BTreeMap<(WalletIx, AssetIx), Amount>,
    /// How many claims and transfers each has open.
    pub(crate) open_by: BTreeMap<AccountIx, u32>,
    pub(crate) paused: bool,
    pub(crate) recovery: Option<Stop>,
    /// Token programs: classes, tokens, and the operations that were executed.
    pub(crate) issued: Issued,
}

impl State {
    /// Nothing yet. `seed` spreads the hash indexes, so that clients cannot make keys collide; it changes no answer and
    /// no digest.
    pub fn new(seed: u64) -> Self {
        Self {
            position: Position::default(),
            at: Time::default(),
            ledger: Ledger::new(seed),
            requests: Requests::new(seed),
            known_deposits: Known::new(seed),
            known_payouts: Known::new(seed),
            networks: Vec::new(),
            tokens: Vec::new(),
            assets: Vec::new(),
            wallets: Rows::default(),
            wallet_index: Index::new(seed),
            house_wallets: Vec::new(),
            deposit_wallets: BTreeMap::new(),
            to_sweep: BTreeSet::new(),
            keys: Vec::new(),
            pending: BTreeMap::new(),
            claims: BTreeMap::new(),
            funding: BTreeMap::new(),
            payouts: BTreeMap::new(),
            next_payout: PayoutId(1),
            dispatches: BTreeMap::new(),
            next_dispatch: DispatchId(1),
            attempts: BTreeMap::new(),
            transfers: BTreeMap::new(),
            next_transfer: TransferId(1),
            suspense: BTreeMap::new(),
            next_suspense: SuspenseId(1),
            surplus: BTreeMap::new(),
            given: BTreeMap::new(),
            shortages: BTreeMap::new(),
            unmatched: BTreeMap::new(),
            ahead: BTreeMap::new(),
            open_by: BTreeMap::new(),
            paused: false,
            recovery: None,
            issued: Issued::new(seed),
        }
    }

    /// The position of the last event in it.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The time of the last event in it.
    pub fn at(&self) -> Time {
        self.at
    }

    /// The whole state as bytes: what a snapshot holds. Two states with equal bytes decide everything equally.
    pub fn encode(&self, out: &mut Vec<u8>) {
        SNAPSHOT_VERSION.put(out);
        self.position.put(out);
        self.at.put(out);
        self.ledger.put(out);
        self.requests.put(out);
        self.known_deposits.put(out);
        self.known_payouts.put(out);
        self.networks.put(out);
        self.tokens.put(out);
        self.assets.put(out);
        self.wallets.put(out);
        self.keys.put(out);
        self.pending.put(out);
        self.claims.put(out);
        self.funding.put(out);
        self.payouts.put(out);
        self.next_payout.put(out);
        self.dispatches.put(out);
        self.next_dispatch.put(out);
        self.transfers.put(out);
        self.next_transfer.put(out);
        self.suspense.put(out);
        self.next_suspense.put(out);
        self.given.put(out);
        self.shortages.put(out);
        self.unmatched.put(out);
        self.ahead.put(out);
        self.paused.put(out);
        self.recovery.put(out);
        self.issued.put(out);
    }

    /// Reads what [`Self::encode`] wrote and builds the indexes anew.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not a whole snapshot of this form; replay the journal instead.
    pub fn decode(bytes: &[u8], seed: u64) -> Result<Self, DecodeError> {
        let bytes = &mut Bytes::new(bytes);
        match u32::get(bytes)? {
            SNAPSHOT_VERSION => {}
            tag => return Err(DecodeError::UnknownTag { what: "snapshot", tag }),
        }
        let mut state = Self::new(seed);
        state.position = Wire::get(bytes)?;
        state.at = Wire::get(bytes)?;
        state.ledger = Ledger::get(bytes, seed)?;
        state.requests = Requests::get(bytes, seed)?;
        state.known_deposits = Known::get_from(bytes, seed)?;
        state.known_payouts = Known::get_from(bytes, seed)?;
        state.networks = Wire::get(bytes)?;
        state.tokens = Wire::get(bytes)?;
        state.assets = Wire::get(bytes)?;
        let wallets: Rows<Wallet> = Wire::get(bytes)?;
        for wallet in wallets.iter() {
            state.add_wallet(wallet.clone());
        }
        state.keys = Wire::get(bytes)?;
        state.pending = Wire::get(bytes)?;
        state.claims = Wire::get(bytes)?;
        state.funding = Wire::get(bytes)?;
        state.payouts = Wire::get(bytes)?;
        state.next_payout = Wire::get(bytes)?;
        state.dispatches = Wire::get(bytes)?;
        state.next_dispatch = Wire::get(bytes)?;
        state.transfers = Wire::get(bytes)?;
        state.next_transfer = Wire::get(bytes)?;
        state.suspense = Wire::get(bytes)?;
        state.next_suspense = Wire::get(bytes)?;
        state.given = Wire::get(bytes)?;
        state.shortages = Wire::get(bytes)?;
        state.unmatched = Wire::get(bytes)?;
        state.ahead = Wire::get(bytes)?;
        state.paused = Wire::get(bytes)?;
        state.recovery = Wire::get(bytes)?;
        state.issued = Issued::get(bytes, seed)?;
        for (id, dispatch) in &state.dispatches {
            state.attempts.extend(dispatch.attempts.iter().map(|attempt| (attempt.tx, *id)));
        }
        bytes.clone().finish()?;
        state.check_references()?;
        state.check_issued()?;
        state.count_all_open();
        for (id, item) in state.suspense.clone() {
            state.index_suspense(id, &item);
        }
        Ok(state)
    }

    /// BLAKE3 over [`Self::encode`]: equal digests, equal states.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        *blake3::hash(&bytes).as_bytes()
    }

    pub(crate) fn add_wallet(&mut self, wallet: Wallet) -> WalletIx {
        let hash = self.wallet_index.hash((wallet.network, &wallet.address));
        let row = self.wallets.len();
        let ix = WalletIx::from_row(row);
        match wallet.role {
            Role::Deposit(account) => {
                self.deposit_wallets.insert((account, wallet.network), ix);
                if wallet.holdings.iter().any(|(_, holding)| !holding.amount.is_zero()) {
                    self.to_sweep.insert(ix);
                }
            }
            Role::Hot | Role::Cold | Role::Gas | Role::Retiring => self.house_wallets.push(ix),
        }
        self.wallets.push(wallet);
        let wallets = &self.wallets;
        self.wallet_index.insert(hash, ix.0, |index, row| {
            let wallet = wallets.get(WalletIx(row).row()).expect("only rows are indexed");
            index.hash((wallet.network, &wallet.address))
        });
        ix
    }

    /// The wallet with that address on that network.
    pub fn wallet_at(&self, network: NetworkIx, address: &Address) -> Option<WalletIx> {
        let is = |row: u32| self.wallet(WalletIx(row)).is_some_and(|w| w.network == network && w.address == *address);
        self.wallet_index.find(self.wallet_index.hash((network, address)), is).map(WalletIx)
    }
}
