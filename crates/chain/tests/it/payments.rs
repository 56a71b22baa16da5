//! Which payments a block, or a transaction, is seen to hold.

use std::collections::BTreeSet;

use tokengine_chain::evm::{EvmConfig, EvmNode};
use tokengine_chain::{Asset, At, Ignored, Node, Outcome, Payment, Receivers, Scan, TooLarge, TxPayments};
use tokengine_core::{Address, Amount, Locator, TxId};
use tokengine_testkit::{Anvil, Arg, Artifact};

use crate::chain::{address, anvil, block_of, by_hand, config, deploy, invoke, node, tx};

const US: &str = "0x00000000000000000000000000000000000000a1";
const US_TOO: &str = "0x00000000000000000000000000000000000000a2";

/// One block with every kind of payment, and of what only looks like one.
struct Block {
    anvil: Anvil,
    hash: tokengine_core::BlockHash,
    txs: Vec<TxId>,
    few: Receivers,
    expected: Vec<Payment>,
    ignored: Ignored,
}

impl Block {
    fn make() -> Self {
        let anvil = anvil();
        let [from, other] = [anvil.accounts()[0].clone(), anvil.accounts()[1].clone()];
        let token = deploy(&anvil, "TestToken", &[Arg::from("Test"), Arg::from("TST"), Arg::Uint(6)]);
        let fee = deploy(&anvil, "FeeToken", &[Arg::Uint(100), Arg::from(&other)]);
        let none = deploy(&anvil, "NoReturnToken", &[]);
        let refusing = deploy(&anvil, "FalseToken", &[]);
        let unlisted = deploy(&anvil, "FakeToken", &[Arg::from("USDT"), Arg::from("USDT"), Arg::Uint(6)]);
        let listed = deploy(&anvil, "FakeToken", &[Arg::from("Huge"), Arg::from("HUGE"), Arg::Uint(24)]);
        let nft = deploy(&anvil, "TestNft", &[]);
        let splitter = deploy(&anvil, "Splitter", &[]);
        let inner = deploy(&anvil, "InnerRevert", &[]);
        let closed = deploy(&anvil, "RefusingPayee", &[]);
        for minted in [&token, &fee, &none] {
            invoke(&anvil, &from, minted, "mint(address,uint256)", &[Arg::from(&from), Arg::Uint(1_000_000)]);
        }
        let all = [Arg::from(&splitter.0), Arg::Uint(u128::MAX)];
        invoke(&anvil, &from, &token, "approve(address,uint256)", &all);
        let all = [Arg::from(&inner.0), Arg::Uint(u128::MAX)];
        invoke(&anvil, &from, &token, "approve(address,uint256)", &all);
        invoke(&anvil, &from, &refusing, "refuse(bool)", &[Arg::Bool(true)]);

        by_hand(&anvil);
        let call = |on: &(String, Artifact), function: &str, args: &[Arg], value: u128| {
            let data = on.1.call(function, args).expect("encodes");
            let value = format!("0x{value:x}");
            let call = serde_json::json!({"from": from, "to": on.0, "data": data, "value": value, "gas": "0x7a120"});
            anvil.send_transaction(call).expect("is sent")
        };
        let transfer = "transfer(address,uint256)";
        let to_us = |amount: u128| [Arg::from(US), Arg::Uint(amount)];
        let plain = anvil.send(&from, US, 5).expect("is sent");
        let tokens = call(&token, transfer, &to_us(6), 0);
        let zero = call(&token, transfer, &to_us(0), 0);
        let ours = [Arg::from(vec![US, US, other.as_str(), US_TOO]), Arg::from(vec![7u128, 7, 8, 9])];
        let batch = [vec![Arg::from(&token.0)], ours.to_vec()].concat();
        let batch = call(&splitter, "payTokens(address,address[],uint256[])", &batch, 0);
        let inside = call(&splitter, "payNative(address[],uint256[])", &ours, 31);
        let undone = call(&inner, "tryNative(address)", &[Arg::from(US)], 10);
        let undone_tokens = [Arg::from(&token.0), Arg::from(US), Arg::Uint(11)];
        let undone_tokens = call(&inner, "tryTokens(address,address,uint256)", &undone_tokens, 0);
        let reverted = serde_json::json!({"from": from, "to": closed.0, "value": "0xc", "gas": "0xc350"});
        let reverted = anvil.send_transaction(reverted).expect("is sent");
        let less = call(&fee, transfer, &to_us(1_000), 0);
        let silent = call(&none, transfer, &to_us(13), 0);
        let refused = call(&refusing, transfer, &to_us(14), 0);
        let fake = call(&unlisted, transfer, &to_us(15), 0);
        let minted = call(&token, "mint(address,uint256)", &to_us(16), 0);
        let huge = [Arg::from(&from), Arg::from(US), Arg::Word([1; 32])];
        let huge = call(&listed, "forge(address,address,uint256)", &huge, 0);
        let collectible = call(&nft, "mint(address,uint256)", &to_us(17), 0);
        let forced = tokengine_testkit::artifact("Forcer").expect("compiles");
        let forced = [forced.bytecode, tokengine_testkit::abi::encode(&[Arg::from(US)]).expect("encodes")].concat();
        let forced =
            serde_json::json!({"from": from, "data": tokengine_testkit::abi::to_hex(&forced), "value": "0x12"});
        let forced = anvil.send_transaction(forced).expect("is sent");
        anvil.mine(1).expect("mines");

        let hash = block_of(&anvil, &plain);
        let txs = [
            &plain,
            &tokens,
            &zero,
            &batch,
            &inside,
            &undone,
            &undone_tokens,
            &reverted,
            &less,
            &silent,
            &refused,
            &fake,
            &minted,
            &huge,
            &collectible,
            &forced,
        ];
        for hash_of in txs {
            assert_eq!(block_of(&anvil, hash_of), hash, "all in one block");
        }
        let block = serde_json::json!(anvil.block("latest").expect("answers"));
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let at = tokengine_core::BlockRef {
            height: u64::from_str_radix(text(&block["number"]).trim_start_matches("0x"), 16).expect("a number"),
            hash,
            parent: text(&block["parentHash"]).parse().expect("a hash"),
        };
        let payment =
            |hash: &str, locator: Locator, asset: Option<&str>, sender: &str, to: &str, amount: u128| Payment {
                tx: tx(hash),
                locator,
                asset: asset.map_or(Asset::Native, |contract| Asset::Contract(address(contract))),
                from: Some(address(sender)),
                to: address(to),
                amount: Ok(Amount::new(amount)),
                block: at,
                outcome: Outcome::Succeeded,
            };
        let (log, path) = (Locator::Log, |path: &[u32]| Locator::Trace(path.into()));
        let token_at = Some(token.0.as_str());
        let mut expected = vec![
            payment(&plain, Locator::Value, None, &from, US, 5),
            payment(&tokens, log(0), token_at, &from, US, 6),
            payment(&batch, log(0), token_at, &from, US, 7),
            payment(&batch, log(1), token_at, &from, US, 7),
            payment(&batch, log(3), token_at, &from, US_TOO, 9),
            payment(&inside, path(&[0]), None, &splitter.0, US, 7),
            payment(&inside, path(&[1]), None, &splitter.0, US, 7),
            payment(&inside, path(&[3]), None, &splitter.0, US_TOO, 9),
            Payment { outcome: Outcome::Reverted, ..payment(&reverted, Locator::Value, None, &from, &closed.0, 12) },
            payment(&less, log(0), Some(&fee.0), &from, US, 990),
            payment(&silent, log(0), Some(&none.0), &from, US, 13),
            Payment { from: None, ..payment(&minted, log(0), token_at, &from, US, 16) },
            Payment { amount: Err(TooLarge), ..payment(&huge, log(0), Some(&listed.0), &from, US, 0) },
        ];
        expected.sort_by(|a, b| (a.tx, &a.locator).cmp(&(b.tx, &b.locator)));
        let contracts = [&token, &fee, &none, &refusing, &listed, &nft].map(|contract| address(&contract.0));
        let few = Receivers::few([US, US_TOO, &closed.0].map(address), contracts);
        let ignored = Ignored { foreign: 1, zero: 1, malformed: 1, removed: 0 };
        let txs = txs.into_iter().map(|hash| tx(hash)).collect();
        Self { anvil, hash, txs, few, expected, ignored }
    }

