//! The engine without threads: nothing happens by itself, and what is not durable may be lost.

use crate::world::*;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokengine_core::*;
use tokengine_engine::{Error, Lane, Stepped};
use tokengine_journal::mem::MemDisk;

fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

#[test]
fn an_answer_leaves_after_the_writers_turn_and_the_logs() {
    let mut engine =
        Stepped::open(options(&Hands::new(), &Fatal::default()), Arc::new(MemDisk::new())).expect("opened");
    let handle = engine.handle();
    let mut asked = pin!(handle.submit(Lane::Client, open_account("alice")));
    let mut context = Context::from_waker(Waker::noop());
    for (case, step) in [("asked", None), ("decided", Some(true)), ("handed over", Some(true))] {
        if let Some(worked) = step {
            assert_eq!(engine.decide().expect("it runs"), worked, "{case}");
        }
        assert!(asked.as_mut().poll(&mut context).is_pending(), "{case}");
    }
    assert_eq!((engine.state().position(), handle.health().durable), (Position(1), Position(0)));
    assert!(engine.write().expect("written"));
    assert!(matches!(asked.as_mut().poll(&mut context), Poll::Ready(Ok(done)) if done.position == Position(1)));
    assert!(!engine.decide().expect("it runs") && !engine.write().expect("nothing"));
    while engine.tend() {}
    assert!(handle.health().space.ready_bytes > 0);
    assert_eq!(engine.stop().expect("stopped").position, 1);
}

#[test]
fn dropping_it_is_a_crash() {
    let disk = MemDisk::new();
    let mut engine = Stepped::open(options(&Hands::new(), &Fatal::default()), Arc::new(disk.clone())).expect("opened");
    let handle = engine.handle();
    let mut asked = pin!(handle.submit(Lane::Client, open_account("alice")));
    assert!(now(asked.as_mut()).is_none());
    while engine.decide().expect("it runs") {}
    drop(engine);
    assert!(matches!(now(asked), Some(Err(Error::Stopped))));
    disk.kill_process();
    let engine = Stepped::open(options(&Hands::new(), &Fatal::default()), Arc::new(disk)).expect("opened again");
    assert_eq!(engine.opened().replayed, 0, "it was never written");
    assert!(matches!(now(handle.query(|_| ())), Some(Err(Error::Stopped))));
    drop(engine);
}
