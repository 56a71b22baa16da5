//! The nouns of the state and of its events: what a network, an asset, a wallet, a deposit, a payout is.

use crate::ids::*;
use crate::wire::{wire_enum, wire_struct};
use crate::{Address, Amount, BlockRef, Finality, Locator, TxId};

/// What makes a client's request the same request again: who asked, under which key, for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who was authenticated; keys of two principals never meet.
    pub principal: Principal,
    /// The idempotency key: a UUIDv7, whose own time says how long it is remembered.
    pub key: u128,
    /// Of the route and the canonical content.
    pub content: Fingerprint,
}
wire_struct!(Request { principal, key, content });

impl Request {
    /// When the client made the key, from its first 48 bits.
    pub fn key_time(&self) -> Time {
        Time(u64::try_from(self.key >> 80).unwrap_or(u64::MAX))
    }
}

/// Where a request's trace stands (W3C Trace Context), so that what happens for it later is found in the same trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Of the whole trace.
    pub trace_id: [u8; 16],
    /// Of the span that what comes later belongs under.
    pub span_id: [u8; 8],
}
wire_struct!(TraceContext { trace_id, span_id });

/// Who was authenticated at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// The holder of an API key.
    Key(KeyIx),
    /// The owner of an account, by signature.
    Account(AccountIx),
    /// The operator, by the configuration or the command line of the engine itself.
    Operator,
}
wire_enum!(Principal { 0 => Key(key), 1 => Account(account), 2 => Operator });

/// What gives the right to take from an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// An API key; good for operator-named accounts only.
    Key(KeyIx),
    /// A signature of one of the account's own ids, checked at the door over `digest`.
    Signature {
        /// The CAIP-10 id whose key signed.
        signer: Box<str>,
        /// What was signed.
        digest: [u8; 32],
        /// The signature's bytes; for a contract's they are checked again before signing.
        signature: Box<[u8]>,
        /// The signer is a contract (EIP-1271): its answer may change, so it is asked again before signing.
        contract: bool,
    },
    /// The operator, by the command line of the engine itself.
    Operator,
}
wire_enum!(Authority { 0 => Key(key), 1 => Signature { signer, digest, signature, contract }, 2 => Operator });

/// How the engine treats a network. Counts, blocks and nodes; all from the operator's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// Reorgs up to this many blocks are ordinary; a deeper one halts the network.
    pub reorg_depth: u32,
    /// So many nodes must give the same answer before it counts.
    pub nodes_required: u8,
    /// So many transactions of one wallet may be sent and not yet in a block.
    pub max_in_flight: u16,
    /// When our own transactions are final.
    pub payout_finality: Finality,
}
wire_struct!(NetworkPolicy { reorg_depth, nodes_required, max_in_flight, payout_finality });

/// What a payout or a deposit costs the account, in base units of the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fees {
    /// Taken when the payment succeeds, whatever its amount.
    pub success: Amount,
    /// Hundredths of a percent of the amount, added to `success`, rounded up.
    pub success_bps: u16,
    /// Taken when the payment failed on its network.
    pub failure: Amount,
}
wire_struct!(Fees { success, success_bps, failure });

impl Fees {
    /// The fee for a payment of `amount` that succeeds; `None` when it does not fit.
    pub fn on_success(&self, amount: Amount) -> Option<Amount> {
        self.success.checked_add(amount.commission(self.success_bps)?)
    }
}

/// The operator's rules for one asset. Amounts are base units of the asset, fees base units of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetRules {
    /// Deposits are credited.
    pub deposits: bool,
    /// Payouts are taken.
    pub payouts: bool,
    /// The smallest deposit that is credited; a smaller one goes to suspense.
    pub min_deposit: Amount,
    /// The largest deposit that is credited; a larger one goes to suspense.
    pub max_deposit: Amount,
    /// The smallest payout.
    pub min_payout: Amount,
    /// The largest payout.
    pub max_payout: Amount,
    /// What payouts cost.
    pub fees: Fees,
    /// When deposits count: the first tier whose amount is not exceeded; amounts rise.
    pub finality: Vec<(Amount, Finality)>,
    /// Sweep a deposit address from this amount on.
    pub sweep_from: Amount,
}
wire_struct!(AssetRules {
    deposits,
    payouts,
    min_deposit,
    max_deposit,
    min_payout,
    max_payout,
    fees,
    finality,
    sweep_from
});

impl AssetRules {
    /// When a deposit of `amount` counts; the last tier serves whatever is larger.
    pub fn finality_for(&self, amount: Amount) -> Finality {
        let tier = self.finality.iter().find(|(up_to, _)| amount <= *up_to).or(self.finality.last());
        tier.map_or(Finality::Finalized, |(_, finality)| *finality)
    }

