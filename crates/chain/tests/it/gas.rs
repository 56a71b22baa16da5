//! What gas costs, what a call would do, and what contracts say of signatures.

use serde_json::json;
use tokengine_chain::evm::tx::{PLAIN_GAS, Payload};
use tokengine_chain::fees::{DataFee, Fees, Policy, bump, first, is_stuck};
use tokengine_chain::{Accounts, At, Call, Code, Estimate, SendAnswer};
use tokengine_core::{Address, Amount};
use tokengine_testkit::{Anvil, Arg};

use crate::chain::{GWEI, Wallet, address, anvil, by_hand, deploy, invoke, network, node};

fn call(from: &str, to: &str, value: u128, input: Vec<u8>) -> Call {
    Call { from: address(from), to: address(to), value: Amount::new(value), input }
}

#[tokio::test]
async fn an_offer_made_from_the_suggestion_is_taken_and_its_replacement_too() {
    let anvil = anvil();
    by_hand(&anvil);
    anvil.set_next_base_fee(30 * GWEI).expect("is set");
    anvil.mine(1).expect("mines");
    let network = network(&[anvil.url()], 1);
    let now = network.suggestion().await.expect("answers");
    let base_fee = now.base_fee.expect("anvil has one");
    assert!(base_fee > 20 * GWEI && base_fee <= 30 * GWEI, "the next block's, a little below: {base_fee}");
    let policy = Policy::default();
    let wallet = Wallet::of(&anvil, 3);
    let offer = first(&policy, &now).expect("under the cap");
    let signed = wallet.pay(Payload::noop(&wallet.address()), 0, offer);
    assert_eq!(network.send(&signed.raw).await, Ok(SendAnswer::Accepted));

    // A spike: what was offered no longer gets in, and twice the step is offered instead.
    anvil.set_next_base_fee(200 * GWEI).expect("is set");
    anvil.mine(1).expect("mines");
    let spike = network.suggestion().await.expect("answers");
    assert!(is_stuck(&offer, &spike));
    let higher = bump(&policy, &offer, &spike).expect("under the cap");
    assert!(!is_stuck(&higher, &spike));
    let replacement = wallet.pay(Payload::noop(&wallet.address()), 0, higher);
    assert_eq!(network.send(&replacement.raw).await, Ok(SendAnswer::Accepted));
    let capped = Policy { cap: 50 * GWEI, ..policy };
    assert!(first(&capped, &spike).is_err() && matches!(offer, Fees::Dynamic { .. }));
}

#[tokio::test]
async fn a_call_is_tried_before_it_is_paid_for() {
    let anvil = anvil();
    let from = anvil.accounts()[0].clone();
    let hungry = deploy(&anvil, "HungryPayee", &[]);
    let closed = deploy(&anvil, "RefusingPayee", &[]);
    let token = deploy(&anvil, "TestToken", &[Arg::from("Test"), Arg::from("TST"), Arg::Uint(6)]);
    invoke(&anvil, &from, &token, "mint(address,uint256)", &[Arg::from(&from), Arg::Uint(100)]);
    let node = node(anvil.url()).await;
    let estimate = async |call: &Call| node.estimate(call).await.expect("answers");
    let other = anvil.accounts()[1].clone();
    assert_eq!(estimate(&call(&from, &other, 5, vec![])).await, Estimate::Gas(PLAIN_GAS));
    let needs = estimate(&call(&from, &hungry.0, 5, vec![])).await;
    assert!(matches!(needs, Estimate::Gas(gas) if gas > 2 * PLAIN_GAS), "{needs:?}");
    let refused = estimate(&call(&from, &closed.0, 5, vec![])).await;
    assert!(matches!(&refused, Estimate::Reverts(why) if why.contains("refused")), "{refused:?}");

    let pay = |amount| {
        let payload = Payload::token(&address(&token.0), &address(&other), Amount::new(amount)).expect("an address");
        call(&from, &token.0, 0, payload.input)
    };
    assert!(matches!(estimate(&pay(100)).await, Estimate::Gas(_)));
    assert!(matches!(estimate(&pay(101)).await, Estimate::Reverts(_)), "more than there is");
    invoke(&anvil, &from, &token, "setBlocked(address,bool)", &[Arg::from(&other), Arg::Bool(true)]);
    assert!(matches!(estimate(&pay(1)).await, Estimate::Reverts(_)), "block-listed");
}

