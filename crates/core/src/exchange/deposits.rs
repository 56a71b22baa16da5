//! `claimed or seen -> confirming -> credited`, once, ever; or dropped by a reorg; or, after a deeper one, reversed.

use super::rows::*;
use crate::event::{Event, Subject};
use crate::ids::*;
use crate::model::*;
use crate::{Amount, BlockRef, Depth, Rejection, State, TxId};

/// What is remembered for ever of a deposit besides its fingerprint: where its event is, and what became of it.
const CREDITED: u64 = 1;
const REVERSED: u64 = 2;

fn remembered(position: Position, outcome: u64) -> u64 {
    position.0.wrapping_shl(2) | outcome
}

/// What became of a deposit that is not under way any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledDeposit {
    /// The event that settled it.
    pub position: Position,
    /// Whose it became; nobody's when it went to suspense or to the operator.
    pub account: Option<AccountIx>,
    /// A deep reorg took it back.
    pub reversed: bool,
}

const NOBODY: AccountIx = AccountIx(u32::MAX);

/// What a wallet holds once those sweeps, all from wallet `from`, are taken back.
fn after_unsweeping(
    network: &Network,
    unswept: &[(TxId, Amount)],
    wallet: WalletIx,
    from: WalletIx,
    held: Amount,
) -> Amount {
    unswept.iter().fold(held, |held, (tx, amount)| {
        let to = network.recent_final.iter().find(|sent| sent.orphaned && sent.tx == *tx).and_then(|sent| sent.to);
        match (wallet == from, to == Some(wallet)) {
            (true, _) => held.checked_add(*amount).unwrap_or(Amount::MAX),
            (false, true) => held.checked_sub(*amount).unwrap_or_default(),
            (false, false) => held,
        }
    })
}

/// Whether another block was searched at that height.
fn replaced(network: &Network, block: &BlockRef) -> bool {
    network.scanned.iter().any(|there| there.height == block.height && there.hash != block.hash)
}

impl State {
    pub(super) fn deposit_fingerprint(&self, key: &DepositKey) -> Option<Fingerprint> {
        Some(key.fingerprint(&self.network(key.network)?.id))
    }

    /// What became of a deposit, however long ago.
    pub fn settled_deposit(&self, key: &DepositKey) -> Option<SettledDeposit> {
        let (value, account) = self.known_deposits.get(self.deposit_fingerprint(key)?)?;
        let account = (account != NOBODY).then(|| self.ledger.resolve(account));
        Some(SettledDeposit { position: Position(value >> 2), account, reversed: value & 3 == REVERSED })
    }

    pub(crate) fn decide_claim(
        &self,
        request: Request,
        network: NetworkIx,
        tx: TxId,
        by: Option<AccountIx>,
        trace: Option<TraceContext>,
    ) -> Result<Event, Rejection> {
        self.network(network).ok_or(Rejection::UnknownNetwork)?;
        if !self.claims.contains_key(&(network, tx)) {
            self.room_for_open(by.map(|account| self.ledger.resolve(account)), 1)?;
        }
        Ok(Event::DepositClaimed { request, network, tx, by, trace })
    }

    pub(crate) fn decide_close_claim(
        &self,
        network: NetworkIx,
        tx: TxId,
        outcome: ClaimOutcome,
    ) -> Result<Event, Rejection> {
        self.claims.get(&(network, tx)).ok_or(Rejection::Stale)?;
        Ok(Event::ClaimClosed { network, tx, outcome })
    }

