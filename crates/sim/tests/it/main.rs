//! The simulator itself: the same seed is the same run, fixed seeds hold, and planted bugs are found.

mod planted;
mod same_seed;
mod seeds;

use tokengine_sim::plan::Plan;

/// A run that fits many times into a build.
fn small(seed: u64) -> Plan {
    Plan { operations: 5, clients: 3, chaos_s: 200, peace_s: 5_400, ..Plan::new(seed) }
}
