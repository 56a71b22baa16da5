//! Following the head of a chain by parent hash. Pure: given the recent blocks that the state holds and the agreed head,
//! it says which blocks to ask for, and then what happened.
//!
//! Nothing is skipped: blocks come in order, each the child of the one before. Nothing goes back without a block that
//! proves the fork: a head that is merely one of our older blocks is a stale node.

use tokengine_core::{BlockHash, BlockRef};

/// The operator's rules for following one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowRules {
    /// The first block that matters, when nothing was followed yet.
    pub start: u64,
    /// How many blocks may go away before a person is called.
    pub max_reorg: u32,
    /// How many blocks to ask for at once.
    pub batch: u32,
}

/// What the follower wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The blocks of the best chain from that height upwards.
    Ask {
        /// Height of the first.
        from: u64,
        /// How many.
        count: u32,
    },
    /// Nothing more.
    Done(Followed),
}

/// What happened since the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Nothing new.
    Idle,
    /// The nodes told a head that lies behind ours on the same chain. Nothing goes back.
    Stale,
    /// New blocks, oldest first, the first one a child of our newest.
    Advance {
        /// The blocks; never empty.
        blocks: Vec<BlockRef>,
    },
    /// Blocks above `to` are no longer on the chain.
    Rewind {
        /// Our newest block that still is.
        to: BlockRef,
        /// How many of ours went away.
        depth: u64,
    },
    /// More of our blocks went away than the rules allow. Nothing is decided: a person has to.
    TooDeep {
        /// At least so many went away.
        depth: u64,
    },
}

/// Follows once: ask [`Follower::next`] and feed [`Follower::answer`] until it is done.
#[derive(Debug)]
pub struct Follower<'a> {
    ring: &'a [BlockRef],
    head: BlockRef,
    rules: FollowRules,
    next: Next,
    searching: bool,
}

impl<'a> Follower<'a> {
    /// `ring` holds the recent blocks, without gaps, newest last; `head` is what the nodes agree on.
    pub fn new(ring: &'a [BlockRef], head: BlockRef, rules: FollowRules) -> Self {
        let mut follower = Self { ring, head, rules, next: Next::Done(Followed::Idle), searching: false };
        follower.next = match ring.last() {
            None => follower.ask_upwards(rules.start),
            Some(tip) if tip.hash == head.hash => Next::Done(Followed::Idle),
            Some(tip) if head.height > tip.height => follower.ask_upwards(tip.height.saturating_add(1)),
            Some(_) => match ring.iter().rev().find(|block| block.height == head.height) {
                Some(ours) if ours.hash != head.hash => follower.search(),
                _ => Next::Done(Followed::Stale),
            },
        };
        follower
    }

    /// What it wants now.
    pub fn next(&self) -> &Next {
        &self.next
    }

    /// The outcome, once there is nothing more to ask.
    pub fn into_outcome(self) -> Option<Followed> {
        match self.next {
            Next::Done(followed) => Some(followed),
            Next::Ask { .. } => None,
        }
    }

    /// Takes the blocks last asked for: from the height asked for upwards, fewer when the nodes have no more.
    pub fn answer(&mut self, blocks: &[BlockRef]) {
        let Next::Ask { from, count } = self.next else { return };
        let in_place = blocks.iter().zip(from..).take_while(|(block, height)| block.height == *height);
        let blocks: Vec<BlockRef> = in_place.map(|(block, _)| *block).collect();
        self.next = if self.searching { Next::Done(self.fork(&blocks, count)) } else { self.link(&blocks) };
    }

    fn ask_upwards(&self, from: u64) -> Next {
        match self.head.height.checked_sub(from) {
            None => Next::Done(Followed::Idle),
            Some(above) => Next::Ask { from, count: at_most(above.saturating_add(1), self.rules.batch) },
        }
    }