    /// In this order: listed, after the first block that counts, an amount, not our own payment, not known.
    pub(crate) fn decide_see_deposit(&self, deposit: &Incoming) -> Result<Event, Rejection> {
        let network = self.network(deposit.key.network).ok_or(Rejection::UnknownNetwork)?;
        let asset = self.asset(deposit.asset).filter(|asset| asset.network == deposit.key.network);
        asset.ok_or(Rejection::UnknownAsset)?;
        let wallet = self.wallet(deposit.wallet).filter(|wallet| wallet.network == deposit.key.network);
        wallet.ok_or(Rejection::UnknownWallet)?;
        network.genesis.ok_or(Rejection::Stale)?;
        // A claim could else bring up what an earlier system credited long ago from the same wallet.
        if deposit.block.height <= network.starts_after {
            return Err(Rejection::BeforeStart);
        }
        if deposit.amount.is_zero() {
            return Err(Rejection::AmountZero);
        }
        let sender = self.wallet_at(deposit.key.network, &deposit.from).and_then(|sender| self.wallet(sender));
        // What comes from a cold wallet was sent by a person, but for what it sent when it was not cold.
        let tx = &deposit.key.tx;
        let by_us = || self.attempts.contains_key(tx) || network.recent_final.iter().any(|sent| sent.tx == *tx);
        if sender.is_some_and(|sender| sender.role != Role::Cold || by_us()) {
            return Err(Rejection::OwnPayment);
        }
        // A claim may show it where a lagging node still has it; what was searched is the chain that counts.
        if replaced(network, &deposit.block) {
            return Err(Rejection::Stale);
        }
        let fingerprint = deposit.key.fingerprint(&network.id);
        let seen_again = |at: &BlockRef, orphaned: bool| orphaned || *at != deposit.block;
        // Where it was searched and no reorg took it, it is: a claim that shows it in a sibling block, which the search has not
        // come to, was answered from a fork, and would move it to where nobody looks for it again.
        let stays = |at: &BlockRef, orphaned: bool| {
            !orphaned && *at != deposit.block && network.scanned.iter().any(|there| there.hash == at.hash)
        };
        if let Some(pending) = self.pending.get(&fingerprint) {
            // In another block the same transaction may do something else: what it does there is what counts.
            let block = pending.deposit.block;
            if stays(&block, pending.orphaned) {
                return Err(Rejection::Stale);
            }
            let same = Incoming { block, ..deposit.clone() } == pending.deposit;
            return match seen_again(&block, pending.orphaned) {
                false => Err(Rejection::DepositKnown),
                true if same => Ok(Event::DepositReblocked { key: deposit.key.clone(), block: deposit.block }),
                true => Ok(Event::DepositSeen { deposit: deposit.clone() }),
            };
        }
        match self.known_deposits.get(fingerprint) {
            Some((value, _)) if value & 3 == CREDITED => {
                let recent = network.recent.iter().find(|credit| credit.key == deposit.key);
                match recent {
                    // One that came back as something else is not back: what was credited is reversed.
                    Some(credit)
                        if (credit.asset, credit.wallet, credit.amount)
                            == (deposit.asset, deposit.wallet, deposit.amount)
                            && seen_again(&credit.block, credit.orphaned)
                            && !stays(&credit.block, credit.orphaned) =>
                    {
                        Ok(Event::DepositReblocked { key: deposit.key.clone(), block: deposit.block })
                    }
                    _ => Err(Rejection::DepositSettled),
                }
            }
            _ => Ok(Event::DepositSeen { deposit: deposit.clone() }),
        }
    }

    pub(crate) fn decide_drop_deposit(&self, key: &DepositKey) -> Result<Event, Rejection> {
        let pending = self.pending_deposit(key).ok_or(Rejection::UnknownDeposit)?;
        // A claim may have shown it before the search came to its block; a reorg in between left another block there.
        let replaced = self.network(key.network).is_some_and(|network| replaced(network, &pending.deposit.block));
        if pending.orphaned || replaced {
            Ok(Event::DepositDropped { key: key.clone() })
        } else {
            Err(Rejection::Stale)
        }
    }

    /// In this order: known and where it was seen, nothing paused or halted, the asset as it was probed, deep enough, fits.
    pub(crate) fn decide_credit(&self, key: &DepositKey, block: BlockRef, depth: Depth) -> Result<Event, Rejection> {
        let fingerprint = self.deposit_fingerprint(key).ok_or(Rejection::UnknownNetwork)?;
        if self.known_deposits.get(fingerprint).is_some_and(|(value, _)| value & 3 == CREDITED) {
            return Err(Rejection::DepositSettled);
        }
        let pending = self.pending.get(&fingerprint).ok_or(Rejection::UnknownDeposit)?;
        let deposit = &pending.deposit;
        if pending.orphaned || deposit.block != block {
            return Err(Rejection::Stale);
        }
        let (network, asset) = (&self.networks[key.network.row()], &self.assets[deposit.asset.row()]);
        if self.paused || network.paused || asset.paused || asset.stopped.is_some() {
            return Err(Rejection::Paused);
        }
        if !asset.is_probed() {
            return Err(Rejection::AssetNotProbed);
        }
        if network.halted.is_some() {
            return Err(Rejection::NetworkHalted);
        }
        let policy = asset.rules.finality_for(deposit.amount);
        if depth.nodes < network.policy.nodes_required || !depth.satisfies(policy) {
            return Err(Rejection::NotFinal);
        }
        let credited = deposit.amount.scale_up(asset.places).filter(|amount| self.ledger.fits(asset.token, *amount));
        let credited = credited.ok_or(Rejection::Overflow)?;
        let booked = self.booked_before(pending);
        let to = match self.attribute(deposit)? {
            // It may be the very account that a person gave it to already.
            CreditTo::Account(_) | CreditTo::NewAccount(_) if !booked.given.is_zero() => {
                CreditTo::Suspense(SuspenseReason::AlreadyBooked)
            }
            to => to,
        };
        let given = match to {
            CreditTo::Account(account) => self.guard_in(asset.token, account),
            _ => Ok(()),
        };
        // It is there already: it waits until it may be credited.
        given.map_err(|_| Rejection::Paused)?;
        Ok(Event::DepositCredited {
            key: key.clone(),
            asset: deposit.asset,
            wallet: deposit.wallet,
            from: deposit.from.clone(),
            amount: deposit.amount,
            credited,
            to,
            block,
            depth,
            from_surplus: booked.from,
            given_before: booked.given,
        })
    }

