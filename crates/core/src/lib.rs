//! The pure heart of TokEngine: what is owned, what may happen next, and what happened.
//!
//! [`State::decide`] checks a [`Command`] and gives an [`Event`]; [`State::evolve`] takes it in. No I/O, no clock, no
//! randomness, no floats: time comes in with each command and is kept in the [`Record`].

#![deny(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_arithmetic
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod amount;
mod command;
mod decide;
mod event;
mod evolve;
mod exchange;
mod ids;
mod index;
mod known;
mod ledger;
mod model;
mod moves;
mod network;
mod rejection;
mod rows;
mod state;
pub mod token;
mod wire;

/// The longest name of an account, in bytes: the longest CAIP-10 id.
pub const MAX_NAME: usize = 170;

pub use amount::{Amount, ParseAmountError};
pub use command::{Command, MoveAuthority};
pub use decide::Decision;
pub use event::{Event, Record, Subject};
pub use exchange::{
    AHEAD_MS, Answer, ApiKey, Asset, Begin, Claim, Dispatch, Given, Holding, KEPT_MS, MAX_OPEN, Network, Payout,
    PayoutStage, Pending, Quote, RecentCredit, RecentFinal, SettledDeposit, Shortage, Suspense, Token, TopUps,
    Transfer, Wallet,
};
pub use ids::*;
pub use ledger::{Book, Imbalance, Totals};
pub use model::*;
pub use network::{Address, BlockHash, BlockRef, Depth, Finality, Locator, ParseHashError, TxId};
pub use rejection::Rejection;
pub use state::State;
pub use wire::{Bytes, DecodeError, Wire};
