//! Waiting for a later virtual time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::lock;
use super::network::Net;

/// Who waits for what time, in virtual milliseconds; equal times in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_time: BTreeMap<(u64, u64), Option<Waker>>,
    numbers: u64,
}

impl Waiting {
    fn enter(&mut self, until: u64) -> (u64, u64) {
        self.numbers += 1;
        let key = (until, self.numbers);
        self.by_time.insert(key, None);
        key
    }

    /// The next time that somebody waits for.
    pub(super) fn next(&self) -> Option<u64> {
        self.by_time.keys().next().map(|(until, _)| *until)
    }

    /// Those whose time has come.
    pub(super) fn due(&mut self, now: u64) -> Vec<Waker> {
        let later = self.by_time.split_off(&(now.saturating_add(1), 0));
        std::mem::replace(&mut self.by_time, later).into_values().flatten().collect()
    }
}

/// A future that is over at a virtual time. It may be dropped at any moment.
pub(super) struct Until {
    net: Arc<Mutex<Net>>,
    key: (u64, u64),
}

impl Until {
    /// So many milliseconds from now.
    pub(super) fn later(net: &Arc<Mutex<Net>>, ms: u64) -> Self {
        let mut inside = lock(net);
        let until = inside.now().saturating_add(ms);
        let key = inside.waiting.enter(until);
        drop(inside);
        Self { net: Arc::clone(net), key }
    }
}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inside = lock(&self.net);
        if inside.now() >= self.key.0 {
            return Poll::Ready(());
        }
        inside.waiting.by_time.insert(self.key, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        lock(&self.net).waiting.by_time.remove(&self.key);
    }
}