#[tokio::test]
async fn what_the_op_stack_charges_is_asked_of_its_oracle() {
    let anvil = anvil();
    let node = node(anvil.url()).await;
    assert_eq!(node.data_fee(DataFee::None, &[1, 2]).await, Ok(Amount::ZERO));
    assert!(node.data_fee(DataFee::OpStack, &[1, 2]).await.is_err(), "no oracle here yet");
    // Answers the size of its call data: selector, offset, length and one word of bytes.
    let oracle = "0x420000000000000000000000000000000000000F";
    anvil.rpc("anvil_setCode", json!([oracle, "0x3660005260206000f3"])).expect("is set");
    assert_eq!(node.data_fee(DataFee::OpStack, &[1, 2]).await, Ok(Amount::new(4 + 3 * 32)));
    let network = network(&[anvil.url()], 1);
    assert_eq!(network.data_fee(DataFee::OpStack, &[1; 33]).await, Ok(Amount::new(4 + 4 * 32)));
}

#[tokio::test]
async fn code_tells_contracts_from_keys() {
    let anvil = anvil();
    let token = deploy(&anvil, "TestToken", &[Arg::from("Test"), Arg::from("TST"), Arg::Uint(6)]);
    let node = node(anvil.url()).await;
    let code = async |of: &str| node.code(&address(of), At::Latest).await.expect("answers");
    assert!(matches!(code(&token.0).await, Code::Contract(_)));
    assert_eq!(code(&anvil.accounts()[1]).await, Code::None);
    let delegated = format!("0xef0100{}", token.0.trim_start_matches("0x"));
    anvil.rpc("anvil_setCode", json!([anvil.accounts()[1], delegated])).expect("is set");
    assert_eq!(code(&anvil.accounts()[1]).await, Code::Delegated(address(&token.0)), "still somebody's key");
    assert_eq!(node.code(&address(&token.0), At::Height(0)).await, Ok(Code::None), "not yet");
    assert!(node.code(&Address::new("nobody").expect("short"), At::Latest).await.is_err());
}

#[tokio::test]
async fn a_contract_owns_up_to_its_signatures_as_long_as_it_does() {
    let anvil: Anvil = anvil();
    let from = anvil.accounts()[0].clone();
    let owner = Wallet::of(&anvil, 3);
    let wallet = deploy(&anvil, "ContractWallet", &[Arg::from(owner.address().as_str())]);
    anvil.mine(10).expect("mines"); // so that it is final
    let network = network(&[anvil.url(), anvil.url()], 2);
    let digest = [7; 32];
    let signature = owner.sign_hash(&digest).to_bytes();
    let valid = async |contract: &str, digest: [u8; 32], at| {
        network.valid_signature(&address(contract), digest, &signature, at).await.expect("answers")
    };
    assert!(valid(&wallet.0, digest, At::Latest).await && valid(&wallet.0, digest, At::Finalized).await);
    assert!(!valid(&wallet.0, [8; 32], At::Latest).await, "another content");
    assert!(!valid(&anvil.accounts()[1], digest, At::Latest).await, "an address without code");
    let token = deploy(&anvil, "TestToken", &[Arg::from("Test"), Arg::from("TST"), Arg::Uint(6)]);
    assert!(!valid(&token.0, digest, At::Latest).await, "a contract that knows no signatures reverts");

    invoke(&anvil, &from, &wallet, "invalidate(bool)", &[Arg::Bool(true)]);
    assert!(!valid(&wallet.0, digest, At::Latest).await, "taken back");
    assert!(valid(&wallet.0, digest, At::Finalized).await, "not finally yet");
}
