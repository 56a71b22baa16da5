//! Accounts, their ids on networks, and moves between them.

use crate::world::*;
use tokengine_core::*;

#[test]
fn names_are_checked() {
    let mut world = World::new();
    let long = format!("eip155:1:{}", "a".repeat(MAX_NAME));
    for (name, answer) in [
        ("treasury", None),
        ("desk/eu.1@night-shift_2", None),
        ("eip155:1:0xBEEF", None),
        ("treasury", Some(Rejection::AlreadyListed)),
        ("", Some(Rejection::NameInvalid)),
        ("two words", Some(Rejection::NameInvalid)),
        ("naïve", Some(Rejection::NameInvalid)),
        (&long, Some(Rejection::NameInvalid)),
    ] {
        assert_eq!(world.refusal(Command::OpenAccount { request: None, name: name.into() }), answer, "{name:?}");
    }
}

fn link(world: &mut World, account: AccountIx, name: &str, authority: Authority) -> Option<Rejection> {
    let (request, expiry) = (world.request(), world.now.plus_ms(1_000));
    let nonce = request.key;
    world.refusal(Command::LinkName { request, account, name: name.into(), authority, nonce, expiry })
}

#[test]
fn the_same_address_on_two_networks_is_two_accounts_until_a_signature_links_them() {
    let mut world = World::funded(10_000_000);
    let (here, there) = (world.customer("ALICE", USD_A, 1_000), world.customer("ALICE", USD_B, ETHER));
    assert_ne!(here, there);
    let total = world.free(here, USD) + world.free(there, USD);
    let (mine, theirs) = (world.signed(here), world.signed(there));
    assert_eq!(link(&mut world, here, "eip155:2:0xALICE", theirs), Some(Rejection::NotAuthorized));
    assert_eq!(link(&mut world, here, "eip155:2:0xALICE", mine.clone()), None);
    assert_eq!(world.free(here, USD), total, "what the joined account had moves over");
    assert_eq!(world.state.account_by_name("eip155:2:0xALICE"), Some(here));
    assert_eq!(world.state.account(there), Some(here));
    assert_eq!(world.state.account_names(here), ["eip155:1:0xALICE", "eip155:2:0xALICE"]);
    let mut bytes = Vec::new();
    world.state.encode(&mut bytes);
    let read = State::decode(&bytes, 1).expect("just written");
    assert_eq!(read.account_names(here), world.state.account_names(here));
    assert_eq!(link(&mut world, here, "eip155:2:0xALICE", mine), Some(Rejection::AlreadyLinked));
    assert_eq!(world.customer("ALICE", USD_B, ETHER), here, "later deposits from there are this account's");
}

#[test]
fn an_account_with_holds_or_ids_of_its_own_is_not_joined() {
    let mut world = World::funded(10_000_000);
    let (here, there) = (world.customer("ALICE", USD_A, 1_000), world.customer("ALICE", USD_B, ETHER));
    let order = world.order(there, USD_B, ETHER / 10);
    let payout = world.hold(order);
    let authority = world.signed(here);
    assert_eq!(link(&mut world, here, "eip155:2:0xALICE", authority.clone()), Some(Rejection::AccountHasHolds));
    world.ok(Command::CancelPayout { request: None, payout, authority: Authority::Operator });
    let theirs = world.signed(there);
    assert_eq!(link(&mut world, there, "eip155:7:0xALICE", theirs), None);
    assert_eq!(link(&mut world, here, "eip155:2:0xALICE", authority), Some(Rejection::AlreadyLinked));
}

fn mv(world: &mut World, from: AccountIx, to: AccountIx, amount: u128, authority: MoveAuthority) -> Option<Rejection> {
    let request = world.request();
    world.refusal(Command::Move { request, token: USD, from, to, amount: Amount::new(amount), authority })
}

