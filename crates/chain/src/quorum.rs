//! What `k` of `n` nodes agree on. Pure: the shell asks, this decides.
//!
//! An answer is *settled* when a node that is up to date cannot take it back without a reorg ("in block 7, succeeded").
//! *Unsettled* ones ("never heard of it") are what a lagging node says, so they contradict nothing, and outvote nothing
//! either: however many nodes never heard of it, a single one that has it says that it is there. Two different settled
//! answers are a disagreement: one of the nodes is wrong, or on another fork.

/// What to do with the answers so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a, T> {
    /// `k` nodes said this; where it is unsettled, nobody who answered said anything else.
    Agreed(&'a T),
    /// Not yet clear: ask one more node.
    AskMore,
    /// Nobody is left to ask, and at least two nodes contradict each other.
    Disagree,
    /// Nobody is left to ask, and fewer than `k` nodes answered.
    TooFew,
    /// Nobody is left to ask, nobody contradicts, and some lag: at least `k` answered.
    Unsettled,
}

/// Judges the answers so far; `more` says whether another node can still be asked.
pub fn judge<T: PartialEq>(answers: &[T], settled: impl Fn(&T) -> bool, k: usize, more: bool) -> Verdict<'_, T> {
    let times = |answer: &T| answers.iter().filter(|other| *other == answer).count();
    if let Some(answer) = answers.iter().find(|answer| settled(answer) && times(answer) >= k) {
        return Verdict::Agreed(answer);
    }
    if more {
        return Verdict::AskMore;
    }
    if conflict(answers, settled) {
        return Verdict::Disagree;
    }
    if answers.len() < k {
        return Verdict::TooFew;
    }
    match answers {
        [first, others @ ..] if others.iter().all(|other| other == first) => Verdict::Agreed(first),
        _ => Verdict::Unsettled,
    }
}

/// Whether two nodes contradict each other.
pub fn conflict<T: PartialEq>(answers: &[T], settled: impl Fn(&T) -> bool) -> bool {
    let mut settled_answers = answers.iter().filter(|answer| settled(answer));
    settled_answers.next().is_some_and(|first| settled_answers.any(|other| other != first))
}

/// What a chain looks like to `k` nodes, when each tells its part of it from the same height upwards. The result ends
/// where fewer than `k` tell the same; a node that tells less than another merely lags.
pub fn common_chain<T: PartialEq + Copy>(answers: &[Vec<T>], k: usize) -> Vec<T> {
    let mut chain = Vec::new();
    loop {
        let here: Vec<T> = answers.iter().filter_map(|answer| answer.get(chain.len()).copied()).collect();
        match judge(&here, |_| true, k, false) {
            Verdict::Agreed(block) => chain.push(*block),
            _ => return chain,
        }
    }
}

/// The heights to look at for a head that `k` nodes have, best first: the greatest height that `k` of them have reached,
/// then the lower ones, for when the nodes are on different forks at the tip.
pub fn heights_to_try(reached: &[u64], k: usize) -> Vec<u64> {
    let mut heights = reached.to_vec();
    heights.sort_unstable_by(|a, b| b.cmp(a));
    let mut heights = heights.split_off(k.saturating_sub(1).min(heights.len()));
    heights.dedup();
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Some` is settled, `None` is what a lagging node says.
    fn verdict(answers: &[Option<u8>], k: usize, more: bool) -> Verdict<'_, Option<u8>> {
        judge(answers, Option::is_some, k, more)
    }

    #[test]
    fn k_equal_settled_answers_end_the_asking() {
        for (case, answers, k, more, expected) in [
            ("one of one", &[Some(1)][..], 1, false, Verdict::Agreed(&Some(1))),
            ("two of three, the third not asked", &[Some(1), Some(1)], 2, true, Verdict::Agreed(&Some(1))),
            ("a liar among three", &[Some(9), Some(1), Some(1)], 2, false, Verdict::Agreed(&Some(1))),
            ("a liar and one honest node: ask on", &[Some(9), Some(1)], 2, true, Verdict::AskMore),
            ("a liar and one honest node, nobody left", &[Some(9), Some(1)], 2, false, Verdict::Disagree),
            ("a lagging node contradicts nothing", &[None, Some(1)], 2, false, Verdict::Unsettled),
            (
                "a lagging node does not hold up two others",
                &[None, Some(1), Some(1)],
                2,
                false,
                Verdict::Agreed(&Some(1)),
            ),
            ("nobody knows: ask everyone first", &[None, None], 2, true, Verdict::AskMore),
            ("nobody knows", &[None, None, None], 2, false, Verdict::Agreed(&None)),
            (
                "two lagging nodes do not outvote the one that has it",
                &[None, None, Some(1)],
                2,
                false,
                Verdict::Unsettled,
            ),
            ("whoever answers first", &[Some(1), None, None], 2, false, Verdict::Unsettled),
            ("one down, one answer", &[Some(1)], 2, false, Verdict::TooFew),
            ("all down", &[], 1, false, Verdict::TooFew),
            ("three ways to see it", &[Some(1), Some(2), Some(3)], 2, false, Verdict::Disagree),
        ] {
            assert_eq!(verdict(answers, k, more), expected, "{case}");
        }
    }

    #[test]
    fn e11_a_transaction_that_one_node_has_in_its_pool_or_in_a_block_is_never_absent() {
        use Where::{Block, Pool, Unknown};
        #[derive(Clone, Copy, Debug, PartialEq)]
        enum Where {
            Unknown,
            Pool,
            Block,
        }
        for (case, answers, expected) in [
            ("no node has it", [Unknown, Unknown, Unknown], Verdict::Agreed(&Unknown)),
            ("one has it in its pool", [Unknown, Pool, Unknown], Verdict::Unsettled),
            ("one has it in a block", [Unknown, Unknown, Block], Verdict::Unsettled),
            ("pools, and one that lags", [Pool, Pool, Unknown], Verdict::Unsettled),
            ("pools", [Pool, Pool, Pool], Verdict::Agreed(&Pool)),
            ("two have it in a block", [Unknown, Block, Block], Verdict::Agreed(&Block)),
        ] {
            assert_eq!(judge(&answers, |answer| *answer == Block, 2, false), expected, "{case}");
        }
    }

    #[test]
    fn a_chain_ends_where_fewer_than_k_nodes_tell_the_same() {
        for (case, answers, k, expected) in [
            ("one node", &[vec![1, 2, 3]][..], 1, vec![1, 2, 3]),
            ("a lagging node shortens it", &[vec![1, 2, 3], vec![1, 2]], 2, vec![1, 2]),
            ("a fork ends it", &[vec![1, 2, 3], vec![1, 9, 8]], 2, vec![1]),
            ("two of three outvote a fork", &[vec![1, 2, 3], vec![1, 9, 8], vec![1, 2, 3]], 2, vec![1, 2, 3]),
            ("too few", &[vec![1]], 2, vec![]),
            ("nobody", &[], 1, vec![]),
        ] {
            assert_eq!(common_chain(answers, k), expected, "{case}");
        }
    }

    #[test]
    fn the_head_is_the_height_that_k_nodes_have_reached() {
        for (case, reached, k, expected) in [
            ("the best of one", &[7][..], 1, vec![7]),
            ("a node that runs ahead alone does not count", &[1_000_000, 100, 99], 2, vec![100, 99]),
            ("equal heights are tried once", &[5, 5, 5], 2, vec![5]),
            ("fewer answers than needed", &[5], 2, vec![]),
            ("nobody", &[], 1, vec![]),
        ] {
            assert_eq!(heights_to_try(reached, k), expected, "{case}");
        }
    }
}
