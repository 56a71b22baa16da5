//! Many at once: one key is one event, one balance is spent once, and nobody starves.

use crate::world::*;
use std::sync::mpsc::sync_channel;
use std::thread;
use tokengine_core::*;
use tokengine_engine::{Error, Lane};

/// Runs `count` calls on eight threads at once.
fn at_once<R: Send>(count: u64, call: impl Fn(u64) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let call = &call;
                scope.spawn(move || (0..count).filter(|i| i % 8 == thread).map(call).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn one_key_a_thousand_times_at_once_is_one_event() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 1_000, 1);
    let answers = at_once(1_000, |_| submit(&handle, transfer(1, HOUSE, AccountIx(1), 5)).expect("enough"));
    let first = answers.iter().find(|done| !done.replayed).expect("one was first");
    assert_eq!(answers.iter().filter(|done| !done.replayed).count(), 1);
    assert!(answers.iter().all(|done| (done.position, done.at) == (first.position, first.at)));
    assert_eq!(free(&handle, AccountIx(1)), 5);
    assert_eq!(world.engine.stop().expect("stopped").position, first.position.0, "nothing came after it");
}

#[test]
fn moves_that_race_for_one_balance_take_exactly_what_it_covers() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 1_000, 8);
    let to = |i: u64| AccountIx(1 + u32::try_from(i % 8).expect("small"));
    let answers = at_once(400, |i| submit(&handle, transfer(i, HOUSE, to(i), 7)));
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 142);
    let code = |answer: &Result<_, Error>| answer.as_ref().err().map(Error::code);
    assert_eq!(answers.iter().filter(|answer| code(answer) == Some("insufficient-funds")).count(), 258);
    assert_eq!(free(&handle, HOUSE), 1_000 - 142 * 7);
    assert_eq!((1..=8).map(|i| free(&handle, AccountIx(i))).sum::<u128>(), 142 * 7);
    handle.query_blocking(State::check_books).expect("it runs").expect("the books balance");
}

#[tokio::test(flavor = "current_thread")]
async fn clients_cannot_starve_workers_and_a_full_lane_says_so() {
    let world = World::with(tokengine_journal::mem::MemDisk::new(), |options| {
        options.max_batch = 10;
        options.queue = 500;
    });
    let handle = world.handle();
    // The writer stands still, so that the lanes fill up.
    let (go, wait) = sync_channel::<()>(0);
    let (standing, stands) = sync_channel(0);
    let asker = thread::spawn({
        let handle = handle.clone();
        move || {
            handle.query_blocking(move |_| {
                standing.send(()).expect("the test waits");
                wait.recv().expect("the test goes on");
            })
        }
    });
    stands.recv().expect("the writer asks");

    let open = |name: String| Command::OpenAccount { request: None, name: name.into() };
    let mut clients = Vec::new();
    for number in 0..500 {
        let (handle, command) = (handle.clone(), open(format!("client-{number}")));
        clients.push(tokio::spawn(async move { handle.submit(Lane::Client, command).await }));
    }
    while handle.health().client_queue < 500 {
        tokio::task::yield_now().await;
    }
    let answer = handle.submit(Lane::Client, open("one-more".into())).await;
    assert!(matches!(answer, Err(Error::Busy)));
    let worker = tokio::spawn({
        let (handle, command) = (handle.clone(), open("worker".into()));
        async move { handle.submit(Lane::Worker, command).await }
    });
    while handle.health().worker_queue < 1 {
        tokio::task::yield_now().await;
    }
    go.send(()).expect("the writer waits");
    let position = worker.await.expect("no panic").expect("opened").position;
    assert!(position.0 <= 10, "it is in the first batch, not at {position}");
    for client in clients {
        client.await.expect("no panic").expect("opened");
    }
    asker.join().expect("no panic").expect("it runs");
    assert_eq!(handle.health().client_queue, 0);
}

#[test]
fn what_waits_is_still_answered_when_the_engine_stops() {
    let world = World::new();
    let handle = world.handle();
    found(&handle, 1_000_000, 1);
    let before = handle.journal().head().position;
    let threads: Vec<_> = (0..4_u64)
        .map(|thread| {
            let handle = handle.clone();
            thread::spawn(move || {
                let mut done = 0;
                for i in 0.. {
                    match submit(&handle, transfer(thread << 32 | i, HOUSE, AccountIx(1), 1)) {
                        Ok(_) => done += 1,
                        Err(Error::Stopped) => return done,
                        Err(other) => panic!("{other}"),
                    }
                }
                done
            })
        })
        .collect();
    while handle.journal().mark().position() < before + 50 {
        thread::yield_now();
    }
    let head = world.engine.stop().expect("stopped");
    let done: u64 = threads.into_iter().map(|thread| thread.join().expect("no panic")).sum();
    assert_eq!(head.position - before, done, "each was answered, and no more than those happened");
}
