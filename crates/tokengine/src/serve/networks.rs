//! The networks as the doors see them, and the workers behind them.

use crate::config::{Asset, Network as Configured};
use crate::exit::{Exit, Failure};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use tokengine_api::{Asked, NetworkSource, NetworkStatus, NodeStatus, Unanswered};
use tokengine_chain::evm::EvmNode;
use tokengine_chain::{At, Calls, Network, Rules};
use tokengine_core::{Address, Time};
use tokengine_workers::NetworkWorker;

type Evm = Arc<Network<EvmNode>>;

/// What is known of every network, for the doors.
pub(crate) struct Networks {
    by_id: BTreeMap<String, Evm>,
    /// What each node was asked: the network, the operator's name for the node, the counts.
    calls: Vec<(String, String, Arc<Calls>)>,
    /// Contracts that show a listed asset without being it: the network, the contract.
    aliases: Vec<(String, Address)>,
    last: RwLock<BTreeMap<String, Seen>>,
}

#[derive(Clone)]
struct Seen {
    status: NetworkStatus,
    /// A head and when it was first seen, to tell the pace.
    since: Option<(u64, Time)>,
}

/// Nodes and rules of each network, for the workers.
pub(crate) fn connect(
    networks: &[Configured],
    assets: &[Asset],
) -> Result<(Networks, Vec<NetworkWorker<EvmNode>>), Failure> {
    let failed = |error: tokengine_chain::Error| Failure::of(Exit::Usage, error.code(), &error);
    let (mut by_id, mut workers, mut calls) = (BTreeMap::new(), Vec::new(), Vec::new());
    for configured in networks {
        let nodes: Result<Vec<EvmNode>, _> = configured.nodes.iter().map(EvmNode::new).collect();
        let rules = Rules {
            quorum: configured.policy.nodes_required,
            genesis: configured.genesis,
            finality: configured.finality,
            ..Rules::default()
        };
        let nodes = nodes.map_err(failed)?;
        for (node, named) in nodes.iter().zip(&configured.nodes) {
            calls.push((configured.id.to_string(), named.name.clone(), node.calls()));
        }
        let network = Network::new(configured.id.as_str(), nodes, rules).map_err(failed)?;
        let network = Arc::new(network);
        by_id.insert(configured.id.to_string(), Arc::clone(&network));
        workers.push(NetworkWorker { network, rules: configured.rules.clone() });
    }
    let aliases_of = |asset: &Asset| {
        asset.aliases.iter().map(|alias| (asset.id.chain_str().to_owned(), alias.clone())).collect::<Vec<_>>()
    };
    let aliases = assets.iter().flat_map(aliases_of).collect();
    Ok((Networks { by_id, calls, aliases, last: RwLock::default() }, workers))
}

impl Networks {
    /// The networks themselves, for their counters.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Evm)> {
        self.by_id.iter()
    }

    /// What each node was asked, by network and by the operator's name for it.
    pub(crate) fn calls(&self) -> &[(String, String, Arc<Calls>)] {
        &self.calls
    }

    /// Takes in what the workers told.
    pub(crate) fn note(&self, told: &[tokengine_workers::NetworkStatus], now: Time) {
        let mut last = self.last.write().expect("nobody panics while holding it");
        for told in told {
            let before = last.get(&told.id).cloned();
            let since = before.as_ref().and_then(|seen| seen.since);
            let (since, block_ms) = pace(since, told.head, now);
            let node = |node: &tokengine_workers::NodeStatus| NodeStatus {
                name: node.name.clone(),
                up: !node.resting && node.answered > 0,
                head: (node.answered > 0).then_some(node.head),
                error: node.resting.then(|| "left alone for a while, after a fault".to_owned()),
            };
            let status = NetworkStatus {
                head: told.head,
                safe: told.safe,
                finalized: told.finalized,
                block_ms: block_ms.or(before.and_then(|seen| seen.status.block_ms)),
                seen_at: told.head_at,
                nodes: told.nodes.iter().map(node).collect(),
                error: told.faults.values().next().map(|fault| fault.text.clone()),
            };
            last.insert(told.id.clone(), Seen { status, since });
        }
    }
}

/// Milliseconds a block, measured over some blocks and at least some seconds.
fn pace(since: Option<(u64, Time)>, head: Option<u64>, now: Time) -> (Option<(u64, Time)>, Option<u64>) {
    const AT_LEAST_MS: u64 = 20_000;
    match (since, head) {
        (Some((first, at)), Some(head)) if head > first && now.ms_since(at) >= AT_LEAST_MS => {
            (Some((head, now)), Some(now.ms_since(at) / (head - first)))
        }
        (None, Some(head)) => (Some((head, now)), None),
        (since, _) => (since, None),
    }
}

impl NetworkSource for Networks {
    fn status(&self, network: &str) -> Option<NetworkStatus> {
        if !self.by_id.contains_key(network) {
            return None;
        }
        let last = self.last.read().expect("nobody panics while holding it");
        Some(last.get(network).map(|seen| seen.status.clone()).unwrap_or_default())
    }

    fn is_alias(&self, network: &str, address: &Address) -> bool {
        self.aliases.iter().any(|(on, alias)| on == network && alias == address)
    }

    fn valid_signature<'a>(
        &'a self,
        network: &'a str,
        contract: &'a Address,
        digest: [u8; 32],
        signature: &'a [u8],
    ) -> Asked<'a, Result<bool, Unanswered>> {
        Box::pin(async move {
            let network = self.by_id.get(network).ok_or(Unanswered)?;
            let at = |at| network.valid_signature(contract, digest, signature, at);
            let (latest, finalized) = tokio::join!(at(At::Latest), at(At::Finalized));
            match (latest, finalized) {
                (Ok(latest), Ok(finalized)) => Ok(latest && finalized),
                (Err(error), _) | (_, Err(error)) => {
                    tracing::warn!(chain.id = network.id(), error = %error, error.code = error.code(), "No answer about a signature");
                    Err(Unanswered)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_measured_over_time_and_not_over_one_block() {
        let begun = pace(None, Some(100), Time(0));
        assert_eq!(begun, (Some((100, Time(0))), None));
        assert_eq!(pace(begun.0, Some(101), Time(2_000)), (begun.0, None));
        assert_eq!(pace(begun.0, Some(110), Time(20_000)), (Some((110, Time(20_000))), Some(2_000)));
        assert_eq!(pace(begun.0, Some(100), Time(60_000)), (begun.0, None), "no new block, no pace");
    }
}
