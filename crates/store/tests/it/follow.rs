//! Any sequence of events: the store follows, in batches of any size, and a rebuild is the same.

use crate::compare;
use crate::tries::{Forks, Try, any_try};
use crate::world::World;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use rusqlite::types::Value;
use std::path::Path;
use tokengine_store::Store;

fn run(world: &mut World, tries: &[Try], mut after_each: impl FnMut(usize, &World)) {
    let mut forks = Forks::default();
    for (number, what) in tries.iter().enumerate() {
        world.attempt_to(&mut forks, *what);
        after_each(number, world);
    }
}

/// Every row of every table, as the file has it.
pub(crate) fn dump(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let connection = rusqlite::Connection::open(path).expect("opens");
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        .expect("plain");
    let tables: Vec<String> =
        statement.query_map([], |row| row.get(0)).expect("plain").collect::<Result<_, _>>().expect("texts");
    assert!(tables.len() > 15);
    tables
        .into_iter()
        .map(|table| {
            let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).expect("plain");
            let width = statement.column_count();
            let rows = statement.query_map([], |row| (0..width).map(|column| row.get(column)).collect());
            let mut rows: Vec<Vec<Value>> = rows.expect("plain").collect::<Result<_, _>>().expect("values");
            rows.sort_by_cached_key(|row| format!("{row:?}"));
            (table, rows)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_store_says_what_the_state_says(
        tries in prop::collection::vec(any_try(), 1..400),
        batches in prop::collection::vec(1usize..60, 1..20),
    ) {
        let mut world = World::new();
        let mut store = Store::open_in_memory().expect("opens");
        let reader = store.reader().expect("opens");
        let mut batches = batches.into_iter().cycle();
        let mut due = 0;
        run(&mut world, &tries, |number, world| {
            if number >= due {
                due = number + batches.next().expect("it cycles");
                world.feed(&mut store);
                compare::same(world, &reader);
            }
        });
        world.feed(&mut store);
        compare::same(&world, &reader);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_rebuild_is_the_same_as_following(tries in prop::collection::vec(any_try(), 1..300), batch in 1usize..40) {
        let mut world = World::new();
        run(&mut world, &tries, |_, _| {});
        let folder = tempfile::tempdir().expect("a folder");
        let (followed, rebuilt) = (folder.path().join("followed.db"), folder.path().join("rebuilt.db"));
        let mut store = Store::open(&followed).expect("opens");
        for records in world.records.chunks(batch) {
            store.apply(records).expect("it follows");
            // Seen before: skipped, whatever of it.
            store.apply(records).expect("it follows");
            // A new process every now and then: nothing is kept in memory that is not in the file.
            if records[0].0.0 % 7 == 0 {
                drop(store);
                store = Store::open(&followed).expect("opens");
            }
        }
        let mut other = Store::open(&rebuilt).expect("opens");
        other.apply(&world.records[..world.records.len() / 2]).expect("it follows");
        other.reset().expect("forgets");
        prop_assert_eq!(other.cursor().expect("readable").0, 0);
        other.apply(&world.records).expect("it follows");
        drop((store, other));
        for (followed, rebuilt) in dump(&followed).into_iter().zip(dump(&rebuilt)) {
            prop_assert_eq!(followed, rebuilt);
        }
    }
}

/// What is tried must come to something: else the comparison above is of nothing.
#[test]
fn the_tries_come_to_every_kind_of_event_that_leaves_a_row() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = prop::collection::vec(any_try(), 400);
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..60 {
        let mut world = World::new();
        run(&mut world, &strategy.new_tree(&mut runner).expect("no filters").current(), |_, _| {});
        for (_, record) in &world.records {
            *kinds.entry(record.event.name().to_owned()).or_default() += 1;
        }
        let mut store = Store::open_in_memory().expect("opens");
        world.feed(&mut store);
        for payout in compare::all(|page| store.reader().expect("opens").payouts(&Default::default(), page)) {
            *kinds.entry(format!("payout {}", payout.state)).or_default() += 1;
        }
        for deposit in compare::all(|page| store.reader().expect("opens").deposits(&Default::default(), page)) {
            *kinds.entry(format!("deposit {}", deposit.state)).or_default() += 1;
        }
    }
    let leaves_no_row = [
        "AssetRulesChanged",
        "AssetStopped",
        "AssetResumed",
        "FinalReblocked",
        "KeyRevoked",
        "TopUpLimitSet",
        "NetworkHalted",
        "ShortageFound",
        "ShortageCleared",
        "RecoveryStarted",
        "RecoveryEnded",
        // Token operations have stories of their own.
        "ClassCreated",
        "ClassChanged",
        "ClassPaused",
        "Operated",
        "OperationFailed",
    ];
    for (_, _, name) in tokengine_core::Event::KINDS.iter().filter(|(_, _, name)| !leaves_no_row.contains(name)) {
        assert!(kinds.contains_key(*name), "{name} never happened in {kinds:?}");
    }
    for state in tokengine_store::PayoutState::ALL {
        assert!(kinds.contains_key(&format!("payout {state}")), "no payout was {state} in {kinds:?}");
    }
    for state in tokengine_store::DepositState::ALL {
        assert!(kinds.contains_key(&format!("deposit {state}")), "no deposit was {state} in {kinds:?}");
    }
}
