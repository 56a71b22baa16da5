//! The proxy is invisible until it is told to misbehave, and then does exactly that.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokengine_testkit::{Anvil, AnvilOptions, Error, Fault, FaultProxy, Mining, Rpc, quantity, wait_until};

use crate::SOON;

fn node_behind_proxy(mining: Mining) -> (Anvil, FaultProxy, Rpc) {
    let node = Anvil::start(AnvilOptions::default().mining(mining)).expect("anvil starts");
    let proxy = FaultProxy::start(node.url()).expect("listens");
    let client = Rpc::new(proxy.url());
    (node, proxy, client)
}

fn height(client: &Rpc) -> Result<u128, Error> {
    quantity(&client.call("eth_blockNumber", json!([]))?)
}

/// A payment signed by the node, ready to be sent raw, from an account that has sent nothing.
fn signed_payment(node: &Anvil) -> String {
    let call = json!({"from": node.accounts()[0], "to": node.accounts()[1], "value": "0x1", "gas": "0x5208",
        "maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x1", "nonce": "0x0", "chainId": "0x7a69", "type": "0x2"});
    let signed = node.rpc("eth_signTransaction", json!([call])).expect("signs");
    signed.as_str().or(signed["raw"].as_str()).expect("raw bytes").to_owned()
}

#[test]
fn without_a_fault_it_is_invisible_and_counts() {
    let (node, proxy, client) = node_behind_proxy(Mining::Instant);
    node.mine(3).expect("mines");
    assert_eq!(height(&client).expect("answers"), 3);
    assert!(matches!(client.call("no_such_method", json!([])), Err(Error::Rpc { .. })));
    assert_eq!((proxy.calls("eth_blockNumber"), proxy.calls("no_such_method"), proxy.all_calls()), (1, 1, 2));
}

#[test]
fn a_batch_is_answered_in_its_order_over_a_connection_that_stays() {
    let (_node, proxy, _) = node_behind_proxy(Mining::Instant);
    proxy.fault_times("eth_chainId", 1, Fault::result(|_, _| json!("0x2a")));
    let mut stream = TcpStream::connect(proxy.url().trim_start_matches("http://")).expect("connects");
    stream.set_read_timeout(Some(SOON)).expect("is set");
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_chainId", "params": []},
    ])
    .to_string();
    let want = [json!([(1, "0x2a"), (2, "0x7a69")]), json!([(1, "0x7a69"), (2, "0x7a69")])];
    for expected in want {
        write!(stream, "POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{batch}", batch.len()).expect("is sent");
        let answers = read_json(&mut stream);
        let got: Vec<(&Value, &Value)> =
            answers.as_array().expect("a batch").iter().map(|one| (&one["id"], &one["result"])).collect();
        assert_eq!(json!(got), expected);
    }
}

/// Reads one answer with a length, byte by byte, so that nothing of the next one is taken.
fn read_json(stream: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a header");
        bytes.extend(byte);
    }
    let head = String::from_utf8(bytes).expect("a text");
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn a_late_answer_comes_and_a_hanging_one_does_not() {
    let (_node, proxy, client) = node_behind_proxy(Mining::Instant);
    for fault in [Fault::DelayCall(Duration::from_millis(200)), Fault::DelayAnswer(Duration::from_millis(200))] {
        proxy.fault_times("eth_blockNumber", 1, fault);
        let started = Instant::now();
        assert_eq!(height(&client).expect("answers"), 0);
        assert!(started.elapsed() >= Duration::from_millis(200));
    }
    proxy.fault("*", Fault::Hang);
    let impatient = Rpc::new(proxy.url()).with_timeout(Duration::from_millis(200));
    assert!(matches!(height(&impatient), Err(Error::Io { .. })));
    proxy.heal();
    assert_eq!(height(&impatient).expect("answers"), 0);
}

#[test]
fn healing_lets_go_of_what_hangs() {
    let (_node, proxy, client) = node_behind_proxy(Mining::Instant);
    proxy.fault("*", Fault::Hang);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| height(&client));
        wait_until("the call", SOON, || proxy.calls("eth_blockNumber") == 1).expect("has come");
        proxy.heal();
        assert!(waiting.join().expect("no panic").is_err());
    });
}

#[test]
fn a_lost_answer_leaves_the_work_done_and_a_lost_call_does_not() {
    let (node, proxy, client) = node_behind_proxy(Mining::Manual);
    let raw = signed_payment(&node);
    let sender = &node.accounts()[0];
    proxy.fault_times("eth_sendRawTransaction", 1, Fault::DropCall);
    assert!(client.call("eth_sendRawTransaction", json!([raw])).is_err());
    assert_eq!(node.nonce(sender, "pending").expect("answers"), 0);
    proxy.fault_times("eth_sendRawTransaction", 1, Fault::DropAnswer);
    assert!(client.call("eth_sendRawTransaction", json!([raw])).is_err());
    assert_eq!(node.nonce(sender, "pending").expect("answers"), 1);
    assert!(matches!(client.call("eth_sendRawTransaction", json!([raw])), Err(Error::Rpc { .. })), "known already");
    assert_eq!(proxy.raw_transactions(), vec![raw; 3]);
    assert!(proxy.faults().is_empty(), "both are used up");
}

