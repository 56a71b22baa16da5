//! Idempotency: one answer for a key, for 24 hours.

use crate::world::*;
use tokengine_core::*;

fn shop(world: &mut World) -> (AccountIx, AccountIx) {
    let alice = world.customer("ALICE", USD_A, 1_000);
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    (alice, world.state.account_by_name("shop").expect("opened"))
}

fn mv(request: Request, from: AccountIx, to: AccountIx, amount: u128) -> Command {
    Command::Move { request, token: USD, from, to, amount: Amount::new(amount), authority: MoveAuthority::Owner }
}

#[test]
fn e1_a_repeated_request_has_the_same_answer_and_no_second_effect() {
    let mut world = World::funded(1_000);
    let (alice, shop) = shop(&mut world);
    let request = world.request();
    world.ok(mv(request, alice, shop, 5));
    let position = world.state.position();
    for _ in 0..1_000 {
        match world.decide(&mv(request, alice, shop, 5)) {
            Decision::Replayed(answer) => assert_eq!((answer.position, answer.refused), (position, None)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.free(shop, USD), 5);
}

#[test]
fn e2_the_same_key_with_other_content_is_refused() {
    let mut world = World::funded(1_000);
    let (alice, shop) = shop(&mut world);
    let request = world.request();
    world.ok(mv(request, alice, shop, 5));
    let other = Request { content: Fingerprint(999), ..request };
    assert_eq!(world.decide(&mv(other, alice, shop, 6)), Decision::Refused(Rejection::KeyReused));
    let elsewhere = Request { principal: Principal::Account(alice), ..other };
    assert!(
        matches!(world.decide(&mv(elsewhere, alice, shop, 6)), Decision::Event(_)),
        "keys of two principals never meet"
    );
}

#[test]
fn a_refusal_is_an_answer_that_is_kept_and_a_transient_one_is_not() {
    let mut world = World::funded(1_000);
    let (alice, shop) = shop(&mut world);
    let request = world.request();
    let all = world.free(alice, USD);
    assert_eq!(world.refusal(mv(request, alice, shop, all + 1)), Some(Rejection::InsufficientFunds));
    world.customer("ALICE", USD_A, 1_000);
    match world.decide(&mv(request, alice, shop, all + 1)) {
        Decision::Replayed(answer) => assert_eq!(answer.refused, Some(Rejection::InsufficientFunds)),
        other => panic!("{other:?}"),
    }
    let (pause, request) = (world.request(), world.request());
    world.ok(Command::Pause { request: pause, scope: Scope::Everything, paused: true, reason: "x".into() });
    assert_eq!(world.decide(&mv(request, alice, shop, 1)), Decision::Refused(Rejection::Paused));
    let resume = world.request();
    world.ok(Command::Pause { request: resume, scope: Scope::Everything, paused: false, reason: "x".into() });
    world.ok(mv(request, alice, shop, 1));
}

#[test]
fn a_key_is_known_by_its_own_time_and_forgotten_after_a_day() {
    let mut world = World::funded(1_000);
    let (alice, shop) = shop(&mut world);
    let request = world.request();
    world.ok(mv(request, alice, shop, 5));
    let ahead = Request { key: u128::from(world.now.0 + AHEAD_MS + 1) << 80, ..request };
    assert_eq!(world.decide(&mv(ahead, alice, shop, 5)), Decision::Refused(Rejection::KeyFromFuture));
    world.now = world.now.plus_ms(KEPT_MS - 1);
    assert!(matches!(world.decide(&mv(request, alice, shop, 5)), Decision::Replayed(_)));
    world.now = world.now.plus_ms(1);
    assert_eq!(world.decide(&mv(request, alice, shop, 5)), Decision::Refused(Rejection::KeyExpired));
    let known = world.state.remembered_requests();
    world.now = world.now.plus_ms(2 * KEPT_MS);
    let fresh = world.request();
    world.ok(mv(fresh, alice, shop, 5));
    assert!(world.state.remembered_requests() < known, "what can never be repeated is forgotten");
    assert_eq!(world.free(shop, USD), 10);
}

#[test]
fn i6_a_request_of_an_account_that_was_joined_since_is_still_the_same_request() {
    let mut world = World::funded(1_000);
    let (_, shop) = shop(&mut world);
    let (here, there) = (world.customer("BOB", USD_A, 1_000), world.customer("BOB", USD_B, ETHER));
    let signed = Request { principal: Principal::Account(there), ..world.request() };
    world.ok(mv(signed, there, shop, 5));
    let (request, expiry) = (world.request(), world.now.plus_ms(1_000));
    let (authority, name) = (world.signed(here), "eip155:2:0xBOB".into());
    world.ok(Command::LinkName { request, account: here, name, authority, nonce: 1, expiry });
    // The doors now say that the signer is the joint account.
    let again = Request { principal: Principal::Account(here), ..signed };
    assert!(matches!(world.decide(&mv(again, here, shop, 5)), Decision::Replayed(_)));
    let other = Request { content: Fingerprint(77), ..again };
    assert_eq!(world.decide(&mv(other, here, shop, 6)), Decision::Refused(Rejection::KeyReused));
    assert_eq!(world.free(shop, USD), 5);
}

#[test]
fn i6_a_clock_that_goes_back_does_not_bring_a_forgotten_key_back() {
    let mut world = World::funded(1_000);
    let (alice, shop) = shop(&mut world);
    let request = world.request();
    world.ok(mv(request, alice, shop, 5));
    let then = world.now;
    world.now = then.plus_ms(KEPT_MS + 2 * 60 * 60 * 1000);
    world.customer("BOB", USD_A, 1_000);
    world.now = then.plus_ms(1);
    assert_eq!(world.decide(&mv(request, alice, shop, 5)), Decision::Refused(Rejection::KeyExpired));
}

#[test]
fn what_the_operator_does_by_a_request_is_done_once() {
    let mut world = World::funded(1_000);
    let (alice, shop) = shop(&mut world);
    let (request, second, third) = (world.request(), world.request(), world.request());
    let reason: Box<str> = "court".into();
    let freeze = |frozen| Command::FreezeAccount { account: alice, frozen, reason: reason.clone() };
    let once = |request, command| Command::Once { request, command: Box::new(command) };
    assert_eq!(world.ok(once(request, freeze(true))).request(), Some(&request));
    assert_eq!(world.ok(freeze(false)).request(), None);
    // The account was unfrozen since; the old request does not freeze it again.
    let again = world.decide(&once(request, freeze(true)));
    assert!(matches!(again, Decision::Replayed(answer) if answer.refused.is_none()), "{again:?}");
    let pay = mv(world.request(), alice, shop, 1);
    world.ok(pay);
    // A refusal is an answer too, and what has a request of its own is not made by another.
    let thaw = once(second, Command::ThawWallet { wallet: HOT_A, reason: reason.clone() });
    let refused = world.refusal(thaw.clone());
    assert!(refused.is_some());
    let again = world.decide(&thaw);
    assert!(matches!(again, Decision::Replayed(answer) if answer.refused == refused), "{again:?}");
    assert_eq!(world.refusal(once(third, Command::EndRecovery { reason })), Some(Rejection::RuleInvalid));
    assert_eq!(world.replayed().digest(), world.state.digest());
}
