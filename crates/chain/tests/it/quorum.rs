//! Several nodes: lagging, lying, dying, and of another network.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokengine_chain::evm::EvmNode;
use tokengine_chain::fees::DataFee;
use tokengine_chain::follower::{FollowRules, Followed};
use tokengine_chain::{Accounts, Asset, At, BlockId, Call, Error, Network, Receivers, Rules, TxPayments, TxStatus};
use tokengine_core::{Amount, BlockHash, TxId};
use tokengine_testkit::{Anvil, AnvilOptions, Arg, Fault, FaultProxy};

use crate::chain::{CHAIN_ID, address, anvil, block_of, config, deploy, eventually, invoke, network, tx};

const US: &str = "0x00000000000000000000000000000000000000a1";

fn proxy(anvil: &Anvil) -> FaultProxy {
    FaultProxy::start(anvil.url()).expect("starts")
}

/// Says that every transfer was a thousand times larger.
fn exaggerate() -> Fault {
    Fault::result(|_, mut receipt| {
        for log in receipt["logs"].as_array_mut().into_iter().flatten() {
            let amount = tokengine_testkit::quantity(&json!(format!(
                "0x{}",
                log["data"].as_str().unwrap_or("0x0").trim_start_matches("0x").trim_start_matches('0')
            )));
            log["data"] = json!(format!("0x{:064x}", amount.unwrap_or(1) * 1_000));
        }
        receipt
    })
}

#[tokio::test]
async fn a_lagging_node_holds_the_head_back_only_where_it_is_needed() {
    let anvil = anvil();
    anvil.mine(3).expect("mines");
    let late = proxy(&anvil);
    assert_eq!(late.freeze_head().expect("freezes"), 3);
    anvil.mine(4).expect("mines");
    let urls = [anvil.url(), &late.url()];
    let head = async |network: Network<EvmNode>| network.heads().await.expect("answers").latest.height;
    assert_eq!(head(network(&urls, 1)).await, 7);
    assert_eq!(head(network(&urls, 2)).await, 3, "both have only that");
    assert_eq!(head(network(&[anvil.url(), anvil.url(), &late.url()], 2)).await, 7);

    // After a failover to the lagging node our head does not go back.
    let both = network(&urls, 1);
    let mut ring = both.blocks(0, 100).await.expect("answers").iter().map(|block| block.at).collect::<Vec<_>>();
    ring.truncate(8);
    let alone = network(&[&late.url()], 1);
    let rules = FollowRules { start: 0, max_reorg: 5, batch: 10 };
    assert_eq!(alone.follow(&ring, rules).await, Ok(Followed::Stale));
    assert_eq!(both.counters().disagreements.load(Ordering::Relaxed), 0, "lag is no disagreement");
}

#[tokio::test]
async fn a_lie_about_a_deposit_is_outvoted_or_stops_the_answer() {
    let anvil = anvil();
    let from = anvil.accounts()[0].clone();
    let token = deploy(&anvil, "TestToken", &[Arg::from("Test"), Arg::from("TST"), Arg::Uint(6)]);
    let paid = invoke(&anvil, &from, &token, "mint(address,uint256)", &[Arg::from(US), Arg::Uint(5)]);
    let hash = block_of(&anvil, &paid);
    let receivers = Receivers::few([address(US)], [address(&token.0)]);
    let liar = proxy(&anvil);
    liar.fault("eth_getTransactionReceipt", exaggerate());
    let liar_url = liar.url();

    let three = network(&[&liar_url, anvil.url(), anvil.url()], 2);
    let scan = three.payments(hash, &receivers).await.expect("two honest nodes of three");
    assert!(scan.paid(&Asset::Contract(address(&token.0)), &address(US), Amount::new(5)), "{scan:?}");
    assert_eq!(three.counters().disagreements.load(Ordering::Relaxed), 1);

    let two = network(&[&liar_url, anvil.url()], 2);
    assert_eq!(two.payments(hash, &receivers).await.expect_err("one against one").code(), "chain-disagreement");
    assert_eq!(two.payments_of(tx(&paid), &receivers).await.expect_err("one against one").code(), "chain-disagreement");
    assert_eq!(two.counters().disagreements.load(Ordering::Relaxed), 2);
    liar.heal();
    assert_eq!(two.payments(hash, &receivers).await.expect("it told the truth").payments.len(), 1);
}

