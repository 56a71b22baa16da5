//! Sending signed bytes, and what becomes of them.

use serde_json::json;
use tokengine_chain::evm::tx::{PLAIN_GAS, Payload, Signed};
use tokengine_chain::{Inclusion, Node, SendAnswer, TxStatus};
use tokengine_core::{Amount, TxId};
use tokengine_testkit::{Anvil, Fault, FaultProxy};

use crate::chain::{CHAIN_ID, Wallet, address, anvil, by_hand, deploy, dynamic, eventually, network, node};

const THEM: &str = "0x00000000000000000000000000000000000000b1";

async fn included(node: &impl Node, tx: TxId) -> TxStatus {
    eventually("inclusion", async || match node.status(tx).await.expect("answers") {
        TxStatus::Unknown | TxStatus::InMempool => None,
        status => Some(status),
    })
    .await
}

#[tokio::test]
async fn a_payout_is_followed_from_its_bytes_to_its_cost() {
    let anvil = anvil();
    by_hand(&anvil);
    let wallet = Wallet::of(&anvil, 3);
    let node = node(anvil.url()).await;
    let signed = wallet.pay(Payload::native(&address(THEM), Amount::new(7)), 0, dynamic(5, 1));
    assert_eq!(node.status(signed.tx).await, Ok(TxStatus::Unknown));
    assert_eq!(node.send(&signed.raw).await, Ok(SendAnswer::Accepted));
    assert_eq!(node.status(signed.tx).await, Ok(TxStatus::InMempool));
    assert_eq!(node.send(&signed.raw).await, Ok(SendAnswer::AlreadyKnown));

    let before = anvil.balance(wallet.address().as_str()).expect("answers");
    anvil.mine(1).expect("mines");
    let TxStatus::InBlock(Inclusion { block, gas_used, cost }) = included(&node, signed.tx).await else { panic!() };
    assert_eq!((block.height, gas_used), (1, PLAIN_GAS));
    let after = anvil.balance(wallet.address().as_str()).expect("answers");
    assert_eq!(before - after, 7 + cost.base_units(), "the cost is all that left besides the amount");
    let again = node.send(&signed.raw).await.expect("answers");
    assert!(matches!(again, SendAnswer::NonceTooLow | SendAnswer::AlreadyKnown), "{again:?}");

    // Taken away by a reorg it is back where it was, with the same bytes.
    anvil.reorg(1).expect("reorganises");
    let status = eventually("the reorg", async || {
        node.status(signed.tx).await.ok().filter(|status| !matches!(status, TxStatus::InBlock(_)))
    });
    assert!(matches!(status.await, TxStatus::Unknown | TxStatus::InMempool));
    let answer = node.send(&signed.raw).await.expect("answers");
    assert!(matches!(answer, SendAnswer::Accepted | SendAnswer::AlreadyKnown), "{answer:?}");
    anvil.mine(1).expect("mines");
    assert!(matches!(included(&node, signed.tx).await, TxStatus::InBlock(_)));
    assert_eq!(anvil.balance(THEM).expect("answers"), 7, "one payment");
}

#[tokio::test]
async fn a_payout_that_reverts_costs_gas_and_pays_nothing() {
    let anvil = anvil();
    let closed = deploy(&anvil, "RefusingPayee", &[]);
    let wallet = Wallet::of(&anvil, 3);
    let node = node(anvil.url()).await;
    let before = anvil.balance(wallet.address().as_str()).expect("answers");
    let signed = wallet.pay(Payload::native(&address(&closed.0), Amount::new(7)), 0, dynamic(5, 1));
    assert_eq!(node.send(&signed.raw).await, Ok(SendAnswer::Accepted));
    let TxStatus::Reverted(inclusion) = included(&node, signed.tx).await else { panic!("it cannot succeed") };
    let after = anvil.balance(wallet.address().as_str()).expect("answers");
    assert_eq!(before - after, inclusion.cost.base_units());
}

#[tokio::test]
async fn what_a_network_charges_for_data_is_part_of_the_cost() {
    let anvil = anvil();
    let layer2 = FaultProxy::start(anvil.url()).expect("starts");
    layer2.fault(
        "eth_getTransactionReceipt",
        Fault::result(|_, mut receipt| {
            receipt["l1Fee"] = json!("0x3e8");
            receipt
        }),
    );
    let wallet = Wallet::of(&anvil, 3);
    let signed = wallet.pay(Payload::noop(&wallet.address()), 0, dynamic(5, 1));
    let (plain, layer2) = (node(anvil.url()).await, node(&layer2.url()).await);
    assert_eq!(plain.send(&signed.raw).await, Ok(SendAnswer::Accepted));
    let (TxStatus::InBlock(without), TxStatus::InBlock(with)) =
        (included(&plain, signed.tx).await, included(&layer2, signed.tx).await)
    else {
        panic!("a transfer to oneself succeeds")
    };
    assert_eq!(with.cost.base_units(), without.cost.base_units() + 1_000);
}

