//! Who owns what: accounts, their names, what each has free and on hold, and the double entry behind every posting.
//!
//! **The ledger never learns which network paid in.** It promises that per token
//! `free + held + fees + suspense + equity in = custody + issued + equity out`, and that nothing goes below zero.

mod accounts;
mod tokens;

pub use accounts::Book;
pub(crate) use accounts::{AccountRow, BookRow, NameRow};
pub use tokens::{Imbalance, Totals};

use crate::Amount;
use crate::ids::{AccountIx, TokenIx};
use crate::index::Index;
use crate::rows::{Rows, Texts};
use crate::wire::{Bytes, DecodeError, Wire};
use std::collections::BTreeMap;

/// All accounts, balances and totals.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    accounts: Rows<AccountRow>,
    books: Rows<BookRow>,
    names: Rows<NameRow>,
    texts: Texts,
    name_index: Index,
    /// The rows of names beyond an account's first; few accounts have any.
    more_names: BTreeMap<AccountIx, Vec<u32>>,
    totals: Vec<Totals>,
    owed: BTreeMap<(AccountIx, TokenIx), Amount>,
    /// Tokens whose every posting is looked at by somebody else too.
    guarded: Vec<bool>,
    /// Balances of such tokens that the event at hand changed.
    changed: Vec<(AccountIx, TokenIx)>,
}

/// Adds what `decide` saw to fit.
pub(crate) fn add(to: &mut Amount, amount: Amount) {
    *to = to.checked_add(amount).expect("decide saw that it fits");
}

/// Takes what `decide` saw to be there.
pub(crate) fn take(from: &mut Amount, amount: Amount) {
    *from = from.checked_sub(amount).expect("decide saw that it is there");
}

