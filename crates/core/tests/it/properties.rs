//! The invariants, over any sequence of commands: the books balance after every event and agree with what the networks show,
//! and a replay is the same state.

use crate::tries::*;
use proptest::prelude::*;
use tokengine_core::*;

/// So many runs as `PROPTEST_CASES` asks for, else so many as fit into an ordinary test run.
fn config() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let usual = ProptestConfig::default();
    if asked { usual } else { ProptestConfig { cases: 150, ..usual } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_sequence_of_commands_makes_loses_or_unbalances_value(tries in prop::collection::vec(any_try(), 1..200)) {
        let mut run = Run::new();
        tries.into_iter().for_each(|what| run.attempt(what));
        let world = &run.world;
        // I7: the same events give the same state, whatever the seed of the indexes.
        prop_assert_eq!(world.replayed().digest(), world.state.digest());
        // I2: no deposit was credited twice without a reversal in between.
        let mut credits = std::collections::BTreeMap::<&DepositKey, i32>::new();
        for record in &world.records {
            match &record.event {
                Event::DepositCredited { key, .. } => *credits.entry(key).or_default() += 1,
                Event::DepositReversed { key, .. } => *credits.entry(key).or_default() -= 1,
                _ => {}
            }
        }
        prop_assert!(credits.values().all(|count| (0..=1).contains(count)), "{:?}", credits);
        let mut bytes = Vec::new();
        world.state.encode(&mut bytes);
        prop_assert_eq!(State::decode(&bytes, 3).map(|state| state.digest()), Ok(world.state.digest()));
    }

    #[test]
    fn a_damaged_snapshot_is_refused_or_can_be_read_through(
        tries in prop::collection::vec(any_try(), 150..200), damage in prop::collection::vec((any::<usize>(), any::<u8>()), 30)
    ) {
        let mut run = Run::new();
        tries.into_iter().for_each(|what| run.attempt(what));
        let mut whole = Vec::new();
        run.world.state.encode(&mut whole);
        for (at, byte) in damage {
            let mut bytes = whole.clone();
            let at = at % bytes.len();
            bytes[at] = byte;
            let Ok(state) = State::decode(&bytes, 3) else { continue };
            for account in (0..state.account_count()).map(AccountIx::from_row) {
                prop_assert!(!state.account_names(account).is_empty());
                prop_assert!(state.books_of(account).iter().all(|(token, _)| state.totals(*token).is_some()));
            }
        }
    }

    #[test]
    fn no_bytes_make_a_record_or_a_snapshot_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), tag in 1u16..120) {
        let mut record = 7u64.to_le_bytes().to_vec();
        record.extend(tag.to_le_bytes());
        record.push(1);
        record.extend(&bytes);
        let _ = Record::decode(&record);
        let _ = Record::decode(&bytes);
        let mut snapshot = 5u32.to_le_bytes().to_vec();
        snapshot.extend(&bytes);
        let _ = State::decode(&snapshot, 1);
    }
}

/// A generator whose tries are all refused proves nothing: together they reach every event, a rare one but with luck.
#[test]
fn the_tries_reach_every_kind_of_event() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..30 {
        let tries = prop::collection::vec(any_try(), 300).new_tree(&mut runner).expect("made").current();
        let mut run = Run::new();
        tries.into_iter().for_each(|what| run.attempt(what));
        seen.extend(run.world.records.iter().map(|record| record.event.name()));
    }
    let missing: Vec<_> = Event::KINDS.iter().map(|(.., name)| *name).filter(|name| !seen.contains(name)).collect();
    // Token operations have tries of their own.
    let others = ["OwedSettled", "ClassCreated", "ClassChanged", "ClassPaused", "Operated", "OperationFailed"];
    assert!(missing.iter().all(|name| others.contains(name)), "{missing:?}");
}
