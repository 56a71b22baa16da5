//! Things that somebody tries, in any order. Numbers choose among what there is; many are refused, and must be.

use crate::world::*;
use proptest::prelude::*;
use tokengine_core::*;

/// What is tried, and three numbers to choose by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try {
    what: What,
    a: u8,
    b: u8,
    n: u32,
}

macro_rules! whats {
    ($( $weight:literal $what:ident ),* $(,)?) => {
        #[derive(Clone, Copy, Debug)]
        enum What { $( $what ),* }

        fn any_what() -> impl Strategy<Value = What> {
            prop::sample::select(
                [ $( [What::$what].repeat($weight) ),* ].concat()
            )
        }
    };
}
whats! {
    8 See, 2 SeeAgain, 8 Credit, 4 Move, 8 Hold, 2 Wait, 12 Dispatch, 3 SweepOrTopUp, 8 Sign, 8 Send, 5 Sight, 1 Unsee,
    6 Finish, 1 Bury, 2 Cancel, 6 Scan, 3 Rewind, 8 Reverse, 1 Drop, 1 Link, 1 Surplus, 2 Assign, 3 Resume, 1 Pause,
    1 Adopt, 2 Claim, 1 CloseClaim, 2 Transfer, 3 HoldTransfer, 1 FailTransfer, 1 Open, 2 DepositWallet, 2 Ready, 1 Freeze,
    6 Thaw, 6 SettleOwed, 1 Policy, 1 Fund, 1 Retire, 2 Late, 1 Short, 2 WriteOff, 2 ClearFinal, 3 SettleInside, 6 SettlePaid, 1 ClearUnmatched,
}

pub(crate) fn any_try() -> impl Strategy<Value = Try> {
    (any_what(), any::<u8>(), any::<u8>(), any::<u32>()).prop_map(|(what, a, b, n)| Try { what, a, b, n })
}

fn pick<T>(items: impl IntoIterator<Item = T>, n: u8) -> Option<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    if items.is_empty() { None } else { Some(items.swap_remove(usize::from(n) % items.len())) }
}

fn network(n: u8) -> NetworkIx {
    if n.is_multiple_of(2) { A } else { B }
}

/// Forks are numbered, so that no two blocks that differ have one hash.
#[derive(Default)]
pub(crate) struct Forks(u8);

impl World {
    pub(crate) fn attempt_to(&mut self, forks: &mut Forks, what: Try) {
        if let Some(command) = self.command(forks, what) {
            self.decide(&command);
        }
    }

    fn some_account(&self, n: u8) -> AccountIx {
        let number = u32::from(n) % u32::try_from(self.state.account_count()).expect("few");
        self.state.account(AccountIx(number)).expect("one is open")
    }

    fn hot(&self, asset: AssetIx) -> WalletIx {
        if asset == USD_A || asset == COIN_A { HOT_A } else { HOT_B }
    }

