//! The single writer: takes commands, decides them one after the other, and answers when the journal is durable.
//!
//! It owns the live [`State`](tokengine_core::State), the order of events, group commit, snapshots and the feed. It
//! promises that **no answer leaves before the journal is durable up to what the answer saw**, that the writer never
//! waits for a consumer, that what workers observe gets through however much clients ask, and that a replay ends in
//! the same state. What a command means is `core`'s business, what is on disk `journal`'s; **it never speaks to a
//! network, a database or a client**.
//!
//! ```
//! use tokengine_core::{Command, Subject};
//! use tokengine_engine::{Engine, Lane, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let options = Options::new(folder.path(), 0x5eed).with_journal(|journal| {
//!     journal.segment_bytes = 1 << 20;
//!     journal.reserve_bytes = 1 << 20;
//! });
//! let engine = Engine::open(options, None, |_| {})?;
//! let handle = engine.handle();
//! let done = handle.submit_blocking(Lane::Client, Command::OpenAccount { request: None, name: "alice".into() })?;
//! assert!(matches!(done.subject, Subject::Account(_)));
//! assert_eq!(engine.stop()?.position, done.position.0);
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//! `engine-writer` decides and evolves; the journal's log thread writes, syncs, and releases the answers; `engine-keeper`
//! makes snapshots and copies sealed segments to the archive; each follower has a thread of its own. [`Stepped`] is the same
//! engine without any of them: whoever holds it does their work step by step.

mod answers;
mod engine;
mod error;
pub mod failpoint;
mod feed;
mod follow;
mod handle;
mod health;
mod keeper;
mod lanes;
mod options;
mod replay;
mod shared;
mod signal;
mod snapshot;
mod stepped;
mod writer;

pub use engine::Engine;
pub use error::{Error, Refused};
pub use feed::Feed;
pub use follow::{Follower, Sink, SinkError, follow};
pub use handle::{Done, Handle};
pub use health::Health;
pub use lanes::Lane;
pub use options::{Clock, OnFatal, Options, system_clock};
pub use replay::{Opened, ReplayProgress};
pub use stepped::Stepped;
pub use tokengine_journal::Head;
