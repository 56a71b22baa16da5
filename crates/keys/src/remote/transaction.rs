//! Just enough of EIP-1559 to ask for the signature of a transaction, and to see that it is that one which was signed.

use alloy::{
    primitives::{Address, B256, U256, hex},
    rlp::{Decodable, Header},
};
use serde_json::{Value, json};

use crate::EvmAddress;

/// The first byte of EIP-1559 transactions.
const KIND: u8 = 2;

/// An unsigned transaction: `0x02` and a list of nine fields.
pub(super) struct Unsigned<'a> {
    /// The encoded fields, without the head of the list around them.
    fields: &'a [u8],
    chain_id: u64,
    nonce: u64,
    max_priority_fee: u128,
    max_fee: u128,
    gas: u64,
    to: Option<Address>,
    value: U256,
    data: &'a [u8],
    access: Vec<(Address, Vec<B256>)>,
}

impl<'a> Unsigned<'a> {
    /// Reads it; `None` when it is anything else, or has anything more.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let fields = list_of(bytes)?;
        let at = &mut &*fields;
        let unsigned = Self {
            fields,
            chain_id: u64::decode(at).ok()?,
            nonce: u64::decode(at).ok()?,
            max_priority_fee: u128::decode(at).ok()?,
            max_fee: u128::decode(at).ok()?,
            gas: u64::decode(at).ok()?,
            to: match Header::decode_bytes(at, false).ok()? {
                [] => None,
                to => Some(Address::try_from(to).ok()?),
            },
            value: U256::decode(at).ok()?,
            data: Header::decode_bytes(at, false).ok()?,
            access: access_list(at)?,
        };
        at.is_empty().then_some(unsigned)
    }

    /// As the parameter of `eth_signTransaction`.
    pub(super) fn to_json(&self, from: EvmAddress) -> Value {
        let mut json = json!({
            "from": from,
            "chainId": format!("{:#x}", self.chain_id),
            "nonce": format!("{:#x}", self.nonce),
            "maxPriorityFeePerGas": format!("{:#x}", self.max_priority_fee),
            "maxFeePerGas": format!("{:#x}", self.max_fee),
            "gas": format!("{:#x}", self.gas),
            "value": format!("{:#x}", self.value),
            "data": hex::encode_prefixed(self.data),
        });
        // Left out where they are empty: not every service reads null or an empty list as "none".
        if let Some(to) = self.to {
            json["to"] = json!(to);
        }
        if !self.access.is_empty() {
            json["accessList"] =
                self.access.iter().map(|(address, keys)| json!({"address": address, "storageKeys": keys})).collect();
        }
        json
    }

    /// Parity, r and s of the signed transaction `raw`, if it is this one: the same bytes for every field.
    pub(super) fn signature_in(&self, raw: &[u8]) -> Option<[U256; 3]> {
        let at = &mut list_of(raw)?.strip_prefix(self.fields)?;
        let signature = [U256::decode(at).ok()?, U256::decode(at).ok()?, U256::decode(at).ok()?];
        (at.is_empty() && signature[0] <= U256::from(1)).then_some(signature)
    }
}

fn list_of(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(&[KIND])?;
    let list = Header::decode_bytes(&mut rest, true).ok()?;
    rest.is_empty().then_some(list)
}

fn access_list(at: &mut &[u8]) -> Option<Vec<(Address, Vec<B256>)>> {
    let mut items = Header::decode_bytes(at, true).ok()?;
    let mut access = Vec::new();
    while !items.is_empty() {
        let mut item = Header::decode_bytes(&mut items, true).ok()?;
        access.push((Address::decode(&mut item).ok()?, Vec::<B256>::decode(&mut item).ok()?));
        if !item.is_empty() {
            return None;
        }
    }
    Some(access)
}

#[cfg(test)]
mod tests {
    use alloy::{
        consensus::{SignableTransaction, TxEip1559},
        eips::eip2930::{AccessList, AccessListItem},
        primitives::{Signature, TxKind},
    };
    use proptest::prelude::*;

    use super::*;