#[test]
fn asking_twice_shows_the_node_everything_twice() {
    let (node, proxy, _) = node_behind_proxy(Mining::Manual);
    let before_node = FaultProxy::start(&proxy.url()).expect("listens");
    before_node.fault("*", Fault::AskTwice);
    let raw = signed_payment(&node);
    let client = Rpc::new(before_node.url());
    assert!(client.call("eth_sendRawTransaction", json!([raw])).expect("the first answer").is_string());
    assert_eq!((before_node.calls("eth_sendRawTransaction"), proxy.calls("eth_sendRawTransaction")), (1, 2));
}

#[test]
fn it_can_refuse_and_talk_nonsense() {
    let (_node, proxy, client) = node_behind_proxy(Mining::Instant);
    proxy.fault_times("*", 1, Fault::Error { code: -32005, message: "limit exceeded".into() });
    assert!(matches!(height(&client), Err(Error::Rpc { code: -32005, .. })));
    proxy.fault_times("*", 1, Fault::Status(503));
    proxy.fault_times("*", 1, Fault::Garbage(b"<html>".to_vec()));
    for status in ["status 503", "status 200"] {
        let refused = height(&client).expect_err("no JSON").to_string();
        assert!(refused.contains(status), "{refused}");
    }
    assert_eq!(height(&client).expect("answers"), 0);
}

#[test]
fn it_can_lie_about_what_the_node_said() {
    let (node, proxy, client) = node_behind_proxy(Mining::Instant);
    let hash = node.send(&node.accounts()[0], &node.accounts()[1], 1).expect("is sent");
    node.wait_success(&hash).expect("succeeds");
    proxy.fault(
        "eth_getTransactionReceipt",
        Fault::result(|call, mut receipt| {
            assert!(call["params"][0].is_string());
            receipt["status"] = json!("0x0");
            receipt
        }),
    );
    let lie = client.call("eth_getTransactionReceipt", json!([hash])).expect("answers");
    assert_eq!((&lie["status"], &lie["transactionHash"]), (&json!("0x0"), &json!(hash)));
    let asked = std::sync::Arc::new(AtomicU64::new(0));
    proxy.fault(
        "eth_chainId",
        Fault::instead({
            let asked = asked.clone();
            move |_| json!(format!("{:#x}", asked.fetch_add(1, Ordering::Relaxed)))
        }),
    );
    assert_eq!(client.call("eth_chainId", json!([])).expect("answers"), json!("0x0"));
    assert_eq!(client.call("eth_chainId", json!([])).expect("answers"), json!("0x1"));
}

#[test]
fn a_fault_may_pick_its_calls() {
    let (node, proxy, client) = node_behind_proxy(Mining::Instant);
    let unlucky = node.accounts()[1].clone();
    let picked = unlucky.clone();
    proxy.fault_if("eth_getBalance", move |call| call["params"][0] == picked.as_str(), Fault::DropCall);
    assert!(client.call("eth_getBalance", json!([unlucky, "latest"])).is_err());
    assert!(client.call("eth_getBalance", json!([node.accounts()[0], "latest"])).is_ok());
    assert_eq!(proxy.calls("eth_getBalance"), 2);
}

#[test]
fn a_frozen_head_stays_where_it_was() {
    let (node, proxy, client) = node_behind_proxy(Mining::Instant);
    node.mine(2).expect("mines");
    assert_eq!(proxy.freeze_head().expect("is asked"), 2);
    node.mine(3).expect("mines");
    let block = |which: &str| client.call("eth_getBlockByNumber", json!([which, false])).expect("answers");
    assert_eq!((height(&client).expect("answers"), &block("latest")["number"]), (2, &json!("0x2")));
    assert_eq!((&block("0x1")["number"], block("0x4")), (&json!("0x1"), Value::Null));
    proxy.heal();
    assert_eq!((height(&client).expect("answers"), &block("0x4")["number"]), (5, &json!("0x4")));
}

#[test]
fn in_the_dark_nobody_answers_and_after_it_all_is_as_before() {
    let (_node, proxy, client) = node_behind_proxy(Mining::Instant);
    let mut idle = TcpStream::connect(proxy.url().trim_start_matches("http://")).expect("connects");
    idle.set_read_timeout(Some(SOON)).expect("is set");
    assert_eq!(height(&client).expect("answers"), 0);
    proxy.go_dark();
    assert_eq!(idle.read(&mut [0]).expect("is closed"), 0);
    assert!(matches!(height(&client), Err(Error::Io { .. })));
    proxy.restore();
    assert_eq!(height(&client).expect("answers"), 0);
}

#[test]
fn a_dead_node_behind_it_is_a_closed_connection() {
    let (mut node, _proxy, client) = node_behind_proxy(Mining::Instant);
    node.kill();
    assert!(matches!(height(&client), Err(Error::Io { .. })));
}
