//! Reorgs of any depth: blocks go away, others come in their place, and what was in them comes back, or not.

use super::chain::BlockIx;
use super::faults::Fault;
use super::ledger::Key;
use super::names::Addr;
use super::network::Net;
use super::tx::{Act, Tx, TxIx};

impl Net {
    /// Replaces the newest `depth` blocks. The new chain is as long, one longer or one shorter.
    pub(super) fn reorg(&mut self, depth: u64) {
        let depth = depth.min(self.chain.height());
        if depth == 0 || !self.coverage.may(Fault::Reorg) {
            return;
        }
        if self.chain.height() - depth < self.finalized && !self.coverage.comes(Fault::DeepReorg) {
            return;
        }
        self.coverage.comes(Fault::Reorg);
        let gone = self.rewind(depth);
        self.scatter(gone);
        let blocks = match self.rng.below(4) {
            0 => depth + 1,
            1 => depth - 1,
            _ => depth,
        };
        for _ in 0..blocks {
            self.mine();
        }
        self.version += 1;
    }

    /// Takes blocks off the best chain, newest first, and returns their transactions, oldest first.
    fn rewind(&mut self, depth: u64) -> Vec<TxIx> {
        let mut gone = Vec::new();
        for _ in 0..depth {
            let Some(ix) = self.chain.pop() else { break };
            let block = self.chain.get(ix);
            self.ledger.take_back(block.writes.iter().map(|(key, _)| *key), block.at.height);
            gone.extend(block.txs.iter().rev().map(|included| included.tx));
        }
        let height = self.chain.height();
        self.books.rewind(height);
        (self.safe, self.finalized) = (self.safe.min(height), self.finalized.min(height));
        gone.reverse();
        gone
    }

    /// What becomes of the transactions of blocks that went away.
    fn scatter(&mut self, gone: Vec<TxIx>) {
        for ix in gone {
            let (from, nonce) = (self.txs[ix as usize].from, self.txs[ix as usize].nonce);
            match self.rng.below(10) {
                0 | 1 if self.coverage.comes(Fault::ReorgVanishes) => {}
                2 if self.coverage.may(Fault::ReorgConflict) => {
                    if let Some(other) = self.conflicting(ix, from, nonce) {
                        self.coverage.comes(Fault::ReorgConflict);
                        self.pool.put(from, nonce, other);
                    }
                }
                _ => {
                    self.coverage.comes(Fault::ReorgReturns);
                    if self.pool.get(from, nonce).is_none() {
                        self.pool.put(from, nonce, ix);
                    }
                }
            }
        }
    }

    /// Another transaction with that nonce: one that was outbid, or an outsider's change of mind. Nobody but us signs with
    /// our keys.
    fn conflicting(&mut self, ix: TxIx, from: Addr, nonce: u64) -> Option<TxIx> {
        if let Some(outbid) = self.pool.take_outbid(from, nonce).filter(|outbid| *outbid != ix) {
            return Some(outbid);
        }
        self.rich.contains(&from).then(|| self.outsiders(from, nonce, from, 0, Act::Take))
    }

    /// A transaction of an outsider, known and not yet sent.
    pub(super) fn outsiders(&mut self, from: Addr, nonce: u64, to: Addr, value: u128, act: Act) -> TxIx {
        let id = tokengine_core::TxId(self.rng.bytes());
        self.learn(Tx::of_outsider(id, from, nonce, to, value, act))
    }

    /// Remembers a transaction for ever.
    pub(super) fn learn(&mut self, tx: Tx) -> TxIx {
        if let Some(known) = self.by_id.get(&tx.id) {
            return *known;
        }
        let ix = TxIx::try_from(self.txs.len()).expect("fewer than four thousand million transactions");
        self.by_id.insert(tx.id, ix);
        self.txs.push(tx);
        self.places.push(Vec::new());
        ix
    }

    /// Where a transaction is on the chain that ends in `head`.
    pub(super) fn place(&self, ix: TxIx, head: BlockIx) -> Option<(BlockIx, usize)> {
        self.places[ix as usize].iter().rev().find(|(block, _)| self.chain.is_below(*block, head)).copied()
    }

    /// The nonce an outsider's next transaction takes.
    pub(super) fn next_nonce(&self, from: Addr) -> u64 {
        let used = u64::try_from(self.ledger.now(Key::Nonce(from))).unwrap_or(u64::MAX);
        self.pool.above(from).unwrap_or(0).max(used)
    }
}
