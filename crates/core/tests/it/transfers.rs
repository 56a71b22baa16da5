//! A deposit and a payout in one call.

use crate::world::*;
use tokengine_core::*;

fn transfer(world: &mut World, account: AccountIx, amount: u128) -> TransferId {
    let order = world.order(account, USD_B, amount);
    let request = world.request();
    match world.ok(Command::RequestTransfer { request, network: A, tx: tx(1), order, trace: None }) {
        Event::TransferRequested { transfer, .. } => transfer,
        other => panic!("{other:?}"),
    }
}

fn deposit() -> DepositKey {
    DepositKey { network: A, tx: tx(1), locator: Locator::Log(0) }
}

#[test]
fn a_transfer_pays_out_when_its_deposit_is_credited() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 10);
    let id = transfer(&mut world, alice, 2 * ETHER);
    assert_eq!(world.state.claims().count(), 1, "the deposit is looked for at once");
    let hold = Command::HoldTransfer { transfer: id, deposit: deposit() };
    assert_eq!(world.refusal(hold.clone()), Some(Rejection::NotFinal));
    let incoming = world.incoming(deposit(), USD_A, HOT_A, "ALICE", 3_000_000);
    world.credit(incoming);
    assert!(matches!(world.ok(hold.clone()), Event::PayoutHeld { transfer: Some(_), .. }));
    assert_eq!(world.refusal(hold), Some(Rejection::UnknownTransfer), "once");
}

#[test]
fn a_transfer_that_its_deposit_does_not_cover_ends_with_the_reason() {
    for (case, from, amount, why) in [
        ("too little came", "ALICE", 1_000_000, Rejection::InsufficientFunds),
        ("a27: it came from somebody else", "MALLORY", 3_000_000, Rejection::DepositElsewhere),
    ] {
        let mut world = World::funded(10_000_000);
        let alice = world.customer("ALICE", USD_A, 10);
        let id = transfer(&mut world, alice, 2 * ETHER);
        let incoming = world.incoming(deposit(), USD_A, HOT_A, from, amount);
        world.credit(incoming);
        let event = world.ok(Command::HoldTransfer { transfer: id, deposit: deposit() });
        assert_eq!(event, Event::TransferFailed { transfer: id, why }, "{case}");
        assert_eq!((world.held(alice, USD), world.state.transfers().count()), (0, 0), "{case}");
    }
}

#[test]
fn a_transfer_uses_its_nonce_when_it_is_asked_for() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 10_000_000);
    let order = world.order(alice, USD_B, ETHER);
    let (first, second) = (world.request(), world.request());
    world.ok(Command::RequestTransfer { request: first, network: A, tx: tx(1), order: order.clone(), trace: None });
    assert_eq!(world.refusal(Command::HoldPayout { request: second, order, trace: None }), Some(Rejection::NonceUsed));
}

#[test]
fn e3_a_transfer_uses_its_external_id_when_it_is_asked_for() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 10_000_000);
    let [mut first, mut second, mut third] = [1, 2, 3].map(|_| world.order(alice, USD_B, ETHER));
    for order in [&mut first, &mut second, &mut third] {
        order.external_id = Some("inv-1".into());
    }
    let requests = [1, 2, 3].map(|_| world.request());
    world.ok(Command::RequestTransfer { request: requests[0], network: A, tx: tx(1), order: first, trace: None });
    assert_eq!(world.state.payout_by_external_id(alice, "inv-1"), None, "it has no payout yet");
    let transfer = Command::RequestTransfer { request: requests[1], network: A, tx: tx(2), order: second, trace: None };
    assert_eq!(world.refusal(transfer), Some(Rejection::ExternalIdUsed));
    let hold = Command::HoldPayout { request: requests[2], order: third, trace: None };
    assert_eq!(world.refusal(hold), Some(Rejection::ExternalIdUsed));
    let incoming = world.incoming(deposit(), USD_A, HOT_A, "ALICE", 3_000_000);
    world.credit(incoming);
    world.ok(Command::HoldTransfer { transfer: TransferId(1), deposit: deposit() });
    assert_eq!(world.state.payout_by_external_id(alice, "inv-1"), Some(PayoutId(1)));
}

#[test]
fn a_transfer_whose_key_was_revoked_meanwhile_ends() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 10_000_000);
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    let shop = world.state.account_by_name("shop").expect("opened");
    let (request, address) = (None, address("SHOP"));
    world.ok(Command::ListWallet { request, network: A, address, role: Role::Deposit(shop), key: "m/1".into() });
    let order = PayoutOrder { authority: Authority::Key(KEY), ..world.order(shop, USD_B, ETHER) };
    let request = world.request();
    world.ok(Command::RequestTransfer { request, network: A, tx: tx(1), order, trace: None });
    let wallet = world.state.deposit_wallet(shop, A).expect("listed");
    let incoming = world.incoming(deposit(), USD_A, wallet, "ALICE", 3_000_000);
    world.credit(incoming);
    world.ok(Command::RevokeKey { key: KEY });
    let event = world.ok(Command::HoldTransfer { transfer: TransferId(1), deposit: deposit() });
    assert_eq!(event, Event::TransferFailed { transfer: TransferId(1), why: Rejection::NotAuthorized });
    assert_eq!((world.held(alice, USD), world.held(shop, USD)), (0, 0));
}
