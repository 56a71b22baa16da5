//! One node: what mode it is in, and whether it answers a question at once, late, wrongly, or not at all.

use std::sync::Arc;
use std::time::Duration;

use tokengine_chain::Error;

use super::chain::BlockIx;
use super::faults::Fault;
use super::network::Net;
use super::settings::{self, Rates};
use super::view::{Lacks, View};
use crate::rng::Rng;

/// How a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// As it should.
    Well,
    /// So many blocks behind.
    Lags(u64),
    /// Stays at a block, on whatever fork.
    Stuck(BlockIx),
    /// Away.
    Down,
    /// Takes long for everything.
    Slow,
    /// Wants to be asked less.
    Limited,
    /// Answers for another network.
    Impostor,
}

/// One node.
pub(super) struct Endpoint {
    pub(super) name: Arc<str>,
    pub(super) habits: settings::Endpoint,
    pub(super) rng: Rng,
    mode: Mode,
    /// Virtual milliseconds.
    until: u64,
}

/// How one question is answered.
pub(super) struct Plan {
    /// Milliseconds before the answer.
    pub(super) wait: u64,
    /// The answer is worked out before the wait.
    pub(super) early: bool,
    /// The fault that comes instead of an answer.
    pub(super) fault: Option<Error>,
    /// The answer is to be a lie, where there is one for it.
    pub(super) lie: bool,
    /// What exists is not found.
    pub(super) not_found: bool,
}

impl Plan {
    const PLAIN: Self = Self { wait: 0, early: false, fault: None, lie: false, not_found: false };
}

/// The longest that a node that answers takes.
const SLOW_MS: u64 = 4_000;

impl Endpoint {
    pub(super) fn new(name: &str, habits: settings::Endpoint, rng: Rng) -> Self {
        Self { name: name.into(), habits, rng, mode: Mode::Well, until: 0 }
    }

    /// Stays at a block until it recovers.
    pub(super) fn stick(&mut self, at: BlockIx) {
        (self.mode, self.until) = (Mode::Stuck(at), u64::MAX);
    }

    /// Well again, at once.
    pub(super) fn recover(&mut self) {
        self.mode = Mode::Well;
    }

    /// Whether it says it is of another network.
    pub(super) fn is_impostor(&self) -> bool {
        self.mode == Mode::Impostor
    }

    /// Decides how a question put now is answered.
    fn plan(
        &mut self,
        what: &'static str,
        timeout_ms: u64,
        rates: &Rates,
        comes: &mut impl FnMut(Fault) -> bool,
    ) -> Plan {
        if *rates == Rates::NONE {
            return Plan::PLAIN;
        }
        let node = || Arc::clone(&self.name);
        let timeout = || Error::Timeout { node: node(), what, after: Duration::from_millis(timeout_ms) };
        let unreachable = || Error::Unreachable { node: node(), what, why: "connection reset".to_owned() };
        let at_once = |error| Plan { fault: Some(error), ..Plan::PLAIN };
        match self.mode {
            Mode::Down if comes(Fault::Down) => {
                return if self.rng.chance(1, 3) {
                    Plan { wait: timeout_ms, fault: Some(timeout()), ..Plan::PLAIN }
                } else {
                    at_once(unreachable())
                };
            }
            Mode::Limited if self.rng.chance(3, 4) && comes(Fault::Limited) => {
                return at_once(Error::RateLimited { node: node() });
            }
            // Who answers after a change like this is asked who it is: the connection broke first.
            Mode::Impostor if what != IDENTITY => return at_once(unreachable()),
            _ => {}
        }
        if self.rng.chance(rates.ask, 1_000) {
            let (fault, error, wait) = match self.rng.below(6) {
                0 => (Fault::Silent, timeout(), timeout_ms),
                1 => (Fault::Unreachable, unreachable(), 0),
                2 => (Fault::Limited, Error::RateLimited { node: node() }, 0),
                3 => {
                    let text = "internal error".to_owned();
                    (Fault::Refused, Error::Refused { node: node(), what, code: -32_000, text }, 0)
                }
                4 => (Fault::Garbled, Error::Decode { node: node(), what, why: "half an answer".to_owned() }, 0),
                _ => (Fault::Moved, Error::Moved { node: node(), what }, 0),
            };
            if comes(fault) {
                return Plan { wait, fault: Some(error), ..Plan::PLAIN };
            }
        }
        let mut plan = Plan::PLAIN;
        if self.mode == Mode::Slow && comes(Fault::Slow) {
            plan.wait = self.rng.between(500, SLOW_MS.min(timeout_ms.saturating_sub(1)).max(500));
        } else if self.rng.chance(rates.late, 1_000) && comes(Fault::Late) {
            plan.wait = self.rng.between(1, SLOW_MS.min(timeout_ms.saturating_sub(1)).max(1));
        }
        plan.early = plan.wait > 0 && self.rng.chance(1, 2) && comes(Fault::Stale);
        plan.lie = self.habits.lies && self.rng.chance(rates.lie, 1_000);
        plan.not_found = self.rng.chance(rates.ask, 1_000) && comes(Fault::NotFound);
        plan
    }
}

