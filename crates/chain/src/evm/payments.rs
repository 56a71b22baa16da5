//! What a transaction paid, out of its receipt and trace. Pure.

use std::collections::HashSet;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolEvent;
use tokengine_core::{BlockRef, Locator, TxId};

use super::abi;
use super::trace::Moved;
use super::wire::{self, Log, Receipt, Tx};
use crate::{Asset, Error, Ignored, Outcome, Payment, Receivers, Scan};

/// Receivers and listed contracts in the network's own form.
pub(super) struct Ours<'a> {
    receivers: &'a Receivers,
    contracts: HashSet<Address>,
}

/// A log that says it is a transfer to one of ours.
enum Said {
    /// Of a listed token.
    Transfer { from: Address, to: tokengine_core::Address, value: U256 },
    /// Nothing to do with us.
    Elsewhere,
    /// Of a contract that is not listed.
    Foreign,
    /// Of a listed contract, and no fungible transfer.
    Malformed,
    /// Taken back by a reorg, says the node.
    Removed,
}

impl<'a> Ours<'a> {
    pub(super) fn new(receivers: &'a Receivers) -> Result<Self, Error> {
        let contracts = receivers.contracts().iter().map(wire::parse).collect::<Result<_, _>>()?;
        Ok(Self { receivers, contracts })
    }

    pub(super) fn contracts(&self) -> impl Iterator<Item = &Address> {
        self.contracts.iter()
    }

    /// The receiver at that address. The zero address is nobody's, whatever the set says.
    pub(super) fn receiver(&self, address: &Address) -> Option<tokengine_core::Address> {
        let canonical = Some(address).filter(|address| !address.is_zero()).map(wire::canonical)?;
        self.receivers.contains(&canonical).then_some(canonical)
    }

    /// Whether a transaction carries native coin to one of ours, by itself.
    pub(super) fn pays_natively(&self, tx: &Tx) -> bool {
        // What a creation pays, it pays to an address that only the receipt tells.
        !tx.value.is_zero() && tx.to.is_none_or(|to| self.receiver(&to).is_some())
    }

    /// Whether a log pays one of ours, so that its transaction is worth a look; if not, counts why.
    pub(super) fn pays(&self, log: &Log, ignored: &mut Ignored) -> bool {
        let counter = match self.said(log) {
            Said::Transfer { value, .. } if !value.is_zero() => return true,
            Said::Elsewhere => return false,
            Said::Transfer { .. } => &mut ignored.zero,
            Said::Foreign => &mut ignored.foreign,
            Said::Malformed => &mut ignored.malformed,
            Said::Removed => &mut ignored.removed,
        };
        *counter = counter.saturating_add(1);
        false
    }

    fn said(&self, log: &Log) -> Said {
        if log.topics.first() != Some(&abi::Transfer::SIGNATURE_HASH) {
            return Said::Elsewhere;
        }
        let to = log.topics.get(2).and_then(address_in).and_then(|to| self.receiver(&to));
        let listed = self.contracts.contains(&log.address);
        match (to, listed) {
            (None, _) => Said::Elsewhere,
            _ if log.removed => Said::Removed,
            (Some(_), false) => Said::Foreign,
            (Some(to), true) => {
                // Three topics and one word: the token id of an ERC-721 stands in a fourth topic and is no amount.
                let (Some(from), 3, Ok(data)) =
                    (log.topics.get(1).and_then(address_in), log.topics.len(), <[u8; 32]>::try_from(log.data.as_ref()))
                else {
                    return Said::Malformed;
                };
                Said::Transfer { from, to, value: U256::from_be_bytes(data) }
            }
        }
    }

