//! Every contract misbehaves exactly as it should.

use serde_json::Value;
use tokengine_testkit::{Anvil, AnvilOptions, Arg, Artifact, abi, artifact};

const A: &str = "0x00000000000000000000000000000000000000a1";
const B: &str = "0x00000000000000000000000000000000000000b2";

/// A node and one contract on it.
struct Scene {
    node: Anvil,
    contract: Artifact,
    at: String,
    /// The account that everything is sent from.
    me: String,
}

impl Scene {
    fn new(name: &str, args: &[Arg]) -> Self {
        let node = Anvil::start(AnvilOptions::default()).expect("anvil starts");
        let me = node.accounts()[0].clone();
        let contract = artifact(name).expect("is compiled");
        let at = node.deploy(&contract, args).expect("is deployed");
        Self { node, contract, at, me }
    }

    /// Calls a function and returns the receipt, whether it succeeded or not.
    fn call(&self, function: &str, args: &[Arg]) -> Value {
        let hash = self.node.invoke_with_gas(&self.me, &self.at, &self.contract, function, args, 1_000_000);
        self.node.wait_receipt(&hash.expect("is sent")).expect("is mined")
    }

    fn done(&self, function: &str, args: &[Arg]) -> Value {
        let receipt = self.call(function, args);
        assert_eq!(receipt["status"], "0x1", "{function}: {receipt}");
        receipt
    }

    fn transfer(&self, to: &str, amount: u128) -> Value {
        let hash = self.node.erc20_transfer(&self.at, &self.me, to, amount).expect("is sent");
        self.node.wait_success(&hash).expect("succeeds")
    }

    fn balance(&self, of: &str) -> u128 {
        self.node.erc20_balance(&self.at, of).expect("answers")
    }

    fn ask(&self, function: &str, args: &[Arg]) -> Vec<u8> {
        self.node.ask(&self.at, &self.contract, function, args).expect("answers")
    }

    fn mint(&self, to: &str, amount: u128) {
        self.done("mint(address,uint256)", &[to.into(), amount.into()]);
    }

    fn approve(&self, spender: &str, amount: u128) {
        self.done("approve(address,uint256)", &[spender.into(), amount.into()]);
    }

    /// Puts another contract beside this one.
    fn beside(&self, name: &str, args: &[Arg]) -> (Artifact, String) {
        let contract = artifact(name).expect("is compiled");
        let at = self.node.deploy(&contract, args).expect("is deployed");
        (contract, at)
    }
}

fn logs(receipt: &Value) -> usize {
    receipt["logs"].as_array().expect("logs").len()
}

fn last_byte(word: &[u8]) -> u8 {
    *word.last().expect("a word")
}

#[test]
fn an_honest_token_has_its_decimals_and_stops_when_told() {
    for decimals in [6_u8, 18] {
        let token = Scene::new("TestToken", &["Test".into(), "TST".into(), Arg::Uint(decimals.into())]);
        assert_eq!(last_byte(&token.ask("decimals()", &[])), decimals);
        token.mint(&token.me, 100);
        assert_eq!(logs(&token.transfer(A, 40)), 1);
        assert_eq!((token.balance(A), token.balance(&token.me)), (40, 60));

        token.done("pause()", &[]);
        assert_eq!(token.call("transfer(address,uint256)", &[A.into(), Arg::Uint(1)])["status"], "0x0");
        token.done("unpause()", &[]);
        token.done("setBlocked(address,bool)", &[A.into(), true.into()]);
        assert_eq!(token.call("transfer(address,uint256)", &[A.into(), Arg::Uint(1)])["status"], "0x0");
        token.transfer(B, 1);
        assert_eq!((token.balance(A), token.balance(B)), (40, 1));
        token.done("mintMany(address[],uint256)", &[vec![B, token.me.as_str()].into(), Arg::Uint(9)]);
        assert_eq!((token.balance(B), token.balance(&token.me)), (10, 68));
    }
}

#[test]
fn a_token_may_return_nothing() {
    let token = Scene::new("NoReturnToken", &[]);
    token.mint(&token.me, 10);
    assert_eq!(logs(&token.transfer(A, 4)), 1);
    assert_eq!(token.balance(A), 4);
    assert!(token.ask("transfer(address,uint256)", &[A.into(), Arg::Uint(0)]).is_empty());
}

#[test]
fn a_token_may_say_false_and_move_nothing() {
    let token = Scene::new("FalseToken", &[]);
    token.mint(&token.me, 10);
    assert_eq!(logs(&token.transfer(A, 11)), 0, "status 1 and no log");
    assert_eq!(logs(&token.transfer(A, 4)), 1);
    token.done("refuse(bool)", &[true.into()]);
    assert_eq!(logs(&token.transfer(A, 1)), 0);
    assert_eq!(token.balance(A), 4);
    assert_eq!(last_byte(&token.ask("transfer(address,uint256)", &[A.into(), Arg::Uint(1)])), 0);
}

