//! Deposits: seen, deep enough, credited once; hurried by claims and never stolen by them.

use tokengine_core::*;
use tokengine_testkit::{Arg, artifact};

use crate::world::*;

#[test]
fn coin_and_token_are_credited_to_who_sent_them() {
    let world = World::new();
    let alice = world.funded();
    assert_eq!(world.free(&alice, USD), 1_000_000_000);
    world.books_balance();
    let status = world.status();
    assert!(status.is_fresh() && status.lag == Some(0), "{status:?}");
}

#[test]
fn nothing_is_skipped_after_downtime() {
    let mut world = World::new();
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.close();
    for _ in 0..5 {
        world.pay_token(&alice, &hot, 1_000);
        world.anvil.mine(20).expect("mined");
    }
    world.open();
    world.start_workers();
    world.until_free(&alice, USD, 5_000);
    let head = world.anvil.block_number().expect("a height");
    world.until("all is searched", move |state| {
        state.network(NET).and_then(|row| row.head()).is_some_and(|at| at.height >= head)
    });
}

#[test]
fn d1_a_deposit_waits_for_its_finality() {
    let world = World::with(|_| Setup { finality: Finality::Finalized, ..Setup::default() });
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.pay_token(&alice, &hot, 1_000);
    world.until("it is seen", |state| state.pending_deposits().count() == 1);
    assert_eq!(world.free(&alice, USD), 0, "seen is not credited");
    world.anvil.mine(5).expect("mined");
    world.until_free(&alice, USD, 1_000);
}

#[test]
fn a13_a14_one_transaction_pays_us_twice_and_others_too() {
    let world = World::new();
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    let splitter = artifact("Splitter").expect("compiled");
    let at = world.anvil.deploy(&splitter, &[]).expect("deployed");
    world.mint(&alice, 600);
    let approve = [Arg::from(&at), Arg::Uint(600)];
    let hash =
        world.anvil.invoke(&alice, &world.token, &world.artifact, "approve(address,uint256)", &approve).expect("sent");
    world.anvil.wait_success(&hash).expect("approved");
    let to = [hot.clone(), world.customer(5), hot];
    let amounts = Arg::List([100, 400, 100].map(Arg::Uint).into());
    let args = [Arg::from(&world.token), Arg::List(to.iter().map(Arg::from).collect()), amounts];
    let pay = "payTokens(address,address[],uint256[])";
    let hash = world.anvil.invoke(&alice, &at, &splitter, pay, &args).expect("sent");
    world.anvil.wait_success(&hash).expect("paid");
    world.until_free(&alice, USD, 200);
}

#[test]
fn what_a_contract_sends_is_nobodys_until_it_is_linked() {
    let world = World::new();
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    let wallet = artifact("ContractWallet").expect("compiled");
    let at = world.anvil.deploy(&wallet, &[Arg::from(&alice)]).expect("deployed");
    let args = [Arg::from(&at), Arg::Uint(500)];
    let hash = world.anvil.invoke(&alice, &world.token, &world.artifact, "mint(address,uint256)", &args).expect("sent");
    world.anvil.wait_success(&hash).expect("minted");
    let transfer =
        world.artifact.call("transfer(address,uint256)", &[Arg::from(&hot), Arg::Uint(500)]).expect("encoded");
    let data = tokengine_testkit::abi::from_hex(&transfer).expect("hex");
    let args = [Arg::from(&world.token), Arg::Uint(0), Arg::Bytes(data)];
    let hash = world.anvil.invoke(&alice, &at, &wallet, "execute(address,uint256,bytes)", &args).expect("sent");
    world.anvil.wait_success(&hash).expect("paid");
    world.until("it lies in suspense", |state| {
        state
            .suspense()
            .any(|(_, item)| item.reason == SuspenseReason::SenderIsContract && item.amount == Amount::new(500))
    });
    world.books_balance();
}

#[test]
fn a8_a_token_that_takes_a_fee_is_refused_and_never_credited() {
    let world = World::with(|_| Setup { token: "FeeToken", ..Setup::default() });
    world.until("the token is stopped", |state| state.asset(USD).is_some_and(|asset| asset.stopped.is_some()));
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.pay_token(&alice, &hot, 10_000);
    world.pay_coin(&alice, &hot, ETHER);
    world.until_free(&alice, COIN, ETHER);
    assert_eq!(world.free(&alice, USD), 0);
}

#[test]
fn a_token_that_nobody_held_when_it_was_listed_becomes_certain_later() {
    // Its balances are shares of a pool that is empty at first: no transfer can be simulated.
    let world = World::with(|_| Setup { token: "RebasingToken", ..Setup::default() });
    world.until("it may be used", |state| state.asset(USD).is_some_and(Asset::is_probed));
    let (alice, hot, network) = (world.customer(1), world.wallet_address(HOT), world.network());
    let prober = tokengine_workers::probe::Prober::new(world.handle(), std::sync::Arc::clone(&network));
    let probe = || {
        let heads = world.block_on(network.heads()).expect("the node answers");
        assert!(world.block_on(prober.check(NET, &heads)).expect("the engine answers").is_empty());
        world.block_on(prober.ask_again(NET, &heads)).expect("the engine answers");
        prober.is_certain(USD)
    };
    assert!(!probe(), "nobody holds any");
    world.pay_token(&alice, &hot, 10_000);
    world.until_free(&alice, USD, 10_000);
    assert!(probe(), "the hot wallet does");
    assert!(world.look(|state| state.asset(USD).is_some_and(|asset| asset.stopped.is_none())));
}

