//! The invariants, over any sequence of commands: books balance after every event, and a replay is the same state.

use crate::world::*;
use proptest::prelude::*;
use tokengine_core::*;

/// One thing that somebody tries. Numbers choose among what there is; many of these are refused, and must be.
#[derive(Clone, Debug)]
enum Try {
    Deposit { customer: u8, asset: u8, amount: u64, contract: bool },
    CreditOne { pick: u8, finalized: bool },
    Move { from: u8, to: u8, amount: u64 },
    Hold { account: u8, asset: u8, amount: u64 },
    Dispatch { pick: u8 },
    Sign { pick: u8, cancel: bool },
    Finish { pick: u8, attempt: u8, success: bool, gas: u16 },
    Bury { pick: u8 },
    Cancel { pick: u8 },
    Scan { network: bool },
    Rewind { network: bool, by: u8 },
    Reverse { network: bool, pick: u8 },
    Drop { pick: u8 },
    Link { from: u8, to: u8 },
    Surplus { amount: u16 },
    Assign { pick: u8, account: Option<u8> },
    Resume { network: bool },
    Pause { on: bool },
    Adopt { amount: u16, success: bool },
}

fn any_try() -> impl Strategy<Value = Try> {
    use Try::*;
    prop_oneof![
        4 => (any::<u8>(), any::<u8>(), 1..5_000_000u64, any::<bool>()).prop_map(|(customer, asset, amount, c)| Deposit { customer, asset, amount, contract: c && amount % 5 == 0 }),
        4 => (any::<u8>(), any::<bool>()).prop_map(|(pick, finalized)| CreditOne { pick, finalized }),
        3 => (any::<u8>(), any::<u8>(), any::<u64>()).prop_map(|(from, to, amount)| Move { from, to, amount }),
        4 => (any::<u8>(), any::<u8>(), 1..2_000_000u64).prop_map(|(account, asset, amount)| Hold { account, asset, amount }),
        4 => any::<u8>().prop_map(|pick| Dispatch { pick }),
        4 => (any::<u8>(), any::<bool>()).prop_map(|(pick, cancel)| Sign { pick, cancel }),
        4 => (any::<u8>(), 0..3u8, any::<bool>(), any::<u16>()).prop_map(|(pick, attempt, success, gas)| Finish { pick, attempt, success, gas }),
        1 => any::<u8>().prop_map(|pick| Bury { pick }),
        1 => any::<u8>().prop_map(|pick| Cancel { pick }),
        3 => any::<bool>().prop_map(|network| Scan { network }),
        1 => (any::<bool>(), any::<u8>()).prop_map(|(network, by)| Rewind { network, by }),
        1 => (any::<bool>(), any::<u8>()).prop_map(|(network, pick)| Reverse { network, pick }),
        1 => any::<u8>().prop_map(|pick| Drop { pick }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Link { from, to }),
        1 => any::<u16>().prop_map(|amount| Surplus { amount }),
        1 => (any::<u8>(), any::<Option<u8>>()).prop_map(|(pick, account)| Assign { pick, account }),
        1 => any::<bool>().prop_map(|network| Resume { network }),
        1 => any::<bool>().prop_map(|on| Pause { on }),
        1 => (any::<u16>(), any::<bool>()).prop_map(|(amount, success)| Adopt { amount, success }),
    ]
}

fn pick<T>(items: Vec<T>, n: u8) -> Option<T> {
    let len = items.len();
    items.into_iter().nth(usize::from(n) % len.max(1))
}

fn network(second: bool) -> NetworkIx {
    if second { B } else { A }
}

struct Run {
    world: World,
    fork: u8,
    txs: u64,
}

