//! A follower that fails catches up, and the engine does not notice.

use crate::world::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use tokengine_core::{Position, Record};
use tokengine_engine::{Sink, SinkError, follow};

/// Keeps what it took, and fails so many times.
#[derive(Clone, Default)]
struct Book {
    taken: Arc<Mutex<Vec<(Position, Record)>>>,
    fails: Arc<AtomicU64>,
}

impl Book {
    fn fail(&self, what: &str) -> Result<(), SinkError> {
        let left = self.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() { Err(what.into()) } else { Ok(()) }
    }

    fn len(&self) -> usize {
        self.taken.lock().expect("no panic").len()
    }
}

impl Sink for Book {
    fn cursor(&mut self) -> Result<Position, SinkError> {
        self.fail("the database is away")?;
        Ok(self.taken.lock().expect("no panic").last().map(|(position, _)| *position).unwrap_or_default())
    }

    fn take(&mut self, records: &[(Position, Record)]) -> Result<(), SinkError> {
        self.fail("the database went away")?;
        self.taken.lock().expect("no panic").extend_from_slice(records);
        Ok(())
    }
}

#[test]
fn a_follower_that_failed_catches_up_with_everything_once() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 100, 1);
    let book = Book::default();
    book.fails.store(u64::MAX, Ordering::Relaxed);
    let follower = follow(&handle, "book", Box::new(book.clone())).expect("it runs");
    while follower.failures() < 2 {
        thread::yield_now();
    }
    assert_eq!(follower.error().as_deref(), Some("the database is away"));
    for number in 0..50 {
        submit(&handle, open_account(&format!("a{number}"))).expect("the engine does not notice");
    }
    assert_eq!(follower.lag(), handle.health().durable.0, "all of it");

    // Once more while it is under way.
    book.fails.store(0, Ordering::Relaxed);
    while book.len() < 59 {
        thread::yield_now();
    }
    book.fails.store(1, Ordering::Relaxed);
    for number in 50..100 {
        submit(&handle, open_account(&format!("a{number}"))).expect("opened");
    }
    let end = usize::try_from(handle.health().durable.0).expect("small");
    while book.len() < end {
        thread::yield_now();
    }
    let taken = book.taken.lock().expect("no panic").clone();
    assert!(taken.iter().zip(1..).all(|((position, _), expected)| position.0 == expected), "once, in order");
    assert_eq!(taken.len(), end);
    while follower.lag() > 0 || follower.error().is_some() {
        thread::yield_now();
    }
    follower.stop();
}

#[test]
fn a_follower_takes_the_rest_when_the_engine_stops() {
    let world = World::new();
    let handle = world.handle();
    let book = Book::default();
    let follower = follow(&handle, "book", Box::new(book.clone())).expect("it runs");
    found(&handle, 100, 20);
    let head = world.engine.stop().expect("stopped");
    while follower.lag() > 0 {
        thread::yield_now();
    }
    assert_eq!(u64::try_from(book.len()), Ok(head.position));
}

#[test]
fn a_follower_that_is_ahead_of_the_journal_takes_nothing() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 100, 1);
    let book = Book::default();
    let record = handle.feed(Position(0)).next_blocking(1).expect("there").remove(0).1;
    book.taken.lock().expect("no panic").push((Position(1_000), record));
    let follower = follow(&handle, "book", Box::new(book.clone())).expect("it runs");
    while follower.error().is_none() {
        thread::yield_now();
    }
    assert!(follower.error().expect("just seen").contains("must be rebuilt"));
    follower.stop();
    assert_eq!(book.len(), 1);
}
