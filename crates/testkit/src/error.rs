//! Why a peer could not be installed, started or asked.

use std::{io, time::Duration};

/// Why the test kit could not do what it was asked.
///
/// Nothing here is ever a reason to skip a test: a peer that cannot start fails the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tool that the machine must have is not on the PATH.
    #[error("{tool} is missing: {install} ({needed_for} needs it)")]
    MissingTool {
        /// The command that was looked for.
        tool: &'static str,
        /// What cannot work without it.
        needed_for: String,
        /// What the user should install.
        install: &'static str,
    },
    /// There is no folder to install into.
    #[error("no folder to install peers into: set TOKENGINE_PEERS, XDG_CACHE_HOME or HOME")]
    NoCacheFolder,
    /// The package manager refused, or what it installed is not what we need.
    #[error("{peer} could not be installed: {output}")]
    Install {
        /// The peer that was being installed.
        peer: &'static str,
        /// The last lines of what the package manager said.
        output: String,
    },
    /// A peer ended, or never became ready.
    #[error("{peer} did not start: {output}")]
    Start {
        /// The peer that was being started.
        peer: String,
        /// The last lines of its log.
        output: String,
    },
    /// A state that was waited for did not come.
    #[error("waited {after:?} in vain for: {what}")]
    Timeout {
        /// The state that was waited for.
        what: String,
        /// How long.
        after: Duration,
    },
    /// The operating system refused.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it was refused.
        source: io::Error,
    },
    /// A node answered a call with an error.
    #[error("{method} was refused: {message} (code {code})")]
    Rpc {
        /// The JSON-RPC method.
        method: String,
        /// The JSON-RPC error code.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// A peer's answer does not have the form it should have.
    #[error("{what} is not what was expected: {got}")]
    Unexpected {
        /// What was read.
        what: String,
        /// The beginning of what came instead.
        got: String,
    },
    /// The Solidity compiler found mistakes.
    #[error("contracts do not compile: {0}")]
    Compile(String),
    /// A script in the browser failed.
    #[error("browser script failed: {0}")]
    Script(String),
    /// No contract of that name is among the test kit's contracts.
    #[error("no contract named {0} in the test kit")]
    NoContract(String),
}

impl Error {
    /// A stable name for the kind of fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingTool { .. } => "testkit-missing-tool",
            Self::NoCacheFolder => "testkit-no-cache-folder",
            Self::Install { .. } => "testkit-install",
            Self::Start { .. } => "testkit-start",
            Self::Timeout { .. } => "testkit-timeout",
            Self::Io { .. } => "testkit-io",
            Self::Rpc { .. } => "testkit-rpc",
            Self::Unexpected { .. } => "testkit-unexpected-answer",
            Self::Compile(_) => "testkit-compile",
            Self::Script(_) => "testkit-browser-script",
            Self::NoContract(_) => "testkit-no-contract",
        }
    }

    /// Whether the same call may succeed later without anyone changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            // A registry may be out of reach for a while; a loopback connection is refused while a peer restarts.
            Self::Install { .. } | Self::Timeout { .. } | Self::Io { .. } => true,
            Self::MissingTool { .. }
            | Self::NoCacheFolder
            | Self::Start { .. }
            | Self::Rpc { .. }
            | Self::Unexpected { .. }
            | Self::Compile(_)
            | Self::Script(_)
            | Self::NoContract(_) => false,
        }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
