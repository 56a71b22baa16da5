//! Payments of one block or one transaction: which questions to ask a node, all of them pinned to one block's hash.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolEvent;
use serde_json::{Value, json};
use tokengine_core::{BlockHash, TxId};

use super::payments::Ours;
use super::rpc::Fault;
use super::trace::{self, Moved};
use super::wire::{self, FullBlock, Log, Receipt, Tx};
use super::{EvmNode, abi};
use crate::{Error, Ignored, Receivers, Scan, TxPayments};

pub(super) const TRACE_BLOCK: &str = "debug_traceBlockByHash";
const TRACE_TX: &str = "debug_traceTransaction";

/// A block or transaction, to be traced call by call.
pub(super) fn trace_params(hash: B256) -> Value {
    json!([hash, { "tracer": "callTracer" }])
}

/// What is known about transfers from inside the contracts of a block.
type Inside = HashMap<B256, Vec<Moved>>;

impl EvmNode {
    pub(super) async fn scan_block(&self, hash: BlockHash, to: &Receivers) -> Result<Scan, Error> {
        let ours = Ours::new(to)?;
        let id = B256::from(hash.0);
        let (block, logs, inside) = tokio::try_join!(
            self.rpc.call::<Option<FullBlock<Tx>>>("eth_getBlockByHash", json!([id, true])),
            self.transfer_logs(hash, to, &ours),
            self.inside_block(hash),
        )?;
        let block = block.ok_or_else(|| self.unknown(hash))?;
        if block.header.hash != id {
            return Err(self.rpc.unusable("a block", "another block than asked for"));
        }

        let mut scan = Scan { payments: Vec::new(), ignored: Ignored::NONE, traced: inside.is_some() };
        let inside = inside.unwrap_or_default();
        let mut worth: HashSet<B256> = HashSet::new();
        for log in &logs {
            if log.block_hash != Some(id) {
                return Err(self.rpc.unusable("logs", "logs of another block"));
            }
            if ours.pays(log, &mut scan.ignored) {
                worth.extend(log.transaction_hash);
            }
        }
        worth.extend(block.transactions.iter().filter(|tx| ours.pays_natively(tx)).map(|tx| tx.hash));
        let pays_inside = |moved: &[Moved]| moved.iter().any(|moved| ours.receiver(&moved.to).is_some());
        worth.extend(inside.iter().filter(|(_, moved)| pays_inside(moved)).map(|(tx, _)| *tx));

        let txs: Vec<&Tx> = block.transactions.iter().filter(|tx| worth.remove(&tx.hash)).collect();
        if !worth.is_empty() {
            return Err(self.rpc.unusable("logs", "a transaction that is not in the block"));
        }
        let at = block.header.at();
        for (tx, receipt) in txs.iter().zip(self.receipts(hash, &txs).await?) {
            let moved = inside.get(&tx.hash).map_or(&[][..], Vec::as_slice);
            ours.collect(tx, &receipt, moved, at, &mut scan);
        }
        scan.payments.sort_by(|a, b| (a.tx, &a.locator).cmp(&(b.tx, &b.locator)));
        Ok(scan)
    }

    pub(super) async fn scan_tx(&self, id: TxId, to: &Receivers) -> Result<TxPayments, Error> {
        let ours = Ours::new(to)?;
        let (tx, receipt) = self.tx_and_receipt(id).await?;
        let Some(tx) = tx else { return Ok(TxPayments::NotFound) };
        let Some(receipt) = receipt else { return Ok(TxPayments::Pending) };
        let hash = BlockHash(receipt.block_hash.0);
        let at = self.block_of(hash).await?;
        let inside = self.inside_tx(tx.hash).await?;
        if inside.is_some() {
            // The trace is of wherever the transaction is now: make sure that this is still the same block.
            let now = self.tx_and_receipt(id).await?.1;
            if now.is_none_or(|now| now.block_hash != receipt.block_hash) {
                return Err(Error::Moved { node: self.rpc.name().clone(), what: "payments of a transaction" });
            }
        }
        let mut scan = Scan { payments: Vec::new(), ignored: Ignored::NONE, traced: inside.is_some() };
        for log in &receipt.logs {
            ours.pays(log, &mut scan.ignored);
        }
        ours.collect(&tx, &receipt, &inside.unwrap_or_default(), at, &mut scan);
        scan.payments.sort_by(|a, b| a.locator.cmp(&b.locator));
        Ok(TxPayments::InBlock(at, scan))
    }

    /// A transaction, and its receipt once it is in a block.
    pub(super) async fn tx_and_receipt(&self, id: TxId) -> Result<(Option<Tx>, Option<Receipt>), Error> {
        let hash = B256::from(id.0);
        let (tx, receipt) = tokio::try_join!(
            self.rpc.call::<Option<Tx>>("eth_getTransactionByHash", json!([hash])),
            self.rpc.call::<Option<Receipt>>("eth_getTransactionReceipt", json!([hash])),
        )?;
        if tx.as_ref().is_some_and(|tx| tx.hash != hash) || receipt.as_ref().is_some_and(|r| r.transaction_hash != hash)
        {
            return Err(self.rpc.unusable("a transaction", "another transaction than asked for"));
        }
        // A node may know a transaction's block before its receipt, and the other way round: both count, or neither.
        let receipt = receipt.filter(|receipt| tx.as_ref().is_some_and(|tx| tx.block_hash == Some(receipt.block_hash)));
        Ok((tx, receipt))
    }

