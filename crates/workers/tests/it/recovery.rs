//! After a restore: what the journal does not have is found on the network before anything new is signed.

use std::path::Path;

use tokengine_core::*;
use tokengine_testkit::FaultProxy;

use crate::world::*;

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

#[test]
fn a_payout_that_a_restored_journal_does_not_have_is_adopted_and_not_paid_again() {
    let mut world = World::new();
    let alice = world.funded();
    world.stop_workers();
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.close();
    let backup = tempfile::tempdir().expect("a folder");
    copy(world.folder.path(), backup.path());
    // The payout happens, and then the disk is lost.
    world.open();
    world.start_workers();
    world.until_ended(payout);
    world.close();
    world.folder = backup;
    world.open();
    assert!(world.look(move |state| state.payout(payout).is_some()), "the backup was made before it was paid");
    world.start_workers();
    world.until("it searches", |state| state.recovery().is_some());
    mine_until(&world, "the search has ended", |state| state.recovery().is_none());
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000, "paid once");
    assert_eq!(world.free(&alice, USD), 1_000_000_000 - 1_000 - 10);
    let again = world.withdraw(&alice, USD, 2_000, &World::nobody(2));
    world.until_ended(again);
    world.books_balance();
}

/// Mines one block after the other, each searched before the next, until the books are as wanted.
#[track_caller]
fn mine_until(world: &World, what: &str, holds: impl Fn(&State) -> bool + Send + Clone + 'static) {
    for _ in 0..80 {
        world.anvil.mine(1).expect("mined");
        let head = world.anvil.block_number().expect("a height");
        world.until("it is searched", move |state| {
            state.network(NET).and_then(|row| row.head()).is_some_and(|at| at.height >= head)
        });
        let holds = holds.clone();
        if world.look(move |state| holds(state)) {
            return;
        }
    }
    world.until(what, holds); // says how it is instead
}

/// Two funded hot wallets, and a payout of 1,000 to nobody(1) that one of them signed and sent behind the backup; no pool that
/// we can ask has its bytes any more. The restored engine is open, in recovery, and nobody works yet.
fn signed_behind_the_backup() -> (World, PayoutId, WalletIx, String) {
    let mut world = World::new();
    let alice = world.funded();
    let second = world.second_hot_wallet();
    world.pay_token(&alice, &second, 1_000_000_000);
    world.pay_coin(&alice, &second, 10 * ETHER);
    world.until_free(&alice, COIN, 20 * ETHER);
    world.until_free(&alice, USD, 2_000_000_000);
    world.stop_workers();
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.close();
    let backup = tempfile::tempdir().expect("a folder");
    copy(world.folder.path(), backup.path());
    world.anvil.set_automine(false).expect("set");
    world.open();
    world.start_workers();
    world.until("it is sent", |state| state.dispatches().any(|(_, d)| d.attempts.iter().any(|a| a.sent_at.is_some())));
    let slot = world.look(|state| state.dispatches().next().expect("open").1.clone());
    let attempt = &slot.attempts[0];
    world.close();
    world.anvil.drop_transaction(&attempt.tx.to_string()).expect("dropped");
    world.folder = backup;
    world.open();
    world.ok(Command::StartRecovery { reason: "restored from a backup".into() });
    world.anvil.set_automine(true).expect("set");
    (world, payout, slot.wallet, tokengine_testkit::abi::to_hex(&attempt.raw))
}

#[test]
fn f4_bytes_that_a_restored_journal_lost_cannot_pay_again_what_another_hot_wallet_pays() {
    let (mut world, payout, wallet, lost) = signed_behind_the_backup();
    // So that the other one pays.
    world.ok(Command::FreezeWallet { wallet, reason: "somebody looks at it".into() });
    world.start_workers();
    mine_until(&world, "the search has ended", |state| state.recovery().is_none());
    world.until_ended(payout);
    let paid = |world: &World| world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance");
    assert_eq!(paid(&world), 1_000);
    // They were in somebody's pool all the time.
    let refused = world.anvil.rpc("eth_sendRawTransaction", serde_json::json!([lost]));
    assert!(refused.is_err(), "their nonce is used: {refused:?}");
    world.anvil.mine(2).expect("mined");
    assert_eq!(paid(&world), 1_000, "paid once");
    world.books_balance();
}

#[test]
fn bytes_that_a_restored_journal_lost_and_that_get_into_a_block_are_the_payout() {
    let (mut world, payout, _, lost) = signed_behind_the_backup();
    world.anvil.rpc("eth_sendRawTransaction", serde_json::json!([lost])).expect("taken");
    world.start_workers();
    mine_until(&world, "the search has ended", |state| state.recovery().is_none());
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000, "paid once");
    assert!(world.look(|state| state.house_wallets().all(|(_, wallet)| wallet.frozen.is_none())));
    world.books_balance();
}

