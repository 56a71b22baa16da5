//! Makes a failing run smaller: fewer clients, fewer operations, less time, fewer kinds of faults, as long as the same rule
//! still breaks.

use crate::plan::{FAULTS, Plan};
use crate::run::run;

/// Kinds of faults of networks that can be left out.
pub const NETWORK_FAULTS: &[&str] = &[
    "networks",
    "node-asks",
    "node-late",
    "node-sends",
    "node-lies",
    "node-modes",
    "pool",
    "reorgs",
    "deep-reorgs",
    "weather",
    "operator-changes",
];

/// The smallest plan found that breaks the same rule. `tried` hears of every attempt.
pub fn shrink(plan: &Plan, rule: &str, mut tried: impl FnMut(&Plan, bool)) -> Plan {
    let mut best = plan.clone();
    let mut fails = |smaller: &Plan| {
        let breaks = run(smaller, false).failure.is_some_and(|violation| violation.rule == rule);
        tried(smaller, breaks);
        breaks
    };
    let kinds = NETWORK_FAULTS.iter().chain(FAULTS);
    for kind in kinds {
        let mut smaller = best.clone();
        if smaller.without.insert((*kind).to_owned()) && fails(&smaller) {
            best = smaller;
        }
    }
    loop {
        let before = best.clone();
        let halves: [fn(&mut Plan); 5] = [
            |plan| plan.chaos_s /= 2,
            |plan| plan.operations /= 2,
            |plan| plan.clients /= 2,
            |plan| plan.operations = plan.operations.saturating_sub(1),
            |plan| plan.clients = plan.clients.saturating_sub(1),
        ];
        for half in halves {
            let mut smaller = best.clone();
            half(&mut smaller);
            if smaller != best && smaller.clients > 0 && fails(&smaller) {
                best = smaller;
            }
        }
        if best == before {
            return best;
        }
    }
}
