//! What is measured, after a day in small: deposits, withdrawals, a reorganisation, nodes that contradict each other.

use std::collections::BTreeMap;

use crate::world::{DOLLAR6, Net, Order, Setup, WHOLE, World};

/// The samples of a page of metrics, by name and labels as they stand there.
struct Samples(BTreeMap<String, f64>);

impl Samples {
    fn of(world: &World) -> Self {
        let text = world.probe("/metrics").text;
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            let name = name.strip_prefix("tokengine_").unwrap_or_else(|| panic!("not ours: {line}"));
            Some((name.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}"))))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// The one with that name and, among others, these labels.
    #[track_caller]
    fn one(&self, name: &str, labels: &[&str]) -> f64 {
        let found = self.find(name, labels);
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?} of {:#?}", self.0);
        found[0].1
    }

    /// All with that name and these labels.
    fn find(&self, name: &str, labels: &[&str]) -> Vec<(&String, f64)> {
        let named = |key: &str| key.split('{').next() == Some(name);
        let has = |key: &str| labels.iter().all(|label| key.contains(label));
        self.0.iter().filter(|(key, _)| named(key) && has(key)).map(|(key, value)| (key, *value)).collect()
    }

    fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.find(name, labels).iter().map(|(_, value)| value).sum()
    }
}

#[allow(clippy::cast_precision_loss)] // amounts of a test, compared with rounded ones
fn whole(base_units: u128, unit: u128) -> f64 {
    base_units as f64 / unit as f64
}

#[track_caller]
fn close(measured: f64, expected: f64, what: &str) {
    assert!((measured - expected).abs() < 1e-9, "{what}: {measured}, and not {expected}");
}

const NETWORK: &str = "network=\"eip155:31337\"";

#[test]
fn every_measurement_is_there_and_says_what_happened() {
    let mut world = World::running(Setup::of(vec![Net::new(31_337, 6).behind(2, 1)]));
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 7 * DOLLAR6, to: world.nobody(1) };
    let id = world.withdraw(&order);
    world.until_status(&id, "committed");
    // So deep that no payment goes, and so shallow that nobody is called.
    world.mine(4);
    let searched = |world: &World, height: u64| {
        world.get("/v1/networks")["items"][0]["scanned"].as_u64().is_some_and(|at| at >= height)
    };
    let head = world.nodes[0].block_number().expect("asked");
    world.until_still("all of it is searched", |world| searched(world, head));
    world.nodes[0].reorg(2).expect("a reorg");
    world.mine(1);
    world.until_still("the reorganisation is found", |world| {
        !Samples::of(world).find("chain_reorg_total", &[]).is_empty()
    });
    // One that is sent, and in no block.
    world.nodes[0].set_automine(false).expect("set");
    let waits = Order { amount: DOLLAR6, to: world.nobody(2), ..order };
    let waits = world.withdraw(&waits);
    world.until_still("it is sent", |world| world.withdrawal(&waits)["status"] == "sent");
    world.until_still("it is measured", |world| Samples::of(world).one("withdrawal_unknown", &[NETWORK]) >= 1.0);
    let held = Samples::of(&world);
    close(held.one("withdrawal_unknown", &[NETWORK]), 1.0, "one is sent and nowhere");
    close(held.one("withdrawals_open", &[]), 1.0, "and it is the only one");
    close(held.one("nonce_gap", &[NETWORK]), 0.0, "nothing keeps it from getting into a block");
    world.nodes[0].set_automine(true).expect("set");
    world.until_status(&waits, "committed");
    world.until_still("everything is measured", |world| {
        let now = Samples::of(world);
        let ended = now.one("withdrawal_request_to_final_seconds_count", &[NETWORK]) >= 2.0;
        ended && now.one("withdrawals_open", &[]) < 1.0 && now.one("withdrawal_unknown", &[NETWORK]) < 1.0
    });
    world.until_still("the followers are there", |world| Samples::of(world).sum("outbox_lag_seconds", &[]) == 0.0);
    world.until_still("the new head is searched", |world| {
        Samples::of(world).one("chain_head_lag_blocks", &[NETWORK]) == 0.0
    });

    let now = Samples::of(&world);
    // The operator's dollars and coins, what its gas wallet got, and the customer's dollars.
    close(now.one("deposit_detect_to_credit_seconds_count", &[NETWORK]), 4.0, "deposits credited");
    let took = now.one("deposit_detect_to_credit_seconds_sum", &[NETWORK]);
    assert!(took > 0.0 && took < 240.0, "{took} s");
    close(now.one("withdrawal_request_to_final_seconds_count", &[NETWORK]), 2.0, "withdrawals ended");
    let took = now.one("withdrawal_request_to_final_seconds_sum", &[NETWORK]);
    assert!(took > 0.0 && took < 120.0, "{took} s");
    let mut dwelt = 0.0;
    for stage in ["held", "dispatched", "signed", "sent", "seen"] {
        let stage = format!("stage=\"{stage}\"");
        close(now.one("withdrawal_stage_seconds_count", &[NETWORK, &stage]), 2.0, &stage);
        dwelt += now.one("withdrawal_stage_seconds_sum", &[NETWORK, &stage]);
    }
    close(dwelt, took, "the stages make up the whole");
    close(now.sum("chain_reorg_total", &[NETWORK, "depth=\"2-3\""]), 1.0, "one reorganisation of two blocks");
    close(now.sum("chain_reorg_total", &[]), 1.0, "and no other");
    let hot = world.on_chain(0, "eth", &world.hot(0));
    close(now.one("hot_wallet_balance", &["slip44:60"]), whole(hot, WHOLE), "coins of the hot wallet");
    let dollars = world.on_chain(0, "usd", &world.hot(0));
    close(now.one("hot_wallet_balance", &["erc20"]), whole(dollars, DOLLAR6), "dollars of the hot wallet");
    close(now.one("fee_spent_total", &[NETWORK]), whole(100 * WHOLE - hot, WHOLE), "the gas of two transfers");
    for token in ["token=\"eth\"", "token=\"usd\""] {
        close(now.one("solvency_delta", &[token]), 0.0, token);
    }
    for follower in ["follower=\"read-model\"", "follower=\"metrics\""] {
        close(now.one("follower_failures_total", &[follower]), 0.0, follower);
    }
    // Both providers were asked for their heads, and one of them for the payment to be sent.
    for provider in ["provider=\"node-0\"", "provider=\"node-1\""] {
        let labels = [NETWORK, provider, "method=\"eth_getBlockByNumber\"", "outcome=\"answered\""];
        assert!(now.one("rpc_requests_total", &labels) > 0.0, "{provider}");
    }
    let sent = now.sum("rpc_requests_total", &["method=\"eth_sendRawTransaction\""]);
    assert!(sent >= 2.0, "{sent} payments handed out");
    close(now.one("rpc_disagreement_total", &[NETWORK]), 0.0, "nobody lied");
    close(now.one("build_info", &[&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))]), 1.0, "what runs");
    for address in [world.hot(0), world.account(0, 1), world.nobody(1)] {
        let address = address.rsplit(':').next().expect("a part").to_lowercase();
        let told = now.0.keys().find(|key| key.to_lowercase().contains(&address));
        assert_eq!(told, None, "no address, account or user is a label");
    }
    assert_eq!(world.stop(), Some(0));
}
