//! What the metrics read: plain counters, no names of addresses, users or transactions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Counters of one network.
#[derive(Debug)]
pub struct Counters {
    /// Questions on which nodes contradicted each other.
    pub disagreements: AtomicU64,
    /// Questions that too few nodes answered.
    pub no_quorum: AtomicU64,
    /// One a node, in the order of the configuration.
    pub nodes: Vec<NodeCounters>,
}

/// Counters of one node.
#[derive(Debug)]
pub struct NodeCounters {
    /// The operator's name for it.
    pub name: Arc<str>,
    /// Questions it answered.
    pub answered: AtomicU64,
    /// Questions that ended in an error other than silence.
    pub failed: AtomicU64,
    /// Questions it never answered.
    pub timed_out: AtomicU64,
    /// Height of the newest block it told us.
    pub head: AtomicU64,
    /// 1 while it is left alone after a fault, else 0.
    pub resting: AtomicU64,
}

impl Counters {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let node = |name: &str| NodeCounters {
            name: name.into(),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            head: AtomicU64::new(0),
            resting: AtomicU64::new(0),
        };
        Self {
            disagreements: AtomicU64::new(0),
            no_quorum: AtomicU64::new(0),
            nodes: names.into_iter().map(node).collect(),
        }
    }
}

/// What came of a call: few words, the same for every kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallOutcome {
    /// A result.
    Answered,
    /// An error in the node's own words; to some questions that is the answer.
    Refused,
    /// Asked too often.
    RateLimited,
    /// Silence.
    TimedOut,
    /// No connection, or one that broke.
    Unreachable,
    /// Something that is no answer to the question.
    Unusable,
}

impl CallOutcome {
    /// Stable; alerts match on it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Unusable => "unusable",
        }
    }
}

/// Calls to one node, by method and by what came of them. Methods are those that the adapter knows: a few dozen at most.
#[derive(Debug, Default)]
pub struct Calls(Mutex<BTreeMap<(&'static str, CallOutcome), u64>>);

impl Calls {
    /// So many more.
    pub(crate) fn count(&self, method: &'static str, outcome: CallOutcome, calls: usize) {
        let mut all = self.0.lock().expect("nobody panics while holding it");
        let calls = u64::try_from(calls).unwrap_or(u64::MAX);
        let count = all.entry((method, outcome)).or_default();
        *count = count.saturating_add(calls);
    }

    /// All of them since the start.
    pub fn all(&self) -> Vec<(&'static str, CallOutcome, u64)> {
        let all = self.0.lock().expect("nobody panics while holding it");
        all.iter().map(|((method, outcome), count)| (*method, *outcome, *count)).collect()
    }
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