    /// Adds what one transaction of `block` paid to the receivers.
    pub(super) fn collect(&self, tx: &Tx, receipt: &Receipt, moved: &[Moved], block: BlockRef, scan: &mut Scan) {
        let outcome = if receipt.succeeded() { Outcome::Succeeded } else { Outcome::Reverted };
        let payment = |locator, asset, from: &Address, to, value| Payment {
            tx: TxId(tx.hash.0),
            locator,
            asset,
            from: Some(from).filter(|from| !from.is_zero()).map(wire::canonical),
            to,
            amount: wire::amount(value),
            block,
            outcome,
        };
        let native_to = tx.to.or(receipt.contract_address).and_then(|to| self.receiver(&to));
        if let Some(to) = native_to.filter(|_| !tx.value.is_zero()) {
            scan.payments.push(payment(Locator::Value, Asset::Native, &tx.from, to, tx.value));
        }
        if outcome == Outcome::Reverted {
            return; // a reverted transaction has neither logs nor transfers inside, whatever a node tells
        }
        for (position, log) in (0u32..).zip(&receipt.logs) {
            if let Said::Transfer { from, to, value } = self.said(log)
                && !value.is_zero()
            {
                let asset = Asset::Contract(wire::canonical(&log.address));
                scan.payments.push(payment(Locator::Log(position), asset, &from, to, value));
            }
        }
        for Moved { path, from, to, value } in moved {
            if let Some(to) = self.receiver(to) {
                scan.payments.push(payment(Locator::Trace(path.clone()), Asset::Native, from, to, *value));
            }
        }
    }
}

