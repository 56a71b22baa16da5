//! After a restore: what the journal does not have is found on the network before anything new is signed.

use std::path::Path;

use tokengine_core::*;

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
    world.anvil.mine(8).expect("mined");
    world.until_ended(payout);
    world.until("the search has ended", |state| state.recovery().is_none());
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000, "paid once");
    assert_eq!(world.free(&alice, USD), 1_000_000_000 - 1_000 - 10);
    let again = world.withdraw(&alice, USD, 2_000, &World::nobody(2));
    world.until_ended(again);
    world.books_balance();
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
