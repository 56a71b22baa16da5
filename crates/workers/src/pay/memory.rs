//! What a payout driver remembers between two looks. All of it may be forgotten: it only spares questions and patience.

use std::collections::{BTreeMap, BTreeSet};

use tokengine_chain::Heads;
use tokengine_chain::fees::Suggestion;
use tokengine_core::{DispatchId, PayoutId, Time, TxId, WalletIx};

/// What is being worked on: one job each at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A wallet's next nonces.
    Wallet(WalletIx),
    /// One nonce in use.
    Dispatch(DispatchId),
    /// A transaction that ended and came undone.
    Again(TxId),
}

/// How a wallet's nonce was found at a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce {
    /// The height of that head.
    pub height: u64,
    /// The network has used nonces that the books have not: nothing is signed for it.
    pub foreign: bool,
}

/// The nonces that may have been signed for behind the end of a journal that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// All below this one, from the wallet's next on.
    pub to: u64,
    /// They are taken by fillers from then on.
    pub from: Time,
}

/// What is remembered of one dispatch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    /// The head at which it was last looked for.
    pub looked: Option<u64>,
    /// Its bytes are handed out again from then on.
    pub resend_at: Time,
    /// How often they were.
    pub resends: u32,
    /// A node called its offer too low.
    pub outbid: bool,
    /// No higher offer is made before.
    pub no_bid_before: Time,
    /// Nothing is done with it before.
    pub rests_until: Time,
    /// What keeps it from going on, for a person.
    pub stuck: Option<Why>,
}

/// Why a payment that has a nonce does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The network wants more for gas than the operator's cap.
    Fee,
    /// The key's holder does not answer.
    Signer,
    /// No wallet balance for a higher offer.
    Gas,
    /// The network does not answer.
    Network,
    /// It is in a block, and what the block shows is not what it should have done.
    Unproven,
    /// Its nonce was used by a transaction that is not in the journal and did the same: a person has to look.
    UsedElsewhere,
    /// Its nonce was used, and no node can say by what.
    Unanswerable,
}

impl Why {
    /// Stable; operators' alerts match on it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Fee => "fee-above-cap",
            Self::Signer => "signer-down",
            Self::Gas => "gas-short",
            Self::Network => "network-silent",
            Self::Unproven => "effect-not-proven",
            Self::UsedElsewhere => "nonce-used-elsewhere",
            Self::Unanswerable => "nonce-user-unknown",
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What the nodes agreed on last.
    pub heads: Option<Heads>,
    /// What gas costs at that head.
    pub suggestion: Option<Suggestion>,
    /// The network did not answer when it was last asked.
    pub down: bool,
    /// By wallet.
    pub nonces: BTreeMap<WalletIx, Nonce>,
    /// Signers that did not answer, and until when they are left alone.
    pub signers_rest: BTreeMap<WalletIx, Time>,
    /// Payouts that could not be prepared, and until when they are not tried again.
    pub held_back: BTreeMap<PayoutId, Time>,
    /// Wallets with which something failed, or whose sweep was put off, and until when.
    pub wallets_rest: BTreeMap<WalletIx, Time>,
    /// At which head, and how far into the search, a transaction was looked for whose block a deep reorg took.
    pub again: BTreeMap<TxId, (u64, u64)>,
    /// By dispatch.
    pub tracked: BTreeMap<DispatchId, Tracked>,
    /// The gas that was estimated for a nonce that was then opened.
    pub gas: BTreeMap<(WalletIx, u64), u64>,
    /// What is being worked on.
    pub busy: BTreeSet<Key>,
    /// The first comparison of nonces after the start is over for these wallets.
    pub compared: BTreeSet<WalletIx>,
    /// In recovery. Forgotten, it is found anew, and more nonces than needed are taken.
    pub windows: BTreeMap<WalletIx, Window>,
}

impl Memory {
    /// The height of the newest head.
    pub fn height(&self) -> Option<u64> {
        self.heads.map(|heads| heads.latest.height)
    }

    /// Whether the wallet's nonce was compared with the network at the newest head, and fits.
    pub fn nonce_fits(&self, wallet: WalletIx) -> Option<bool> {
        let nonce = self.nonces.get(&wallet).filter(|nonce| Some(nonce.height) == self.height())?;
        Some(!nonce.foreign)
    }

    /// Whether a wallet is left alone for now.
    pub fn rests(&self, wallet: WalletIx, now: Time) -> bool {
        self.wallets_rest.get(&wallet).is_some_and(|until| now < *until)
    }

    /// How one dispatch is remembered.
    pub fn of(&self, dispatch: DispatchId) -> Tracked {
        self.tracked.get(&dispatch).copied().unwrap_or_default()
    }

    /// Forgets what ended.
    pub fn forget(&mut self, dispatches: &BTreeSet<DispatchId>, now: Time) {
        self.tracked.retain(|id, _| dispatches.contains(id));
        self.held_back.retain(|_, until| *until > now);
        self.wallets_rest.retain(|_, until| *until > now);
        let height = self.height();
        self.again.retain(|_, (at, _)| Some(*at) == height);
    }
}