impl Ledger {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            accounts: Rows::default(),
            books: Rows::default(),
            names: Rows::default(),
            texts: Texts::default(),
            name_index: Index::new(seed),
            more_names: BTreeMap::new(),
            totals: Vec::new(),
            owed: BTreeMap::new(),
            guarded: Vec::new(),
            changed: Vec::new(),
        }
    }

    pub(crate) fn add_token(&mut self) {
        self.totals.push(Totals::default());
    }

    /// From now on it is noted which balances of that token an event changed.
    pub(crate) fn guard(&mut self, token: TokenIx) {
        self.guarded.resize(self.guarded.len().max(self.totals.len()), false);
        if let Some(guarded) = self.guarded.get_mut(token.row()) {
            *guarded = true;
        }
    }

    #[inline]
    pub(crate) fn is_guarded(&self, token: TokenIx) -> bool {
        self.guarded.get(token.row()).is_some_and(|guarded| *guarded)
    }

    #[inline]
    pub(crate) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The balances of guarded tokens that changed since it was last asked, each once.
    pub(crate) fn take_changed(&mut self) -> Vec<(AccountIx, TokenIx)> {
        std::mem::take(&mut self.changed)
    }

    fn book_mut(&mut self, account: AccountIx, token: TokenIx) -> &mut Book {
        if self.is_guarded(token) && !self.changed.contains(&(account, token)) {
            self.changed.push((account, token));
        }
        self.plain_book_mut(account, token)
    }

    pub(crate) fn totals(&self, token: TokenIx) -> Option<&Totals> {
        self.totals.get(token.row())
    }

    fn totals_mut(&mut self, token: TokenIx) -> &mut Totals {
        self.totals.get_mut(token.row()).expect("decide saw the token")
    }

    // Postings. Each keeps the equation; together they are all the ways a balance changes.

    /// Value from outside for an account. `decide` has seen with [`Self::fits`] that totals take it.
    pub(crate) fn deposit(&mut self, account: AccountIx, token: TokenIx, amount: Amount) {
        add(&mut self.book_mut(account, token).free, amount);
        let totals = self.totals_mut(token);
        add(&mut totals.free, amount);
        add(&mut totals.custody, amount);
    }

    /// Value from outside that nobody owns yet.
    pub(crate) fn deposit_suspense(&mut self, token: TokenIx, amount: Amount) {
        let totals = self.totals_mut(token);
        add(&mut totals.suspense, amount);
        add(&mut totals.custody, amount);
    }

    /// What lay in suspense is held no more, or is held for somebody by another posting.
    pub(crate) fn withdraw_suspense(&mut self, token: TokenIx, amount: Amount) {
        let totals = self.totals_mut(token);
        take(&mut totals.suspense, amount);
        take(&mut totals.custody, amount);
    }

    /// What moved between wallets of ours goes back: some lose `lost`, another has `back` again; the operator bears the rest.
    pub(crate) fn move_back(&mut self, token: TokenIx, lost: Amount, back: Amount) {
        let totals = self.totals_mut(token);
        add(&mut totals.custody, back);
        take(&mut totals.custody, lost);
        match lost.checked_sub(back) {
            Some(loss) => add(&mut totals.equity_out, loss),
            None => add(&mut totals.equity_in, back.checked_sub(lost).expect("it is the larger")),
        }
    }

    /// Value from outside for the operator.
    pub(crate) fn deposit_equity(&mut self, token: TokenIx, amount: Amount) {
        let totals = self.totals_mut(token);
        add(&mut totals.equity_in, amount);
        add(&mut totals.custody, amount);
    }

    /// Suspense finds its owner.
    pub(crate) fn assign_suspense(&mut self, to: Option<AccountIx>, token: TokenIx, amount: Amount) {
        if let Some(account) = to {
            add(&mut self.book_mut(account, token).free, amount);
        }
        let totals = self.totals_mut(token);
        take(&mut totals.suspense, amount);
        add(if to.is_some() { &mut totals.free } else { &mut totals.equity_in }, amount);
    }

    /// One account to another.
    pub(crate) fn transfer(&mut self, from: AccountIx, to: AccountIx, token: TokenIx, amount: Amount) {
        take(&mut self.book_mut(from, token).free, amount);
        add(&mut self.book_mut(to, token).free, amount);
    }

    /// The same of a token that is not guarded.
    #[inline]
    pub(crate) fn transfer_plain(&mut self, from: AccountIx, to: AccountIx, token: TokenIx, amount: Amount) {
        take(&mut self.plain_book_mut(from, token).free, amount);
        add(&mut self.plain_book_mut(to, token).free, amount);
    }

    /// New supply of an issued token. `decide` has seen with [`Self::fits`] that totals take it.
    pub(crate) fn issue(&mut self, account: AccountIx, token: TokenIx, amount: Amount) {
        add(&mut self.book_mut(account, token).free, amount);
        let totals = self.totals_mut(token);
        add(&mut totals.free, amount);
        add(&mut totals.issued, amount);
    }

    /// Supply of an issued token ends.
    pub(crate) fn retire(&mut self, account: AccountIx, token: TokenIx, amount: Amount) {
        take(&mut self.book_mut(account, token).free, amount);
        let totals = self.totals_mut(token);
        take(&mut totals.free, amount);
        take(&mut totals.issued, amount);
    }

    /// Free becomes held.
    pub(crate) fn hold(&mut self, account: AccountIx, token: TokenIx, amount: Amount) {
        let book = self.book_mut(account, token);
        take(&mut book.free, amount);
        add(&mut book.held, amount);
        let totals = self.totals_mut(token);
        take(&mut totals.free, amount);
        add(&mut totals.held, amount);
    }

    /// A hold ends: `paid` leaves custody, `fee` is the operator's, the rest is free again.
    pub(crate) fn settle_hold(&mut self, account: AccountIx, token: TokenIx, held: Amount, paid: Amount, fee: Amount) {
        let rest =
            held.checked_sub(paid).and_then(|rest| rest.checked_sub(fee)).expect("the hold covers amount and fee");
        let book = self.book_mut(account, token);
        take(&mut book.held, held);
        add(&mut book.free, rest);
        let totals = self.totals_mut(token);
        take(&mut totals.held, held);
        add(&mut totals.free, rest);
        add(&mut totals.fees, fee);
        take(&mut totals.custody, paid);
    }

    /// A fee straight from what is free.
    pub(crate) fn charge(&mut self, account: AccountIx, token: TokenIx, fee: Amount) {
        take(&mut self.book_mut(account, token).free, fee);
        let totals = self.totals_mut(token);
        take(&mut totals.free, fee);
        add(&mut totals.fees, fee);
    }

    /// Custody shrinks at the operator's cost: gas, and what went out without an order.
    pub(crate) fn expense(&mut self, token: TokenIx, amount: Amount) {
        let totals = self.totals_mut(token);
        take(&mut totals.custody, amount);
        add(&mut totals.equity_out, amount);
    }

    /// What the operator bore turns out to be somebody's.
    pub(crate) fn take_expense_back(&mut self, token: TokenIx, amount: Amount) {
        let totals = self.totals_mut(token);
        take(&mut totals.equity_out, amount);
        add(&mut totals.custody, amount);
    }

    /// A credited deposit is undone: custody loses `lost`, the account gives back `taken`, the operator bears the rest.
    pub(crate) fn reverse(
        &mut self,
        account: Option<AccountIx>,
        token: TokenIx,
        lost: Amount,
        taken: Amount,
        owed: Amount,
    ) {
        if let Some(account) = account {
            take(&mut self.book_mut(account, token).free, taken);
            if !owed.is_zero() {
                // Unlike the totals it only ever grows, and nothing in the books stands against it.
                let sum = self.owed.entry((account, token)).or_default();
                *sum = sum.checked_add(owed).unwrap_or(Amount::MAX);
            }
        }
        let totals = self.totals_mut(token);
        take(if account.is_some() { &mut totals.free } else { &mut totals.suspense }, taken);
        take(&mut totals.custody, lost);
        match lost.checked_sub(taken) {
            Some(loss) => add(&mut totals.equity_out, loss),
            None => add(&mut totals.equity_in, taken.checked_sub(lost).expect("it is the larger")),
        }
    }

    /// An account pays back what it owes the operator.
    pub(crate) fn pay_owed(&mut self, account: AccountIx, token: TokenIx, amount: Amount) {
        take(&mut self.book_mut(account, token).free, amount);
        let owed = self.owed.get_mut(&(account, token)).expect("decide saw what is owed");
        take(owed, amount);
        if owed.is_zero() {
            self.owed.remove(&(account, token));
        }
        let totals = self.totals_mut(token);
        take(&mut totals.free, amount);
        add(&mut totals.equity_in, amount);
    }

    /// Whether custody of `token` can take `amount` more: then every other sum can too.
    pub(crate) fn fits(&self, token: TokenIx, amount: Amount) -> bool {
        let Some(totals) = self.totals(token) else { return false };
        // Twice, so that expenses booked on the other side cannot overflow either.
        let sum = totals.custody.checked_add(totals.issued).and_then(|sum| sum.checked_add(totals.equity_out));
        let double = sum.and_then(|sum| sum.checked_add(amount));
        double.is_some_and(|sum| sum.base_units() <= u128::MAX / 2)
    }

    /// What an account owes the operator after a reversal.
    pub(crate) fn owed(&self, account: AccountIx, token: TokenIx) -> Amount {
        self.owed.get(&(account, token)).copied().unwrap_or_default()
    }

    /// Whether an account owes the operator anything.
    pub(crate) fn owes(&self, account: AccountIx) -> bool {
        self.owed.range((account, TokenIx(0))..=(account, TokenIx(u32::MAX))).next().is_some()
    }

    /// Everything that is owed.
    pub(crate) fn all_owed(&self) -> impl Iterator<Item = (AccountIx, TokenIx, Amount)> {
        self.owed.iter().map(|((account, token), amount)| (*account, *token, *amount))
    }

    /// Adds every account up and compares with the totals. Takes a look at every balance.
    ///
    /// # Errors
    /// The first token whose books do not balance.
    pub(crate) fn check(&self) -> Result<(), Imbalance> {
        let mut sums = vec![(Amount::ZERO, Amount::ZERO); self.totals.len()];
        for account in 0..self.accounts.len() {
            for (token, book) in self.books_of(AccountIx::from_row(account)) {
                let sum = &mut sums[token.row()];
                add(&mut sum.0, book.free);
                add(&mut sum.1, book.held);
            }
        }
        for (row, ((free, held), totals)) in sums.into_iter().zip(&self.totals).enumerate() {
            totals.check(TokenIx::from_row(row), free, held)?;
        }
        Ok(())
    }
}

impl Ledger {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.put_accounts(out);
        self.totals.put(out);
        self.owed.put(out);
    }

    pub(crate) fn get(bytes: &mut Bytes<'_>, seed: u64) -> Result<Self, DecodeError> {
        let mut ledger = Self::new(seed);
        ledger.get_accounts(bytes)?;
        ledger.totals = Wire::get(bytes)?;
        ledger.owed = Wire::get(bytes)?;
        Ok(ledger)
    }
}