#[tokio::test]
async fn a_node_that_hides_a_payment_does_not_hide_it_from_a_quorum() {
    let anvil = anvil();
    let from = anvil.accounts()[0].clone();
    let token = deploy(&anvil, "TestToken", &[Arg::from("Test"), Arg::from("TST"), Arg::Uint(6)]);
    let paid = invoke(&anvil, &from, &token, "mint(address,uint256)", &[Arg::from(US), Arg::Uint(5)]);
    let receivers = Receivers::few([address(US)], [address(&token.0)]);
    let hider = proxy(&anvil);
    hider.fault("eth_getLogs", Fault::result(|_, _| json!([])));
    hider.fault("eth_getTransactionReceipt", Fault::result(|_, _| json!(null)));
    let hider_url = hider.url();

    let two = network(&[&hider_url, anvil.url()], 2);
    let scan = two.payments(block_of(&anvil, &paid), &receivers).await;
    assert_eq!(scan.expect_err("one against one").code(), "chain-disagreement");
    // A missing receipt is a node that lags, not one that contradicts; and never an absence.
    assert_eq!(two.status(tx(&paid)).await, Ok(TxStatus::InMempool));
    let three = network(&[&hider_url, anvil.url(), anvil.url()], 2);
    assert!(matches!(three.status(tx(&paid)).await, Ok(TxStatus::InBlock(_))));
    // Two that lag do not outvote the one that has it: unknown would let a claim be refused, or bytes be given up.
    let late = proxy(&anvil);
    for node in [&hider, &late] {
        node.fault("eth_getTransactionByHash", Fault::result(|_, _| json!(null)));
        node.fault("eth_getTransactionReceipt", Fault::result(|_, _| json!(null)));
    }
    let outvoted = network(&[&hider_url, &late.url(), anvil.url()], 2);
    assert_eq!(outvoted.status(tx(&paid)).await, Ok(TxStatus::InMempool));
    assert_eq!(outvoted.payments_of(tx(&paid), &receivers).await, Ok(TxPayments::Pending));
    assert!(late.calls("eth_getTransactionByHash") > 0, "it was asked");
    assert_eq!(outvoted.status(TxId([7; 32])).await, Ok(TxStatus::Unknown), "nobody has that one");
    assert_eq!(three.payments(block_of(&anvil, &paid), &receivers).await.expect("outvoted").payments.len(), 1);
}

#[tokio::test]
async fn what_waits_in_the_pool_of_one_node_is_counted_and_a_silent_node_leaves_it_open() {
    let anvil = anvil();
    let from = anvil.accounts()[3].clone();
    let (empty, silent) = (proxy(&anvil), proxy(&anvil));
    empty.fault("eth_getTransactionCount", Fault::result(|_, _| json!("0x0")));
    anvil.set_automine(false).expect("set");
    anvil.send(&from, US, 1).expect("sent");
    let nodes = [&empty.url(), &silent.url(), anvil.url()];
    let network = network(&nodes, 2);
    assert_eq!(network.nonce_in_pools(&address(&from), true).await, Ok(1), "the first one has not heard of it");
    silent.go_dark();
    let asked = silent.all_calls();
    let error = network.nonce_in_pools(&address(&from), true).await.expect_err("one says nothing");
    assert!(matches!(error, Error::NoQuorum { needed: 3, answered: 2, .. }) && error.is_transient(), "{error}");
    assert_eq!(network.nonce_in_pools(&address(&from), false).await, Ok(1), "two of three are enough to begin with");
    silent.restore();
    assert_eq!(network.nonce_in_pools(&address(&from), true).await, Ok(1), "asked although it was left alone");
    assert!(silent.all_calls() > asked);
}

#[tokio::test]
async fn nodes_on_different_forks_agree_below_the_fork() {
    let anvil = anvil();
    anvil.mine(5).expect("mines");
    let other = proxy(&anvil);
    other.fault(
        "eth_getBlockByNumber",
        Fault::result(|_, mut block| {
            if block["number"] == "0x5" {
                block["hash"] = json!(format!("0x{}", "55".repeat(32)));
            }
            block
        }),
    );
    let late = proxy(&anvil);
    let other_url = other.url();
    // One says 5, one says 5 and means another block: no head at all, and the two are told apart.
    let two = network(&[anvil.url(), &other_url], 2);
    assert_eq!(two.heads().await.expect_err("forked").code(), "chain-disagreement");
    assert_eq!(two.block(BlockId::Height(5)).await.expect_err("forked").code(), "chain-disagreement");
    assert_eq!(two.blocks(3, 10).await.expect("up to there").len(), 2);
    // A third node that has only 4 makes that the head.
    anvil.rollback(1).expect("goes back");
    late.freeze_head().expect("freezes");
    anvil.increase_time(Duration::from_secs(9)).expect("is set");
    anvil.mine(1).expect("mines");
    let late_url = late.url();
    let three = network(&[anvil.url(), &other_url, &late_url], 2);
    assert_eq!(three.heads().await.expect("agreed").latest.height, 4);
}

