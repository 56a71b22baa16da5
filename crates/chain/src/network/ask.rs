//! Asking several nodes: whom, how many at once, when enough have answered, and who is to be left alone.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokengine_core::BlockHash;
use tokio::time::Instant;

use super::{Network, Rules};
use crate::counters::count;
use crate::quorum::{self, Verdict};
use crate::{At, Error, Node};

/// One node and how it is doing.
pub(super) struct Slot<N> {
    pub(super) node: N,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    faults: u32,
    rests: Option<Rest>,
    identified: Option<(Instant, BlockHash)>,
}

/// A node is left alone after a fault.
#[derive(Clone, Copy)]
struct Rest {
    /// When the fault was.
    since: Instant,
    /// For how long.
    length: Duration,
}

impl Rest {
    /// Whether it goes on, if none is to be longer than `longest`.
    fn goes_on(&self, longest: Duration) -> bool {
        self.since.elapsed() < self.length.min(longest)
    }
}

impl<N> Slot<N> {
    pub(super) fn new(node: N) -> Self {
        Self { node, health: Mutex::default() }
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().expect("nobody panics while holding it")
    }

    pub(super) fn forget_identity(&self) {
        self.health().identified = None;
    }

    pub(super) fn is_identified(&self, rules: &Rules) -> bool {
        self.identified(rules).is_some()
    }

    fn identified(&self, rules: &Rules) -> Option<BlockHash> {
        let (when, genesis) = self.health().identified?;
        (when.elapsed() < rules.identity_every).then_some(genesis)
    }

    fn is_resting(&self, longest: Duration) -> bool {
        self.health().rests.is_some_and(|rest| rest.goes_on(longest))
    }
}

/// What asking came to.
pub(super) enum Agreement<T> {
    /// The quorum said this.
    Agreed(T),
    /// Enough answered and nobody contradicts, but some lag.
    Unsettled(Vec<T>),
}

impl<T> Agreement<T> {
    /// What was agreed, or that the others lag.
    pub(super) fn or_lag<N: Node>(self, network: &Network<N>, what: &'static str) -> Result<T, Error> {
        match self {
            Self::Agreed(answer) => Ok(answer),
            Self::Unsettled(answers) => Err(network.too_few(what, answers.len().saturating_sub(1), Vec::new())),
        }
    }
}

impl<N: Node> Network<N> {
    /// The nodes that are not resting, in the order of the configuration.
    pub(super) fn ready(&self) -> Vec<usize> {
        let awake = |longest: Duration| -> Vec<usize> {
            (0..self.slots.len()).filter(|ix| !self.slots[*ix].is_resting(longest)).collect()
        };
        let ready = awake(self.rules.longest_rest);
        // A long rest keeps a node that hangs from holding up the others. Without a quorum there is nobody to hold up.
        if ready.len() < self.needed() { awake(self.rules.longest_needed_rest) } else { ready }
    }

