//! The rows of the exchange's state: what is listed, and what is under way.

use crate::ids::*;
use crate::model::*;
use crate::wire::{wire_enum, wire_struct};
use crate::{Address, Amount, BlockRef, TxId};
use std::collections::VecDeque;

/// A listed network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its CAIP-2 id.
    pub id: Box<str>,
    /// How it is treated.
    pub policy: NetworkPolicy,
    /// Its first block: what it is known by beyond its id.
    pub genesis: Option<BlockRef>,
    /// Height of the last block that does not count: what wallets were paid up to it is not this engine's to credit.
    pub starts_after: u64,
    /// The last blocks that were searched, oldest first, each the parent of the next.
    pub scanned: VecDeque<BlockRef>,
    /// Credits in blocks that a reorg could still take away, in the order of crediting.
    pub recent: VecDeque<RecentCredit>,
    /// Our own transactions that are final in blocks that a deep reorg could still take away.
    pub recent_final: VecDeque<RecentFinal>,
    /// Its own coin, in which gas is paid.
    pub native: Option<AssetIx>,
    /// The operator paused it.
    pub paused: bool,
    /// The engine halted it, until a person has looked.
    pub halted: Option<Stop>,
    /// What is given to deposit addresses for gas.
    pub top_ups: TopUps,
}
wire_struct!(Network {
    id,
    policy,
    genesis,
    starts_after,
    scanned,
    recent,
    recent_final,
    native,
    paused,
    halted,
    top_ups
});

/// Native coin given to deposit addresses for the gas of their sweeps, in its base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopUps {
    /// The most within a UTC day; as much as it takes when nobody set it.
    pub a_day: Option<Amount>,
    /// The last day that anything was given on, in days since 1970.
    pub day: u64,
    /// How much was given on it.
    pub given: Amount,
}
wire_struct!(TopUps { a_day, day, given });

impl Network {
    /// The last block that was searched for payments.
    pub fn head(&self) -> Option<&BlockRef> {
        self.scanned.back()
    }

    /// How many blocks are remembered: enough to find where a reorg far deeper than the policy began.
    pub fn horizon(&self) -> usize {
        usize::try_from(self.policy.reorg_depth).unwrap_or(usize::MAX).saturating_mul(4).clamp(64, 4096)
    }
}

/// A credited deposit whose block a reorg could still take away.
#[derive(Clone, Debug)]
pub struct RecentCredit {
    /// What it is known by.
    pub key: DepositKey,
    /// Where it was when it was credited, or where it is since.
    pub block: BlockRef,
    /// What was paid.
    pub asset: AssetIx,
    /// Who received it.
    pub wallet: WalletIx,
    /// How much, in base units of the asset.
    pub amount: Amount,
    /// How much was credited, in base units of the token.
    pub credited: Amount,
    /// To whom; nobody while it lies in suspense or is the operator's.
    pub account: Option<AccountIx>,
    /// Its suspense item, if it was nobody's.
    pub suspense: Option<SuspenseId>,
    /// The cold wallet of ours that it came from, and what that one's books had of it.
    pub refill: Option<(WalletIx, Amount)>,
    /// A reorg took its block; it was not seen again yet.
    pub orphaned: bool,
}
wire_struct!(RecentCredit { key, block, asset, wallet, amount, credited, account, suspense, refill, orphaned });

/// A transaction of ours that ended not long ago.
#[derive(Clone, Debug)]
pub struct RecentFinal {
    /// Which slot it used.
    pub dispatch: DispatchId,
    /// What the network calls it.
    pub tx: TxId,
    /// Its bytes, to be sent again as they are if a deep reorg takes its block away.
    pub raw: Box<[u8]>,
    /// Where it is.
    pub block: BlockRef,
    /// Who sent it.
    pub wallet: WalletIx,
    /// What left the wallet besides gas, in base units of the asset.
    pub moved: Option<(AssetIx, Amount)>,
    /// Which wallet of ours received it, if one did.
    pub to: Option<WalletIx>,
    /// What it cost, in base units of the native coin.
    pub gas: Amount,
    /// It did not revert.
    pub success: bool,
    /// A deep reorg took its block.
    pub orphaned: bool,
    /// What of it the books took back already, because the deposit that it had swept was reversed.
    pub undone: Amount,
}
wire_struct!(RecentFinal { dispatch, tx, raw, block, wallet, moved, to, gas, success, orphaned, undone });