    /// Whose a deposit is follows from the network's own data alone, never from what anybody claimed.
    fn attribute(&self, deposit: &Incoming) -> Result<CreditTo, Rejection> {
        use SuspenseReason::*;
        let (asset, wallet) =
            (&self.assets[deposit.asset.row()], self.wallet(deposit.wallet).ok_or(Rejection::UnknownWallet)?);
        if let Some(cold) = self.wallet_at(deposit.key.network, &deposit.from) {
            return Ok(CreditTo::Refill(cold));
        }
        let funding = self.funding.contains_key(&(deposit.key.network, deposit.key.tx));
        if funding && !matches!(wallet.role, Role::Deposit(_)) {
            return Ok(CreditTo::Equity);
        }
        let rules = &asset.rules;
        let refused = match deposit.amount {
            _ if !rules.deposits => Some(DepositsOff),
            amount if amount < rules.min_deposit => Some(BelowMinimum),
            amount if amount > rules.max_deposit => Some(AboveMaximum),
            _ => None,
        };
        if let Some(reason) = refused {
            return Ok(CreditTo::Suspense(reason));
        }
        match wallet.role {
            Role::Deposit(account) => Ok(CreditTo::Account(self.ledger.resolve(account))),
            Role::Gas => Ok(CreditTo::Suspense(NotForAccounts)),
            Role::Hot | Role::Cold | Role::Retiring => {
                let name = format!("{}:{}", self.networks[deposit.key.network.row()].id, deposit.from);
                match self.ledger.account_by_name(&name) {
                    Some(account) => Ok(CreditTo::Account(account)),
                    None if deposit.from_contract || name.len() > crate::MAX_NAME => {
                        Ok(CreditTo::Suspense(SenderIsContract))
                    }
                    // Refused, it would be tried again for ever and be in nobody's books.
                    None if self.room_for_account().is_err() => Ok(CreditTo::Suspense(NoRoom)),
                    None => Ok(CreditTo::NewAccount(name.into())),
                }
            }
        }
    }

    /// In this order: credited and taken by a reorg, the new chain long enough to be believed.
    pub(crate) fn decide_reverse(&self, key: &DepositKey) -> Result<Event, Rejection> {
        let network = self.network(key.network).ok_or(Rejection::UnknownNetwork)?;
        let credit = network.recent.iter().find(|credit| credit.key == *key).ok_or(Rejection::UnknownDeposit)?;
        if !credit.orphaned {
            return Err(Rejection::Stale);
        }
        let deep = credit.block.height.saturating_add(network.policy.reorg_depth.into());
        if network.head().is_none_or(|head| head.height < deep) {
            return Err(Rejection::NotFinal);
        }
        let account = credit.account.map(|account| self.ledger.resolve(account));
        let token = self.token_of(credit.asset);
        let free = match (account, credit.suspense) {
            (Some(account), _) => self.ledger.book(account, token).free,
            (None, Some(item)) => self.suspense.get(&item).map_or(Amount::ZERO, |item| item.amount),
            (None, None) => Amount::ZERO,
        };
        // The receiving wallet loses it; where that was swept on, the wallets that it could have gone to.
        let unswept = self.unswept(network, credit);
        let mut missing = credit.amount;
        let mut from_wallets = Vec::new();
        for wallet in std::iter::once(credit.wallet).chain(self.house_wallets.iter().copied()) {
            let row = self.wallet(wallet).filter(|row| row.network == key.network);
            let there = row.map_or(Amount::ZERO, |row| row.holding(credit.asset).amount);
            let there = after_unsweeping(network, &unswept, wallet, credit.wallet, there).min(missing);
            let again = from_wallets.iter().any(|(taken, _)| *taken == wallet);
            if !there.is_zero() && !again {
                missing = missing.checked_sub(there).unwrap_or_default();
                from_wallets.push((wallet, there));
            }
        }
        Ok(Event::DepositReversed {
            key: key.clone(),
            account,
            asset: credit.asset,
            from_wallets,
            credited: credit.credited,
            taken: free.min(credit.credited),
            back_to: credit.refill,
            unswept,
        })
    }

