//! What the network paid beyond the books: adopted payments that nothing asked for, and orders for the same.

use crate::world::*;
use tokengine_core::*;

const UNIT: u128 = 1_000_000_000_000;

fn adopt(world: &mut World, tx_number: u64, amount: u128, to: &str) -> Option<Rejection> {
    let nonce = world.state.wallet(HOT_A).and_then(|wallet| wallet.next_nonce).expect("ready");
    let paid = Some((USD_A, Amount::new(amount), address(to)));
    let (tx, block, gas) = (tx(tx_number), block(100), Amount::new(5));
    world.refusal(Command::AdoptDispatch { wallet: HOT_A, nonce, tx, block, success: true, paid, gas, depth: DEEP })
}

fn clear(world: &mut World, tx_number: u64, reason: &str) -> Option<Rejection> {
    let (request, reason) = (world.request(), reason.into());
    world.refusal(Command::ClearUnmatched { request, network: A, tx: tx(tx_number), reason })
}

#[test]
fn an_order_for_what_an_adopted_transaction_paid_is_that_payment_and_is_never_sent() {
    for (case, amount, to, paid) in [
        ("the same", 100, "DEST", true),
        ("another amount", 101, "DEST", false),
        ("another destination", 100, "ELSEWHERE", false),
    ] {
        let mut world = World::funded(10_000_000);
        let alice = world.customer("ALICE", USD_A, 1_000_000);
        let (books, free) = (*world.state.totals(USD).expect("listed"), world.free(alice, USD));
        let custody = world.holding(HOT_A, USD_A).0;
        world.ok(Command::StartRecovery { reason: "restored".into() });
        assert_eq!(adopt(&mut world, 900, amount, to), None);
        world.ok(Command::EndRecovery { reason: "searched".into() });
        world.ok(Command::ThawWallet { wallet: HOT_A, reason: "looked at".into() });
        assert_eq!(world.state.unmatched().map(|(_, row)| row.tx).collect::<Vec<_>>(), [tx(900)], "{case}");
        let order = world.order(alice, USD_A, 100);
        let payout = world.hold(order);
        let (nonce, gas_reserve) = (1, Amount::new(21_000));
        let open = Command::OpenDispatch { wallet: HOT_A, nonce, purpose: Purpose::Payout(payout), gas_reserve };
        let settle = Command::SettlePaid { payout };
        if !paid {
            assert_eq!(world.refusal(settle), Some(Rejection::Stale), "{case}");
            assert_eq!(world.refusal(open), None, "{case}: it is sent");
            continue;
        }
        assert_eq!(world.refusal(open), Some(Rejection::PaidBefore));
        let (request, authority) = (None, world.signed(alice));
        let cancel = Command::CancelPayout { request, payout, authority };
        assert_eq!(world.refusal(cancel), Some(Rejection::NotCancellable), "it left");
        let event = world.ok(settle.clone());
        assert!(matches!(event, Event::PayoutPaidBefore { tx: by, .. } if by == tx(900)), "{event:?}");
        let fee = 1_000 + (100 * UNIT).div_ceil(1_000);
        assert_eq!((world.free(alice, USD), world.held(alice, USD)), (free - 100 * UNIT - fee, 0), "debited once");
        assert_eq!(world.holding(HOT_A, USD_A), (custody - 100, 0), "left once");
        let totals = world.state.totals(USD).expect("listed");
        assert_eq!((totals.equity_in, totals.equity_out), (books.equity_in, books.equity_out), "nobody else bears it");
        assert_eq!(world.state.unmatched().count(), 0);
        assert_eq!(world.refusal(settle), Some(Rejection::UnknownPayout), "once");
        let order = world.order(alice, USD_A, 100);
        let next = world.hold(order);
        assert_eq!(world.refusal(Command::SettlePaid { payout: next }), Some(Rejection::Stale), "the next one is new");
        world.open(HOT_A, Purpose::Payout(next));
        assert_eq!(world.replayed().digest(), world.state.digest());
        let mut bytes = Vec::new();
        world.state.encode(&mut bytes);
        assert_eq!(State::decode(&bytes, 7).expect("whole").digest(), world.state.digest());
    }
}

#[test]
fn a_person_says_that_an_adopted_payment_is_nobodys_order_and_the_next_one_is_sent() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    world.ok(Command::StartRecovery { reason: "restored".into() });
    assert_eq!(adopt(&mut world, 900, 100, "DEST"), None);
    world.ok(Command::EndRecovery { reason: "searched".into() });
    world.ok(Command::ThawWallet { wallet: HOT_A, reason: "looked at".into() });
    assert_eq!(clear(&mut world, 900, ""), Some(Rejection::NameInvalid), "with a reason");
    assert_eq!(clear(&mut world, 901, "a stranger's"), Some(Rejection::UnknownFinal));
    assert_eq!(clear(&mut world, 900, "a stranger's"), None);
    assert_eq!(clear(&mut world, 900, "a stranger's"), Some(Rejection::UnknownFinal), "once");
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    world.open(HOT_A, Purpose::Payout(payout));
    assert_eq!(world.replayed().digest(), world.state.digest());
}

#[test]
fn a_lost_payout_that_is_adopted_before_the_deposit_it_was_paid_from_leaves_the_books_as_the_network() {
    let mut world = World::funded(100);
    let equity = |world: &World| {
        let totals = world.state.totals(USD).expect("listed");
        totals.equity_in.base_units() as i128 - totals.equity_out.base_units() as i128
    };
    let before = equity(&world);
    world.ok(Command::StartRecovery { reason: "restored".into() });
    assert_eq!(adopt(&mut world, 900, 500, "ELSEWHERE"), None);
    assert_eq!(world.holding(HOT_A, USD_A).0, 0);
    let bob = world.customer("BOB", USD_A, 300);
    assert_eq!(world.holding(HOT_A, USD_A).0, 0, "a part of it");
    world.customer("BOB", USD_A, 200);
    assert_eq!(world.holding(HOT_A, USD_A).0, 100, "100 + 500 - 500");
    assert_eq!(world.state.taken_ahead(HOT_A, USD_A), Amount::ZERO);
    assert_eq!(equity(&world), before - 500 * UNIT as i128, "the operator bears it, until it is asked for");
    let order = PayoutOrder { destination: address("ELSEWHERE"), ..world.order(bob, USD_A, 500) };
    let rules = AssetRules { fees: Fees::default(), ..rules() };
    world.ok(Command::ChangeAssetRules { asset: USD_A, rules });
    let payout = world.hold(order);
    world.ok(Command::SettlePaid { payout });
    assert_eq!((world.free(bob, USD), world.holding(HOT_A, USD_A).0, equity(&world)), (0, 100, before));
    assert_eq!(world.replayed().digest(), world.state.digest());
}
