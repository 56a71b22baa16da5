//! Value that moved in a block, as a node reports it, and for whom we look.

use std::sync::Arc;

use tokengine_core::{Address, Amount, BlockRef, Locator, TxId};

/// What was paid, as the network knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// The network's own coin.
    Native,
    /// The token of the contract at that address.
    Contract(Address),
}

/// An amount above 128 bits. It is refused, never truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[error("an amount above 128 bits")]
pub struct TooLarge;

/// Whether the transaction around a payment did what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Its value moved.
    Succeeded,
    /// It is in the block, was charged for, and moved nothing.
    Reverted,
}

/// One movement of value to a receiver. Two nodes that saw the same block give equal payments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payment {
    /// The transaction that carries it.
    pub tx: TxId,
    /// Where in the transaction it stands; with `tx` it names the payment for ever.
    pub locator: Locator,
    /// What moved.
    pub asset: Asset,
    /// Who paid: the `from` of the log, of the transaction, or of the traced call. `None` when nobody did (minted, or
    /// sent in the name of the zero address): there is then no sender to credit.
    pub from: Option<Address>,
    /// Who was paid.
    pub to: Address,
    /// How much, in base units of `asset`.
    pub amount: Result<Amount, TooLarge>,
    /// The block it is in.
    pub block: BlockRef,
    /// Whether it happened. Only a top-level native payment is ever reported as reverted; other reverted transfers
    /// leave no trace that could be mistaken for a payment.
    pub outcome: Outcome,
}

/// What a scan saw and does not report as a payment, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Transfer logs to a receiver from contracts that are not listed: worthless look-alikes. Counted only for a small
    /// set of receivers, see [`Receivers::few`].
    pub foreign: u64,
    /// Transfers of nothing (address poisoning).
    pub zero: u64,
    /// Transfer logs of a listed contract that have not the shape of a fungible transfer (an NFT, for instance).
    pub malformed: u64,
    /// Logs that the node itself calls removed by a reorg.
    pub removed: u64,
}

impl Ignored {
    /// Nothing was ignored.
    pub const NONE: Self = Self { foreign: 0, zero: 0, malformed: 0, removed: 0 };
}

/// What one block, or one transaction, paid to the receivers. Two are equal when their payments are: what was ignored is
/// for the metrics only.
#[derive(Clone, Debug)]
pub struct Scan {
    /// In order of transaction id and locator, so that the answers of two nodes compare.
    pub payments: Vec<Payment>,
    /// What is not a payment.
    pub ignored: Ignored,
    /// Whether transfers from inside contracts were looked for. Where they were not, the reconciler finds them.
    pub traced: bool,
}

impl PartialEq for Scan {
    fn eq(&self, other: &Self) -> bool {
        (&self.payments, self.traced) == (&other.payments, other.traced)
    }
}

impl Eq for Scan {}

impl Scan {
    /// The same, as a node without traces would have seen it.
    #[must_use]
    pub fn without_traces(mut self) -> Self {
        self.payments.retain(|payment| !matches!(payment.locator, Locator::Trace(_)));
        self.traced = false;
        self
    }

    /// Whether exactly `amount` of `asset` reached `to` in one successful transfer: what a payout must show, whatever
    /// its return data said.
    pub fn paid(&self, asset: &Asset, to: &Address, amount: Amount) -> bool {
        self.payments.iter().any(|payment| {
            payment.outcome == Outcome::Succeeded
                && payment.asset == *asset
                && payment.to == *to
                && payment.amount == Ok(amount)
        })
    }
}

/// What one transaction paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxPayments {
    /// The node does not know it. It proves nothing.
    NotFound,
    /// Known, and not in a block that the nodes agree on.
    Pending,
    /// In that block.
    InBlock(BlockRef, Scan),
}

/// For whom, and in which tokens, payments are looked for. Cheap to clone.
#[derive(Clone)]
pub struct Receivers {
    known: Known,
    contracts: Arc<[Address]>,
}

