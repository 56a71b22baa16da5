//! Does the store say what the state says? Everything that both know is compared, page by page.

use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use tokengine_core::*;
use tokengine_store::{
    ClaimFilter, ClaimState, Deposit, DepositFilter, DepositState, DispatchFilter, DispatchPurpose, Error, Listing,
    Page, PayoutFilter, PayoutState, Reader, SuspenseState, TransferFilter, TransferState, WalletFilter,
};

/// Every item of a list, over pages of 7.
pub(crate) fn all<T>(list: impl Fn(&Page) -> Result<Listing<T>, Error>) -> Vec<T> {
    let mut items = Vec::new();
    let mut page = Page::first(7);
    loop {
        let Listing { items: more, next, .. } = list(&page).expect("readable");
        assert!(more.len() <= 7);
        items.extend(more);
        match next {
            Some(key) => page = Page::after(key, 7),
            None => return items,
        }
    }
}

pub(crate) fn same(world: &World, reader: &Reader) {
    assert_eq!(reader.position().expect("readable"), world.state.position());
    accounts(world, reader);
    histories(world, reader);
    deposits(world, reader);
    claims_and_suspense(world, reader);
    payouts(world, reader);
    dispatches(world, reader);
    transfers(world, reader);
    wallets(world, reader);
    audit(world, reader);
}

fn accounts(world: &World, reader: &Reader) {
    let state = &world.state;
    let stored = all(|page| reader.accounts(page));
    assert_eq!(stored.len(), state.account_count());
    let owed: BTreeMap<_, _> = state.owed().map(|(account, token, amount)| ((account, token), amount)).collect();
    for account in stored {
        let ix = account.id;
        assert_eq!(Some(&*account.name), state.account_name(ix));
        assert_eq!(account.operator_named, state.is_operator_named(ix), "{ix}");
        assert_eq!(account.frozen, state.is_frozen(ix), "{ix}");
        assert_eq!(account.joined.or(Some(ix)), state.account(ix), "{ix}");
        if account.joined.is_none() {
            let mut names = state.account_names(ix);
            assert_eq!(names.first().copied(), Some(&*account.name));
            names[1..].sort_unstable();
            let stored = reader.account_names(ix).expect("readable");
            assert_eq!(stored.iter().map(|name| &**name).collect::<Vec<_>>(), names);
        }
        let books: BTreeMap<TokenIx, (Book, Amount)> =
            reader.books(ix).expect("readable").into_iter().map(|(token, book, owed)| (token, (book, owed))).collect();
        for (token, _) in state.tokens() {
            let (book, debt) = books.get(&token).copied().unwrap_or_default();
            assert_eq!(book, state.book(ix, token), "{ix} {token}");
            assert_eq!(debt, owed.get(&(ix, token)).copied().unwrap_or_default(), "{ix} {token}");
        }
    }
}

fn histories(world: &World, reader: &Reader) {
    let mut entries = 0;
    for number in 0..world.state.account_count() {
        let account = AccountIx::from_row(number);
        let mut books = BTreeMap::<TokenIx, Book>::new();
        let mut last = 0;
        for entry in all(|page| reader.history(account, page)).iter().rev() {
            assert!(entry.id > last, "each entry is there once, in order");
            last = entry.id;
            entries += 1;
            let book = books.entry(entry.token).or_default();
            book.free = entry.free_change.apply(book.free).expect("never below nothing");
            book.held = entry.held_change.apply(book.held).expect("never below nothing");
            assert_eq!((book.free, book.held), (entry.free, entry.held), "the balance after {entry:?}");
        }
        for (token, book) in books {
            assert_eq!(book, world.state.book(account, token), "the entries of {account} add up");
        }
    }
    let moved = world.records.iter().filter(|(_, record)| matches!(record.event, Event::Moved { .. })).count();
    assert!(entries >= 2 * moved, "a move leaves an entry with either side");
}

fn fingerprint(world: &World, key: &DepositKey) -> Fingerprint {
    key.fingerprint(&world.state.network(key.network).expect("listed").id)
}

