//! Accounts and their ids, and moves between them.

use crate::command::MoveAuthority;
use crate::event::{Event, Subject};
use crate::ids::*;
use crate::model::*;
use crate::{Amount, MAX_NAME, Rejection, State};

/// A signed request may not be good for longer than its idempotency key is remembered.
const MAX_EXPIRY_AHEAD_MS: u64 = super::requests::KEPT_MS;

/// So many ids may one account have: each is looked at when a nonce is checked.
const MAX_NAMES: usize = 64;

/// A name that the operator gives, told from a CAIP-10 id by having no colon.
fn is_operator_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@' | b'/');
    name.len() <= 64 && name.bytes().all(plain)
}

impl State {
    pub(crate) fn decide_open_account(&self, request: Option<Request>, name: &str) -> Result<Event, Rejection> {
        if name.is_empty() || name.len() > MAX_NAME || !(name.contains(':') || is_operator_name(name)) {
            return Err(Rejection::NameInvalid);
        }
        if self.ledger.account_by_name(name).is_some() {
            return Err(Rejection::AlreadyListed);
        }
        self.room_for_account()?;
        Ok(Event::AccountOpened { request, name: name.into() })
    }

    pub(super) fn room_for_account(&self) -> Result<(), Rejection> {
        // The last number means "none".
        if self.ledger.accounts() >= usize::try_from(u32::MAX).unwrap_or(usize::MAX) {
            Err(Rejection::TooMany)
        } else {
            Ok(())
        }
    }

    pub(crate) fn apply_account_opened(&mut self, name: &str) -> Subject {
        Subject::Account(self.ledger.open(name, !name.contains(':')))
    }

    /// Whether `authority` may take from `account`: a customer's own signature, or an API key for what the operator named.
    pub(super) fn authorize(&self, account: AccountIx, authority: &Authority) -> Result<(), Rejection> {
        let allowed = match authority {
            Authority::Key(key) => {
                self.key(*key).is_some_and(|key| !key.revoked) && self.ledger.is_operator_named(account)
            }
            Authority::Operator => self.ledger.is_operator_named(account),
            Authority::Signature { signer, .. } => self.ledger.account_by_name(signer) == Some(account),
        };
        if allowed { Ok(()) } else { Err(Rejection::NotAuthorized) }
    }

    /// Whether a signed request is still good at `now`, and not for too long.
    pub(super) fn check_expiry(&self, authority: &Authority, expiry: Time, now: Time) -> Result<(), Rejection> {
        match authority {
            Authority::Signature { .. } if expiry <= now || expiry > now.plus_ms(MAX_EXPIRY_AHEAD_MS) => {
                Err(Rejection::SignatureExpired)
            }
            _ => Ok(()),
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn decide_link_name(
        &self,
        request: Request,
        account: AccountIx,
        name: &str,
        authority: &Authority,
        nonce: u128,
        expiry: Time,
        now: Time,
    ) -> Result<Event, Rejection> {
        let account = self.open_account(account)?;
        if name.len() > MAX_NAME || !name.contains(':') {
            return Err(Rejection::NameInvalid);
        }
        // The id's own key signed this link; the account's consent is `authority`.
        self.check_expiry(authority, expiry, now)?;
        self.authorize(account, authority)?;
        if self.nonce_used(account, nonce) {
            return Err(Rejection::NonceUsed);
        }
        let merged = self.ledger.account_by_name(name);
        if merged != Some(account) && self.ledger.names(account).len() >= MAX_NAMES {
            return Err(Rejection::TooMany);
        }
        let Some(old) = merged else {
            return Ok(Event::NameLinked { request, account, name: name.into(), merged, moved: vec![] });
        };
        if old == account {
            return Err(Rejection::AlreadyLinked);
        }
        if self.ledger.is_frozen(old) || self.ledger.owes(old) {
            return Err(Rejection::AccountFrozen);
        }
        // Only an account that is nothing but this one id can be joined.
        if self.ledger.name(old) != Some(name) || self.ledger.names(old).len() > 1 {
            return Err(Rejection::AlreadyLinked);
        }
        let books = self.ledger.books_of(old);
        // An open payout holds something; a transfer under way goes on for the account that this one is joined to.
        if books.iter().any(|(_, book)| !book.held.is_zero()) {
            return Err(Rejection::AccountHasHolds);
        }
        let moved = books
            .into_iter()
            .filter(|(_, book)| !book.free.is_zero())
            .map(|(token, book)| (token, book.free))
            .collect::<Vec<_>>();
        for (token, amount) in &moved {
            self.guard_out(*token, old, *amount)?;
            self.guard_in(*token, account)?;
        }
        Ok(Event::NameLinked { request, account, name: name.into(), merged, moved })
    }

    pub(crate) fn apply_name_linked(
        &mut self,
        account: AccountIx,
        name: &str,
        merged: Option<AccountIx>,
        moved: &[(TokenIx, Amount)],
    ) {
        for (token, amount) in moved {
            self.ledger.transfer(merged.expect("only a joined account's balances move"), account, *token, *amount);
        }
        self.ledger.link(account, name);
    }

    pub(crate) fn decide_freeze_account(
        &self,
        account: AccountIx,
        frozen: bool,
        reason: &str,
    ) -> Result<Event, Rejection> {
        let account = self.open_account(account)?;
        if self.ledger.is_frozen(account) == frozen {
            return Err(Rejection::Stale);
        }
        Ok(Event::AccountFrozen { account, frozen, reason: reason.into(), request: None })
    }

    /// The account that `account` is today.
    #[inline]
    pub(super) fn open_account(&self, account: AccountIx) -> Result<AccountIx, Rejection> {
        if self.ledger.exists(account) { Ok(self.ledger.resolve(account)) } else { Err(Rejection::UnknownAccount) }
    }

    #[inline]
    pub(crate) fn decide_move(
        &self,
        request: Request,
        token: TokenIx,
        parties: (AccountIx, AccountIx),
        amount: Amount,
        authority: MoveAuthority,
    ) -> Result<Event, Rejection> {
        let (from, to) = self.check_move(token, parties, amount, authority)?;
        self.guard_out(token, from, amount)?;
        self.guard_in(token, to)?;
        Ok(Event::Moved { request, token, from, to, amount })
    }

    /// In this order: both accounts and the token exist, an amount, two different accounts, the right to do it, not paused,
    /// not frozen, enough. The fast path of the engine; gives the accounts as they are today.
    #[inline]
    pub(crate) fn check_move(
        &self,
        token: TokenIx,
        (from, to): (AccountIx, AccountIx),
        amount: Amount,
        authority: MoveAuthority,
    ) -> Result<(AccountIx, AccountIx), Rejection> {
        let (from, to) = (self.open_account(from)?, self.open_account(to)?);
        self.ledger.totals(token).ok_or(Rejection::UnknownToken)?;
        if amount.is_zero() {
            return Err(Rejection::AmountZero);
        }
        if from == to {
            return Err(Rejection::SameAccount);
        }
        if authority == MoveAuthority::Key && !self.ledger.is_operator_named(from) {
            return Err(Rejection::NotAuthorized);
        }
        if self.paused {
            return Err(Rejection::Paused);
        }
        if self.ledger.is_frozen(from) {
            return Err(Rejection::AccountFrozen);
        }
        self.ledger.book(from, token).free.checked_sub(amount).ok_or(Rejection::InsufficientFunds)?;
        Ok((from, to))
    }
}
