//! EVM networks: native coin and ERC-20 tokens, asked of one node over JSON-RPC.
//!
//! Translates only. What it reports about a block is pinned to the block's hash and taken from receipts, so that a
//! reorg between two questions is an error and never a mixture; what it builds and takes apart is in [`tx`].

mod abi;
mod account;
mod history;
mod many;
mod payments;
mod probe;
mod rpc;
mod scan;
mod send;
mod trace;
pub mod tx;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alloy::primitives::{B256, Bytes, U256};
use alloy::sol_types::SolCall;
use serde_json::json;
use tokengine_core::{Address, Amount, BlockHash, BlockRef, TxId};

use self::rpc::{Fault, Rpc};
use self::wire::Header;
use crate::{
    Asset, At, Block, BlockId, Calls, Error, Heads, Identity, Node, Receivers, Scan, SendAnswer, TxPayments, TxStatus,
};

/// How to reach one EVM node and how hard it may be asked. Has no `Debug`: the URL may carry a key.
#[derive(Clone)]
pub struct EvmConfig {
    /// The operator's name for it; shown in logs and metrics.
    pub name: String,
    /// Its HTTP or HTTPS address. Never shown.
    pub url: String,
    /// How long to wait for any answer.
    pub timeout: Duration,
    /// How many requests may run at once.
    pub max_concurrent: usize,
    /// How many questions may go into one request; 1 for a node that takes no batches.
    pub batch: usize,
    /// How many addresses may stand in one filter.
    pub filter_limit: usize,
    /// The largest answer taken, in bytes.
    pub max_response_bytes: usize,
    /// Whether to ask for traces of blocks, if the node offers them.
    pub traces: bool,
}

impl EvmConfig {
    /// Sensible limits for a node with that name and address.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            timeout: Duration::from_secs(10),
            max_concurrent: 16,
            batch: 50,
            filter_limit: 256,
            max_response_bytes: 128 << 20,
            traces: true,
        }
    }
}

/// One EVM node.
pub struct EvmNode {
    rpc: Rpc,
    filter_limit: usize,
    wants_traces: bool,
    /// Once a node has shown that it traces it is expected to: a later failure is a fault, not a change of mind.
    has_traces: AtomicBool,
    has_multicall: AtomicBool,
}

