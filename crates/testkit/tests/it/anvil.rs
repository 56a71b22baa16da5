//! The node does what its handle says.

use std::time::Duration;

use serde_json::json;
use tokengine_testkit::{Anvil, AnvilOptions, Error, Mining, Rpc, wait_until};

use crate::SOON;

const COIN: u128 = 1_000_000_000_000_000_000;

fn start() -> Anvil {
    Anvil::start(AnvilOptions::default()).expect("anvil starts")
}

#[test]
fn two_nodes_have_their_own_port_chain_and_funded_accounts() {
    let one = Anvil::start(AnvilOptions::chain(71)).expect("anvil starts");
    let mnemonic = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    let options = AnvilOptions { chain_id: 72, mnemonic: Some(mnemonic.into()), accounts: 3, ..Default::default() };
    let two = Anvil::start(options).expect("anvil starts");

    assert_ne!(one.port(), two.port());
    assert_eq!(one.rpc("eth_chainId", json!([])).expect("answers"), json!("0x47"));
    assert_eq!(two.rpc("eth_chainId", json!([])).expect("answers"), json!("0x48"));
    assert_eq!((one.accounts().len(), one.private_keys().len()), (10, 10));
    assert_eq!((two.accounts().len(), two.private_keys().len()), (3, 3));
    assert_eq!(one.accounts()[0].to_lowercase(), "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    assert_eq!(one.private_keys()[0], "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    assert_ne!(one.accounts()[0], two.accounts()[0]);
    assert_eq!(two.balance(&two.accounts()[2]).expect("answers"), 10_000 * COIN);
}

#[test]
fn a_payment_is_mined_at_once_and_counted() {
    let node = start();
    let (from, to) = (&node.accounts()[0], "0x00000000000000000000000000000000000000a1");
    let receipt = node.wait_success(&node.send(from, to, 5).expect("is sent")).expect("succeeds");
    assert_eq!(receipt["blockNumber"], json!("0x1"));
    assert_eq!(node.balance(to).expect("answers"), 5);
    assert_eq!(node.nonce(from, "latest").expect("answers"), 1);
    node.set_balance(to, 7).expect("is set");
    assert_eq!(node.balance(to).expect("answers"), 7);
}

#[test]
fn a_node_that_mines_by_hand_keeps_a_payment_pending_until_then() {
    let node = Anvil::start(AnvilOptions::default().mining(Mining::Manual)).expect("anvil starts");
    let from = &node.accounts()[0];
    let kept = node.send(from, &node.accounts()[1], 5).expect("is sent");
    assert_eq!(node.receipt(&kept).expect("answers"), None);
    assert_eq!((node.nonce(from, "latest").expect("latest"), node.nonce(from, "pending").expect("pending")), (0, 1));

    let dropped = node.send(&node.accounts()[2], &node.accounts()[1], 5).expect("is sent");
    node.drop_transaction(&dropped).expect("is dropped");
    node.mine(1).expect("mines");
    node.wait_success(&kept).expect("is in the block");
    assert_eq!(node.receipt(&dropped).expect("answers"), None);

    node.set_automine(true).expect("is set");
    node.wait_success(&node.send(from, &node.accounts()[1], 6).expect("is sent")).expect("is mined at once");
}

#[test]
fn blocks_come_by_themselves_when_they_should() {
    let node = Anvil::start(AnvilOptions::default().mining(Mining::Every(Duration::from_millis(100)))).expect("starts");
    wait_until("three blocks", SOON, || node.block_number().is_ok_and(|height| height >= 3)).expect("they come");
}

#[test]
fn final_blocks_are_behind_the_head_by_epochs() {
    let node = start();
    node.mine(10).expect("mines");
    assert_eq!(node.block_number().expect("answers"), 10);
    let height = |tag| node.block(tag).expect("there is one")["number"].clone();
    assert_eq!((height("latest"), height("safe"), height("finalized")), (json!("0xa"), json!("0x8"), json!("0x6")));
    assert!(matches!(node.block("11"), Err(Error::Unexpected { .. })));
}

#[test]
fn a_reorganisation_takes_a_payment_away_and_may_bring_another() {
    let node = start();
    let (from, to) = (&node.accounts()[0], "0x00000000000000000000000000000000000000a2");
    node.mine(2).expect("mines");
    let lost = node.send(from, to, 5).expect("is sent");
    node.wait_success(&lost).expect("succeeds");
    let raw = node.rpc("eth_getRawTransactionByHash", json!([lost])).expect("answers");
    node.mine(1).expect("mines");
    let (before, below) = (node.block("3").expect("block"), node.block("2").expect("block"));

    node.reorg(2).expect("reorganises");
    assert_eq!(node.block_number().expect("answers"), 4);
    assert_ne!(node.block("3").expect("block")["hash"], before["hash"]);
    assert_eq!(node.block("2").expect("block")["hash"], below["hash"]);
    assert_eq!(node.receipt(&lost).expect("answers"), None);
    assert_eq!(node.balance(to).expect("answers"), 0);

    let again = raw.as_str().expect("raw bytes").to_owned();
    node.reorg_with(2, &[(again, 1)]).expect("reorganises");
    assert_eq!(node.wait_success(&lost).expect("is back")["blockNumber"], json!("0x4"));
    assert_eq!(node.balance(to).expect("answers"), 5);
}

#[test]
fn a_snapshot_can_be_gone_back_to_once() {
    let node = start();
    node.mine(1).expect("mines");
    let snapshot = node.snapshot().expect("is taken");
    node.mine(5).expect("mines");
    node.revert(&snapshot).expect("goes back");
    assert_eq!(node.block_number().expect("answers"), 1);
    assert!(node.revert(&snapshot).is_err());
}

#[test]
fn it_signs_for_others_when_told_to() {
    let node = start();
    let stranger = "0x00000000000000000000000000000000000000a3";
    node.set_balance(stranger, COIN).expect("is set");
    assert!(matches!(node.send(stranger, &node.accounts()[1], 1), Err(Error::Rpc { .. })));
    node.impersonate(stranger).expect("is told");
    node.wait_success(&node.send(stranger, &node.accounts()[1], 1).expect("is sent")).expect("succeeds");
}

#[test]
fn a_restart_keeps_chain_and_port() {
    let mut node = start();
    let to = "0x00000000000000000000000000000000000000a4";
    let paid = node.send(&node.accounts()[0], to, 5).expect("is sent");
    node.wait_success(&paid).expect("succeeds");
    let (url, head) = (node.url().to_owned(), node.block("latest").expect("block")["hash"].clone());

    node.stop().expect("stops");
    assert!(matches!(node.block_number(), Err(Error::Io { .. })));
    node.resume().expect("starts again");
    assert_eq!(node.url(), url);
    assert_eq!(node.block("latest").expect("block")["hash"], head);
    assert_eq!(node.balance(to).expect("answers"), 5);
    assert!(node.receipt(&paid).expect("answers").is_some(), "the receipt is kept too");
    node.mine(1).expect("goes on");
}

#[test]
fn a_frozen_node_is_silent_until_it_thaws() {
    let mut node = start();
    let impatient = Rpc::new(node.url()).with_timeout(Duration::from_millis(300));
    node.freeze();
    assert!(impatient.call("eth_blockNumber", json!([])).is_err());
    node.thaw();
    assert_eq!(node.block_number().expect("answers again"), 0);
}

#[test]
fn a_node_that_cannot_start_says_why() {
    let options = AnvilOptions { extra_args: vec!["--no-such-flag".into()], ..Default::default() };
    let refused = Anvil::start(options).expect_err("cannot start");
    assert_eq!(refused.code(), "testkit-start");
    assert!(refused.to_string().contains("--no-such-flag"), "{refused}");

    let taken = start();
    let options = AnvilOptions { port: Some(taken.port()), ..Default::default() };
    assert_eq!(Anvil::start(options).expect_err("its port is taken").code(), "testkit-start");
}
