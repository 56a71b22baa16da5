//! Accounts in few bytes: a row each, the first token's balance in the row itself, the names end to end.
//!
//! With a CAIP-10 name of 55 bytes and one token, an account takes about 130 bytes, index included.

use super::Ledger;
use crate::Amount;
use crate::ids::{AccountIx, TokenIx};
use crate::rows::TextRef;
use crate::wire::{Bytes, DecodeError, Wire};

/// What an account has of one token, in base units of the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// May be moved and paid out.
    pub free: Amount,
    /// Locked for payouts under way.
    pub held: Amount,
}

const NO_TOKEN: u32 = u32::MAX;
const NO_ROW: u32 = u32::MAX;

const FROZEN: u8 = 1;
/// Named by the operator, not by an id on a network: an API key may act for it.
const OPERATOR_NAMED: u8 = 2;

/// One cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct AccountRow {
    first: Book,
    first_token: u32,
    /// The first of its further books.
    next: u32,
    name: u32,
    /// The account this one was joined to, or itself.
    joined: u32,
    flags: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct BookRow {
    book: Book,
    token: u32,
    next: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct NameRow {
    text: TextRef,
    account: u32,
}

impl Ledger {
    pub(crate) fn accounts(&self) -> usize {
        self.accounts.len()
    }

    #[inline]
    fn row(&self, account: AccountIx) -> Option<&AccountRow> {
        self.accounts.get(account.row())
    }

    /// Brings accounts' rows into the cache. What it gives means nothing.
    #[inline]
    pub(crate) fn touch(&self, accounts: &[AccountIx]) -> u8 {
        accounts.iter().fold(0, |seen, account| seen ^ self.row(*account).map_or(0, |row| row.flags))
    }

    /// The account of that name, joined accounts followed.
    pub(crate) fn account_by_name(&self, name: &str) -> Option<AccountIx> {
        let found = self.name_row(name)?;
        Some(self.resolve(AccountIx(self.names.get(found)?.account)))
    }

    fn name_row(&self, name: &str) -> Option<usize> {
        let hash = self.name_index.hash(name.as_bytes());
        let at = |row: u32| usize::try_from(row).ok().and_then(|row| self.names.get(row));
        let is = |row: u32| at(row).is_some_and(|row| self.texts.bytes(row.text) == name.as_bytes());
        self.name_index.find(hash, is).and_then(|row| usize::try_from(row).ok())
    }

    fn name_text(&self, row: u32) -> Option<&str> {
        Some(self.texts.get(self.names.get(usize::try_from(row).ok()?)?.text))
    }

    /// The account that `account` is today: itself, or the one it was joined to.
    #[inline]
    pub(crate) fn resolve(&self, account: AccountIx) -> AccountIx {
        let mut today = account;
        while let Some(row) = self.row(today).filter(|row| row.joined != today.0) {
            today = AccountIx(row.joined);
        }
        today
    }

    #[inline]
    pub(crate) fn exists(&self, account: AccountIx) -> bool {
        account.row() < self.accounts.len()
    }

    /// The name the account was opened under.
    pub(crate) fn name(&self, account: AccountIx) -> Option<&str> {
        self.name_text(self.row(account)?.name)
    }

    /// Every name of the account, the one it was opened under first.
    pub(crate) fn names(&self, account: AccountIx) -> Vec<&str> {
        let more = self.more_names.get(&account).into_iter().flatten();
        self.name(account).into_iter().chain(more.filter_map(|row| self.name_text(*row))).collect()
    }

    /// The accounts that were joined to this one; few have any.
    pub(crate) fn joined(&self, account: AccountIx) -> impl Iterator<Item = AccountIx> {
        let rows = self.more_names.get(&account).into_iter().flatten();
        let owner = |row: &u32| Some(AccountIx(self.names.get(usize::try_from(*row).ok()?)?.account));
        rows.filter_map(owner).filter(move |owner| *owner != account)
    }

    #[inline]
    pub(crate) fn is_frozen(&self, account: AccountIx) -> bool {
        self.row(account).is_some_and(|row| row.flags & FROZEN != 0)
    }

    #[inline]
    pub(crate) fn is_operator_named(&self, account: AccountIx) -> bool {
        self.row(account).is_some_and(|row| row.flags & OPERATOR_NAMED != 0)
    }

    pub(crate) fn set_frozen(&mut self, account: AccountIx, frozen: bool) {
        let row = self.accounts.get_mut(account.row()).expect("decide saw the account");
        row.flags = if frozen { row.flags | FROZEN } else { row.flags & !FROZEN };
    }

    pub(crate) fn open(&mut self, name: &str, operator_named: bool) -> AccountIx {
        let account = u32::try_from(self.accounts.len()).expect("decide refuses more rows than ids");
        let name = self.add_name(name, account);
        let flags = if operator_named { OPERATOR_NAMED } else { 0 };
        self.accounts.push(AccountRow {
            first: Book::default(),
            first_token: NO_TOKEN,
            next: NO_ROW,
            name,
            joined: account,
            flags,
        });
        AccountIx(account)
    }

    fn add_name(&mut self, name: &str, account: u32) -> u32 {
        let text = self.texts.push(name);
        let row = u32::try_from(self.names.push(NameRow { text, account })).expect("decide refuses more rows than ids");
        let hash = self.name_index.hash(name.as_bytes());
        let (names, texts) = (&self.names, &self.texts);
        self.name_index.insert(hash, row, |index, row| {
            let row = names.get(usize::try_from(row).expect("32 bits")).expect("only rows are indexed");
            index.hash(texts.bytes(row.text))
        });
        row
    }

    /// One more name for an account; an account of that name is joined to it.
    pub(crate) fn link(&mut self, account: AccountIx, name: &str) {
        match self.account_by_name(name) {
            Some(old) if old != account => {
                let row = self.accounts.get_mut(old.row()).expect("found by name");
                row.joined = account.0;
                let first = row.name;
                let rest = self.more_names.remove(&old).unwrap_or_default();
                self.more_names.entry(account).or_default().extend(std::iter::once(first).chain(rest));
            }
            Some(_) => {}
            None => {
                let row = self.add_name(name, account.0);
                self.more_names.entry(account).or_default().push(row);
            }
        }
    }

    /// Finds the further names of all accounts, as [`Self::link`] has kept them, after a snapshot was read.
    fn find_more_names(&mut self) {
        for row in 0..u32::try_from(self.names.len()).expect("decide refuses more rows than ids") {
            let owner = self.names.get(usize::try_from(row).expect("32 bits")).map(|name| AccountIx(name.account));
            let account = self.resolve(owner.expect("every row is there"));
            if self.row(account).is_some_and(|row_of| row_of.name != row) {
                self.more_names.entry(account).or_default().push(row);
            }
        }
    }

    /// What the account has of the token.
    #[inline]
    pub(crate) fn book(&self, account: AccountIx, token: TokenIx) -> Book {
        let Some(row) = self.row(account) else { return Book::default() };
        if row.first_token == token.0 {
            return row.first;
        }
        self.further(row).find(|book| book.token == token.0).map(|book| book.book).unwrap_or_default()
    }

    fn further<'a>(&'a self, row: &AccountRow) -> impl Iterator<Item = &'a BookRow> {
        let at = |row: u32| usize::try_from(row).ok().filter(|_| row != NO_ROW).and_then(|row| self.books.get(row));
        std::iter::successors(at(row.next), move |book| at(book.next))
    }

    /// Every token the account ever had, with what it has.
    pub(crate) fn books_of(&self, account: AccountIx) -> Vec<(TokenIx, Book)> {
        let Some(row) = self.row(account) else { return Vec::new() };
        let first = (row.first_token != NO_TOKEN).then_some((TokenIx(row.first_token), row.first));
        first.into_iter().chain(self.further(row).map(|book| (TokenIx(book.token), book.book))).collect()
    }

    #[inline]
    pub(super) fn plain_book_mut(&mut self, account: AccountIx, token: TokenIx) -> &mut Book {
        let row = self.accounts.get_mut(account.row()).expect("decide saw the account");
        if row.first_token == NO_TOKEN {
            row.first_token = token.0;
        }
        if row.first_token == token.0 {
            return &mut row.first;
        }
        let mut at = row.next;
        while let Some(book) = usize::try_from(at).ok().filter(|_| at != NO_ROW).and_then(|at| self.books.get(at)) {
            if book.token == token.0 {
                break;
            }
            at = book.next;
        }
        if at == NO_ROW {
            let new = self.books.push(BookRow { book: Book::default(), token: token.0, next: row.next });
            at = u32::try_from(new).expect("decide refuses more rows than ids");
            row.next = at;
        }
        &mut self.books.get_mut(usize::try_from(at).expect("32 bits")).expect("found or just added").book
    }

    /// Bytes taken by accounts, names, balances and their index.
    pub(crate) fn heap_bytes(&self) -> usize {
        [self.accounts.heap_bytes(), self.books.heap_bytes(), self.names.heap_bytes(), self.texts.heap_bytes()]
            .into_iter()
            .chain([self.name_index.heap_bytes()])
            .fold(0, usize::saturating_add)
    }

    pub(super) fn put_accounts(&self, out: &mut Vec<u8>) {
        u64::try_from(self.names.len()).expect("usize is at most 64 bits").put(out);
        for name in self.names.iter() {
            Box::<str>::from(self.texts.get(name.text)).put(out);
            name.account.put(out);
        }
        self.accounts.put(out);
        self.books.put(out);
    }

    pub(super) fn get_accounts(&mut self, bytes: &mut Bytes<'_>) -> Result<(), DecodeError> {
        let names = u64::get(bytes)?;
        self.name_index.expect(bytes.rows(names, 8));
        for _ in 0..names {
            let name = bytes.text()?;
            if name.len() > crate::MAX_NAME {
                return Err(DecodeError::Invalid { what: "a name" });
            }
            self.add_name(name, u32::get(bytes)?);
        }
        self.accounts = Wire::get(bytes)?;
        self.books = Wire::get(bytes)?;
        self.check_rows()?;
        self.find_more_names();
        Ok(())
    }

    /// Before anything follows them: an account is joined to one that stands alone, and a book's next is an older one, so
    /// that no chain runs in a circle.
    fn check_rows(&self) -> Result<(), DecodeError> {
        let older = |next: u32, than: usize| next == NO_ROW || usize::try_from(next).is_ok_and(|next| next < than);
        let alone = |ix: u32| self.row(AccountIx(ix)).is_some_and(|row| row.joined == ix);
        let named = |row: &AccountRow| usize::try_from(row.name).is_ok_and(|name| name < self.names.len());
        let accounts =
            self.accounts.iter().all(|row| alone(row.joined) && named(row) && older(row.next, self.books.len()));
        let books = self.books.iter().enumerate().all(|(at, row)| older(row.next, at));
        let names = self.names.iter().all(|name| self.exists(AccountIx(name.account)));
        if accounts && books && names { Ok(()) } else { Err(DecodeError::Invalid { what: "an account" }) }
    }

    pub(crate) fn check_references(&self, tokens: usize) -> Result<(), DecodeError> {
        let listed = |token: u32| usize::try_from(token).is_ok_and(|token| token < tokens);
        let first = |row: &AccountRow| row.first_token == NO_TOKEN || listed(row.first_token);
        let balances = self.accounts.iter().all(first) && self.books.iter().all(|row| listed(row.token));
        let owed = self.owed.keys().all(|(account, _)| self.exists(*account));
        if balances && owed && self.totals.len() == tokens {
            Ok(())
        } else {
            Err(DecodeError::Invalid { what: "a balance" })
        }
    }
}

crate::wire::wire_struct!(Book { free, held });
crate::wire::wire_struct!(AccountRow { first, first_token, next, name, joined, flags });
crate::wire::wire_struct!(BookRow { book, token, next });
