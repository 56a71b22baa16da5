//! Transactions: the product's real signed bytes, taken apart with the product's own codec, and those of outsiders.

use tokengine_chain::evm::tx::Signed;
use tokengine_chain::fees::Fees;
use tokengine_core::TxId;

use super::names::{Addr, Names};

/// A transaction that a network ever heard of.
pub(super) type TxIx = u32;

/// Gas of an outsider's transaction, whatever it does.
const OUTSIDERS_GAS: u64 = 500_000;

/// One thing that a transaction does through a contract.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// A token moves.
    Token { contract: Addr, from: Addr, to: Addr, amount: u128 },
    /// The coin moves inside.
    Coin { from: Addr, to: Addr, value: u128 },
    /// The coin moved inside, and the call that moved it failed: no trace of it counts.
    CoinTakenBack,
    /// A contract writes a transfer that never was.
    Forged { contract: Addr, from: Addr, to: Addr, amount: u128 },
    /// A listed contract writes something with the name of a transfer that is none.
    Malformed { contract: Addr, to: Addr },
    /// A listed contract writes an amount above 128 bits.
    TooLarge { contract: Addr, from: Addr, to: Addr },
    /// A token comes from nobody.
    Mint { contract: Addr, to: Addr, amount: u128 },
    /// A token moves, how much depends on the block.
    Fickle { contract: Addr, from: Addr, to: Addr, amounts: [u128; 2] },
    /// All of it fails.
    Revert,
    /// The token's owner stops it, or lets it go on.
    Pause { contract: Addr, paused: bool },
    /// The token's owner refuses a receiver, or no longer.
    Block { contract: Addr, to: Addr, blocked: bool },
    /// The token's owner puts other code behind it.
    Upgrade { contract: Addr, version: u128 },
}

/// What a transaction asks of the address that it calls.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// To take its value.
    Take,
    /// To move a token.
    Transfer { to: Addr, amount: u128 },
    /// Something that nobody here understands.
    Opaque,
    /// All these, in order; only outsiders do this.
    Script(Vec<Effect>),
}

/// A transaction.
#[derive(Clone, Debug)]
pub(super) struct Tx {
    pub(super) id: TxId,
    pub(super) from: Addr,
    pub(super) nonce: u64,
    pub(super) to: Addr,
    pub(super) value: u128,
    pub(super) input: Vec<u8>,
    pub(super) gas_limit: u64,
    pub(super) max_fee: u128,
    pub(super) tip: u128,
    pub(super) act: Act,
    /// The bytes, when it came as bytes.
    pub(super) raw: Box<[u8]>,
}

impl Tx {
    /// What signed bytes say.
    pub(super) fn of_signed(signed: Signed, names: &mut Names) -> Self {
        let payload = signed.draft.payload();
        let act = match payload.token_transfer() {
            Some((to, amount)) => Act::Transfer { to: names.id(&to), amount: amount.base_units() },
            None if payload.input.is_empty() => Act::Take,
            None => Act::Opaque,
        };
        let (max_fee, tip) = match signed.draft.fees {
            Fees::Dynamic { max_fee, priority } => (max_fee, priority),
            Fees::Legacy { gas_price } => (gas_price, gas_price),
        };
        Self {
            id: signed.tx,
            from: names.id(&signed.from),
            nonce: signed.draft.nonce,
            to: names.id(&signed.draft.to),
            value: signed.draft.value.base_units(),
            input: signed.draft.input,
            gas_limit: signed.draft.gas_limit,
            max_fee,
            tip,
            act,
            raw: signed.raw.into(),
        }
    }

    /// An outsider's, which offers whatever the network asks for.
    pub(super) fn of_outsider(id: TxId, from: Addr, nonce: u64, to: Addr, value: u128, act: Act) -> Self {
        let input = match &act {
            Act::Take => Vec::new(),
            Act::Transfer { .. } | Act::Opaque | Act::Script(_) => id.0.to_vec(),
        };
        let (gas_limit, max_fee, tip) = (OUTSIDERS_GAS, u128::MAX >> 32, 3_000_000_000);
        Self { id, from, nonce, to, value, input, gas_limit, max_fee, tip, act, raw: Box::default() }
    }

    /// The most that it takes from its sender; `None` above 128 bits.
    pub(super) fn worst_cost(&self, data_fee: u128) -> Option<u128> {
        self.max_fee.checked_mul(u128::from(self.gas_limit))?.checked_add(self.value)?.checked_add(data_fee)
    }
}