    fn command(&mut self, forks: &mut Forks, Try { what, a, b, n }: Try) -> Option<Command> {
        let state = &self.state;
        let asset = AssetIx(u32::from(b) % 4);
        let amount = Amount::new(u128::from(n % 3_000_000) + 1);
        Some(match what {
            What::Scan => {
                let blocks = self.blocks(network(a), forks.0, 1 + u64::from(b % 5));
                Command::ScanBlocks { network: network(a), blocks }
            }
            What::See => {
                let network = state.asset(asset)?.network;
                let wallets = state.wallets().filter(|(_, wallet)| wallet.network == network);
                let wallet = pick(wallets.map(|(ix, _)| ix), a)?;
                let from = if n % 17 == 0 { "COLDA".to_owned() } else { format!("CUSTOMER{}", n % 5) };
                let key = DepositKey { network, tx: self.tx(), locator: Locator::Trace([u32::from(a), 1].into()) };
                let amount = if n % 7 == 0 { 5 } else { amount.base_units() };
                let mut deposit = self.incoming(key, asset, wallet, &from, amount);
                deposit.from_contract = n % 5 == 0;
                Command::SeeDeposit { deposit }
            }
            What::SeeAgain => {
                let pending = state.pending_deposits().map(|pending| (pending.deposit.clone(), pending.orphaned));
                let recent = state.network(network(a))?.recent.iter().map(|credit| {
                    let deposit = Incoming {
                        key: credit.key.clone(),
                        asset: credit.asset,
                        wallet: credit.wallet,
                        from: address("CUSTOMER1"),
                        from_contract: false,
                        amount: credit.amount,
                        block: credit.block,
                    };
                    (deposit, credit.orphaned)
                });
                let (deposit, _) = pick(pending.chain(recent).filter(|(_, orphaned)| *orphaned || n % 3 == 0), b)?;
                let block = self.head(deposit.key.network);
                Command::SeeDeposit { deposit: Incoming { block, ..deposit } }
            }
            What::Credit => {
                let Pending { deposit, .. } = pick(state.pending_deposits().cloned(), a)?;
                Command::CreditDeposit { key: deposit.key, block: deposit.block, depth: DEEP }
            }
            What::Move => {
                let (from, to) = (self.some_account(a), self.some_account(b));
                let token = TokenIx(n % 2);
                let free = self.state.book(from, token).free.base_units().saturating_add(2);
                let amount = Amount::new(u128::from(n).saturating_mul(1_000_000_000_000) % free);
                let request = self.request();
                Command::Move { request, token, from, to, amount, authority: MoveAuthority::Owner }
            }
            What::Hold => {
                let account = self.some_account(a);
                let asset_row = self.state.asset(asset)?;
                let free = self.state.book(account, asset_row.token).free.base_units();
                let most = free / 10u128.pow(asset_row.places.into());
                let inside = self.state.wallets().filter(|(_, wallet)| wallet.network == asset_row.network);
                let inside = pick(inside.map(|(_, wallet)| wallet.address.clone()), b);
                let mut order = self.order(account, asset, 1 + u128::from(n) % (most / 2 + 1));
                if n % 6 == 0 {
                    order.destination = inside?;
                }
                if let Some((_, paid)) = pick(self.state.unmatched(), b).filter(|_| n % 3 == 0) {
                    (order.asset, order.amount, order.destination) = (paid.asset, paid.amount, paid.to.clone());
                }
                Command::HoldPayout { request: self.request(), order, trace: None }
            }
            What::Wait => {
                let (payout, _) = pick(state.payouts(), a)?;
                let why = [Wait::Liquidity, Wait::Gas, Wait::Fee, Wait::Turn][usize::from(b % 4)];
                Command::WaitPayout { payout, why }
            }
            What::Dispatch => {
                let (payout, row) = pick(state.payouts(), a)?;
                let wallet = self.hot(row.order.asset);
                let nonce = state.wallet(wallet)?.next_nonce?;
                let purpose = if n % 19 == 0 { Purpose::Noop } else { Purpose::Payout(payout) };
                Command::OpenDispatch { wallet, nonce, purpose, gas_reserve: Amount::new(21_000) }
            }
            What::SweepOrTopUp => {
                let (from, row) = pick(state.wallets(), a)?;
                let to = if row.network == A { HOT_A } else { HOT_B };
                let (wallet, purpose) = match row.role {
                    Role::Deposit(_) | Role::Retiring if n % 2 == 0 => {
                        let (asset, holding) = row.holdings.first()?;
                        (from, Purpose::Sweep { to, asset: *asset, amount: holding.available() })
                    }
                    _ => (to, Purpose::TopUp { to: from, amount }),
                };
                let nonce = state.wallet(wallet)?.next_nonce?;
                Command::OpenDispatch { wallet, nonce, purpose, gas_reserve: Amount::new(1) }
            }
            What::Sign => {
                let (dispatch, row) = pick(state.dispatches(), a)?;
                let kind = if n % 5 == 0 { AttemptKind::Cancel } else { AttemptKind::Act };
                let cap = 100u128 << row.attempts.len().min(40);
                Command::SignAttempt { dispatch, attempt: self.attempt(kind, cap) }
            }
            What::Send => {
                let (dispatch, row) = pick(state.dispatches(), a)?;
                let attempt = u32::from(b) % u32::try_from(row.attempts.len().max(1)).expect("few");
                Command::MarkSent { dispatch, attempt }
            }
            What::Sight | What::Finish => {
                let (dispatch, row) = pick(state.dispatches(), a)?;
                let attempt = u32::from(b) % u32::try_from(row.attempts.len().max(1)).expect("few");
                let network = state.wallet(row.wallet)?.network;
                let sighting = self.sighting(network, attempt, n % 4 != 0);
                match what {
                    What::Sight => Command::SeeDispatch { dispatch, sighting },
                    _ => {
                        Command::FinishDispatch { dispatch, sighting, gas: Amount::new((n % 900).into()), depth: DEEP }
                    }
                }
            }
            What::Unsee => Command::UnseeDispatch { dispatch: pick(state.dispatches(), a)?.0 },
            What::Bury => {
                let (dispatch, row) = pick(state.dispatches(), a)?;
                let block = self.head(state.wallet(row.wallet)?.network);
                Command::BuryDispatch { dispatch, by: self.tx(), block, depth: DEEP }
            }
            What::Cancel => {
                let (payout, row) = pick(state.payouts(), a)?;
                let account = row.order.account;
                Command::CancelPayout { request: Some(self.request()), payout, authority: self.signed(account) }
            }
            What::Rewind => {
                let scanned = &state.network(network(a))?.scanned;
                let to = *scanned.get(scanned.len().checked_sub(2 + usize::from(b % 9))?)?;
                forks.0 = forks.0.wrapping_add(1);
                Command::RewindScan { network: network(a), to }
            }
            What::Reverse => {
                let recent = &state.network(network(a))?.recent;
                let key = pick(recent.iter().filter(|credit| credit.orphaned).map(|credit| credit.key.clone()), b)?;
                Command::ReverseDeposit { key }
            }
            What::Drop => {
                let orphans = state.pending_deposits().filter(|pending| pending.orphaned);
                Command::DropDeposit { key: pick(orphans, a)?.deposit.key.clone() }
            }
            What::Link => {
                let account = self.some_account(a);
                let from = self.some_account(b);
                let name = if n % 3 == 0 {
                    format!("eip155:9:0xEXTRA{n}").into()
                } else {
                    self.state.account_name(from)?.into()
                };
                let (request, authority, expiry) = (self.request(), self.signed(account), self.now.plus_ms(50));
                Command::LinkName { request, account, name, authority, nonce: request.key, expiry }
            }
            What::Surplus => {
                let block = self.head(A);
                Command::BookSurplus { wallet: HOT_A, asset: USD_A, amount, block, as_of: state.position() }
            }
            What::Late => {
                // What a surplus was: a deposit that is found only now, in a block that was compared.
                let key = DepositKey { network: A, tx: self.tx(), locator: Locator::Log(0) };
                let amount = amount.base_units().max(1_000);
                Command::SeeDeposit { deposit: self.incoming(key, USD_A, HOT_A, "LATE", amount) }
            }
            What::Short => {
                let missing = if n % 4 == 0 { Amount::ZERO } else { Amount::new(u128::from(n % 90)) };
                Command::FindShortage { wallet: HOT_A, asset: USD_A, missing, block: self.head(A) }
            }
            What::WriteOff => {
                let (asset, wallet, row) = pick(state.shortages(), a)?;
                let (amount, reason) = (row.missing, "clawed back".into());
                Command::WriteOffShortage { request: self.request(), wallet, asset, amount, reason }
            }
            What::ClearFinal => {
                let lost = state.networks().flat_map(|(ix, row)| row.recent_final.iter().map(move |sent| (ix, sent)));
                let (network, tx) = pick(lost.filter(|(_, sent)| sent.orphaned).map(|(ix, sent)| (ix, sent.tx)), a)?;
                let (paid, reason) = (n % 4 == 0, "it will not come back".into());
                Command::ClearFinal { request: self.request(), network, tx, proof: None, paid, reason }
            }
            What::SettlePaid => {
                let paid = state.payouts().filter(|(_, payout)| state.paid_before(payout).is_some());
                Command::SettlePaid { payout: pick(paid, a)?.0 }
            }
            What::ClearUnmatched => {
                let (_, paid) = pick(state.unmatched(), a)?;
                let (network, tx, reason) = (state.asset(paid.asset)?.network, paid.tx, "a stranger's".into());
                Command::ClearUnmatched { request: self.request(), network, tx, reason }
            }
            What::SettleInside => {
                let ours = state.payouts().filter(|(_, payout)| state.own_destination(payout).is_some());
                Command::SettleInside { payout: pick(ours, a)?.0 }
            }
            What::Assign => {
                let (item, _) = pick(state.suspense(), a)?;
                let to = if n % 3 == 0 { Assign::Equity } else { Assign::Account(self.some_account(b)) };
                Command::AssignSuspense { request: self.request(), item, to, reason: "because".into() }
            }
            What::Resume => {
                let from = (n % 4 == 0).then(|| block_on(forks.0, self.head(network(a)).height - u64::from(b % 30)));
                Command::ResumeNetwork { network: network(a), reason: "seen".into(), from }
            }
            What::Pause => Command::Pause {
                request: self.request(),
                scope: Scope::Asset(USD_B),
                paused: n % 2 == 0,
                reason: "x".into(),
            },
            What::Adopt => {
                let nonce = state.wallet(HOT_A)?.next_nonce?;
                let waiting = state.payouts().map(|(_, row)| (row.order.asset, row.order.amount));
                let (asset, amount) = pick(waiting, a).unwrap_or((USD_A, amount));
                let to = if b % 5 == 0 { address("GASA") } else { address("DEST") };
                Command::AdoptDispatch {
                    wallet: HOT_A,
                    nonce,
                    tx: self.tx(),
                    block: self.head(A),
                    success: n % 3 != 0,
                    paid: (b % 4 != 0).then_some((asset, amount, to)),
                    gas: Amount::new(7),
                    depth: DEEP,
                }
            }
            What::Claim => {
                let (account, network, tx) = (self.some_account(a), network(b), tx(u64::from(n % 40)));
                let by = (n % 2 == 0).then_some(account);
                Command::ClaimDeposit { request: self.request(), network, tx, by, trace: None }
            }
            What::CloseClaim => {
                let (network, tx, _) = pick(state.claims(), a)?;
                let outcome = match n % 3 {
                    0 => ClaimOutcome::Found,
                    1 => ClaimOutcome::Refused(ClaimRefusal::NotYours),
                    _ => ClaimOutcome::Refused(ClaimRefusal::TooLarge),
                };
                Command::CloseClaim { network, tx, outcome }
            }
            What::Transfer => {
                // Its deposit is one that was seen, so that some of them come to a payout.
                let pending = pick(state.pending_deposits().cloned(), a)?;
                let account = self.some_account(b);
                let key = pending.deposit.key;
                let order = self.order(account, asset, 10 + u128::from(n % 1_000));
                Command::RequestTransfer {
                    request: self.request(),
                    network: key.network,
                    tx: key.tx,
                    order,
                    trace: None,
                }
            }
            What::HoldTransfer => {
                let (transfer, row) = pick(state.transfers(), a)?;
                let recent = state.network(row.network)?.recent.iter().find(|credit| credit.key.tx == row.tx)?;
                Command::HoldTransfer { transfer, deposit: recent.key.clone() }
            }
            What::FailTransfer => {
                Command::FailTransfer { transfer: pick(state.transfers(), a)?.0, why: Rejection::SenderNotLinked }
            }
            What::Open => Command::OpenAccount { request: None, name: format!("till-{}", n % 50).into() },
            What::DepositWallet => {
                let (account, network) = (self.some_account(a), network(b));
                // Where a payout goes, now and then: it is ours from then on.
                let waits = |payout: &Payout| matches!(payout.stage, PayoutStage::Waiting(_));
                let order = pick(state.payouts().filter(|(_, payout)| waits(payout)), a).filter(|_| n % 3 == 0);
                let order = order.map(|(_, payout)| &payout.order);
                let network = order.and_then(|order| state.asset(order.asset)).map_or(network, |row| row.network);
                let own = address(&format!("DEP{account}N{network}"));
                let address = order.map_or(own, |order| order.destination.clone());
                let role = Role::Deposit(account);
                Command::ListWallet { request: Some(self.request()), network, address, role, key: "path".into() }
            }
            What::Ready => {
                let unready = state.wallets().filter(|(_, wallet)| wallet.next_nonce.is_none());
                Command::ReadyWallet { wallet: pick(unready, a)?.0, next_nonce: n.into() }
            }
            What::Freeze => {
                let account = self.some_account(a);
                let frozen = !self.state.is_frozen(account);
                Command::FreezeAccount { account, frozen, reason: "looked at".into() }
            }
            What::Thaw => {
                let frozen = state.wallets().filter(|(_, wallet)| wallet.frozen.is_some());
                match pick(frozen, a) {
                    Some((wallet, _)) => Command::ThawWallet { wallet, reason: "ours after all".into() },
                    None if n % 8 == 0 => Command::FreezeWallet { wallet: HOT_B, reason: "drill".into() },
                    None => return None,
                }
            }
            What::SettleOwed => {
                let (account, token, owed) = pick(state.owed(), a)?;
                let amount = owed.min(state.book(account, token).free);
                if amount.is_zero() {
                    // Who owes and has nothing is given something first.
                    let from = self.some_account(a);
                    let amount = self.state.book(from, token).free;
                    let (request, to) = (self.request(), account);
                    return Some(Command::Move { request, token, from, to, amount, authority: MoveAuthority::Owner });
                }
                Command::SettleOwed { request: self.request(), account, token, amount }
            }
            What::Policy => Command::ChangeNetworkPolicy { network: network(a), policy: policy(u32::from(b % 40)) },
            What::Fund => {
                let key = DepositKey { network: A, tx: self.tx(), locator: Locator::Value };
                let (tx, request) = (key.tx, self.request());
                self.decide(&Command::AnnounceFunding { request, network: A, tx, reason: "more".into() });
                let deposit = self.incoming(key, COIN_A, HOT_A, "OPERATOR", ETHER);
                Command::SeeDeposit { deposit }
            }
            What::Retire => {
                let role = [Role::Cold, Role::Retiring][usize::from(b % 2)];
                Command::ChangeWalletRole { wallet: COLD_A, role }
            }
        })
    }
}