/// A listed token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The operator's name for it.
    pub id: Box<str>,
    /// Its ledger precision; it never changes.
    pub decimals: u8,
}
wire_struct!(Token { id, decimals });

/// A listed asset.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its CAIP-19 id.
    pub id: Box<str>,
    /// Where it is.
    pub network: NetworkIx,
    /// What it stands for in the ledger.
    pub token: TokenIx,
    /// Its decimals on its network.
    pub decimals: u8,
    /// How many more decimals the token has.
    pub places: u8,
    /// Its contract; nothing for the network's own coin.
    pub contract: Option<Address>,
    /// The operator's rules.
    pub rules: AssetRules,
    /// What its contract was when it was probed; nothing is credited or paid before that.
    pub facts: Option<AssetFacts>,
    /// The operator paused it.
    pub paused: bool,
    /// Its contract is not what was probed.
    pub stopped: Option<Stop>,
    /// The wallets hold less than the books.
    pub short: Option<Stop>,
}
wire_struct!(Asset { id, network, token, decimals, places, contract, rules, facts, paused, stopped, short });

/// What a wallet holds of one asset, in base units of the asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// What is final, by the books.
    pub amount: Amount,
    /// Of that, what payments under way have taken for themselves.
    pub reserved: Amount,
}
wire_struct!(Holding { amount, reserved });

impl Holding {
    /// What a new payment may take.
    pub fn available(&self) -> Amount {
        self.amount.checked_sub(self.reserved).unwrap_or_default()
    }
}

/// An address on a network under our keys.
#[derive(Clone, Debug)]
pub struct Wallet {
    /// Where it is.
    pub network: NetworkIx,
    /// Its address.
    pub address: Address,
    /// What it is for.
    pub role: Role,
    /// Which key signs for it: a name in the keyring, or a derivation path. Never the key.
    pub key: Box<str>,
    /// What it holds.
    pub holdings: Vec<(AssetIx, Holding)>,
    /// The nonce of its next transaction; nothing before it was compared with the network.
    pub next_nonce: Option<u64>,
    /// Nothing is signed for it until a person has looked.
    pub frozen: Option<Stop>,
}
wire_struct!(Wallet { network, address, role, key, holdings, next_nonce, frozen });

impl Wallet {
    /// What it holds of `asset`.
    pub fn holding(&self, asset: AssetIx) -> Holding {
        self.holdings.iter().find(|(held, _)| *held == asset).map(|(_, holding)| *holding).unwrap_or_default()
    }

    pub(crate) fn holding_mut(&mut self, asset: AssetIx) -> &mut Holding {
        let at = match self.holdings.iter().position(|(held, _)| *held == asset) {
            Some(at) => at,
            None => {
                self.holdings.push((asset, Holding::default()));
                self.holdings.len().saturating_sub(1)
            }
        };
        &mut self.holdings[at].1
    }
}

/// Who may ask for what at the doors.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The operator's name for it.
    pub name: Box<str>,
    /// Hash of the secret; the secret is nowhere.
    pub hash: [u8; 32],
    /// What it may do, as bits that the doors define.
    pub scopes: u32,
    /// It is no good any more.
    pub revoked: bool,
}
wire_struct!(ApiKey { name, hash, scopes, revoked });

/// A deposit that was seen and is not credited yet.
#[derive(Clone, Debug)]
pub struct Pending {
    /// What was seen.
    pub deposit: Incoming,
    /// When it was first seen.
    pub seen_at: Time,
    /// A reorg took its block; it was not seen again yet.
    pub orphaned: bool,
    /// The trace of the claim that was open when it was first seen.
    pub trace: Option<TraceContext>,
    /// The event that brought it.
    pub seen: Position,
}
wire_struct!(Pending { deposit, seen_at, orphaned, trace, seen });

/// A client says that a transaction pays us: it is looked for at once.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who says so, if an account did.
    pub by: Option<AccountIx>,
    /// Since when.
    pub at: Time,
    /// The trace of whoever asked first.
    pub trace: Option<TraceContext>,
}
wire_struct!(Claim { by, at, trace });

