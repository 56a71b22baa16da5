//! A network as one node sees it: the chain that ends in the block it has come to.

use tokengine_chain::{
    At, Block, BlockId, Heads, Ignored, Inclusion, NonceUse, NonceUser, Outcome, Payment, Receivers, Scan, TooLarge,
    TxPayments, TxStatus,
};
use tokengine_core::{Address, Amount, BlockHash, BlockRef, Locator, TxId};

use super::chain::{BlockIx, Included, Said};
use super::contracts::Contract;
use super::ledger::Key;
use super::names::Addr;
use super::network::Net;
use super::tx::TxIx;

/// State that a question is about and that a node cannot tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacks {
    /// It has not got the block.
    Block(BlockHash),
    /// It no longer has the state.
    State,
    /// The network has no such head.
    Head,
}

/// What a node sees.
pub(super) struct View<'a> {
    pub(super) net: &'a Net,
    pub(super) head: BlockIx,
    /// Whether what waits is known to it.
    pub(super) hears_pool: bool,
    pub(super) traces: bool,
    pub(super) keeps: Option<u64>,
}

impl View<'_> {
    /// How far it has come.
    pub(super) fn heads(&self) -> Heads {
        let head = self.net.chain.get(self.head);
        let lower = |height| self.net.chain.at_height(self.head, height).map(|ix| self.net.chain.get(ix).at);
        let tells = self.net.settings.tells_final;
        Heads {
            latest: head.at,
            safe: tells.then(|| lower(head.safe)).flatten(),
            finalized: tells.then(|| lower(head.finalized)).flatten(),
        }
    }

    fn by_hash(&self, hash: &BlockHash) -> Option<BlockIx> {
        let height = self.net.chain.get(self.head).at.height;
        self.net.chain.by_hash(hash).filter(|ix| self.net.chain.get(*ix).at.height <= height)
    }

    /// One block: of its own chain by height, of any chain that it may have seen by hash.
    pub(super) fn block(&self, id: BlockId) -> Option<Block> {
        let ix = match id {
            BlockId::Height(height) => self.net.chain.at_height(self.head, height)?,
            BlockId::Hash(hash) => self.by_hash(&hash)?,
        };
        Some(self.net.chain.get(ix).block())
    }

    /// Blocks of its own chain.
    pub(super) fn blocks(&self, from: u64, count: u32) -> Vec<Block> {
        let heights = (from..).take(usize::try_from(count).unwrap_or(usize::MAX));
        heights.map_while(|height| self.block(BlockId::Height(height))).collect()
    }

    /// The block after which a question is about the state.
    pub(super) fn state_of(&self, at: At) -> Result<BlockIx, Lacks> {
        let head = self.net.chain.get(self.head);
        let own = |height: u64| self.net.chain.at_height(self.head, height);
        let tells = self.net.settings.tells_final;
        let ix = match at {
            At::Latest | At::Pending => Some(self.head),
            At::Safe if tells => own(head.safe),
            At::Finalized if tells => own(head.finalized),
            At::Safe | At::Finalized => return Err(Lacks::Head),
            At::Height(height) => own(height),
            At::Block(hash) => Some(self.by_hash(&hash).ok_or(Lacks::Block(hash))?),
        };
        let ix = ix.ok_or(Lacks::Block(BlockHash([0; 32])))?;
        let age = head.at.height - self.net.chain.get(ix).at.height.min(head.at.height);
        if self.keeps.is_some_and(|keeps| age > keeps) { Err(Lacks::State) } else { Ok(ix) }
    }

    /// A word of the state.
    pub(super) fn word(&self, key: Key, at: BlockIx) -> u128 {
        self.net.chain.word(&self.net.ledger, key, at)
    }

    /// What an address holds.
    pub(super) fn balance(&self, key: Option<Key>, at: At) -> Result<Amount, Lacks> {
        let at = self.state_of(at)?;
        Ok(Amount::new(key.map_or(0, |key| self.word(key, at))))
    }

    /// How many nonces are used.
    pub(super) fn nonce(&self, of: &Address, at: At) -> Result<u64, Lacks> {
        let block = self.state_of(at)?;
        let Some(of) = self.net.names.find(of) else { return Ok(0) };
        let used = self.nonce_of(of, block);
        Ok(if at == At::Pending && self.hears_pool { used + self.net.pool.ready(of, used) } else { used })
    }

    fn nonce_of(&self, of: Addr, at: BlockIx) -> u64 {
        u64::try_from(self.word(Key::Nonce(of), at)).expect("a nonce was written")
    }

    /// Where a transaction is.
    pub(super) fn status(&self, id: TxId) -> TxStatus {
        let Some(ix) = self.net.by_id.get(&id).copied() else { return TxStatus::Unknown };
        let Some((block, place)) = self.net.place(ix, self.head) else {
            return if self.hears(ix) { TxStatus::InMempool } else { TxStatus::Unknown };
        };
        let made = self.net.chain.get(block);
        let included = &made.txs[place];
        let inclusion = Inclusion { block: made.at, gas_used: included.gas_used, cost: Amount::new(included.cost) };
        if included.success { TxStatus::InBlock(inclusion) } else { TxStatus::Reverted(inclusion) }
    }

    /// Whether a transaction that is in no block of its chain waits, or is in a block that it has not got yet.
    fn hears(&self, ix: TxIx) -> bool {
        let tx = &self.net.txs[ix as usize];
        let waits = self.net.pool.get(tx.from, tx.nonce) == Some(ix);
        self.hears_pool && (waits || self.net.place(ix, self.net.chain.head()).is_some())
    }

    /// Payments in a block.
    pub(super) fn payments(&self, hash: BlockHash, to: &Receivers) -> Result<Scan, Lacks> {
        let ix = self.by_hash(&hash).ok_or(Lacks::Block(hash))?;
        let mut scan = Scan { payments: Vec::new(), ignored: Ignored::NONE, traced: self.traces };
        let made = self.net.chain.get(ix);
        if made.txs.is_empty() {
            return Ok(scan);
        }
        // Receipts are told of its own chain only.
        if !self.net.chain.is_below(ix, self.head) {
            return Err(Lacks::Block(hash));
        }
        let listed = self.listed(to);
        for included in &made.txs {
            self.collect(included, made.at, to, &listed, &mut scan);
        }
        scan.payments.sort_by(|a, b| (a.tx, &a.locator).cmp(&(b.tx, &b.locator)));
        Ok(scan)
    }

    /// Payments of one transaction.
    pub(super) fn payments_of(&self, id: TxId, to: &Receivers) -> TxPayments {
        let Some(ix) = self.net.by_id.get(&id).copied() else { return TxPayments::NotFound };
        let Some((block, place)) = self.net.place(ix, self.head) else {
            return if self.hears(ix) { TxPayments::Pending } else { TxPayments::NotFound };
        };
        let made = self.net.chain.get(block);
        let mut scan = Scan { payments: Vec::new(), ignored: Ignored::NONE, traced: self.traces };
        self.collect(&made.txs[place], made.at, to, &self.listed(to), &mut scan);
        scan.payments.sort_by(|a, b| a.locator.cmp(&b.locator));
        TxPayments::InBlock(made.at, scan)
    }

    fn listed(&self, to: &Receivers) -> Vec<Addr> {
        to.contracts().iter().filter_map(|contract| self.net.names.find(contract)).collect()
    }

    fn collect(&self, included: &Included, block: BlockRef, to: &Receivers, listed: &[Addr], scan: &mut Scan) {
        let tx = &self.net.txs[included.tx as usize];
        let text = |id: Addr| self.net.names.text(id);
        let outcome = if included.success { Outcome::Succeeded } else { Outcome::Reverted };
        let mut pay = |locator, contract, from: Option<Addr>, receiver: Addr, amount: Option<u128>| {
            scan.payments.push(Payment {
                tx: tx.id,
                locator,
                asset: self.net.asset(contract),
                from: from.map(|from| text(from).clone()),
                to: text(receiver).clone(),
                amount: amount.map(Amount::new).ok_or(TooLarge),
                block,
                outcome,
            });
        };
        if tx.value > 0 && to.contains(text(tx.to)) {
            pay(Locator::Value, None, Some(tx.from), tx.to, Some(tx.value));
        }
        if !included.success {
            return;
        }
        for (position, log) in (0u32..).zip(&included.logs) {
            let receiver = match log.said {
                Said::Transfer { to, .. } | Said::Malformed { to } => to,
            };
            if !to.contains(text(receiver)) {
                continue;
            }
            match log.said {
                _ if !listed.contains(&log.contract) => scan.ignored.foreign += 1,
                Said::Malformed { .. } => scan.ignored.malformed += 1,
                Said::Transfer { value: Some(0), .. } => scan.ignored.zero += 1,
                Said::Transfer { from, to, value } => {
                    pay(Locator::Log(position), Some(log.contract), from, to, value);
                }
            }
        }
        let inside = included.inner.iter().filter(|inner| self.traces && inner.value > 0);
        for inner in inside.filter(|inner| to.contains(text(inner.to))) {
            pay(Locator::Trace(inner.path.clone()), None, Some(inner.from), inner.to, Some(inner.value));
        }
    }

    /// Who used a nonce, up to a block.
    pub(super) fn user(&self, of: &Address, nonce: u64, head: &BlockRef) -> Result<NonceUse, Lacks> {
        let chain = &self.net.chain;
        let head_ix = self.by_hash(&head.hash).filter(|ix| chain.is_below(*ix, self.head));
        let head_ix = head_ix.ok_or(Lacks::Block(head.hash))?;
        let Some(of) = self.net.names.find(of) else { return Ok(NonceUse::NotUsed) };
        if self.nonce_of(of, head_ix) <= nonce {
            return Ok(NonceUse::NotUsed);
        }
        let Some((tx, block)) = self.find_user(of, nonce, head_ix) else { return Ok(NonceUse::Unanswerable) };
        let made = chain.get(block);
        let age = chain.get(self.head).at.height - made.at.height;
        if self.keeps.is_some_and(|keeps| age >= keeps) {
            return Ok(NonceUse::Unanswerable);
        }
        let tx = &self.net.txs[tx as usize];
        Ok(NonceUse::Used(NonceUser {
            tx: tx.id,
            block: made.at,
            to: Some(self.net.names.text(tx.to).clone()),
            value: Amount::new(tx.value),
            input: tx.input.clone(),
        }))
    }

    fn find_user(&self, of: Addr, nonce: u64, head: BlockIx) -> Option<(TxIx, BlockIx)> {
        let (chain, mut here) = (&self.net.chain, head);
        while !chain.is_best(here) {
            let made = chain.get(here);
            let is_it = |included: &&Included| {
                let tx = &self.net.txs[included.tx as usize];
                tx.from == of && tx.nonce == nonce
            };
            if let Some(included) = made.txs.iter().find(is_it) {
                return Some((included.tx, here));
            }
            here = made.parent;
        }
        let found = self.net.books.user(of, nonce)?;
        chain.is_below(found.block, here).then_some((found.tx, found.block))
    }

    /// What stands at an address.
    pub(super) fn contract(&self, address: &Address) -> Option<(Addr, Contract)> {
        let id = self.net.names.find(address)?;
        Some((id, *self.net.contracts.get(&id)?))
    }

    /// The hash of a contract's code, after a block.
    pub(super) fn code_hash(&self, contract: Addr, at: BlockIx) -> [u8; 32] {
        let version = self.word(Key::Code(contract), at);
        let mut hash = [0xc0; 32];
        hash[..4].copy_from_slice(&contract.to_be_bytes());
        hash[16..].copy_from_slice(&version.to_be_bytes());
        hash
    }
}
