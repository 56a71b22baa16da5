//! The figures that the docs state: bytes an account, and bytes a remembered deposit.

use tokengine_core::*;

#[test]
fn an_account_with_a_token_and_its_name_takes_at_most_160_bytes() {
    let mut state = State::new(1);
    let mut take = |event| {
        state.evolve(&Record { at: Time(1), event });
    };
    let policy =
        NetworkPolicy { reorg_depth: 1, nodes_required: 1, max_in_flight: 1, payout_finality: Finality::Finalized };
    take(Event::NetworkListed { id: "eip155:31337".into(), policy });
    take(Event::TokenListed { id: "USD".into(), decimals: 6 });
    let rules = crate::world::rules();
    let (id, network, token, contract) = ("eip155:31337/slip44:60".into(), NetworkIx(0), TokenIx(0), None);
    take(Event::AssetListed { id, network, token, decimals: 6, contract, rules });
    let wallet = Address::new("0xHOT").expect("short");
    take(Event::WalletListed { request: None, network, address: wallet, role: Role::Hot, key: "k".into() });
    let block = crate::world::block(1);
    take(Event::NetworkStarted { network, genesis: block, from: block });
    const COUNT: u32 = 200_000;
    for n in 0..COUNT {
        let from = format!("0x{n:040x}");
        take(Event::DepositCredited {
            key: DepositKey { network, tx: crate::world::tx(n.into()), locator: Locator::Log(3) },
            asset: AssetIx(0),
            wallet: WalletIx(0),
            to: CreditTo::NewAccount(format!("eip155:31337:{from}").into()),
            from: Address::new(&from).expect("short"),
            amount: Amount::new(5),
            credited: Amount::new(5),
            block,
            depth: crate::world::DEEP,
            from_surplus: Vec::new(),
            given_before: Amount::ZERO,
        });
    }
    let (accounts, deposits) = state.heap_bytes();
    let each = |bytes: usize| bytes / usize::try_from(COUNT).expect("32 bits");
    assert_eq!(state.account_count(), usize::try_from(COUNT).expect("32 bits"));
    assert!(each(accounts) <= 160, "{} bytes an account", each(accounts));
    assert!(each(deposits) <= 40, "{} bytes a deposit", each(deposits));
}

#[test]
fn an_open_payout_takes_at_most_865_bytes_with_its_destination_and_signature() {
    let mut world = crate::world::World::funded(1_000_000);
    let customer = world.customer("8d7e5fA3C4b2e19f00dD64B6e2D3aC5b8F1e7A90", crate::world::USD_A, 1_000);
    let order = PayoutOrder {
        destination: Address::new(&format!("0x{}", "8d7e5fA3C4b2e19f00dD64B6e2D3aC5b8F1e7A90")).expect("short"),
        external_id: Some("invoice-2026-000001".into()),
        ..world.order(customer, crate::world::USD_A, 100)
    };
    let payout = world.hold(order);
    let row = world.state.payout(payout).expect("open");
    let Authority::Signature { signer, signature, .. } = &row.order.authority else { panic!("it was signed") };
    let texts = signer.len() + signature.len() + row.order.destination.as_str().len();
    let external = row.order.external_id.as_ref().map_or(0, |id| id.len());
    // The map's node keeps at least five of eleven places used; two fingerprints of 36 bytes stay for ever.
    let bytes = size_of::<(PayoutId, Payout)>() * 11 / 6 + texts + external + 2 * 36;
    assert!(bytes <= 865, "{bytes} bytes an open payout");
}