impl EvmNode {
    /// A node that is asked nothing yet.
    ///
    /// # Errors
    /// [`Error::Config`] when the address is none, or a limit is zero.
    pub fn new(config: &EvmConfig) -> Result<Self, Error> {
        let rpc = Rpc::new(config)?;
        if config.filter_limit == 0 {
            return Err(Error::Config { node: rpc.name().clone(), what: "the limit on filters must not be zero" });
        }
        let (has_traces, has_multicall) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { rpc, filter_limit: config.filter_limit, wants_traces: config.traces, has_traces, has_multicall })
    }

    /// What it was asked since the start, for the metrics; they go on counting in there.
    pub fn calls(&self) -> Arc<Calls> {
        self.rpc.calls()
    }

    /// One header, by height, by hash or by tag.
    async fn header(&self, id: &HeaderId) -> Result<Option<Header>, Error> {
        let header: Option<Header> = match id {
            HeaderId::Hash(hash) => self.rpc.call("eth_getBlockByHash", json!([B256::from(hash.0), false])).await?,
            HeaderId::Named(state) => {
                self.rpc.call("eth_getBlockByNumber", json!([wire::state(*state), false])).await?
            }
        };
        let matches = |header: &Header| match id {
            HeaderId::Hash(hash) => header.hash.0 == hash.0,
            HeaderId::Named(At::Height(height)) => header.at().height == *height,
            HeaderId::Named(_) => true,
        };
        match header {
            Some(header) if !matches(&header) => Err(self.rpc.unusable("a block", "another block than asked for")),
            header => Ok(header),
        }
    }

    /// The block with that hash, which a receipt or a scan speaks of.
    async fn block_of(&self, hash: BlockHash) -> Result<BlockRef, Error> {
        let header = self.header(&HeaderId::Hash(hash)).await?;
        header.map(|header| header.at()).ok_or_else(|| self.unknown(hash))
    }

    fn unknown(&self, block: BlockHash) -> Error {
        Error::BlockUnknown { node: self.rpc.name().clone(), block }
    }

    /// A head that not every node and network has.
    async fn tagged(&self, tag: At) -> Result<Option<BlockRef>, Error> {
        match self.header(&HeaderId::Named(tag)).await {
            Ok(header) => Ok(header.map(|header| header.at())),
            // "finalized block not found" and "invalid block number": this node has no such head now.
            Err(Error::Refused { .. } | Error::Unsupported { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The answer of a contract, or `None` when the call fails in the contract.
    async fn view(&self, to: &alloy::primitives::Address, data: Vec<u8>, at: At) -> Result<Option<Bytes>, Error> {
        let call = json!([{ "to": to, "data": Bytes::from(data) }, wire::state(at)]);
        match self.rpc.raw("eth_call", call).await {
            Ok(raw) => self.rpc.read("eth_call", &raw).map(Some),
            Err(Fault::Said(said)) if said.is_revert() => Ok(None),
            Err(fault) => Err(self.rpc.error("eth_call", fault)),
        }
    }

    async fn detect_traces(&self, block: BlockHash) -> Result<(), Error> {
        if !self.wants_traces || self.has_traces.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.rpc.raw(scan::TRACE_BLOCK, scan::trace_params(B256::from(block.0))).await {
            Ok(_) | Err(Fault::TooBig) => self.has_traces.store(true, Ordering::Relaxed),
            Err(Fault::Said(said)) => match self.rpc.refused(scan::TRACE_BLOCK, said) {
                error @ Error::RateLimited { .. } => return Err(error),
                error => tracing::info!(node = %self.rpc.name(), error = %error, "Node offers no traces"),
            },
            Err(Fault::Broken(error)) => return Err(error),
        }
        Ok(())
    }
}

/// How a header is asked for.
enum HeaderId {
    Hash(BlockHash),
    Named(At),
}

impl Node for EvmNode {
    fn name(&self) -> &str {
        self.rpc.name()
    }

    async fn identity(&self) -> Result<Identity, Error> {
        let id: U256 = self.rpc.call("eth_chainId", json!([])).await?;
        let genesis = self.header(&HeaderId::Named(At::Height(0))).await?;
        let genesis = genesis.ok_or_else(|| self.rpc.unusable("a block", "no block 0"))?;
        // The newest block, because nodes often cannot trace old ones.
        if let Some(latest) = self.header(&HeaderId::Named(At::Latest)).await?.filter(|latest| latest.at().height > 0) {
            self.detect_traces(latest.at().hash).await?;
        }
        Ok(Identity { chain: format!("eip155:{id}"), genesis: BlockHash(genesis.hash.0) })
    }

    fn traces(&self) -> bool {
        self.has_traces.load(Ordering::Relaxed)
    }

    async fn heads(&self) -> Result<Heads, Error> {
        let (latest, safe, finalized) = tokio::try_join!(
            self.header(&HeaderId::Named(At::Latest)),
            self.tagged(At::Safe),
            self.tagged(At::Finalized)
        )?;
        let latest = latest.ok_or_else(|| self.rpc.unusable("the head", "no block at all"))?.at();
        // Asked at the same time, so that an old answer may come last.
        let below = |head: Option<BlockRef>| head.filter(|head| head.height <= latest.height);
        Ok(Heads { latest, safe: below(safe), finalized: below(finalized) })
    }

    async fn block(&self, id: BlockId) -> Result<Option<Block>, Error> {
        let id = match id {
            BlockId::Height(height) => HeaderId::Named(At::Height(height)),
            BlockId::Hash(hash) => HeaderId::Hash(hash),
        };
        self.header(&id).await?.map(|header| header.block()).transpose()
    }

    async fn blocks(&self, from: u64, count: u32) -> Result<Vec<Block>, Error> {
        let heights = (from..).take(usize::try_from(count).unwrap_or(usize::MAX));
        let params: Vec<_> = heights.map(|height| json!([wire::state(At::Height(height)), false])).collect();
        let headers = self.rpc.many::<Option<Header>>("eth_getBlockByNumber", &params).await?;
        let mut blocks: Vec<Block> = Vec::with_capacity(headers.len());
        for (header, height) in headers.into_iter().zip(from..) {
            // The chain ends here, or the node says so in other words.
            let Ok(Some(header)) = header else { break };
            let block = header.block()?;
            if block.at.height != height {
                return Err(self.rpc.unusable("blocks", "another block than asked for"));
            }
            // A reorg came between two of them: what follows belongs to another chain.
            if blocks.last().is_some_and(|parent| parent.at.hash != block.at.parent) {
                break;
            }
            blocks.push(block);
        }
        Ok(blocks)
    }

    async fn payments(&self, block: BlockHash, to: &Receivers) -> Result<Scan, Error> {
        self.scan_block(block, to).await
    }

    async fn payments_of(&self, tx: TxId, to: &Receivers) -> Result<TxPayments, Error> {
        self.scan_tx(tx, to).await
    }

    async fn status(&self, tx: TxId) -> Result<TxStatus, Error> {
        self.tx_status(tx).await
    }

    async fn send(&self, signed: &[u8]) -> Result<SendAnswer, Error> {
        let what = "eth_sendRawTransaction";
        match self.rpc.raw(what, json!([Bytes::copy_from_slice(signed)])).await {
            Ok(_) => Ok(SendAnswer::Accepted),
            Err(Fault::Said(said)) => match (send::classify(said.clone()), self.rpc.refused(what, said)) {
                (SendAnswer::Rejected(_), error @ (Error::RateLimited { .. } | Error::Unsupported { .. })) => {
                    Err(error)
                }
                (answer, _) => Ok(answer),
            },
            Err(fault) => Err(self.rpc.error(what, fault)),
        }
    }

    async fn balances(&self, of: &[(Address, Asset)], at: At) -> Result<Vec<Option<Amount>>, Error> {
        self.many_balances(of, at).await
    }

    async fn balance(&self, of: &Address, asset: &Asset, at: At) -> Result<Amount, Error> {
        let what = "a balance";
        let of = wire::parse(of)?;
        let held = match asset {
            Asset::Native => self.rpc.call("eth_getBalance", json!([of, wire::state(at)])).await?,
            Asset::Contract(contract) => {
                let data = abi::balanceOfCall { owner: of }.abi_encode();
                let told = self.view(&wire::parse(contract)?, data, at).await?;
                let word = told.and_then(|told| told.get(..32).map(U256::from_be_slice));
                word.ok_or_else(|| self.rpc.unusable(what, "the contract tells no balance"))?
            }
        };
        wire::amount(held).map_err(|_| Error::TooLarge { what })
    }
}