#[tokio::test]
async fn a_real_node_refuses_in_words_that_are_understood() {
    let anvil = anvil();
    by_hand(&anvil);
    let wallet = Wallet::of(&anvil, 3);
    let node = node(anvil.url()).await;
    let pay =
        |amount: u128, nonce: u64, fees| wallet.pay(Payload::native(&address(THEM), Amount::new(amount)), nonce, fees);
    let send = async |signed: &Signed| node.send(&signed.raw).await.expect("answers");

    assert_eq!(send(&pay(1, 0, dynamic(10, 2))).await, SendAnswer::Accepted);
    assert_eq!(send(&pay(2, 0, dynamic(10, 2))).await, SendAnswer::Underpriced, "it must pay more to replace");
    assert_eq!(send(&pay(2, 0, dynamic(12, 3))).await, SendAnswer::Accepted);
    assert_eq!(send(&pay(u128::MAX >> 1, 1, dynamic(10, 2))).await, SendAnswer::InsufficientFunds);
    anvil.mine(1).expect("mines");
    eventually("the block", async || (node.heads().await.expect("answers").latest.height == 1).then_some(())).await;
    assert_eq!(send(&pay(3, 0, dynamic(20, 5))).await, SendAnswer::NonceTooLow);

    let other_chain = wallet.sign(&Payload::noop(&wallet.address()).draft(CHAIN_ID + 1, 1, PLAIN_GAS, dynamic(10, 2)));
    assert!(matches!(send(&other_chain).await, SendAnswer::Rejected(_)));
    let too_little_gas = wallet.sign(&Payload::noop(&wallet.address()).draft(CHAIN_ID, 1, 20_999, dynamic(10, 2)));
    assert!(matches!(send(&too_little_gas).await, SendAnswer::Rejected(_)));
    assert!(matches!(node.send(&[1, 2, 3]).await, Ok(SendAnswer::Rejected(_))));
}

#[tokio::test]
async fn one_node_that_takes_a_transaction_is_enough() {
    let anvil = anvil();
    let faulty = FaultProxy::start(anvil.url()).expect("starts");
    let faulty_url = faulty.url();
    let refuse = |message: &str| Fault::Error { code: -32000, message: message.to_owned() };
    let network = network(&[&faulty_url, anvil.url()], 1);
    let wallet = Wallet::of(&anvil, 3);
    let pay = |nonce| wallet.pay(Payload::native(&address(THEM), Amount::new(7)), nonce, dynamic(5, 1));

    faulty.fault("eth_sendRawTransaction", refuse("insufficient funds for gas * price + value"));
    assert_eq!(network.send(&pay(0).raw).await, Ok(SendAnswer::Accepted));
    faulty.heal();
    faulty.fault("eth_sendRawTransaction", Fault::DropCall);
    assert_eq!(network.send(&pay(1).raw).await, Ok(SendAnswer::Accepted));

    // The answer is lost, and the bytes are out: an error, and only the status knows.
    faulty.heal();
    let alone = crate::chain::network(&[&faulty_url], 1);
    faulty.fault_times("eth_sendRawTransaction", 1, Fault::DropAnswer);
    let signed = pay(2);
    assert_eq!(alone.send(&signed.raw).await.expect_err("unknown").code(), "chain-no-quorum");
    eventually("the truth", async || match alone.status(signed.tx).await {
        Ok(TxStatus::InBlock(_)) => Some(()),
        _ => None,
    })
    .await;
    assert_eq!(anvil.balance(THEM).expect("answers"), 21);
}

#[tokio::test]
async fn networks_without_a_base_fee_are_paid_the_old_way() {
    let old = tokengine_testkit::AnvilOptions {
        extra_args: vec!["--hardfork".to_owned(), "berlin".to_owned()],
        ..Default::default()
    };
    let anvil = Anvil::start(old).expect("starts");
    let network = network(&[anvil.url()], 1);
    let now = network.suggestion().await.expect("answers");
    assert_eq!(now.base_fee, None);
    let fees = tokengine_chain::fees::first(&Default::default(), &now).expect("under the cap");
    assert_eq!(fees, tokengine_chain::fees::Fees::Legacy { gas_price: now.gas_price });
    let wallet = Wallet::of(&anvil, 3);
    let signed = wallet.pay(Payload::native(&address(THEM), Amount::new(9)), 0, fees);
    assert_eq!(network.send(&signed.raw).await, Ok(SendAnswer::Accepted));
    assert!(matches!(included(network.nodes().next().expect("one"), signed.tx).await, TxStatus::InBlock(_)));
    assert_eq!(anvil.balance(THEM).expect("answers"), 9);
}
