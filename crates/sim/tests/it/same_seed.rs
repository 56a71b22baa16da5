//! Determinism: without it a failing seed could not be repeated.

use tokengine_sim::run::run;

use crate::small;

#[test]
fn the_same_seed_is_the_same_run_step_by_step() {
    let (one, other) = (run(&small(7), false), run(&small(7), true));
    assert_eq!((one.hash, one.steps, one.events), (other.hash, other.steps, other.events));
    assert!(one.story.is_empty() && !other.story.is_empty(), "telling the story changes nothing");
    assert_eq!(one.counts.iter().collect::<Vec<_>>(), other.counts.iter().collect::<Vec<_>>());
    assert_ne!(run(&small(8), false).hash, one.hash);
}
