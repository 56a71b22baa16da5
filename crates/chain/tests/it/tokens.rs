//! What a token is and does, found out without holding any of it.

use tokengine_chain::{Accounts, At, Charges, Node, PinnedCode, Returns, TokenFacts, evm::EvmNode};
use tokengine_testkit::{Anvil, Arg, Fault, FaultProxy};

use crate::chain::{address, anvil, deploy, invoke, network, node};

async fn facts(node: &EvmNode, token: &str, holders: &[&str]) -> TokenFacts {
    let at = node.heads().await.expect("answers").latest.hash;
    let holders: Vec<_> = holders.iter().map(|holder| address(holder)).collect();
    node.probe(&address(token), &holders, at).await.expect("answers").expect("a contract")
}

fn test_token(anvil: &Anvil, decimals: u128) -> (String, tokengine_testkit::Artifact) {
    deploy(anvil, "TestToken", &[Arg::from("Test"), Arg::from("TST"), Arg::Uint(decimals)])
}

#[tokio::test]
async fn tokens_show_how_they_transfer_before_anyone_holds_them() {
    let anvil = anvil();
    let collector = Arg::from(&anvil.accounts()[1]);
    let node = node(anvil.url()).await;
    for (case, token, decimals, returns, charges) in [
        ("honest, 6 decimals", test_token(&anvil, 6), 6, Returns::Bool, Charges::No),
        ("honest, 18 decimals", test_token(&anvil, 18), 18, Returns::Bool, Charges::No),
        ("honest, none", test_token(&anvil, 0), 0, Returns::Bool, Charges::No),
        ("returns nothing", deploy(&anvil, "NoReturnToken", &[]), 6, Returns::Nothing, Charges::No),
        ("would return false", deploy(&anvil, "FalseToken", &[]), 6, Returns::Bool, Charges::No),
        ("with hooks", deploy(&anvil, "HookToken", &[]), 18, Returns::Bool, Charges::No),
        ("1 % fee", deploy(&anvil, "FeeToken", &[Arg::Uint(100), collector.clone()]), 18, Returns::Bool, Charges::Yes),
        ("0.01 % fee", deploy(&anvil, "FeeToken", &[Arg::Uint(1), collector]), 18, Returns::Bool, Charges::Yes),
    ] {
        let found = facts(&node, &token.0, &[]).await;
        assert_eq!(
            (found.decimals, found.returns, found.fee_on_transfer),
            (Some(decimals), returns, charges),
            "{case}"
        );
        assert_eq!(found.code.implementation, None, "{case}");
    }
}

#[tokio::test]
async fn where_nothing_can_be_simulated_that_is_said() {
    let anvil = anvil();
    let from = anvil.accounts()[0].clone();
    let node = node(anvil.url()).await;
    let unknown = (Returns::Unknown, Charges::Unknown);
    let behaves = |facts: &TokenFacts| (facts.returns, facts.fee_on_transfer);

    let paused = test_token(&anvil, 6);
    invoke(&anvil, &from, &paused, "pause()", &[]);
    assert_eq!(behaves(&facts(&node, &paused.0, &[]).await), unknown, "paused");

    // Balances that are nowhere in storage: only a real holder helps, and here it shows that nothing moves.
    let fake = deploy(&anvil, "FakeToken", &[Arg::from("USDT"), Arg::from("USDT"), Arg::Uint(6)]);
    assert_eq!(behaves(&facts(&node, &fake.0, &[]).await), unknown);
    assert_eq!(behaves(&facts(&node, &fake.0, &[&from]).await), (Returns::Bool, Charges::Yes));

    let wallet = deploy(&anvil, "HungryPayee", &[]);
    let found = facts(&node, &wallet.0, &[]).await;
    assert_eq!((found.decimals, behaves(&found)), (None, unknown), "no token at all");
    let at = node.heads().await.expect("answers").latest.hash;
    assert_eq!(node.probe(&address(&from), &[], at).await, Ok(None), "no contract at all");

    // A node that cannot simulate: a real holder's balance is seen, and still no transfer can be tried.
    let plain = FaultProxy::start(anvil.url()).expect("starts");
    plain.fault("eth_call", Fault::answer(|call, answer| match call["params"][2].is_object() {
        true => serde_json::json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32602, "message": "too many arguments"}}),
        false => answer,
    }));
    let token = test_token(&anvil, 6);
    invoke(&anvil, &from, &token, "mint(address,uint256)", &[Arg::from(&from), Arg::Uint(100)]);
    let found = facts(&crate::chain::node(&plain.url()).await, &token.0, &[&from]).await;
    assert_eq!((found.decimals, behaves(&found)), (Some(6), unknown));
}

#[tokio::test]
async fn a_holder_helps_where_balances_are_shares() {
    let anvil = anvil();
    let from = anvil.accounts()[0].clone();
    let token = deploy(&anvil, "RebasingToken", &[]);
    invoke(&anvil, &from, &token, "mint(address,uint256)", &[Arg::from(&from), Arg::Uint(1_000)]);
    invoke(&anvil, &from, &token, "rebase(uint256)", &[Arg::Uint(1_700)]);
    let node = node(anvil.url()).await;
    let found = facts(&node, &token.0, &[&from]).await;
    assert_eq!((found.decimals, found.returns), (Some(18), Returns::Bool));
}

#[tokio::test]
async fn an_upgrade_behind_a_proxy_shows() {
    let anvil = anvil();
    let from = anvil.accounts()[0].clone();
    let (v1, v2) = (deploy(&anvil, "TokenV1", &[]), deploy(&anvil, "TokenV2", &[]));
    let proxy = deploy(&anvil, "TokenProxy", &[Arg::from(&v1.0)]);
    let network = network(&[anvil.url(), anvil.url()], 2);
    let probed = async || {
        let at = network.heads().await.expect("answers").latest.hash;
        network.probe(&address(&proxy.0), &[], at).await.expect("answers").expect("a contract")
    };
    let before = probed().await;
    assert_eq!((before.decimals, before.fee_on_transfer), (Some(6), Charges::No));
    assert_eq!(before.code.implementation.as_ref().map(|(behind, _)| behind), Some(&address(&v1.0)));

    let as_token = (proxy.0.clone(), v1.1.clone());
    // The second version burns, which needs a supply to burn from.
    let supply = [Arg::from(&from), Arg::Uint(10u128.pow(24))];
    invoke(&anvil, &from, &as_token, "mint(address,uint256)", &supply);
    let upgrade = v1.1.selectors.keys().find(|name| name.starts_with("upgrade")).expect("it can be upgraded").clone();
    let args =
        if upgrade.contains("bytes") { vec![Arg::from(&v2.0), Arg::Bytes(vec![])] } else { vec![Arg::from(&v2.0)] };
    invoke(&anvil, &from, &as_token, &upgrade, &args);
    let pinned = network.pinned_code(&address(&proxy.0), At::Latest).await.expect("answers").expect("a contract");
    let PinnedCode { code, implementation } = &pinned;
    assert_eq!(*code, before.code.code, "the proxy itself stays");
    assert_eq!(implementation.as_ref().map(|(behind, _)| behind), Some(&address(&v2.0)));
    let after = probed().await;
    assert_eq!((after.decimals, after.fee_on_transfer, &after.code), (Some(18), Charges::Yes, &pinned));
}
