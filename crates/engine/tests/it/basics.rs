//! Answers, questions, the feed, the clock, and an orderly end.

use crate::world::*;
use std::sync::Arc;
use tokengine_core::*;
use tokengine_engine::{Error, Lane, Refused};
use tokengine_journal::{Disk, mem::MemDisk};

#[test]
fn what_was_answered_is_there_after_stopping_and_starting() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 1_000, 2);
    let done = submit(&handle, transfer(1, HOUSE, AccountIx(1), 300)).expect("enough");
    assert_eq!((done.at, done.replayed, done.subject), (Time(START), false, Subject::Event));
    let (live, head) = (digest(&handle), world.engine.stop().expect("stopped"));
    assert_eq!(*world.fatal.lock().expect("no panic"), None);
    assert_eq!(head.position, done.position.0);
    assert!(matches!(submit(&handle, open_account("late")), Err(Error::Stopped)));

    let world = World::with(world.disk, |_| {});
    assert!(world.engine.opened().journal.clean);
    assert_eq!(world.engine.opened().replayed, head.position);
    assert_eq!(digest(&world.handle()), live);
    assert_eq!(free(&world.handle(), AccountIx(1)), 300);
}

#[test]
fn refusals_of_a_key_are_kept_and_others_are_not() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 10, 1);
    let refused = |answer| match answer {
        Err(Error::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    };
    let first = refused(submit(&handle, transfer(1, HOUSE, AccountIx(1), 11)));
    assert_eq!((first.rejection, first.replayed), (Rejection::InsufficientFunds, false));
    assert_eq!(refused(submit(&handle, transfer(1, HOUSE, AccountIx(1), 11))), Refused { replayed: true, ..first });
    let other = submit(&handle, open_account("house"));
    assert_eq!(other.as_ref().expect_err("taken").code(), "already-listed");
    assert_eq!(refused(other).position, None);
}

#[test]
fn the_same_request_gets_the_same_answer_with_the_first_time() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 10, 1);
    let first = submit(&handle, transfer(1, HOUSE, AccountIx(1), 4)).expect("enough");
    world.hands.set(START + 5_000);
    let again = submit(&handle, transfer(1, HOUSE, AccountIx(1), 4)).expect("the same");
    assert_eq!((again.position, again.at, again.replayed), (first.position, Time(START), true));
    let many = vec![transfer(2, HOUSE, AccountIx(1), 1), transfer(1, HOUSE, AccountIx(1), 4)];
    let many = handle.submit_many_blocking(Lane::Client, many).expect("it runs");
    assert_eq!(many[0].expect("enough").at, Time(START + 5_000));
    assert_eq!(many[1].expect("the same"), again);
    assert_eq!(free(&handle, AccountIx(1)), 5);
}

