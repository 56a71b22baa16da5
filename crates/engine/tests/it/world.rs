//! What the tests have in common: an engine on a disk in memory, and the shortest way to money in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokengine_core::*;
use tokengine_engine::{Done, Engine, Error, Handle, Lane, Options};
use tokengine_journal::{Disk, mem::MemDisk};

/// The time that every test starts at, in Unix milliseconds.
pub(crate) const START: u64 = 1_700_000_000_000;
pub(crate) const SEGMENT: u64 = 64 << 10;
pub(crate) const TOKEN: TokenIx = TokenIx(0);
/// Holds everything at first.
pub(crate) const HOUSE: AccountIx = AccountIx(0);

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(START)))
    }

    pub(crate) fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::Relaxed);
    }
}

/// Remembers why the engine stopped at once, where the real thing ends the process.
pub(crate) type Fatal = Arc<Mutex<Option<String>>>;

pub(crate) fn options(hands: &Hands, fatal: &Fatal) -> Options {
    let (hands, fatal) = (hands.clone(), Arc::clone(fatal));
    let mut options = Options::new("unused", 7).with_journal(|journal| {
        journal.segment_bytes = SEGMENT;
        journal.reserve_bytes = SEGMENT;
        journal.full_disk_retry = std::time::Duration::from_millis(1);
    });
    options.clock = Arc::new(move || Time(hands.0.load(Ordering::Relaxed)));
    options.on_fatal = Arc::new(move |error| {
        fatal.lock().expect("no panic").get_or_insert_with(|| error.code().to_owned());
    });
    options
}

/// An engine, with all that a test may want to do to it.
pub(crate) struct World {
    pub(crate) disk: MemDisk,
    pub(crate) hands: Hands,
    pub(crate) fatal: Fatal,
    pub(crate) engine: Engine,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(MemDisk::new(), |_| {})
    }

    pub(crate) fn with(disk: MemDisk, change: impl FnOnce(&mut Options)) -> Self {
        Self::open(disk, change).expect("it opens")
    }

    pub(crate) fn open(disk: MemDisk, change: impl FnOnce(&mut Options)) -> Result<Self, Error> {
        let (hands, fatal) = (Hands::new(), Fatal::default());
        let mut options = options(&hands, &fatal);
        change(&mut options);
        let engine = Engine::open(options, Some(Arc::new(disk.clone()) as Arc<dyn Disk>), |_| {})?;
        Ok(Self { disk, hands, fatal, engine })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.engine.handle()
    }
}

/// A request of one principal: the key's time and a number that makes it one of its own.
pub(crate) fn request(ms: u64, number: u64) -> Request {
    let key = u128::from(ms) << 80 | 7 << 76 | 2 << 62 | u128::from(number);
    Request { principal: Principal::Operator, key, content: Fingerprint::of("test", &[&number.to_le_bytes()]) }
}

pub(crate) fn open_account(name: &str) -> Command {
    Command::OpenAccount { request: None, name: name.into() }
}

pub(crate) fn transfer(number: u64, from: AccountIx, to: AccountIx, amount: u128) -> Command {
    Command::Move {
        request: request(START, number),
        token: TOKEN,
        from,
        to,
        amount: Amount::new(amount),
        authority: MoveAuthority::Key,
    }
}

/// A network, a token, the house account with `amount` of it, and so many customers' accounts, numbered from 1.
pub(crate) fn founding(amount: u128, customers: u32) -> Vec<Command> {
    let finality = Finality::Confirmations(1);
    let policy = NetworkPolicy { reorg_depth: 1, nodes_required: 1, max_in_flight: 16, payout_finality: finality };
    let rules = AssetRules {
        deposits: true,
        payouts: true,
        min_deposit: Amount::ZERO,
        max_deposit: Amount::MAX,
        min_payout: Amount::ZERO,
        max_payout: Amount::MAX,
        fees: Fees::default(),
        finality: vec![(Amount::MAX, finality)],
        sweep_from: Amount::MAX,
    };
    let hash = BlockHash([1; 32]);
    let block = BlockRef { height: 1, hash, parent: BlockHash([0; 32]) };
    let first = BlockRef { height: 0, hash: block.parent, parent: block.parent };
    let key = DepositKey { network: NetworkIx(0), tx: TxId([2; 32]), locator: Locator::Value };
    let address = |text: &str| Address::new(text).expect("short");
    let mut commands = vec![
        Command::ListNetwork { id: "eip155:1".into(), policy },
        Command::ListToken { id: "coin".into(), decimals: 18 },
        Command::ListAsset {
            id: "eip155:1/slip44:60".into(),
            network: NetworkIx(0),
            token: TOKEN,
            decimals: 18,
            contract: None,
            rules,
        },
        open_account("house"),
        Command::ListWallet {
            request: None,
            network: NetworkIx(0),
            address: address("0xaaaa"),
            role: Role::Deposit(HOUSE),
            key: "house".into(),
        },
        Command::StartNetwork { network: NetworkIx(0), genesis: first, from: first },
        Command::SeeDeposit {
            deposit: Incoming {
                key: key.clone(),
                asset: AssetIx(0),
                wallet: WalletIx(0),
                from: address("0xbbbb"),
                from_contract: false,
                amount: Amount::new(amount),
                block,
            },
        },
        Command::CreditDeposit { key, block, depth: Depth { confirmations: 1, safe: true, finalized: true, nodes: 1 } },
    ];
    commands.extend((1..=customers).map(|number| open_account(&format!("customer-{number}"))));
    commands
}

/// Does them all; each must be accepted.
pub(crate) fn found(handle: &Handle, amount: u128, customers: u32) {
    for answer in handle.submit_many_blocking(Lane::Client, founding(amount, customers)).expect("it runs") {
        answer.expect("accepted");
    }
}

pub(crate) fn submit(handle: &Handle, command: Command) -> Result<Done, Error> {
    handle.submit_blocking(Lane::Client, command)
}

pub(crate) fn free(handle: &Handle, account: AccountIx) -> u128 {
    handle.query_blocking(move |state| state.book(account, TOKEN).free.base_units()).expect("it runs")
}

pub(crate) fn digest(handle: &Handle) -> [u8; 32] {
    handle.query_blocking(State::digest).expect("it runs")
}
