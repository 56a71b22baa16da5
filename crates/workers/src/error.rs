//! What stops a worker for a while. Nothing here is lost: it asks the state again and goes on.

use tokengine_core::{BlockHash, Rejection};

/// Why one look or step of a worker did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network's nodes gave no answer that counts.
    #[error(transparent)]
    Chain(#[from] tokengine_chain::Error),
    /// The engine gave no answer.
    #[error(transparent)]
    Engine(#[from] tokengine_engine::Error),
    /// A key could not be used.
    #[error(transparent)]
    Keys(#[from] tokengine_keys::Error),
    /// The state has no such network: it was not listed before its worker was started.
    #[error("network {0} is not listed")]
    NotListed(String),
    /// The nodes are of another network than the one in the books.
    #[error("the nodes' genesis is {found}, and the books have {known}: these are nodes of another network")]
    OtherGenesis {
        /// What the books have.
        known: BlockHash,
        /// What the nodes say.
        found: BlockHash,
    },
    /// The wallet's key signs for another address than the wallet's.
    #[error("key {key} is not that of wallet {wallet}")]
    OtherKey {
        /// The reference in the books.
        key: String,
        /// The wallet's address.
        wallet: String,
    },
    /// An amount that does not fit 128 bits came up where none should.
    #[error("{0} does not fit 128 bits")]
    Overflow(&'static str),
    /// The books did not take what was seen on the network. Nothing behind it counts as searched until they do.
    #[error("the books refused {what}: {rejection}")]
    NotRecorded {
        /// What was seen.
        what: &'static str,
        /// Why they refused it.
        rejection: Rejection,
    },
    /// The workers are stopped.
    #[error("the workers have stopped")]
    Stopped,
}

impl Error {
    /// Stable; alerts match on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::NotListed(_) => "network-not-listed",
            Self::OtherGenesis { .. } => "network-other-genesis",
            Self::OtherKey { .. } => "wallet-other-key",
            Self::Overflow(_) => "worker-overflow",
            Self::NotRecorded { .. } => "worker-not-recorded",
            Self::Stopped => "workers-stopped",
        }
    }

    /// Whether trying again may help without a person.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Chain(error) => error.is_transient(),
            Self::Engine(error) => error.is_transient(),
            Self::Keys(error) => error.is_transient(),
            Self::NotListed(_) | Self::OtherGenesis { .. } | Self::OtherKey { .. } | Self::Overflow(_) => false,
            Self::NotRecorded { rejection, .. } => rejection.is_transient(),
            Self::Stopped => false,
        }
    }
}
