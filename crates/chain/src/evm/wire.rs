//! The parts of an EVM node's answers that we read. Fields of our own rather than full types: networks add kinds of
//! transactions and fields, and none of them concerns us.

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::{Value, json};
use tokengine_core::{Amount, BlockHash, BlockRef};

use crate::{At, Block, Error, TooLarge};

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header {
    pub(super) number: U64,
    pub(super) hash: B256,
    pub(super) parent_hash: B256,
    pub(super) timestamp: U64,
    pub(super) base_fee_per_gas: Option<U256>,
}

impl Header {
    pub(super) fn at(&self) -> BlockRef {
        BlockRef { height: self.number.to(), hash: BlockHash(self.hash.0), parent: BlockHash(self.parent_hash.0) }
    }

    pub(super) fn block(&self) -> Result<Block, Error> {
        let base_fee = self.base_fee_per_gas.map(amount).transpose();
        let base_fee = base_fee.map_err(|TooLarge| Error::TooLarge { what: "a base fee" })?;
        Ok(Block { at: self.at(), time: self.timestamp.to(), base_fee })
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct FullBlock<T> {
    #[serde(flatten)]
    pub(super) header: Header,
    pub(super) transactions: Vec<T>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tx {
    pub(super) hash: B256,
    pub(super) from: Address,
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) gas_price: Option<U256>,
    pub(super) block_hash: Option<B256>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct NoncedTx {
    pub(super) hash: B256,
    pub(super) from: Address,
    pub(super) nonce: U64,
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) input: Bytes,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    pub(super) transaction_hash: B256,
    pub(super) block_hash: B256,
    pub(super) status: U64,
    pub(super) gas_used: U64,
    pub(super) effective_gas_price: Option<U256>,
    pub(super) contract_address: Option<Address>,
    pub(super) logs: Vec<Log>,
    /// What the OP stack charges for publishing the transaction on its parent network.
    pub(super) l1_fee: Option<U256>,
}

impl Receipt {
    pub(super) fn succeeded(&self) -> bool {
        self.status == U64::from(1)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    pub(super) address: Address,
    pub(super) topics: Vec<B256>,
    pub(super) data: Bytes,
    #[serde(default)]
    pub(super) removed: bool,
    pub(super) block_hash: Option<B256>,
    pub(super) transaction_hash: Option<B256>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeeHistory {
    pub(super) base_fee_per_gas: Vec<U256>,
    #[serde(default)]
    pub(super) reward: Option<Vec<Vec<U256>>>,
}

/// A 256-bit value as an amount: refused above 128 bits, never truncated.
pub(super) fn amount(value: U256) -> Result<Amount, TooLarge> {
    u128::try_from(value).map(Amount::new).map_err(|_| TooLarge)
}

/// A state, as JSON-RPC names it (a block by hash as EIP-1898 does).
pub(super) fn state(at: At) -> Value {
    match at {
        At::Latest => json!("latest"),
        At::Pending => json!("pending"),
        At::Safe => json!("safe"),
        At::Finalized => json!("finalized"),
        At::Height(height) => json!(U64::from(height)),
        At::Block(hash) => json!({ "blockHash": B256::from(hash.0) }),
    }
}

/// An address of ours as the network's own.
pub(super) fn parse(address: &tokengine_core::Address) -> Result<Address, Error> {
    let text = address.as_str();
    let hex = text.strip_prefix("0x").filter(|hex| hex.len() == 40);
    hex.and_then(|hex| hex.parse().ok()).ok_or_else(|| Error::BadAddress(text.to_owned()))
}

/// The network's own address as ours: with the EIP-55 checksum.
pub(super) fn canonical(address: &Address) -> tokengine_core::Address {
    tokengine_core::Address::new(&address.to_checksum(None)).expect("42 characters are neither none nor too many")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_with_their_checksum() {
        let lower = tokengine_core::Address::new("0xd8da6bf26964af9d7eed9e03e53415d37aa96045").expect("short");
        let address = parse(&lower).expect("an address");
        assert_eq!(canonical(&address).as_str(), "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045");
        for bad in ["d8da6bf26964af9d7eed9e03e53415d37aa96045", "0x12", "x", "0xzz"] {
            assert!(parse(&tokengine_core::Address::new(bad).expect("short")).is_err(), "{bad}");
        }
    }

    #[test]
    fn above_128_bits_nothing_is_cut_off() {
        assert_eq!(amount(U256::from(u128::MAX)), Ok(Amount::MAX));
        assert_eq!(amount(U256::from(u128::MAX) + U256::from(1)), Err(TooLarge));
        assert_eq!(amount(U256::MAX), Err(TooLarge));
    }
}
