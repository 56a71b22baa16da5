//! What can go wrong between us and a network. No text here ever carries the address of a provider.

use std::sync::Arc;
use std::time::Duration;

use tokengine_core::BlockHash;

/// A fault of a node, of the way to it, or of several nodes together. It never means "no", and never that something
/// did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Silence.
    #[error("{node} gave no answer to {what} within {after:?}")]
    Timeout {
        /// The node's name.
        node: Arc<str>,
        /// The question.
        what: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// No connection, or one that broke, or an answer that is no success on the transport.
    #[error("{node} cannot be reached for {what}: {why}")]
    Unreachable {
        /// The node's name.
        node: Arc<str>,
        /// The question.
        what: &'static str,
        /// In our words.
        why: String,
    },
    /// It asks us to be slower.
    #[error("{node} limits how often it may be asked")]
    RateLimited {
        /// The node's name.
        node: Arc<str>,
    },
    /// It answered with an error of its own.
    #[error("{node} refused {what} with {code}: {text}")]
    Refused {
        /// The node's name.
        node: Arc<str>,
        /// The question.
        what: &'static str,
        /// Its error number.
        code: i64,
        /// Its words, shortened, without addresses.
        text: String,
    },
    /// It does not know this kind of question.
    #[error("{node} does not offer {what}")]
    Unsupported {
        /// The node's name.
        node: Arc<str>,
        /// The question.
        what: &'static str,
    },
    /// An answer that we cannot read, or that contradicts itself or the question.
    #[error("{node} answered {what} with something we cannot use: {why}")]
    Decode {
        /// The node's name.
        node: Arc<str>,
        /// The question.
        what: &'static str,
        /// In our words.
        why: String,
    },
    /// It has not got that block: it lags, or a reorg took the block away.
    #[error("{node} has no block {block}")]
    BlockUnknown {
        /// The node's name.
        node: Arc<str>,
        /// The block asked for.
        block: BlockHash,
    },
    /// The answer changed while it was given: a reorg came between two halves of it.
    #[error("{node} changed its mind during {what}")]
    Moved {
        /// The node's name.
        node: Arc<str>,
        /// The question.
        what: &'static str,
    },
    /// It no longer has the state of that block.
    #[error("{node} no longer has the state for {what}")]
    StateUnavailable {
        /// The node's name.
        node: Arc<str>,
        /// The question.
        what: &'static str,
    },
    /// A node of another network, fork or test network.
    #[error("{node} is a node of {found}, not of {expected}")]
    WrongNetwork {
        /// The node's name.
        node: Arc<str>,
        /// The network, or its genesis, as configured.
        expected: String,
        /// What it says of itself.
        found: String,
    },
    /// Fewer nodes than needed gave an answer.
    #[error("{network}: {answered} of the {needed} nodes needed answered {what}")]
    NoQuorum {
        /// The network.
        network: Arc<str>,
        /// The question.
        what: &'static str,
        /// How many have to agree.
        needed: usize,
        /// How many gave an answer.
        answered: usize,
    },
    /// Enough nodes answered, and not enough of them the same.
    #[error("{network}: the nodes do not agree on {what}")]
    Disagreement {
        /// The network.
        network: Arc<str>,
        /// The question.
        what: &'static str,
    },
    /// An amount above 128 bits.
    #[error("{what} is above 128 bits")]
    TooLarge {
        /// What was read.
        what: &'static str,
    },
    /// An address that is none on this network.
    #[error("not an address of this network: {0}")]
    BadAddress(String),
    /// Signed or unsigned bytes that are not what they should be.
    #[error("not the transaction it should be: {0}")]
    BadTransaction(&'static str),
    /// A setting that cannot work; the text names the setting and never shows its value.
    #[error("configuration of {node}: {what}")]
    Config {
        /// The node or network.
        node: Arc<str>,
        /// What is wrong.
        what: &'static str,
    },
}

impl Error {
    /// Stable; clients and alerts match on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "chain-timeout",
            Self::Unreachable { .. } => "chain-unreachable",
            Self::RateLimited { .. } => "chain-rate-limited",
            Self::Refused { .. } => "chain-refused",
            Self::Unsupported { .. } => "chain-unsupported",
            Self::Decode { .. } => "chain-decode",
            Self::BlockUnknown { .. } => "chain-block-unknown",
            Self::Moved { .. } => "chain-moved",
            Self::StateUnavailable { .. } => "chain-state-unavailable",
            Self::WrongNetwork { .. } => "chain-wrong-network",
            Self::NoQuorum { .. } => "chain-no-quorum",
            Self::Disagreement { .. } => "chain-disagreement",
            Self::TooLarge { .. } => "chain-amount-too-large",
            Self::BadAddress(_) => "chain-bad-address",
            Self::BadTransaction(_) => "chain-bad-transaction",
            Self::Config { .. } => "chain-config",
        }
    }

    /// Whether asking again later may help without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::Unreachable { .. }
            | Self::RateLimited { .. }
            | Self::Refused { .. }
            | Self::Decode { .. }
            | Self::BlockUnknown { .. }
            | Self::Moved { .. }
            | Self::NoQuorum { .. }
            | Self::Disagreement { .. } => true,
            Self::Unsupported { .. }
            | Self::StateUnavailable { .. }
            | Self::WrongNetwork { .. }
            | Self::TooLarge { .. }
            | Self::BadAddress(_)
            | Self::BadTransaction(_)
            | Self::Config { .. } => false,
        }
    }

    /// Whether the node that gave it should be left alone for a while. A node that merely has not got that far, or
    /// that answered something precise, stays in use.
    pub(crate) fn is_fault_of_node(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreachable { .. } | Self::RateLimited { .. } | Self::WrongNetwork { .. } => {
                true
            }
            Self::Refused { .. }
            | Self::Unsupported { .. }
            | Self::Decode { .. }
            | Self::BlockUnknown { .. }
            | Self::Moved { .. }
            | Self::StateUnavailable { .. }
            | Self::NoQuorum { .. }
            | Self::Disagreement { .. }
            | Self::TooLarge { .. }
            | Self::BadAddress(_)
            | Self::BadTransaction(_)
            | Self::Config { .. } => false,
        }
    }
}