    /// What a reversed deposit's wallet had swept on, by transactions that the reorg took as well: on the network neither
    /// happened, so the books take the sweep back first. The newest first, until the wallet has what it loses.
    fn unswept(&self, network: &Network, credit: &RecentCredit) -> Vec<(TxId, Amount)> {
        let held = |wallet: WalletIx| self.wallet(wallet).map_or(Amount::ZERO, |row| row.holding(credit.asset).amount);
        let mut missing = credit.amount.checked_sub(held(credit.wallet)).unwrap_or_default();
        let mut given: Vec<(WalletIx, Amount)> = Vec::new();
        let mut unswept = Vec::new();
        for sent in network.recent_final.iter().rev() {
            let Some(((asset, amount), to)) = sent.moved.zip(sent.to) else { continue };
            let taken_too = sent.orphaned && sent.undone.is_zero() && sent.wallet == credit.wallet && to != sent.wallet;
            if !taken_too || asset != credit.asset || missing.is_zero() {
                continue;
            }
            let before = given.iter().filter(|(from, _)| *from == to).map(|(_, amount)| *amount);
            let left = before.fold(held(to), |left, amount| left.checked_sub(amount).unwrap_or_default());
            let back = amount.min(left);
            if !back.is_zero() {
                missing = missing.checked_sub(back).unwrap_or_default();
                given.push((to, back));
                unswept.push((sent.tx, back));
            }
        }
        unswept
    }

    pub(crate) fn apply_unswept(&mut self, network: NetworkIx, asset: AssetIx, unswept: &[(TxId, Amount)]) {
        for (tx, amount) in unswept {
            let finals = &mut self.networks[network.row()].recent_final;
            let sent = finals.iter_mut().find(|sent| sent.orphaned && sent.tx == *tx);
            let sent = sent.expect("decide saw the orphaned sweep");
            sent.undone = *amount;
            let (from, to) = (sent.wallet, sent.to.expect("decide saw where it went"));
            self.take_holding(to, asset, *amount);
            self.add_holding(from, asset, *amount);
        }
    }

    pub(crate) fn decide_announce_funding(
        &self,
        request: Request,
        network: NetworkIx,
        tx: TxId,
        reason: &str,
    ) -> Result<Event, Rejection> {
        self.network(network).ok_or(Rejection::UnknownNetwork)?;
        if self.funding.contains_key(&(network, tx)) {
            return Err(Rejection::AlreadyListed);
        }
        Ok(Event::FundingAnnounced { request, network, tx, reason: reason.into() })
    }

    pub(crate) fn apply_deposit_seen(&mut self, deposit: &Incoming, seen: Position, at: Time) {
        let fingerprint = self.deposit_fingerprint(&deposit.key).expect("decide saw the network");
        let trace = self.claims.get(&(deposit.key.network, deposit.key.tx)).and_then(|claim| claim.trace);
        let row = Pending { deposit: deposit.clone(), seen_at: at, orphaned: false, trace, seen };
        self.pending.insert(fingerprint, row);
    }

    pub(crate) fn apply_deposit_reblocked(&mut self, key: &DepositKey, block: BlockRef) {
        let fingerprint = self.deposit_fingerprint(key).expect("decide saw the network");
        if let Some(pending) = self.pending.get_mut(&fingerprint) {
            pending.deposit.block = block;
            pending.orphaned = false;
        } else if let Some(credit) = self.recent_mut(key) {
            credit.block = block;
            credit.orphaned = false;
        }
    }

