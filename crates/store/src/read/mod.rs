//! Reading. Each call sees one snapshot and says how far it follows the journal.

mod accounts;
mod audit;
mod deposits;
mod history;
mod payouts;
mod query;
mod transfers;

pub use accounts::{Account, FoundAccount, Wallet, WalletFilter};
pub use audit::{AuditEntry, Step};
pub use deposits::{Claim, ClaimFilter, Deposit, DepositFilter, Suspense};
pub use history::{Entry, Reference};
pub use payouts::{Attempt, Dispatch, DispatchFilter, Payout, PayoutFilter, PayoutStory};
pub use transfers::{Transfer, TransferFilter};

use crate::catalog::one;
use crate::db::Location;
use crate::{Error, sql};
use rusqlite::Connection;
use std::sync::{Arc, Mutex};
use tokengine_core::Position;

/// So many connections are kept for the next calls; more are opened when more calls run at once.
const IDLE: usize = 16;

/// Reads the read model, from any thread and at any time. Cheap to clone: clones share their connections.
///
/// Calls block on the disk; from async code, make them on a thread that may block.
#[derive(Clone)]
pub struct Reader {
    pool: Arc<Pool>,
}

struct Pool {
    location: Location,
    idle: Mutex<Vec<Connection>>,
    /// A database in memory lives as long as a connection to it.
    _anchor: Option<Mutex<Connection>>,
}

impl Reader {
    pub(crate) fn open(location: Location) -> Result<Self, Error> {
        let connection = location.reader()?;
        let anchor = match &location {
            Location::File(_) => None,
            Location::Memory(_) => Some(Mutex::new(location.reader()?)),
        };
        Ok(Self { pool: Arc::new(Pool { location, idle: Mutex::new(vec![connection]), _anchor: anchor }) })
    }

    /// Up to which event the read model follows the journal now; what is read later is at least that far.
    ///
    /// # Errors
    /// What the disk says.
    pub fn position(&self) -> Result<Position, Error> {
        self.snapshot(|connection| one(connection, sql::READ_POSITION))
    }

    /// Runs `read` on one snapshot. A connection that failed is not used again.
    fn snapshot<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let idle = self.pool.idle.lock().expect("nobody panics while holding it").pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.pool.location.reader()?,
        };
        let transaction = connection.unchecked_transaction()?;
        let answer = read(&transaction)?;
        transaction.commit()?;
        let mut idle = self.pool.idle.lock().expect("nobody panics while holding it");
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(answer)
    }
}
