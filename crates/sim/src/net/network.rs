//! One network: its blocks, its memory pool, its state, and everything that happens on it by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Waker;

use tokengine_core::{Address, BlockHash, BlockRef, TxId};

use super::chain::{Chain, Included, Made};
use super::contracts::Contract;
use super::endpoint::Endpoint;
use super::faults::{Coverage, Fault};
use super::ledger::{Key, Ledger};
use super::names::{Addr, Names};
use super::pool::Pool;
use super::settings::{Rates, Settings};
use super::truth::Books;
use super::tx::{Tx, TxIx};
use super::vm::{Done, Vm};
use super::wait::Waiting;
use crate::rng::Rng;

/// A network.
pub(super) struct Net {
    pub(super) id: Arc<str>,
    pub(super) settings: Settings,
    pub(super) rates: Rates,
    pub(super) names: Names,
    pub(super) contracts: BTreeMap<Addr, Contract>,
    pub(super) tokens: Vec<Addr>,
    pub(super) rich: BTreeSet<Addr>,
    /// Whose code accounts with lent code run.
    pub(super) delegate: Address,
    /// What contract wallets own up to.
    pub(super) signed: BTreeSet<(Addr, [u8; 32])>,
    pub(super) ledger: Ledger,
    pub(super) chain: Chain,
    pub(super) txs: Vec<Tx>,
    pub(super) by_id: BTreeMap<TxId, TxIx>,
    /// Bytes that were taken apart before.
    pub(super) by_raw: BTreeMap<Box<[u8]>, TxIx>,
    /// In which blocks each transaction ever was, and where in them.
    pub(super) places: Vec<Vec<(u32, usize)>>,
    pub(super) pool: Pool,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) books: Books,
    pub(super) waiting: Waiting,
    pub(super) coverage: Coverage,
    pub(super) rng: Rng,
    /// Counts every change of the best chain and of who is ours.
    pub(super) version: u64,
    now: u64,
    next_block: u64,
    base_fee: Option<u128>,
    spike_blocks: u64,
    final_stands_until: u64,
    /// Heights that are safe and final; they never go down by themselves.
    pub(super) safe: u64,
    pub(super) finalized: u64,
}

