//! An engine with accounts that have something to move.

use std::error::Error;
use std::path::Path;
use tokengine_core::*;
use tokengine_engine::{Engine, Handle, Lane, Options, system_clock};

pub(crate) const TOKEN: TokenIx = TokenIx(0);
const HOUSE: AccountIx = AccountIx(0);
/// What each account starts with: more than it can lose.
const STAKE: u128 = 1 << 60;

/// Events as one request brings them.
pub(crate) const BATCH: usize = 8_190;

pub(crate) fn options(folder: &Path) -> Options {
    let mut options = Options::new(folder, 0x5eed);
    // Snapshots are a background job of their own; here the engine alone is looked at.
    options.snapshot_every = u64::MAX;
    options
}

/// Small, quick and good enough to spread accounts.
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice of different seeds have nothing in common.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Self(seed).next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u32
    }

    /// A request as a door makes it: a UUIDv7 of now, and the fingerprint of what was asked.
    fn request(&mut self, now: u64) -> Request {
        let random = u128::from(self.next()) << 64 | u128::from(self.next());
        let key = u128::from(now) << 80 | 7 << 76 | (random & ((1 << 76) - 1));
        Request { principal: Principal::Key(KeyIx(0)), key, content: Fingerprint(random ^ key) }
    }

    /// One small move between two of the customers.
    pub(crate) fn transfer(&mut self, accounts: u32, now: u64) -> Command {
        let from = 1 + self.below(accounts);
        let to = 1 + (from - 1 + 1 + self.below(accounts - 1)) % accounts;
        transfer(self.request(now), AccountIx(from), AccountIx(to), u128::from(1 + self.below(1000)))
    }

    pub(crate) fn transfers(&mut self, accounts: u32, count: usize) -> Vec<Command> {
        let now = system_clock().0;
        (0..count).map(|_| self.transfer(accounts, now)).collect()
    }
}

fn transfer(request: Request, from: AccountIx, to: AccountIx, amount: u128) -> Command {
    let (amount, authority) = (Amount::new(amount), MoveAuthority::Key);
    Command::Move { request, token: TOKEN, from, to, amount, authority }
}

/// Bytes that a move takes in the journal, its length included.
pub(crate) fn move_bytes() -> usize {
    let Command::Move { request, token, from, to, amount, .. } = Dice::new(1).transfer(10, 0) else {
        unreachable!("it is a move")
    };
    let mut bytes = Vec::new();
    Record { at: Time(0), event: Event::Moved { request, token, from, to, amount } }.encode(&mut bytes);
    bytes.len() + 4
}

pub(crate) fn submit(handle: &Handle, commands: Vec<Command>) -> Result<(), Box<dyn Error>> {
    for answer in handle.submit_many_blocking(Lane::Client, commands)? {
        answer.map_err(|refused| refused.rejection)?;
    }
    Ok(())
}

/// Lists a network, a token and so many accounts, and gives each a stake: the commands, in pieces.
pub(crate) fn founding(
    accounts: u32,
    now: Time,
    mut take: impl FnMut(Vec<Command>) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    take(listing(STAKE * u128::from(accounts)))?;
    let pieces = || (1..=accounts).step_by(BATCH).map(|first| first..=accounts.min(first + BATCH as u32 - 1));
    for some in pieces() {
        let open = |number| Command::OpenAccount { request: None, name: format!("customer-{number}").into() };
        take(some.map(open).collect())?;
    }
    let mut dice = Dice::new(7);
    for some in pieces() {
        take(some.map(|number| transfer(dice.request(now.0), HOUSE, AccountIx(number), STAKE)).collect())?;
    }
    Ok(())
}

/// An engine's accounts.
pub(crate) fn found(engine: &Engine, accounts: u32, now: Time) -> Result<(), Box<dyn Error>> {
    let handle = engine.handle();
    founding(accounts, now, |commands| submit(&handle, commands))
}

/// The same without an engine.
pub(crate) fn found_state(accounts: u32) -> Result<State, Box<dyn Error>> {
    let mut state = State::new(0x5eed);
    founding(accounts, system_clock(), |commands| {
        for command in commands {
            let at = system_clock();
            match state.decide(&command, at) {
                Decision::Event(event) => drop(state.evolve(&Record { at, event })),
                other => return Err(format!("{other:?}").into()),
            }
        }
        Ok(())
    })?;
    Ok(state)
}

/// A network, a token and its asset, and the house account with a deposit of so much.
fn listing(amount: u128) -> Vec<Command> {
    let finality = Finality::Confirmations(1);
    let network = NetworkIx(0);
    let block = BlockRef { height: 1, hash: BlockHash([1; 32]), parent: BlockHash([0; 32]) };
    let first = BlockRef { height: 0, hash: block.parent, parent: block.parent };
    let key = DepositKey { network, tx: TxId([2; 32]), locator: Locator::Value };
    let address = |text: &str| Address::new(text).expect("short and not empty");
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
    let deposit = Incoming {
        key: key.clone(),
        asset: AssetIx(0),
        wallet: WalletIx(0),
        from: address("0xbbbb"),
        from_contract: false,
        amount: Amount::new(amount),
        block,
    };
    vec![
        Command::ListNetwork {
            id: "eip155:1".into(),
            policy: NetworkPolicy { reorg_depth: 1, nodes_required: 1, max_in_flight: 16, payout_finality: finality },
        },
        Command::ListToken { id: "coin".into(), decimals: 18 },
        Command::ListAsset {
            id: "eip155:1/slip44:60".into(),
            network,
            token: TOKEN,
            decimals: 18,
            contract: None,
            rules,
        },
        Command::OpenAccount { request: None, name: "house".into() },
        Command::ListWallet {
            request: None,
            network,
            address: address("0xaaaa"),
            role: Role::Deposit(HOUSE),
            key: "house".into(),
        },
        Command::StartNetwork { network, genesis: first, from: first },
        Command::SeeDeposit { deposit },
        Command::CreditDeposit { key, block, depth: Depth { confirmations: 1, safe: true, finalized: true, nodes: 1 } },
    ]
}
