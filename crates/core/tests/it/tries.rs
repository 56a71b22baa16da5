//! Everything that anybody may try, with numbers that choose among what there is. Many tries are refused, and must be.

use crate::outside::Outside;
use crate::world::*;
use proptest::prelude::*;
use tokengine_core::*;

/// One try: what, and numbers that say with what.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    what: What,
    a: u8,
    b: u8,
    n: u64,
}

macro_rules! whats {
    ($($weight:literal => $name:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug)]
        enum What { $($name),* }
        pub fn any_try() -> impl Strategy<Value = Try> {
            let what = proptest::strategy::Union::new_weighted(vec![$(($weight, Just(What::$name))),*]);
            (what, any::<u8>(), any::<u8>(), any::<u64>()).prop_map(|(what, a, b, n)| Try { what, a, b, n })
        }
    };
}
whats! {
    8 => Deposit, 2 => DepositAgain, 12 => Credit, 2 => Drop, 5 => Reverse, 9 => Scan, 3 => Rewind, 1 => Halt, 4 => Resume,
    4 => Move, 10 => Hold, 1 => HoldAgain, 1 => RequestAgain, 2 => Wait, 2 => Cancel, 16 => Dispatch, 4 => Sweep, 2 => TopUp,
    1 => Noop, 14 => Sign, 2 => Send, 4 => See, 2 => Unsee, 3 => SeeFinal, 9 => Finish, 1 => Bury, 2 => Adopt, 1 => FreezeWallet,
    4 => ThawWallet, 1 => Role, 3 => Ready, 2 => DepositWallet, 2 => Link, 1 => LinkNew, 3 => Freeze, 2 => Transfer,
    3 => HoldTransfer, 1 => FailTransfer, 1 => Surplus, 2 => Assign, 1 => ClaimSuspense, 4 => Settle, 1 => Short,
    2 => ClearShort, 2 => Pause, 1 => StopAsset, 3 => ResumeAsset, 3 => Pin, 1 => Rules, 2 => Recovery, 1 => Funding,
    1 => Claim, 1 => CloseClaim, 1 => RevokeKey, 1 => Open, 1 => Policy, 3 => SettleInside, 6 => SettlePaid, 1 => ClearUnmatched, 2 => ClearFinal, 2 => WriteOff,
    1 => LimitTopUps,
}

fn pick<T>(items: impl IntoIterator<Item = T>, n: u8) -> Option<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    (!items.is_empty()).then(|| items.swap_remove(usize::from(n) % items.len()))
}

pub struct Run {
    pub world: World,
    outside: Outside,
    fork: u8,
    txs: u64,
    taken: Vec<Command>,
}

impl Run {
    pub fn new() -> Self {
        let world = World::funded(100_000);
        let outside = Outside::new(&world.state);
        Self { world, outside, fork: 1, txs: 0, taken: Vec::new() }
    }

    /// Tries it; refusals are fine, wrong books are not.
    pub fn attempt(&mut self, what: Try) {
        let Some(command) = self.command(what) else { return };
        self.world.now = self.world.now.plus_ms(1);
        match self.world.state.decide(&command, self.world.now) {
            Decision::Event(Event::Refused { .. }) => drop(self.world.decide(&command)),
            Decision::Event(_) => self.take(what, command),
            Decision::Replayed(_) | Decision::Refused(_) => {}
        }
    }

    fn take(&mut self, what: Try, command: Command) {
        let before = self.world.state.clone();
        if let Decision::Event(event) = self.world.decide(&command) {
            self.outside.take_in(&before, &command, &event);
            self.outside.compare(&self.world.state);
            if matches!(what.what, What::HoldAgain) {
                panic!("I6: a signed order was good twice: {command:?}");
            }
            self.taken.push(command);
        }
    }

    fn account(&self, n: u8) -> Option<AccountIx> {
        let accounts = u32::try_from(self.world.state.account_count()).expect("few");
        u32::from(n).checked_rem(accounts).map(AccountIx)
    }