#[derive(Clone)]
enum Known {
    Few(Arc<[Address]>),
    Many(Arc<dyn Fn(&Address) -> bool + Send + Sync>),
}

impl Receivers {
    /// A set small enough to be sent to a node as a filter; transfers of contracts that are not listed are counted.
    pub fn few(addresses: impl IntoIterator<Item = Address>, contracts: impl IntoIterator<Item = Address>) -> Self {
        let mut addresses: Vec<Address> = addresses.into_iter().collect();
        addresses.sort();
        addresses.dedup();
        Self { known: Known::Few(addresses.into()), contracts: contracts.into_iter().collect() }
    }

    /// A set of any size that stays with its owner: a node is asked for every transfer of the listed contracts, and
    /// `receives` (cheap, called once a transfer) picks ours.
    pub fn many(
        receives: impl Fn(&Address) -> bool + Send + Sync + 'static,
        contracts: impl IntoIterator<Item = Address>,
    ) -> Self {
        Self { known: Known::Many(Arc::new(receives)), contracts: contracts.into_iter().collect() }
    }

    /// Everyone: with [`Node::payments_of`](crate::Node::payments_of), all that a transaction of ours moved.
    pub fn everyone(contracts: impl IntoIterator<Item = Address>) -> Self {
        Self::many(|_| true, contracts)
    }

    /// Whether payments to `address` are looked for.
    pub fn contains(&self, address: &Address) -> bool {
        match &self.known {
            Known::Few(addresses) => addresses.binary_search(address).is_ok(),
            Known::Many(receives) => receives(address),
        }
    }

    /// The addresses, in order, when they are few.
    pub fn addresses(&self) -> Option<&[Address]> {
        match &self.known {
            Known::Few(addresses) => Some(addresses),
            Known::Many(_) => None,
        }
    }

    /// The contracts whose tokens count.
    pub fn contracts(&self) -> &[Address] {
        &self.contracts
    }
}

#[cfg(test)]
mod tests {
    use tokengine_core::BlockHash;

    use super::*;

    fn address(text: &str) -> Address {
        Address::new(text).expect("a test address")
    }

    #[test]
    fn receivers_know_themselves_and_nobody_else() {
        let few = Receivers::few([address("b"), address("a"), address("b")], [address("t")]);
        assert_eq!(few.addresses().map(<[_]>::len), Some(2));
        assert!(few.contains(&address("a")) && few.contains(&address("b")) && !few.contains(&address("c")));
        let many = Receivers::many(|a| a.as_str().starts_with('a'), []);
        assert!(many.contains(&address("abc")) && !many.contains(&address("b")) && many.addresses().is_none());
        assert!(Receivers::everyone([]).contains(&address("x")));
    }

    #[test]
    fn only_the_exact_successful_transfer_counts_as_paid() {
        let block = BlockRef { height: 1, hash: BlockHash([1; 32]), parent: BlockHash([0; 32]) };
        let payment = Payment {
            tx: TxId([7; 32]),
            locator: Locator::Log(0),
            asset: Asset::Contract(address("t")),
            from: Some(address("us")),
            to: address("them"),
            amount: Ok(Amount::new(5)),
            block,
            outcome: Outcome::Succeeded,
        };
        let paid = |payment: Payment| {
            Scan { payments: vec![payment], ignored: Ignored::NONE, traced: false }.paid(
                &Asset::Contract(address("t")),
                &address("them"),
                Amount::new(5),
            )
        };
        assert!(paid(payment.clone()));
        assert!(!paid(Payment { amount: Ok(Amount::new(4)), ..payment.clone() }), "a fee was taken");
        assert!(!paid(Payment { to: address("us"), ..payment.clone() }), "another receiver");
        assert!(!paid(Payment { asset: Asset::Native, ..payment.clone() }), "another asset");
        assert!(!paid(Payment { outcome: Outcome::Reverted, ..payment.clone() }), "reverted");
        assert!(!paid(Payment { amount: Err(TooLarge), ..payment }), "unreadable");
    }
}
