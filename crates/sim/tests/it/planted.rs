//! Planted bugs that are found soon; all of them are in `--mutants`.

use tokengine_sim::mutant::Mutant;
use tokengine_sim::plan::Plan;
use tokengine_sim::run::run;

use crate::small;

#[test]
fn planted_bugs_are_found_by_the_rule_that_they_break() {
    for (mutant, rule) in [
        (Mutant::SentFirst, "I4 journaled-before-sent"),
        (Mutant::CreditAtOnce, "I5 credit-after-finality"),
        (Mutant::SilenceBuries, "I4 death-certificate"),
    ] {
        let planted = |seed| Plan { mutant: Some(mutant), operations: 8, ..small(seed) };
        let found = (1..=12).find_map(|seed| run(&planted(seed), false).failure);
        assert_eq!(found.map(|violation| violation.rule), Some(rule), "{}", mutant.name());
    }
}
