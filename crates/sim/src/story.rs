//! What happened, for a person (the product's own log lines included), and a hash of it, for telling whether two runs were the same.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

#[derive(Default)]
struct Inner {
    hash: DefaultHasher,
    now_ms: u64,
    lines: Option<Vec<String>>,
}

/// The story of one run.
#[derive(Clone, Default)]
pub struct Story(Rc<RefCell<Inner>>);

impl Story {
    /// One whose lines are kept, if `told`; the hash is made in any case.
    pub fn new(told: bool) -> Self {
        let story = Self::default();
        story.0.borrow_mut().lines = told.then(Vec::new);
        story
    }

    /// The time of what is told from here on, in milliseconds since the beginning.
    pub fn at(&self, now_ms: u64) {
        self.0.borrow_mut().now_ms = now_ms;
    }

    /// Takes something into the hash alone: what happens too often to be told.
    pub fn note(&self, what: impl Hash) {
        let mut inner = self.0.borrow_mut();
        let now = inner.now_ms;
        (now, what).hash(&mut inner.hash);
    }

    /// Tells something.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        let mut inner = self.0.borrow_mut();
        if inner.lines.is_none() {
            return;
        }
        let now = inner.now_ms;
        let mut text = format!("{:>6}.{:03}  ", now / 1000, now % 1000);
        let _ = write!(text, "{}", line()); // a String takes everything
        inner.lines.get_or_insert_default().push(text);
    }

    /// What was told so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().lines.clone().unwrap_or_default()
    }

    /// Equal for equal runs.
    pub fn hash(&self) -> u64 {
        self.0.borrow().hash.finish()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Story>> = const { RefCell::new(None) };
}

impl Story {
    /// The log lines of this thread go into this story from now on.
    pub fn hear_logs(&self) {
        CURRENT.set(Some(self.clone()));
    }
}

/// Takes the product's log lines into the story of the run on whose thread they are written.
#[derive(Clone, Copy, Debug)]
pub struct Logs;

impl std::io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let current = CURRENT.with_borrow(Clone::clone);
        if let Some(story) = current {
            story.tell(|| format!("    {}", String::from_utf8_lossy(bytes).trim_end()));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lets the product's log lines into stories.
pub fn listen_to_logs() {
    let level = tracing_subscriber::filter::LevelFilter::DEBUG;
    let subscriber =
        tracing_subscriber::fmt().with_max_level(level).without_time().with_ansi(false).with_writer(|| Logs);
    subscriber.init();
}
