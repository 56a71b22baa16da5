//! Sweeps: what lies at deposit addresses moves to the hot wallet, with gas given where it is missing.

use tokengine_core::*;

use crate::world::*;

/// Lists the deposit address of a customer.
pub fn deposit_address(world: &World, customer: &str, index: u8) -> String {
    let words = "test test test test test test test test test test test junk";
    let keys = tokengine_keys::Mnemonic::parse(words).expect("words").keys("").deposit_keys(7).expect("keys");
    let address = keys.address(index.into()).expect("an address").to_string();
    let (account, key) = (world.account(customer), format!("deposits/{index}").into());
    let listed = canonical(&address);
    world.ok(Command::ListWallet { request: None, network: NET, address: listed, role: Role::Deposit(account), key });
    address
}

/// Case A21 too: the address was never used before. It has a key of its own, so nothing is deployed to sweep it.
#[test]
fn f11_tokens_at_a_deposit_address_are_credited_and_swept_with_gas_from_the_tank() {
    let world = World::new();
    let (alice, bob) = (world.customer(1), world.customer(2));
    let tank = world.wallet_address(GAS);
    let address = deposit_address(&world, &alice, 0);
    let tx = world.pay_token(&bob, &address, 5_000);
    // Whoever paid, it is the owner's of the address; and the tank is empty, so that only the sweep waits.
    world.until_free(&alice, USD, 5_000);
    assert_eq!(world.free(&bob, USD), 0, "{tx}");
    world.pay_coin(&world.customer(9), &tank, ETHER);
    let swept = |state: &State| state.wallet(HOT).is_some_and(|hot| hot.holding(USD).amount == Amount::new(5_000));
    world.until("the tank is filled", |state| !state.wallet(GAS).expect("listed").holding(COIN).amount.is_zero());
    world.until("it is swept", swept);
    let hot = world.wallet_address(HOT);
    assert_eq!(world.anvil.erc20_balance(&world.token, &hot).expect("a balance"), 5_000);
    assert_eq!(world.free(&alice, USD), 5_000, "nothing changes for the account");
    assert_eq!(world.look(|state| state.pending_deposits().count()), 0, "a sweep is no deposit");
    world.books_balance();
}

#[test]
fn coin_at_a_deposit_address_is_swept_less_its_gas() {
    let world = World::new();
    let alice = world.customer(1);
    let address = deposit_address(&world, &alice, 1);
    world.pay_coin(&alice, &address, ETHER);
    world.until_free(&alice, COIN, ETHER);
    world.until("it is swept", |state| !state.wallet(HOT).expect("listed").holding(COIN).amount.is_zero());
    let (hot, left) = (world.wallet_address(HOT), world.anvil.balance(&address).expect("a balance"));
    let arrived = world.anvil.balance(&hot).expect("a balance");
    assert_eq!(world.look(|state| state.wallet(HOT).expect("listed").holding(COIN).amount), Amount::new(arrived));
    assert!(arrived > ETHER * 9 / 10 && left < ETHER / 100);
    world.books_balance();
}

#[test]
fn a_retiring_wallet_is_emptied_into_the_new_one() {
    let world = World::new();
    world.funded();
    let new = {
        let signer = tokengine_keys::LocalSigner::from_key(&tokengine_keys::Secret::new([0x33; 32])).expect("a key");
        canonical(&signer.evm_address().to_string())
    };
    world.ok(Command::ListWallet {
        request: None,
        network: NET,
        address: new.clone(),
        role: Role::Hot,
        key: "old".into(),
    });
    world.ok(Command::ChangeWalletRole { wallet: HOT, role: Role::Retiring });
    let at = WalletIx(2);
    world.until("all is moved", move |state| {
        let holds = |asset| state.wallet(at).expect("listed").holding(asset).amount;
        holds(USD) == Amount::new(1_000_000_000) && !holds(COIN).is_zero()
    });
    assert_eq!(world.anvil.erc20_balance(&world.token, new.as_str()).expect("a balance"), 1_000_000_000);
    world.books_balance();
}
