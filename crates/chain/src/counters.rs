//! What the metrics read: plain counters, no names of addresses, users or transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