    /// Whether the rules make sense: tiers rise, minima do not pass maxima.
    pub fn are_valid(&self) -> bool {
        let rising = self.finality.windows(2).all(|pair| pair[0].0 < pair[1].0);
        rising && self.min_deposit <= self.max_deposit && self.min_payout <= self.max_payout
    }
}

/// What was found when the asset's contract was probed; pinned, so that a change is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetFacts {
    /// Hash of the contract's code.
    pub code: [u8; 32],
    /// Hash of the code behind the proxy, if it is one.
    pub implementation: Option<[u8; 32]>,
}
wire_struct!(AssetFacts { code, implementation });

/// What a wallet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Pays out, and receives from senders who are credited by their own address.
    Hot,
    /// Receives; its key is not here, so nothing is ever sent from it.
    Cold,
    /// Belongs to an account; what arrives is that account's and is swept to a hot wallet.
    Deposit(AccountIx),
    /// Gives the gas for sweeps.
    Gas,
    /// Was hot: pays out no more, and what it holds is swept to a hot wallet.
    Retiring,
}
wire_enum!(Role { 0 => Hot, 1 => Cold, 2 => Deposit(account), 3 => Gas, 4 => Retiring });

impl Role {
    /// What arrives from a sender who is nobody's deposit address is credited to the sender.
    pub fn credits_sender(self) -> bool {
        matches!(self, Self::Hot | Self::Cold | Self::Retiring)
    }
}

/// What a deposit is for ever known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DepositKey {
    /// Where it happened.
    pub network: NetworkIx,
    /// In which transaction.
    pub tx: TxId,
    /// Where in it; never a number that a reorg changes.
    pub locator: Locator,
}
wire_struct!(DepositKey { network, tx, locator });

impl DepositKey {
    /// The 128 bits a deposit is remembered by. The network enters by its CAIP-2 id, so that it holds beyond one journal.
    pub fn fingerprint(&self, network: &str) -> Fingerprint {
        let mut locator = Vec::with_capacity(8);
        crate::wire::Wire::put(&self.locator, &mut locator);
        Fingerprint::of("deposit", &[network.as_bytes(), &self.tx.0, &locator])
    }
}

/// A payment into one of our wallets, as the network's own data show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// What it is known by.
    pub key: DepositKey,
    /// What was paid.
    pub asset: AssetIx,
    /// Which wallet received it.
    pub wallet: WalletIx,
    /// Who paid, as the network says.
    pub from: Address,
    /// The sender is a contract: unless linked, it is nobody's.
    pub from_contract: bool,
    /// How much, in base units of the asset: what the wallet really got.
    pub amount: Amount,
    /// In which block.
    pub block: BlockRef,
}
wire_struct!(Incoming { key, asset, wallet, from, from_contract, amount, block });

/// Whose a deposit became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreditTo {
    /// An open account.
    Account(AccountIx),
    /// The sender's account, opened by this deposit under the sender's CAIP-10 id.
    NewAccount(Box<str>),
    /// Nobody's yet; the reason is for the person who assigns it.
    Suspense(SuspenseReason),
    /// The operator's own.
    Equity,
    /// Nobody's: the operator moved it here from a cold wallet of ours.
    Refill(WalletIx),
}
wire_enum!(CreditTo { 0 => Account(account), 1 => NewAccount(name), 2 => Suspense(reason), 3 => Equity, 4 => Refill(wallet) });

/// Why an amount has no owner yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuspenseReason {
    /// The sender is a contract that nobody linked.
    SenderIsContract,
    /// Below the operator's minimum.
    BelowMinimum,
    /// Above the operator's maximum.
    AboveMaximum,
    /// The operator does not take this asset as a deposit.
    DepositsOff,
    /// The wallets hold more than the books; found by the reconciler.
    Surplus,
    /// A gas tank was paid by someone who is not the operator.
    NotForAccounts,
    /// A payment of ours that a deep reorg took away for good: whoever it was for was not paid.
    Unpaid,
    /// It was in a surplus that a person has given away since: whoever is given this, the operator bears it.
    AlreadyBooked,
    /// There is no room for another account.
    NoRoom,
}
wire_enum!(SuspenseReason {
    0 => SenderIsContract,
    1 => BelowMinimum,
    2 => AboveMaximum,
    3 => DepositsOff,
    4 => Surplus,
    5 => NotForAccounts,
    6 => Unpaid,
    7 => AlreadyBooked,
    8 => NoRoom,
});

/// Where a payout is asked to go, and what it may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutOrder {
    /// Whose tokens are taken.
    pub account: AccountIx,
    /// What is paid.
    pub asset: AssetIx,
    /// How much arrives, in base units of the asset.
    pub amount: Amount,
    /// Who is paid, on the asset's network.
    pub destination: Address,
    /// The most the account pays in fees, in base units of the token.
    pub max_fee: Amount,
    /// The client's own name for it: permanent and unique within the account.
    pub external_id: Option<Box<str>>,
    /// What was signed once and never again; for API keys, the request's key.
    pub nonce: u128,
    /// The signed request is void after this.
    pub expiry: Time,
    /// What gives the right to take it.
    pub authority: Authority,
}
wire_struct!(PayoutOrder { account, asset, amount, destination, max_fee, external_id, nonce, expiry, authority });

