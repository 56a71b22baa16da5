//! The boundary: raw questions to one node. Adapters translate; they never decide.

use std::future::Future;

use tokengine_core::{Address, Amount, BlockHash, BlockRef, TxId};

use crate::fees::Suggestion;
use crate::{Asset, fees};
use crate::{
    At, Block, BlockId, Call, Code, Error, Estimate, Heads, Identity, NonceUse, PinnedCode, Receivers, Scan,
    SendAnswer, TokenFacts, TxPayments, TxStatus,
};

/// Raw questions to one node of any network: what quorum, reorgs, finality and fees mean is decided above, once.
///
/// Every call ends within the node's configured timeout, and no more of them run at once than it allows. All of them
/// may be dropped at any point; only [`Node::send`] leaves something behind. Errors are faults of the node or of the
/// way to it, and never mean "no".
pub trait Node: Send + Sync {
    /// The operator's name for it, for logs and metrics. Never its address.
    fn name(&self) -> &str;

    /// Which network it is a node of. Asked at first use, from time to time, and after every fault.
    fn identity(&self) -> impl Future<Output = Result<Identity, Error>> + Send;

    /// Whether it reports payments from inside contracts. Constant once [`Node::identity`] has answered.
    fn traces(&self) -> bool;

    /// How far it has come.
    fn heads(&self) -> impl Future<Output = Result<Heads, Error>> + Send;

    /// One block, or `None` when this node has not got it (yet, or any more).
    fn block(&self, id: BlockId) -> impl Future<Output = Result<Option<Block>, Error>> + Send;

    /// Up to `count` blocks of its best chain from height `from` upwards; fewer when the chain ends earlier.
    fn blocks(&self, from: u64, count: u32) -> impl Future<Output = Result<Vec<Block>, Error>> + Send;

    /// Payments to the receivers in one block, by its hash; the answer for a hash never changes.
    ///
    /// # Errors
    /// [`Error::BlockUnknown`] when the node has not got that block: it lags, or a reorg took it away.
    fn payments(&self, block: BlockHash, to: &Receivers) -> impl Future<Output = Result<Scan, Error>> + Send;

    /// The same for one transaction, wherever it is.
    fn payments_of(&self, tx: TxId, to: &Receivers) -> impl Future<Output = Result<TxPayments, Error>> + Send;

    /// Where one transaction is.
    fn status(&self, tx: TxId) -> impl Future<Output = Result<TxStatus, Error>> + Send;

    /// Hands signed bytes to the network. Safe to drop at any point, and safe to repeat; after a drop or an error the
    /// bytes may or may not be out, and only [`Node::status`] knows.
    fn send(&self, signed: &[u8]) -> impl Future<Output = Result<SendAnswer, Error>> + Send;

    /// What an address holds of an asset, in base units.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above 128 bits; [`Error::StateUnavailable`] when that state is pruned.
    fn balance(&self, of: &Address, asset: &Asset, at: At) -> impl Future<Output = Result<Amount, Error>> + Send;

    /// The same of many, in as few requests as it takes, in the same order; `None` where there is no such amount.
    ///
    /// # Errors
    /// [`Error::StateUnavailable`] when that state is pruned.
    fn balances(
        &self,
        of: &[(Address, Asset)],
        at: At,
    ) -> impl Future<Output = Result<Vec<Option<Amount>>, Error>> + Send;
}

/// Questions that only a network with accounts, nonces, gas and contracts can answer.
pub trait Accounts: Node {
    /// How many nonces of that address are used.
    ///
    /// # Errors
    /// [`Error::StateUnavailable`] when that state is pruned.
    fn nonce_at(&self, of: &Address, at: At) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Who used `nonce`, up to block `head`, by bisecting historical nonces from height `not_before` and reading that
    /// block. `head` is meant to be final: below it heights do not change any more.
    fn who_used_nonce(
        &self,
        of: &Address,
        nonce: u64,
        not_before: u64,
        head: &BlockRef,
    ) -> impl Future<Output = Result<NonceUse, Error>> + Send;

    /// What stands at an address.
    fn code(&self, at_address: &Address, at: At) -> impl Future<Output = Result<Code, Error>> + Send;

    /// Which code runs when that contract is called; `None` when there is no contract.
    fn pinned_code(&self, contract: &Address, at: At)
    -> impl Future<Output = Result<Option<PinnedCode>, Error>> + Send;

    /// What a call would do on top of the newest block.
    fn estimate(&self, call: &Call) -> impl Future<Output = Result<Estimate, Error>> + Send;

    /// What gas costs now.
    fn suggestion(&self) -> impl Future<Output = Result<Suggestion, Error>> + Send;

    /// What the network charges besides gas for carrying these bytes, in base units of the native coin; zero where
    /// [`fees::DataFee`] is `None`.
    fn data_fee(&self, model: fees::DataFee, raw: &[u8]) -> impl Future<Output = Result<Amount, Error>> + Send;

    /// Whether `contract` says that `signature` is its own over `digest` (EIP-1271). A contract that reverts, or that
    /// is none, says no.
    fn valid_signature(
        &self,
        contract: &Address,
        digest: [u8; 32],
        signature: &[u8],
        at: At,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// What a token is and does at a block. `holders` may name addresses that hold some of it, for tokens whose
    /// balances cannot be made up in a simulation. `None` when there is no contract.
    fn probe(
        &self,
        token: &Address,
        holders: &[Address],
        at: BlockHash,
    ) -> impl Future<Output = Result<Option<TokenFacts>, Error>> + Send;
}