#[test]
fn moves_answer_in_order_of_precedence() {
    use MoveAuthority::{Key, Owner};
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000);
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    let shop = world.state.account_by_name("shop").expect("opened");
    let all = world.free(alice, USD);
    for (case, from, to, amount, authority, answer) in [
        ("no such account", alice, AccountIx(99), 1, Owner, Some(Rejection::UnknownAccount)),
        ("d10: nothing", alice, shop, 0, Owner, Some(Rejection::AmountZero)),
        ("d10: to oneself", alice, alice, 1, Owner, Some(Rejection::SameAccount)),
        ("a key for a customer", alice, shop, 1, Key, Some(Rejection::NotAuthorized)),
        ("one unit short", alice, shop, all + 1, Owner, Some(Rejection::InsufficientFunds)),
        ("all of it", alice, shop, all, Owner, None),
        ("a key for an operator-named account", shop, alice, all, Key, None),
    ] {
        assert_eq!(mv(&mut world, from, to, amount, authority), answer, "{case}");
    }
    world.ok(Command::FreezeAccount { account: alice, frozen: true, reason: "court".into() });
    assert_eq!(mv(&mut world, alice, shop, 1, Owner), Some(Rejection::AccountFrozen));
    let request = world.request();
    world.ok(Command::Pause { request, scope: Scope::Everything, paused: true, reason: "night".into() });
    assert_eq!(mv(&mut world, alice, shop, 1, Owner), Some(Rejection::Paused));
}

#[test]
fn an_account_may_have_many_tokens() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000);
    world.customer("ALICE", COIN_A, 777);
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    let shop = world.state.account_by_name("shop").expect("opened");
    for token in [COIN, USD, COIN] {
        let request = world.request();
        let (from, to, authority) = (alice, shop, MoveAuthority::Owner);
        world.ok(Command::Move { request, token, from, to, amount: Amount::new(11), authority });
    }
    assert_eq!((world.free(shop, COIN), world.free(shop, USD)), (22, 11));
    assert_eq!(world.state.books_of(shop).len(), 2);
}

#[test]
fn i6_what_a_joined_account_has_used_stays_used() {
    let mut world = World::funded(10_000_000);
    let (here, there) = (world.customer("ALICE", USD_A, 1_000_000), world.customer("ALICE", USD_B, ETHER));
    let order = world.order(there, USD_B, ETHER / 10);
    let order = PayoutOrder { external_id: Some("rent".into()), ..order };
    let payout = world.hold(order.clone());
    let dispatch = world.open(HOT_B, Purpose::Payout(payout));
    world.sign(dispatch, AttemptKind::Act, 100);
    world.finish(dispatch, 0, true, 1);
    let authority = world.signed(here);
    assert_eq!(link(&mut world, here, "eip155:2:0xALICE", authority), None);
    // The very same signed order again: its signer is now the joint account's.
    let (first, second) = (world.request(), world.request());
    let again = Command::HoldPayout { request: first, order: order.clone(), trace: None };
    assert_eq!(world.refusal(again), Some(Rejection::NonceUsed));
    let renamed = Command::HoldPayout { request: second, order: PayoutOrder { nonce: 77, ..order }, trace: None };
    assert_eq!(world.refusal(renamed), Some(Rejection::ExternalIdUsed));
    assert_eq!(world.state.payout_by_external_id(here, "rent"), Some(payout));
}

#[test]
fn an_account_has_at_most_64_ids() {
    let mut world = World::funded(1_000);
    let alice = world.customer("ALICE", USD_A, 1_000);
    for n in 1..64 {
        let authority = world.signed(alice);
        assert_eq!(link(&mut world, alice, &format!("eip155:{n}:0xMORE"), authority), None);
    }
    let authority = world.signed(alice);
    assert_eq!(link(&mut world, alice, "eip155:64:0xMORE", authority), Some(Rejection::TooMany));
}

#[test]
fn a_transfer_under_way_goes_on_for_the_account_that_its_own_was_joined_to() {
    let mut world = World::funded(10_000_000);
    let (here, there) = (world.customer("ALICE", USD_A, 1_000), world.customer("ALICE", USD_B, ETHER));
    let order = world.order(there, USD_A, 500_000);
    let request = world.request();
    world.ok(Command::RequestTransfer { request, network: B, tx: tx(7), order, trace: None });
    let authority = world.signed(here);
    assert_eq!(link(&mut world, here, "eip155:2:0xALICE", authority), None);
    let key = DepositKey { network: B, tx: tx(7), locator: Locator::Log(0) };
    let incoming = world.incoming(key.clone(), USD_B, HOT_B, "ALICE", ETHER);
    world.credit(incoming);
    let transfer = world.state.transfers().next().expect("open").0;
    match world.ok(Command::HoldTransfer { transfer, deposit: key }) {
        Event::PayoutHeld { order, .. } => assert_eq!(order.account, here),
        other => panic!("{other:?}"),
    }
}
