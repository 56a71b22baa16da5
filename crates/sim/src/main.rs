//! Runs seeds.

fn main() {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let outcome = tokengine_sim::run::run(&tokengine_sim::plan::Plan::new(seed), true);
    for line in &outcome.story {
        println!("{line}");
    }
    for (name, times) in outcome.counts.iter() {
        println!("{times:>8} {name}");
    }
    println!(
        "{} steps, {} events, {} s, hash {:016x}, {:?}",
        outcome.steps,
        outcome.events,
        outcome.virtual_ms / 1000,
        outcome.hash,
        outcome.failure
    );
}
