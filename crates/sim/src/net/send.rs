//! Signed bytes handed to one node.

use std::sync::Arc;
use std::time::Duration;

use tokengine_chain::evm::tx::Signed;
use tokengine_chain::{Error, SendAnswer};

use super::faults::Fault;
use super::network::Net;
use super::tx::{Tx, TxIx};

const WHAT: &str = "send";

/// How long bytes may be under way, in blocks.
const LONGEST: u64 = 200;

impl Net {
    /// Takes bytes in, or not; the answer, and how many milliseconds it takes.
    pub(super) fn receive(&mut self, ix: usize, raw: &[u8]) -> (Result<SendAnswer, Error>, u64) {
        let plan = self.plan(ix, WHAT);
        if let Some(fault) = plan.fault {
            // Nobody knows whether a node that gave no answer took them.
            let after = self.endpoints[ix].rng.chance(1, 2) && !matches!(fault, Error::RateLimited { .. });
            if after && !self.endpoints[ix].is_impostor() && self.coverage.comes(Fault::SendUnheard) {
                let _ = self.hand_in(raw);
            }
            return (Err(fault), plan.wait);
        }
        let (rates, timeout, name) = (self.rates, self.settings.timeout_ms, Arc::clone(&self.endpoints[ix].name));
        if plan.lie {
            return (Ok(self.lie_about_send(ix, raw)), plan.wait);
        }
        if !self.endpoints[ix].rng.chance(rates.send, 1_000) {
            return (Ok(self.answer_to(ix, raw)), plan.wait);
        }
        let blocks = self.endpoints[ix].rng.between(1, LONGEST);
        let much_later = self.now().saturating_add(blocks.saturating_mul(self.settings.block_ms));
        let all = [Fault::SendSwallowed, Fault::SendUnheard, Fault::SendLate, Fault::SendTwice, Fault::SendLost];
        let fault = *self.endpoints[ix].rng.pick(&all);
        if !self.coverage.comes(fault) {
            return (Ok(self.answer_to(ix, raw)), plan.wait);
        }
        let answer = match fault {
            Fault::SendSwallowed => match self.decode(raw) {
                Ok(_) => Ok(SendAnswer::Accepted),
                Err(refused) => Ok(refused),
            },
            Fault::SendUnheard => {
                let _ = self.hand_in(raw);
                let after = Duration::from_millis(timeout);
                return (Err(Error::Timeout { node: name, what: WHAT, after }), timeout);
            }
            Fault::SendLate => match self.decode(raw) {
                Ok(tx) => {
                    self.pool.later(much_later, tx);
                    Ok(SendAnswer::Accepted)
                }
                Err(refused) => Ok(refused),
            },
            Fault::SendTwice => {
                if let Ok(tx) = self.decode(raw) {
                    self.pool.later(much_later, tx);
                }
                Ok(self.answer_to(ix, raw))
            }
            _ => {
                let why = "connection reset".to_owned();
                Err(Error::Unreachable { node: name, what: WHAT, why })
            }
        };
        (answer, plan.wait)
    }

    /// What a node in order says; some say of a transaction in a block that they know it, others that its nonce is used.
    fn answer_to(&mut self, ix: usize, raw: &[u8]) -> SendAnswer {
        let answer = self.hand_in(raw);
        let known = ix.is_multiple_of(2) && answer == SendAnswer::NonceTooLow;
        if known && self.by_raw.get(raw).is_some_and(|tx| self.place(*tx, self.chain.head()).is_some()) {
            return SendAnswer::AlreadyKnown;
        }
        answer
    }

    /// Puts bytes into the pool, if the pool takes them.
    pub(super) fn hand_in(&mut self, raw: &[u8]) -> SendAnswer {
        match self.decode(raw) {
            Ok(tx) => self.offer(tx),
            Err(refused) => refused,
        }
    }

    /// What the bytes say, by the product's own codec.
    fn decode(&mut self, raw: &[u8]) -> Result<TxIx, SendAnswer> {
        if let Some(known) = self.by_raw.get(raw) {
            return Ok(*known);
        }
        let signed = Signed::decode(raw).map_err(|error| SendAnswer::Rejected(error.to_string()))?;
        if signed.draft.chain_id != self.settings.chain_id {
            return Err(SendAnswer::Rejected("invalid chain id for signer".to_owned()));
        }
        let tx = Tx::of_signed(signed, &mut self.names);
        let ix = self.learn(tx);
        self.by_raw.insert(raw.into(), ix);
        Ok(ix)
    }
}