    fn transaction() -> TxEip1559 {
        TxEip1559 {
            chain_id: 31337,
            nonce: 7,
            gas_limit: 21_000,
            max_fee_per_gas: 30_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(Address::repeat_byte(0xb0)),
            value: U256::from(5),
            access_list: AccessList::default(),
            input: vec![0xca, 0xfe].into(),
        }
    }

    fn unsigned_bytes(transaction: &TxEip1559) -> Vec<u8> {
        let mut bytes = vec![];
        transaction.encode_for_signing(&mut bytes);
        bytes
    }

    fn signed_bytes(transaction: TxEip1559, signature: Signature) -> Vec<u8> {
        use alloy::eips::Encodable2718;
        let mut bytes = vec![];
        alloy::consensus::TxEnvelope::from(transaction.into_signed(signature)).encode_2718(&mut bytes);
        bytes
    }

    #[test]
    fn every_field_is_asked_for() {
        let mut transaction = transaction();
        let bytes = unsigned_bytes(&transaction);
        let from = Address::repeat_byte(0xa0);
        let want = json!({
            "from": "0xa0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0", "to": "0xb0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0",
            "chainId": "0x7a69", "nonce": "0x7", "gas": "0x5208", "maxFeePerGas": "0x6fc23ac00",
            "maxPriorityFeePerGas": "0x3b9aca00", "value": "0x5", "data": "0xcafe",
        });
        assert_eq!(Unsigned::read(&bytes).unwrap().to_json(from), want);

        transaction.to = TxKind::Create;
        let item = AccessListItem { address: Address::repeat_byte(0xc0), storage_keys: vec![B256::repeat_byte(1)] };
        transaction.access_list = AccessList(vec![item]);
        let bytes = unsigned_bytes(&transaction);
        let json = Unsigned::read(&bytes).unwrap().to_json(from);
        assert_eq!(json.get("to"), None);
        let list =
            json!([{"address": "0xc0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0", "storageKeys": [B256::repeat_byte(1)]}]);
        assert_eq!(json["accessList"], list);
    }

    #[test]
    fn the_signature_of_another_transaction_is_not_taken() {
        let bytes = unsigned_bytes(&transaction());
        let unsigned = Unsigned::read(&bytes).unwrap();
        let signature = Signature::new(U256::from(3), U256::from(4), true);
        let raw = signed_bytes(transaction(), signature);
        assert_eq!(unsigned.signature_in(&raw), Some([U256::from(1), U256::from(3), U256::from(4)]));
        for change in [
            |tx: &mut TxEip1559| tx.nonce += 1,
            |tx: &mut TxEip1559| tx.value += U256::from(1),
            |tx: &mut TxEip1559| tx.to = TxKind::Call(Address::repeat_byte(0xb1)),
            |tx: &mut TxEip1559| tx.max_fee_per_gas += 1,
            |tx: &mut TxEip1559| tx.input = vec![].into(),
        ] {
            let mut other = transaction();
            change(&mut other);
            assert_eq!(unsigned.signature_in(&signed_bytes(other, signature)), None);
        }
        for bad in [&raw[..raw.len() - 1], &raw[1..], &bytes, &[raw.as_slice(), &[0]].concat()] {
            assert_eq!(unsigned.signature_in(bad), None);
        }
    }

    #[test]
    fn what_is_no_such_transaction_is_not_read() {
        let bytes = unsigned_bytes(&transaction());
        let signed = signed_bytes(transaction(), Signature::new(U256::from(3), U256::from(4), true));
        let other_kind = [&[1], &bytes[1..]].concat();
        for bad in [&bytes[..0], &bytes[..1], &bytes[..20], &signed, &other_kind, &[bytes.as_slice(), &[0]].concat()] {
            assert!(Unsigned::read(bad).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), typed: bool) {
            if typed && !bytes.is_empty() {
                bytes[0] = KIND;
            }
            let good = unsigned_bytes(&transaction());
            let _ = Unsigned::read(&bytes);
            let _ = Unsigned::read(&good).map(|unsigned| unsigned.signature_in(&bytes));
        }
    }
}
