//! One network: several nodes, of which `k` have to agree. A thin shell around [`quorum`](crate::quorum) and
//! [`follower`](crate::follower); it keeps nothing but which nodes are to be left alone for a while.

mod accounts;
mod ask;
mod depth;
mod heads;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokengine_core::{Address, Amount, BlockHash, BlockRef, TxId};

use self::ask::{Agreement, Slot};
use crate::counters::count;
use crate::evm::EvmNode;
use crate::finality::FinalHead;
use crate::follower::{FollowRules, Followed, Follower, Next};
use crate::{
    Asset, At, Block, BlockId, Counters, Error, Node, Receivers, Scan, SendAnswer, TxPayments, TxStatus, quorum,
};

/// The operator's rules for one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How many nodes have to give the same answer.
    pub quorum: u8,
    /// The hash of block 0; `None` takes what `quorum` nodes say at the first [`Network::check_identity`].
    pub genesis: Option<BlockHash>,
    /// What no reorg takes away any more.
    pub finality: FinalHead,
    /// How long to wait for more heads once `quorum` nodes told theirs.
    pub patience: Duration,
    /// How long a node is left alone after its first fault; twice as long after each further one.
    pub rest: Duration,
    /// The longest it is left alone while the others make the quorum without it.
    pub longest_rest: Duration,
    /// The longest it is left alone while there is no quorum without it: resting then spares nobody anything.
    pub longest_needed_rest: Duration,
    /// How often a node that works is asked again which network it is of.
    pub identity_every: Duration,
}

impl Default for Rules {
    /// One node is enough, and nodes tell what is final; faults cost a quarter of a second to 30 seconds, 1 where the node is needed; identity every
    /// 5 minutes.
    fn default() -> Self {
        Self {
            quorum: 1,
            genesis: None,
            finality: FinalHead::Told,
            patience: Duration::from_millis(300),
            rest: Duration::from_millis(250),
            longest_rest: Duration::from_secs(30),
            longest_needed_rest: Duration::from_secs(1),
            identity_every: Duration::from_secs(300),
        }
    }
}

/// The nodes of one network, and what they agree on.
///
/// All questions may be dropped at any point. Questions about a block are asked of `quorum` nodes at once, and of
/// further ones when these fail, lag or disagree. A node with a fault is left alone for a while and comes back by
/// itself, sooner when there is no quorum without it; while too few are left, questions end at once with
/// [`Error::NoQuorum`]. [`Network::check_identity`] asks also those that rest, and who answers rests no longer.
pub struct Network<N> {
    id: Arc<str>,
    rules: Rules,
    genesis: Mutex<Option<BlockHash>>,
    slots: Vec<Slot<N>>,
    counters: Counters,
}

impl<N: Node> Network<N> {
    /// The network with that CAIP-2 id.
    ///
    /// # Errors
    /// [`Error::Config`] when the quorum is zero or more than there are nodes.
    pub fn new(id: &str, nodes: Vec<N>, rules: Rules) -> Result<Self, Error> {
        if rules.quorum == 0 || usize::from(rules.quorum) > nodes.len() {
            return Err(Error::Config { node: id.into(), what: "the quorum is zero, or more than there are nodes" });
        }
        let counters = Counters::new(nodes.iter().map(Node::name));
        let slots = nodes.into_iter().map(Slot::new).collect();
        Ok(Self { id: id.into(), rules, genesis: Mutex::new(rules.genesis), slots, counters })
    }

    /// Its CAIP-2 id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many nodes have to agree.
    pub fn quorum(&self) -> u8 {
        self.rules.quorum
    }

    /// Where its finalized head comes from.
    pub fn finality(&self) -> FinalHead {
        self.rules.finality
    }

    /// The nodes, in the order of the configuration.
    pub fn nodes(&self) -> impl Iterator<Item = &N> {
        self.slots.iter().map(|slot| &slot.node)
    }

    /// For the metrics.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Asks every node which network it is of, and returns the genesis that the quorum agrees on.
    ///
    /// # Errors
    /// [`Error::WrongNetwork`] when the nodes that are of another network leave no quorum; else as any question.
    pub async fn check_identity(&self) -> Result<BlockHash, Error> {
        for slot in &self.slots {
            slot.forget_identity();
        }
        let everyone = self.slots.iter().enumerate().map(|(ix, _)| self.identify(ix));
        let (mut told, mut faults) = (Vec::new(), Vec::new());
        for answer in join_all(everyone).await {
            match answer {
                Ok(genesis) => told.push(genesis),
                Err(fault) => faults.push(fault),
            }
        }
        match quorum::judge(&told, |_| true, self.needed(), false) {
            quorum::Verdict::Agreed(genesis) => {
                *self.genesis.lock().expect("nobody panics while holding it") = Some(*genesis);
                Ok(*genesis)
            }
            quorum::Verdict::Disagree => {
                count(&self.counters.disagreements);
                Err(Error::Disagreement { network: self.id.clone(), what: "genesis" })
            }
            _ => Err(self.too_few("identity", told.len(), faults)),
        }
    }

