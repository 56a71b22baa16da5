//! The simulator's command line: many seeds, or one with its story.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tokengine_sim::campaign::{Sum, campaign};
use tokengine_sim::coverage::{ENOUGH_SEEDS, missing};
use tokengine_sim::mutant::Mutant;
use tokengine_sim::plan::Plan;
use tokengine_sim::run::{Outcome, run};
use tokengine_sim::shrink::shrink;

/// Runs the whole of TokEngine on one seed after the other, with everything going wrong that can.
#[derive(Parser)]
#[command(name = "tokengine-sim")]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Runs this seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// With --seed: tells everything that happened.
    #[arg(long)]
    story: bool,
    /// Operations of each client, instead of the usual number.
    #[arg(long)]
    operations: Option<u32>,
    /// Clients, instead of the usual number.
    #[arg(long)]
    clients: Option<u32>,
    /// Virtual seconds for which faults come, instead of the usual number.
    #[arg(long)]
    chaos: Option<u64>,
    /// Virtual seconds for everything to settle, instead of the usual number.
    #[arg(long)]
    peace: Option<u64>,
    /// Plants one bug.
    #[arg(long, value_parser = |name: &str| Mutant::by_name(name).ok_or("no such bug"))]
    mutant: Option<Mutant>,
    /// Plants every bug there is, one after the other, and sees whether it is found.
    #[arg(long)]
    mutants: bool,
    /// Kinds of faults that never come, separated by commas.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// Runs at the same time; as many as there are cores unless told otherwise.
    #[arg(long)]
    threads: Option<usize>,
    /// Stops after so many failing seeds.
    #[arg(long, default_value_t = 5)]
    failures: usize,
    /// Prints all counters, not only those that stayed at zero.
    #[arg(long)]
    counts: bool,
    /// Leaves failing seeds as they are.
    #[arg(long)]
    no_shrink: bool,
}

impl Arguments {
    fn plan(&self, seed: u64) -> Plan {
        let usual = Plan::new(seed);
        Plan {
            seed,
            operations: self.operations.unwrap_or(usual.operations),
            clients: self.clients.unwrap_or(usual.clients),
            chaos_s: self.chaos.unwrap_or(usual.chaos_s),
            peace_s: self.peace.unwrap_or(usual.peace_s),
            mutant: self.mutant,
            without: self.without.iter().cloned().collect::<BTreeSet<_>>(),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic in a run is one of its outcomes; with a story it is told where it came from.
    if arguments.story {
        tokengine_sim::story::listen_to_logs();
    } else {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let fine = match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None if arguments.mutants => all_mutants(&arguments),
        None => many(&arguments),
    };
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(arguments: &Arguments, seed: u64) -> bool {
    let plan = arguments.plan(seed);
    let started = Instant::now();
    let outcome = run(&plan, arguments.story);
    outcome.story.iter().for_each(|line| println!("{line}"));
    if arguments.counts {
        outcome.counts.iter().for_each(|(name, times)| println!("{times:>8}  {name}"));
    }
    let Outcome { steps, events, virtual_ms, hash, .. } = outcome;
    let (virtual_s, real) = (virtual_ms / 1_000, started.elapsed());
    println!(
        "seed {seed}: {steps} steps, {events} events, {virtual_s} virtual seconds in {real:.1?}, trace {hash:016x}"
    );
    match outcome.failure {
        None => true,
        Some(violation) => {
            println!("BROKEN {}: {}", violation.rule, violation.what);
            false
        }
    }
}

fn many(arguments: &Arguments) -> bool {
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    let plans: Vec<Plan> = seeds.map(|seed| arguments.plan(seed)).collect();
    let bar = ProgressBar::new(arguments.seeds);
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len} seeds, {per_sec}, eta {eta}";
    bar.set_style(ProgressStyle::with_template(style).expect("a constant template"));
    let threads = arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let started = Instant::now();
    let sum = campaign(plans, threads, arguments.failures, |plan, outcome| {
        if let Some(violation) = &outcome.failure {
            bar.suspend(|| println!("seed {} breaks {}: {}", plan.seed, violation.rule, violation.what));
        }
        bar.inc(1);
    });
    bar.finish_and_clear();
    let Sum { runs, steps, events, virtual_ms, counts, failures } = sum;
    let (hours, seconds) = (virtual_ms / 3_600_000, started.elapsed().as_secs_f64());
    let a_second = f64::from(u32::try_from(runs).unwrap_or(u32::MAX)) / seconds.max(0.001);
    println!("{runs} seeds, {a_second:.1} a second: {steps} steps, {events} events, {hours} virtual hours");
    if arguments.counts {
        counts.iter().for_each(|(name, times)| println!("{times:>10}  {name}"));
    }
    for (plan, violation) in &failures {
        report(arguments, plan, violation.rule);
    }
    let missing = missing(&counts);
    if !missing.is_empty() {
        let text = missing.join(", ");
        println!("never came up: {text}");
    }
    failures.is_empty() && (missing.is_empty() || arguments.seeds < ENOUGH_SEEDS)
}

/// A table of all planted bugs: on which seed each is found, and by which rule.
fn all_mutants(arguments: &Arguments) -> bool {
    let most = arguments.seeds.min(40);
    let mut survivors = 0;
    println!("{:<18} {:>5} {:<32} what it does", "planted bug", "seeds", "found by");
    for mutant in Mutant::ALL {
        let plan = |seed| Plan { mutant: Some(*mutant), peace_s: 2_400, ..arguments.plan(seed) };
        let mut seeds = arguments.from..arguments.from.saturating_add(most);
        let found = seeds.find_map(|seed| Some((seed, run(&plan(seed), false).failure?)));
        let (tried, rule) = match &found {
            Some((seed, violation)) => (seed - arguments.from + 1, violation.rule),
            None => (most, "NOBODY"),
        };
        survivors += u32::from(found.is_none());
        println!("{:<18} {tried:>5} {rule:<32} {}", mutant.name(), mutant.what());
    }
    println!("{} planted, {survivors} not found", Mutant::ALL.len());
    survivors == 0
}

/// How to repeat a failing seed, as small as it gets, and the end of its story.
fn report(arguments: &Arguments, plan: &Plan, rule: &str) {
    let again = "cargo run --release -p tokengine-sim --";
    println!("\nseed {} breaks {rule}. To repeat it:\n  {again} {} --story", plan.seed, plan.arguments());
    if arguments.no_shrink {
        return;
    }
    let bar = ProgressBar::new_spinner();
    let small = shrink(plan, rule, |tried, breaks| {
        bar.set_message(format!("shrinking: {}", tried.arguments()));
        bar.tick();
        if breaks {
            bar.suspend(|| println!("  still: {}", tried.arguments()));
        }
    });
    bar.finish_and_clear();
    println!("The smallest found:\n  {again} {} --story", small.arguments());
    let outcome = run(&small, true);
    let last = outcome.story.len().saturating_sub(40);
    println!("Its last {} lines:", outcome.story.len() - last);
    outcome.story.iter().skip(last).for_each(|line| println!("{line}"));
}