    /// The logs of one block that could be transfers to us. With few receivers the node picks them and tells those of
    /// any contract; with many, only those of the listed contracts come, and all of them.
    async fn transfer_logs(&self, hash: BlockHash, to: &Receivers, ours: &Ours<'_>) -> Result<Vec<Log>, Error> {
        let block = B256::from(hash.0);
        let transfer = abi::Transfer::SIGNATURE_HASH;
        let few = to.addresses().filter(|addresses| addresses.len() <= self.filter_limit);
        let filters: Vec<Value> = match few {
            Some([]) => vec![],
            Some(addresses) => {
                let words = addresses.iter().map(|address| wire::parse(address).map(|address| address.into_word()));
                let words = words.collect::<Result<Vec<_>, _>>()?;
                vec![json!([{ "blockHash": block, "topics": [transfer, null, words] }])]
            }
            None => {
                let contracts: Vec<&Address> = ours.contracts().collect();
                let filter = |some: &[&Address]| json!([{ "blockHash": block, "address": some, "topics": [transfer] }]);
                contracts.chunks(self.filter_limit).map(filter).collect()
            }
        };
        let mut logs: Vec<Log> = Vec::new();
        for filter in filters {
            match self.rpc.call::<Vec<Log>>("eth_getLogs", filter).await {
                Ok(more) => logs.extend(more),
                // Nodes say "unknown block" in words of their own: ask whether that is what it was.
                Err(error @ Error::Refused { .. }) => {
                    self.block_of(hash).await?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(logs)
    }

    /// The receipts of transactions of one block, in the same order.
    async fn receipts(&self, hash: BlockHash, txs: &[&Tx]) -> Result<Vec<Receipt>, Error> {
        let what = "eth_getTransactionReceipt";
        let params: Vec<Value> = txs.iter().map(|tx| json!([tx.hash])).collect();
        let mut receipts = Vec::with_capacity(txs.len());
        for (receipt, tx) in self.rpc.many::<Option<Receipt>>(what, &params).await?.into_iter().zip(txs) {
            let receipt = receipt.map_err(|said| self.rpc.refused(what, said))?;
            match receipt {
                Some(receipt) if receipt.transaction_hash != tx.hash => {
                    return Err(self.rpc.unusable(what, "the receipt of another transaction"));
                }
                Some(receipt) if receipt.block_hash.0 == hash.0 => receipts.push(receipt),
                // Not there yet, or the block is no longer on the node's best chain.
                _ => return Err(self.unknown(hash)),
            }
        }
        Ok(receipts)
    }

    /// Transfers inside the transactions of a block; `None` where they cannot be known: this node does not trace, or
    /// someone made a block that cannot be traced within the limits, which must not stop the scan for ever.
    async fn inside_block(&self, hash: BlockHash) -> Result<Option<Inside>, Error> {
        if !self.has_traces.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let raw = match self.rpc.raw(TRACE_BLOCK, trace_params(B256::from(hash.0))).await {
            Ok(raw) => raw,
            Err(Fault::TooBig) => return Ok(self.untraceable(&"larger than the limit")),
            Err(fault) => {
                self.block_of(hash).await?; // "block not found" comes in many words
                return Err(self.rpc.error(TRACE_BLOCK, fault));
            }
        };
        let traced = match trace::read_block(String::from(Box::<str>::from(raw))).await {
            Ok(traced) => traced,
            Err(why) => return Err(self.rpc.unusable(TRACE_BLOCK, why)),
        };
        let mut inside = Inside::new();
        for (tx, moved) in traced {
            let tx = tx.ok_or_else(|| self.rpc.unusable(TRACE_BLOCK, "a trace without its transaction"))?;
            let Some(moved) = moved else { return Ok(self.untraceable(&tx)) };
            inside.insert(tx, moved);
        }
        Ok(Some(inside))
    }

    /// The same for one transaction.
    async fn inside_tx(&self, tx: B256) -> Result<Option<Vec<Moved>>, Error> {
        if !self.has_traces.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let raw = match self.rpc.raw(TRACE_TX, trace_params(tx)).await {
            Ok(raw) => raw,
            Err(Fault::TooBig) => return Ok(self.untraceable(&tx)),
            Err(fault) => return Err(self.rpc.error(TRACE_TX, fault)),
        };
        let moved = trace::read_tx(String::from(Box::<str>::from(raw))).await;
        moved.map(Some).map_err(|why| self.rpc.unusable(TRACE_TX, why))
    }

    fn untraceable<T>(&self, what: &dyn std::fmt::Display) -> Option<T> {
        tracing::warn!(node = %self.rpc.name(), what = %what, "Trace left out; the reconciler finds what it paid us");
        None
    }
}