    /// Forgets a genesis that the nodes said and nobody configured. It turned out to be that of another network: as long as
    /// it were believed, nodes of the right one would be refused.
    pub fn forget_genesis(&self) {
        *self.genesis.lock().expect("nobody panics while holding it") = self.rules.genesis;
    }

    /// One block, by height on the best chain or by hash; `None` when the quorum has not got it.
    ///
    /// # Errors
    /// [`Error::NoQuorum`], [`Error::Disagreement`].
    pub async fn block(&self, id: BlockId) -> Result<Option<Block>, Error> {
        self.agreed("a block", Option::is_some, |node| node.block(id)).await?.or_lag(self, "a block")
    }

    /// Up to `count` blocks of the best chain from height `from`, as far as the quorum has the same.
    ///
    /// # Errors
    /// [`Error::NoQuorum`].
    pub async fn blocks(&self, from: u64, count: u32) -> Result<Vec<Block>, Error> {
        let what = "blocks";
        let answers = self.everyone(|node| node.blocks(from, count)).await;
        let (told, faults) = split(answers);
        if told.len() < self.needed() {
            return Err(self.too_few(what, told.len(), faults));
        }
        Ok(quorum::common_chain(&told, self.needed()))
    }

    /// What happened since the newest block in `ring` (recent blocks without gaps, newest last).
    ///
    /// # Errors
    /// As any question; nothing is lost by asking again.
    pub async fn follow(&self, ring: &[BlockRef], rules: FollowRules) -> Result<Followed, Error> {
        let head = self.heads().await?.latest;
        self.follow_to(head, ring, rules).await
    }

    /// The same up to a head that [`Network::heads`] told.
    ///
    /// # Errors
    /// As any question.
    pub async fn follow_to(&self, head: BlockRef, ring: &[BlockRef], rules: FollowRules) -> Result<Followed, Error> {
        let mut follower = Follower::new(ring, head, rules);
        while let Next::Ask { from, count } = *follower.next() {
            let blocks: Vec<BlockRef> = self.blocks(from, count).await?.iter().map(|block| block.at).collect();
            follower.answer(&blocks);
        }
        Ok(follower.into_outcome().unwrap_or(Followed::Idle))
    }

    /// Payments to the receivers in one block.
    ///
    /// Where at least `quorum` nodes offer traces, only these are asked; else nobody's traces count.
    ///
    /// # Errors
    /// [`Error::BlockUnknown`] when the nodes have not got the block: it is new, or a reorg took it away.
    pub async fn payments(&self, block: BlockHash, to: &Receivers) -> Result<Scan, Error> {
        let what = "payments";
        let traced = self.is_traced().await;
        let asked = self.agreed_among(
            |node| !traced || node.traces(),
            what,
            |_| true,
            |node| async move {
                let scan = node.payments(block, to).await?;
                Ok(if traced { scan } else { scan.without_traces() })
            },
        );
        asked.await?.or_lag(self, what)
    }

    /// Payments to the receivers by one transaction, wherever it is; not found only when no node that answers has it.
    ///
    /// # Errors
    /// As any question.
    pub async fn payments_of(&self, tx: TxId, to: &Receivers) -> Result<TxPayments, Error> {
        let what = "payments of a transaction";
        let traced = self.is_traced().await;
        let settled = |answer: &TxPayments| matches!(answer, TxPayments::InBlock(..));
        let asked = self.agreed_among(
            |node| !traced || node.traces(),
            what,
            settled,
            |node| async move {
                Ok(match node.payments_of(tx, to).await? {
                    TxPayments::InBlock(block, scan) if !traced => TxPayments::InBlock(block, scan.without_traces()),
                    answer => answer,
                })
            },
        );
        Ok(match asked.await? {
            Agreement::Agreed(answer) => answer,
            Agreement::Unsettled(_) => TxPayments::Pending, // somebody knows it
        })
    }

