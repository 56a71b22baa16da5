//! What the workers tell about themselves: for the page, the health port and the metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use tokengine_chain::{Accounts, FinalHead};
use tokengine_core::{DispatchId, NetworkIx, PayoutId, Purpose, State, Time, WalletIx};
use tokengine_engine::{Handle, system_clock};

use super::Site;
use crate::{Books, Error};

/// Under which name the lack of a finalized head stands among the faults of workers.
const FINAL: &str = "final";

/// How one network is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkStatus {
    /// Its CAIP-2 id.
    pub id: String,
    /// Its number in the state; nothing before its nodes were found to be of it.
    pub network: Option<NetworkIx>,
    /// Height of the newest block that enough nodes agree on.
    pub head: Option<u64>,
    /// When enough nodes last told their heads, whether or not these were new ones.
    pub head_at: Option<Time>,
    /// Height of the newest `safe` block.
    pub safe: Option<u64>,
    /// Height of the newest `finalized` block.
    pub finalized: Option<u64>,
    /// Up to which height everything was searched.
    pub scanned: Option<u64>,
    /// How many blocks are still to be searched.
    pub lag: Option<u64>,
    /// At which height wallets and books were last compared, since the start.
    pub compared: Option<u64>,
    /// Its nodes, in the order of the configuration.
    pub nodes: Vec<NodeStatus>,
    /// What keeps its workers from going on, by worker.
    pub faults: BTreeMap<&'static str, Fault>,
    /// Why it is halted, if it is.
    pub halted: Option<String>,
    /// All blocks that were searched last are gone from the nodes' chain: a person has to say where to go on.
    pub lost: bool,
    /// Payments that do not go on by themselves, or not soon.
    pub stuck: Vec<Stuck>,
    /// Payouts that were sent and are in no block that is known: they may or may not happen.
    pub unknown: Vec<PayoutId>,
}

impl NetworkStatus {
    /// Whether its workers do their work.
    pub fn is_fresh(&self) -> bool {
        self.network.is_some() && self.faults.is_empty() && !self.lost
    }
}

/// How one node is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The operator's name for it.
    pub name: String,
    /// It is left alone for a while, after a fault.
    pub resting: bool,
    /// Height of the newest block it told; 0 when it never did.
    pub head: u64,
    /// Questions it answered.
    pub answered: u64,
    /// Questions that ended in an error.
    pub failed: u64,
    /// Questions it never answered.
    pub timed_out: u64,
}

/// What went wrong last. Never with the address of a node in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable.
    pub code: &'static str,
    /// For a person.
    pub text: String,
    /// Since when.
    pub since: Time,
}

impl Fault {
    pub(super) fn of(error: &Error) -> Self {
        Self { code: error.code(), text: error.to_string(), since: system_clock() }
    }

    /// When the nodes tell no finalized head. Networks that have none are configured to be without.
    fn no_final_head(since: Time) -> Self {
        let text = "the nodes tell no finalized head, so that no withdrawal can be proven to have failed; on a network without \
                    one, set `finalized = \"depth\"`";
        Self { code: "network-no-final-head", text: text.into(), since }
    }

    pub(super) fn panicked() -> Self {
        Self { code: "worker-panicked", text: "a worker panicked and was begun again".into(), since: system_clock() }
    }
}

/// A payment that has a nonce and does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Which nonce in use.
    pub dispatch: DispatchId,
    /// For which payout, if it is one.
    pub payout: Option<PayoutId>,
    /// Whose nonce.
    pub wallet: WalletIx,
    /// Which.
    pub nonce: u64,
    /// Why, as a stable code.
    pub why: &'static str,
    /// Since when it has its nonce.
    pub since: Time,
}

/// What only the tasks know.
#[derive(Default)]
pub(super) struct Live {
    pub(super) faults: BTreeMap<&'static str, Fault>,
    /// The tasks that did some work since they were begun.
    worked: BTreeSet<&'static str>,
    pub(super) head_at: Option<Time>,
    pub(super) lost: bool,
    pub(super) compared: Option<u64>,
    /// Since when the nodes tell no finalized head.
    no_final_since: Option<Time>,
}