impl Net {
    pub(super) fn new(settings: Settings, now: u64, mut rng: Rng) -> Self {
        let mut names = Names::default();
        let (mut address_rng, mut chain_rng) = (rng.split(1), rng.split(2));
        let mut contracts = BTreeMap::new();
        let mut tokens = Vec::new();
        for token in &settings.tokens {
            let address = names.fresh(&mut address_rng);
            contracts.insert(address, Contract::Token(*token));
            tokens.push(address);
        }
        let delegate = super::names::random_address(&mut address_rng);
        let past = settings.blocks_before.saturating_mul(settings.block_ms);
        let started = now.saturating_sub(past);
        let chain = Chain::new(&mut chain_rng, started / 1_000, settings.base_fee);
        let id: Arc<str> = format!("eip155:{}", settings.chain_id).into();
        let endpoint = |(ix, habits)| Endpoint::new(&format!("{}-{ix}", settings.chain_id), habits, rng.split(10 + ix));
        let endpoints = (0u64..).zip(settings.endpoints.iter().copied()).map(endpoint).collect();
        let mut net = Self {
            id,
            rates: Rates::NONE,
            names,
            contracts,
            tokens,
            rich: BTreeSet::new(),
            delegate,
            signed: BTreeSet::new(),
            ledger: Ledger::default(),
            chain,
            txs: Vec::new(),
            by_id: BTreeMap::new(),
            by_raw: BTreeMap::new(),
            places: Vec::new(),
            pool: Pool::default(),
            endpoints,
            books: Books::default(),
            waiting: Waiting::default(),
            coverage: Coverage::default(),
            rng: chain_rng,
            version: 0,
            now: started,
            next_block: started.saturating_add(settings.block_ms),
            base_fee: settings.base_fee,
            spike_blocks: 0,
            final_stands_until: 0,
            safe: 0,
            finalized: 0,
            settings,
        };
        net.run_to(now);
        net.rates = net.settings.rates;
        net
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// When something happens here by itself next.
    pub(super) fn next_due(&self) -> u64 {
        let due = [Some(self.next_block), self.pool.next_late(), self.waiting.next()];
        due.into_iter().flatten().min().unwrap_or(self.next_block)
    }

    /// Lets everything happen up to a time. Who waited for it is to be woken by the caller, outside the lock.
    pub(super) fn advance(&mut self, now: u64) -> Vec<Waker> {
        self.run_to(now);
        self.waiting.due(self.now)
    }

    fn run_to(&mut self, now: u64) {
        loop {
            let late = self.pool.next_late().unwrap_or(u64::MAX);
            let next = late.min(self.next_block);
            if next > now {
                break;
            }
            self.now = self.now.max(next);
            if late <= self.next_block {
                self.deliver_late();
            } else {
                self.next_block = self.next_block.saturating_add(self.settings.block_ms.max(1));
                self.mine();
                self.weather();
            }
        }
        self.now = self.now.max(now);
    }

    fn deliver_late(&mut self) {
        for tx in self.pool.late(self.now) {
            // Whatever the pool says now, nobody hears it.
            let _ = self.offer(tx);
        }
    }

    /// Makes the next block out of what waits.
    pub(super) fn mine(&mut self) {
        let parent = self.chain.head();
        let above = self.chain.get(parent).at;
        let (height, hash) = (above.height + 1, BlockHash(self.rng.bytes()));
        let at = BlockRef { height, hash, parent: above.hash };
        let salt = u64::from_be_bytes(hash.0[..8].try_into().expect("8 of 32 bytes"));
        let base = self.base_fee.unwrap_or(0);
        let (txs, writes) = if self.pool.is_empty() { (Vec::new(), BTreeMap::new()) } else { self.fill(base, salt) };
        for (key, value) in &writes {
            self.ledger.set(*key, height, *value);
        }
        if self.now >= self.final_stands_until {
            self.safe = self.safe.max(height.saturating_sub(self.settings.safe_after));
            self.finalized = self.finalized.max(height.saturating_sub(self.settings.final_after));
        }
        let block = self.chain.push(Made {
            at,
            parent,
            time: self.now / 1_000,
            base_fee: self.base_fee,
            safe: self.safe,
            finalized: self.finalized,
            txs: Vec::new(),
            writes: writes.into_iter().collect(),
        });
        let mut included = Vec::with_capacity(txs.len());
        for (place, (tx, done)) in txs.into_iter().enumerate() {
            self.places[tx.tx as usize].push((block, place));
            let row = &self.txs[tx.tx as usize];
            self.books.mined(block, (height, place), tx.tx, row, &done);
            included.push(tx);
        }
        self.chain.set_txs(block, included);
        self.version += 1;
        self.move_base_fee();
        self.change_modes();
    }

    /// Takes the best offers that fit, in the order of each sender's nonces.
    fn fill(&mut self, base: u128, salt: u64) -> (Vec<(Included, Done)>, BTreeMap<Key, u128>) {
        let mut written: BTreeMap<Key, u128> = BTreeMap::new();
        let mut taken = Vec::new();
        let mut room = self.settings.block_gas;
        let mut refused: BTreeSet<Addr> = BTreeSet::new();
        // The next of each sender, best tip first.
        while let Some(ix) = self.best_offer(base, &written, &refused) {
            let tx = &self.txs[ix as usize];
            let from = tx.from;
            if tx.gas_limit > room {
                refused.insert(from);
                continue;
            }
            let Some((included, done)) = self.execute(ix, base, salt, &written) else {
                refused.insert(from);
                continue;
            };
            room -= included.gas_used.min(room);
            written.extend(done.writes.iter().map(|(key, value)| (*key, *value)));
            self.pool.remove(from, self.txs[ix as usize].nonce);
            taken.push((included, done));
        }
        (taken, written)
    }

    fn best_offer(&self, base: u128, written: &BTreeMap<Key, u128>, refused: &BTreeSet<Addr>) -> Option<TxIx> {
        let mut best: Option<(u128, TxIx)> = None;
        for (from, nonce, ix) in self.pool.firsts() {
            let tx = &self.txs[ix as usize];
            let key = Key::Nonce(from);
            let used = written.get(&key).copied().unwrap_or_else(|| self.ledger.now(key));
            if refused.contains(&from) || u128::from(nonce) != used || tx.max_fee < base {
                continue;
            }
            let tip = tx.tip.min(tx.max_fee - base);
            if tip < self.settings.tip.min(tx.tip) || best.is_some_and(|(better, _)| better >= tip) {
                continue;
            }
            best = Some((tip, ix));
        }
        best.map(|(_, ix)| ix)
    }

    /// What a transaction does in the next block; `None` when its sender cannot pay for it.
    fn execute(&self, ix: TxIx, base: u128, salt: u64, before: &BTreeMap<Key, u128>) -> Option<(Included, Done)> {
        let tx = &self.txs[ix as usize];
        let is_rich = self.rich.contains(&tx.from);
        let coin = Key::Coin(tx.from);
        let held = before.get(&coin).copied().unwrap_or_else(|| self.ledger.now(coin));
        if !is_rich && held < tx.worst_cost(self.settings.data_fee)? {
            return None;
        }
        let ran = self.vm(salt, before, |vm| vm.run(tx));
        let (result, mut done) = ran;
        let out_of_gas = done.gas > tx.gas_limit;
        let success = result.is_ok() && !out_of_gas;
        let gas_used = if out_of_gas { tx.gas_limit } else { done.gas };
        if !success {
            done = Done { gas: gas_used, ..Done::default() };
        }
        let price = base.saturating_add(tx.tip.min(tx.max_fee.saturating_sub(base)));
        let cost = price.checked_mul(u128::from(gas_used))?.checked_add(self.settings.data_fee)?;
        if !is_rich {
            let left = done.writes.get(&coin).copied().unwrap_or(held);
            done.writes.insert(coin, left.checked_sub(cost)?);
        }
        done.writes.insert(Key::Nonce(tx.from), u128::from(tx.nonce) + 1);
        let (logs, inner) = (done.logs.clone(), done.inner.clone());
        Some((Included { tx: ix, success, gas_used, cost, logs, inner }, done))
    }

    /// Runs something on top of the newest block.
    pub(super) fn vm<T>(
        &self,
        salt: u64,
        before: &BTreeMap<Key, u128>,
        run: impl FnOnce(&mut Vm<'_>) -> T,
    ) -> (T, Done) {
        let (ledger, contracts, rich) = (&self.ledger, &self.contracts, &self.rich);
        let mut vm = Vm { ledger, contracts, rich, salt, before, done: Done::default() };
        let result = run(&mut vm);
        (result, vm.done)
    }

    /// The base fee of the next block.
    fn move_base_fee(&mut self) {
        let (Some(fee), Some(start)) = (self.base_fee, self.settings.base_fee) else { return };
        // How full the block was, in percent of what leaves the fee as it is.
        let full: u128 = if self.spike_blocks > 0 {
            self.spike_blocks -= 1;
            200
        } else if fee > start.saturating_mul(2) {
            u128::from(self.rng.below(80))
        } else if fee < start / 2 {
            u128::from(100 + self.rng.below(100))
        } else {
            u128::from(self.rng.below(201))
        };
        let step = |share: u128| (fee / 800).saturating_mul(share);
        let next =
            if full >= 100 { fee.saturating_add(step(full - 100)) } else { fee.saturating_sub(step(100 - full)) };
        self.base_fee = Some(next.clamp(1_000, start.saturating_mul(40).max(1_000)));
    }

    /// Base fee of the next block; zero where there is none.
    pub(super) fn next_base_fee(&self) -> u128 {
        self.base_fee.unwrap_or(0)
    }

    /// What comes over a network as a whole.
    fn weather(&mut self) {
        if self.rates == Rates::NONE {
            return;
        }
        let (weather, reorg, deep, pool) =
            (self.rates.weather, self.rates.reorg, self.rates.deep_reorg, self.rates.pool);
        if self.rng.chance(weather, 1_000) {
            let length = self.settings.block_ms.saturating_mul(self.rng.between(5, 40));
            match self.rng.below(3) {
                0 => self.stall(length),
                1 => self.stall_finality(length),
                _ => self.spike(length / self.settings.block_ms.max(1)),
            }
        }
        if self.rng.chance(pool, 1_000) {
            self.disturb_pool();
        }
        if self.rng.chance(reorg, 1_000) {
            let most = self.settings.reorg_depth.min(self.chain.height().saturating_sub(self.finalized));
            let depth = self.rng.between(1, most);
            if most > 0 {
                self.reorg(depth);
            }
        }
        if self.rng.chance(deep, 1_000_000) {
            let final_depth = self.chain.height().saturating_sub(self.finalized);
            let depth = final_depth.saturating_add(self.rng.between(1, 8));
            self.reorg(depth);
        }
    }

    /// No blocks for so many milliseconds.
    pub(super) fn stall(&mut self, length: u64) {
        if self.coverage.comes(Fault::Stall) {
            self.next_block = self.next_block.saturating_add(length);
        }
    }

    /// Nothing becomes final for so many milliseconds.
    pub(super) fn stall_finality(&mut self, length: u64) {
        if self.coverage.comes(Fault::FinalityStall) {
            self.final_stands_until = self.now.saturating_add(length);
        }
    }

    /// Full blocks, so many of them.
    pub(super) fn spike(&mut self, blocks: u64) {
        if self.coverage.comes(Fault::FeeSpike) {
            self.spike_blocks = blocks;
        }
    }

    /// Ends everything that is under way and goes wrong.
    pub(super) fn quiet(&mut self) {
        self.rates = Rates::NONE;
        self.spike_blocks = 0;
        self.final_stands_until = 0;
        self.next_block = self.next_block.min(self.now.saturating_add(self.settings.block_ms));
        for endpoint in &mut self.endpoints {
            endpoint.recover();
        }
    }

    /// The wallets whose payments are kept in the books of truth.
    pub(super) fn own(&mut self, address: &Address) {
        let id = self.names.id(address);
        if self.books.own(id) {
            self.version += 1;
        }
    }
}