#[test]
fn a_token_may_keep_a_part_of_what_is_sent() {
    let token = Scene::new("FeeToken", &[Arg::Uint(250), B.into()]);
    token.mint(&token.me, 1000);
    assert_eq!(logs(&token.transfer(A, 1000)), 2);
    assert_eq!((token.balance(A), token.balance(B)), (975, 25));
}

#[test]
fn a_token_may_call_its_receiver_which_calls_back() {
    let token = Scene::new("HookToken", &[]);
    let (reentrant, receiver) = token.beside("Reentrant", &[]);
    token.mint(&receiver, 5);
    token.mint(&token.me, 10);
    let inner = token.contract.call("transfer(address,uint256)", &[A.into(), Arg::Uint(5)]).expect("encodes");
    let inner = abi::from_hex(&inner).expect("is hexadecimal");
    let armed = token.node.invoke(
        &token.me,
        &receiver,
        &reentrant,
        "arm(address,bytes)",
        &[token.at.as_str().into(), Arg::Bytes(inner)],
    );
    token.node.wait_success(&armed.expect("is sent")).expect("succeeds");

    assert_eq!(logs(&token.transfer(&receiver, 10)), 2, "the transfer, and one from inside it");
    assert_eq!((token.balance(A), token.balance(&receiver)), (5, 10));
    let flag = token.node.ask(&receiver, &reentrant, "lastCallSucceeded()", &[]).expect("answers");
    assert_eq!(last_byte(&flag), 1);
}

#[test]
fn a_token_may_change_all_balances_without_a_log() {
    let token = Scene::new("RebasingToken", &[]);
    token.mint(&token.me, 1000);
    token.transfer(A, 100);
    assert_eq!(logs(&token.done("rebase(uint256)", &[Arg::Uint(900)])), 0);
    assert_eq!((token.balance(A), token.balance(&token.me)), (90, 810));
}

#[test]
fn a_collectible_has_four_topics() {
    let nft = Scene::new("TestNft", &[]);
    let receipt = nft.done("mint(address,uint256)", &[A.into(), Arg::Uint(7)]);
    let topics = receipt["logs"][0]["topics"].as_array().expect("topics");
    assert_eq!(topics.len(), 4);
    let token = Scene::new("TestToken", &["Test".into(), "TST".into(), Arg::Uint(6)]);
    let mint = token.done("mint(address,uint256)", &[A.into(), Arg::Uint(7)]);
    assert_eq!(mint["logs"][0]["topics"][0], topics[0], "the same event by its first topic");
    assert_eq!(mint["logs"][0]["topics"].as_array().expect("topics").len(), 3);
}

#[test]
fn a_fake_writes_any_log_and_moves_nothing() {
    let fake = Scene::new("FakeToken", &["Tether USD".into(), "USDT".into(), Arg::Uint(6)]);
    let forged = fake.done("forge(address,address,uint256)", &[A.into(), B.into(), Arg::Uint(1_000_000)]);
    let topics = forged["logs"][0]["topics"].as_array().expect("topics");
    assert_eq!(topics.len(), 3);
    assert!(topics[1].as_str().expect("a topic").ends_with(A.trim_start_matches("0x")));
}

#[test]
fn what_is_behind_a_proxy_can_change() {
    let v1 = Scene::new("TokenV1", &[]);
    let (_, v2) = v1.beside("TokenV2", &[]);
    let (_, proxy) = v1.beside("TokenProxy", &[v1.at.as_str().into()]);
    let token = Scene { at: proxy, ..v1 };
    token.mint(&token.me, 1000);
    token.transfer(A, 100);
    assert_eq!((token.balance(A), last_byte(&token.ask("decimals()", &[]))), (100, 6));
    token.done("upgradeTo(address)", &[v2.as_str().into()]);
    token.transfer(A, 100);
    assert_eq!((token.balance(A), last_byte(&token.ask("decimals()", &[]))), (190, 18));
}

#[test]
fn one_transaction_may_pay_many() {
    let token = Scene::new("TestToken", &["Test".into(), "TST".into(), Arg::Uint(6)]);
    let (splitter, at) = token.beside("Splitter", &[]);
    token.mint(&token.me, 100);
    token.approve(&at, 100);
    let paid = token.node.invoke(
        &token.me,
        &at,
        &splitter,
        "payTokens(address,address[],uint256[])",
        &[token.at.as_str().into(), vec![A, B, A].into(), vec![1_u128, 2, 3].into()],
    );
    assert_eq!(logs(&token.node.wait_success(&paid.expect("is sent")).expect("succeeds")), 3);
    assert_eq!((token.balance(A), token.balance(B)), (4, 2));

    let data = splitter.call("payNative(address[],uint256[])", &[vec![A, B].into(), vec![5_u128, 6].into()]);
    let call = serde_json::json!({"from": token.me, "to": at, "data": data.expect("encodes"), "value": "0xb"});
    let hash = token.node.send_transaction(call).expect("is sent");
    assert_eq!(logs(&token.node.wait_success(&hash).expect("succeeds")), 0);
    assert_eq!((token.node.balance(A).expect("answers"), token.node.balance(B).expect("answers")), (5, 6));
}

