//! Whether what concurrent clients saw could have happened one after the other.
//!
//! Each call has the moment it was made, the moment it was answered, and the answer. The history is linearizable when there
//! is one order of all calls, in which no call comes before one that was answered before it was made, that a sequential
//! model answers in the same way. The search is that of Wing and Gong with Lowe's memory of what was tried: places that
//! were reached with the same calls done and the same state are not searched twice.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What the calls would do one after the other.
pub trait Model: Clone + Hash {
    type Op: Debug;
    type Answer: PartialEq + Debug;

    fn apply(&mut self, op: &Self::Op) -> Self::Answer;
}

/// One call. Times are of one clock.
#[derive(Clone, Debug)]
pub struct Call<O, A> {
    pub client: usize,
    pub op: O,
    pub from: u64,
    /// When it was answered, and how. Without an answer it may have happened at any time since, or never.
    pub answered: Option<(u64, A)>,
}

impl<O, A> Call<O, A> {
    fn to(&self) -> u64 {
        self.answered.as_ref().map_or(u64::MAX, |(to, _)| *to)
    }
}

/// A point of the search: the state, and the calls that may come next.
struct Point<M> {
    state: M,
    next: Vec<usize>,
    tried: usize,
    /// The call that led here.
    came_by: Option<usize>,
}

/// Finds an order, or says how far it got and which calls fit nowhere.
pub fn check<M: Model>(start: &M, history: &[Call<M::Op, M::Answer>]) -> Result<(), String> {
    let mut order: Vec<usize> = (0..history.len()).collect();
    order.sort_by_key(|call| history[*call].from);
    let must: usize = history.iter().filter(|call| call.answered.is_some()).count();
    let mut done = vec![false; history.len()];
    let (mut answered_done, mut calls_done, mut first) = (0, 0_u64, 0);
    let mut seen = HashSet::new();
    let mut best = (0, Vec::new());
    let mut path =
        vec![Point { state: start.clone(), next: possible(history, &order, &done, 0), tried: 0, came_by: None }];
    while let Some(point) = path.last_mut() {
        if answered_done == must {
            return Ok(());
        }
        if answered_done >= best.0 && point.tried == 0 {
            best = (answered_done, point.next.clone());
        }
        let Some(call) = point.next.get(point.tried).copied() else {
            // Nothing fits here: back, and the next one there.
            let came_by = point.came_by;
            path.pop();
            if let Some(call) = came_by {
                done[call] = false;
                calls_done ^= number(call);
                answered_done -= usize::from(history[call].answered.is_some());
                first = 0;
            }
            continue;
        };
        point.tried += 1;
        let mut state = point.state.clone();
        let answer = state.apply(&history[call].op);
        if history[call].answered.as_ref().is_some_and(|(_, seen)| *seen != answer) {
            continue;
        }
        let with = calls_done ^ number(call);
        if !seen.insert((with, digest(&state))) {
            continue;
        }
        done[call] = true;
        calls_done = with;
        answered_done += usize::from(history[call].answered.is_some());
        while order.get(first).is_some_and(|call| done[*call]) {
            first += 1;
        }
        path.push(Point { state, next: possible(history, &order, &done, first), tried: 0, came_by: Some(call) });
    }
    let tell = |call: &usize| {
        let Call { client, op, from, answered } = &history[*call];
        format!("client {client} from {from}: {op:?}, answered {answered:?}")
    };
    let stuck: Vec<String> = best.1.iter().map(tell).collect();
    Err(format!("no order: after {} of {must} calls none of these fits:\n  {}", best.0, stuck.join("\n  ")))
}

/// The calls that may come next: made before any other open call was answered. What was answered first is tried first.
fn possible<O, A>(history: &[Call<O, A>], order: &[usize], done: &[bool], first: usize) -> Vec<usize> {
    let mut earliest = u64::MAX;
    let mut found = Vec::new();
    for call in order[first..].iter().copied() {
        if history[call].from > earliest {
            break;
        }
        if !done[call] {
            earliest = earliest.min(history[call].to());
            found.push(call);
        }
    }
    found.retain(|call| history[*call].from <= earliest);
    found.sort_by_key(|call| history[*call].to());
    found
}

/// A number of 64 bits for a call; those of a set are combined by exclusive or.
fn number(call: usize) -> u64 {
    digest(&call)
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that can be added to and read.
    #[derive(Clone, Hash)]
    struct Counter(u64);

    #[derive(Clone, Debug)]
    enum Op {
        Add(u64),
        Read,
    }

    impl Model for Counter {
        type Op = Op;
        type Answer = u64;
        fn apply(&mut self, op: &Op) -> u64 {
            if let Op::Add(n) = op {
                self.0 += n;
            }
            self.0
        }
    }

    fn call(op: Op, from: u64, answered: Option<(u64, u64)>) -> Call<Op, u64> {
        Call { client: 0, op, from, answered }
    }

    #[test]
    fn an_order_is_found_where_there_is_one_and_nowhere_else() {
        use Op::{Add, Read};
        for (case, history, fine) in [
            ("nothing", vec![], true),
            ("one after the other", vec![call(Add(1), 0, Some((1, 1))), call(Read, 2, Some((3, 1)))], true),
            ("a read of the past", vec![call(Add(1), 0, Some((1, 1))), call(Read, 2, Some((3, 0)))], false),
            (
                "a read at the same time sees either",
                vec![call(Add(1), 0, Some((5, 1))), call(Read, 1, Some((2, 0)))],
                true,
            ),
            ("a read of the future", vec![call(Read, 0, Some((1, 1))), call(Add(1), 2, Some((3, 1)))], false),
            ("two that both were first", vec![call(Add(1), 0, Some((5, 1))), call(Add(1), 1, Some((4, 1)))], false),
            (
                "two readers that see two orders",
                vec![
                    call(Add(1), 0, Some((9, 1))),
                    call(Add(2), 0, Some((9, 3))),
                    call(Read, 1, Some((2, 2))),
                    call(Read, 3, Some((4, 1))),
                ],
                false,
            ),
            ("no answer, and it happened", vec![call(Add(7), 0, None), call(Read, 1, Some((2, 7)))], true),
            ("no answer, and it did not", vec![call(Add(7), 0, None), call(Read, 1, Some((2, 0)))], true),
            ("no answer, and it happened twice", vec![call(Add(7), 0, None), call(Read, 1, Some((2, 14)))], false),
        ] {
            assert_eq!(check(&Counter(0), &history).is_ok(), fine, "{case}");
        }
    }

    #[test]
    fn many_calls_at_once_are_not_tried_in_every_order() {
        // Twelve at once have 479,001,600 orders; half of what they add is missing in the end.
        let mut history: Vec<_> = (0..12).map(|_| call(Op::Read, 0, Some((10, 0)))).collect();
        history.push(call(Op::Read, 20, Some((21, 1))));
        assert!(check(&Counter(0), &history).is_err());
    }
}
