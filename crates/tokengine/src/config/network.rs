//! `[[network]]` and `[[wallet]]`.

use super::inner::{Inner, finality};
use super::mistake::Origin;
use super::reader::{At, Group};
use super::tree::Node;
use std::path::Path;
use std::time::Duration;
use tokengine_caip::ChainId;
use tokengine_chain::FinalHead;
use tokengine_chain::evm::EvmConfig;
use tokengine_chain::fees::{DataFee, Policy};
use tokengine_core::{Amount, BlockHash, Finality, NetworkPolicy};
use tokengine_keys::KeyName;
use tokengine_workers::{GasRules, Rules, SweepRules};

/// A network as configured.
pub(crate) struct Network {
    pub(crate) id: ChainId,
    pub(crate) policy: NetworkPolicy,
    pub(crate) genesis: Option<BlockHash>,
    /// Where the finalized head comes from.
    pub(crate) finality: FinalHead,
    pub(crate) nodes: Vec<EvmConfig>,
    pub(crate) rules: Rules,
}

/// What a wallet of the operator's is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HouseRole {
    Hot,
    Cold,
    Gas,
    Retiring,
}

/// A wallet as configured. Its address may be known only when its key is loaded.
#[derive(Clone, Debug)]
pub(crate) struct Wallet {
    pub(crate) network: ChainId,
    pub(crate) role: HouseRole,
    pub(crate) key: Option<KeyName>,
    /// Canonical.
    pub(crate) address: Option<String>,
    pub(crate) origin: Origin,
}

/// The words for what a wallet is for.
pub(super) const ROLES: &[(&str, HouseRole)] =
    &[("hot", HouseRole::Hot), ("cold", HouseRole::Cold), ("gas", HouseRole::Gas), ("retiring", HouseRole::Retiring)];

const NODE_KEYS: &[&str] = &["name", "url", "timeout_ms", "max_concurrent", "batch", "filter_limit", "traces"];

/// Reads one `[[network]]`. Decimals of its coin are 18, as on every EVM network.
pub(crate) fn network(group: &Group<'_>, base: &Path) -> Option<Network> {
    let id = group.parsed("id", str::parse::<ChainId>);
    if let Some(id) = id.as_ref().filter(|id| id.value.namespace() != "eip155") {
        group.reader.mistake(&id.origin, "config-network-kind", "this release knows EVM networks only (eip155)");
    }
    let nodes = nodes(group, base);
    let required = group.number::<u8>("nodes_required", 1);
    if let (Some(nodes), Some(required)) = (&nodes, required)
        && !nodes.is_empty()
        && usize::from(required) > nodes.len()
    {
        group.mistake("config-nodes", format!("{required} nodes must agree, and there are only {}", nodes.len()));
    }
    let genesis = optional(group, "genesis", str::parse::<BlockHash>);
    let start = match group.item("start_block") {
        Some(_) => group.number::<u64>("start_block", 0).map(Some),
        None => Some(None),
    };
    let final_at = group.item("payout_finality");
    let level = final_at.as_ref().and_then(|item| finality(group.reader, item));
    let (reorg_depth, development) = (group.number::<u32>("reorg_depth", 1), group.flag("development"));
    if let (Some(item), Some(Finality::Confirmations(blocks)), Some(depth)) = (&final_at, level, reorg_depth)
        && blocks < depth
    {
        let text = format!(
            "a payout that is final after {blocks} blocks can be taken back by a reorganisation of up to {depth}, which is \
             an ordinary one here: it would be lost to its customer; `payout_finality` is at least `reorg_depth`"
        );
        if development == Some(true) {
            group.reader.warning(&item.origin, "config-finality", text);
        } else if development.is_some() {
            group.reader.mistake(&item.origin, "config-finality", text);
        }
    }
    let finality = group
        .word("finalized", &[("node", false), ("depth", true)])
        .and_then(|by_depth| Some(if by_depth { FinalHead::by_depth(reorg_depth?, level?) } else { FinalHead::Told }));
    let max_in_flight = group.number::<u16>("max_in_flight", 1);
    let rules = rules(group);
    development?;
    Some(Network {
        id: id?.value,
        policy: NetworkPolicy {
            reorg_depth: reorg_depth?,
            nodes_required: required?,
            max_in_flight: max_in_flight?,
            payout_finality: level?,
        },
        genesis: genesis?.map(|at| at.value),
        finality: finality?,
        nodes: nodes?,
        rules: Rules { start: start?, ..rules? },
    })
}

