//! Followers: whatever keeps a copy of what happened, each at its own pace, with a cursor of its own.

use crate::shared::Shared;
use crate::{Error, Feed, Handle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokengine_core::{Position, Record};

/// Why a sink did not take something. It is tried again.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Takes durable events in order. Its cursor lies where its data lies, so that both change together.
pub trait Sink: Send {
    /// The last position it has taken; 0 for none. Asked at the start and after every failure.
    ///
    /// # Errors
    /// Whatever keeps it from telling.
    fn cursor(&mut self) -> Result<Position, SinkError>;

    /// Takes the next events, all of them or none.
    ///
    /// # Errors
    /// Whatever keeps it from taking them; they come again.
    fn take(&mut self, records: &[(Position, Record)]) -> Result<(), SinkError>;
}

/// So many events a call of [`Sink::take`].
const A_TIME: usize = 1024;
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    cursor: Position,
    failures: u64,
    error: Option<Arc<str>>,
}

struct Common {
    name: Box<str>,
    shared: Arc<Shared>,
    stop: AtomicBool,
    state: Mutex<State>,
}

impl Common {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A follower under way. Dropping it stops it.
pub struct Follower {
    common: Arc<Common>,
    thread: Option<JoinHandle<()>>,
}

/// Lets `sink` follow the journal on a thread of its own until it is stopped or the engine ends. A sink that fails is
/// tried again with growing pauses of up to 10 s; the engine does not notice.
///
/// # Errors
/// [`Error::System`] if there is no thread.
pub fn follow(handle: &Handle, name: impl Into<Box<str>>, sink: Box<dyn Sink>) -> Result<Follower, Error> {
    let name: Box<str> = name.into();
    let shared = Arc::clone(&handle.shared);
    let common = Arc::new(Common { name: name.clone(), shared, stop: AtomicBool::new(false), state: Mutex::default() });
    let thread = thread::Builder::new().name(format!("follow-{name}")).spawn({
        let common = Arc::clone(&common);
        move || run(&common, sink)
    });
    let thread = thread.map_err(|e| Error::System { what: "start a follower", why: e.to_string().into() })?;
    Ok(Follower { common, thread: Some(thread) })
}

fn run(common: &Common, mut sink: Box<dyn Sink>) {
    let mut pause = FIRST_WAIT;
    while !common.is_over() {
        let failure = match keep_up(common, &mut *sink, &mut pause) {
            Ok(()) => return,
            Err(Failure::Ahead(cursor)) => {
                // The journal was restored from a backup. To go on once it has grown that far would mix two histories.
                let head = common.shared.journal.mark().position();
                let text = format!("its cursor {cursor} lies beyond the journal's end {head}: it must be rebuilt");
                common.state().error = Some(text.into());
                common.shared.signal.wait(u64::MAX, None, || common.is_over());
                return;
            }
            Err(Failure::Failed(failure)) => failure,
        };
        {
            let mut state = common.state();
            state.failures = state.failures.saturating_add(1);
            state.error = Some(failure.into());
        }
        if common.shared.signal.has_ended() {
            return;
        }
        common.shared.signal.wait(u64::MAX, Some(pause), || common.is_over());
        pause = pause.saturating_mul(2).min(LONGEST_WAIT);
    }
}

enum Failure {
    Ahead(Position),
    Failed(String),
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Returns when the engine has ended and everything is taken, or when it is told to stop.
fn keep_up(common: &Common, sink: &mut dyn Sink, pause: &mut Duration) -> Result<(), Failure> {
    let cursor = sink.cursor()?;
    if cursor.0 > common.shared.journal.mark().position() {
        return Err(Failure::Ahead(cursor));
    }
    common.state().cursor = cursor;
    let mut feed = Feed::new(Arc::clone(&common.shared), cursor);
    loop {
        feed.wait(|| common.is_over());
        if common.is_over() || (!feed.is_behind() && common.shared.signal.has_ended()) {
            return Ok(());
        }
        let records = feed.ready(A_TIME)?;
        let Some((last, _)) = records.last() else { continue };
        sink.take(&records)?;
        *pause = FIRST_WAIT;
        let mut state = common.state();
        state.cursor = *last;
        state.error = None;
    }
}

impl Follower {
    /// Its name, for metrics.
    pub fn name(&self) -> &str {
        &self.common.name
    }

    /// The last position it has taken.
    pub fn cursor(&self) -> Position {
        self.common.state().cursor
    }

    /// Durable events that it has not taken yet.
    pub fn lag(&self) -> u64 {
        self.common.shared.journal.mark().position().saturating_sub(self.cursor().0)
    }

    /// Failures since the start.
    pub fn failures(&self) -> u64 {
        self.common.state().failures
    }

    /// Why it does not get on; nothing while it does.
    pub fn error(&self) -> Option<Arc<str>> {
        self.common.state().error.clone()
    }

    /// Stops it and waits until it has stopped.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.common.stop.store(true, Ordering::Relaxed);
        self.common.shared.signal.nudge();
        if let Some(thread) = self.thread.take() {
            // A sink that panicked has told so on its own thread.
            let _ = thread.join();
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("name", &self.name()).field("cursor", &self.cursor()).finish_non_exhaustive()
    }
}
