//! What is true on a network. For the invariants only: nothing of it may reach the workers.

use std::collections::{BTreeMap, BTreeSet};

use tokengine_chain::Asset;
use tokengine_core::{Address, BlockRef, Locator, TxId};

use super::chain::BlockIx;
use super::contracts::Contract;
use super::ledger::Key;
use super::names::Addr;
use super::network::Net;
use super::tx::{Tx, TxIx};
use super::vm::{Done, Moved, Place};

/// Value that moved on the best chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The transaction.
    pub tx: TxId,
    /// Where in it; with `tx` it names the movement for ever.
    pub locator: Locator,
    /// What moved; any token contract, listed or not.
    pub asset: Asset,
    /// Who paid; nobody when it was minted.
    pub from: Option<Address>,
    /// Who was paid.
    pub to: Address,
    /// How much, as the network tells it.
    pub amount: u128,
    /// How much arrived: less, when a token keeps some of it.
    pub arrived: u128,
    /// In which block.
    pub block: BlockRef,
    /// Whether it can never go away, as far as this network ever says so.
    pub is_final: bool,
}

/// A nonce that was used on the best chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The nonce.
    pub nonce: u64,
    /// By which transaction.
    pub tx: TxId,
    /// Its bytes; none for an outsider's.
    pub raw: Box<[u8]>,
    /// Whether it did what it says.
    pub success: bool,
    /// All that it cost its sender.
    pub cost: u128,
    /// In which block.
    pub block: BlockRef,
    /// Whether it can never go away.
    pub is_final: bool,
}

#[derive(Debug)]
struct Row {
    block: BlockIx,
    height: u64,
    tx: TxIx,
    moved: Moved,
}

/// One nonce of a sender, as used on the best chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) nonce: u64,
    pub(super) tx: TxIx,
    pub(super) block: BlockIx,
    height: u64,
    place: usize,
}

/// Everything that happened on the best chain, in order.
#[derive(Debug, Default)]
pub(super) struct Books {
    ours: BTreeSet<Addr>,
    rows: Vec<Row>,
    uses: BTreeMap<Addr, Vec<Use>>,
    order: Vec<(u64, Addr)>,
}

impl Books {
    /// Adds a wallet of ours; whether it is a new one.
    pub(super) fn own(&mut self, id: Addr) -> bool {
        self.ours.insert(id)
    }

    /// The wallets of ours.
    pub(super) fn ours(&self) -> &BTreeSet<Addr> {
        &self.ours
    }

    /// Takes in one transaction of a new block.
    pub(super) fn mined(&mut self, block: BlockIx, (height, place): (u64, usize), ix: TxIx, tx: &Tx, done: &Done) {
        self.rows.extend(done.moved.iter().map(|moved| Row { block, height, tx: ix, moved: moved.clone() }));
        self.uses.entry(tx.from).or_default().push(Use { nonce: tx.nonce, tx: ix, block, height, place });
        self.order.push((height, tx.from));
    }

    /// Takes back everything above a height.
    pub(super) fn rewind(&mut self, to: u64) {
        while self.rows.last().is_some_and(|row| row.height > to) {
            self.rows.pop();
        }
        while let Some((_, from)) = self.order.pop_if(|(height, _)| *height > to) {
            if let Some(uses) = self.uses.get_mut(&from) {
                uses.pop();
            }
        }
    }

    /// Who used a nonce on the best chain.
    pub(super) fn user(&self, from: Addr, nonce: u64) -> Option<Use> {
        let uses = self.uses.get(&from)?;
        uses.binary_search_by_key(&nonce, |used| used.nonce).ok().map(|ix| uses[ix])
    }
}

impl Net {
    /// Everything that moved above a height, in the order of the chain.
    pub(super) fn flows(&self, above: u64) -> Vec<Flow> {
        let first = self.books.rows.partition_point(|row| row.height <= above);
        let real = |row: &&Row| row.moved.contract.is_none_or(|contract| self.is_token(contract));
        self.books.rows[first..].iter().filter(real).map(|row| self.flow(row)).collect()
    }

    fn flow(&self, row: &Row) -> Flow {
        let block = self.chain.get(row.block);
        let locator = match row.moved.place {
            Place::Value => Locator::Value,
            Place::Log(position) => Locator::Log(position),
            Place::Inner(place) => {
                let included = block.txs.iter().find(|included| included.tx == row.tx);
                let path = included.and_then(|included| included.inner.get(place)).map(|inner| inner.path.clone());
                Locator::Trace(path.unwrap_or_default())
            }
        };
        Flow {
            tx: self.txs[row.tx as usize].id,
            locator,
            asset: self.asset(row.moved.contract),
            from: row.moved.from.map(|from| self.names.text(from).clone()),
            to: self.names.text(row.moved.to).clone(),
            amount: row.moved.amount,
            arrived: row.moved.arrived,
            block: block.at,
            is_final: row.height <= self.finalized,
        }
    }

    fn is_token(&self, contract: Addr) -> bool {
        matches!(self.contracts.get(&contract), Some(Contract::Token(_)))
    }

    /// An asset by its contract.
    pub(super) fn asset(&self, contract: Option<Addr>) -> Asset {
        contract.map_or(Asset::Native, |contract| Asset::Contract(self.names.text(contract).clone()))
    }

    /// The word that holds what an address has of an asset; `None` for what was never heard of.
    pub(super) fn balance_key(&self, of: &Address, asset: &Asset) -> Option<Key> {
        let of = self.names.find(of)?;
        Some(match asset {
            Asset::Native => Key::Coin(of),
            Asset::Contract(contract) => Key::Token(self.names.find(contract)?, of),
        })
    }

    /// All nonces of an address that were used on the best chain, in order.
    pub(super) fn used(&self, of: &Address) -> Vec<Used> {
        let uses = self.names.find(of).and_then(|of| self.books.uses.get(&of));
        let told = |used: &Use| {
            let (tx, block) = (&self.txs[used.tx as usize], self.chain.get(used.block));
            let included = &block.txs[used.place];
            Used {
                nonce: used.nonce,
                tx: tx.id,
                raw: tx.raw.clone(),
                success: included.success,
                cost: included.cost,
                block: block.at,
                is_final: used.height <= self.finalized,
            }
        };
        uses.into_iter().flatten().map(told).collect()
    }
}