    fn many(&self) -> Receivers {
        let ours: BTreeSet<Address> = self.few.addresses().expect("few").iter().cloned().collect();
        Receivers::many(move |address| ours.contains(address), self.few.contracts().to_vec())
    }
}

#[tokio::test]
async fn every_payment_in_a_block_is_found_once_and_nothing_else() {
    let block = Block::make();
    let node = node(block.anvil.url()).await;
    assert!(node.traces());

    let few = node.payments(block.hash, &block.few).await.expect("answers");
    assert_eq!(few.payments, block.expected);
    assert_eq!((few.ignored, few.traced), (block.ignored, true));

    // However many we are, we are paid the same; what strangers forge is not even fetched.
    let many = node.payments(block.hash, &block.many()).await.expect("answers");
    assert_eq!(many, few);
    assert_eq!(many.ignored, Ignored { foreign: 0, ..block.ignored });

    // Too many for one filter, and more contracts than one filter takes.
    let small = EvmNode::new(&EvmConfig { filter_limit: 2, batch: 1, ..config(block.anvil.url()) }).expect("good");
    small.identity().await.expect("answers");
    assert_eq!(small.payments(block.hash, &block.few).await.expect("answers"), few);

    // Without traces, only what contracts paid in native coin is missing.
    let plain = EvmNode::new(&EvmConfig { traces: false, ..config(block.anvil.url()) }).expect("good");
    plain.identity().await.expect("answers");
    let untraced = plain.payments(block.hash, &block.few).await.expect("answers");
    assert_eq!((untraced.payments.len(), untraced.traced), (block.expected.len() - 3, false));
    assert_eq!(untraced, few.without_traces());
}