#[test]
fn many_are_decided_in_order_with_nothing_in_between_and_larger_than_a_batch() {
    let world = World::with(MemDisk::new(), |options| options.max_batch = 100);
    let handle = world.handle();
    found(&handle, 1_000_000, 1);
    let others: Vec<_> = (0..4_u64)
        .map(|thread| {
            let handle = handle.clone();
            std::thread::spawn(move || {
                let commands = (0..1_000).map(|i| transfer(thread * 1_000 + i, HOUSE, AccountIx(1), 1)).collect();
                let answers = handle.submit_many_blocking(Lane::Client, commands).expect("it runs");
                answers.into_iter().map(|answer| answer.expect("enough").position.0).collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in others {
        let positions = thread.join().expect("no panic");
        assert_eq!(positions.len(), 1_000);
        assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1), "nothing in between");
    }
    assert_eq!(handle.submit_many_blocking(Lane::Client, vec![]).expect("nothing to do"), vec![]);
}

#[test]
fn time_never_goes_back() {
    let world = World::new();
    let handle = world.handle();
    let at = |name| submit(&handle, open_account(name)).expect("opened").at;
    world.hands.set(START + 100);
    assert_eq!(at("a"), Time(START + 100));
    world.hands.set(START - 86_400_000);
    assert_eq!(at("b"), Time(START + 100), "it stands still");
    world.hands.set(START + 101);
    assert_eq!(at("c"), Time(START + 101));

    world.hands.set(START);
    world.engine.stop().expect("stopped");
    let world = World::with(world.disk, |_| {});
    assert_eq!(submit(&world.handle(), open_account("d")).expect("opened").at, Time(START + 101), "after a start too");
}

#[test]
fn a_question_that_panics_is_the_askers_trouble_alone() {
    let world = World::new();
    let handle = world.handle();
    let answer = handle.query_blocking(|_| -> u8 { panic!("a bug in a page") });
    assert!(matches!(answer, Err(Error::QueryPanicked)));
    submit(&handle, open_account("still-here")).expect("the engine goes on");
}

#[tokio::test]
async fn the_feed_waits_and_gives_everything_once_in_order() {
    let world = World::new();
    let handle = world.handle();
    let mut feed = handle.feed(Position(0));
    let reader = tokio::spawn(async move {
        let mut seen = Vec::new();
        loop {
            match feed.next(3).await {
                Ok(records) => seen.extend(records),
                Err(error) => return (seen, error),
            }
        }
    });
    for number in 0..20 {
        handle.submit(Lane::Client, open_account(&format!("a{number}"))).await.expect("opened");
    }
    let middle = handle.feed(Position(10)).next(100).await.expect("there");
    assert_eq!(middle.iter().map(|(position, _)| position.0).collect::<Vec<_>>(), (11..=20).collect::<Vec<_>>());
    assert_eq!(*handle.durable().borrow(), Position(20));
    let stopper = std::thread::spawn(move || world.engine.stop());
    let (seen, error) = reader.await.expect("no panic");
    assert!(matches!(error, Error::Stopped));
    stopper.join().expect("no panic").expect("stopped");
    assert_eq!(seen.len(), 20);
    for (number, (position, record)) in seen.into_iter().enumerate() {
        assert_eq!(usize::try_from(position.0), Ok(number + 1));
        assert_eq!(record.event, Event::AccountOpened { request: None, name: format!("a{number}").into() });
    }
}

#[test]
fn a_journal_that_ends_before_what_followers_saw_starts_in_recovery() {
    let world = World::new();
    found(&world.handle(), 10, 1);
    let head = world.engine.stop().expect("stopped");
    let seen =
        |position| move |options: &mut tokengine_engine::Options| options.followers_seen = Some(Position(position));
    let world = World::with(world.disk, seen(head.position));
    assert!(!world.engine.opened().in_recovery);
    world.engine.stop().expect("stopped");

    let world = World::with(world.disk, seen(head.position + 1));
    assert!(world.engine.opened().in_recovery);
    let handle = world.handle();
    let reason = handle.query_blocking(|state| state.recovery().map(|stop| stop.reason.clone())).expect("it runs");
    assert!(reason.expect("in recovery").contains("the journal ends at"));
    world.engine.stop().expect("stopped");

    let world = World::with(world.disk, seen(0));
    assert!(world.engine.opened().in_recovery, "until a person ends it");
    submit(&world.handle(), Command::EndRecovery { reason: "searched".into() }).expect("ended");
}

#[test]
fn a_restored_journal_starts_in_recovery_until_that_is_ended() {
    let world = World::new();
    found(&world.handle(), 10, 1);
    let backup = MemDisk::new();
    let shared = |disk: &MemDisk| Arc::new(disk.clone()) as Arc<dyn Disk>;
    let copied = world.handle().journal().backup(&shared(&backup), &mut |_, _| {}).expect("copied");
    submit(&world.handle(), open_account("after-the-backup")).expect("opened");
    world.engine.stop().expect("stopped");

    let disk = MemDisk::new();
    tokengine_journal::restore(&shared(&backup), &shared(&disk), &mut |_| {}, &mut |_, _| {}).expect("restored");
    for _ in 0..2 {
        let world = World::with(disk.clone(), |_| {});
        assert!(world.engine.opened().in_recovery);
        let position = world.handle().query_blocking(State::position).expect("it runs");
        assert_eq!(position.0, copied.head.position + 1, "it began once");
        world.engine.stop().expect("stopped");
    }
    let world = World::with(disk.clone(), |_| {});
    submit(&world.handle(), Command::EndRecovery { reason: "searched".into() }).expect("ended");
    world.engine.stop().expect("stopped");
    let world = World::with(disk, |_| {});
    assert!(!world.engine.opened().in_recovery);
}
