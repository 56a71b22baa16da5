//! The EVM adapter and the quorum above it, against real nodes. A node that lies or fails is a faulting proxy before one.

mod chain;
mod faults;
mod follow;
mod gas;
mod nonces;
mod payments;
mod quorum;
mod sending;
mod tokens;
