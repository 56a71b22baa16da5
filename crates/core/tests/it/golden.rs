//! The bytes of every event are the same for ever: each kind's record of today is kept here as it was first written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use tokengine_core::*;

use crate::world::World;

/// A run that makes at least one event of most kinds; the others are given by hand.
fn examples() -> Vec<Event> {
    use crate::world::*;
    let request = Request { principal: Principal::Account(AccountIx(1)), key: 2 << 80 | 3, content: Fingerprint(4) };
    let key = DepositKey { network: A, tx: tx(5), locator: Locator::Trace([1, 0, 7].into()) };
    let (account, asset, wallet, token) = (AccountIx(6), AssetIx(7), WalletIx(8), TokenIx(9));
    let (payout, dispatch, transfer, item) = (PayoutId(10), DispatchId(11), TransferId(12), SuspenseId(13));
    let amount = Amount::new(1 << 100);
    let reason: Box<str> = "why".into();
    let trace = Some(TraceContext { trace_id: [43; 16], span_id: [44; 8] });
    let facts = AssetFacts { code: [14; 32], implementation: Some([15; 32]) };
    let order = PayoutOrder {
        account,
        asset,
        amount,
        destination: address("D"),
        max_fee: amount,
        external_id: Some("inv".into()),
        nonce: 16,
        expiry: Time(17),
        authority: Authority::Signature {
            signer: "s".into(),
            digest: [18; 32],
            signature: [19; 65].into(),
            contract: true,
        },
    };
    let attempt = Attempt {
        tx: tx(20),
        raw: [21, 22].into(),
        kind: AttemptKind::Cancel,
        max_gas_cost: amount,
        fee_cap: Amount::new(23),
        tip: Amount::new(24),
        signed_at: Time(25),
        sent_at: None,
    };
    let sighting = Sighting { attempt: 26, block: block(27), success: true };
    let deposit =
        Incoming { key: key.clone(), asset, wallet, from: address("F"), from_contract: true, amount, block: block(28) };
    vec![
        Event::NetworkListed { id: "eip155:1".into(), policy: policy() },
        Event::NetworkPolicyChanged { network: A, policy: policy() },
        Event::TokenListed { id: "USD".into(), decimals: 18 },
        Event::AssetListed {
            id: "a".into(),
            network: A,
            token,
            decimals: 6,
            contract: Some(address("C")),
            rules: rules(),
        },
        Event::AssetRulesChanged { asset, rules: rules() },
        Event::AssetPinned { asset, facts },
        Event::AssetStopped { asset, reason: reason.clone() },
        Event::AssetResumed { asset, reason: reason.clone(), request: Some(request) },
        Event::WalletListed {
            request: None,
            network: A,
            address: address("W"),
            role: Role::Deposit(account),
            key: "k".into(),
        },
        Event::WalletRoleChanged { wallet, role: Role::Retiring },
        Event::WalletReady { wallet, next_nonce: 29 },
        Event::KeyAdded { name: "desk".into(), hash: [30; 32], scopes: 31, request: Some(request) },
        Event::KeyRevoked { key: KEY, request: None },
        Event::TopUpLimitSet { network: A, a_day: amount },
        Event::AccountOpened { request: Some(request), name: "shop".into() },
        Event::NameLinked { request, account, name: "n".into(), merged: Some(account), moved: vec![(token, amount)] },
        Event::AccountFrozen { account, frozen: true, reason: reason.clone(), request: Some(request) },
        Event::Moved { request, token, from: account, to: AccountIx(32), amount },
        Event::Refused { request, rejection: Rejection::InsufficientFunds },
        Event::NetworkStarted { network: A, genesis: block(0), from: block(1) },
        Event::BlocksScanned { network: A, blocks: vec![block(1), block(2)] },
        Event::ScanRewound { network: A, to: block(1) },
        Event::NetworkHalted { network: A, reason: reason.clone() },
        Event::NetworkResumed {
            network: A,
            reason: reason.clone(),
            from: Some(block(3)),
            request: Some(request),
            searched: true,
        },
        Event::DepositClaimed { request, network: A, tx: tx(33), by: Some(account), trace },
        Event::ClaimClosed { network: A, tx: tx(33), outcome: ClaimOutcome::Refused(ClaimRefusal::NotYours) },
        Event::DepositSeen { deposit },
        Event::DepositReblocked { key: key.clone(), block: block(4) },
        Event::DepositDropped { key: key.clone() },
        Event::DepositCredited {
            key: key.clone(),
            asset,
            wallet,
            from: address("F"),
            amount,
            credited: amount,
            to: CreditTo::NewAccount("n".into()),
            block: block(5),
            depth: DEEP,
            from_surplus: vec![(item, amount)],
            given_before: Amount::new(45),
        },
        Event::DepositReversed {
            key,
            account: Some(account),
            asset,
            from_wallets: vec![(wallet, amount)],
            credited: amount,
            taken: Amount::ZERO,
            back_to: Some((wallet, amount)),
            unswept: vec![(tx(33), amount)],
        },
        Event::FundingAnnounced { request, network: A, tx: tx(34), reason: reason.clone() },
        Event::PayoutHeld {
            request,
            payout,
            transfer: Some(transfer),
            order: order.clone(),
            amount,
            success_fee: Amount::new(35),
            failure_fee: Amount::new(36),
            held: amount,
            trace,
        },
        Event::PayoutSettledInside {
            request,
            payout,
            transfer: None,
            order: order.clone(),
            to: account,
            amount,
            fee: amount,
        },
        Event::PayoutWaiting { payout, why: Wait::Fee },
        Event::PayoutCancelled { request: Some(request), payout },
        Event::CancelRequested { request: None, payout },
        Event::DispatchOpened {
            dispatch,
            wallet,
            nonce: 37,
            purpose: Purpose::Sweep { to: wallet, asset, amount },
            gas_reserve: amount,
        },
        Event::AttemptSigned { dispatch, attempt },
        Event::AttemptSent { dispatch, attempt: 38 },
        Event::DispatchSeen { dispatch, sighting: sighting.clone() },
        Event::DispatchUnseen { dispatch },
        Event::DispatchFinal { dispatch, sighting, gas: amount, depth: DEEP },
        Event::DispatchDead { dispatch, by: tx(39), block: block(6) },
        Event::WalletFrozen { wallet, reason: reason.clone() },
        Event::WalletThawed { wallet, reason: reason.clone(), request: Some(request) },
        Event::FinalCleared {
            request,
            network: A,
            tx: tx(46),
            proof: Some((tx(47), block(48))),
            reason: reason.clone(),
            wallet,
            returned: Some((asset, amount)),
            from: Some(wallet),
        },
        Event::PayoutEndedInside { payout, to: Some(account), fee: amount },
        Event::PayoutPaidBefore { payout, dispatch, tx: tx(41), block: block(7), fee: amount },
        Event::UnmatchedCleared { request, dispatch, network: A, tx: tx(41), reason: reason.clone() },
        Event::FinalReblocked { network: A, tx: tx(42), block: block(7), gas: amount },
        Event::DispatchAdopted {
            dispatch,
            wallet,
            nonce: 40,
            purpose: Some(Purpose::Payout(payout)),
            tx: tx(41),
            block: block(7),
            success: true,
            lost: Some((asset, amount)),
            gas: amount,
            to: Some(address("GONE")),
        },
        Event::TransferRequested { request, transfer, network: A, tx: tx(42), order, trace },
        Event::TransferFailed { transfer, why: Rejection::DepositElsewhere },
        Event::PauseSet { request, scope: Scope::Asset(asset), paused: true, reason: reason.clone() },
        Event::SuspenseAssigned { request, item, to: Assign::Account(account), reason: reason.clone() },
        Event::OwedSettled { request, account, token, amount },
        Event::SurplusBooked { wallet, asset, amount, block: block(8) },
        Event::ShortageFound { wallet, asset, missing: amount, block: block(9) },
        Event::ShortageCleared { asset, block: block(10) },
        Event::ShortageWrittenOff { request, wallet, asset, amount, reason: reason.clone() },
        Event::RecoveryStarted { reason: reason.clone() },
        Event::RecoveryEnded { reason: reason.clone() },
        Event::ClassCreated { spec: token_class(), request: Some(request) },
        Event::ClassChanged { class: ClassIx(46), rules: token_class().rules, request: None },
        Event::ClassPaused { class: ClassIx(46), paused: true, reason, request: Some(request) },
        Event::Operated {
            operation: token_operation(trace).into(),
            class: ClassIx(46),
            opened: Some("alice".into()),
            posting: token::Posting::Moved { token, from: account, to: AccountIx(47), amount },
            changes: vec![token::TokenChange { state: token_state(), free: amount, held: Amount::new(48) }],
            warnings: vec![token::Warning { hook: "h".into(), code: "c".into(), reason: "r".into() }],
        },
        Event::OperationFailed {
            operation: token_operation(None).into(),
            code: "commitment-mismatch".into(),
            message: "m".into(),
            failure: token::Failure::Tampered { class: ClassIx(46), token: "alice".into() },
        },
    ]
}

