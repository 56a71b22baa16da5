//! The words of the read model: states, kinds, signed changes, pages.

use crate::column::{Column, owned, words};
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::fmt;
use tokengine_core::{Amount, Position};

words! {
    /// Why a balance changed.
    EntryKind {
        /// Tokens went to or came from another account.
        Move "move",
        /// Balances of an account that was joined to another.
        Join "join",
        /// A deposit was credited.
        Deposit "deposit",
        /// A deep reorg took a credited deposit away: what was free was taken back.
        DepositReversed "deposit-reversed",
        /// An amount that lay in suspense found its owner.
        SuspenseAssigned "suspense-assigned",
        /// What the account owed was paid back.
        OwedSettled "owed-settled",
        /// Locked for a payout: the amount and the larger fee.
        PayoutHeld "payout-held",
        /// Paid: the hold ends, the success fee was taken, the rest is free again.
        PayoutCommitted "payout-committed",
        /// Failed on its network: the hold ends, the failure fee was taken, the rest is free again.
        PayoutFailed "payout-failed",
        /// Cancelled: the hold ends; a fee was taken if a transaction had to be sent for it.
        PayoutCancelled "payout-cancelled",
        /// Paid to another account of ours without a network: the amount and its fee.
        PayoutSettled "payout-settled",
        /// Received such a payment.
        PayoutReceived "payout-received",
        /// New supply of an issued token.
        Minted "minted",
        /// Supply of an issued token ended.
        Burned "burned",
    }
}

words! {
    /// Where a deposit stands.
    DepositState {
        /// Seen on its network, not deep enough yet.
        Confirming "confirming",
        /// An account has it.
        Credited "credited",
        /// It counts, and nobody owns it yet.
        Suspense "suspense",
        /// It counts, and it is the operator's own.
        Equity "equity",
        /// The operator moved it here from a cold wallet.
        Refill "refill",
        /// A reorg took it away before it counted.
        Dropped "dropped",
        /// A deep reorg took it away after it was credited.
        Reversed "reversed",
    }
}

words! {
    /// Where a claim stands.
    ClaimState {
        /// It is being looked for.
        Open "open",
        /// Every payment of the transaction to us is known.
        Found "found",
        /// Refused; the scan goes on as if it had not been.
        Refused "refused",
    }
}

words! {
    /// Where an amount without an owner stands.
    SuspenseState {
        /// Nobody owns it yet.
        Open "open",
        /// It found its owner.
        Assigned "assigned",
        /// It turned out to be a deposit that was not seen before.
        Found "found",
        /// A deep reorg took it away.
        Reversed "reversed",
    }
}

words! {
    /// Where a payout stands.
    PayoutState {
        /// On hold; nothing has its nonce yet. Why is in `wait`.
        Waiting "waiting",
        /// It has a nonce; nothing is signed.
        Opened "opened",
        /// An attempt is signed and in the journal.
        Signed "signed",
        /// An attempt was sent.
        Sent "sent",
        /// An attempt is in a block that is not final yet.
        Seen "seen",
        /// Paid, finally.
        Committed "committed",
        /// Failed on its network, finally: nothing was paid.
        Failed "failed",
        /// Cancelled before anything was paid.
        Cancelled "cancelled",
        /// Paid to another account of ours, without a network.
        Settled "settled",
    }
}

impl PayoutState {
    /// Nothing about it changes any more.
    pub fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Opened | Self::Signed | Self::Sent | Self::Seen => false,
            Self::Committed | Self::Failed | Self::Cancelled | Self::Settled => true,
        }
    }
}

words! {
    /// What a slot is used for.
    DispatchPurpose {
        /// Pays out.
        Payout "payout",
        /// Moves holdings to a hot wallet.
        Sweep "sweep",
        /// Gives a deposit address the coin for its sweep's gas.
        TopUp "top-up",
        /// Fills a gap.
        Noop "noop",
        /// Found on the network after a restore, and matches nothing that was open.
        Unknown "unknown",
    }
}