/// Why a payout is not under way yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Nothing stands in its way; the next look of the payout driver takes it.
    Turn,
    /// No single wallet has enough final holdings.
    Liquidity,
    /// No wallet with enough of the asset can pay the gas.
    Gas,
    /// The key's holder does not answer.
    Signer,
    /// The operator paused the asset, the network or everything.
    Paused,
    /// The network's fee is above the cap.
    Fee,
    /// The token's contract refuses transfers now (paused, or our address is block-listed).
    Token,
    /// The network does not answer.
    Network,
    /// The contract that authorised it does not say so any more.
    Authority,
}
wire_enum!(Wait {
    0 => Turn,
    1 => Liquidity,
    2 => Gas,
    3 => Signer,
    4 => Paused,
    5 => Fee,
    6 => Token,
    7 => Network,
    8 => Authority,
});

impl Wait {
    /// The word that clients and pages show after `waiting:`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Liquidity => "liquidity",
            Self::Gas => "gas",
            Self::Signer => "signer",
            Self::Paused => "paused",
            Self::Fee => "fee",
            Self::Token => "token",
            Self::Network => "network",
            Self::Authority => "authority",
        }
    }
}

/// What one nonce of a wallet is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Pays out.
    Payout(PayoutId),
    /// Moves what a deposit address or a retiring wallet holds to a hot wallet.
    Sweep {
        /// The hot wallet.
        to: WalletIx,
        /// What is moved.
        asset: AssetIx,
        /// How much, in base units of the asset.
        amount: Amount,
    },
    /// Gives a deposit address the native coin that its sweep costs.
    TopUp {
        /// The deposit address.
        to: WalletIx,
        /// How much, in base units of the native coin.
        amount: Amount,
    },
    /// Fills a gap.
    Noop,
}
wire_enum!(Purpose { 0 => Payout(payout), 1 => Sweep { to, asset, amount }, 2 => TopUp { to, amount }, 3 => Noop });

/// Whether an attempt does what its slot is for, or only uses the nonce up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttemptKind {
    /// Does it.
    Act,
    /// Only uses the nonce up, so that no other attempt counts.
    Cancel,
}
wire_enum!(AttemptKind { 0 => Act, 1 => Cancel });

/// Signed bytes for one nonce. They are in the journal before they are sent, and only they are ever sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What the network will call it.
    pub tx: TxId,
    /// What is sent, every time.
    pub raw: Box<[u8]>,
    /// What it does.
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
wire_struct!(Attempt { tx, raw, kind, max_gas_cost, fee_cap, tip, signed_at, sent_at });

/// Where an attempt was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which of the attempts, in the order of signing.
    pub attempt: u32,
    /// In which block.
    pub block: BlockRef,
    /// It did what it was for; otherwise it was reverted.
    pub success: bool,
}
wire_struct!(Sighting { attempt, block, success });

/// What the operator may stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All deposits' credits, payouts and moves.
    Everything,
    /// Those of one network.
    Network(NetworkIx),
    /// Those of one asset.
    Asset(AssetIx),
}
wire_enum!(Scope { 0 => Everything, 1 => Network(network), 2 => Asset(asset) });

/// Who gets what lay in suspense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assign {
    /// An account.
    Account(AccountIx),
    /// The operator.
    Equity,
}
wire_enum!(Assign { 0 => Account(account), 1 => Equity });

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// Every payment of the transaction to us is known now.
    Found,
    /// Refused; the code says why. The scan goes on as if the claim had not been.
    Refused(ClaimRefusal),
}
wire_enum!(ClaimOutcome { 0 => Found, 1 => Refused(why) });

/// Why a claim was refused. It says nothing about who else may own the deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimRefusal {
    /// No node knew the transaction in time.
    NotFound,
    /// The transaction was reverted.
    Reverted,
    /// It pays none of our wallets in a listed asset.
    NothingForUs,
    /// What it pays belongs to somebody else.
    NotYours,
    /// An amount in it does not fit 128 bits.
    TooLarge,
}
wire_enum!(ClaimRefusal { 0 => NotFound, 1 => Reverted, 2 => NothingForUs, 3 => NotYours, 4 => TooLarge });

impl ClaimRefusal {
    /// Stable; clients match on it.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "transaction-not-found",
            Self::Reverted => "transaction-reverted",
            Self::NothingForUs => "nothing-for-us",
            Self::NotYours => "not-yours",
            Self::TooLarge => "amount-too-large",
        }
    }
}

/// Why an asset's payouts or deposits are stopped by the engine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// For the person who looks at it.
    pub reason: Box<str>,
    /// Since when.
    pub since: Time,
}
wire_struct!(Stop { reason, since });