    /// Takes the blocks that are children of each other, or finds that they do not continue our chain.
    fn link(&mut self, blocks: &[BlockRef]) -> Next {
        let Some(first) = blocks.first() else { return Next::Done(Followed::Idle) };
        if self.ring.last().is_some_and(|tip| tip.hash != first.parent) {
            return self.search();
        }
        let mut parent: BlockHash = first.parent;
        let linked = blocks.iter().take_while(|block| std::mem::replace(&mut parent, block.hash) == block.parent);
        Next::Done(Followed::Advance { blocks: linked.copied().collect() })
    }

    /// Asks for the chain from as deep as the rules allow, but not below the parent of our oldest block.
    fn search(&mut self) -> Next {
        let (Some(oldest), Some(tip)) = (self.ring.first(), self.ring.last()) else {
            return Next::Done(Followed::Idle);
        };
        self.searching = true;
        let deepest = tip.height.saturating_sub(u64::from(self.rules.max_reorg));
        let from = deepest.max(oldest.height.saturating_sub(1));
        match tip.height.min(self.head.height).checked_sub(from) {
            Some(above) => Next::Ask { from, count: at_most(above.saturating_add(1), u32::MAX) },
            None => Next::Done(Followed::TooDeep { depth: tip.height.saturating_sub(self.head.height) }),
        }
    }

    /// The newest of our blocks that the chain still has.
    fn fork(&self, chain: &[BlockRef], asked: u32) -> Followed {
        let (Some(oldest), Some(tip)) = (self.ring.first(), self.ring.last()) else { return Followed::Idle };
        // Half an answer would look like a deeper fork than there is: better ask again.
        if u32::try_from(chain.len()) != Ok(asked) {
            return Followed::Idle;
        }
        let ours = |block: &BlockRef| {
            block.hash == oldest.parent
                || self.ring.iter().any(|mine| mine.height == block.height && mine.hash == block.hash)
        };
        match chain.iter().rev().find(|block| ours(block)) {
            // The nodes came back to our chain between the two questions.
            Some(to) if to.hash == tip.hash => Followed::Idle,
            Some(to) => Followed::Rewind { to: *to, depth: tip.height.saturating_sub(to.height) },
            None => {
                let bottom = chain.first().map_or(tip.height, |block| block.height);
                Followed::TooDeep { depth: tip.height.saturating_sub(bottom).saturating_add(1) }
            }
        }
    }
}