    /// Where one transaction is. Lagging nodes make it look earlier than it is, never later; it is unknown only when no
    /// node that answers has it in a block or in its pool.
    ///
    /// # Errors
    /// As any question.
    pub async fn status(&self, tx: TxId) -> Result<TxStatus, Error> {
        let settled = |answer: &TxStatus| matches!(answer, TxStatus::InBlock(_) | TxStatus::Reverted(_));
        Ok(match self.agreed("a status", settled, |node| node.status(tx)).await? {
            Agreement::Agreed(answer) => answer,
            Agreement::Unsettled(_) => TxStatus::InMempool, // somebody knows it
        })
    }

    /// Hands signed bytes to every node that is not resting. One node that takes them is enough.
    ///
    /// # Errors
    /// [`Error::NoQuorum`] when no node answered: the bytes may or may not be out.
    pub async fn send(&self, signed: &[u8]) -> Result<SendAnswer, Error> {
        let (told, faults) = split(self.everyone(|node| node.send(signed)).await);
        let rank = |answer: &SendAnswer| match answer {
            SendAnswer::Accepted => 0,
            SendAnswer::AlreadyKnown => 1,
            SendAnswer::NonceTooLow => 2,
            SendAnswer::Underpriced => 3,
            SendAnswer::InsufficientFunds => 4,
            SendAnswer::Rejected(_) => 5,
        };
        told.into_iter().min_by_key(rank).ok_or_else(|| self.too_few("send", 0, faults))
    }

    /// What an address holds of an asset after a block, in base units.
    ///
    /// # Errors
    /// [`Error::StateUnavailable`] when that state is pruned; else as any question.
    pub async fn balance(&self, of: &Address, asset: &Asset, at: At) -> Result<Amount, Error> {
        let at = self.pinned(at).await?;
        self.about("a balance", at, |node| node.balance(of, asset, at)).await
    }

    /// What many addresses hold after a block, in the same order; `None` where there is no such amount.
    ///
    /// How it is asked is the nodes' choice, and goes through a contract that is not ours where there is one: what matters is
    /// asked once more, with [`Network::balance`].
    ///
    /// # Errors
    /// As [`Network::balance`].
    pub async fn balances(&self, of: &[(Address, Asset)], at: At) -> Result<Vec<Option<Amount>>, Error> {
        let at = self.pinned(at).await?;
        self.about("balances", at, |node| node.balances(of, at)).await
    }

    /// Whether payments from inside contracts are found on this network: at least `quorum` nodes offer traces.
    pub async fn is_traced(&self) -> bool {
        // Which nodes do is known once they have said who they are.
        let unknown = self.ready().into_iter().filter(|ix| !self.slots[*ix].is_identified(&self.rules));
        join_all(unknown.map(|ix| self.identify(ix))).await;
        self.nodes().filter(|node| node.traces()).count() >= self.needed()
    }

    fn needed(&self) -> usize {
        usize::from(self.rules.quorum)
    }

    fn too_few(&self, what: &'static str, answered: usize, faults: Vec<Error>) -> Error {
        // When all that nodes said is precise, it helps more than that too few said anything. A single silent node may
        // know better, so that then asking again is worth it.
        let precise = |fault: &Error| !fault.is_transient() || matches!(fault, Error::BlockUnknown { .. });
        if answered == 0
            && faults.iter().all(precise)
            && let Some(fault) = faults.into_iter().next()
        {
            return fault;
        }
        count(&self.counters.no_quorum);
        Error::NoQuorum { network: self.id.clone(), what, needed: self.needed(), answered }
    }

    fn note_head(&self, ix: usize, height: u64) {
        self.counters.nodes[ix].head.store(height, Ordering::Relaxed);
    }
}

/// Answers and faults apart.
fn split<T>(answers: Vec<(usize, Result<T, Error>)>) -> (Vec<T>, Vec<Error>) {
    let (mut told, mut faults) = (Vec::new(), Vec::new());
    for (_, answer) in answers {
        match answer {
            Ok(answer) => told.push(answer),
            Err(fault) => faults.push(fault),
        }
    }
    (told, faults)
}

/// A network of any of the kinds we know. The set is closed, and a network's nodes are all of one kind, so what runs on
/// it is generic over [`Node`], and matched here once.
pub enum AnyNetwork {
    /// An EVM network.
    Evm(Network<EvmNode>),
}

impl AnyNetwork {
    /// Its CAIP-2 id.
    pub fn id(&self) -> &str {
        match self {
            Self::Evm(network) => network.id(),
        }
    }

    /// For the metrics.
    pub fn counters(&self) -> &Counters {
        match self {
            Self::Evm(network) => network.counters(),
        }
    }
}