fn rules(group: &Group<'_>) -> Option<Rules> {
    let gwei = |name: &str| decimal(group, name, 9).map(Amount::base_units);
    let (cap, priority_cap, priority_floor) =
        (gwei("max_fee_gwei"), gwei("max_priority_fee_gwei"), gwei("min_priority_fee_gwei"));
    if let (Some(floor), Some(most)) = (priority_floor, priority_cap)
        && floor > most
    {
        group.mistake("config-fees", "min_priority_fee_gwei is above max_priority_fee_gwei");
    }
    let legacy = group.flag("legacy_fees");
    let data_fee = group.word("data_fee", &[("none", DataFee::None), ("op-stack", DataFee::OpStack)]);
    let head_every = group.number::<u64>("poll_ms", 10).map(Duration::from_millis);
    let scan_batch = group.number::<u32>("scan_batch", 1);
    let replace_after = group.number::<u64>("replace_after_s", 1).map(Duration::from_secs);
    let claim_lookup = group.number::<u64>("claim_lookup_s", 1).map(Duration::from_secs);
    let reconcile_every = group.number::<u64>("reconcile_every", 0);
    let reconcile_addresses = group.number::<u32>("reconcile_addresses", 0);
    let probe_every = group.number::<u64>("probe_every", 1);
    let (native_cap, token_cap) =
        (group.number::<u64>("native_gas_cap", 21_000), group.number::<u64>("token_gas_cap", 21_000));
    let (max_token_cost, top_up_a_day) = (decimal(group, "sweep_max_cost", 18), decimal(group, "top_up_a_day", 18));
    let usual = Rules::default();
    Some(Rules {
        scan_batch: scan_batch?,
        head_every: head_every?,
        fees: Policy {
            legacy: legacy?,
            cap: cap?,
            priority_floor: priority_floor?,
            priority_cap: priority_cap?,
            data_fee: data_fee?,
            ..usual.fees
        },
        gas: GasRules { native_cap: native_cap?, token_cap: token_cap?, ..usual.gas },
        replace_after: replace_after?,
        claim_lookup: claim_lookup?,
        reconcile_every: reconcile_every?,
        reconcile_addresses: reconcile_addresses?,
        probe_every: probe_every?,
        sweep: SweepRules { max_token_cost: max_token_cost?, top_up_a_day: top_up_a_day?, ..usual.sweep },
        ..usual
    })
}

/// A decimal number as base units.
pub(super) fn decimal(group: &Group<'_>, name: &str, decimals: u8) -> Option<Amount> {
    group.parsed(name, |text| Amount::parse_decimal(text, decimals)).map(|at| at.value)
}

fn nodes(group: &Group<'_>, base: &Path) -> Option<Vec<EvmConfig>> {
    let item = group.item("nodes")?;
    let Node::List(list) = &item.node else {
        group.reader.mistake(&item.origin, "config-type", "`nodes` takes a list of tables");
        return None;
    };
    if list.is_empty() {
        group.reader.mistake(&item.origin, "config-nodes", "a network needs a node");
    }
    let mut nodes: Vec<EvmConfig> = Vec::new();
    let mut all = true;
    for entry in list {
        let node = Inner::new(group.reader, "a node", entry, NODE_KEYS).and_then(|inner| node(&inner, base));
        match node {
            Some(node) if nodes.iter().any(|other| other.name == node.name) => {
                group.reader.mistake(&entry.origin, "config-duplicate", "another node has this name");
                all = false;
            }
            Some(node) => {
                if let Err(error) = tokengine_chain::evm::EvmNode::new(&node) {
                    group.reader.mistake(&entry.origin, "config-nodes", error.to_string());
                }
                nodes.push(node);
            }
            None => all = false,
        }
    }
    all.then_some(nodes)
}

fn node(inner: &Inner<'_>, base: &Path) -> Option<EvmConfig> {
    if inner.item("name").is_none() {
        inner.missing("name");
    }
    let (name, url) = (inner.text("name"), inner.maybe_secret("url", base));
    // Everything is read before anything is given up: a name that cannot be read hides no other mistake.
    let usual = EvmConfig::new("", "");
    let timeout = inner.number::<u64>("timeout_ms", 1, 10_000);
    let max_concurrent = inner.number("max_concurrent", 1, usual.max_concurrent);
    let batch = inner.number("batch", 1, usual.batch);
    let filter_limit = inner.number("filter_limit", 1, usual.filter_limit);
    let traces = inner.flag("traces", usual.traces);
    let mut config = EvmConfig::new(name?, url?.expose().clone());
    config.timeout = Duration::from_millis(timeout?);
    (config.max_concurrent, config.batch) = (max_concurrent?, batch?);
    (config.filter_limit, config.traces) = (filter_limit?, traces?);
    Some(config)
}

/// Reads one `[[wallet]]`.
pub(crate) fn wallet(group: &Group<'_>) -> Option<Wallet> {
    let network = group.parsed("network", str::parse::<ChainId>);
    let role = group.word("role", ROLES);
    let key = optional(group, "key", |text| text.parse::<KeyName>());
    let of = network.as_ref().map_or("eip155:1".to_owned(), |at| at.value.to_string());
    let canonical = |text: &str| {
        format!("{of}:{text}").parse::<tokengine_caip::AccountId>().map(|account| account.address().to_owned())
    };
    let address = optional(group, "address", canonical);
    match (role, &key, &address) {
        (Some(HouseRole::Cold), Some(Some(_)), _) => {
            group.mistake("config-wallet", "a cold wallet has no key here: give its address");
        }
        (Some(HouseRole::Cold), Some(None), Some(None)) => {
            group.mistake("config-wallet", "a cold wallet needs its address");
        }
        (Some(HouseRole::Hot | HouseRole::Gas | HouseRole::Retiring), Some(None), _) => {
            group.mistake("config-wallet", "this wallet needs the key that signs for it");
        }
        _ => {}
    }
    Some(Wallet {
        network: network?.value,
        role: role?,
        key: key?.map(|at| at.value),
        address: address?.map(|at| at.value),
        origin: group.origin.clone(),
    })
}

/// A text that may be left out: `None` is a mistake, `Some(None)` is nothing.
pub(super) fn optional<T, E: std::fmt::Display>(
    group: &Group<'_>,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<Option<At<T>>> {
    match group.item(name) {
        None => Some(None),
        Some(_) => group.parsed(name, parse).map(Some),
    }
}