fn at_most(blocks: u64, limit: u32) -> u32 {
    u32::try_from(blocks).unwrap_or(u32::MAX).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: FollowRules = FollowRules { start: 0, max_reorg: 3, batch: 4 };

    /// Blocks `from..=to` of the chain that left the first one (fork 0) at height `split`.
    fn chain(fork: u8, split: u64, from: u64, to: u64) -> Vec<BlockRef> {
        let hash = |height: u64| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&height.to_be_bytes());
            bytes[31] = if height > split { fork } else { 0 };
            BlockHash(bytes)
        };
        let parent = |height: u64| height.checked_sub(1).map_or(BlockHash([0xff; 32]), hash);
        (from..=to).map(|height| BlockRef { height, hash: hash(height), parent: parent(height) }).collect()
    }

    /// Follows against a node that has `theirs` (from height 0) and tells `head` of it.
    fn follow(ring: &[BlockRef], theirs: &[BlockRef], head: usize) -> (Followed, usize) {
        let mut follower = Follower::new(ring, theirs[head], RULES);
        let mut questions = 0;
        while let Next::Ask { from, count } = *follower.next() {
            questions += 1;
            let from = usize::try_from(from).expect("small");
            let to = from.saturating_add(count as usize).min(theirs.len());
            follower.answer(&theirs[from..to]);
        }
        (follower.into_outcome().expect("it is done"), questions)
    }

    #[test]
    fn the_head_is_followed_by_parent_hash() {
        let main = chain(0, 0, 0, 20);
        for (case, ring, theirs, head, expected) in [
            (
                "at the start, a batch at a time",
                vec![],
                main.clone(),
                20,
                Followed::Advance { blocks: chain(0, 0, 0, 3) },
            ),
            ("nothing new", chain(0, 0, 5, 10), main.clone(), 10, Followed::Idle),
            ("one new block", chain(0, 0, 5, 10), main.clone(), 11, Followed::Advance { blocks: chain(0, 0, 11, 11) }),
            (
                "after downtime nothing is skipped",
                chain(0, 0, 5, 6),
                main.clone(),
                20,
                Followed::Advance { blocks: chain(0, 0, 7, 10) },
            ),
            ("a stale node takes nothing back", chain(0, 0, 5, 10), main.clone(), 7, Followed::Stale),
            ("a node that starts anew takes nothing back", chain(0, 0, 5, 10), main.clone(), 1, Followed::Stale),
            (
                "one block replaced, same height",
                chain(0, 0, 5, 10),
                chain(1, 9, 0, 10),
                10,
                Followed::Rewind { to: chain(0, 0, 9, 9)[0], depth: 1 },
            ),
            (
                "replaced by a longer chain",
                chain(0, 0, 5, 10),
                chain(1, 8, 0, 13),
                13,
                Followed::Rewind { to: chain(0, 0, 8, 8)[0], depth: 2 },
            ),
            (
                "replaced by a shorter chain",
                chain(0, 0, 5, 10),
                chain(1, 8, 0, 9),
                9,
                Followed::Rewind { to: chain(0, 0, 8, 8)[0], depth: 2 },
            ),
            (
                "as deep as allowed",
                chain(0, 0, 5, 10),
                chain(1, 7, 0, 12),
                12,
                Followed::Rewind { to: chain(0, 0, 7, 7)[0], depth: 3 },
            ),
            ("one deeper calls a person", chain(0, 0, 5, 10), chain(1, 6, 0, 12), 12, Followed::TooDeep { depth: 4 }),
            ("a short memory still knows the parent of its oldest", chain(0, 0, 10, 10), chain(1, 9, 0, 10), 10, {
                Followed::Rewind { to: chain(0, 0, 9, 9)[0], depth: 1 }
            }),
            ("below a short memory it calls a person", chain(0, 0, 10, 10), chain(1, 8, 0, 10), 10, {
                Followed::TooDeep { depth: 2 }
            }),
        ] {
            let (followed, questions) = follow(&ring, &theirs, head);
            assert_eq!(followed, expected, "{case}");
            assert!(questions <= 2, "{case}: {questions} questions");
        }
    }

    #[test]
    fn the_first_block_that_matters_may_lie_ahead() {
        let rules = FollowRules { start: 9, ..RULES };
        let main = chain(0, 0, 0, 9);
        assert_eq!(Follower::new(&[], main[8], rules).into_outcome(), Some(Followed::Idle));
        assert_eq!(Follower::new(&[], main[9], rules).next(), &Next::Ask { from: 9, count: 1 });
    }

    #[test]
    fn half_an_answer_decides_nothing() {
        let ring = chain(0, 0, 5, 10);
        let theirs = chain(1, 8, 0, 12);
        let mut follower = Follower::new(&ring, theirs[12], RULES);
        follower.answer(&theirs[11..13]); // does not continue our chain
        assert_eq!(follower.next(), &Next::Ask { from: 7, count: 4 });
        follower.answer(&theirs[7..8]); // only block 7, which is ours: not a reason to take back 8
        assert_eq!(follower.into_outcome(), Some(Followed::Idle));

        let mut follower = Follower::new(&ring, theirs[12], RULES);
        follower.answer(&[]);
        assert_eq!(follower.into_outcome(), Some(Followed::Idle));
    }

    #[test]
    fn blocks_that_do_not_link_are_not_taken() {
        let ring = chain(0, 0, 5, 10);
        let mut theirs = chain(0, 0, 0, 14);
        theirs[13].parent = BlockHash([9; 32]);
        assert_eq!(follow(&ring, &theirs, 14).0, Followed::Advance { blocks: chain(0, 0, 11, 12) });
        theirs[12].height = 99; // out of place
        assert_eq!(follow(&ring, &theirs, 14).0, Followed::Advance { blocks: chain(0, 0, 11, 11) });
    }
}
