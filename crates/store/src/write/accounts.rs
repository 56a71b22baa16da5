//! Accounts, their names, and moves between them.

use super::Writer;
use super::books::Posting;
use crate::column::bind;
use crate::model::{Change, EntryKind};
use crate::{Error, sql};
use tokengine_core::*;

impl Writer<'_> {
    /// Changes one balance of one account.
    pub(super) fn post(&mut self, posting: Posting) -> Result<(), Error> {
        let entry = self.catalog.next_entry;
        self.catalog.next_entry += 1;
        let posted = self.books.post(self.catalog.position, entry, &posting)?;
        posted.ok_or_else(|| self.unfit("a balance that cannot take its change"))
    }

    pub(super) fn moved(
        &mut self,
        token: TokenIx,
        from: AccountIx,
        to: AccountIx,
        amount: Amount,
    ) -> Result<(), Error> {
        self.transfer(token, from, to, amount, EntryKind::Move)
    }

    /// What one account loses, another gains; each entry names the other side.
    pub(super) fn transfer(
        &mut self,
        token: TokenIx,
        from: AccountIx,
        to: AccountIx,
        amount: Amount,
        kind: EntryKind,
    ) -> Result<(), Error> {
        let out = Posting {
            account: from,
            token,
            kind,
            reference: Some(to.0.into()),
            free: Change::down(amount),
            held: Change::NONE,
        };
        self.post(out)?;
        let reference = Some(from.0.into());
        self.post(Posting { account: to, token, kind, reference, free: Change::up(amount), held: Change::NONE })
    }

    pub(super) fn open_account(&mut self, name: &str, operator_named: bool) -> Result<AccountIx, Error> {
        let account = self.catalog.next_account;
        self.catalog.next_account = AccountIx(account.0.saturating_add(1));
        self.execute(sql::INSERT_ACCOUNT, bind![account, name, operator_named, self.at])?;
        self.execute(sql::INSERT_NAME, bind![name, account])?;
        Ok(account)
    }

    pub(super) fn name_linked(
        &mut self,
        account: AccountIx,
        name: &str,
        merged: Option<AccountIx>,
        moved: &[(TokenIx, Amount)],
    ) -> Result<(), Error> {
        let Some(old) = merged else {
            self.execute(sql::INSERT_NAME, bind![name, account])?;
            return Ok(());
        };
        for (token, amount) in moved {
            self.transfer(*token, old, account, *amount, EntryKind::Join)?;
        }
        self.change("an account that is not open", sql::JOIN_ACCOUNT, bind![old, account])?;
        for sql in sql::JOIN_LISTS {
            self.execute(sql, bind![old, account])?;
        }
        Ok(())
    }

    pub(super) fn freeze_account(&mut self, account: AccountIx, frozen: bool) -> Result<(), Error> {
        self.change("an account that is not open", sql::FREEZE_ACCOUNT, bind![account, frozen])
    }

    pub(super) fn owed_settled(&mut self, account: AccountIx, token: TokenIx, amount: Amount) -> Result<(), Error> {
        let (kind, free) = (EntryKind::OwedSettled, Change::down(amount));
        self.post(Posting { account, token, kind, reference: None, free, held: Change::NONE })?;
        self.owe(account, token, Change::down(amount))
    }

    pub(super) fn owe(&mut self, account: AccountIx, token: TokenIx, change: Change) -> Result<(), Error> {
        self.books.owe(account, token, change)?.ok_or_else(|| self.unfit("a debt that cannot take its change"))
    }

    /// The account that a number or a name stands for today.
    pub(super) fn account_now(&self, account: AccountIx) -> Result<Option<AccountIx>, Error> {
        self.find_one(sql::ACCOUNT_NOW, bind![account])
    }

    pub(super) fn account_of_name(&self, name: &str) -> Result<Option<AccountIx>, Error> {
        self.find_one(sql::ACCOUNT_OF_NAME, bind![name])
    }
}