fn deposits(world: &World, reader: &Reader) {
    let state = &world.state;
    let stored = all(|page| reader.deposits(&DepositFilter::default(), page));
    let by_key: BTreeMap<&DepositKey, &Deposit> = stored.iter().map(|deposit| (&deposit.key, deposit)).collect();
    assert_eq!(by_key.len(), stored.len(), "each is there once");
    assert!(stored.windows(2).all(|pair| pair[0].id > pair[1].id), "newest first");
    let confirming: BTreeSet<_> =
        stored.iter().filter(|deposit| deposit.state == DepositState::Confirming).map(|d| &d.key).collect();
    assert_eq!(confirming, state.pending_deposits().map(|pending| &pending.deposit.key).collect());
    for pending in state.pending_deposits() {
        let Pending { deposit, orphaned, .. } = pending;
        let row = by_key[&deposit.key];
        assert_eq!((row.orphaned, row.block), (*orphaned, deposit.block), "{row:?}");
        assert_eq!((row.asset, row.wallet, row.amount), (deposit.asset, deposit.wallet, deposit.amount));
        assert_eq!((&row.from, row.from_contract), (&deposit.from, deposit.from_contract));
        assert_eq!(row.fingerprint, fingerprint(world, &deposit.key));
    }
    let settled = stored.iter().filter(|deposit| state.settled_deposit(&deposit.key).is_some()).count();
    assert_eq!(settled, state.remembered_deposits());
    for deposit in &stored {
        let settled = state.settled_deposit(&deposit.key);
        match deposit.state {
            // It may have been credited and reversed before it was seen, or taken away, again.
            DepositState::Confirming | DepositState::Dropped => {
                assert!(settled.is_none_or(|settled| settled.reversed), "{deposit:?}");
            }
            DepositState::Reversed => {
                let settled = settled.expect("was credited");
                assert!(settled.reversed, "{deposit:?}");
                assert_eq!(deposit.settled_position, Some(settled.position));
            }
            DepositState::Credited | DepositState::Suspense | DepositState::Equity | DepositState::Refill => {
                let settled = settled.expect("was credited");
                assert!(!settled.reversed, "{deposit:?}");
                assert_eq!(deposit.settled_position, Some(settled.position));
                assert_eq!(settled.account, deposit.account, "{deposit:?}");
                assert_eq!(deposit.account.is_some(), deposit.state == DepositState::Credited);
            }
        }
        let history = reader.deposit_history(deposit.fingerprint).expect("readable");
        assert_eq!(history.first().map(|step| &*step.step), Some("seen"));
    }
    for (_, network) in state.networks() {
        for credit in &network.recent {
            let row = by_key[&credit.key];
            assert_eq!((row.orphaned, row.block), (credit.orphaned, credit.block), "{row:?}");
            let account = credit.account.and_then(|account| state.account(account));
            assert_eq!((row.account, row.credited), (account, Some(credit.credited)), "{row:?}");
            assert_eq!(row.state == DepositState::Suspense, credit.suspense.is_some(), "{row:?}");
        }
    }
    let orphans = stored.iter().filter(|deposit| deposit.orphaned && deposit.state != DepositState::Dropped);
    let orphans: BTreeSet<_> =
        orphans.filter(|deposit| deposit.state != DepositState::Reversed).map(|deposit| &deposit.key).collect();
    let recent = state.networks().flat_map(|(_, network)| &network.recent);
    let recent = recent.filter(|credit| credit.orphaned).map(|credit| &credit.key);
    let pending = state.pending_deposits().filter(|pending| pending.orphaned).map(|pending| &pending.deposit.key);
    assert_eq!(orphans, recent.chain(pending).collect());
}

fn claims_and_suspense(world: &World, reader: &Reader) {
    let state = &world.state;
    let open = ClaimFilter { state: Some(ClaimState::Open), ..ClaimFilter::default() };
    let stored: BTreeMap<_, _> = all(|page| reader.claims(&open, page))
        .into_iter()
        .map(|c| ((c.network, c.tx), (c.account, c.opened_at)))
        .collect();
    let resolved = |by: Option<AccountIx>| by.and_then(|by| state.account(by));
    let claims = state.claims().map(|(network, tx, claim)| ((network, tx), (resolved(claim.by), claim.at)));
    assert_eq!(stored, claims.collect());

    let stored = all(|page| reader.suspense(Some(SuspenseState::Open), page));
    assert_eq!(stored.len(), state.suspense().count());
    for item in stored {
        let row = state.suspense_item(item.id).expect("open");
        assert_eq!((item.token, item.amount, item.reason), (row.token, row.amount, row.reason));
        assert_eq!((item.wallet, item.since, &item.from), (row.wallet, row.at, &row.from));
        assert_eq!(item.deposit, row.deposit.as_ref().map(|key| fingerprint(world, key)));
    }
}

