//! How far the journal is durable, for threads that wait for it and must also stop when told.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

#[derive(Default)]
struct Inner {
    durable: u64,
    ended: bool,
    /// The lowest position anybody waits for.
    wanted: Option<u64>,
}

/// Wakes who waits for a position, for the engine's end, or for a flag of its own.
pub(crate) struct Signal {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Signal {
    /// So far it is durable at the start.
    pub(crate) fn new(durable: u64) -> Self {
        Self { inner: Mutex::new(Inner { durable, ..Inner::default() }), changed: Condvar::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }

    pub(crate) fn durable(&self, position: u64) {
        let mut inner = self.inner();
        inner.durable = position;
        // Who waits for more than this says so again.
        if inner.wanted.is_some_and(|wanted| wanted <= position) {
            inner.wanted = None;
            drop(inner);
            self.changed.notify_all();
        }
    }

    pub(crate) fn end(&self) {
        self.inner().ended = true;
        self.changed.notify_all();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.inner().ended
    }

    /// Makes everybody who waits look at their flag.
    pub(crate) fn nudge(&self) {
        // Taken and given back, so that nobody is between a look at the flag and the wait.
        drop(self.inner());
        self.changed.notify_all();
    }

    /// Waits until `position` is durable, `is_due` says so, the engine has ended, or `timeout` has passed; gives how far
    /// it is durable.
    pub(crate) fn wait(&self, position: u64, timeout: Option<Duration>, is_due: impl Fn() -> bool) -> u64 {
        let mut inner = self.inner();
        let deadline = timeout.map(|timeout| std::time::Instant::now() + timeout);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
            if inner.durable >= position || inner.ended || is_due() || left.is_some_and(|left| left.is_zero()) {
                return inner.durable;
            }
            inner.wanted = Some(inner.wanted.map_or(position, |wanted| wanted.min(position)));
            inner = match left {
                Some(left) => self.changed.wait_timeout(inner, left).expect("no holder of this lock panics").0,
                None => self.changed.wait(inner).expect("no holder of this lock panics"),
            };
        }
    }
}