fn token_class() -> token::ClassSpec {
    let metadata = token::ClassMetadata {
        max_supply: Some(Amount::new(49)),
        min_balance: None,
        issuer: Some("mint".into()),
        fields: vec![("colour".into(), "yellow".into())],
    };
    let hooks = vec![token::HookUse { hook: "max-supply".into(), priority: 50 }];
    let fields = vec![token::Field::Owner, token::Field::Approved];
    let commitment = token::CommitmentConfig { version: 51, algorithm: token::Algorithm::Keccak256, fields };
    token::ClassSpec {
        id: "GOLD".into(),
        program: "reference-ft".into(),
        standard: token::Standard::Ft,
        decimals: 2,
        rules: token::ClassRules { metadata, hooks, commitment },
    }
}

fn token_operation(trace: Option<TraceContext>) -> token::Operation {
    token::Operation {
        tx_id: "tx".into(),
        correlation_id: Some("whole".into()),
        kind: token::OperationKind::Approve,
        class: "GOLD".into(),
        token: Some("lisa".into()),
        initiator: "bob".into(),
        amount: Some(Amount::new(52)),
        identities: vec![token::Identity { address: "carol".into(), role: token::IdentityRole::Approved }],
        metadata: vec![("year".into(), "1503".into())],
        trace,
        timestamp: Some(Time(53)),
    }
}