    pub(crate) fn apply_deposit_dropped(&mut self, key: &DepositKey) {
        let fingerprint = self.deposit_fingerprint(key).expect("decide saw the network");
        self.pending.remove(&fingerprint);
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn apply_deposit_credited(
        &mut self,
        key: &DepositKey,
        (asset, wallet): (AssetIx, WalletIx),
        from: &crate::Address,
        (amount, credited): (Amount, Amount),
        to: &CreditTo,
        block: BlockRef,
        position: Position,
        at: Time,
    ) -> Subject {
        let fingerprint = self.deposit_fingerprint(key).expect("decide saw the network");
        let token = self.token_of(asset);
        let (mut account, mut suspense, mut refill) = (None, None, None);
        self.add_holding(wallet, asset, amount);
        match to {
            CreditTo::Account(to) => account = Some(*to),
            CreditTo::NewAccount(name) => account = Some(self.ledger.open(name, false)),
            CreditTo::Suspense(reason) => {
                self.ledger.deposit_suspense(token, credited);
                suspense = Some(self.add_suspense(Suspense {
                    token,
                    amount: credited,
                    reason: *reason,
                    deposit: Some(key.clone()),
                    from: Some(from.clone()),
                    wallet,
                    at,
                    asset,
                    height: block.height,
                    booked: position,
                }));
            }
            CreditTo::Equity => self.ledger.deposit_equity(token, credited),
            CreditTo::Refill(cold) => {
                // What the cold wallet had by the books moves; anything beyond was never booked.
                let moved = self.take_at_most(*cold, asset, amount);
                let rest = credited.checked_sub(self.scaled(asset, moved)).expect("no more is taken than came");
                self.ledger.deposit_equity(token, rest);
                refill = Some((*cold, moved));
            }
        }
        if let Some(account) = account {
            self.ledger.deposit(account, token, credited);
        }
        self.pending.remove(&fingerprint);
        self.known_deposits.set(fingerprint, remembered(position, CREDITED), account.unwrap_or(NOBODY));
        let recent = RecentCredit {
            key: key.clone(),
            block,
            asset,
            wallet,
            amount,
            credited,
            account,
            suspense,
            refill,
            orphaned: false,
        };
        self.networks[key.network.row()].recent.push_back(recent);
        account.map_or(Subject::Event, Subject::Account)
    }

    /// A deposit that lay in suspense has its owner.
    pub(super) fn remember_owner(&mut self, key: &DepositKey, account: AccountIx) {
        let fingerprint = self.deposit_fingerprint(key).expect("decide saw the network");
        if let Some((value, _)) = self.known_deposits.get(fingerprint) {
            self.known_deposits.set(fingerprint, value, account);
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn apply_deposit_reversed(
        &mut self,
        key: &DepositKey,
        account: Option<AccountIx>,
        asset: AssetIx,
        from_wallets: &[(WalletIx, Amount)],
        (credited, taken): (Amount, Amount),
        back_to: Option<(WalletIx, Amount)>,
        position: Position,
        at: Time,
    ) {
        let token = self.token_of(asset);
        let mut lost = Amount::ZERO;
        for (wallet, amount) in from_wallets {
            self.take_holding(*wallet, asset, *amount);
            crate::ledger::add(&mut lost, self.scaled(asset, *amount));
        }
        let owed = credited.checked_sub(taken).expect("no more is taken than was credited");
        match back_to {
            // It only moved between wallets of ours: the cold one has it again.
            Some((cold, amount)) => {
                self.add_holding(cold, asset, amount);
                let back = self.scaled(asset, amount);
                self.ledger.move_back(token, lost, back);
            }
            None => self.ledger.reverse(account, token, lost, taken, owed),
        }
        let recent = &mut self.networks[key.network.row()].recent;
        if let Some(at) = recent.iter().position(|credit| credit.key == *key)
            && let Some(item) = recent.remove(at).and_then(|credit| credit.suspense)
        {
            self.remove_suspense(item);
        }
        if let Some(account) = account {
            self.ledger.set_frozen(account, true);
        }
        let fingerprint = self.deposit_fingerprint(key).expect("decide saw the network");
        self.known_deposits.set(fingerprint, remembered(position, REVERSED), account.unwrap_or(NOBODY));
        let reason = format!("a reorg took the credited deposit {} away", key.tx);
        self.networks[key.network.row()].halted.get_or_insert(Stop { reason: reason.into(), since: at });
    }
}