#[tokio::test]
async fn one_transaction_shows_what_its_block_shows() {
    let block = Block::make();
    let node = node(block.anvil.url()).await;
    let mut found = Vec::new();
    for id in &block.txs {
        match node.payments_of(*id, &block.few).await.expect("answers") {
            TxPayments::InBlock(at, Scan { payments, traced: true, .. }) if at.hash == block.hash => {
                found.extend(payments)
            }
            other => panic!("{other:?}"),
        }
    }
    found.sort_by(|a, b| (a.tx, &a.locator).cmp(&(b.tx, &b.locator)));
    assert_eq!(found, block.expected);
}

#[tokio::test]
async fn what_is_not_in_a_block_pays_nothing() {
    let anvil = anvil();
    by_hand(&anvil);
    let node = node(anvil.url()).await;
    let receivers = Receivers::few([address(US)], []);
    let sent = anvil.send(&anvil.accounts()[0], US, 5).expect("is sent");
    assert_eq!(node.payments_of(tx(&sent), &receivers).await, Ok(TxPayments::Pending));
    assert_eq!(node.payments_of(TxId([1; 32]), &receivers).await, Ok(TxPayments::NotFound));
    let unknown = node.payments(tokengine_core::BlockHash([1; 32]), &receivers).await.expect_err("no such block");
    assert_eq!(unknown.code(), "chain-block-unknown");
    anvil.mine(1).expect("mines");
    let found = crate::chain::eventually("the receipt", async || {
        match node.payments_of(tx(&sent), &receivers).await.expect("answers") {
            TxPayments::InBlock(_, scan) => Some(scan),
            _ => None,
        }
    });
    assert!(found.await.paid(&Asset::Native, &address(US), Amount::new(5)));
}

