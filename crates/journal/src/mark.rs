//! The durable position: the one number that decides when an answer may leave.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{error::Error, format::Head};

/// How far the journal is durable, and whether it still goes on. Reading it is one atomic load.
#[derive(Debug)]
pub struct DurableMark {
    position: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    head: Head,
    /// Why there will be no more: closed, or a fatal fault.
    ended: Option<Error>,
    waiters: usize,
}

impl DurableMark {
    pub(crate) fn new(head: Head) -> Self {
        Self {
            position: AtomicU64::new(head.position),
            state: Mutex::new(State { head, ended: None, waiters: 0 }),
            changed: Condvar::new(),
        }
    }

    /// The last position that survives any crash; 0 while the journal is empty.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// The last durable position with the hash of its batch.
    pub fn head(&self) -> Head {
        self.state().head
    }

    /// Why there will be no more, if so: [`Error::Closed`], or the fault that stopped the log.
    pub fn ended(&self) -> Option<Error> {
        self.state().ended.clone()
    }

    /// Waits until `position` is durable, and returns how far the journal is by then.
    ///
    /// # Errors
    /// The fault that stopped the log, or [`Error::Closed`], if `position` can no longer become durable.
    pub fn wait(&self, position: u64) -> Result<u64, Error> {
        let mut state = self.state();
        loop {
            if state.head.position >= position {
                return Ok(state.head.position);
            }
            if let Some(error) = &state.ended {
                return Err(error.clone());
            }
            state.waiters += 1;
            state = self.changed.wait(state).expect("no holder of this lock panics");
            state.waiters -= 1;
        }
    }

    /// As [`DurableMark::wait`], for at most `timeout`; `None` if it was not durable by then.
    ///
    /// # Errors
    /// As [`DurableMark::wait`].
    pub fn wait_timeout(&self, position: u64, timeout: Duration) -> Result<Option<u64>, Error> {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            if state.head.position >= position {
                return Ok(Some(state.head.position));
            }
            if let Some(error) = &state.ended {
                return Err(error.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            state.waiters += 1;
            state = self.changed.wait_timeout(state, left).expect("no holder of this lock panics").0;
            state.waiters -= 1;
        }
    }

    pub(crate) fn publish(&self, head: Head) {
        let mut state = self.state();
        state.head = head;
        self.position.store(head.position, Ordering::Release);
        let somebody_waits = state.waiters > 0;
        drop(state);
        if somebody_waits {
            self.changed.notify_all();
        }
    }

    /// The first reason stays: a close after a fault is still a fault.
    pub(crate) fn end(&self, why: Error) {
        self.state().ended.get_or_insert(why);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn head(position: u64) -> Head {
        Head { position, hash: [0; 32].into() }
    }

    #[test]
    fn a_waiter_wakes_when_its_position_is_durable() {
        let mark = Arc::new(DurableMark::new(head(0)));
        let waiter = std::thread::spawn({
            let mark = Arc::clone(&mark);
            move || mark.wait(5)
        });
        mark.publish(head(4));
        assert_eq!(mark.wait_timeout(5, Duration::ZERO).expect("open"), None);
        mark.publish(head(7));
        assert_eq!(waiter.join().expect("no panic").expect("durable"), 7);
        assert_eq!(mark.position(), 7);
    }

    #[test]
    fn a_fault_reaches_waiters_and_is_not_hidden_by_a_close() {
        let mark = Arc::new(DurableMark::new(head(3)));
        let waiter = std::thread::spawn({
            let mark = Arc::clone(&mark);
            move || mark.wait(4)
        });
        mark.end(Error::DiskFull { folder: "x".into() });
        mark.end(Error::Closed);
        assert_eq!(waiter.join().expect("no panic").expect_err("ended").code(), "disk-full");
        assert_eq!(mark.wait(3).expect("that far it is durable"), 3);
    }
}