#[test]
fn recovery_goes_on_while_one_of_the_nodes_is_silent() {
    let mut proxies = Vec::new();
    let mut world = World::with(|anvil| {
        proxies = (0..2).map(|_| FaultProxy::start(anvil.url()).expect("a proxy")).collect();
        Setup { nodes: proxies.iter().map(FaultProxy::url).collect(), ..Setup::default() }
    });
    let alice = world.funded();
    world.stop_workers();
    world.ok(Command::StartRecovery { reason: "restored from a backup".into() });
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    proxies[1].go_dark();
    world.start_workers();
    // The other node is the quorum: everything but the end of the search goes on.
    let asked = proxies[0].calls("eth_getTransactionCount");
    tokengine_testkit::wait_until("pools are asked", std::time::Duration::from_secs(20), || {
        proxies[0].calls("eth_getTransactionCount") > asked + 6
    })
    .expect("asked");
    assert!(world.look(|state| state.recovery().is_some()), "its pool may have what no other has");
    assert!(
        world.look(move |state| state.payout(payout).is_some_and(|row| matches!(row.stage, PayoutStage::Waiting(_))))
    );
    proxies[1].restore();
    mine_until(&world, "the search has ended", |state| state.recovery().is_none());
    world.until_ended(payout);
}

#[test]
fn f3_a_foreign_use_of_our_key_freezes_the_wallet() {
    let mut world = World::new();
    let alice = world.funded();
    let hot = world.wallet_address(HOT);
    world.anvil.impersonate(&hot).expect("impersonated");
    let thief = World::nobody(6);
    let hash = world.anvil.send(&hot, &thief, ETHER).expect("sent");
    world.anvil.wait_success(&hash).expect("stolen");
    world.until("the wallet is frozen", |state| state.wallet(HOT).is_some_and(|wallet| wallet.frozen.is_some()));
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.anvil.mine(8).expect("mined");
    world.until("the loss is booked", |state| state.wallet(HOT).is_some_and(|wallet| wallet.next_nonce == Some(1)));
    world.until("it waits", move |state| {
        state.payout(payout).is_some_and(|row| row.stage == PayoutStage::Waiting(Wait::Paused))
    });
    assert_eq!(world.anvil.nonce(&hot, "latest").expect("a nonce"), 1, "nothing was signed");
    world.books_balance();
    world.ok(Command::ThawWallet { wallet: HOT, reason: "the key was found".into() });
    world.until_ended(payout);
}

/// A payout of 1,000 to nobody(1) waits in the pool; then the same nonce is used by what `foreign` says, and is final.
fn nonce_taken_by(foreign: impl FnOnce(&World) -> serde_json::Value) -> (World, PayoutId) {
    let mut world = World::new();
    let alice = world.funded();
    let hot = world.wallet_address(HOT);
    world.anvil.set_automine(false).expect("set");
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("it is sent", |state| state.dispatches().any(|(_, d)| d.attempts.iter().any(|a| a.sent_at.is_some())));
    world.anvil.impersonate(&hot).expect("impersonated");
    let mut transaction = foreign(&world);
    for (field, value) in [
        ("from", hot.as_str()),
        ("nonce", "0x0"),
        ("gas", "0x30d40"),
        ("maxFeePerGas", "0x174876e800"),
        ("maxPriorityFeePerGas", "0x174876e800"),
    ] {
        transaction[field] = value.into();
    }
    let hash = world.anvil.send_transaction(transaction).expect("sent");
    world.anvil.mine(8).expect("mined");
    world.anvil.set_automine(true).expect("set");
    world.anvil.wait_success(&hash).expect("it took the nonce");
    world.until("the wallet is frozen", |state| state.wallet(HOT).is_some_and(|wallet| wallet.frozen.is_some()));
    (world, payout)
}

#[test]
fn e11_a_payout_whose_nonce_is_proven_to_be_used_by_another_is_paid_with_a_new_one() {
    let (world, payout) = nonce_taken_by(|_| serde_json::json!({"to": World::nobody(6), "value": "0x1"}));
    world.until("it waits again", move |state| {
        state.payout(payout).is_some_and(|row| matches!(row.stage, PayoutStage::Waiting(_)))
    });
    world.ok(Command::ThawWallet { wallet: HOT, reason: "the key was found".into() });
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    world.books_balance();
}

#[test]
fn a_nonce_used_elsewhere_for_the_very_same_payment_is_that_payment_and_a_person_is_called() {
    let (world, payout) = nonce_taken_by(|world| {
        let to = World::nobody(1);
        let args = [tokengine_testkit::Arg::from(&to), tokengine_testkit::Arg::Uint(1_000)];
        let data = world.artifact.call("transfer(address,uint256)", &args).expect("encoded");
        serde_json::json!({"to": world.token, "data": data})
    });
    world.until_ended(payout);
    assert!(world.look(|state| state.wallet(HOT).is_some_and(|wallet| wallet.frozen.is_some())), "a person is called");
    world.ok(Command::ThawWallet { wallet: HOT, reason: "it was ours".into() });
    world.books_balance();
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000, "paid once");
}