fn payouts(world: &World, reader: &Reader) {
    let state = &world.state;
    let stored = all(|page| reader.payouts(&PayoutFilter::default(), page));
    let numbers = stored.iter().rev().map(|payout| payout.id.0);
    assert!(numbers.eq(1..=u64::try_from(stored.len()).expect("few")), "every payout is there, once");
    let open = all(|page| reader.payouts(&PayoutFilter { open: true, ..PayoutFilter::default() }, page));
    assert!(open.iter().map(|payout| payout.id).eq(state.payouts().map(|(id, _)| id).rev()));
    let mut fees = BTreeMap::<TokenIx, Amount>::new();
    for row in &stored {
        assert_eq!(row.state.is_final(), state.payout(row.id).is_none(), "{row:?}");
        assert_eq!(row.ended_at.is_some(), row.state.is_final(), "{row:?}");
        assert_eq!(row.fee.is_some(), row.state.is_final(), "{row:?}");
        let token = state.asset(row.asset).expect("listed").token;
        let sum = fees.entry(token).or_default();
        *sum = sum.checked_add(row.fee.unwrap_or_default()).expect("fits");
        if let Some(id) = &row.external_id {
            let found = reader.payout_by_external_id(row.account, id).expect("readable").expect("there");
            assert_eq!(found.id, row.id);
            assert_eq!(state.payout_by_external_id(row.account, id), Some(row.id));
        }
        let story = reader.payout(row.id).expect("readable").expect("there");
        assert_eq!(&story.payout, row);
        assert_eq!(story.history.first().map(|step| step.position), Some(row.position));
        if let Some(position) = row.ended_position {
            assert_eq!(story.history.last().map(|step| step.position), Some(position));
            assert_eq!(story.history.last().map(|step| &*step.step), Some(row.state.name()));
        }
        let gas = story.dispatches.iter().filter_map(|dispatch| dispatch.gas);
        assert_eq!(row.gas, Amount::new(gas.map(Amount::base_units).sum()), "{row:?}");
        match row.state {
            PayoutState::Committed | PayoutState::Failed => {
                // It may have been adopted before it was asked for.
                let last = story.dispatches.iter().rfind(|dispatch| dispatch.tx == row.tx).expect("it was sent");
                assert_eq!((row.tx, row.block), (last.tx, last.block), "its proof");
                assert!(row.tx.is_some() && row.block.is_some());
            }
            PayoutState::Settled => assert!(row.received_by.is_some()),
            _ => {}
        }
    }
    for (token, _) in state.tokens() {
        let taken = state.totals(token).expect("listed").fees;
        assert_eq!(fees.get(&token).copied().unwrap_or_default(), taken, "the payouts' fees are the token's");
    }
    for (id, payout) in state.payouts() {
        let row = open.iter().find(|row| row.id == id).expect("open");
        let order = &payout.order;
        assert_eq!((row.account, row.asset, row.amount), (order.account, order.asset, order.amount));
        assert_eq!((&row.destination, row.nonce, row.max_fee), (&order.destination, order.nonce, order.max_fee));
        assert_eq!((&row.external_id, row.expiry), (&order.external_id, order.expiry));
        assert_eq!((row.token_amount, row.held), (payout.amount, payout.held));
        assert_eq!((row.success_fee, row.failure_fee), (payout.success_fee, payout.failure_fee));
        assert_eq!((row.cancel_requested, row.transfer), (payout.cancel, payout.transfer));
        assert_eq!(row.held_at, payout.held_at);
        let (stage, wait, dispatch) = match payout.stage {
            PayoutStage::Waiting(why) => (PayoutState::Waiting, Some(why), None),
            PayoutStage::Dispatched(id) => {
                let dispatch = state.dispatch(id).expect("open");
                let stage = match dispatch {
                    Dispatch { seen: Some(_), .. } => PayoutState::Seen,
                    Dispatch { attempts, .. } if attempts.iter().any(|a| a.sent_at.is_some()) => PayoutState::Sent,
                    Dispatch { attempts, .. } if !attempts.is_empty() => PayoutState::Signed,
                    Dispatch { .. } => PayoutState::Opened,
                };
                (stage, None, Some(id))
            }
        };
        assert_eq!((row.state, row.wait, row.dispatch), (stage, wait, dispatch), "{row:?}");
    }
}