impl<N: Accounts + 'static> Site<N> {
    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().expect("nobody panics while holding it")
    }

    /// Notes how a task is doing; the same fault keeps the time it began.
    pub(super) fn note(&self, task: &'static str, fault: Option<Fault>) {
        let mut live = self.live();
        match fault {
            None => {
                live.faults.remove(task);
                live.worked.insert(task);
            }
            Some(fault) => {
                let known = live.faults.entry(task).or_insert_with(|| fault.clone());
                if known.code != fault.code {
                    *known = fault;
                }
            }
        }
    }

    /// Notes whether there is a finalized head. For a while there may be none: at a network's beginning, or while too few of
    /// its nodes have one.
    pub(super) fn note_final(&self, there_is: bool, now: Time) {
        let mut live = self.live();
        if there_is || self.network.finality() != FinalHead::Told {
            live.no_final_since = None;
            live.faults.remove(FINAL);
            return;
        }
        let since = *live.no_final_since.get_or_insert(now);
        if now.ms_since(since) >= crate::rules::ms(self.rules.no_final_after) && !live.faults.contains_key(FINAL) {
            let fault = Fault::no_final_head(since);
            tracing::error!(chain.id = self.network.id(), error.code = fault.code, "{}", fault.text);
            live.faults.insert(FINAL, fault);
        }
    }

    /// Whether a task did some work since this was asked last.
    pub(super) fn has_worked(&self, task: &'static str) -> bool {
        self.live().worked.remove(task)
    }

    pub(super) async fn status(&self, handle: &Handle) -> Result<NetworkStatus, Error> {
        let (network, heads, memory) = (self.ix.get().copied(), *self.heads.borrow(), self.driver.remembers());
        let look = move |state: &State| {
            let row = network.and_then(|ix| state.network(ix));
            let here = |wallet: WalletIx| state.wallet(wallet).is_some_and(|row| Some(row.network) == network);
            let (mut stuck, mut unknown) = (Vec::new(), Vec::new());
            for (id, dispatch) in state.dispatches().filter(|(_, dispatch)| here(dispatch.wallet)) {
                let payout = match dispatch.purpose {
                    Purpose::Payout(payout) => Some(payout),
                    _ => None,
                };
                if dispatch.seen.is_none() && dispatch.attempts.iter().any(|attempt| attempt.sent_at.is_some()) {
                    unknown.extend(payout);
                }
                let (wallet, nonce, since) = (dispatch.wallet, dispatch.nonce, dispatch.opened_at);
                let why = memory.of(id).stuck.map(|why| why.code());
                stuck.extend(why.map(|why| Stuck { dispatch: id, payout, wallet, nonce, why, since }));
            }
            let halted = row.and_then(|row| row.halted.as_ref()).map(|stop| stop.reason.to_string());
            (row.and_then(|row| row.head()).map(|block| block.height), halted, stuck, unknown)
        };
        let (scanned, halted, stuck, unknown) = Books::query(handle, look).await?;
        let head = heads.map(|heads| heads.latest.height);
        let nodes = self.network.counters().nodes.iter().map(|node| NodeStatus {
            name: node.name.to_string(),
            resting: node.resting.load(Ordering::Relaxed) != 0,
            head: node.head.load(Ordering::Relaxed),
            answered: node.answered.load(Ordering::Relaxed),
            failed: node.failed.load(Ordering::Relaxed),
            timed_out: node.timed_out.load(Ordering::Relaxed),
        });
        let nodes = nodes.collect();
        let live = self.live();
        Ok(NetworkStatus {
            id: self.network.id().to_owned(),
            network,
            head,
            head_at: live.head_at,
            safe: heads.and_then(|heads| heads.safe).map(|block| block.height),
            finalized: heads.and_then(|heads| heads.finalized).map(|block| block.height),
            scanned,
            lag: head.zip(scanned).map(|(head, scanned)| head.saturating_sub(scanned)),
            compared: live.compared,
            nodes,
            faults: live.faults.clone(),
            halted,
            lost: live.lost,
            stuck,
            unknown,
        })
    }
}
