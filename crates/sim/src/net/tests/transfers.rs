//! What transactions do: balances, gas, logs in their places, and what only looks like a payment.

use tokengine_chain::{Node, Outcome, Receivers, Scan, TxStatus};
use tokengine_core::Locator;

use super::*;

fn scan(bench: &mut Bench, endpoint: usize) -> Scan {
    let block = bench.world.head(0).hash;
    let tokens: Vec<Address> = (0..bench.world.settings(0).tokens.len()).map(|ix| bench.token(ix)).collect();
    let receivers = Receivers::few([bench.ours.clone()], tokens);
    bench.answer(|node| async move { node.payments(block, &receivers).await }, endpoint).expect("no faults")
}

fn found(scan: &Scan) -> Vec<(Locator, Option<u128>, Outcome)> {
    let amount = |payment: &tokengine_chain::Payment| payment.amount.ok().map(Amount::base_units);
    scan.payments.iter().map(|payment| (payment.locator.clone(), amount(payment), payment.outcome)).collect()
}

#[test]
fn a_payment_moves_its_amount_and_costs_gas() {
    let mut bench = Bench::funded(1, Settings::new(1, 1, 1));
    let to = bench.world.fresh_address(0);
    let token = bench.token(0);
    let native = bench.payment(0, &to, 5 * COIN);
    let payload = Payload::token(&token, &to, Amount::new(700)).expect("an address");
    let tokens = bench.sign(1, payload, 80_000, 200 * GWEI, 2 * GWEI);
    for signed in [&native, &tokens] {
        let raw = signed.raw.clone();
        bench.answer(|node| async move { node.send(&raw).await }, 0).expect("no faults");
    }
    bench.blocks(1);
    let held = |asset: &Asset| bench.world.balance(0, &to, asset);
    assert_eq!((held(&Asset::Native), held(&Asset::Contract(token.clone()))), (5 * COIN, 700));
    let cost: u128 = bench.world.used(0, &bench.ours).iter().map(|used| used.cost).sum();
    assert_eq!(bench.world.balance(0, &bench.ours, &Asset::Native), 95 * COIN - cost);
    let TxStatus::InBlock(inclusion) =
        bench.answer(|node| async move { node.status(tokens.tx).await }, 0).expect("no faults")
    else {
        panic!("it is in a block")
    };
    assert_eq!(inclusion.gas_used, 63_209, "the first of a token costs more");
    let flows = bench.world.flows(0, bench.world.head(0).height - 1);
    let told: Vec<u128> = flows.iter().map(|flow| flow.arrived).collect();
    assert_eq!(told, [5 * COIN, 700]);
    assert!(flows.iter().all(|flow| !flow.is_final && flow.from.as_ref() == Some(&bench.ours)));
    bench.blocks(12);
    assert!(bench.world.flows(0, 0).iter().all(|flow| flow.is_final));
    assert_eq!(bench.world.final_balance(0, &to, &Asset::Native), 5 * COIN);
}

#[test]
fn what_fails_moves_nothing_and_costs_gas() {
    let mut bench = Bench::funded(2, Settings::new(1, 1, 1));
    let (token, to, refuser) = (bench.token(0), bench.world.fresh_address(0), bench.world.refuser(0));
    let transfer = Payload::token(&token, &to, Amount::new(700)).expect("an address");
    let pause = |bench: &mut Bench, paused| {
        bench.world.act(0, &bench.bob, &Deed::Pause { token: token.clone(), paused });
        bench.blocks(1);
    };
    let block = |bench: &mut Bench, blocked| {
        bench.world.act(0, &bench.bob, &Deed::Block { token: token.clone(), receiver: to.clone(), blocked });
        bench.blocks(1);
    };
    for (nonce, case) in (0..).zip(["refuser", "gas", "paused", "blocked", "works"]) {
        match case {
            "paused" => pause(&mut bench, true),
            "blocked" => {
                pause(&mut bench, false);
                block(&mut bench, true);
            }
            "works" => block(&mut bench, false),
            _ => {}
        }
        let signed = match case {
            "refuser" => bench.sign(nonce, Payload::native(&refuser, Amount::new(9)), 90_000, 200 * GWEI, 2 * GWEI),
            "gas" => bench.sign(nonce, transfer.clone(), 60_000, 200 * GWEI, 2 * GWEI),
            _ => bench.sign(nonce, transfer.clone(), 90_000, 200 * GWEI, 2 * GWEI),
        };
        let before = bench.world.balance(0, &bench.ours, &Asset::Native);
        let raw = signed.raw.clone();
        bench.answer(|node| async move { node.send(&raw).await }, 0).expect("no faults");
        bench.blocks(1);
        let used = bench.world.used(0, &bench.ours).pop().expect("one");
        assert_eq!(used.success, case == "works", "{case}");
        assert_eq!(bench.world.balance(0, &bench.ours, &Asset::Native), before - used.cost, "{case}");
        assert_eq!(bench.world.balance(0, &to, &Asset::Contract(token.clone())) > 0, case == "works", "{case}");
    }
}

