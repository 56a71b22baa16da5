//! Seeds that found something, and a few that never did.

use tokengine_sim::campaign::campaign;

use crate::small;

/// Seeds and what they found when they first failed.
const FOUND: &[(u64, &str)] = &[
    (13, "one node's lie of a thousand nonces began a recovery that had to fill them all"),
    (9, "a node of another network, believed at the first question, shut out those of the right one for ever"),
    (12, "what is final by the network's own word is released, however few blocks it has"),
    (24, "payments that failed wait for the network's own final word"),
];

#[test]
fn fixed_seeds_hold() {
    let seeds = FOUND.iter().map(|(seed, _)| *seed).chain(1..=8);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sum = campaign(seeds.map(small).collect(), threads, 1, |_, _| {});
    if let Some((plan, violation)) = sum.failures.first() {
        panic!("cargo run --release -p tokengine-sim -- {} --story: {violation:?}", plan.arguments());
    }
    assert_eq!(sum.runs, 12, "all of them ran");
    let credits = sum.counts.of("event DepositCredited");
    let paid = sum.counts.of("payout final");
    assert!(credits > 20 && paid > 5, "{credits} deposits and {paid} payouts: too little happens to prove anything");
}