    /// An account that has something of the token, if any has.
    fn rich(&self, token: TokenIx, n: u8) -> Option<AccountIx> {
        let all = (0..u32::try_from(self.world.state.account_count()).expect("few")).map(AccountIx);
        pick(all.filter(|account| self.world.free(*account, token) > 0), n).or(self.account(n))
    }

    fn head(&self, network: NetworkIx) -> BlockRef {
        *self.world.state.network(network).expect("listed").head().expect("started")
    }

    fn amount(n: u64, asset: AssetIx) -> u128 {
        match n % 50 {
            0 => u128::MAX - u128::from(n),
            1 => 1 << (n % 128),
            _ if asset == USD_A => u128::from(n % 3_000_000),
            _ => u128::from(n) / 8,
        }
    }

    fn order(&mut self, what: Try) -> Option<PayoutOrder> {
        let asset = AssetIx(u32::from(what.b) % 4);
        let account = self.rich(self.world.state.asset(asset)?.token, what.a)?;
        let row = self.world.state.asset(asset)?;
        let free = self.world.free(account, row.token) / 10u128.pow(row.places.into());
        let amount =
            if what.n.is_multiple_of(7) { Self::amount(what.n, asset) } else { free / (1 + u128::from(what.n % 4)) };
        let mut order = self.world.order(account, asset, amount);
        if what.n.is_multiple_of(3) {
            let network = self.world.state.asset(asset)?.network;
            let ours = self.world.state.wallets().filter(|(_, wallet)| wallet.network == network);
            order.destination = pick(ours.map(|(_, wallet)| wallet.address.clone()), what.a)?;
        }
        if what.n % 3 == 1 {
            order.destination = address("LATER");
        }
        if what.n.is_multiple_of(5) {
            order.external_id = Some(format!("id-{}", what.n % 7).into());
        }
        Some(order)
    }

    fn deposit(&mut self, Try { a, b, n, .. }: Try) -> Option<Incoming> {
        let state = &self.world.state;
        let asset = AssetIx(u32::from(b) % 4);
        let network = state.asset(asset)?.network;
        let (wallet, _) = pick(state.wallets().filter(|(_, wallet)| wallet.network == network), a / 8)?;
        self.txs += 1;
        let key = DepositKey { network, tx: tx(self.txs), locator: Locator::Log(u32::from(a % 2)) };
        let from = match n % 16 {
            0 if network == A => "COLDA".to_owned(),
            1 if network == A => "HOTA".to_owned(),
            2 => "CONTRACT".to_owned(),
            _ => format!("CUSTOMER{}", a % 5),
        };
        let mut deposit = self.world.incoming(key, asset, wallet, &from, Self::amount(n, asset));
        deposit.from_contract = n % 16 == 2;
        Some(deposit)
    }

    fn open(&self, wallet: WalletIx, purpose: Purpose) -> Command {
        let nonce = self.world.state.wallet(wallet).and_then(|wallet| wallet.next_nonce).unwrap_or(0);
        Command::OpenDispatch { wallet, nonce, purpose, gas_reserve: Amount::new(21_000) }
    }

