//! What the operator lists, and what can never change.

use crate::world::*;
use tokengine_core::*;

#[test]
fn what_cannot_be_right_is_not_listed() {
    let mut world = World::new();
    let asset = |id: &str, token, decimals, contract: Option<Address>| Command::ListAsset {
        id: id.into(),
        network: A,
        token,
        decimals,
        contract,
        rules: rules(),
    };
    let tiers = |finality| AssetRules { finality, ..rules() };
    for (case, command, answer) in [
        ("a network twice", Command::ListNetwork { id: "eip155:1".into(), policy: policy() }, Rejection::AlreadyListed),
        (
            "a network nobody is asked about",
            Command::ListNetwork { id: "eip155:9".into(), policy: NetworkPolicy { nodes_required: 0, ..policy() } },
            Rejection::RuleInvalid,
        ),
        ("a token twice", Command::ListToken { id: "USD".into(), decimals: 2 }, Rejection::AlreadyListed),
        (
            "a token finer than 128 bits bear",
            Command::ListToken { id: "FINE".into(), decimals: 31 },
            Rejection::NameInvalid,
        ),
        ("an asset finer than its token", asset("x", USD, 19, Some(address("X"))), Rejection::AssetFinerThanToken),
        ("a16: the coin a second time", asset("x", COIN, 18, None), Rejection::AlreadyListed),
        ("a17: one contract a second time", asset("x", USD, 6, Some(address("USD"))), Rejection::AlreadyListed),
        (
            "tiers that fall",
            Command::ChangeAssetRules {
                asset: USD_A,
                rules: tiers(vec![(Amount::new(9), Finality::Safe), (Amount::new(8), Finality::Safe)]),
            },
            Rejection::RuleInvalid,
        ),
        (
            "a minimum above its maximum",
            Command::ChangeAssetRules { asset: USD_A, rules: AssetRules { min_payout: Amount::MAX, ..rules() } },
            Rejection::RuleInvalid,
        ),
        (
            "a wallet twice",
            Command::ListWallet {
                request: None,
                network: A,
                address: address("HOTA"),
                role: Role::Cold,
                key: "k".into(),
            },
            Rejection::AlreadyListed,
        ),
        (
            "a deposit address of nobody",
            Command::ListWallet {
                request: None,
                network: A,
                address: address("D"),
                role: Role::Deposit(AccountIx(9)),
                key: "k".into(),
            },
            Rejection::UnknownAccount,
        ),
        (
            "a key's name twice",
            Command::AddKey { name: "desk".into(), hash: [8; 32], scopes: 1 },
            Rejection::AlreadyListed,
        ),
        ("a nonce a second time", Command::ReadyWallet { wallet: HOT_A, next_nonce: 9 }, Rejection::Stale),
    ] {
        assert_eq!(world.refusal(command), Some(answer), "{case}");
    }
}

#[test]
fn a_revoked_key_authorizes_nothing() {
    let mut world = World::funded(10_000_000);
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    let shop = world.state.account_by_name("shop").expect("opened");
    let order =
        |world: &mut World| PayoutOrder { authority: Authority::Key(KEY), ..world.order(AccountIx(0), USD_A, 100) };
    let _ = shop;
    let (first, request) = (order(&mut world), world.request());
    assert_eq!(
        world.refusal(Command::HoldPayout { request, order: first, trace: None }),
        Some(Rejection::InsufficientFunds)
    );
    world.ok(Command::RevokeKey { key: KEY });
    assert_eq!(world.refusal(Command::RevokeKey { key: KEY }), Some(Rejection::UnknownKey));
    let (second, request) = (order(&mut world), world.request());
    assert_eq!(
        world.refusal(Command::HoldPayout { request, order: second, trace: None }),
        Some(Rejection::NotAuthorized)
    );
}

#[test]
fn the_tier_of_an_amount_is_the_first_that_it_does_not_exceed() {
    let rules = rules();
    for (amount, want) in
        [(0, Finality::Confirmations(3)), (1_000, Finality::Confirmations(3)), (1_001, Finality::Finalized)]
    {
        assert_eq!(rules.finality_for(Amount::new(amount)), want);
    }
    assert_eq!(
        AssetRules { finality: vec![], ..rules }.finality_for(Amount::ZERO),
        Finality::Finalized,
        "no tier is the safest"
    );
}