#[test]
fn a27_a_claim_hurries_a_deposit_and_is_refused_to_others() {
    let mut world = World::new();
    let (alice, bob, hot) = (world.customer(1), world.customer(2), world.wallet_address(HOT));
    let (by_alice, by_bob) = (world.account(&alice), world.account(&bob));
    let feed = world.handle();
    let tx = world.pay_token(&alice, &hot, 1_000);
    let unknown = TxId([9; 32]);
    for (tx, by) in [(tx, by_bob), (unknown, by_alice)] {
        let request = world.request();
        world.ok(Command::ClaimDeposit { request, network: NET, tx, by: Some(by), trace: None });
    }
    world.until("both claims are closed", |state| state.claims().count() == 0);
    let outcomes = closed_claims(&feed);
    assert!(outcomes.contains(&(tx, ClaimOutcome::Refused(ClaimRefusal::NotYours))), "{outcomes:?}");
    assert!(outcomes.contains(&(unknown, ClaimOutcome::Refused(ClaimRefusal::NotFound))), "{outcomes:?}");
    world.until_free(&alice, USD, 1_000);
    assert_eq!(world.free(&bob, USD), 0);
    let request = world.request();
    world.ok(Command::ClaimDeposit { request, network: NET, tx, by: Some(by_alice), trace: None });
    world.until("the claim is closed", |state| state.claims().count() == 0);
    assert!(closed_claims(&feed).contains(&(tx, ClaimOutcome::Found)));
    assert_eq!(world.free(&alice, USD), 1_000, "credited once");
}

fn closed_claims(handle: &tokengine_engine::Handle) -> Vec<(TxId, ClaimOutcome)> {
    let mut feed = handle.feed(Position(0));
    let mut closed = Vec::new();
    loop {
        let records = feed.ready(1_000).expect("the journal can be read");
        if records.is_empty() {
            break;
        }
        for (_, record) in records {
            if let Event::ClaimClosed { tx, outcome, .. } = record.event {
                closed.push((tx, outcome));
            }
        }
    }
    closed
}

#[test]
fn a_transfer_pays_out_when_its_deposit_is_credited() {
    let mut world = World::new();
    world.funded();
    let (bob, hot) = (world.customer(2), world.wallet_address(HOT));
    let tx = world.pay_token(&bob, &hot, 5_000);
    let order = world.order(&bob, USD, 4_000, &World::nobody(3));
    let request = world.request();
    world.ok(Command::RequestTransfer { request, network: NET, tx, order, trace: None });
    world.until("the transfer has ended", |state| state.transfers().count() == 0);
    world.until("its payout too", |state| state.payouts().count() == 0);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(3)).expect("a balance"), 4_000);
    assert_eq!(world.free(&bob, USD), 990, "the amount and the fee are gone");
}

#[test]
fn what_was_paid_before_the_engine_came_cannot_be_claimed() {
    let mut paid = None;
    let mut world = World::with(|anvil| {
        let hash = anvil.send(&anvil.accounts()[1], &World::hot_address(), ETHER).expect("sent");
        anvil.wait_success(&hash).expect("paid");
        paid = hash.parse().ok();
        anvil.mine(6).expect("mined"); // the search begins at the finalized head
        Setup::default()
    });
    let alice = world.customer(1);
    let (tx, by) = (paid.expect("a hash"), world.account(&alice));
    let request = world.request();
    world.ok(Command::ClaimDeposit { request, network: NET, tx, by: Some(by), trace: None });
    world.until("the claim is closed", |state| state.claims().count() == 0);
    let refused = ClaimOutcome::Refused(ClaimRefusal::NothingForUs);
    assert_eq!(closed_claims(&world.handle()), [(tx, refused)]);
    assert_eq!(world.free(&alice, COIN), 0);
}

#[test]
fn a18_an_upgraded_token_is_stopped_before_anything_of_it_is_credited() {
    let world = World::with(|_| Setup { token: "TokenProxy", ..Setup::default() });
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.pay_token(&alice, &hot, 10_000);
    world.until_free(&alice, USD, 10_000);
    let next = world.anvil.deploy(&artifact("TokenV2").expect("compiled"), &[]).expect("deployed");
    let upgrade = [Arg::from(&next)];
    let hash = world.anvil.invoke(&alice, &world.token, &world.artifact, "upgradeTo(address)", &upgrade).expect("sent");
    world.anvil.wait_success(&hash).expect("upgraded");
    world.pay_token(&alice, &hot, 10_000);
    world.until("the token is stopped", |state| state.asset(USD).is_some_and(|asset| asset.stopped.is_some()));
    world.pay_coin(&alice, &hot, ETHER);
    world.until_free(&alice, COIN, ETHER);
    assert_eq!(world.free(&alice, USD), 10_000, "a tenth of the second one vanished");
}