#[test]
fn value_can_be_forced_on_any_address() {
    let wallet = Scene::new("RefusingPayee", &[]);
    let refused = wallet.node.send(&wallet.me, &wallet.at, 7).expect("is sent");
    assert_eq!(wallet.node.wait_receipt(&refused).expect("is mined")["status"], "0x0");
    let forcer = artifact("Forcer").expect("is compiled");
    wallet.node.deploy_with_value(&forcer, &[wallet.at.as_str().into()], 7).expect("is deployed");
    assert_eq!(wallet.node.balance(&wallet.at).expect("answers"), 7);
    wallet.done("refuse(bool)", &[false.into()]);
    wallet.node.wait_success(&wallet.node.send(&wallet.me, &wallet.at, 1).expect("is sent")).expect("succeeds");
}

#[test]
fn an_inner_call_may_revert_while_the_transaction_succeeds() {
    let scene = Scene::new("TestToken", &["Test".into(), "TST".into(), Arg::Uint(6)]);
    let (outer, at) = scene.beside("InnerRevert", &[]);
    scene.mint(&scene.me, 10);
    scene.approve(&at, 10);
    let tried = scene.node.invoke(
        &scene.me,
        &at,
        &outer,
        "tryTokens(address,address,uint256)",
        &[scene.at.as_str().into(), A.into(), Arg::Uint(10)],
    );
    let receipt = scene.node.wait_success(&tried.expect("is sent")).expect("succeeds");
    assert_eq!(logs(&receipt), 1, "only that it was tried");
    assert_eq!(scene.balance(A), 0);

    let data = outer.call("tryNative(address)", &[A.into()]).expect("encodes");
    let call = serde_json::json!({"from": scene.me, "to": at, "data": data, "value": "0x9", "gas": "0xf4240"});
    scene.node.wait_success(&scene.node.send_transaction(call).expect("is sent")).expect("succeeds");
    assert_eq!((scene.node.balance(A).expect("answers"), scene.node.balance(&at).expect("answers")), (0, 9));
}

#[test]
fn a_payee_may_need_more_gas_than_a_plain_payment_has() {
    let payee = Scene::new("HungryPayee", &[]);
    let pay = |gas: &str| {
        let call = serde_json::json!({"from": payee.me, "to": payee.at, "value": "0x1", "gas": gas});
        payee.node.send_transaction(call).and_then(|hash| payee.node.wait_receipt(&hash))
    };
    assert_eq!(pay("0x5208").expect("is mined")["status"], "0x0");
    assert_eq!(pay("0x186a0").expect("is mined")["status"], "0x1");
    assert_eq!(payee.node.balance(&payee.at).expect("answers"), 1);
}

#[test]
fn a_contract_signs_through_its_owner_until_that_changes() {
    const VALID: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];
    let node = Anvil::start(AnvilOptions::default()).expect("anvil starts");
    let owner = node.accounts()[1].clone();
    let contract = artifact("ContractWallet").expect("is compiled");
    let at = node.deploy(&contract, &[owner.as_str().into()]).expect("is deployed");
    let wallet = Scene { me: node.accounts()[0].clone(), node, contract, at };

    // The node signs the EIP-191 hash of the text; the hash of "hello" is well known.
    let hash = abi::from_hex("50b2c43fd39106bafbba0da34fc430e1f91e3c96ea2acee2bc34119f92b37750").expect("a hash");
    let hash = Arg::Word(hash.try_into().expect("32 bytes"));
    let signature = wallet.node.rpc("eth_sign", serde_json::json!([owner, abi::to_hex(b"hello")])).expect("signs");
    let signature = abi::from_hex(signature.as_str().expect("a text")).expect("is hexadecimal");
    let answer = || {
        let args = [hash.clone(), Arg::Bytes(signature.clone())];
        wallet.ask("isValidSignature(bytes32,bytes)", &args)[..4].to_vec()
    };
    assert_eq!(answer(), VALID);
    wallet.done("invalidate(bool)", &[true.into()]);
    assert_ne!(answer(), VALID);
    wallet.done("invalidate(bool)", &[false.into()]);
    assert_eq!(answer(), VALID);
    wallet.done("setOwner(address)", &[A.into()]);
    assert_ne!(answer(), VALID);

    let transfer = artifact("TestToken").expect("is compiled");
    let token = wallet.node.deploy(&transfer, &["T".into(), "T".into(), Arg::Uint(6)]).expect("is deployed");
    let minted = transfer.call("mint(address,uint256)", &[B.into(), Arg::Uint(3)]).expect("encodes");
    let minted = abi::from_hex(&minted).expect("is hexadecimal");
    wallet.done("execute(address,uint256,bytes)", &[token.as_str().into(), Arg::Uint(0), Arg::Bytes(minted)]);
    assert_eq!(wallet.node.erc20_balance(&token, B).expect("answers"), 3);
}

#[test]
fn a_name_that_is_no_contract_is_an_error() {
    assert_eq!(artifact("NoSuchContract").expect_err("there is none").code(), "testkit-no-contract");
    assert!(artifact("TestToken").expect("is compiled").call("mint(address)", &[A.into()]).is_err());
}
