//! How much a client may have open at once: what is open is looked at again at every block, and lies in memory.

use super::rows::{Claim, Transfer};
use crate::ids::*;
use crate::{Rejection, State, TxId};

/// So many claims and transfers may an account have open.
pub const MAX_OPEN: u32 = 256;
/// So many claims may be open that name no account; they are the operator's own clients'.
const MAX_OPEN_UNNAMED: u32 = 16_384;
/// Whose claims name no account.
const UNNAMED: AccountIx = AccountIx(u32::MAX);

impl State {
    /// Whether `by` may open `more` claims or transfers.
    pub(super) fn room_for_open(&self, by: Option<AccountIx>, more: u32) -> Result<(), Rejection> {
        let open = |account: AccountIx| self.open_by.get(&account).copied().unwrap_or(0);
        let (open, most) = match by {
            Some(account) => (self.names_ever(account).fold(0u32, |sum, row| sum.saturating_add(open(row))), MAX_OPEN),
            None => (open(UNNAMED), MAX_OPEN_UNNAMED),
        };
        if open.saturating_add(more) > most { Err(Rejection::TooManyOpen) } else { Ok(()) }
    }

    fn count_open(&mut self, by: Option<AccountIx>, opens: bool) {
        let account = by.unwrap_or(UNNAMED);
        let open = self.open_by.entry(account).or_default();
        *open = if opens { open.saturating_add(1) } else { open.saturating_sub(1) };
        if *open == 0 {
            self.open_by.remove(&account);
        }
    }

    /// A claim of what is claimed already changes nothing.
    pub(crate) fn add_claim(&mut self, network: NetworkIx, tx: TxId, claim: Claim) {
        let by = claim.by;
        let mut added = false;
        self.claims.entry((network, tx)).or_insert_with(|| {
            added = true;
            claim
        });
        if added {
            self.count_open(by, true);
        }
    }

    pub(crate) fn remove_claim(&mut self, network: NetworkIx, tx: TxId) {
        if let Some(claim) = self.claims.remove(&(network, tx)) {
            self.count_open(claim.by, false);
        }
    }

    pub(crate) fn add_transfer(&mut self, id: TransferId, transfer: Transfer) {
        self.count_open(Some(transfer.order.account), true);
        self.transfers.insert(id, transfer);
    }

    pub(crate) fn remove_transfer(&mut self, id: TransferId) {
        if let Some(transfer) = self.transfers.remove(&id) {
            self.count_open(Some(transfer.order.account), false);
        }
    }

    /// After a snapshot was read.
    pub(crate) fn count_all_open(&mut self) {
        let claims = self.claims.values().map(|claim| claim.by);
        let transfers = self.transfers.values().map(|transfer| Some(transfer.order.account));
        for by in claims.chain(transfers).collect::<Vec<_>>() {
            self.count_open(by, true);
        }
    }
}
