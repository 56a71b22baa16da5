//! The memory pool: one transaction for each nonce of a sender, replaced only by a higher offer, and kept as long as nobody
//! forgets it.

use std::collections::BTreeMap;

use tokengine_chain::SendAnswer;

use super::faults::Fault;
use super::ledger::Key;
use super::names::Addr;
use super::network::Net;
use super::tx::TxIx;
use super::vm::PLAIN_GAS;

/// How far ahead of a sender's next nonce one may be.
const AHEAD: u64 = 64;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Pool {
    by_nonce: BTreeMap<(Addr, u64), TxIx>,
    /// Outbid, and perhaps still known to somebody.
    outbid: BTreeMap<(Addr, u64), Vec<TxIx>>,
    /// On their way, with the time of arrival.
    late: BTreeMap<(u64, u64), TxIx>,
    numbers: u64,
}

impl Pool {
    pub(super) fn is_empty(&self) -> bool {
        self.by_nonce.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.by_nonce.len()
    }

    pub(super) fn get(&self, from: Addr, nonce: u64) -> Option<TxIx> {
        self.by_nonce.get(&(from, nonce)).copied()
    }

    pub(super) fn remove(&mut self, from: Addr, nonce: u64) -> Option<TxIx> {
        self.by_nonce.remove(&(from, nonce))
    }

    pub(super) fn put(&mut self, from: Addr, nonce: u64, tx: TxIx) {
        if let Some(old) = self.by_nonce.insert((from, nonce), tx).filter(|old| *old != tx) {
            self.outbid.entry((from, nonce)).or_default().push(old);
        }
    }

    /// The lowest nonce of every sender.
    pub(super) fn firsts(&self) -> impl Iterator<Item = (Addr, u64, TxIx)> {
        let mut last = None;
        self.by_nonce
            .iter()
            .filter_map(move |((from, nonce), tx)| (last.replace(*from) != Some(*from)).then_some((*from, *nonce, *tx)))
    }

    /// How many nonces from `next` on wait without a gap.
    pub(super) fn ready(&self, from: Addr, next: u64) -> u64 {
        (next..)
            .zip(self.by_nonce.range((from, next)..=(from, u64::MAX)))
            .take_while(|(want, ((_, nonce), _))| want == nonce)
            .count() as u64
    }

    /// The first nonce above all that wait.
    pub(super) fn above(&self, from: Addr) -> Option<u64> {
        self.by_nonce.range((from, 0)..=(from, u64::MAX)).next_back().map(|((_, nonce), _)| nonce + 1)
    }

    pub(super) fn later(&mut self, at: u64, tx: TxIx) {
        self.numbers += 1;
        self.late.insert((at, self.numbers), tx);
    }

    pub(super) fn next_late(&self) -> Option<u64> {
        self.late.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn late(&mut self, now: u64) -> Vec<TxIx> {
        let rest = self.late.split_off(&(now.saturating_add(1), 0));
        std::mem::replace(&mut self.late, rest).into_values().collect()
    }

    fn keys(&self) -> Vec<(Addr, u64)> {
        self.by_nonce.keys().copied().collect()
    }

    fn clear(&mut self) {
        self.by_nonce.clear();
    }

    /// An outbid transaction for that nonce, the latest one.
    pub(super) fn take_outbid(&mut self, from: Addr, nonce: u64) -> Option<TxIx> {
        self.outbid.get_mut(&(from, nonce)).and_then(Vec::pop)
    }

    fn outbid_keys(&self) -> Vec<(Addr, u64)> {
        self.outbid.iter().filter(|(_, txs)| !txs.is_empty()).map(|(key, _)| *key).collect()
    }
}

impl Net {
    /// What a node that is up to date says to a transaction, and does with it.
    pub(super) fn offer(&mut self, ix: TxIx) -> SendAnswer {
        let tx = &self.txs[ix as usize];
        let (from, nonce) = (tx.from, tx.nonce);
        let used = u64::try_from(self.ledger.now(Key::Nonce(from))).unwrap_or(u64::MAX);
        if nonce < used {
            return SendAnswer::NonceTooLow;
        }
        let waits = self.pool.get(from, nonce);
        if waits == Some(ix) {
            return SendAnswer::AlreadyKnown;
        }
        if tx.gas_limit < PLAIN_GAS {
            return SendAnswer::Rejected("intrinsic gas too low".to_owned());
        }
        if nonce > used.saturating_add(AHEAD) {
            return SendAnswer::Rejected("nonce too high".to_owned());
        }
        if tx.tip < self.settings.tip {
            return SendAnswer::Underpriced;
        }
        if let Some(old) = waits.map(|old| &self.txs[old as usize]) {
            // A tenth more in both, as nodes want it.
            let outbids = |new: u128, old: u128| new >= old.saturating_add(old.div_ceil(10)) && new > old;
            if !outbids(tx.max_fee, old.max_fee) || !outbids(tx.tip, old.tip) {
                return SendAnswer::Underpriced;
            }
        }
        let held = self.ledger.now(Key::Coin(from));
        let affordable = tx.worst_cost(self.settings.data_fee).is_some_and(|cost| cost <= held);
        if !affordable && !self.rich.contains(&from) {
            return SendAnswer::InsufficientFunds;
        }
        self.pool.put(from, nonce, ix);
        SendAnswer::Accepted
    }

    /// Somebody forgets, or remembers.
    pub(super) fn disturb_pool(&mut self) {
        match self.rng.below(10) {
            0 if !self.pool.is_empty() && self.coverage.comes(Fault::PoolLost) => self.pool.clear(),
            1..=4 => {
                let outbid = self.pool.outbid_keys();
                if outbid.is_empty() {
                    return;
                }
                let (from, nonce) = *self.rng.pick(&outbid);
                let used = self.ledger.now(Key::Nonce(from));
                if u128::from(nonce) >= used
                    && self.coverage.comes(Fault::OutbidReturns)
                    && let Some(old) = self.pool.take_outbid(from, nonce)
                {
                    self.pool.put(from, nonce, old);
                }
            }
            _ => {
                let waiting = self.pool.keys();
                if waiting.is_empty() {
                    return;
                }
                let (from, nonce) = *self.rng.pick(&waiting);
                if self.coverage.comes(Fault::Evicted) {
                    self.pool.remove(from, nonce);
                }
            }
        }
    }
}
