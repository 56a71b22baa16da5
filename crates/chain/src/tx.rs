//! What a node says about a transaction, and about the nonce of its sender.

use tokengine_core::{Address, Amount, BlockRef, TxId};

/// Where a transaction of ours is. "Gone" is a proof, not a status: see [`NonceUse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxStatus {
    /// Nobody asked knows it. It proves nothing.
    Unknown,
    /// Known, and not in a block that the nodes agree on.
    InMempool,
    /// In that block, and it did what it says.
    InBlock(Inclusion),
    /// In that block, charged for, and without effect.
    Reverted(Inclusion),
}

/// A transaction in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The block.
    pub block: BlockRef,
    /// Gas it used.
    pub gas_used: u64,
    /// All that its sender paid for it, in base units of the native coin, an L1 data fee included.
    pub cost: Amount,
}

/// What a node said to signed bytes. No answer is a proof that they will never count: the bytes may be in another
/// node's pool. An error instead of an answer means the same: unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendAnswer {
    /// Taken into its pool.
    Accepted,
    /// It has them already, in its pool or in a block.
    AlreadyKnown,
    /// The sender's nonce is used already, by these bytes or by others.
    NonceTooLow,
    /// It wants a higher fee, for itself or to replace what it has with this nonce.
    Underpriced,
    /// The sender cannot pay amount and gas now.
    InsufficientFunds,
    /// Any other refusal, in the node's words (shortened, and without addresses of providers).
    Rejected(String),
}

/// Who used a nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NonceUse {
    /// Nobody, up to the block in question.
    NotUsed,
    /// That transaction.
    Used(NonceUser),
    /// The node cannot say (its history is pruned, or the nonce was used by something that is no transaction of the
    /// sender). What depends on it stays unknown.
    Unanswerable,
}

/// The transaction that used a nonce, from the block it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonceUser {
    /// Its id.
    pub tx: TxId,
    /// Its block.
    pub block: BlockRef,
    /// Whom it called; `None` when it created a contract.
    pub to: Option<Address>,
    /// The native coin it carried, in base units.
    pub value: Amount,
    /// Its call data.
    pub input: Vec<u8>,
}

/// A call that might be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who calls.
    pub from: Address,
    /// Whom.
    pub to: Address,
    /// With how much of the native coin, in base units.
    pub value: Amount,
    /// With what data.
    pub input: Vec<u8>,
}

/// What a call would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Estimate {
    /// It would use about that much gas.
    Gas(u64),
    /// It would revert, for the reason in the node's words: a paused token, a block-listed address, no funds.
    Reverts(String),
}
