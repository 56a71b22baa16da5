//! How the program ends: one number for each kind of outcome, so that scripts need not read texts.

use crate::config::Mistake;
use crate::listing::Problem;
use serde_json::{Value, json};
use std::fmt;

/// The exit code of what was not done; 0 is what was. `tokengine --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Refused: not done, for good, for the reason that is told.
    Refused = 1,
    /// The command line or the configuration is wrong; nothing was started.
    Usage = 2,
    /// The other side does not answer; nothing was done.
    Unreachable = 3,
    /// It may or may not have been done; asking again with the same key is safe.
    Unknown = 4,
    /// Data on disk is damaged, or books and wallets do not agree.
    Damaged = 5,
    /// The data folder is in use by another process.
    InUse = 6,
    /// Something else failed, such as a file that cannot be written.
    Failed = 7,
}

/// What `--help` says about them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  refused: not done, for the reason told
  2  the command line or the configuration is wrong; nothing was started
  3  the engine does not answer; nothing was done
  4  unknown: it may or may not have been done; repeat with the same --key
  5  data on disk is damaged, or the books do not balance or do not agree with the wallets
  6  the data folder is in use by another process
  7  something else failed, such as a file that cannot be written";

/// Why a command did not do what it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) code: String,
    pub(crate) text: String,
    /// One line each, where there are several.
    pub(crate) details: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { exit, code: code.into(), text: text.into(), details: Vec::new() }
    }

    /// Wrong use of the command line.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", text)
    }

    /// A file or another thing of the system.
    pub(crate) fn system(doing: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self::new(Exit::Failed, "system", format!("{doing}: {error}"))
    }

    /// As an error with its causes.
    pub(crate) fn of(exit: Exit, code: &str, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self::new(exit, code, text)
    }

    /// For `--json`.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.text, "exit": self.exit as i32 });
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        json!({ "error": error })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.text, self.code)?;
        self.details.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl From<Vec<Mistake>> for Failure {
    fn from(mistakes: Vec<Mistake>) -> Self {
        let text = match mistakes.len() {
            1 => "the configuration has a mistake".to_owned(),
            count => format!("the configuration has {count} mistakes"),
        };
        let details = mistakes.iter().map(ToString::to_string).collect();
        Self { details, ..Self::new(Exit::Usage, "config", text) }
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        let details = problems.iter().map(ToString::to_string).collect();
        let text = "the configuration contradicts the books, or itself; nothing was changed";
        Self { details, ..Self::new(Exit::Usage, "config-in-use", text) }
    }
}

impl From<Vec<tokengine_keys::Error>> for Failure {
    fn from(errors: Vec<tokengine_keys::Error>) -> Self {
        let line = |error: &tokengine_keys::Error| format!("{error} [{}]", error.code());
        let details = errors.iter().map(line).collect();
        Self { details, ..Self::new(Exit::Usage, "keys", "not all keys can be loaded") }
    }
}

impl From<tokengine_keys::Error> for Failure {
    fn from(error: tokengine_keys::Error) -> Self {
        Self::of(Exit::Usage, error.code(), &error)
    }
}

impl From<tokengine_journal::Error> for Failure {
    fn from(error: tokengine_journal::Error) -> Self {
        use tokengine_journal::Error;
        let exit = match &error {
            Error::Corrupt { .. } => Exit::Damaged,
            Error::Locked { .. } => Exit::InUse,
            Error::NotFound { .. } | Error::NotEmpty { .. } | Error::BadOptions { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::of(exit, error.code(), &error)
    }
}

impl From<tokengine_engine::Error> for Failure {
    fn from(error: tokengine_engine::Error) -> Self {
        use tokengine_engine::Error;
        match error {
            Error::Journal(error) => error.into(),
            Error::Refused(refused) => Self::of(Exit::Refused, refused.rejection.code(), &refused.rejection),
            Error::Stopped | Error::Fatal { .. } => Self::of(Exit::Unknown, error.code(), &error),
            Error::Event { .. } => Self::of(Exit::Damaged, error.code(), &error),
            _ => Self::of(Exit::Failed, error.code(), &error),
        }
    }
}
