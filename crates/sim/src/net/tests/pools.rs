//! Nonces, replacement, and what a node says to bytes.

use tokengine_chain::{Accounts, At, Node, SendAnswer, TxStatus};

use super::*;

fn send(bench: &mut Bench, signed: &Signed) -> SendAnswer {
    let raw = signed.raw.clone();
    bench.answer(|node| async move { node.send(&raw).await }, 0).expect("no faults")
}

fn status(bench: &mut Bench, signed: &Signed) -> TxStatus {
    let tx = signed.tx;
    bench.answer(|node| async move { node.status(tx).await }, 0).expect("no faults")
}

fn pending(bench: &mut Bench) -> u64 {
    let ours = bench.ours.clone();
    bench.answer(|node| async move { node.nonce_at(&ours, At::Pending).await }, 0).expect("no faults")
}

#[test]
fn a_nonce_is_used_once_and_replaced_only_by_a_tenth_more() {
    let mut bench = Bench::funded(1, Settings::new(1, 1, 1));
    let to = bench.bob.clone();
    let offer = |bench: &Bench, max_fee, tip| {
        bench.sign(0, Payload::native(&to, Amount::new(5)), 21_000, max_fee * GWEI, tip * GWEI)
    };
    let first = offer(&bench, 100, 10);
    for (case, signed, answer) in [
        ("the first", first.clone(), SendAnswer::Accepted),
        ("the same again", first.clone(), SendAnswer::AlreadyKnown),
        ("a tenth more in one field only", offer(&bench, 110, 10), SendAnswer::Underpriced),
        ("a little less than a tenth more", offer(&bench, 109, 11), SendAnswer::Underpriced),
        ("a tenth more in both", offer(&bench, 110, 11), SendAnswer::Accepted),
        ("the one it outbid", first.clone(), SendAnswer::Underpriced),
    ] {
        assert_eq!(send(&mut bench, &signed), answer, "{case}");
    }
    assert_eq!(status(&mut bench, &first), TxStatus::Unknown, "outbid is gone");
    bench.blocks(1);
    let second = offer(&bench, 110, 11);
    assert!(matches!(status(&mut bench, &second), TxStatus::InBlock(_)));
    assert_eq!(send(&mut bench, &second), SendAnswer::AlreadyKnown, "in a block");
    assert_eq!(send(&mut bench, &first), SendAnswer::NonceTooLow);
    assert_eq!(bench.world.used(0, &bench.ours).len(), 1);
}

#[test]
fn what_a_node_does_not_want_it_says() {
    let mut bench = Bench::funded(2, Settings::new(1, 1, 1));
    let bob = bench.bob.clone();
    let pay = |amount| Payload::native(&bob, Amount::new(amount));
    let other_network = {
        let fees = Fees::Dynamic { max_fee: 100 * GWEI, priority: GWEI };
        bench.sign_draft(&pay(5).draft(2, 0, 21_000, fees))
    };
    let refused = |answer: &SendAnswer| matches!(answer, SendAnswer::Rejected(_));
    assert!(refused(&send(&mut bench, &other_network)), "of another network");
    let little_gas = bench.sign(0, pay(5), 20_999, 100 * GWEI, GWEI);
    assert!(refused(&send(&mut bench, &little_gas)), "too little gas for anything");
    let far_ahead = bench.payment(65, &bob, 5);
    assert!(refused(&send(&mut bench, &far_ahead)), "too far ahead");
    let poor = bench.payment(0, &bob, 100 * COIN);
    assert_eq!(send(&mut bench, &poor), SendAnswer::InsufficientFunds, "all of it, and nothing for gas");
    let no_tip = bench.sign(0, pay(5), 21_000, 100 * GWEI, 0);
    assert_eq!(send(&mut bench, &no_tip), SendAnswer::Underpriced);
    let noise = bench.answer(|node| async move { node.send(&[2, 255, 0]).await }, 0);
    assert!(refused(&noise.expect("no faults")));
    assert_eq!(bench.world.waiting(0), 0);
}

#[test]
fn a_gap_holds_up_what_is_behind_it() {
    let mut bench = Bench::funded(3, Settings::new(1, 1, 1));
    let bob = bench.bob.clone();
    let [first, second, third] = [0, 1, 2].map(|nonce| bench.payment(nonce, &bob, 5));
    for signed in [&second, &third] {
        assert_eq!(send(&mut bench, signed), SendAnswer::Accepted);
    }
    assert_eq!(pending(&mut bench), 0, "nothing without a gap");
    bench.blocks(3);
    assert_eq!(status(&mut bench, &second), TxStatus::InMempool);
    assert_eq!(send(&mut bench, &first), SendAnswer::Accepted);
    assert_eq!(pending(&mut bench), 3);
    bench.blocks(1);
    assert_eq!(bench.world.nonce(0, &bench.ours), 3, "all in one block");
    let order: Vec<u64> = bench.world.used(0, &bench.ours).iter().map(|used| used.nonce).collect();
    assert_eq!(order, [0, 1, 2]);
}

#[test]
fn an_offer_below_the_base_fee_waits_until_it_falls() {
    let mut bench = Bench::funded(4, Settings::new(1, 1, 1));
    let bob = bench.bob.clone();
    let low = bench.sign(0, Payload::native(&bob, Amount::new(5)), 21_000, 2 * GWEI, 2 * GWEI);
    assert_eq!(send(&mut bench, &low), SendAnswer::Accepted);
    bench.blocks(50);
    assert_eq!(status(&mut bench, &low), TxStatus::InMempool, "it starts at 20 gwei and never falls so low");
    let high = bench.payment(0, &bob, 5);
    assert_eq!(send(&mut bench, &high), SendAnswer::Underpriced, "more than a tenth, but not of the tip");
    let better = bench.sign(0, Payload::native(&bob, Amount::new(5)), 21_000, 200 * GWEI, 3 * GWEI);
    assert_eq!(send(&mut bench, &better), SendAnswer::Accepted);
    bench.blocks(1);
    assert!(matches!(status(&mut bench, &better), TxStatus::InBlock(_)));
}

#[test]
fn what_was_sent_with_a_fault_may_be_out_all_the_same() {
    let mut settings = Settings::new(1, 1, 1);
    settings.rates = Rates { send: 1_000, ..Rates::NONE };
    let mut bench = Bench::funded(5, settings);
    let bob = bench.bob.clone();
    for nonce in 0..200 {
        let signed = bench.payment(nonce, &bob, 5);
        let raw = signed.raw.clone();
        // As the product does it: the same bytes, until they are in a block.
        for _ in 0..5_000 {
            let _ = bench.answer(
                |node| {
                    let raw = raw.clone();
                    async move { node.send(&raw).await }
                },
                0,
            );
            bench.blocks(1);
            if bench.world.nonce(0, &bench.ours) > nonce {
                break;
            }
        }
        assert_eq!(bench.world.nonce(0, &bench.ours), nonce + 1);
    }
    let coverage = bench.world.coverage();
    for fault in ["send-swallowed", "send-error-after", "send-late", "send-twice", "send-lost"] {
        assert!(coverage[fault] > 0, "{fault}");
    }
    assert_eq!(bench.world.used(0, &bench.ours).len(), 200, "each nonce once, however often it was sent");
}
