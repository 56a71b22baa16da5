//! A node that is silent, floods, talks nonsense or contradicts itself, and what may be told of it.

use std::time::Duration;

use serde_json::json;
use tokengine_chain::evm::{EvmConfig, EvmNode};
use tokengine_chain::{Error, Node, Receivers, TxStatus};
use tokengine_core::TxId;
use tokengine_testkit::{Anvil, Fault, FaultProxy};

use crate::chain::{address, anvil, block_of, config, eventually, node, tx};

const US: &str = "0x00000000000000000000000000000000000000a1";

fn proxy(anvil: &Anvil) -> FaultProxy {
    FaultProxy::start(anvil.url()).expect("starts")
}

#[tokio::test]
async fn no_error_tells_where_a_provider_is() {
    let anvil = anvil();
    let faulty = proxy(&anvil);
    let secret = "c0ffee-key";
    let limits = EvmConfig { timeout: Duration::from_millis(300), max_response_bytes: 4_096, ..config("") };
    let at = |url: String| EvmNode::new(&EvmConfig { url, ..limits.clone() });
    let node = at(format!("{}/v3/{secret}", faulty.url())).expect("a good address");
    let flood = format!(r#"{{"jsonrpc":"2.0","id":1,"result":"{}"}}"#, "x".repeat(10_000)).into_bytes();
    let error = |code: i64, message: &str| Fault::Error { code, message: message.to_owned() };
    let mut seen = Vec::new();
    for (fault, code) in [
        (Fault::Hang, "chain-timeout"),
        (Fault::DropCall, "chain-unreachable"),
        (Fault::DropAnswer, "chain-unreachable"),
        (Fault::Status(503), "chain-unreachable"),
        (Fault::Status(429), "chain-rate-limited"),
        (Fault::Garbage(b"<html>bad gateway</html>".to_vec()), "chain-decode"),
        (Fault::Garbage(flood), "chain-decode"),
        (error(-32000, &format!("upstream https://rpc.example/{secret} failed")), "chain-refused"),
        (error(-32005, "daily request count exceeded"), "chain-rate-limited"),
        (error(-32601, "the method eth_chainId does not exist/is not available"), "chain-unsupported"),
        (error(-32000, "missing trie node 00 (path )"), "chain-state-unavailable"),
    ] {
        faulty.fault("eth_chainId", fault);
        let error = node.identity().await.expect_err("a fault");
        assert_eq!(error.code(), code, "{error}");
        seen.push(error);
        faulty.heal();
    }
    faulty.go_dark();
    seen.push(node.identity().await.expect_err("nobody there"));
    seen.extend(at(format!("ftp://{secret}@host/")).err());
    seen.extend(at(format!("http//{secret}")).err());
    assert_eq!(seen.len(), 14);
    for error in seen {
        let told = format!("{error} {error:?}");
        assert!(!told.contains(secret) && !told.contains("127.0.0.1") && !told.contains("://"), "{told}");
    }
}

#[tokio::test]
async fn an_error_is_never_an_absence() {
    let anvil = anvil();
    let faulty = proxy(&anvil);
    let node = node(&faulty.url()).await;
    let paid = anvil.send(&anvil.accounts()[0], US, 5).expect("is sent");
    anvil.wait_success(&paid).expect("is mined");
    for method in ["eth_getTransactionReceipt", "eth_getTransactionByHash"] {
        faulty.fault(method, Fault::Error { code: -32603, message: "internal error".to_owned() });
        assert_eq!(node.status(tx(&paid)).await.expect_err("unknown").code(), "chain-refused");
        faulty.heal();
    }
    assert!(matches!(node.status(tx(&paid)).await, Ok(TxStatus::InBlock(_))));
    assert_eq!(node.status(TxId([3; 32])).await, Ok(TxStatus::Unknown));
}

#[tokio::test]
async fn answers_about_another_block_or_transaction_are_not_used() {
    let anvil = anvil();
    let other = anvil.send(&anvil.accounts()[0], &anvil.accounts()[1], 1).expect("is sent");
    let other = anvil.wait_success(&other).expect("is mined");
    let paid = anvil.send(&anvil.accounts()[0], US, 5).expect("is sent");
    let block = block_of(&anvil, &paid);
    let faulty = proxy(&anvil);
    let node = node(&faulty.url()).await;
    let receivers = Receivers::few([address(US)], []);
    let scanned = async || node.payments(block, &receivers).await;
    assert_eq!(scanned().await.expect("it works").payments.len(), 1);

    let wrong = format!("0x{}", "ab".repeat(32));
    let lies: Vec<(&str, Fault, &str)> = vec![
        (
            "eth_getTransactionReceipt",
            Fault::result({
                let other = other.clone();
                move |_, _| other.clone()
            }),
            "chain-decode",
        ),
        ("eth_getTransactionReceipt", Fault::result(|_, _| json!(null)), "chain-block-unknown"),
        (
            "eth_getTransactionReceipt",
            Fault::result({
                let wrong = wrong.clone();
                move |_, mut receipt| {
                    receipt["blockHash"] = json!(wrong);
                    receipt
                }
            }),
            "chain-block-unknown",
        ),
        (
            "eth_getTransactionReceipt",
            Fault::result(|_, mut receipt| {
                receipt["status"] = json!(null);
                receipt
            }),
            "chain-decode",
        ),
        (
            "eth_getBlockByHash",
            Fault::result({
                let wrong = wrong.clone();
                move |_, mut block| {
                    block["hash"] = json!(wrong);
                    block
                }
            }),
            "chain-decode",
        ),
        ("eth_getBlockByHash", Fault::result(|_, _| json!(null)), "chain-block-unknown"),
        (
            "eth_getLogs",
            Fault::result(move |_, _| {
                json!([{
                    "address": US, "data": "0x", "topics": [], "blockHash": wrong, "transactionHash": null,
                }])
            }),
            "chain-decode",
        ),
        ("eth_getLogs", Fault::Error { code: -32000, message: "query timeout".to_owned() }, "chain-refused"),
        (
            "debug_traceBlockByHash",
            Fault::Error { code: -32000, message: "tracing failed".to_owned() },
            "chain-refused",
        ),
        (
            "debug_traceBlockByHash",
            Fault::result(|_, _| json!([{"result": {"type": "CALL", "from": US}}])),
            "chain-decode",
        ),
    ];
    for (method, fault, code) in lies {
        let shown = format!("{method} {fault:?}");
        faulty.fault(method, fault);
        assert_eq!(scanned().await.expect_err(&shown).code(), code, "{shown}");
        faulty.heal();
    }
    faulty.fault("eth_getTransactionReceipt", Fault::result(move |_, _| other.clone()));
    assert_eq!(node.status(tx(&paid)).await.expect_err("another transaction").code(), "chain-decode");
}

#[tokio::test]
async fn a_block_that_cannot_be_traced_does_not_stop_the_scan() {
    let anvil = anvil();
    let paid = anvil.send(&anvil.accounts()[0], US, 5).expect("is sent");
    let block = block_of(&anvil, &paid);
    let faulty = proxy(&anvil);
    let node = node(&faulty.url()).await;
    let given_up = json!([{ "txHash": paid, "error": "execution timeout" }]);
    faulty.fault("debug_traceBlockByHash", Fault::result(move |_, _| given_up.clone()));
    let scan = node.payments(block, &Receivers::few([address(US)], [])).await.expect("answers");
    assert_eq!((scan.payments.len(), scan.traced), (1, false), "the reconciler looks for the rest");

    // A node that offers none is found out at the start, and counts as such.
    faulty.heal();
    faulty.fault("debug_traceBlockByHash", Fault::Error { code: -32601, message: "Method not found".to_owned() });
    let plain = crate::chain::node(&faulty.url()).await;
    assert!(!plain.traces());
    let mixed = crate::chain::network(&[&faulty.url(), anvil.url()], 2);
    assert!(!mixed.is_traced().await, "two have to agree, and only one traces");
    let scan = mixed.payments(block, &Receivers::few([address(US)], [])).await.expect("answers");
    assert_eq!((scan.payments.len(), scan.traced), (1, false));
    assert!(crate::chain::network(&[&faulty.url(), anvil.url()], 1).is_traced().await);
}

#[tokio::test]
async fn no_more_questions_run_at_once_than_allowed() {
    let anvil = anvil();
    let slow = proxy(&anvil);
    let node = EvmNode::new(&EvmConfig { max_concurrent: 1, ..config(&slow.url()) }).expect("good");
    slow.fault_times("eth_getBlockByNumber", 1, Fault::Hang);
    let asked = || node.block(tokengine_chain::BlockId::Height(0));
    let (first, others) = tokio::join!(asked(), async {
        eventually("the first question", async || (slow.calls("eth_getBlockByNumber") == 1).then_some(())).await;
        // The second waits for its turn: it is not even sent, though the node would answer it at once.
        assert!(tokio::time::timeout(Duration::from_millis(100), asked()).await.is_err());
        assert_eq!(slow.calls("eth_getBlockByNumber"), 1);
        slow.heal();
        asked().await
    });
    assert!(matches!(first, Err(Error::Unreachable { .. })), "{first:?}");
    assert!(others.expect("answers").is_some());
}