impl Run {
    /// Tries it; refusals are fine, wrong books are not (the world proves them after every event).
    fn attempt(&mut self, what: Try) {
        let state = &self.world.state;
        let accounts = u32::try_from(state.account_count().max(1)).expect("few");
        let account = |n: u8| AccountIx(u32::from(n) % accounts);
        let asset = |n: u8| AssetIx(u32::from(n) % 4);
        let command = match what {
            Try::Deposit { customer, asset: a, amount, contract } => {
                self.txs += 1;
                let asset = asset(a);
                let (network, wallet) = if asset == USD_A || asset == COIN_A { (A, HOT_A) } else { (B, HOT_B) };
                let key = DepositKey { network, tx: tx(self.txs), locator: Locator::Log(a.into()) };
                let from = format!("CUSTOMER{}", customer % 6);
                let mut deposit = self.world.incoming(key, asset, wallet, &from, amount.into());
                deposit.from_contract = contract;
                Some(Command::SeeDeposit { deposit })
            }
            Try::CreditOne { pick: n, finalized } => pick(state.pending_deposits().cloned().collect(), n).map(|p| {
                let depth = Depth { finalized, ..DEEP };
                Command::CreditDeposit { key: p.deposit.key, block: p.deposit.block, depth }
            }),
            Try::Move { from, to, amount } => {
                let (from, to) = (account(from), account(to));
                let free = self.world.free(from, USD).saturating_add(2);
                let request = self.world.request();
                let amount = Amount::new(u128::from(amount) * 1_000_000_000_000 % free);
                Some(Command::Move { request, token: USD, from, to, amount, authority: MoveAuthority::Owner })
            }
            Try::Hold { account: n, asset: a, amount } if state.account_count() > 0 => {
                let (account, asset) = (account(n), asset(a));
                let order = self.world.order(account, asset, amount.into());
                let request = self.world.request();
                Some(Command::HoldPayout { request, order })
            }
            Try::Hold { .. } => None,
            Try::Dispatch { pick: n } => {
                pick(state.payouts().map(|(id, p)| (id, p.order.asset)).collect(), n).map(|(id, asset)| {
                    let wallet = if asset == USD_A || asset == COIN_A { HOT_A } else { HOT_B };
                    let nonce = state.wallet(wallet).and_then(|w| w.next_nonce).unwrap_or(0);
                    Command::OpenDispatch {
                        wallet,
                        nonce,
                        purpose: Purpose::Payout(id),
                        gas_reserve: Amount::new(21_000),
                    }
                })
            }
            Try::Sign { pick: n, cancel } => {
                pick(state.dispatches().map(|(id, d)| (id, d.attempts.len())).collect(), n).map(|(dispatch, tries)| {
                    let kind = if cancel { AttemptKind::Cancel } else { AttemptKind::Act };
                    let cap = 100u128 << tries.min(40);
                    Command::SignAttempt { dispatch, attempt: self.world.attempt(kind, cap) }
                })
            }
            Try::Finish { pick: n, attempt, success, gas } => {
                pick(state.dispatches().map(|(id, d)| (id, d.wallet)).collect(), n).map(|(dispatch, wallet)| {
                    let network = state.wallet(wallet).expect("listed").network;
                    let block = *state.network(network).expect("listed").head().expect("started");
                    let sighting = Sighting { attempt: attempt.into(), block, success };
                    Command::FinishDispatch { dispatch, sighting, gas: Amount::new(gas.into()), depth: DEEP }
                })
            }
            Try::Bury { pick: n } => pick(state.dispatches().map(|(id, _)| id).collect(), n).map(|dispatch| {
                self.txs += 1;
                Command::BuryDispatch { dispatch, by: tx(self.txs), block: block(1), depth: DEEP }
            }),
            Try::Cancel { pick: n } => pick(state.payouts().map(|(id, _)| id).collect(), n)
                .map(|payout| Command::CancelPayout { request: None, payout, authority: Authority::Operator }),
            Try::Scan { network: n } => {
                let head = *state.network(network(n)).expect("listed").head().expect("started");
                let block = BlockRef { parent: head.hash, ..block_on(self.fork, head.height + 1) };
                Some(Command::ScanBlocks { network: network(n), blocks: vec![block] })
            }
            Try::Rewind { network: n, by } => {
                self.fork = self.fork.wrapping_add(1);
                let scanned = &state.network(network(n)).expect("listed").scanned;
                let at = scanned.len().saturating_sub(2 + usize::from(by % 9));
                scanned.get(at).map(|to| Command::RewindScan { network: network(n), to: *to })
            }
            Try::Reverse { network: n, pick: p } => {
                pick(state.network(network(n)).expect("listed").recent.iter().map(|c| c.key.clone()).collect(), p)
                    .map(|key| Command::ReverseDeposit { key })
            }
            Try::Drop { pick: n } => pick(state.pending_deposits().map(|p| p.deposit.key.clone()).collect(), n)
                .map(|key| Command::DropDeposit { key }),
            Try::Link { from, to } if state.account_count() > 1 => {
                let (to, name) = (account(to), state.account_name(account(from)).unwrap_or_default().into());
                let authority = self.world.signed(to);
                let (request, expiry) = (self.world.request(), self.world.now.plus_ms(9));
                Some(Command::LinkName { request, account: to, name, authority, nonce: request.key, expiry })
            }
            Try::Link { .. } => None,
            Try::Surplus { amount } => Some(Command::BookSurplus {
                wallet: HOT_A,
                asset: USD_A,
                amount: Amount::new(amount.into()),
                block: block(1),
            }),
            Try::Assign { pick: n, account: to } => pick(state.suspense().map(|(id, _)| id).collect(), n).map(|item| {
                let to = to.map_or(Assign::Equity, |n| Assign::Account(account(n)));
                Command::AssignSuspense { request: self.world.request(), item, to, reason: "because".into() }
            }),
            Try::Resume { network: n } => {
                Some(Command::ResumeNetwork { network: network(n), reason: "seen".into(), from: None })
            }
            Try::Pause { on } => Some(Command::Pause {
                request: self.world.request(),
                scope: Scope::Asset(USD_B),
                paused: on,
                reason: "x".into(),
            }),
            Try::Adopt { amount, success } => {
                let nonce = state.wallet(HOT_A).and_then(|w| w.next_nonce).unwrap_or(0);
                self.txs += 1;
                Some(Command::AdoptDispatch {
                    wallet: HOT_A,
                    nonce,
                    tx: tx(self.txs),
                    block: *state.network(A).expect("listed").head().expect("started"),
                    success,
                    paid: Some((USD_A, Amount::new(amount.into()), address("DEST"))),
                    gas: Amount::new(7),
                    depth: DEEP,
                })
            }
        };
        if let Some(command) = command {
            self.world.now = self.world.now.plus_ms(1);
            self.world.decide(&command);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_commands_makes_loses_or_unbalances_value(tries in prop::collection::vec(any_try(), 1..150)) {
        let mut run = Run { world: World::funded(100_000), fork: 1, txs: 0 };
        tries.into_iter().for_each(|what| run.attempt(what));
        let world = &run.world;
        // I7: the same events give the same state, whatever the seed of the indexes.
        prop_assert_eq!(world.replayed().digest(), world.state.digest());
        // I2: no deposit was credited twice without a reversal in between.
        let mut credits = std::collections::BTreeMap::<&DepositKey, i32>::new();
        for record in &world.records {
            match &record.event {
                Event::DepositCredited { key, .. } => *credits.entry(key).or_default() += 1,
                Event::DepositReversed { key, .. } => *credits.entry(key).or_default() -= 1,
                _ => {}
            }
        }
        prop_assert!(credits.values().all(|count| (0..=1).contains(count)), "{:?}", credits);
        let mut bytes = Vec::new();
        world.state.encode(&mut bytes);
        prop_assert_eq!(State::decode(&bytes, 3).map(|state| state.digest()), Ok(world.state.digest()));
    }

    #[test]
    fn no_bytes_make_a_record_or_a_snapshot_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), tag in 1u16..110) {
        let mut record = 7u64.to_le_bytes().to_vec();
        record.extend(tag.to_le_bytes());
        record.push(1);
        record.extend(&bytes);
        let _ = Record::decode(&record);
        let _ = Record::decode(&bytes);
        let mut snapshot = 1u32.to_le_bytes().to_vec();
        snapshot.extend(&bytes);
        let _ = State::decode(&snapshot, 1);
    }
}