#[tokio::test]
async fn nodes_fail_over_and_come_back_without_a_restart() {
    let anvil = anvil();
    anvil.mine(2).expect("mines");
    let (one, two) = (proxy(&anvil), proxy(&anvil));
    let network = network(&[&one.url(), &two.url()], 1);
    let height = async || network.heads().await.map(|heads| heads.latest.height);
    assert_eq!(height().await, Ok(2));
    one.go_dark();
    assert_eq!(height().await, Ok(2), "the other one is enough");
    assert_eq!(network.block(BlockId::Height(1)).await.expect("answers").expect("is there").at.height, 1);
    two.go_dark();
    let error = height().await.expect_err("nobody is left");
    assert!(matches!(error, Error::NoQuorum { needed: 1, answered: 0, .. }) && error.is_transient(), "{error}");

    // Nodes that rest are not asked at all.
    let before = one.all_calls() + two.all_calls();
    assert!(height().await.is_err());
    assert!(one.all_calls() + two.all_calls() <= before + 2);
    assert!(network.counters().no_quorum.load(Ordering::Relaxed) >= 2);

    two.restore();
    assert_eq!(eventually("recovery", async || height().await.ok()).await, 2);
    let counters = network.counters();
    assert_eq!(counters.nodes[1].resting.load(Ordering::Relaxed), 0);
    assert_eq!(counters.nodes[1].head.load(Ordering::Relaxed), 2);
    assert!(counters.nodes[0].failed.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn a_node_of_another_network_or_fork_is_never_used() {
    let options = |chain_id, time: &str| AnvilOptions {
        extra_args: vec!["--timestamp".to_owned(), time.to_owned()],
        ..AnvilOptions::chain(chain_id)
    };
    let right = Anvil::start(options(CHAIN_ID, "1700000000")).expect("starts");
    let wrong_id = Anvil::start(options(4711, "1700000000")).expect("starts");
    let wrong_genesis = Anvil::start(options(CHAIN_ID, "1600000000")).expect("starts");
    wrong_genesis.mine(9).expect("mines");

    let alone = network(&[wrong_id.url()], 1);
    let error = alone.heads().await.expect_err("not ours");
    assert!(matches!(&error, Error::WrongNetwork { found, .. } if found == "eip155:4711"), "{error}");
    assert!(!error.is_transient());

    let genesis = network(&[right.url()], 1).check_identity().await.expect("answers");
    let rules = Rules { genesis: Some(genesis), ..Rules::default() };
    let node = |anvil: &Anvil| EvmNode::new(&config(anvil.url())).expect("good");
    let both = Network::new("eip155:31337", vec![node(&wrong_genesis), node(&right)], rules).expect("good");
    assert_eq!(both.heads().await.expect("the right one answers").latest.height, 0);
    assert_eq!(both.check_identity().await, Ok(genesis));
    let forked = Network::new("eip155:31337", vec![node(&wrong_genesis)], rules).expect("good");
    assert_eq!(forked.check_identity().await.expect_err("another genesis").code(), "chain-wrong-network");

    let split = network(&[wrong_genesis.url(), right.url()], 2);
    assert_eq!(split.check_identity().await.expect_err("which one?").code(), "chain-disagreement");

    // It is asked again after a fault: who answers then may be somebody else.
    let switched = FaultProxy::start(right.url()).expect("starts");
    let network = Network::new(
        "eip155:31337",
        vec![EvmNode::new(&config(&switched.url())).expect("good")],
        Rules { genesis: Some(genesis), rest: Duration::from_millis(1), ..Rules::default() },
    )
    .expect("good");
    assert!(network.heads().await.is_ok());
    switched.fault_times("eth_getBlockByNumber", 1, Fault::Status(503));
    switched.fault("eth_chainId", Fault::result(|_, _| json!("0x1")));
    assert!(network.heads().await.is_err());
    let error = eventually("the second look", async || {
        network.heads().await.err().filter(|error| error.code() == "chain-wrong-network")
    });
    assert!(error.await.to_string().contains("eip155:1,"));
}

#[tokio::test]
async fn rules_that_cannot_work_are_refused() {
    let anvil = anvil();
    let rules = |quorum| Rules { quorum, ..Rules::default() };
    let nodes = || vec![EvmNode::new(&config(anvil.url())).expect("good")];
    for quorum in [0, 2] {
        let error = Network::new("eip155:1", nodes(), rules(quorum)).map(drop).expect_err("cannot work");
        assert_eq!(error.code(), "chain-config");
    }
    let unknown = network(&[anvil.url()], 1);
    assert_eq!(unknown.block(BlockId::Hash(BlockHash([7; 32]))).await, Ok(None));
}

/// Workers run as tasks, and the simulator brings nodes of its own: every question must be `Send` for any node.
#[expect(clippy::manual_async_fn, reason = "an async fn would not promise Send for every N")]
fn asks_everything<N: Accounts + 'static>(network: Arc<Network<N>>) -> impl Future<Output = Result<(), Error>> + Send {
    async move {
        let us = address(US);
        let receivers = Receivers::many(|_| false, []);
        let call = Call { from: us.clone(), to: us.clone(), value: Amount::ZERO, input: vec![] };
        let rules = FollowRules { start: 0, max_reorg: 5, batch: 10 };
        network.check_identity().await?;
        let head = network.heads().await?.latest;
        network.follow(&[head], rules).await?;
        network.depth(&head).await?;
        network.payments(head.hash, &receivers).await?;
        network.payments_of(TxId([1; 32]), &receivers).await?;
        network.status(TxId([1; 32])).await?;
        network.send(&[1]).await?;
        network.balance(&us, &Asset::Native, At::Finalized).await?;
        network.nonce_at(&us, At::Pending).await?;
        network.who_used_nonce(&us, 0, 0, &head).await?;
        network.code(&us, At::Safe).await?;
        network.pinned_code(&us, At::Latest).await?;
        network.estimate(&call).await?;
        network.data_fee(DataFee::None, &[]).await?;
        network.suggestion().await?;
        network.valid_signature(&us, [1; 32], &[], At::Latest).await?;
        network.probe(&us, &[], head.hash).await.map(drop)
    }
}

#[tokio::test]
async fn every_question_can_be_asked_from_a_task() {
    let anvil = anvil();
    anvil.mine(9).expect("mines");
    let network = Arc::new(network(&[anvil.url(), anvil.url()], 2));
    assert_eq!(tokio::spawn(asks_everything(network)).await.expect("no panic"), Ok(()));
}

#[tokio::test]
async fn questions_that_fail_together_are_one_outage_and_a_needed_node_is_asked_again_soon() {
    let anvil = anvil();
    let node = proxy(&anvil);
    let rules = |longest_needed_rest| Rules {
        rest: Duration::from_millis(20),
        longest_rest: Duration::from_secs(3600),
        longest_needed_rest,
        ..Rules::default()
    };
    let network_of = |rules| {
        let node = EvmNode::new(&config(&node.url())).expect("a good address");
        Network::new(&format!("eip155:{CHAIN_ID}"), vec![node], rules).expect("good rules")
    };
    let answers = |network| async move { Network::<EvmNode>::heads(network).await.ok() };

    // Sixteen at once would be a rest of eleven minutes if they counted as sixteen outages.
    let sole = network_of(rules(Duration::from_secs(3600)));
    assert!(answers(&sole).await.is_some());
    node.fault("*", Fault::Hang);
    let asked = futures_util::future::join_all((0..16).map(|_| sole.heads()));
    let (failed, ()) = tokio::join!(asked, async {
        eventually("they wait", async || (node.calls("eth_getBlockByNumber") >= 16).then_some(())).await;
        node.go_dark();
    });
    assert!(failed.iter().all(Result::is_err));
    node.heal();
    node.restore();
    eventually("it answers again", || answers(&sole)).await;

    // After many outages, one after the other, a node without which there is no quorum rests no longer than it may.
    let needed = network_of(rules(Duration::from_millis(50)));
    node.go_dark();
    for _ in 0..16 {
        assert_eq!(needed.check_identity().await.expect_err("dark").code(), "chain-no-quorum");
        eventually("its rest has ended", async || {
            let before = needed.counters().nodes[0].failed.load(Ordering::Relaxed);
            assert!(needed.heads().await.is_err());
            (needed.counters().nodes[0].failed.load(Ordering::Relaxed) > before).then_some(())
        })
        .await;
    }
    node.restore();
    eventually("it answers again", || answers(&needed)).await;
}