words! {
    /// Where a slot stands.
    DispatchState {
        /// Under way.
        Open "open",
        /// It did what it was for.
        Done "done",
        /// It was reverted: nothing but gas left the wallet.
        Reverted "reverted",
        /// Its nonce was used up without effect, by a transaction of ours.
        Void "void",
        /// A foreign transaction used its nonce.
        Dead "dead",
    }
}

words! {
    /// Where a transfer stands.
    TransferState {
        /// Its deposit is not credited yet.
        Waiting "waiting",
        /// Its payout exists; the payout tells the rest.
        Held "held",
        /// It came to nothing; the deposit, if there was one, is the account's.
        Failed "failed",
    }
}

/// A change of an amount, up or down, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Change {
    /// It goes down. Never set on a change of nothing.
    pub negative: bool,
    /// By how much.
    pub amount: Amount,
}

impl Change {
    /// No change.
    pub const NONE: Self = Self { negative: false, amount: Amount::ZERO };

    /// Up by `amount`.
    pub fn up(amount: Amount) -> Self {
        Self { negative: false, amount }
    }

    /// Down by `amount`.
    pub fn down(amount: Amount) -> Self {
        Self { negative: !amount.is_zero(), amount }
    }

    /// What `before` is after the change; `None` when it does not fit.
    pub fn apply(self, before: Amount) -> Option<Amount> {
        if self.negative { before.checked_sub(self.amount) } else { before.checked_add(self.amount) }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negative { "-" } else { "" }, self.amount)
    }
}

impl Column for Change {
    const WHAT: &'static str = "a change";
    fn to_column(&self) -> ToSqlOutput<'_> {
        owned(self.to_string())
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        let text = value.as_str().ok()?;
        match text.strip_prefix('-') {
            Some(amount) => amount.parse().ok().map(|units| Self::down(Amount::new(units))),
            None => text.parse().ok().map(|units| Self::up(Amount::new(units))),
        }
    }
}

/// The most items of one page.
pub const MAX_PAGE: u16 = 200;

/// Which part of a list is asked for. `K` is what the list is ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K = u64> {
    after: Option<K>,
    limit: u16,
}

impl<K> Page<K> {
    /// The first `limit` items; between 1 and [`MAX_PAGE`], whatever is asked for.
    pub fn first(limit: u16) -> Self {
        Self { after: None, limit: limit.clamp(1, MAX_PAGE) }
    }

    /// What comes after the item of that key: the `next` of the page before.
    pub fn after(key: K, limit: u16) -> Self {
        Self { after: Some(key), ..Self::first(limit) }
    }

    pub(crate) fn key(&self) -> Option<&K> {
        self.after.as_ref()
    }

    pub(crate) fn limit(&self) -> usize {
        usize::from(self.limit)
    }
}

/// One page of a list, from one snapshot of the read model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T, K = u64> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; nothing when this was the last one.
    pub next: Option<K>,
    /// Up to which event the snapshot follows the journal.
    pub position: Position,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_keeps_its_sign_and_never_goes_below_nothing() {
        let five = Amount::new(5);
        for (change, text, after) in [
            (Change::up(five), "5", Some(8)),
            (Change::down(five), "-5", None),
            (Change::down(Amount::new(3)), "-3", Some(0)),
            (Change::down(Amount::ZERO), "0", Some(3)),
        ] {
            assert_eq!(change.to_string(), text);
            assert_eq!(Change::from_column(ValueRef::Text(text.as_bytes())), Some(change));
            assert_eq!(change.apply(Amount::new(3)).map(Amount::base_units), after);
        }
    }

    #[test]
    fn a_page_has_between_one_and_two_hundred_items() {
        for (asked, got) in [(0, 1), (1, 1), (200, 200), (u16::MAX, 200)] {
            assert_eq!(Page::<u64>::first(asked).limit(), got);
        }
    }
}
