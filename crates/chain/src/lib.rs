//! Networks outside TokEngine: raw questions to one node, and what several nodes of one network agree on.
//!
//! It owns the traits [`Node`] and [`Accounts`], their adapters ([`evm`]), and, once and pure, what every adapter needs
//! above it: [`quorum`], [`follower`], [`finality`], [`fees`]. [`Network`] is the thin async shell that asks the nodes
//! of one network and lets those functions decide.
//!
//! It promises that an answer that matters was given by `k` of the configured nodes for one and the same block, that a
//! silent or lagging node is never taken for a node that disagrees, and that no address of a provider (they carry keys)
//! stands in any error.
//!
//! It leaves all rules about money to `core`: **an adapter translates and never decides**. It never credits, never
//! picks a nonce, never signs, and keeps nothing that a restart would miss.

mod block;
mod counters;
mod error;
pub mod evm;
pub mod fees;
pub mod finality;
pub mod follower;
mod network;
mod node;
mod payment;
pub mod quorum;
mod token;
mod tx;

pub use block::{At, Block, BlockId, Heads, Identity};
pub use counters::{CallOutcome, Calls, Counters, NodeCounters};
pub use error::Error;
pub use finality::FinalHead;
pub use network::{AnyNetwork, Network, Rules};
pub use node::{Accounts, Node};
pub use payment::{Asset, Ignored, Outcome, Payment, Receivers, Scan, TooLarge, TxPayments};
pub use token::{Charges, Code, Face, PinnedCode, Returns, TokenFacts};
pub use tx::{Call, Estimate, Inclusion, NonceUse, NonceUser, SendAnswer, TxStatus};