    /// Asks nodes until the quorum has said the same.
    pub(super) async fn agreed<'s, T, F, Fut>(
        &'s self,
        what: &'static str,
        settled: impl Fn(&T) -> bool,
        question: F,
    ) -> Result<Agreement<T>, Error>
    where
        T: PartialEq + Clone,
        F: Fn(&'s N) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        self.agreed_among(|_| true, what, settled, question).await
    }

    /// The same, of some of the nodes.
    pub(super) async fn agreed_among<'s, T, F, Fut>(
        &'s self,
        suits: impl Fn(&N) -> bool,
        what: &'static str,
        settled: impl Fn(&T) -> bool,
        question: F,
    ) -> Result<Agreement<T>, Error>
    where
        T: PartialEq + Clone,
        F: Fn(&'s N) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let suitable: Vec<usize> = self.ready().into_iter().filter(|ix| suits(&self.slots[*ix].node)).collect();
        let mut waiting = suitable.into_iter();
        let mut running = FuturesUnordered::new();
        let (mut answers, mut faults) = (Vec::new(), Vec::new());
        loop {
            // As many as could still make the quorum with what is known, and no more: questions cost money.
            let best = answers.iter().filter(|answer| settled(answer)).map(|answer| times(&answers, answer)).max();
            while running.len() < self.needed().saturating_sub(best.unwrap_or(0)) {
                let Some(ix) = waiting.next() else { break };
                running.push(self.ask(ix, &question));
            }
            match running.next().await {
                Some(Ok(answer)) => answers.push(answer),
                Some(Err(fault)) => faults.push(fault),
                None => {}
            }
            let verdict = quorum::judge(&answers, &settled, self.needed(), !running.is_empty() || waiting.len() > 0);
            if !matches!(verdict, Verdict::AskMore) && quorum::conflict(&answers, &settled) {
                count(&self.counters.disagreements);
                tracing::warn!(chain.id = %self.id, question = what, "Nodes contradict each other");
            }
            return match verdict {
                Verdict::AskMore => continue,
                Verdict::Agreed(answer) => Ok(Agreement::Agreed(answer.clone())),
                Verdict::Disagree => Err(Error::Disagreement { network: self.id.clone(), what }),
                Verdict::TooFew => Err(self.too_few(what, answers.len(), faults)),
                Verdict::Unsettled => Ok(Agreement::Unsettled(answers)),
            };
        }
    }

    /// Asks about a state: the quorum when it is pinned to a block, else the first node that answers.
    pub(super) async fn about<'s, T, F, Fut>(&'s self, what: &'static str, at: At, question: F) -> Result<T, Error>
    where
        T: PartialEq + Clone,
        F: Fn(&'s N) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        match at {
            At::Latest | At::Pending => self.any(what, question).await,
            At::Safe | At::Finalized | At::Height(_) | At::Block(_) => {
                self.agreed(what, |_| true, question).await?.or_lag(self, what)
            }
        }
    }

    /// Asks one node after another until one answers. For estimates and hints, which no quorum could agree on.
    pub(super) async fn any<'s, T, F, Fut>(&'s self, what: &'static str, question: F) -> Result<T, Error>
    where
        F: Fn(&'s N) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let mut faults = Vec::new();
        for ix in self.ready() {
            match self.ask(ix, &question).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => faults.push(fault),
            }
        }
        Err(self.too_few(what, 0, faults))
    }

    /// Asks every node that is not resting, and waits for all of them.
    pub(super) async fn everyone<'s, T, F, Fut>(&'s self, question: F) -> Vec<(usize, Result<T, Error>)>
    where
        F: Fn(&'s N) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let question = &question;
        join_all(self.ready().into_iter().map(|ix| async move { (ix, self.ask(ix, question).await) })).await
    }

    /// Asks every node, also those that rest, and waits for all of them.
    pub(super) async fn all_configured<'s, T, F, Fut>(&'s self, question: F) -> Vec<(usize, Result<T, Error>)>
    where
        F: Fn(&'s N) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let question = &question;
        join_all((0..self.slots.len()).map(|ix| async move { (ix, self.ask(ix, question).await) })).await
    }

    /// Asks one node, which has said before that it is of this network.
    pub(super) async fn ask<'s, T, F, Fut>(&'s self, ix: usize, question: &F) -> Result<T, Error>
    where
        F: Fn(&'s N) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let slot = &self.slots[ix];
        if !slot.is_identified(&self.rules) {
            self.identify(ix).await?;
        }
        let answer = question(&slot.node).await;
        self.note(ix, answer.as_ref().err());
        answer
    }

    /// Makes sure that a node is of this network, and returns its genesis.
    pub(super) async fn identify(&self, ix: usize) -> Result<BlockHash, Error> {
        let slot = &self.slots[ix];
        let answer = slot.node.identity().await.and_then(|said| {
            let wrong = |expected: String, found: String| {
                Err(Error::WrongNetwork { node: slot.node.name().into(), expected, found })
            };
            let genesis = *self.genesis.lock().expect("nobody panics while holding it");
            match genesis {
                _ if said.chain != *self.id => wrong(self.id.to_string(), said.chain),
                Some(ours) if ours != said.genesis => {
                    wrong(format!("genesis {ours}"), format!("genesis {}", said.genesis))
                }
                _ => Ok(said.genesis),
            }
        });
        self.note(ix, answer.as_ref().err());
        if let Ok(genesis) = answer {
            slot.health().identified = Some((Instant::now(), genesis));
        }
        answer
    }

    /// Counts an answer, and leaves a node with a fault alone for a while.
    fn note(&self, ix: usize, fault: Option<&Error>) {
        let counters = &self.counters.nodes[ix];
        count(match fault {
            None => &counters.answered,
            Some(Error::Timeout { .. }) => &counters.timed_out,
            Some(_) => &counters.failed,
        });
        let mut health = self.slots[ix].health();
        match fault.filter(|fault| fault.is_fault_of_node()) {
            None => {
                *health = Health { identified: health.identified, ..Health::default() };
                counters.resting.store(0, Ordering::Relaxed);
            }
            // One outage, however many questions were under way when it came: eight of them would else make the first
            // rest the longest.
            Some(_) if health.rests.is_some_and(|rest| rest.goes_on(self.rules.longest_rest)) => {
                health.identified = None;
            }
            Some(fault) => {
                let doubled = 1u32.checked_shl(health.faults).unwrap_or(u32::MAX);
                let rest = self.rules.rest.saturating_mul(doubled).min(self.rules.longest_rest);
                let rests = Some(Rest { since: Instant::now(), length: rest });
                // Who answers after a fault may be somebody else: it has to say again who it is.
                *health = Health { faults: health.faults.saturating_add(1), rests, identified: None };
                counters.resting.store(1, Ordering::Relaxed);
                tracing::warn!(chain.id = %self.id, error = %fault, error.code = fault.code(), ?rest, "Node rests");
            }
        }
    }
}

fn times<T: PartialEq>(answers: &[T], answer: &T) -> usize {
    answers.iter().filter(|other| *other == answer).count()
}