/// The address in a topic, if it is one.
fn address_in(topic: &B256) -> Option<Address> {
    topic.starts_with(&[0; 12]).then(|| Address::from_word(*topic))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, U64};
    use tokengine_core::{Amount, BlockHash};

    use super::*;
    use crate::TooLarge;

    const US: Address = Address::repeat_byte(0x11);
    const THEM: Address = Address::repeat_byte(0x22);
    const TOKEN: Address = Address::repeat_byte(0x33);
    const BLOCK: BlockRef = BlockRef { height: 7, hash: BlockHash([7; 32]), parent: BlockHash([6; 32]) };

    fn tx(to: Option<Address>, value: u64) -> Tx {
        let value = U256::from(value);
        Tx { hash: B256::repeat_byte(1), from: THEM, to, value, gas_price: None, block_hash: None }
    }

    fn receipt(status: u64, logs: Vec<Log>) -> Receipt {
        Receipt {
            transaction_hash: B256::repeat_byte(1),
            block_hash: B256::repeat_byte(7),
            status: U64::from(status),
            gas_used: U64::from(21_000),
            effective_gas_price: None,
            contract_address: None,
            logs,
            l1_fee: None,
        }
    }

    fn log(address: Address, from: Address, to: Address, value: U256) -> Log {
        Log {
            address,
            topics: vec![abi::Transfer::SIGNATURE_HASH, from.into_word(), to.into_word()],
            data: Bytes::copy_from_slice(&value.to_be_bytes::<32>()),
            removed: false,
            block_hash: None,
            transaction_hash: None,
        }
    }

    fn scan(tx: &Tx, receipt: &Receipt, moved: &[Moved]) -> Scan {
        // The zero address is in the set on purpose.
        let receivers = Receivers::few([US, Address::ZERO].iter().map(wire::canonical), [wire::canonical(&TOKEN)]);
        let mut scan = Scan { payments: vec![], ignored: Ignored::NONE, traced: true };
        let ours = Ours::new(&receivers).expect("addresses");
        for log in &receipt.logs {
            ours.pays(log, &mut scan.ignored);
        }
        ours.collect(tx, receipt, moved, BLOCK, &mut scan);
        scan
    }

    fn found(scan: &Scan) -> Vec<(Locator, Option<u128>, Outcome)> {
        let amount = |payment: &Payment| payment.amount.ok().map(Amount::base_units);
        scan.payments.iter().map(|p| (p.locator.clone(), amount(p), p.outcome)).collect()
    }

    /// Cases A3, A4, A11, A14.
    #[test]
    fn token_transfers_count_by_contract_receiver_and_shape() {
        let u = |n: u64| U256::from(n);
        let nft = Log {
            topics: vec![abi::Transfer::SIGNATURE_HASH, THEM.into_word(), US.into_word(), B256::with_last_byte(9)],
            data: Bytes::new(),
            ..log(TOKEN, THEM, US, u(0))
        };
        let dirty = Log {
            topics: vec![abi::Transfer::SIGNATURE_HASH, THEM.into_word(), B256::from(U256::MAX)],
            ..log(TOKEN, THEM, US, u(1))
        };
        let long = Log { data: Bytes::from(vec![1; 64]), ..log(TOKEN, THEM, US, u(0)) };
        let other = Log { topics: vec![B256::ZERO, THEM.into_word(), US.into_word()], ..log(TOKEN, THEM, US, u(1)) };
        let ok = |at: u32, amount: u128| vec![(Locator::Log(at), Some(amount), Outcome::Succeeded)];
        let none = Ignored::NONE;
        for (case, logs, expected, ignored) in [
            ("a transfer to us", vec![log(TOKEN, THEM, US, u(5))], ok(0, 5), none),
            (
                "ours among others, by its position in the receipt",
                { vec![log(TOKEN, THEM, THEM, u(4)), log(TOKEN, THEM, US, u(5)), log(TOKEN, US, THEM, u(6))] },
                ok(1, 5),
                none,
            ),
            (
                "two equal transfers are two",
                vec![log(TOKEN, THEM, US, u(5)), log(TOKEN, THEM, US, u(5))],
                { [ok(0, 5), ok(1, 5)].concat() },
                none,
            ),
            ("a contract that is not listed", vec![log(THEM, THEM, US, u(5))], vec![], Ignored { foreign: 1, ..none }),
            ("nothing", vec![log(TOKEN, THEM, US, u(0))], vec![], Ignored { zero: 1, ..none }),
            ("an NFT", vec![nft], vec![], Ignored { malformed: 1, ..none }),
            ("more data than an amount", vec![long], vec![], Ignored { malformed: 1, ..none }),
            ("a topic that is no address", vec![dirty], vec![], none),
            ("to the zero address", vec![log(TOKEN, THEM, Address::ZERO, u(5))], vec![], none),
            ("another event", vec![other], vec![], none),
            ("called removed", vec![Log { removed: true, ..log(TOKEN, THEM, US, u(5)) }], vec![], {
                Ignored { removed: 1, ..none }
            }),
            ("the largest amount", vec![log(TOKEN, THEM, US, U256::from(u128::MAX))], ok(0, u128::MAX), none),
            (
                "above 128 bits it is told as such",
                vec![log(TOKEN, THEM, US, U256::from(1) << 128)],
                { vec![(Locator::Log(0), None, Outcome::Succeeded)] },
                none,
            ),
        ] {
            let scan = scan(&tx(Some(TOKEN), 0), &receipt(1, logs), &[]);
            assert_eq!(found(&scan), expected, "{case}");
            assert_eq!(scan.ignored, ignored, "{case}");
        }
    }

    #[test]
    fn minted_tokens_have_no_sender_to_credit() {
        let minted = receipt(1, vec![log(TOKEN, Address::ZERO, US, U256::from(5))]);
        let scan = scan(&tx(Some(TOKEN), 0), &minted, &[]);
        assert_eq!(scan.payments[0].from, None);
        assert_eq!(scan.payments[0].to.as_str(), US.to_checksum(None));
    }

    /// Cases A1, A2: status and trace decide, not the value that a transaction carries.
    #[test]
    fn native_coin_counts_by_status_and_trace() {
        let value = |outcome| vec![(Locator::Value, Some(5), outcome)];
        let inside = [
            Moved { path: [0, 2].into(), from: TOKEN, to: US, value: U256::from(8) },
            Moved { path: [1].into(), from: TOKEN, to: THEM, value: U256::from(9) },
        ];
        let traced = (Locator::Trace([0, 2].into()), Some(8), Outcome::Succeeded);
        for (case, tx, status, moved, expected) in [
            ("to us", tx(Some(US), 5), 1, &[][..], value(Outcome::Succeeded)),
            ("to us, and failed: told as such", tx(Some(US), 5), 0, &[], value(Outcome::Reverted)),
            ("to someone else", tx(Some(THEM), 5), 1, &[], vec![]),
            ("a call of ours without value", tx(Some(US), 0), 1, &[], vec![]),
            ("from inside a contract", tx(Some(TOKEN), 5), 1, &inside, vec![traced.clone()]),
            ("in a transaction that failed", tx(Some(TOKEN), 5), 0, &inside, vec![]),
            ("both", tx(Some(US), 5), 1, &inside, [value(Outcome::Succeeded), vec![traced]].concat()),
        ] {
            assert_eq!(found(&scan(&tx, &receipt(status, vec![]), moved)), expected, "{case}");
        }
        let created = Receipt { contract_address: Some(US), ..receipt(1, vec![]) };
        assert_eq!(found(&scan(&tx(None, 5), &created, &[])), value(Outcome::Succeeded), "by creating it");
        let huge = Tx { value: U256::MAX, ..tx(Some(US), 0) };
        assert_eq!(scan(&huge, &receipt(1, vec![]), &[]).payments[0].amount, Err(TooLarge));
    }
}
