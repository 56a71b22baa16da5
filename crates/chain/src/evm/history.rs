//! What became of a transaction, and who used a nonce.

use alloy::primitives::U256;
use serde_json::json;
use tokengine_core::{Address, BlockHash, BlockRef, TxId};

use super::wire::{self, FullBlock, NoncedTx};
use super::{EvmNode, HeaderId};
use crate::{At, Error, Inclusion, NonceUse, NonceUser, TxStatus};

impl EvmNode {
    pub(super) async fn tx_status(&self, id: TxId) -> Result<TxStatus, Error> {
        let (tx, receipt) = self.tx_and_receipt(id).await?;
        let Some(tx) = tx else { return Ok(TxStatus::Unknown) };
        let Some(receipt) = receipt else { return Ok(TxStatus::InMempool) };
        let block = self.block_of(BlockHash(receipt.block_hash.0)).await?;
        let what = "the cost of a transaction";
        let price = receipt.effective_gas_price.or(tx.gas_price);
        let price = price.ok_or_else(|| self.rpc.unusable(what, "no gas price"))?;
        let gas = price.checked_mul(U256::from(receipt.gas_used));
        let cost = gas.and_then(|gas| gas.checked_add(receipt.l1_fee.unwrap_or_default())).unwrap_or(U256::MAX);
        let cost = wire::amount(cost).map_err(|_| Error::TooLarge { what })?;
        let inclusion = Inclusion { block, gas_used: receipt.gas_used.to(), cost };
        Ok(if receipt.succeeded() { TxStatus::InBlock(inclusion) } else { TxStatus::Reverted(inclusion) })
    }

    pub(super) async fn nonce_user(
        &self,
        of: &Address,
        nonce: u64,
        not_before: u64,
        head: &BlockRef,
    ) -> Result<NonceUse, Error> {
        let of = wire::parse(of)?;
        let found = match self.using_block(&of, nonce, not_before, head).await {
            // This node's history does not reach far enough: another one's may.
            Err(Error::StateUnavailable { .. }) => return Ok(NonceUse::Unanswerable),
            found => found?,
        };
        let Some(height) = found else { return Ok(NonceUse::NotUsed) };
        let full = json!([wire::state(At::Height(height)), true]);
        let block: Option<FullBlock<NoncedTx>> = self.rpc.call("eth_getBlockByNumber", full).await?;
        // All of this holds only for the chain below `head`.
        let there = self.header(&HeaderId::Named(At::Height(head.height))).await?;
        if there.is_none_or(|there| there.hash.0 != head.hash.0) {
            return Err(self.unknown(head.hash));
        }
        let Some(block) = block.filter(|block| block.header.at().height == height) else {
            return Err(self.rpc.unusable("a block", "another block than asked for"));
        };
        let used = |tx: &&NoncedTx| tx.from == of && tx.nonce.to::<u64>() == nonce;
        // A nonce can also be used by an EIP-7702 authorization, which is no transaction of the sender's.
        let Some(tx) = block.transactions.iter().find(used) else { return Ok(NonceUse::Unanswerable) };
        let value = wire::amount(tx.value).map_err(|_| Error::TooLarge { what: "the value of a transaction" })?;
        Ok(NonceUse::Used(NonceUser {
            tx: TxId(tx.hash.0),
            block: block.header.at(),
            to: tx.to.as_ref().map(wire::canonical),
            value,
            input: tx.input.to_vec(),
        }))
    }

    /// The height of the block in which `nonce` was used, up to `head`.
    async fn using_block(
        &self,
        of: &alloy::primitives::Address,
        nonce: u64,
        not_before: u64,
        head: &BlockRef,
    ) -> Result<Option<u64>, Error> {
        if self.count(of, At::Block(head.hash)).await? <= nonce {
            return Ok(None);
        }
        // Down from the head in growing steps, since many nodes only know the state of recent blocks.
        let (mut used, mut step, mut floor) = (head.height, 1, not_before);
        let mut unused = loop {
            let below = used.saturating_sub(step).max(floor.min(used.saturating_sub(1)));
            if used == 0 {
                return Ok(Some(0));
            }
            if self.count(of, At::Height(below)).await? <= nonce {
                break below;
            }
            (used, step) = (below, step.saturating_mul(2));
            if used <= floor {
                floor = 0; // the caller's hint was wrong
            }
        };
        while used.saturating_sub(unused) > 1 {
            let middle = unused.midpoint(used);
            if self.count(of, At::Height(middle)).await? <= nonce {
                unused = middle;
            } else {
                used = middle;
            }
        }
        Ok(Some(used))
    }

    /// How many nonces are used.
    pub(super) async fn count(&self, of: &alloy::primitives::Address, at: At) -> Result<u64, Error> {
        let what = "eth_getTransactionCount";
        let used: U256 = self.rpc.call(what, json!([of, wire::state(at)])).await?;
        u64::try_from(used).map_err(|_| self.rpc.unusable(what, "a nonce above 64 bits"))
    }
}
