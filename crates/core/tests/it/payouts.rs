//! Payouts up to the moment that something is signed: what is refused, in which order, and what is on hold.

use crate::world::*;
use tokengine_core::*;

fn refused(world: &mut World, order: PayoutOrder) -> Option<Rejection> {
    let request = world.request();
    world.refusal(Command::HoldPayout { request, order, trace: None })
}

#[test]
fn payouts_are_refused_in_the_documented_order() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    let bob = world.customer("BOB", USD_A, 1_000_000);
    let used = world.order(alice, USD_A, 100);
    world.hold(PayoutOrder { external_id: Some("inv-1".into()), ..used.clone() });
    let now = world.now;
    let bobs = world.signed(bob);
    type Change = Box<dyn Fn(&mut PayoutOrder)>;
    let cases: Vec<(&str, Change, Rejection)> = vec![
        ("its signature expired", Box::new(move |o| o.expiry = now), Rejection::SignatureExpired),
        (
            "its signature is good for ever",
            Box::new(move |o| o.expiry = now.plus_ms(KEPT_MS + 1)),
            Rejection::SignatureExpired,
        ),
        ("no such asset", Box::new(|o| o.asset = AssetIx(99)), Rejection::UnknownAsset),
        ("no such account", Box::new(|o| o.account = AccountIx(99)), Rejection::UnknownAccount),
        ("somebody else signed", Box::new(move |o| o.authority = bobs.clone()), Rejection::NotAuthorized),
        (
            "an API key for a customer's account",
            Box::new(|o| o.authority = Authority::Key(KEY)),
            Rejection::NotAuthorized,
        ),
        (
            "the operator for a customer's account",
            Box::new(|o| o.authority = Authority::Operator),
            Rejection::NotAuthorized,
        ),
        ("a replayed signature", Box::new(move |o| o.nonce = used.nonce), Rejection::NonceUsed),
        ("e3: its external id is taken", Box::new(|o| o.external_id = Some("inv-1".into())), Rejection::ExternalIdUsed),
        ("d10: nothing", Box::new(|o| o.amount = Amount::ZERO), Rejection::AmountZero),
        ("below the minimum", Box::new(|o| o.amount = Amount::new(9)), Rejection::BelowMinimum),
        ("above the maximum", Box::new(|o| o.amount = Amount::new(2_000_000 * ETHER)), Rejection::AboveMaximum),
        (
            "e22: to the token's own contract",
            Box::new(|o| o.destination = address("USD")),
            Rejection::DestinationIsAsset,
        ),
        ("the fee is more than was signed", Box::new(|o| o.max_fee = Amount::new(10)), Rejection::FeeAboveMaximum),
        ("to a wallet of the operator", Box::new(|o| o.destination = address("HOTA")), Rejection::DestinationIsHouse),
        ("more than there is", Box::new(|o| o.amount = Amount::new(1_000_000)), Rejection::InsufficientFunds),
    ];
    for (case, change, answer) in cases {
        let mut order = world.order(alice, USD_A, 100);
        change(&mut order);
        assert_eq!(refused(&mut world, order), Some(answer), "{case}");
    }
    let order = world.order(alice, USD_A, 100);
    world.ok(Command::FreezeAccount { account: alice, frozen: true, reason: "court".into() });
    assert_eq!(refused(&mut world, order), Some(Rejection::AccountFrozen));
}

#[test]
fn six_decimals_here_and_eighteen_there_never_round() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_B, 5 * ETHER + 1);
    // The ledger counts in 18 decimals; network A can pay whole millionths only, so an order there is always exact.
    let order = world.order(alice, USD_A, 1_234_567);
    world.hold(order);
    let fee = 1_000 + (1_234_567 * 1_000_000_000_000u128 * 10).div_ceil(10_000);
    assert_eq!(world.held(alice, USD), 1_234_567 * 1_000_000_000_000 + fee);
    assert_eq!(world.free(alice, USD) + world.held(alice, USD), 5 * ETHER + 1, "not one unit is lost");
    assert_eq!(Amount::new(5 * ETHER + 1).scale_down_exact(12), None, "the rest cannot be expressed there");
}