#[tokio::test]
async fn a_payout_shows_in_the_receivers_balance_whatever_its_transfer_returned() {
    let anvil = anvil();
    let from = &anvil.accounts()[0].clone();
    let token = deploy(&anvil, "NoReturnToken", &[]);
    invoke(&anvil, from, &token, "mint(address,uint256)", &[Arg::from(from), Arg::Uint(100)]);
    let node = node(anvil.url()).await;
    let before = node.heads().await.expect("answers").latest;
    let paid = invoke(&anvil, from, &token, "transfer(address,uint256)", &[Arg::from(US), Arg::Uint(40)]);
    let after = block_of(&anvil, &paid);

    let asset = Asset::Contract(address(&token.0));
    let held = async |at| node.balance(&address(US), &asset, at).await.expect("answers");
    assert_eq!(held(At::Block(before.hash)).await, Amount::ZERO);
    assert_eq!(held(At::Block(after)).await, Amount::new(40));
    assert_eq!(held(At::Height(before.height)).await, Amount::ZERO);
    match node.payments_of(tx(&paid), &Receivers::everyone([address(&token.0)])).await.expect("answers") {
        TxPayments::InBlock(_, scan) => assert!(scan.paid(&asset, &address(US), Amount::new(40))),
        other => panic!("{other:?}"),
    }
    let huge = deploy(&anvil, "FakeToken", &[Arg::from("X"), Arg::from("X"), Arg::Uint(6)]);
    let error =
        node.balance(&address(US), &Asset::Contract(address(&huge.0)), At::Latest).await.expect_err("too large");
    assert_eq!(error.code(), "chain-amount-too-large");
}

#[tokio::test]
async fn many_balances_are_the_same_one_by_one_in_batches_and_in_one_call() {
    let anvil = anvil();
    let from = &anvil.accounts()[0].clone();
    let token = deploy(&anvil, "NoReturnToken", &[]);
    let huge = deploy(&anvil, "FakeToken", &[Arg::from("X"), Arg::from("X"), Arg::Uint(6)]);
    invoke(&anvil, from, &token, "mint(address,uint256)", &[Arg::from(US), Arg::Uint(40)]);
    anvil.wait_success(&anvil.send(from, US_TOO, 7).expect("sent")).expect("paid");
    let [token, huge] = [&token.0, &huge.0].map(|at| Asset::Contract(address(at)));
    let mut asked: Vec<(Address, Asset)> = Vec::new();
    for n in 0..120u32 {
        let nobody = address(&format!("0x{:040x}", 0xdead_0000 + n));
        asked.extend([(nobody.clone(), Asset::Native), (nobody, token.clone())]);
    }
    let ours = [(US, token.clone()), (US, Asset::Native), (US_TOO, Asset::Native), (US, huge)];
    asked.extend(ours.map(|(of, asset)| (address(of), asset)));
    let proxy = tokengine_testkit::FaultProxy::start(anvil.url()).expect("starts");
    let node = node(&proxy.url()).await;
    let at = At::Block(node.heads().await.expect("answers").latest.hash);

    let in_batches = node.balances(&asked, at).await.expect("answers");
    let last: Vec<Option<u128>> = in_batches[240..].iter().map(|held| held.map(Amount::base_units)).collect();
    assert_eq!(last, [Some(40), Some(0), Some(7), None], "above 128 bits is no amount");
    assert!(in_batches[..240].iter().all(|held| *held == Some(Amount::ZERO)));
    for ((of, asset), held) in asked.iter().zip(&in_batches).skip(238) {
        assert_eq!(node.balance(of, asset, at).await.ok(), *held, "{of} {asset:?}");
    }

    let code = deploy(&anvil, "Multicall3", &[]).0;
    let code = anvil.rpc("eth_getCode", serde_json::json!([code, "latest"])).expect("answers");
    let multicall = "0xcA11bde05977b3631167028862bE2a173976CA11";
    anvil.rpc("anvil_setCode", serde_json::json!([multicall, code])).expect("set");
    anvil.mine(1).expect("mined");
    let at = At::Block(node.heads().await.expect("answers").latest.hash);
    let before = (proxy.calls("eth_getBalance"), proxy.calls("eth_call"));
    assert_eq!(node.balances(&asked, at).await.expect("answers"), in_batches);
    let after = (proxy.calls("eth_getBalance"), proxy.calls("eth_call"));
    assert_eq!((after.0 - before.0, after.1 - before.1), (0, 2), "244 questions in two calls");
}