/// A payout that has not ended.
#[derive(Clone, Debug)]
pub struct Payout {
    /// What was asked.
    pub order: PayoutOrder,
    /// The transfer that it belongs to.
    pub transfer: Option<TransferId>,
    /// The amount in base units of the token.
    pub amount: Amount,
    /// Taken when it succeeds.
    pub success_fee: Amount,
    /// Taken when it fails.
    pub failure_fee: Amount,
    /// What is on hold.
    pub held: Amount,
    /// Since when.
    pub held_at: Time,
    /// Where it stands.
    pub stage: PayoutStage,
    /// Its owner or the operator wants it back if that is still possible.
    pub cancel: bool,
    /// The trace of the request, to be continued when it is sent.
    pub trace: Option<TraceContext>,
}
wire_struct!(Payout { order, transfer, amount, success_fee, failure_fee, held, held_at, stage, cancel, trace });

/// Where an open payout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutStage {
    /// Nothing is signed.
    Waiting(Wait),
    /// It has a nonce; the dispatch tells the rest.
    Dispatched(DispatchId),
}
wire_enum!(PayoutStage { 0 => Waiting(why), 1 => Dispatched(dispatch) });

/// One nonce of a wallet in use. At most one of its attempts can ever count, because all use the same nonce.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// Who sends.
    pub wallet: WalletIx,
    /// What all attempts have in common.
    pub nonce: u64,
    /// What it is for.
    pub purpose: Purpose,
    /// What is reserved for gas, in base units of the native coin.
    pub gas_reserve: Amount,
    /// Everything that was signed, in order.
    pub attempts: Vec<Attempt>,
    /// Where one of them was found.
    pub seen: Option<Sighting>,
    /// Since when.
    pub opened_at: Time,
}
wire_struct!(Dispatch { wallet, nonce, purpose, gas_reserve, attempts, seen, opened_at });

/// A deposit and a payout in one: the payout is held when the deposit is credited.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Where the deposit comes from.
    pub network: NetworkIx,
    /// In which transaction.
    pub tx: TxId,
    /// What is paid then.
    pub order: PayoutOrder,
    /// Its request, under which the payout is held.
    pub request: Request,
    /// Since when.
    pub at: Time,
    /// The trace of the request; its payout continues it.
    pub trace: Option<TraceContext>,
}
wire_struct!(Transfer { network, tx, order, request, at, trace });

/// An amount that nobody owns yet.
#[derive(Clone, Debug)]
pub struct Suspense {
    /// What it is.
    pub token: TokenIx,
    /// How much, in base units of the token.
    pub amount: Amount,
    /// Why.
    pub reason: SuspenseReason,
    /// Where it came from, if a payment brought it.
    pub deposit: Option<DepositKey>,
    /// Who paid it, if a payment brought it.
    pub from: Option<Address>,
    /// Which wallet holds it.
    pub wallet: WalletIx,
    /// Since when.
    pub at: Time,
    /// What it is on the wallet's network.
    pub asset: AssetIx,
    /// Height of the block that it was found in, or at which the wallet was compared.
    pub height: u64,
    /// The event that booked it.
    pub booked: Position,
}
wire_struct!(Suspense { token, amount, reason, deposit, from, wallet, at, asset, height, booked });

/// What a person gave away of a wallet's surplus of one asset, at one time.
#[derive(Clone, Debug)]
pub struct Given {
    /// How much, in base units of the asset.
    pub amount: Amount,
    /// Height of the last block at which the wallet was compared.
    pub height: u64,
    /// The event that booked it.
    pub booked: Position,
}
wire_struct!(Given { amount, height, booked });

/// What a wallet holds less of an asset than the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// How much, in base units of the asset.
    pub missing: Amount,
    /// Height of the block at which it was compared.
    pub height: u64,
    /// When that was told.
    pub at: Time,
}
wire_struct!(Shortage { missing, height, at });

/// A payment of ours that was adopted after a restore, and that nothing in the books asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// Who paid.
    pub wallet: WalletIx,
    /// What.
    pub asset: AssetIx,
    /// How much, in base units of the asset.
    pub amount: Amount,
    /// Who received it.
    pub to: Address,
    /// By which transaction.
    pub tx: TxId,
    /// Where that is.
    pub block: BlockRef,
    /// When it was adopted.
    pub at: Time,
}
wire_struct!(Unmatched { wallet, asset, amount, to, tx, block, at });