#[test]
fn a_hold_covers_the_amount_and_the_larger_fee() {
    let mut world = World::funded(10_000_000);
    for (success, failure) in [(7, 3), (3, 7)] {
        let mut rules = rules();
        rules.fees = Fees { success: Amount::new(success), success_bps: 0, failure: Amount::new(failure) };
        world.ok(Command::ChangeAssetRules { asset: USD_A, rules });
        let name = format!("C{success}");
        let customer = world.customer(&name, USD_A, 1_000);
        let order = world.order(customer, USD_A, 100);
        world.hold(order);
        assert_eq!(world.held(customer, USD), 100 * 1_000_000_000_000 + 7);
    }
}

#[test]
fn d11_payouts_that_race_for_one_balance_get_exactly_what_it_covers() {
    let mut world = World::funded(10_000_000);
    let mut rules = rules();
    rules.fees = Fees::default();
    world.ok(Command::ChangeAssetRules { asset: USD_A, rules });
    let alice = world.customer("ALICE", USD_A, 1_000);
    let answers: Vec<_> = (0..50)
        .map(|_| {
            let order = world.order(alice, USD_A, 300);
            refused(&mut world, order)
        })
        .collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), 3);
    assert!(answers.iter().skip(3).all(|answer| *answer == Some(Rejection::InsufficientFunds)));
}

#[test]
fn a_payout_to_a_deposit_address_of_ours_settles_inside() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    let shop = world.state.account_by_name("shop").expect("opened");
    let (address, role) = (address("SHOPDEP"), Role::Deposit(shop));
    world.ok(Command::ListWallet { request: None, network: B, address: address.clone(), role, key: "m/1".into() });
    let order = PayoutOrder { destination: address, ..world.order(alice, USD_B, ETHER / 2) };
    let request = world.request();
    let event = world.ok(Command::HoldPayout { request, order, trace: None });
    assert!(matches!(event, Event::PayoutSettledInside { to, .. } if to == shop));
    assert_eq!((world.free(shop, USD), world.held(alice, USD)), (ETHER / 2, 0));
    assert_eq!(world.state.payouts().count(), 0, "no network is involved");
}

#[test]
fn what_is_not_signed_yet_can_be_cancelled_without_a_fee() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    let bob = world.customer("BOB", USD_A, 1_000);
    let before = world.free(alice, USD);
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    world.ok(Command::WaitPayout { payout, why: Wait::Liquidity });
    let authority = world.signed(bob);
    let stolen = Command::CancelPayout { request: None, payout, authority };
    assert_eq!(world.refusal(stolen), Some(Rejection::NotAuthorized));
    let authority = world.signed(alice);
    world.ok(Command::CancelPayout { request: None, payout, authority: authority.clone() });
    assert_eq!((world.free(alice, USD), world.held(alice, USD)), (before, 0));
    assert_eq!(
        world.refusal(Command::CancelPayout { request: None, payout, authority }),
        Some(Rejection::UnknownPayout)
    );
}

#[test]
fn new_payouts_are_refused_while_their_way_out_is_closed() {
    let cases: [(&str, Command, Rejection); 4] = [
        ("halted", Command::HaltNetwork { network: A, reason: "?".into() }, Rejection::NetworkHalted),
        ("stopped", Command::StopAsset { asset: USD_A, reason: "?".into() }, Rejection::Paused),
        (
            "short",
            Command::FindShortage { wallet: HOT_A, asset: USD_A, missing: Amount::new(1), block: block(100) },
            Rejection::AssetShort,
        ),
        (
            "off",
            Command::ChangeAssetRules { asset: USD_A, rules: AssetRules { payouts: false, ..rules() } },
            Rejection::PayoutsOff,
        ),
    ];
    for (case, command, answer) in cases {
        let mut world = World::funded(10_000_000);
        let alice = world.customer("ALICE", USD_A, 1_000_000);
        world.ok(command);
        let order = world.order(alice, USD_A, 100);
        assert_eq!(refused(&mut world, order), Some(answer), "{case}");
        let order = world.order(alice, USD_B, ETHER / 100);
        assert_eq!(refused(&mut world, order), None, "{case}: the other network goes on");
    }
}
