//! Deposits, claims, and amounts without an owner.

use super::Writer;
use super::books::Posting;
use crate::column::bind;
use crate::model::{Change, ClaimState, DepositState, EntryKind};
use crate::{Error, sql};
use tokengine_core::*;

impl Writer<'_> {
    fn fingerprint(&self, key: &DepositKey) -> Result<Fingerprint, Error> {
        let network = self.catalog.networks.get(key.network.row());
        Ok(key.fingerprint(&network.ok_or_else(|| self.unfit("a network that is not listed"))?.caip2))
    }

    /// The row of a deposit that was seen.
    fn deposit(&self, key: &DepositKey) -> Result<u64, Error> {
        let row = self.find_one(sql::FIND_DEPOSIT, bind![self.fingerprint(key)?])?;
        row.ok_or_else(|| self.unfit("a deposit that was never seen"))
    }

    fn deposit_step(&self, deposit: u64, step: &str) -> Result<(), Error> {
        self.execute(sql::INSERT_DEPOSIT_STEP, bind![deposit, self.catalog.position, step]).map(drop)
    }

    pub(super) fn claimed(&mut self, network: NetworkIx, tx: &TxId, by: Option<AccountIx>) -> Result<(), Error> {
        self.execute(sql::OPEN_CLAIM, bind![self.catalog.position, network, tx, by, self.at]).map(drop)
    }

    pub(super) fn claim_closed(&mut self, network: NetworkIx, tx: &TxId, outcome: ClaimOutcome) -> Result<(), Error> {
        let (state, refusal) = match outcome {
            ClaimOutcome::Found => (ClaimState::Found, None),
            ClaimOutcome::Refused(why) => (ClaimState::Refused, Some(why)),
        };
        let position = self.catalog.position;
        self.change("a claim that is not open", sql::CLOSE_CLAIM, bind![network, tx, state, refusal, self.at, position])
    }

    /// Whose the deposit is going to be, as far as the read model can tell: the engine says so when it credits.
    fn expected_account(&self, deposit: &Incoming) -> Result<Option<AccountIx>, Error> {
        let wallet: Option<(NetworkIx, Option<AccountIx>)> =
            self.find(sql::WALLET_ACCOUNT, bind![deposit.wallet], |columns| Ok((columns.take()?, columns.take()?)))?;
        match wallet {
            Some((_, Some(owner))) => self.account_now(owner),
            _ => {
                let network = &self.catalog.networks[deposit.key.network.row()].caip2;
                self.account_of_name(&format!("{network}:{}", deposit.from))
            }
        }
    }

    pub(super) fn deposit_seen(&mut self, deposit: &Incoming) -> Result<(), Error> {
        let Incoming { key, asset, wallet, from, from_contract, amount, block } = deposit;
        let fingerprint = self.fingerprint(key)?;
        let known: Option<u64> = self.find_one(sql::FIND_DEPOSIT, bind![fingerprint])?;
        let row = known.unwrap_or(self.catalog.next_deposit);
        self.catalog.next_deposit = self.catalog.next_deposit.max(row + 1);
        let account = self.expected_account(deposit)?;
        self.execute(
            sql::SEE_DEPOSIT,
            bind![
                row,
                fingerprint,
                key.network,
                key.tx,
                key.locator,
                asset,
                wallet,
                from,
                from_contract,
                amount,
                account,
                block.height,
                block.hash,
                block.parent,
                self.at,
            ],
        )?;
        self.deposit_step(row, "seen")
    }

    pub(super) fn deposit_reblocked(&mut self, key: &DepositKey, block: &BlockRef) -> Result<(), Error> {
        let row = self.deposit(key)?;
        self.execute(sql::REBLOCK_DEPOSIT, bind![row, block.height, block.hash, block.parent])?;
        self.deposit_step(row, "reblocked")
    }

    pub(super) fn deposit_dropped(&mut self, key: &DepositKey) -> Result<(), Error> {
        let row = self.deposit(key)?;
        self.execute(sql::DROP_DEPOSIT, bind![row, self.at, self.catalog.position])?;
        self.deposit_step(row, DepositState::Dropped.name())
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn deposit_credited(
        &mut self,
        key: &DepositKey,
        asset: AssetIx,
        wallet: WalletIx,
        from: &Address,
        credited: Amount,
        to: &CreditTo,
        block: &BlockRef,
        depth: &Depth,
    ) -> Result<(), Error> {
        let row = self.deposit(key)?;
        let token = self.token_of(asset)?;
        let (state, account) = match to {
            CreditTo::Account(account) => (DepositState::Credited, Some(*account)),
            CreditTo::NewAccount(name) => (DepositState::Credited, Some(self.open_account(name, false)?)),
            CreditTo::Suspense(reason) => {
                self.add_suspense(token, credited, *reason, Some(row), Some(from), wallet)?;
                (DepositState::Suspense, None)
            }
            CreditTo::Equity => (DepositState::Equity, None),
            CreditTo::Refill(_) => (DepositState::Refill, None),
        };
        let (at, position, confirmations) = (self.at, self.catalog.position, depth.confirmations);
        self.execute(
            sql::CREDIT_DEPOSIT,
            bind![row, state, account, credited, block.height, block.hash, block.parent, confirmations, at, position],
        )?;
        self.deposit_step(row, state.name())?;
        if let Some(account) = account {
            let (kind, free) = (EntryKind::Deposit, Change::up(credited));
            self.post(Posting { account, token, kind, reference: Some(row), free, held: Change::NONE })?;
        }
        Ok(())
    }

    pub(super) fn deposit_reversed(
        &mut self,
        key: &DepositKey,
        account: Option<AccountIx>,
        asset: AssetIx,
        credited: Amount,
        taken: Amount,
    ) -> Result<(), Error> {
        let row = self.deposit(key)?;
        let position = self.catalog.position;
        self.execute(sql::REVERSE_DEPOSIT, bind![row, self.at, position])?;
        self.execute(sql::REVERSE_SUSPENSE, bind![row, self.at, position])?;
        self.deposit_step(row, DepositState::Reversed.name())?;
        let Some(account) = account else { return Ok(()) };
        let token = self.token_of(asset)?;
        let owed = credited.checked_sub(taken).ok_or_else(|| self.unfit("more taken back than was credited"))?;
        let (kind, free) = (EntryKind::DepositReversed, Change::down(taken));
        self.post(Posting { account, token, kind, reference: Some(row), free, held: Change::NONE })?;
        self.owe(account, token, Change::up(owed))?;
        self.freeze_account(account, true)
    }

    fn add_suspense(
        &mut self,
        token: TokenIx,
        amount: Amount,
        reason: SuspenseReason,
        deposit: Option<u64>,
        from: Option<&Address>,
        wallet: WalletIx,
    ) -> Result<(), Error> {
        let item = self.catalog.next_suspense;
        self.catalog.next_suspense = SuspenseId(item.0.saturating_add(1));
        let (at, position) = (self.at, self.catalog.position);
        self.execute(sql::INSERT_SUSPENSE, bind![item, token, amount, reason, deposit, from, wallet, at, position])
            .map(drop)
    }

    pub(super) fn booked_to_suspense(
        &mut self,
        wallet: WalletIx,
        asset: AssetIx,
        amount: Amount,
        reason: SuspenseReason,
    ) -> Result<(), Error> {
        let (token, amount) = self.scaled(asset, amount)?;
        self.add_suspense(token, amount, reason, None, None, wallet)
    }

    /// What was booked as a surplus turns out to be this deposit.
    pub(super) fn found_in_surplus(
        &mut self,
        key: &DepositKey,
        asset: AssetIx,
        from: &[(SuspenseId, Amount)],
    ) -> Result<(), Error> {
        for (item, amount) in from {
            let (_, found) = self.scaled(asset, *amount)?;
            let row: Option<(TokenIx, Amount)> =
                self.find(sql::SUSPENSE_ITEM, bind![item], |columns| Ok((columns.take()?, columns.take()?)))?;
            let (_, there) = row.ok_or_else(|| self.unfit("an amount that is not in suspense"))?;
            let rest = there.checked_sub(found).ok_or_else(|| self.unfit("more than is in suspense"))?;
            if rest.is_zero() {
                let (deposit, at, position) = (self.deposit(key)?, self.at, self.catalog.position);
                self.execute(sql::FIND_SUSPENSE, bind![item, deposit, at, position])?;
            } else {
                self.execute(sql::SET_SUSPENSE_AMOUNT, bind![item, rest])?;
            }
        }
        Ok(())
    }

    pub(super) fn suspense_assigned(&mut self, item: SuspenseId, to: Assign, reason: &str) -> Result<(), Error> {
        let row: Option<(TokenIx, Amount, Option<u64>)> = self
            .find(sql::SUSPENSE_ITEM, bind![item], |columns| Ok((columns.take()?, columns.take()?, columns.take()?)))?;
        let (token, amount, deposit) = row.ok_or_else(|| self.unfit("an amount that is not in suspense"))?;
        let (account, state) = match to {
            Assign::Account(account) => (Some(account), DepositState::Credited),
            Assign::Equity => (None, DepositState::Equity),
        };
        self.execute(sql::ASSIGN_SUSPENSE, bind![item, account, reason, self.at, self.catalog.position])?;
        if let Some(deposit) = deposit {
            self.execute(sql::ASSIGN_DEPOSIT, bind![deposit, state, account])?;
            self.deposit_step(deposit, "assigned")?;
        }
        if let Some(account) = account {
            let (kind, free) = (EntryKind::SuspenseAssigned, Change::up(amount));
            self.post(Posting { account, token, kind, reference: Some(item.0), free, held: Change::NONE })?;
        }
        Ok(())
    }
}
