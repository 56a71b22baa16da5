//! Who used a nonce: the proof on which funds are unlocked.

use serde_json::json;
use tokengine_chain::evm::tx::Payload;
use tokengine_chain::{Accounts, At, Network, Node, NonceUse, evm::EvmNode};
use tokengine_core::{Amount, BlockRef, TxId};
use tokengine_testkit::{Anvil, Fault, FaultProxy, quantity};

use crate::chain::{Wallet, address, anvil, block_at, by_hand, dynamic, eventually, network, node};

const THEM: &str = "0x00000000000000000000000000000000000000b1";

/// Nonces 0..=4 of the wallet, used in blocks 3, 6, 9, 12 and 15 of 40.
fn history(anvil: &Anvil, wallet: &Wallet) -> Vec<TxId> {
    by_hand(anvil);
    let mut used = Vec::new();
    for nonce in 0..5u64 {
        let payment = Payload::native(&address(THEM), Amount::new(100 + u128::from(nonce)));
        let signed = wallet.pay(payment, nonce, dynamic(5, 1));
        anvil.mine(2).expect("mines");
        let raw = tokengine_testkit::abi::to_hex(&signed.raw);
        anvil.rpc("eth_sendRawTransaction", json!([raw])).expect("is taken");
        anvil.mine(1).expect("mines");
        used.push(signed.tx);
    }
    anvil.mine(25).expect("mines");
    used
}

async fn head(node: &EvmNode) -> BlockRef {
    eventually("block 40", async || Some(node.heads().await.ok()?.latest).filter(|head| head.height == 40)).await
}

#[tokio::test]
async fn the_transaction_that_used_a_nonce_is_found_by_bisection() {
    let anvil = anvil();
    let wallet = Wallet::of(&anvil, 3);
    let txs = history(&anvil, &wallet);
    let watched = FaultProxy::start(anvil.url()).expect("starts");
    let node = node(&watched.url()).await;
    let head = head(&node).await;
    for (nonce, expected) in (0u64..).zip(&txs) {
        for not_before in [0, 1, 3 * nonce, 30, 40, 99] {
            let before = watched.all_calls();
            let found = node.who_used_nonce(&wallet.address(), nonce, not_before, &head).await.expect("answers");
            let NonceUse::Used(user) = found else { panic!("nonce {nonce} from {not_before}: {found:?}") };
            assert_eq!((user.tx, user.block.height), (*expected, 3 * (nonce + 1)), "from {not_before}");
            assert_eq!((user.to, user.value), (Some(address(THEM)), Amount::new(100 + u128::from(nonce))));
            assert!(user.input.is_empty());
            assert!(watched.all_calls() - before <= 20, "{} questions", watched.all_calls() - before);
        }
    }
    assert_eq!(node.who_used_nonce(&wallet.address(), 5, 0, &head).await, Ok(NonceUse::NotUsed));
    let early = block_at(&node, 5).await;
    assert_eq!(node.who_used_nonce(&wallet.address(), 1, 0, &early).await, Ok(NonceUse::NotUsed), "not up to there");
    let gone = BlockRef { hash: tokengine_core::BlockHash([9; 32]), ..head };
    assert!(node.who_used_nonce(&wallet.address(), 1, 0, &gone).await.is_err(), "a block that is not on the chain");
}

#[tokio::test]
async fn nonces_are_told_for_the_state_asked_about() {
    let anvil = anvil();
    let wallet = Wallet::of(&anvil, 3);
    history(&anvil, &wallet);
    let node = node(anvil.url()).await;
    let head = head(&node).await;
    let pending = wallet.pay(Payload::noop(&wallet.address()), 5, dynamic(5, 1));
    node.send(&pending.raw).await.expect("answers");
    let network: Network<EvmNode> = network(&[anvil.url()], 1);
    let nonce = async |at| network.nonce_at(&wallet.address(), at).await.expect("answers");
    assert_eq!(nonce(At::Latest).await, 5);
    assert_eq!(nonce(At::Pending).await, 6);
    assert_eq!(nonce(At::Height(7)).await, 2);
    assert_eq!(nonce(At::Block(head.hash)).await, 5);
    assert_eq!(nonce(At::Finalized).await, 5);
    assert_eq!(nonce(At::Safe).await, 5);
}

#[tokio::test]
async fn while_no_node_can_tell_it_stays_unknown() {
    let anvil = anvil();
    let wallet = Wallet::of(&anvil, 3);
    let txs = history(&anvil, &wallet);
    let pruned = || {
        let proxy = FaultProxy::start(anvil.url()).expect("starts");
        // As a node that keeps the state of 20 blocks: by height it has nothing below 20.
        proxy.fault(
            "eth_getTransactionCount",
            Fault::answer(|call, answer| match quantity(&call["params"][1]) {
                Ok(height) if height < 20 => json!({
                    "jsonrpc": "2.0", "id": call["id"],
                    "error": {"code": -32000, "message": "missing trie node 5f (path ) state 0x5f is not available"},
                }),
                _ => answer,
            }),
        );
        proxy
    };
    let (one, two) = (pruned(), pruned());
    let urls = [one.url(), two.url()];
    let late = crate::chain::node(anvil.url()).await;
    let head = head(&late).await;
    let asked = async |network: Network<EvmNode>| {
        network.who_used_nonce(&wallet.address(), 2, 0, &head).await.expect("answers")
    };
    assert_eq!(asked(network(&[&urls[0], &urls[1]], 1)).await, NonceUse::Unanswerable);
    assert_eq!(asked(network(&[&urls[0], anvil.url()], 2)).await, NonceUse::Unanswerable, "one voice is not enough");
    // One archive node among pruned ones is asked in the end.
    let found = asked(network(&[&urls[0], &urls[1], anvil.url()], 1)).await;
    assert!(matches!(found, NonceUse::Used(user) if user.tx == txs[2]));
    let unused = network(&[&urls[0], &urls[1]], 2).who_used_nonce(&wallet.address(), 5, 0, &head).await;
    assert_eq!(unused, Ok(NonceUse::NotUsed), "that needs no history");
    let error = node(&urls[0]).await.nonce_at(&wallet.address(), At::Height(4)).await.expect_err("pruned");
    assert_eq!(error.code(), "chain-state-unavailable");
}

#[tokio::test]
async fn a_nonce_used_by_a_foreign_program_is_told_apart() {
    let anvil = anvil();
    let wallet = Wallet::of(&anvil, 3);
    let ours = wallet.pay(Payload::native(&address(THEM), Amount::new(1)), 0, dynamic(5, 1));
    let foreign = anvil.send(&anvil.accounts()[3], &anvil.accounts()[4], 77).expect("is sent");
    anvil.wait_success(&foreign).expect("is mined");
    let node = node(anvil.url()).await;
    let head = node.heads().await.expect("answers").latest;
    match node.who_used_nonce(&wallet.address(), 0, 0, &head).await.expect("answers") {
        NonceUse::Used(user) => {
            assert_ne!(user.tx, ours.tx);
            assert_eq!((user.to, user.value), (Some(address(&anvil.accounts()[4])), Amount::new(77)));
        }
        other => panic!("{other:?}"),
    }
}
