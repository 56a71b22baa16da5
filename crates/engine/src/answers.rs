//! Answers that were decided and wait until the journal is durable up to what they saw.

use crate::{Done, Refused};
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::sync::oneshot;

/// One answer and where it goes. Dropping it tells the asker that the engine has stopped.
pub(crate) enum Waiting {
    One(oneshot::Sender<Result<Done, Refused>>, Result<Done, Refused>),
    Many(oneshot::Sender<Vec<Result<Done, Refused>>>, Vec<Result<Done, Refused>>),
    Query(Box<dyn FnOnce() + Send>),
}

impl Waiting {
    fn release(self) {
        // Who has hung up meanwhile will ask again under the same key.
        match self {
            Self::One(to, answer) => drop(to.send(answer)),
            Self::Many(to, answers) => drop(to.send(answers)),
            Self::Query(answer) => answer(),
        }
    }
}

/// Groups of answers in the order of what they saw.
#[derive(Default)]
pub(crate) struct Answers {
    groups: Mutex<VecDeque<(u64, Vec<Waiting>)>>,
}

impl Answers {
    /// Holds answers back that saw everything up to `position`, which never falls.
    pub(crate) fn hold(&self, position: u64, answers: Vec<Waiting>) {
        if !answers.is_empty() {
            self.groups.lock().expect("no holder of this lock panics").push_back((position, answers));
        }
    }

    /// Lets go what saw nothing above `durable`.
    pub(crate) fn release(&self, durable: u64) {
        loop {
            let mut groups = self.groups.lock().expect("no holder of this lock panics");
            let due = groups.front().is_some_and(|(position, _)| *position <= durable);
            let Some((_, answers)) = due.then(|| groups.pop_front()).flatten() else { return };
            drop(groups);
            answers.into_iter().for_each(Waiting::release);
        }
    }

    /// Nothing more will be durable: nobody is told that anything happened.
    pub(crate) fn drop_all(&self) {
        let groups = std::mem::take(&mut *self.groups.lock().expect("no holder of this lock panics"));
        drop(groups);
    }
}