fn dispatches(world: &World, reader: &Reader) {
    let state = &world.state;
    let open = DispatchFilter { open: true, ..DispatchFilter::default() };
    let stored = all(|page| reader.dispatches(&open, page));
    assert!(stored.iter().map(|row| row.id).eq(state.dispatches().map(|(id, _)| id).rev()));
    for row in stored {
        let dispatch = state.dispatch(row.id).expect("open");
        assert_eq!((row.wallet, row.nonce, row.gas_reserve), (dispatch.wallet, dispatch.nonce, dispatch.gas_reserve));
        assert_eq!(row.opened_at, dispatch.opened_at);
        let native = state.network(row.network).and_then(|network| network.native);
        let purpose = match (row.purpose, row.payout, row.to_wallet, row.asset, row.amount) {
            (DispatchPurpose::Payout, Some(payout), None, None, None) => Purpose::Payout(payout),
            (DispatchPurpose::Sweep, None, Some(to), Some(asset), Some(amount)) => Purpose::Sweep { to, asset, amount },
            (DispatchPurpose::TopUp, None, Some(to), asset, Some(amount)) if asset == native => {
                Purpose::TopUp { to, amount }
            }
            (DispatchPurpose::Noop, None, None, None, None) => Purpose::Noop,
            other => panic!("no purpose: {other:?}"),
        };
        assert_eq!(purpose, dispatch.purpose);
        let seen = dispatch.seen.as_ref();
        assert_eq!(row.seen_attempt, seen.map(|seen| seen.attempt));
        assert_eq!(row.seen_success, seen.map(|seen| seen.success));
        assert_eq!(row.block, seen.map(|seen| (seen.block.height, seen.block.hash)));
        assert_eq!(row.attempts.len(), dispatch.attempts.len());
        for (number, (row, attempt)) in row.attempts.iter().zip(&dispatch.attempts).enumerate() {
            assert_eq!(usize::try_from(row.number), Ok(number));
            assert_eq!((row.tx, row.kind, row.sent_at), (attempt.tx, attempt.kind, attempt.sent_at));
            assert_eq!((row.fee_cap, row.tip, row.max_gas_cost), (attempt.fee_cap, attempt.tip, attempt.max_gas_cost));
            assert_eq!(reader.dispatch_of_tx(&row.tx).expect("readable"), state.dispatch_of_tx(&row.tx));
        }
    }
}

fn transfers(world: &World, reader: &Reader) {
    let state = &world.state;
    let waiting = TransferFilter { state: Some(TransferState::Waiting), ..TransferFilter::default() };
    let stored = all(|page| reader.transfers(&waiting, page));
    assert!(stored.iter().map(|row| row.id).eq(state.transfers().map(|(id, _)| id).rev()));
    for row in stored {
        let transfer = state.transfer(row.id).expect("open");
        let order = &transfer.order;
        assert_eq!(Some(row.account), state.account(order.account));
        assert_eq!((row.asset, row.amount), (order.asset, order.amount));
        assert_eq!((row.network, row.tx, row.requested_at), (transfer.network, transfer.tx, transfer.at));
    }
    for row in all(|page| reader.transfers(&TransferFilter::default(), page)) {
        let payout = row.payout.map(|id| reader.payout(id).expect("readable").expect("held").payout.transfer);
        assert_eq!(payout, (row.state == TransferState::Held).then_some(Some(row.id)));
        assert_eq!(row.refusal.is_some(), row.state == TransferState::Failed);
    }
}

fn wallets(world: &World, reader: &Reader) {
    let state = &world.state;
    let stored = all(|page| reader.wallets(&WalletFilter::default(), page));
    assert_eq!(stored.len(), state.wallets().count());
    for row in stored {
        let wallet = state.wallet(row.id).expect("listed");
        assert_eq!((row.network, &row.address, &row.key), (wallet.network, &wallet.address, &wallet.key));
        let role = match wallet.role {
            Role::Deposit(account) => Role::Deposit(state.account(account).expect("open")),
            role => role,
        };
        assert_eq!(row.role, role);
        assert_eq!(row.frozen.as_ref().map(|stop| stop.since), wallet.frozen.as_ref().map(|stop| stop.since));
    }
}

fn audit(world: &World, reader: &Reader) {
    let newest = all(|page| reader.audit(page));
    let mut oldest = all(|page| reader.audit_forward(page));
    assert_eq!(newest.len(), world.records.len());
    for ((position, record), entry) in world.records.iter().zip(&oldest) {
        assert_eq!((entry.position, entry.at, entry.name), (*position, record.at, record.event.name()));
        assert_eq!(entry.principal, record.event.request().map(|request| request.principal));
        assert!(entry.detail.is_object());
    }
    oldest.reverse();
    assert_eq!(newest, oldest);
}
