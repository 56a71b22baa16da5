//! One hash over the commitments of all tokens at a position of the journal, and proofs that a token's is among them.
//!
//! Leaves are added at the end and change in place, so that a change costs one path to the top. Leaves, nodes and the root
//! are hashed with different first bytes, so that none can be taken for another; a node without a neighbour goes up as it is.

use crate::State;
use crate::ids::*;
use crate::rows::Rows;

const LEAF: u8 = 0;
const NODE: u8 = 1;
const ROOT: u8 = 2;

type Hash = [u8; 32];

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[NODE]).update(left).update(right);
    *hasher.finalize().as_bytes()
}

fn root(count: u64, top: &Hash) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[ROOT]).update(&count.to_le_bytes()).update(top);
    *hasher.finalize().as_bytes()
}

fn leaf(class: &str, token: &str, commitment: &Hash) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[LEAF]);
    for text in [class, token] {
        hasher.update(&u32::try_from(text.len()).expect("names are short").to_le_bytes()).update(text.as_bytes());
    }
    *hasher.update(commitment).finalize().as_bytes()
}

/// Every level, the leaves first; the last has one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    levels: Vec<Rows<Hash>>,
}

impl Tree {
    fn count(&self) -> usize {
        self.levels.first().map_or(0, Rows::len)
    }

    /// Changes a leaf, or adds the next one.
    fn set(&mut self, at: usize, leaf: Hash) {
        let (mut at, mut hash, mut level) = (at, leaf, 0usize);
        loop {
            if level == self.levels.len() {
                self.levels.push(Rows::default());
            }
            let rows = &mut self.levels[level];
            match rows.get_mut(at) {
                Some(row) => *row = hash,
                None => {
                    rows.push(hash);
                }
            }
            if rows.len() == 1 {
                return;
            }
            let left = at & !1;
            let pair = (rows.get(left), rows.get(left | 1));
            hash = match pair {
                (Some(left), Some(right)) => node(left, right),
                (Some(left), None) => *left,
                (None, _) => return,
            };
            (at, level) = (at >> 1, level.saturating_add(1));
        }
    }

    fn root(&self) -> Hash {
        let top = self.levels.last().and_then(|rows| rows.get(0)).copied().unwrap_or_default();
        root(u64::try_from(self.count()).unwrap_or(u64::MAX), &top)
    }

    fn siblings(&self, at: usize) -> Vec<Hash> {
        let of = |(level, rows): (usize, &Rows<Hash>)| {
            let at = at.checked_shr(u32::try_from(level).ok()?)?;
            rows.get(at ^ 1).copied()
        };
        self.levels.iter().enumerate().filter_map(of).collect()
    }
}

/// That a token has a commitment, in the state with a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProof {
    /// The class's id.
    pub class: Box<str>,
    /// The token's id within it.
    pub token: Box<str>,
    /// The commitment of its state.
    pub commitment: [u8; 32],
    /// Its place among all tokens, in the order of their making.
    pub index: u64,
    /// How many tokens there are.
    pub count: u64,
    /// The neighbours on the way to the top, from below.
    pub siblings: Vec<[u8; 32]>,
}

impl TokenProof {
    /// Whether the token has that commitment in the state with that root.
    pub fn verify(&self, of: &[u8; 32]) -> bool {
        let (mut at, mut nodes) = (self.index, self.count);
        let mut siblings = self.siblings.iter();
        let mut hash = leaf(&self.class, &self.token, &self.commitment);
        if at >= nodes {
            return false;
        }
        while nodes > 1 {
            let alone = at & 1 == 0 && at.saturating_add(1) == nodes;
            if !alone {
                let Some(sibling) = siblings.next() else { return false };
                hash = if at & 1 == 0 { node(&hash, sibling) } else { node(sibling, &hash) };
            }
            (at, nodes) = (at >> 1, nodes.div_ceil(2));
        }
        siblings.next().is_none() && root(self.count, &hash) == *of
    }
}

impl State {
    /// One hash over the commitments of all tokens, as of [`State::position`].
    pub fn token_root(&self) -> [u8; 32] {
        self.issued.tree.root()
    }

    /// That a token's state is among those of [`State::token_root`].
    pub fn token_proof(&self, class: ClassIx, id: &str) -> Option<TokenProof> {
        let state = self.issued_token(class, id)?;
        let at = self.issued.place(state)?;
        Some(TokenProof {
            class: self.class(class)?.spec.id.clone(),
            token: self.issued_id(state).into(),
            commitment: state.commitment,
            index: u64::try_from(at).ok()?,
            count: u64::try_from(self.issued.tree.count()).ok()?,
            siblings: self.issued.tree.siblings(at),
        })
    }

    /// A token's state from now on, and its place in the tree.
    pub(super) fn set_token(&mut self, state: super::state::TokenState) {
        let class = self.class(state.class).expect("decide saw the class");
        let leaf = leaf(&class.spec.id, self.issued_id(&state), &state.commitment);
        let at = self.issued.set(state);
        self.issued.tree.set(at, leaf);
    }

    /// After a snapshot was read.
    pub(super) fn plant_tree(&mut self) {
        let named = |state: &super::state::TokenState| {
            let class = self.class(state.class).expect("every state's class was looked at");
            leaf(&class.spec.id, self.issued_id(state), &state.commitment)
        };
        let leaves: Vec<Hash> = self.issued.tokens.iter().map(named).collect();
        for (at, leaf) in leaves.into_iter().enumerate() {
            self.issued.tree.set(at, leaf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, made anew from all leaves.
    fn plainly(leaves: &[Hash]) -> Hash {
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| if let [a, b] = pair { node(a, b) } else { pair[0] }).collect();
        }
        root(leaves.len() as u64, &level.first().copied().unwrap_or_default())
    }

    #[test]
    fn a_tree_that_grew_and_changed_is_the_one_made_anew_and_proves_every_leaf_and_no_other() {
        let (mut tree, mut commitments) = (Tree::default(), Vec::<Hash>::new());
        assert_eq!(tree.root(), plainly(&[]));
        for step in 0..70u8 {
            let at = if step % 3 == 2 { usize::from(step) * 7 % commitments.len() } else { commitments.len() };
            let commitment = [step; 32];
            if at == commitments.len() {
                commitments.push(commitment)
            } else {
                commitments[at] = commitment
            }
            tree.set(at, leaf("C", &at.to_string(), &commitment));
            let leaves = commitments.iter().enumerate().map(|(at, it)| leaf("C", &at.to_string(), it));
            let root = plainly(&leaves.collect::<Vec<_>>());
            assert_eq!(tree.root(), root, "step {step}");
            for (at, commitment) in commitments.iter().enumerate() {
                let proof = TokenProof {
                    class: "C".into(),
                    token: at.to_string().into(),
                    commitment: *commitment,
                    index: at as u64,
                    count: commitments.len() as u64,
                    siblings: tree.siblings(at),
                };
                assert!(proof.verify(&root), "step {step}, leaf {at}");
                let wrong = [
                    TokenProof { token: "x".into(), ..proof.clone() },
                    TokenProof { commitment: [255; 32], ..proof.clone() },
                    TokenProof { count: proof.count + 1, ..proof.clone() },
                    TokenProof { index: proof.index + 1, ..proof.clone() },
                    TokenProof { siblings: [proof.siblings.clone(), vec![[0; 32]]].concat(), ..proof },
                ];
                assert!(wrong.iter().all(|proof| !proof.verify(&root)), "step {step}, leaf {at}");
            }
        }
    }
}
