//! What can go wrong, apart from an answer that says no.

use tokengine_core::{DecodeError, Position, Rejection};

/// The answer "no" to one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub rejection: Rejection,
    /// The event that keeps this answer for the request's key; nothing if the same command may be accepted later.
    pub position: Option<Position>,
    /// The same request was refused before; this is that answer again.
    pub replayed: bool,
}

/// Why there is no answer, or that the answer is no.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The command was decided, and refused.
    #[error("{}", .0.rejection)]
    Refused(Refused),
    /// The lane is full. Nothing was taken.
    #[error("the engine has as much to do as it takes")]
    Busy,
    /// The engine was stopped. A command that was under way may or may not have happened: its key tells.
    #[error("the engine has stopped")]
    Stopped,
    /// The engine stopped at once, because it could not go on safely. A command that was under way may or may not
    /// have happened.
    #[error("the engine stopped at once: {why}")]
    Fatal {
        /// What happened, for a person.
        why: Box<str>,
    },
    /// The journal could not be opened or read.
    #[error("the journal failed")]
    Journal(#[from] tokengine_journal::Error),
    /// A snapshot could not be written or is of no use. The journal has everything, so this costs only time.
    #[error("{file} is of no use: {reason}")]
    Snapshot {
        /// Path or name of the file.
        file: Box<str>,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// The journal has an event that this release cannot read.
    #[error("event {position} cannot be read")]
    Event {
        /// Where it is.
        position: Position,
        /// What is wrong with it; an unknown tag means that a newer release wrote it.
        source: DecodeError,
    },
    /// A question to the state panicked: a bug of the asker. The engine goes on.
    #[error("a question to the state panicked")]
    QueryPanicked,
    /// The operating system gave no folder or no thread.
    #[error("cannot {what}: {why}")]
    System {
        /// The operation.
        what: &'static str,
        /// The operating system's answer.
        why: Box<str>,
    },
}

impl Error {
    /// Stable; clients and alerts match on it. For a refusal, the rejection's own code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.rejection.code(),
            Self::Busy => "busy",
            Self::Stopped => "engine-stopped",
            Self::Fatal { .. } => "engine-fatal",
            Self::Journal(error) => error.code(),
            Self::Snapshot { .. } => "snapshot-unusable",
            Self::Event { source, .. } => source.code(),
            Self::QueryPanicked => "query-panicked",
            Self::System { .. } => "engine-system",
        }
    }

    /// The same call may succeed later without any change of it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refused) => refused.rejection.is_transient(),
            // The next process answers it.
            Self::Busy | Self::Stopped | Self::Fatal { .. } => true,
            Self::Journal(error) => error.is_transient(),
            Self::Snapshot { .. } | Self::Event { .. } | Self::QueryPanicked | Self::System { .. } => false,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
