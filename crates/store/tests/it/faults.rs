//! What can happen to the file and to the feed, and what the store says then.

use crate::follow::dump;
use crate::world::*;
use std::io::{Seek, SeekFrom, Write};
use tokengine_core::*;
use tokengine_store::{Error, Page, Store};

fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    (folder, path)
}

#[test]
fn a_gap_is_refused_and_nothing_of_the_batch_stays() {
    let world = World::new();
    let (_folder, path) = file();
    let mut store = Store::open(&path).expect("opens");
    store.apply(&world.records[..10]).expect("it follows");
    let before = dump(&path);
    let mut gapped = world.records[10..15].to_vec();
    gapped.remove(2);
    let error = store.apply(&gapped).expect_err("one is missing");
    assert!(matches!(error, Error::Gap { expected: Position(13), found: Position(14) }), "{error}");
    assert_eq!((error.code(), error.is_transient(), error.needs_rebuild()), ("store-gap", false, true));
    assert_eq!(dump(&path), before);
    store.apply(&world.records).expect("the whole is taken, what is known skipped");
    assert_eq!(store.cursor().expect("readable"), world.state.position());
}

#[test]
fn an_event_of_another_journal_is_refused_and_nothing_of_the_batch_stays() {
    let world = World::new();
    let (_folder, path) = file();
    let mut store = Store::open(&path).expect("opens");
    store.apply(&world.records).expect("it follows");
    let before = dump(&path);
    let moved = |position: u64, amount: u128| {
        let request = Request { principal: Principal::Operator, key: 1, content: Fingerprint(1) };
        let (token, from, to) = (USD, AccountIx(0), AccountIx(1));
        let event = Event::Moved { request, token, from, to, amount: Amount::new(amount) };
        (Position(world.state.position().0 + position), Record { at: Time(1), event })
    };
    let opened = Event::AccountOpened { request: None, name: "new".into() };
    let fits = (world.state.position().next(), Record { at: Time(1), event: opened });
    let error = store.apply(&[fits, moved(2, 1)]).expect_err("nobody has that");
    assert_eq!((error.code(), error.is_transient(), error.needs_rebuild()), ("store-inconsistent", false, true));
    assert_eq!(dump(&path), before);
    let payout = PayoutId(77);
    let unknown = Record { at: Time(1), event: Event::PayoutCancelled { request: None, payout } };
    let error = store.apply(&[(world.state.position().next(), unknown)]).expect_err("no such payout");
    assert_eq!(error.code(), "store-inconsistent");
    assert_eq!(dump(&path), before);
}

#[test]
fn a_file_that_is_no_database_or_another_program_s_is_left_as_it_is() {
    let (_folder, path) = file();
    std::fs::write(&path, b"these are my notes, thousands of them, and none is a database".repeat(100))
        .expect("writes");
    let before = std::fs::read(&path).expect("reads");
    let error = Store::open(&path).map(drop).expect_err("no database");
    assert_eq!((error.code(), error.is_transient()), ("store-corrupt", false));
    assert_eq!(std::fs::read(&path).expect("reads"), before);

    let (_folder, path) = file();
    rusqlite::Connection::open(&path)
        .and_then(|connection| connection.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)"))
        .expect("writes");
    let error = Store::open(&path).map(drop).expect_err("another program's");
    assert_eq!((error.code(), error.is_transient()), ("store-foreign", false));

    let (folder, _) = file();
    let error = Store::open(&folder.path().join("no/such/folder/store.db")).map(drop).expect_err("no folder");
    assert_eq!((error.code(), error.is_transient()), ("store-open", false));
    assert!(error.to_string().contains("no/such/folder"), "it says which: {error}");
}

#[test]
fn a_damaged_file_says_so_and_a_rebuild_helps() {
    let world = World::new();
    let (_folder, path) = file();
    let mut store = Store::open(&path).expect("opens");
    store.apply(&world.records).expect("it follows");
    drop(store);
    let len = std::fs::metadata(&path).expect("there").len();
    let mut damaged = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
    for page in 1..len / 4096 {
        damaged.seek(SeekFrom::Start(page * 4096)).expect("seeks");
        damaged.write_all(&[0xff; 512]).expect("writes");
    }
    drop(damaged);
    let error = Store::open(&path)
        .and_then(|store| store.reader()?.audit(&Page::first(200)).map(drop))
        .expect_err("nearly every page is damaged");
    assert_eq!((error.code(), error.is_transient(), error.needs_rebuild()), ("store-corrupt", false, true));
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    let mut store = Store::open(&path).expect("opens");
    store.apply(&world.records).expect("it follows");
    assert_eq!(store.cursor().expect("readable"), world.state.position());
}

#[test]
fn two_writers_of_one_file_never_take_an_event_in_twice() {
    let world = World::new();
    let (_folder, path) = file();
    let (mut one, mut two) = (Store::open(&path).expect("opens"), Store::open(&path).expect("opens"));
    for (number, records) in world.records.chunks(5).enumerate() {
        let (first, second) = if number % 2 == 0 { (&mut one, &mut two) } else { (&mut two, &mut one) };
        first.apply(records).expect("it follows");
        second.apply(records).expect("seen before");
    }
    drop((one, two));
    let (_folder, alone) = file();
    Store::open(&alone).expect("opens").apply(&world.records).expect("it follows");
    for (both, alone) in dump(&path).into_iter().zip(dump(&alone)) {
        assert_eq!(both, alone);
    }
}

#[test]
fn readers_go_on_through_a_reset() {
    let world = World::new();
    let (_folder, path) = file();
    let mut store = Store::open(&path).expect("opens");
    store.apply(&world.records).expect("it follows");
    let reader = store.reader().expect("opens");
    assert_eq!(reader.accounts(&Page::first(9)).expect("readable").items.len(), 2);
    store.reset().expect("forgets");
    let empty = reader.accounts(&Page::first(9)).expect("readable");
    assert_eq!((empty.items.len(), empty.position), (0, Position(0)));
    store.apply(&world.records).expect("it follows");
    let again = reader.accounts(&Page::first(9)).expect("readable");
    assert_eq!((again.items.len(), again.position), (2, world.state.position()));
}
