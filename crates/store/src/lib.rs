//! The SQL read model: accounts and their history, deposits, payouts with every attempt, and the audit trail.
//!
//! It follows the journal with a cursor of its own and derives everything from events alone, so it can be thrown away and
//! filled again. **It decides nothing and the engine never reads it**: what is owned and what may happen is in the
//! engine's own state. Balances here are as of the [`Listing::position`] of the answer.
//!
//! ```
//! use tokengine_core::{AccountIx, Amount, Event, Position, Record, Time};
//! use tokengine_store::{Page, Store};
//!
//! # fn main() -> Result<(), tokengine_store::Error> {
//! let mut store = Store::open_in_memory()?;
//! let opened = Event::AccountOpened { request: None, name: "treasury".into() };
//! store.apply(&[(Position(1), Record { at: Time(1_700_000_000_000), event: opened })])?;
//! assert_eq!(store.cursor()?, Position(1));
//!
//! let reader = store.reader()?;
//! let account = reader.account(AccountIx(0))?.expect("it was opened");
//! assert_eq!(&*account.name, "treasury");
//! assert!(reader.history(AccountIx(0), &Page::first(50))?.items.is_empty());
//! # Ok(())
//! # }
//! ```

mod catalog;
mod column;
mod db;
mod detail;
mod error;
mod migrate;
mod model;
mod read;
mod sql;
mod store;
mod write;

pub use detail::event_detail;
pub use error::Error;
pub use model::{
    Change, ClaimState, DepositState, DispatchPurpose, DispatchState, EntryKind, Listing, MAX_PAGE, Page, PayoutState,
    SuspenseState, TransferState,
};
pub use read::*;
pub use store::Store;