fn token_state() -> token::TokenState {
    token::TokenState {
        class: ClassIx(46),
        id: "lisa".into(),
        owner: Some(AccountIx(54)),
        approved: Some(AccountIx(55)),
        frozen: true,
        stopped: false,
        version: 56,
        config: 57,
        metadata: vec![("year".into(), "1503".into())],
        previous: [58; 32],
        commitment: [59; 32],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

/// One line an event: its name and its record's bytes, made once, and one for each older version, by `name.version`; it is
/// only ever added to. `TOKENGINE_WRITE_GOLDEN=1` writes the lines of kinds and versions that are new.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/events.txt");

#[test]
fn every_event_has_the_bytes_it_always_had() {
    let today: BTreeMap<String, String> = examples()
        .into_iter()
        .map(|event| {
            let mut bytes = Vec::new();
            let record = Record { at: Time(1_800_000_000_000), event };
            record.encode(&mut bytes);
            assert_eq!(Record::decode(&bytes).as_ref(), Ok(&record));
            (record.event.name().to_owned(), hex(&bytes))
        })
        .collect();
    let kinds: BTreeSet<&str> = Event::KINDS.iter().map(|(_, _, name)| *name).collect();
    assert_eq!(today.keys().map(String::as_str).collect::<BTreeSet<_>>(), kinds, "every kind has an example");
    let tags: BTreeSet<_> = Event::KINDS.iter().map(|(tag, version, _)| (tag, version)).collect();
    assert_eq!(tags.len(), Event::KINDS.len(), "no tag is used twice");

    let kept = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    let kept: BTreeMap<&str, &str> = kept.lines().filter_map(|line| line.split_once(' ')).collect();
    if std::env::var_os("TOKENGINE_WRITE_GOLDEN").is_some() {
        let mut lines: BTreeMap<String, &str> = kept.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect();
        for (name, bytes) in &today {
            // What an older version wrote is kept under that version: it must read for ever.
            if let Some(old) = lines.get(name).copied().filter(|old| version(old) != version(bytes)) {
                lines.insert(format!("{name}.{}", version(old)), old);
                lines.insert(name.clone(), bytes);
            }
            lines.entry(name.clone()).or_insert(bytes);
        }
        let lines: String = lines.iter().map(|(name, bytes)| format!("{name} {bytes}\n")).collect();
        std::fs::write(GOLDEN, lines).expect("the checkout is writable");
        return;
    }
    for (name, bytes) in &today {
        assert_eq!(kept.get(name.as_str()), Some(&bytes.as_str()), "{name}");
    }
    let mut older: BTreeSet<(&str, u8)> = BTreeSet::new();
    for (line, bytes) in kept.iter().filter(|(line, _)| !today.contains_key(**line)) {
        let name = line.split('.').next().expect("split has a first part");
        let record = Record::decode(&unhex(bytes)).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(record.event.name(), name, "{line}");
        older.insert((name, version(bytes)));
    }
    for (_, latest, name) in Event::KINDS {
        assert!((1..*latest).all(|version| older.contains(&(name, version))), "{name}: every older version is kept");
    }
}

/// The version of its kind that a kept record was written in: the byte after its time and its tag.
fn version(hex: &str) -> u8 {
    unhex(hex)[10]
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn an_unknown_tag_and_broken_bytes_are_errors_and_never_panics() {
    let mut bytes = Vec::new();
    Record { at: Time(1), event: Event::KeyRevoked { key: KeyIx(1), request: None } }.encode(&mut bytes);
    for end in 0..bytes.len() {
        assert!(Record::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let mut newer = bytes.clone();
    newer[8..10].copy_from_slice(&60_000u16.to_le_bytes());
    assert_eq!(Record::decode(&newer).map_err(|e| e.code()), Err("event-unknown"));
    bytes.push(0);
    assert_eq!(Record::decode(&bytes), Err(DecodeError::Trailing(1)));
}

#[test]
fn a_snapshot_reads_as_it_was_written_and_a_replay_gives_the_same_digest() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", crate::world::USD_A, 1_000_000);
    let order = world.order(alice, crate::world::USD_A, 100);
    let payout = world.hold(order);
    let dispatch = world.open(crate::world::HOT_A, Purpose::Payout(payout));
    world.sign(dispatch, AttemptKind::Act, 100);
    let mut bytes = Vec::new();
    world.state.encode(&mut bytes);
    let read = State::decode(&bytes, 5).expect("just written");
    assert_eq!(read.digest(), world.state.digest(), "whatever the seed");
    assert_eq!(world.replayed().digest(), world.state.digest());
    assert_eq!(read.check_books(), Ok(()));
    assert_eq!(read.dispatch_of_tx(&read.dispatch(dispatch).expect("open").attempts[0].tx), Some(dispatch));
    for cut in [0, 3, 4, 50, bytes.len() / 2, bytes.len() - 1] {
        assert!(State::decode(&bytes[..cut], 5).is_err(), "cut at {cut}");
    }
}
