//! What is measured. Labels are few: a network, an asset, a token, a node's name; never an address, an account or a
//! transaction.

use super::networks::Networks;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokengine_core::{Amount, Dispatch, NetworkIx, Role, State, WalletIx};
use tokengine_engine::Health;
use tokengine_workers::NetworkStatus;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfNetwork {
    network: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAsset {
    asset: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfToken {
    token: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    network: String,
    provider: String,
    method: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFollower {
    follower: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    lane: &'static str,
}

type Whole = Gauge<i64>;
type Fraction = Gauge<f64, AtomicU64>;

/// Everything that is looked at from time to time.
pub(crate) struct Gauges {
    head: Family<OfNetwork, Whole>,
    lag: Family<OfNetwork, Whole>,
    unknown: Family<OfNetwork, Whole>,
    stuck: Family<OfNetwork, Whole>,
    halted: Family<OfNetwork, Whole>,
    fresh: Family<OfNetwork, Whole>,
    gap: Family<OfNetwork, Whole>,
    asked: Family<Asked, Counter>,
    disagreements: Family<OfNetwork, Counter>,
    hot: Family<OfAsset, Fraction>,
    solvency: Family<OfToken, Fraction>,
    suspense: Whole,
    payouts: Whole,
    durable: Whole,
    undurable: Whole,
    queued: Family<Lane, Whole>,
    commit: Fraction,
    disk_full: Whole,
    behind: Family<OfFollower, Fraction>,
    failures: Family<OfFollower, Counter>,
}

impl Gauges {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        macro_rules! made {
            ($($name:ident: $metric:literal $help:literal),* $(,)?) => {
                Self { $( $name: {
                    let metric = Default::default();
                    registry.register($metric, $help, Clone::clone(&metric));
                    metric
                } ),* }
            };
        }
        registry.register("build", "What is running", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        made! {
            head: "chain_head_blocks" "Height of the newest block that enough nodes agree on",
            lag: "chain_head_lag_blocks" "Blocks that are still to be searched",
            unknown: "withdrawal_unknown" "Withdrawals that were sent and are in no block that is known",
            stuck: "dispatch_stuck" "Transactions of ours that do not go on by themselves, or not soon",
            halted: "chain_halted" "1 while the network is halted until a person has looked",
            fresh: "chain_fresh" "1 while the network's workers do their work",
            gap: "nonce_gap" "Nonces that are not handed out, below one of the same wallet that is and so cannot get into a block",
            asked: "rpc_requests" "Questions to nodes, by method and by what came of them",
            disagreements: "rpc_disagreement" "Questions on which nodes contradicted each other",
            hot: "hot_wallet_balance" "What the hot wallets hold by the books, in whole units",
            solvency: "solvency_delta" "What the wallets hold less what is owed and what is the operator's; 0 when the books balance",
            suspense: "suspense_items" "Amounts that nobody owns yet",
            payouts: "withdrawals_open" "Withdrawals that have not ended",
            durable: "journal_durable_position" "Events that survive any crash",
            undurable: "journal_undurable_events" "Events that are decided and not yet durable",
            queued: "engine_queue" "Commands and questions that wait for the writer",
            commit: "journal_commit_seconds" "From handing the last batch to the journal until it was durable",
            disk_full: "journal_disk_full" "1 while new work is refused because the disk is full",
            behind: "outbox_lag_seconds" "Age of the oldest event that a follower of the journal has not taken",
            failures: "follower_failures" "Events that a follower of the journal could not take and was given again",
        }
    }

    /// Takes in what the workers tell.
    pub(crate) fn networks(&self, all: &[NetworkStatus], networks: &Networks) {
        for status in all {
            let of = OfNetwork { network: status.id.clone() };
            let set = |family: &Family<OfNetwork, Whole>, value: u64| {
                family.get_or_create(&of).set(i64::try_from(value).unwrap_or(i64::MAX));
            };
            set(&self.head, status.head.unwrap_or(0));
            set(&self.lag, status.lag.unwrap_or(0));
            set(&self.unknown, u64::try_from(status.unknown.len()).unwrap_or(u64::MAX));
            set(&self.stuck, u64::try_from(status.stuck.len()).unwrap_or(u64::MAX));
            set(&self.halted, u64::from(status.halted.is_some()));
            set(&self.fresh, u64::from(status.is_fresh()));
        }
        for (network, provider, calls) in networks.calls() {
            for (method, outcome, count) in calls.all() {
                let (network, provider, outcome) = (network.clone(), provider.clone(), outcome.name());
                self.asked
                    .get_or_create(&Asked { network, provider, method, outcome })
                    .inner()
                    .store(count, Ordering::Relaxed);
            }
        }
        for (id, network) in networks.all() {
            let count = network.counters().disagreements.load(Ordering::Relaxed);
            let of = OfNetwork { network: id.clone() };
            self.disagreements.get_or_create(&of).inner().store(count, Ordering::Relaxed);
        }
    }

    /// Takes in how the engine is.
    pub(crate) fn engine(&self, health: &Health) {
        let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.durable.set(whole(health.durable.0));
        self.undurable.set(whole(health.decided.0.saturating_sub(health.durable.0)));
        for (lane, waits) in
            [("client", health.client_queue), ("worker", health.worker_queue), ("query", health.query_queue)]
        {
            self.queued.get_or_create(&Lane { lane }).set(i64::try_from(waits).unwrap_or(i64::MAX));
        }
        self.commit.set(health.last_commit.as_secs_f64());
        self.disk_full.set(i64::from(health.disk_full));
    }

    /// Takes in how far a follower of the journal is behind.
    pub(crate) fn follower(&self, name: &str, behind: Duration, failures: u64) {
        let of = OfFollower { follower: name.to_owned() };
        self.behind.get_or_create(&of).set(behind.as_secs_f64());
        self.failures.get_or_create(&of).inner().store(failures, Ordering::Relaxed);
    }

    /// Takes in what the books say.
    pub(crate) fn books(&self, books: &Books) {
        for (asset, amount) in &books.hot {
            self.hot.get_or_create(&OfAsset { asset: asset.clone() }).set(*amount);
        }
        for (token, delta) in &books.solvency {
            self.solvency.get_or_create(&OfToken { token: token.clone() }).set(*delta);
        }
        for (network, gap) in &books.gaps {
            self.gap
                .get_or_create(&OfNetwork { network: network.clone() })
                .set(i64::try_from(*gap).unwrap_or(i64::MAX));
        }
        self.suspense.set(i64::try_from(books.suspense).unwrap_or(i64::MAX));
        self.payouts.set(i64::try_from(books.payouts).unwrap_or(i64::MAX));
    }
}

/// A few numbers of the books, for people who watch. Nothing is decided on them, so they may be rounded.
pub(crate) struct Books {
    hot: Vec<(String, f64)>,
    solvency: Vec<(String, f64)>,
    gaps: Vec<(String, usize)>,
    suspense: usize,
    payouts: usize,
}

impl Books {
    /// Reads them off the state; looks at no account and no deposit address.
    pub(crate) fn of(state: &State) -> Self {
        let units = |amount: Amount, decimals: u8| amount.to_decimal(decimals).parse().unwrap_or(f64::NAN);
        let hot = state.assets().map(|(ix, asset)| {
            let wallets = state.house_wallets().filter(|(_, wallet)| wallet.role == Role::Hot);
            let held = wallets
                .filter(|(_, wallet)| wallet.network == asset.network)
                .map(|(_, wallet)| wallet.holding(ix).amount);
            let sum = held.fold(Amount::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Amount::MAX));
            (asset.id.to_string(), units(sum, asset.decimals))
        });
        let solvency = state.tokens().map(|(ix, token)| {
            let totals = state.totals(ix).copied().unwrap_or_default();
            let sum = |amounts: &[Amount]| {
                amounts.iter().try_fold(Amount::ZERO, |sum, amount| sum.checked_add(*amount)).unwrap_or(Amount::MAX)
            };
            let have = sum(&[totals.custody, totals.equity_out]);
            let owe = sum(&[totals.free, totals.held, totals.suspense, totals.fees, totals.equity_in]);
            let delta = match (have.checked_sub(owe), owe.checked_sub(have)) {
                (Some(more), _) => units(more, token.decimals),
                (None, Some(less)) => -units(less, token.decimals),
                (None, None) => f64::NAN,
            };
            (token.id.to_string(), delta)
        });
        Self {
            hot: hot.collect(),
            solvency: solvency.collect(),
            gaps: gaps(state),
            suspense: state.suspense().count(),
            payouts: state.payouts().count(),
        }
    }
}

/// By network: nonces in use that were not handed out while a higher one of the same wallet was. The network takes none of
/// the higher ones before.
fn gaps(state: &State) -> Vec<(String, usize)> {
    let sent = |dispatch: &Dispatch| {
        dispatch.seen.is_some() || dispatch.attempts.iter().any(|attempt| attempt.sent_at.is_some())
    };
    let open = state.dispatches().map(|(_, dispatch)| (dispatch.wallet, dispatch.nonce, sent(dispatch)));
    let open: Vec<_> = open.collect();
    let of = |ix: NetworkIx| {
        let here = |wallet: WalletIx| state.wallet(wallet).is_some_and(|wallet| wallet.network == ix);
        gap(open.iter().copied().filter(|(wallet, ..)| here(*wallet)))
    };
    state.networks().map(|(ix, network)| (network.id.to_string(), of(ix))).collect()
}

/// Of wallets, their nonces in use, and whether each was handed out.
fn gap(open: impl Iterator<Item = (WalletIx, u64, bool)> + Clone) -> usize {
    let mut highest: BTreeMap<WalletIx, u64> = BTreeMap::new();
    for (wallet, nonce, _) in open.clone().filter(|(.., sent)| *sent) {
        let known = highest.entry(wallet).or_default();
        *known = nonce.max(*known);
    }
    open.filter(|(wallet, nonce, sent)| !sent && highest.get(wallet).is_some_and(|highest| nonce < highest)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_what_keeps_a_higher_nonce_of_the_same_wallet_out_of_blocks() {
        let wallet = WalletIx::from_row;
        for (case, open, expected) in [
            ("nothing is open", vec![], 0),
            ("all are handed out", vec![(wallet(0), 5, true), (wallet(0), 6, true)], 0),
            ("the highest is not handed out yet", vec![(wallet(0), 5, true), (wallet(0), 6, false)], 0),
            ("the lowest is not", vec![(wallet(0), 5, false), (wallet(0), 6, true)], 1),
            ("two of them are not", vec![(wallet(0), 5, false), (wallet(0), 6, false), (wallet(0), 7, true)], 2),
            ("another wallet's is", vec![(wallet(0), 5, false), (wallet(1), 6, true)], 0),
        ] {
            assert_eq!(gap(open.into_iter()), expected, "{case}");
        }
    }
}
