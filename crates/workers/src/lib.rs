//! What stands between the books and the networks outside: it looks, acts, and says what it saw.
//!
//! It owns the deposit watcher ([`watch`]), the payout driver ([`pay`]), the sweeper ([`sweep`]), the reconciler
//! ([`reconcile`]), the prober ([`probe`]) and the search after a restore ([`recover`]). Each is a pure planner, a
//! function of the state and of what was observed, and a thin async shell that asks nodes and submits commands.
//!
//! It promises that nothing is sent that is not in the journal, that nothing is signed before its nonce is bound to its
//! purpose, that an error or silence of a node is never taken for an answer, and that everything it remembers may be
//! forgotten at any moment: what matters is in the state, and what is not is asked again.
//!
//! **It decides nothing about money**: it submits what it saw as commands, and `core` says what follows. It keeps no
//! file, no table and no cursor of its own.
//!
//! The shells know no clock and no randomness either: time comes in as an argument, so that a simulator can run them
//! (through [`Books`] and the traits of `tokengine_chain`) under a time of its own. Only [`Workers`] has tasks and timers.

#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod books;
mod error;
pub mod pay;
pub mod probe;
pub mod reconcile;
pub mod recover;
mod rules;
pub mod sweep;
#[cfg(test)]
mod testing;
mod trace;
pub mod watch;
mod workers;

pub use books::Books;
pub use error::Error;
pub use rules::{GasRules, Rules, SweepRules};
pub use workers::{Fault, NetworkStatus, NetworkWorker, NodeStatus, Stuck, Workers};
