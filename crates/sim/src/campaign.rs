//! Many seeds, on as many threads as there are cores; each run has a thread to itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::check::Violation;
use crate::counts::Counts;
use crate::plan::Plan;
use crate::run::{Outcome, run};

/// What many runs came to.
#[derive(Default)]
pub struct Sum {
    /// Runs that ended.
    pub runs: u64,
    /// Steps of the scheduler.
    pub steps: u64,
    /// Events in the journals.
    pub events: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
    /// How often everything came up.
    pub counts: Counts,
    /// What went wrong, by plan, in the order of the seeds.
    pub failures: Vec<(Plan, Violation)>,
}

/// Runs all plans; `on_run` hears of each that ended. Stops early after `most_failures`.
pub fn campaign(
    plans: Vec<Plan>,
    threads: usize,
    most_failures: usize,
    on_run: impl Fn(&Plan, &Outcome) + Sync,
) -> Sum {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let sum = Mutex::new(Sum::default());
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                    let Some(plan) = plans.get(at) else { return };
                    let outcome = run(plan, false);
                    on_run(plan, &outcome);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.runs += 1;
                    sum.steps += outcome.steps;
                    sum.events += outcome.events;
                    sum.virtual_ms += outcome.virtual_ms;
                    sum.counts.merge(&outcome.counts);
                    if let Some(violation) = outcome.failure {
                        sum.failures.push((plan.clone(), violation));
                    }
                    if sum.failures.len() >= most_failures {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.failures.sort_by_key(|(plan, _)| plan.seed);
    sum
}