    #[allow(clippy::too_many_lines)]
    fn command(&mut self, what: Try) -> Option<Command> {
        use Command as C;
        let Try { what: kind, a, b, n } = what;
        let network = if a % 2 == 0 { A } else { B };
        let asset = AssetIx(u32::from(b) % 4);
        let request = self.world.request();
        let reason: Box<str> = "because".into();
        let state = &self.world.state;
        let key_of = |n: u8| {
            let recent =
                state.networks().flat_map(|(_, network)| network.recent.iter().map(|credit| credit.key.clone()));
            pick(recent.chain(state.pending_deposits().map(|pending| pending.deposit.key.clone())), n)
        };
        let wallet = |n: u8| pick(state.wallets().map(|(ix, _)| ix), n);
        let dispatch = |n: u8| pick(state.dispatches().map(|(id, dispatch)| (id, dispatch.clone())), n);
        let payout = |n: u8| pick(state.payouts().map(|(id, _)| id), n);
        // What stops others is rare, or nothing would ever happen.
        let stops = matches!(kind, What::Halt | What::FreezeWallet | What::StopAsset | What::Short | What::Funding);
        if stops && n % 3 != 0 {
            return None;
        }
        Some(match kind {
            What::Deposit => C::SeeDeposit { deposit: self.deposit(what)? },
            What::DepositAgain => {
                let (network, credits) = (state.network(network)?, state.pending_deposits());
                let known = network.recent.iter().map(|credit| Incoming {
                    key: credit.key.clone(),
                    asset: credit.asset,
                    wallet: credit.wallet,
                    from: address("CUSTOMER0"),
                    from_contract: false,
                    amount: credit.amount,
                    block: credit.block,
                });
                let mut deposit = pick(known.chain(credits.map(|pending| pending.deposit.clone())), b)?;
                deposit.block = self.head(deposit.key.network);
                if n % 3 == 0 {
                    deposit.amount = Amount::new(u128::from(n % 1_000_000));
                }
                C::SeeDeposit { deposit }
            }
            What::Credit => {
                let pending = pick(state.pending_deposits(), b)?;
                let (key, block) = (pending.deposit.key.clone(), pending.deposit.block);
                C::CreditDeposit { key, block, depth: Depth { finalized: n % 4 != 0, ..DEEP } }
            }
            What::Drop => {
                let pending = pick(state.pending_deposits().filter(|pending| pending.orphaned || n % 4 == 0), b)?;
                C::DropDeposit { key: pending.deposit.key.clone() }
            }
            What::Reverse => {
                let lost = state.networks().flat_map(|(_, row)| row.recent.iter().filter(|credit| credit.orphaned));
                C::ReverseDeposit { key: pick(lost.map(|credit| credit.key.clone()), b)? }
            }
            What::Scan => {
                let (mut head, mut blocks) = (self.head(network), Vec::new());
                for _ in 0..n % 7 {
                    head = BlockRef { parent: head.hash, ..block_on(self.fork, head.height + 1) };
                    blocks.push(head);
                }
                C::ScanBlocks { network, blocks }
            }
            What::Rewind => {
                self.fork = self.fork.wrapping_add(1);
                let scanned = &state.network(network)?.scanned;
                C::RewindScan { network, to: *scanned.get(scanned.len().checked_sub(2 + usize::from(b % 9))?)? }
            }
            What::Halt => C::HaltNetwork { network, reason },
            What::Resume => {
                self.fork = self.fork.wrapping_add(1);
                let height = self.head(network).height.saturating_sub(n % 12);
                C::ResumeNetwork { network, reason, from: (b % 3 == 0).then(|| block_on(self.fork, height)) }
            }
            What::Move => {
                let token = TokenIx(u32::from(n % 2 == 0));
                let (from, to) = (self.rich(token, a)?, self.account(b)?);
                let amount = Amount::new(u128::from(n) % self.world.free(from, token).saturating_add(2));
                C::Move { request, token, from, to, amount, authority: MoveAuthority::Owner }
            }
            What::Hold => {
                let mut order = self.order(what)?;
                if let Some((_, paid)) = pick(self.world.state.unmatched(), b).filter(|_| n % 2 == 0) {
                    (order.asset, order.amount, order.destination) = (paid.asset, paid.amount, paid.to.clone());
                }
                C::HoldPayout { request, order, trace: None }
            }
            What::HoldAgain => {
                let orders = self.taken.iter().filter_map(|command| match command {
                    C::HoldPayout { order, .. } | C::RequestTransfer { order, .. } => Some(order.clone()),
                    _ => None,
                });
                C::HoldPayout { request, order: pick(orders, b)?, trace: None }
            }
            What::RequestAgain => {
                let requests = self.taken.iter().filter(|command| command.request().is_some());
                let again = pick(requests.cloned(), b)?;
                assert!(matches!(state.decide(&again, self.world.now), Decision::Replayed(_)), "I6: {again:?}");
                return None;
            }
            What::Wait => C::WaitPayout { payout: payout(b)?, why: if n % 2 == 0 { Wait::Gas } else { Wait::Turn } },
            What::Cancel => C::CancelPayout { request: None, payout: payout(b)?, authority: Authority::Operator },
            What::Dispatch => {
                let payout = payout(b)?;
                let asset = state.payout(payout)?.order.asset;
                self.open(if state.asset(asset)?.network == A { HOT_A } else { HOT_B }, Purpose::Payout(payout))
            }
            What::Sweep => {
                let (ix, from) = pick(state.wallets_to_sweep().chain(state.house_wallets()), a)?;
                let (asset, holding) = pick(from.holdings.iter().copied(), b)?;
                let amount =
                    if n % 3 == 0 { holding.amount } else { Amount::new(u128::from(n)).min(holding.available()) };
                self.open(ix, Purpose::Sweep { to: if from.network == A { HOT_A } else { HOT_B }, asset, amount })
            }
            What::TopUp => {
                let to = wallet(a)?;
                let gives = match state.wallet(to)?.network {
                    A if n % 2 == 0 => GAS_A,
                    A => HOT_A,
                    _ => HOT_B,
                };
                self.open(gives, Purpose::TopUp { to, amount: Amount::new(u128::from(n % 1_000_000)) })
            }
            What::Noop => self.open(wallet(a)?, Purpose::Noop),
            What::Sign => {
                let (dispatch, row) = dispatch(b)?;
                let kind = if n % 5 == 0 { AttemptKind::Cancel } else { AttemptKind::Act };
                let mut attempt = self.world.attempt(kind, 100 << row.attempts.len().min(60));
                attempt.max_gas_cost = Amount::new(u128::from(n % 60_000));
                C::SignAttempt { dispatch, attempt }
            }
            What::Send => C::MarkSent { dispatch: dispatch(b)?.0, attempt: u32::from(a % 2) },
            What::See | What::Finish => {
                let (dispatch, row) = dispatch(b)?;
                let block = self.head(state.wallet(row.wallet)?.network);
                let attempt = u32::try_from(usize::from(a) % row.attempts.len().max(1)).expect("few");
                let sighting = Sighting { attempt, block, success: n % 3 != 0 };
                if matches!(kind, What::See) {
                    C::SeeDispatch { dispatch, sighting }
                } else {
                    C::FinishDispatch { dispatch, sighting, gas: Amount::new(u128::from(n % 90_000)), depth: DEEP }
                }
            }
            What::Unsee => C::UnseeDispatch { dispatch: dispatch(b)?.0 },
            What::SeeFinal => {
                let lost = state.networks().flat_map(|(ix, row)| row.recent_final.iter().map(move |sent| (ix, sent)));
                let (network, sent) = pick(lost.filter(|(_, sent)| sent.orphaned || n % 4 == 0), b)?;
                let (block, gas) = (self.head(network), Amount::new(u128::from(n % 90_000)));
                C::SeeFinal { network, tx: sent.tx, block, success: n % 5 != 0, gas }
            }
            What::Bury => {
                self.txs += 1;
                C::BuryDispatch { dispatch: dispatch(b)?.0, by: tx(self.txs), block: block(1), depth: DEEP }
            }
            What::Adopt => {
                let wallet = wallet(a)?;
                let row = state.wallet(wallet)?;
                let nonce = row.next_nonce?;
                let open = state.payouts().map(|(_, payout)| &payout.order);
                let open = open.map(|order| (order.asset, order.amount, order.destination.clone()));
                let ours =
                    state.wallets().map(|(_, to)| (asset, Amount::new(u128::from(n % 9_000)), to.address.clone()));
                let lost = [(asset, Amount::new(u128::from(n % 900)), address("STRANGER"))];
                let paid = pick(open.chain(ours).chain(lost).map(Some).chain([None]), b)?;
                self.txs += 1;
                let (tx, block, success) = (tx(self.txs), self.head(row.network), n % 4 != 0);
                C::AdoptDispatch { wallet, nonce, tx, block, success, paid, gas: Amount::new(7), depth: DEEP }
            }
            What::FreezeWallet => C::FreezeWallet { wallet: wallet(b)?, reason },
            What::ThawWallet => C::ThawWallet { wallet: wallet(b)?, reason },
            What::Role => {
                let role = [Role::Cold, Role::Gas, Role::Retiring][usize::from(a % 3)];
                let (wallet, role) = if n % 2 == 0 { (wallet(b)?, role) } else { (HOT_A, Role::Hot) };
                C::ChangeWalletRole { wallet, role }
            }
            What::Ready => C::ReadyWallet { wallet: wallet(b)?, next_nonce: n % 3 },
            What::DepositWallet => {
                // Where a payout goes, now and then: it is ours from then on.
                let waits = |payout: &Payout| matches!(payout.stage, PayoutStage::Waiting(_));
                let order = pick(state.payouts().filter(|(_, payout)| waits(payout)), a).filter(|_| n % 2 == 0);
                let order = order.map(|(_, payout)| &payout.order);
                let network = order.and_then(|order| state.asset(order.asset)).map_or(network, |row| row.network);
                let address = order.map_or(address(&format!("IN{}", n % 40)), |order| order.destination.clone());
                let role = Role::Deposit(self.account(b)?);
                C::ListWallet { request: Some(request), network, address, role, key: "m/1".into() }
            }
            What::Link | What::LinkNew => {
                let account = self.account(a)?;
                let name = match kind {
                    What::Link => state.account_name(self.account(b)?)?.into(),
                    _ => format!(
                        "{}:0x{}",
                        state.network(network)?.id,
                        ["CONTRACT", "NEW", "CUSTOMER4"][usize::from(b % 3)]
                    )
                    .into(),
                };
                let (authority, expiry) = (self.world.signed(account), self.world.now.plus_ms(9));
                C::LinkName { request, account, name, authority, nonce: request.key, expiry }
            }
            What::Freeze => C::FreezeAccount { account: self.account(b)?, frozen: n % 6 == 0, reason },
            What::Transfer => {
                let of = key_of(b).filter(|_| n % 2 == 0);
                let (network, tx) = of.map_or((network, tx(self.txs + 1)), |key| (key.network, key.tx));
                C::RequestTransfer { request, network, tx, order: self.order(what)?, trace: None }
            }
            What::HoldTransfer => {
                let (transfer, row) = pick(state.transfers(), b)?;
                let deposit = DepositKey { network: row.network, tx: row.tx, locator: Locator::Log(u32::from(a % 2)) };
                C::HoldTransfer { transfer, deposit }
            }
            What::FailTransfer => C::FailTransfer { transfer: pick(state.transfers(), b)?.0, why: Rejection::NotFinal },
            What::Surplus => {
                let wallet = wallet(a)?;
                let block = self.head(state.wallet(wallet)?.network);
                let as_of = if n % 5 == 0 { Position(0) } else { state.position() };
                C::BookSurplus { wallet, asset, amount: Amount::new(Self::amount(n, asset)), block, as_of }
            }
            What::Assign => {
                let item = pick(state.suspense(), b)?.0;
                let to = if n % 3 == 0 { Assign::Equity } else { Assign::Account(self.account(a)?) };
                C::AssignSuspense { request, item, to, reason }
            }
            What::ClaimSuspense => {
                let account = self.account(a)?;
                let (item, authority) = (pick(state.suspense(), b)?.0, self.world.signed(account));
                C::ClaimSuspense { request, item, account, authority }
            }
            What::Settle => {
                let (account, token, owed) = pick(state.owed(), b)?;
                let most = owed.min(state.book(account, token).free);
                C::SettleOwed { request, account, token, amount: if n % 2 == 0 { most } else { Amount::new(n.into()) } }
            }
            What::Short => {
                C::FindShortage { wallet: wallet(a)?, asset, missing: Amount::new(n.into()), block: block(1) }
            }
            What::SettleInside => {
                let ours = |payout: &Payout| state.own_destination(payout).is_some() || n % 4 == 0;
                C::SettleInside { payout: pick(state.payouts().filter(|(_, payout)| ours(payout)), b)?.0 }
            }
            What::SettlePaid => {
                let paid = |payout: &Payout| state.paid_before(payout).is_some() || n % 8 == 0;
                C::SettlePaid { payout: pick(state.payouts().filter(|(_, payout)| paid(payout)), b)?.0 }
            }
            What::ClearUnmatched => {
                let (_, paid) = pick(state.unmatched(), b)?;
                let network = state.asset(paid.asset)?.network;
                C::ClearUnmatched { request, network, tx: paid.tx, reason: "a stranger's".into() }
            }
            What::ClearFinal => {
                let lost = state.networks().flat_map(|(ix, row)| row.recent_final.iter().map(move |sent| (ix, sent)));
                let (network, sent) = pick(lost.filter(|(_, sent)| sent.orphaned || n % 4 == 0), b)?;
                let proof = (n % 2 == 0).then(|| (tx(1), block(1), Depth { finalized: n % 3 != 0, ..DEEP }));
                C::ClearFinal { request, network, tx: sent.tx, proof, paid: n % 5 == 0, reason }
            }
            What::WriteOff => {
                let (asset, wallet, row) = pick(state.shortages(), b)?;
                let most = row.missing.min(state.wallet(wallet)?.holding(asset).amount);
                let amount = if n % 3 == 0 { most } else { Amount::new(u128::from(n % 3_000_000)) };
                C::WriteOffShortage { request, wallet, asset, amount, reason }
            }
            What::LimitTopUps => C::LimitTopUps { network, a_day: Amount::new(u128::from(n % 3_000_000)) },
            What::ClearShort => C::ClearShortage { asset, block: block(1) },
            What::Pause => {
                let scope = [Scope::Everything, Scope::Network(network), Scope::Asset(asset)][usize::from(a % 3)];
                C::Pause { request, scope, paused: n % 6 == 0, reason }
            }
            What::StopAsset => C::StopAsset { asset, reason },
            What::ResumeAsset => C::ResumeAsset { asset, reason },
            What::Pin => {
                C::PinAsset { asset, facts: AssetFacts { code: [1 + u8::from(a == 0); 32], implementation: None } }
            }
            What::Rules => {
                let fees = Fees {
                    success: Amount::new((n % 5_000).into()),
                    success_bps: b.into(),
                    failure: Amount::new(a.into()),
                };
                C::ChangeAssetRules { asset, rules: AssetRules { fees, deposits: n % 4 != 0, ..rules() } }
            }
            What::Recovery if n % 6 == 0 => C::StartRecovery { reason },
            What::Recovery => C::EndRecovery { reason },
            What::Funding => C::AnnounceFunding { request, network, tx: tx(self.txs + n % 3), reason },
            What::Claim => C::ClaimDeposit { request, network, tx: tx(self.txs + 1), by: self.account(a), trace: None },
            What::RevokeKey => C::RevokeKey { key: KEY },
            What::CloseClaim => {
                let (network, tx, _) = pick(state.claims(), b)?;
                C::CloseClaim { network, tx, outcome: ClaimOutcome::Found }
            }
            What::Open => C::OpenAccount { request: Some(request), name: format!("desk-{}", n % 9).into() },
            What::Policy => {
                let policy = NetworkPolicy { reorg_depth: u32::from(a % 9), ..policy() };
                C::ChangeNetworkPolicy { network, policy }
            }
        })
    }
}