/// The name of the question which network a node is of.
pub(super) const IDENTITY: &str = "identity";

impl Net {
    /// Decides how a question to a node is answered.
    pub(super) fn plan(&mut self, ix: usize, what: &'static str) -> Plan {
        let (rates, timeout, coverage) = (self.rates, self.settings.timeout_ms, &mut self.coverage);
        self.endpoints[ix].plan(what, timeout, &rates, &mut |fault| coverage.comes(fault))
    }

    /// What a node sees now.
    pub(super) fn view(&mut self, ix: usize, plan: &Plan) -> View<'_> {
        let head = self.chain.head();
        let height = self.chain.height();
        let head = match self.endpoints[ix].mode {
            Mode::Lags(blocks) if self.coverage.comes(Fault::Lag) => {
                self.chain.best_at(height.saturating_sub(blocks)).unwrap_or(head)
            }
            Mode::Stuck(block) if self.coverage.comes(Fault::Stuck) => block,
            _ => head,
        };
        let habits = self.endpoints[ix].habits;
        View { head, hears_pool: !plan.not_found, traces: habits.traces, keeps: habits.keeps, net: self }
    }

    /// What a node says that cannot answer.
    pub(super) fn lacks(&mut self, ix: usize, what: &'static str, lacks: Lacks) -> Error {
        let node = Arc::clone(&self.endpoints[ix].name);
        match lacks {
            Lacks::Block(block) => Error::BlockUnknown { node, block },
            Lacks::State => {
                self.coverage.comes(Fault::Pruned);
                Error::StateUnavailable { node, what }
            }
            Lacks::Head => {
                let text = "finalized block not found".to_owned();
                Error::Refused { node, what, code: -39_001, text }
            }
        }
    }

    /// At a new block: some nodes fall behind or away, and some come back.
    pub(super) fn change_modes(&mut self) {
        if self.rates == Rates::NONE {
            return;
        }
        let (now, head, rate, block_ms) = (self.now(), self.chain.head(), self.rates.mode, self.settings.block_ms);
        for endpoint in &mut self.endpoints {
            if endpoint.mode != Mode::Well && now >= endpoint.until {
                endpoint.mode = Mode::Well;
            }
            if endpoint.mode != Mode::Well || !endpoint.rng.chance(rate, 1_000) {
                continue;
            }
            endpoint.until = now.saturating_add(endpoint.rng.between(1, 30).saturating_mul(block_ms));
            endpoint.mode = match endpoint.rng.below(10) {
                0..=2 => Mode::Lags(endpoint.rng.between(1, 20)),
                3 | 4 => Mode::Stuck(head),
                5 | 6 => Mode::Down,
                7 => Mode::Slow,
                8 => Mode::Limited,
                _ if self.coverage.comes(Fault::Impostor) => Mode::Impostor,
                _ => Mode::Well,
            };
        }
    }
}
