//! Issued tokens in the read model: what operations mint, move and burn stands in accounts' histories.

use crate::compare;
use crate::world::*;
use tokengine_core::token::*;
use tokengine_core::*;
use tokengine_store::{Change, EntryKind, Page};

fn operation(tx_id: &str, kind: OperationKind, initiator: &str, amount: u128) -> Operation {
    let other = |role, address: &str| vec![Identity { address: address.into(), role }];
    Operation {
        tx_id: tx_id.into(),
        correlation_id: None,
        kind,
        class: "GOLD".into(),
        token: Some(initiator.into()),
        initiator: initiator.into(),
        amount: Some(Amount::new(amount)),
        identities: match kind {
            OperationKind::Mint => other(IdentityRole::Issuer, "mint"),
            _ => other(IdentityRole::Recipient, "alice"),
        },
        metadata: vec![],
        trace: None,
        timestamp: None,
    }
}

#[test]
fn operations_change_balances_and_open_accounts_as_in_the_engine() {
    let mut world = World::new();
    for (id, standard, program) in [("ART", Standard::Nft, "reference-nft"), ("GOLD", Standard::Ft, "reference-ft")] {
        let metadata = ClassMetadata::default();
        let rules = ClassRules { metadata, hooks: vec![], commitment: CommitmentConfig::whole(1) };
        world.ok(Command::CreateClass {
            spec: ClassSpec { id: id.into(), program: program.into(), standard, decimals: 0, rules },
        });
    }
    use OperationKind::*;
    for (tx, kind, initiator, amount) in
        [("1", Mint, "mint", 100), ("2", Transfer, "mint", 60), ("3", Burn, "alice", 15), ("4", Burn, "mint", 41)]
    {
        world.ok(Command::Operate { operation: operation(tx, kind, initiator, amount).into() });
    }
    let store = store_of(&world);
    let reader = store.reader().expect("opens");
    compare::same(&world, &reader);
    let alice = world.state.account_by_name("alice").expect("opened by the transfer");
    let history = reader.history(alice, &Page::first(10)).expect("readable").items;
    let kinds: Vec<_> = history.iter().map(|entry| (entry.kind, entry.free_change)).collect();
    let down = |amount| Change::down(Amount::new(amount));
    assert_eq!(kinds, [(EntryKind::Burned, down(15)), (EntryKind::Move, Change::up(Amount::new(60)))]);
    let minted = reader.history(world.state.account_by_name("mint").expect("opened"), &Page::first(10));
    let last = minted.expect("readable").items.pop().expect("the mint");
    assert_eq!((last.kind, last.free_change), (EntryKind::Minted, Change::up(Amount::new(100))));
}