#[test]
fn payments_stand_in_their_places_and_what_is_none_is_counted() {
    let mut settings = Settings::new(1, 2, 1);
    settings.endpoints[1].traces = false;
    let mut bench = Bench::new(3, settings);
    let (ours, bob, token) = (bench.ours.clone(), bench.bob.clone(), bench.token(0));
    let done = |place, amount| (place, Some(amount), Outcome::Succeeded);
    let (log, value) = (Locator::Log, Locator::Value);
    let inner: Locator = Locator::Trace([1, 0].into());
    let (to, asset) = (ours.clone(), Asset::Native);
    for (case, deed, expected) in [
        ("the coin", Deed::Pay { asset, to, amount: 5 }, vec![done(value.clone(), 5)]),
        (
            "several, ours twice, among others",
            Deed::PayMany { token: token.clone(), to: vec![(ours.clone(), 5), (bob.clone(), 6), (ours.clone(), 5)] },
            vec![done(log(0), 5), done(log(2), 5)],
        ),
        ("from inside", Deed::PayInside { to: vec![(bob.clone(), 3), (ours.clone(), 8)] }, vec![done(inner, 8)]),
        ("minted", Deed::Mint { token: token.clone(), to: ours.clone(), amount: 4 }, vec![done(log(0), 4)]),
        ("failed", Deed::PayAndFail { to: ours.clone(), amount: 7 }, vec![(value, Some(7), Outcome::Reverted)]),
        (
            "too large",
            Deed::TooLarge { token: token.clone(), to: ours.clone() },
            vec![(log(0), None, Outcome::Succeeded)],
        ),
        ("forged", Deed::Forge { to: ours.clone(), amount: 9 }, vec![]),
        ("nothing", Deed::PayNothing { token: token.clone(), to: ours.clone() }, vec![]),
        ("malformed", Deed::Malformed { token, to: ours }, vec![]),
    ] {
        bench.world.act(0, &bob, &deed);
        bench.blocks(1);
        let scan = scan(&mut bench, 0);
        assert_eq!(found(&scan), expected, "{case}");
        let ignored = scan.ignored;
        let counted = (ignored.foreign, ignored.zero, ignored.malformed);
        let expected = match case {
            "forged" => (1, 0, 0),
            "nothing" => (0, 1, 0),
            "malformed" => (0, 0, 1),
            _ => (0, 0, 0),
        };
        assert_eq!(counted, expected, "{case}");
        if case == "from inside" {
            assert_eq!(found(&super::transfers::scan(&mut bench, 1)), [], "a node without traces does not see it");
        }
    }
    let moved: Vec<u128> =
        bench.world.flows(0, 0).iter().filter(|flow| flow.to == bench.ours).map(|f| f.amount).collect();
    assert_eq!(moved, [5, 5, 5, 8, 4], "and this is what is true");
}

#[test]
fn a_token_keeps_what_it_says_it_keeps() {
    let mut settings = Settings::new(1, 1, 1);
    settings.tokens = vec![Token { decimals: 6, manner: Manner::TakesFee(100), can_be_tried: false }];
    let mut bench = Bench::new(4, settings);
    let token = Asset::Contract(bench.token(0));
    bench.world.pay(0, &bench.bob, &bench.ours, &token, 10_000);
    bench.blocks(1);
    assert_eq!(found(&scan(&mut bench, 0)), [(Locator::Log(0), Some(10_000), Outcome::Succeeded)], "the log");
    assert_eq!(bench.world.balance(0, &bench.ours, &token), 9_900, "the balance");
    let flow = bench.world.flows(0, 0).pop().expect("one");
    assert_eq!((flow.amount, flow.arrived), (10_000, 9_900));
}

#[test]
fn who_pays_is_a_key_a_contract_or_a_key_with_lent_code() {
    use tokengine_chain::{Accounts, At, Code};
    let mut bench = Bench::new(5, Settings::new(1, 1, 1));
    let (wallet, lent) = (bench.world.contract_wallet(0), bench.world.delegated_account(0));
    for (case, address) in [("a key", bench.bob.clone()), ("a contract", wallet), ("a key with lent code", lent)] {
        let asked = address.clone();
        let code = bench.answer(|node| async move { node.code(&asked, At::Latest).await }, 0).expect("no faults");
        let told = match code {
            Code::None => "a key",
            Code::Contract(_) => "a contract",
            Code::Delegated(_) => "a key with lent code",
        };
        assert_eq!(told, case);
        if case == "a key" {
            continue;
        }
        let (token, to) = (bench.token(0), bench.ours.clone());
        bench.world.act(0, &bench.bob, &Deed::PayFromContract { wallet: address.clone(), token, to, amount: 5 });
        bench.blocks(1);
        assert_eq!(scan(&mut bench, 0).payments[0].from, Some(address), "{case}");
    }
}
