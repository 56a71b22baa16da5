//! What the core keeps: events, and whole states.

use tokengine_core::{
    AccountIx, Address, Amount, AssetFacts, AssetIx, AssetRules, BlockHash, BlockRef, Command, Decision, DepositKey,
    Depth, Event, Fees, Finality, Fingerprint, Incoming, Locator, MoveAuthority, NetworkIx, NetworkPolicy, Principal,
    Record, Request, Role, State, Time, TokenIx, TxId, WalletIx,
};

use crate::Target;

/// The seed of the indexes of the states made here; nobody attacks them.
const SEED: u64 = 7;

/// Where a record has its event's tag and version: behind the time.
const KIND: std::ops::Range<usize> = 8..11;

/// The records of the journal, one at a time.
pub(super) struct Events;

impl Target for Events {
    fn name(&self) -> &'static str {
        "event"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        // The record of every kind, as it was first written: the golden file of the core.
        let golden = include_str!("../../../core/tests/golden/events.txt");
        golden.lines().filter_map(|line| from_hex(line.split_once(' ')?.1)).collect()
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        match Record::decode(input) {
            Ok(record) => {
                let mut again = Vec::with_capacity(input.len());
                record.encode(&mut again);
                if KIND.clone().all(|at| again.get(at) == input.get(at)) {
                    assert!(again == input, "a record has one form: {record:?}");
                } else {
                    // Of an older version: written as the newest, which means the same.
                    assert_eq!(Record::decode(&again).as_ref(), Ok(&record));
                }
                record.event.name().to_owned()
            }
            Err(error) => super::kind(&format!("{error:?}")),
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.trim().as_bytes().chunks(2);
    pairs.map(|two| u8::try_from(digit(two[0])? * 16 + digit(*two.get(1)?)?).ok()).collect()
}

/// A whole state, as it stands in a snapshot.
pub(super) struct Snapshot;

impl Target for Snapshot {
    fn name(&self) -> &'static str {
        "snapshot"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        let encoded = |state: &State| {
            let mut bytes = Vec::new();
            state.encode(&mut bytes);
            bytes
        };
        vec![encoded(&State::new(SEED)), encoded(&lived_in())]
    }

    fn memory(&self) -> usize {
        // Rows and texts are taken in chunks, some two dozen lists of them.
        64 << 20
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        match State::decode(input, SEED) {
            Ok(state) => {
                let mut once = Vec::with_capacity(input.len());
                state.encode(&mut once);
                let again = State::decode(&once, SEED).expect("what was written reads back");
                assert_eq!(again.digest(), state.digest(), "the same state");
                let mut twice = Vec::with_capacity(once.len());
                again.encode(&mut twice);
                assert!(once == twice, "written the same again");
                format!("read {}", once == input)
            }
            Err(error) => super::kind(&format!("{error:?}")),
        }
    }
}

/// A state with a little of everything that commands alone bring about.
fn lived_in() -> State {
    let mut state = State::new(SEED);
    for (command, at) in listing().into_iter().chain(life()).zip(1_700_000_000_000..) {
        match state.decide(&command, Time(at)) {
            Decision::Event(event) => drop(state.evolve(&Record { at: Time(at), event })),
            other => panic!("{other:?}: {command:?}"),
        }
    }
    state
}

const NETWORK: NetworkIx = NetworkIx(0);

fn address(number: u64) -> Address {
    Address::new(&format!("0x{number:040x}")).expect("short")
}

fn block(height: u64) -> BlockRef {
    let hash = |height: u64| BlockHash([height.to_le_bytes()[0]; 32]);
    BlockRef { height, hash: hash(height), parent: hash(height.wrapping_sub(1)) }
}

/// A network with an asset of a token, a wallet, and two accounts.
pub(super) fn listing() -> Vec<Command> {
    let (network, unit) = (NETWORK, Amount::new(1_000_000));
    let payout_finality = Finality::Confirmations(12);
    let policy = NetworkPolicy { reorg_depth: 16, nodes_required: 1, max_in_flight: 4, payout_finality };
    let rules = AssetRules {
        deposits: true,
        payouts: true,
        min_deposit: Amount::new(1),
        max_deposit: Amount::new(1 << 80),
        min_payout: Amount::new(1),
        max_payout: Amount::new(1 << 80),
        fees: Fees { success: Amount::new(10), success_bps: 10, failure: Amount::new(10) },
        finality: vec![(unit, Finality::Confirmations(2)), (Amount::MAX, Finality::Finalized)],
        sweep_from: unit,
    };
    let (token, contract) = (TokenIx(0), Some(address(1)));
    vec![
        Command::ListNetwork { id: "eip155:1".into(), policy },
        Command::ListToken { id: "USD".into(), decimals: 6 },
        Command::ListAsset { id: "eip155:1/erc20:0x1".into(), network, token, decimals: 6, contract, rules },
        Command::PinAsset { asset: AssetIx(0), facts: AssetFacts { code: [1; 32], implementation: None } },
        Command::ListWallet { request: None, network, address: address(2), role: Role::Hot, key: "hot".into() },
        Command::ReadyWallet { wallet: WalletIx(0), next_nonce: 5 },
        Command::AddKey { name: "desk".into(), hash: [9; 32], scopes: 3 },
        Command::OpenAccount { request: None, name: "treasury".into() },
        Command::OpenAccount { request: None, name: "alice".into() },
        Command::StartNetwork { network, genesis: block(0), from: block(9) },
        Command::ScanBlocks { network, blocks: vec![block(10)] },
    ]
}

/// Deposits, one of them still to be credited, a move, and what else keeps something in the state.
fn life() -> Vec<Command> {
    let mut commands = Vec::new();
    for number in 1..4 {
        let key = DepositKey { network: NETWORK, tx: TxId([number; 32]), locator: Locator::Log(0) };
        let deposit = Incoming {
            key: key.clone(),
            asset: AssetIx(0),
            wallet: WalletIx(0),
            from: address(100 + u64::from(number)),
            from_contract: false,
            amount: Amount::new(900_000),
            block: block(10),
        };
        commands.push(Command::SeeDeposit { deposit });
        if number < 3 {
            let depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };
            commands.push(Command::CreditDeposit { key, block: block(10), depth });
        }
    }
    // A UUIDv7 of the time at which it is used.
    let request = |number: u128| Request {
        principal: Principal::Operator,
        key: (1_700_000_000_000 << 80) | (7 << 76) | (2 << 62) | number,
        content: Fingerprint(number),
    };
    let (from, to, amount, authority) = (AccountIx(2), AccountIx(1), Amount::new(5), MoveAuthority::Owner);
    let reason = || "why".into();
    commands.extend([
        Command::Move { request: request(1), token: TokenIx(0), from, to, amount, authority },
        Command::AnnounceFunding { request: request(2), network: NETWORK, tx: TxId([7; 32]), reason: reason() },
        Command::FreezeAccount { account: AccountIx(1), frozen: true, reason: reason() },
    ]);
    commands
}

/// The events of a short life, each as it stands in the journal.
pub(super) fn records() -> Vec<Vec<u8>> {
    let event = |number: u64| Event::AccountOpened { request: None, name: format!("account-{number}").into() };
    (0..5)
        .map(|number| {
            let mut bytes = Vec::new();
            Record { at: Time(number), event: event(number) }.encode(&mut bytes);
            bytes
        })
        .collect()
}
