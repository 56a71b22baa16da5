//! The exchange: value comes in as deposits, belongs to accounts, and goes out as payouts, on any network.
//!
//! It promises that a deposit is credited once, ever; that a payout is paid at most once; that funds on hold are released
//! only by proof. **It never speaks a network's protocol**: what workers saw comes in as commands.

mod accounts;
mod begins;
mod bounds;
mod config;
mod custody;
mod deposits;
mod dispatches;
mod finals;
mod networks;
mod operator;
mod payouts;
mod references;
pub(crate) mod requests;
pub(crate) mod rows;
mod shortages;
mod surplus;
mod transfers;
mod unmatched;
mod views;

pub use begins::Begin;
pub use bounds::MAX_OPEN;
pub(crate) use config::MAX_DECIMALS;
pub use deposits::SettledDeposit;
pub use payouts::Quote;
pub use requests::{AHEAD_MS, Answer, KEPT_MS};
pub use rows::*;
