//! Acting on the chain itself: blocks, reorganisations, time, balances, and reading it back.

use std::time::Duration;

use serde_json::{Value, json};

use super::Anvil;
use crate::{Error, rpc::quantity};

impl Anvil {
    /// Mines so many blocks, with what waits in the pool in the first of them.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn mine(&self, blocks: u64) -> Result<(), Error> {
        self.rpc("anvil_mine", json!([hex(blocks)])).map(drop)
    }

    /// Replaces the last `depth` blocks by as many empty ones. Their transactions are gone, not pending.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`]; it refuses to go below its first block.
    pub fn reorg(&self, depth: u64) -> Result<(), Error> {
        self.reorg_with(depth, &[])
    }

    /// Replaces the last `depth` blocks by as many others, with the given transactions in them: each a signed one in
    /// hexadecimal, and which of the new blocks it comes in, counted from 0.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`]; it refuses transactions that do not fit the chain below.
    pub fn reorg_with(&self, depth: u64, transactions: &[(String, u64)]) -> Result<(), Error> {
        let pairs: Vec<Value> = transactions.iter().map(|(raw, block)| json!([raw, block])).collect();
        self.rpc("anvil_reorg", json!([depth, pairs])).map(drop)
    }

    /// Takes the chain back by so many blocks without putting others in their place.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn rollback(&self, depth: u64) -> Result<(), Error> {
        self.rpc("anvil_rollback", json!([depth])).map(drop)
    }

    /// Removes a transaction from the pool, as if it had never been sent.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn drop_transaction(&self, hash: &str) -> Result<(), Error> {
        self.rpc("anvil_dropTransaction", json!([hash])).map(drop)
    }

    /// Mines a block for each transaction, or none until [`Anvil::mine`] or [`Anvil::set_block_time`].
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn set_automine(&self, on: bool) -> Result<(), Error> {
        self.rpc("evm_setAutomine", json!([on])).map(drop)
    }

    /// Mines a block every so many whole seconds; 0 stops that.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn set_block_time(&self, seconds: u64) -> Result<(), Error> {
        self.rpc("evm_setIntervalMining", json!([seconds])).map(drop)
    }

    /// Moves the clock of the next block forward.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn increase_time(&self, by: Duration) -> Result<(), Error> {
        self.rpc("evm_increaseTime", json!([by.as_secs()])).map(drop)
    }

    /// The base fee of the next block, in wei per gas.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn set_next_base_fee(&self, wei: u128) -> Result<(), Error> {
        self.rpc("anvil_setNextBlockBaseFeePerGas", json!([hex(wei)])).map(drop)
    }

    /// Gives an address exactly so much of the native coin, in wei, without any transaction.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn set_balance(&self, address: &str, wei: u128) -> Result<(), Error> {
        self.rpc("anvil_setBalance", json!([address, hex(wei)])).map(drop)
    }

    /// Remembers the whole chain; [`Anvil::revert`] takes the id.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn snapshot(&self) -> Result<String, Error> {
        let id = self.rpc("evm_snapshot", json!([]))?;
        Ok(id.as_str().unwrap_or_default().to_owned())
    }

    /// Goes back to a snapshot, which is used up by that.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`], and [`Error::Unexpected`] when there is no such snapshot.
    pub fn revert(&self, snapshot: &str) -> Result<(), Error> {
        match self.rpc("evm_revert", json!([snapshot]))? {
            Value::Bool(true) => Ok(()),
            other => {
                Err(Error::Unexpected { what: format!("going back to snapshot {snapshot}"), got: other.to_string() })
            }
        }
    }

    /// Signs for any address from now on.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn impersonate(&self, address: &str) -> Result<(), Error> {
        self.rpc("anvil_impersonateAccount", json!([address])).map(drop)
    }

    /// The height of the head.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn block_number(&self) -> Result<u64, Error> {
        small(&self.rpc("eth_blockNumber", json!([]))?)
    }

    /// A block by its height or tag (`latest`, `safe`, `finalized`), with the hashes of its transactions.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`], and [`Error::Unexpected`] when there is no such block.
    pub fn block(&self, height_or_tag: &str) -> Result<Value, Error> {
        let which = height_or_tag.parse::<u64>().map_or_else(|_| height_or_tag.to_owned(), hex);
        let block = self.rpc("eth_getBlockByNumber", json!([which, false]))?;
        if block.is_null() {
            return Err(Error::Unexpected { what: format!("block {which}"), got: "null".to_owned() });
        }
        Ok(block)
    }

    /// What an address has of the native coin, in wei.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn balance(&self, address: &str) -> Result<u128, Error> {
        quantity(&self.rpc("eth_getBalance", json!([address, "latest"]))?)
    }

    /// How many transactions an address has in blocks, or with `pending` also in the pool.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn nonce(&self, address: &str, tag: &str) -> Result<u64, Error> {
        small(&self.rpc("eth_getTransactionCount", json!([address, tag]))?)
    }

    /// The receipt of a transaction, or `None` while it is in no block.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn receipt(&self, hash: &str) -> Result<Option<Value>, Error> {
        Ok(Some(self.rpc("eth_getTransactionReceipt", json!([hash]))?).filter(|receipt| !receipt.is_null()))
    }
}

fn small(value: &Value) -> Result<u64, Error> {
    quantity(value)?
        .try_into()
        .map_err(|_| Error::Unexpected { what: "a quantity of 64 bits".to_owned(), got: value.to_string() })
}

pub(super) fn hex(number: impl Into<u128>) -> String {
    format!("{:#x}", number.into())
}
