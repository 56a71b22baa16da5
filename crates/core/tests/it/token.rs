//! Token operations by the core's public face: what each may do, the guard at every door, and what is found again.

use crate::world::*;
use tokengine_core::token::*;
use tokengine_core::*;

pub const GOLD: ClassIx = ClassIx(0);
pub const ART: ClassIx = ClassIx(1);

pub fn rules(hooks: &[&str], max_supply: Option<u128>, min_balance: Option<u128>) -> ClassRules {
    let hooks = hooks.iter().map(|hook| HookUse { hook: (*hook).into(), priority: 0 }).collect();
    let metadata = ClassMetadata {
        max_supply: max_supply.map(Amount::new),
        min_balance: min_balance.map(Amount::new),
        issuer: Some("mint".into()),
        fields: vec![],
    };
    ClassRules { metadata, hooks, commitment: CommitmentConfig::whole(1) }
}

pub fn class(id: &str, standard: Standard, rules: ClassRules) -> ClassSpec {
    let program = match standard {
        Standard::Ft => "reference-ft",
        Standard::Nft => "reference-nft",
    };
    ClassSpec { id: id.into(), program: program.into(), standard, decimals: 0, rules }
}

/// A class of each standard: at most 1,000 pieces of gold, of which 10 stay, and 3 works of art.
pub fn world() -> World {
    let mut world = World::funded(10_000_000);
    let gold = rules(&["validation", "max-supply", "min-balance"], Some(1_000), Some(10));
    world.ok(Command::CreateClass { spec: class("GOLD", Standard::Ft, gold) });
    let art = rules(&["max-supply"], Some(3), None);
    world.ok(Command::CreateClass { spec: class("ART", Standard::Nft, art) });
    world
}

pub fn operation(tx_id: &str, kind: OperationKind, class: &str) -> Operation {
    Operation {
        tx_id: tx_id.into(),
        correlation_id: None,
        kind,
        class: class.into(),
        token: None,
        initiator: "mint".into(),
        amount: None,
        identities: vec![],
        metadata: vec![],
        trace: None,
        timestamp: Some(Time(1)),
    }
}

pub fn with(mut operation: Operation, role: IdentityRole, address: &str) -> Operation {
    operation.identities.push(Identity { address: address.into(), role });
    operation
}

pub fn mint(tx_id: &str, amount: u128) -> Operation {
    let operation = with(operation(tx_id, OperationKind::Mint, "GOLD"), IdentityRole::Issuer, "mint");
    Operation { amount: Some(Amount::new(amount)), ..operation }
}

pub fn transfer(tx_id: &str, from: &str, to: &str, amount: u128) -> Operation {
    let operation = with(operation(tx_id, OperationKind::Transfer, "GOLD"), IdentityRole::Recipient, to);
    Operation { initiator: from.into(), amount: Some(Amount::new(amount)), ..operation }
}

fn of_token(tx_id: &str, kind: OperationKind, class: &str, token: &str, initiator: &str) -> Operation {
    Operation { token: Some(token.into()), initiator: initiator.into(), ..operation(tx_id, kind, class) }
}

fn nft_mint(tx_id: &str, token: &str, to: &str) -> Operation {
    with(of_token(tx_id, OperationKind::Mint, "ART", token, "mint"), IdentityRole::Issuer, to)
}

/// The code it failed with, or nothing.
pub fn operate(world: &mut World, operation: Operation) -> Option<String> {
    let event = world.ok(Command::Operate { operation: operation.into() });
    assert_eq!(world.state.verify_tokens(), Ok(()), "after {event:?}");
    match event {
        Event::OperationFailed { code, .. } => Some(code.into()),
        _ => None,
    }
}

fn account(world: &World, name: &str) -> AccountIx {
    world.state.account_by_name(name).expect("open")
}

fn gold(world: &World) -> TokenIx {
    world.state.class(GOLD).and_then(|class| class.token).expect("fungible")
}

#[test]
fn operations_answer_in_order_of_precedence() {
    let mut world = world();
    let next = &mut 0;
    let mut id = || {
        *next += 1;
        format!("tx-{next}")
    };
    use OperationKind::*;
    for (case, operation, code) in [
        ("a class that is not there", Operation { class: "NONE".into(), ..mint(&id(), 1) }, Some("unknown-class")),
        (
            "only the issuer mints",
            Operation { initiator: "mallory".into(), ..mint(&id(), 1) },
            Some("initiator-not-issuer"),
        ),
        ("nothing is not minted", mint(&id(), 0), Some("amount-zero")),
        ("nobody is the issuer", Operation { identities: vec![], ..mint(&id(), 1) }, Some("identity-missing")),
        (
            "gold is not approved",
            with(of_token(&id(), Approve, "GOLD", "mint", "mint"), IdentityRole::Approved, "a"),
            Some("unsupported-operation"),
        ),
        ("more than the maximum", mint(&id(), 1_001), Some("max-supply-exceeded")),
        ("the maximum", mint(&id(), 1_000), None),
        ("one more", mint(&id(), 1), Some("max-supply-exceeded")),
        ("nobody's gold is moved", transfer(&id(), "bob", "mint", 1), Some("insufficient-funds")),
        ("to oneself", transfer(&id(), "mint", "mint", 1), Some("same-account")),
        ("too little would stay", transfer(&id(), "mint", "alice", 991), Some("below-min-balance")),
        ("more than there is", transfer(&id(), "mint", "alice", 1_001), Some("insufficient-funds")),
        ("enough stays", transfer(&id(), "mint", "alice", 990), None),
        ("all may go", transfer(&id(), "mint", "alice", 10), None),
        ("a name that no account has", transfer(&id(), "alice", "no name", 1), Some("name-invalid")),
        (
            "not the owner",
            Operation { amount: Some(Amount::new(1)), ..of_token(&id(), Burn, "GOLD", "alice", "mint") },
            Some("initiator-not-owner"),
        ),
        (
            "the owner burns",
            Operation { amount: Some(Amount::new(1)), ..of_token(&id(), Burn, "GOLD", "alice", "alice") },
            None,
        ),
        ("only the issuer freezes", of_token(&id(), Freeze, "GOLD", "alice", "alice"), Some("initiator-not-issuer")),
        ("the issuer freezes", of_token(&id(), Freeze, "GOLD", "alice", "mint"), None),
        ("frozen gold does not move", transfer(&id(), "alice", "bob", 100), Some("token-frozen")),
        ("nor does any come to it", transfer(&id(), "mint", "alice", 100), Some("token-frozen")),
        ("it is frozen already", of_token(&id(), Freeze, "GOLD", "alice", "mint"), Some("token-frozen")),
        ("the issuer unfreezes", of_token(&id(), Unfreeze, "GOLD", "alice", "mint"), None),
        ("it moves again", transfer(&id(), "alice", "bob", 100), None),
        ("no such owner", of_token(&id(), Freeze, "GOLD", "carol", "mint"), Some("token-missing")),
    ] {
        assert_eq!(operate(&mut world, operation).as_deref(), code, "{case}");
    }
    let total = world.state.totals(gold(&world)).expect("listed");
    assert_eq!((total.issued, total.free), (Amount::new(999), Amount::new(999)));
    assert_eq!(world.state.supply(GOLD), Amount::new(999));
    assert_eq!(world.replayed().digest(), world.state.digest());
}

#[test]
fn g9_a_token_of_its_kind_has_one_owner_from_mint_to_burn() {
    let mut world = world();
    let to = |tx: &str, by: &str, whom: &str| {
        with(of_token(tx, OperationKind::Transfer, "ART", "lisa", by), IdentityRole::Recipient, whom)
    };
    let approve = |tx: &str, by: &str, whom: &str| {
        with(of_token(tx, OperationKind::Approve, "ART", "lisa", by), IdentityRole::Approved, whom)
    };
    let owner = |world: &World| {
        let token = world.state.issued_token(ART, "lisa").expect("minted");
        token.owner.and_then(|owner| world.state.account_name(owner)).map(str::to_owned)
    };
    for (case, operation, code, owned) in [
        ("minted", nft_mint("1", "lisa", "alice"), None, Some("alice")),
        ("minted twice", nft_mint("2", "lisa", "bob"), Some("token-exists"), Some("alice")),
        ("moved by nobody", to("3", "bob", "bob"), Some("initiator-not-owner"), Some("alice")),
        ("moved by the issuer", to("4", "mint", "mint"), Some("initiator-not-owner"), Some("alice")),
        ("moved by its owner", to("5", "alice", "bob"), None, Some("bob")),
        ("no more its owner", to("6", "alice", "alice"), Some("initiator-not-owner"), Some("bob")),
        ("approved", approve("7", "bob", "carol"), None, Some("bob")),
        ("moved by the approved", to("8", "carol", "dave"), None, Some("dave")),
        ("approved once", to("9", "carol", "carol"), Some("initiator-not-owner"), Some("dave")),
        ("burned", of_token("10", OperationKind::Burn, "ART", "lisa", "dave"), None, None),
        ("burned and moved", to("11", "dave", "bob"), Some("token-burned"), None),
        ("burned and minted", nft_mint("12", "lisa", "bob"), Some("token-exists"), None),
        ("never minted", of_token("13", OperationKind::Burn, "ART", "other", "bob"), Some("token-missing"), None),
    ] {
        assert_eq!(operate(&mut world, operation).as_deref(), code, "{case}");
        assert_eq!(owner(&world).as_deref(), owned, "{case}");
    }
    assert_eq!(world.state.supply(ART), Amount::ZERO);
    for (tx, token, code) in
        [("14", "a", None), ("15", "b", None), ("16", "c", None), ("17", "d", Some("max-supply-exceeded"))]
    {
        assert_eq!(operate(&mut world, nft_mint(tx, token, "alice")).as_deref(), code, "{token}");
    }
    assert_eq!(world.replayed().digest(), world.state.digest());
}

#[test]
fn g1_an_operation_has_one_effect_however_often_it_comes() {
    let mut world = world();
    let first = mint("once", 100);
    assert_eq!(operate(&mut world, first.clone()), None);
    let position = world.state.position();
    // Years later, under another trace.
    world.now = world.now.plus_ms(10 * 365 * 24 * 3_600_000);
    let trace = Some(TraceContext { trace_id: [1; 16], span_id: [2; 8] });
    let again = Operation { trace, ..first.clone() };
    let Decision::Replayed(answer) = world.decide(&Command::Operate { operation: again.into() }) else {
        panic!("it was executed before")
    };
    assert_eq!((answer.position, answer.refused), (position, None));
    let other = Operation { amount: Some(Amount::new(101)), ..first };
    assert_eq!(world.refusal(Command::Operate { operation: other.into() }), Some(Rejection::OperationReused));
    assert_eq!(world.state.supply(GOLD), Amount::new(100));
    let outcome = world.state.operation("once").expect("known for ever");
    assert_eq!(outcome, OperationOutcome { position, completed: true });

    // One that failed did nothing: the same is tried again, other content is not.
    let early = transfer("early", "alice", "bob", 5);
    assert_eq!(operate(&mut world, early.clone()).as_deref(), Some("insufficient-funds"));
    assert!(!world.state.operation("early").expect("known").completed);
    assert_eq!(operate(&mut world, transfer("fund", "mint", "alice", 5)), None);
    let other = Operation { amount: Some(Amount::new(4)), ..early.clone() };
    assert_eq!(world.refusal(Command::Operate { operation: other.into() }), Some(Rejection::OperationReused));
    assert_eq!(operate(&mut world, early), None);
    assert!(world.state.operation("early").expect("known").completed);
}

#[test]
fn what_cannot_be_kept_is_refused_without_an_event() {
    let mut world = world();
    let long: Box<str> = "x".repeat(200).into();
    let unordered = vec![("b".into(), "1".into()), ("a".into(), "2".into())];
    for (case, operation) in [
        ("no id", mint("", 1)),
        ("a long id", mint(&long, 1)),
        ("a control character", mint("a\nb", 1)),
        ("metadata out of order", Operation { metadata: unordered, ..mint("m", 1) }),
        ("nobody", Operation { initiator: "".into(), ..mint("n", 1) }),
    ] {
        let command = Command::Operate { operation: operation.into() };
        assert_eq!(world.decide(&command), Decision::Refused(Rejection::OperationInvalid), "{case}");
    }
}

#[test]
fn classes_are_made_and_changed_only_as_they_can_be_kept() {
    let mut world = world();
    let good = rules(&[], None, None);
    let covering =
        |fields: &[Field], version| CommitmentConfig { fields: fields.to_vec(), ..CommitmentConfig::whole(version) };
    let committed = |commitment| ClassRules { commitment, ..good.clone() };
    let ft = |id: &str| class(id, Standard::Ft, good.clone());
    for (case, spec, answer) in [
        ("a class twice", ft("GOLD"), Rejection::AlreadyListed),
        ("a token of that name", ft("USD"), Rejection::AlreadyListed),
        ("a name that no path takes", ft("a/b"), Rejection::NameInvalid),
        (
            "a part of a work of art",
            ClassSpec { decimals: 2, ..class("X", Standard::Nft, good.clone()) },
            Rejection::NameInvalid,
        ),
        ("no such program", ClassSpec { program: "none".into(), ..ft("X") }, Rejection::UnknownProgram),
        (
            "g8: a standard of another program",
            ClassSpec { program: "reference-nft".into(), ..ft("X") },
            Rejection::UnsupportedStandard,
        ),
        ("no such hook", class("X", Standard::Ft, rules(&["none"], None, None)), Rejection::UnknownHook),
        (
            "a hook twice",
            class("X", Standard::Ft, rules(&["validation", "validation"], None, None)),
            Rejection::RuleInvalid,
        ),
        (
            "what it holds is not covered",
            class("X", Standard::Ft, committed(covering(&[Field::Owner, Field::Free], 1))),
            Rejection::RuleInvalid,
        ),
        (
            "fields out of order",
            class("X", Standard::Nft, committed(covering(&[Field::Frozen, Field::Owner], 1))),
            Rejection::RuleInvalid,
        ),
    ] {
        assert_eq!(world.refusal(Command::CreateClass { spec }), Some(answer), "{case}");
    }
    assert_eq!(operate(&mut world, mint("m", 500)), None);
    let change = |rules| Command::ChangeClass { class: GOLD, rules };
    for (case, rules, answer) in [
        ("less than there is", rules(&[], Some(499), None), Rejection::RuleInvalid),
        (
            "other fields under the same version",
            committed(covering(&[Field::Owner, Field::Free, Field::Held], 1)),
            Rejection::RuleInvalid,
        ),
        ("an older version", committed(covering(&[Field::Owner, Field::Free, Field::Held], 0)), Rejection::RuleInvalid),
    ] {
        assert_eq!(world.refusal(change(rules)), Some(answer), "{case}");
    }
    world.ok(change(good.clone()));
    assert_eq!(world.refusal(change(good)), Some(Rejection::Stale));
    assert_eq!(
        world.refusal(Command::ChangeClass { class: ClassIx(9), rules: rules(&[], None, None) }),
        Some(Rejection::UnknownClass)
    );
    assert_eq!(world.state.class(GOLD).expect("made").history.len(), 2);
}

#[test]
fn a_change_of_the_commitment_leaves_older_states_as_they_were() {
    let mut world = world();
    for (tx, amount) in [("1", 100), ("2", 100)] {
        assert_eq!(operate(&mut world, mint(tx, amount)), None);
    }
    assert_eq!(operate(&mut world, transfer("3", "mint", "alice", 50)), None);
    let before = world.state.issued_token(GOLD, "alice").expect("there").clone();
    for (version, (algorithm, _)) in (2..).zip(Algorithm::ALL) {
        let fields = vec![Field::Owner, Field::Free, Field::Held];
        let commitment = CommitmentConfig { version, algorithm: *algorithm, fields };
        let rules = ClassRules { commitment, ..rules(&[], None, None) };
        world.ok(Command::ChangeClass { class: GOLD, rules });
        assert_eq!(world.state.verify_tokens(), Ok(()));
        let tx = format!("v{version}");
        assert_eq!(operate(&mut world, transfer(&tx, "mint", "bob", 1)), None);
        let bob = world.state.issued_token(GOLD, "bob").expect("there");
        assert_eq!(bob.config, version - 1);
    }
    assert_eq!(world.state.issued_token(GOLD, "alice"), Some(&before));
    assert_eq!(operate(&mut world, transfer("4", "alice", "bob", 1)), None);
    let after = world.state.issued_token(GOLD, "alice").expect("there");
    assert_eq!((after.previous, after.version), (before.commitment, before.version + 1), "it is chained");
    let mut bytes = Vec::new();
    world.state.encode(&mut bytes);
    assert_eq!(State::decode(&bytes, 9).map(|state| state.digest()), Ok(world.state.digest()));
}

/// What each door answers, and that the token's commitment has moved when it let something through.
fn every_door(world: &mut World, case: &str, answer: Option<Rejection>) {
    let token = gold(world);
    let (shop, other) = (account(world, "shop"), account(world, "other"));
    let asset = world.state.asset_by_id("eip155:1/erc20:0xGOLD").expect("listed");
    let amount = Amount::new(100);
    let owner = MoveAuthority::Owner;
    let (moved, held) = (world.request(), world.request());
    let order = PayoutOrder { authority: Authority::Key(KEY), ..world.order(shop, asset, 100) };
    let doors = [
        ("move", Command::Move { request: moved, token, from: shop, to: other, amount, authority: owner }),
        ("hold", Command::HoldPayout { request: held, order, trace: None }),
    ];
    for (door, command) in doors {
        let before = world.state.issued_token(GOLD, "shop").expect("there").clone();
        match answer {
            Some(answer) => assert_eq!(world.refusal(command), Some(answer), "{case}: {door}"),
            None => drop(world.ok(command)),
        }
        let after = world.state.issued_token(GOLD, "shop").expect("there");
        let version = before.version + u64::from(answer.is_none());
        assert_eq!(after.version, version, "{case}: {door}");
        assert_eq!(world.state.verify_tokens(), Ok(()), "{case}: {door}");
    }
}

#[test]
fn every_door_passes_the_guard_and_moves_the_commitment() {
    let mut world = world();
    let token = gold(&world);
    world.ok(Command::ListAsset {
        id: "eip155:1/erc20:0xGOLD".into(),
        network: A,
        token,
        decimals: 0,
        contract: Some(address("GOLD")),
        rules: AssetRules { fees: Fees::default(), ..crate::world::rules() },
    });
    let asset = world.state.asset_by_id("eip155:1/erc20:0xGOLD").expect("listed");
    world.ok(Command::PinAsset { asset, facts: AssetFacts { code: [1; 32], implementation: None } });
    assert_eq!(operate(&mut world, mint("1", 1_000)), None);
    assert_eq!(operate(&mut world, transfer("2", "mint", "other", 10)), None);
    assert_eq!(operate(&mut world, transfer("3", "mint", "shop", 980)), None);

    every_door(&mut world, "as it is", None);
    world.ok(Command::PauseClass { class: GOLD, paused: true, reason: "look".into() });
    every_door(&mut world, "paused", Some(Rejection::ClassPaused));
    assert_eq!(operate(&mut world, mint("4", 1)).as_deref(), Some("class-paused"));
    world.ok(Command::PauseClass { class: GOLD, paused: false, reason: "looked".into() });
    assert_eq!(operate(&mut world, of_token("5", OperationKind::Freeze, "GOLD", "shop", "mint")), None);
    every_door(&mut world, "frozen", Some(Rejection::TokenFrozen));
    let (shop, other) = (account(&world, "shop"), account(&world, "other"));
    let authority = MoveAuthority::Owner;
    let request = world.request();
    let inward = Command::Move { request, token, from: other, to: shop, amount: Amount::new(100), authority };
    assert_eq!(world.refusal(inward), Some(Rejection::TokenFrozen), "none comes to a frozen one either");
    // A held payout is not signed while its token is frozen, and can be taken back.
    let payout = world.state.payouts().next().map(|(id, _)| id).expect("held");
    let (purpose, gas_reserve) = (Purpose::Payout(payout), Amount::new(21_000));
    let open = Command::OpenDispatch { wallet: HOT_A, nonce: 0, purpose, gas_reserve };
    assert_eq!(world.refusal(open), Some(Rejection::TokenFrozen));
    world.ok(Command::CancelPayout { request: None, payout, authority: Authority::Operator });
    assert_eq!((world.free(shop, token), world.held(shop, token)), (880, 0));
    assert_eq!(world.state.verify_tokens(), Ok(()));
    assert_eq!(operate(&mut world, of_token("6", OperationKind::Unfreeze, "GOLD", "shop", "mint")), None);
    let request = world.request();
    let leave = Command::Move { request, token, from: shop, to: other, amount: Amount::new(871), authority };
    assert_eq!(world.refusal(leave), Some(Rejection::BelowMinBalance));
    assert_eq!(world.replayed().digest(), world.state.digest());
}

#[test]
fn an_account_that_is_joined_brings_its_issued_tokens_past_the_guard() {
    let mut world = world();
    let (old, new) = ("eip155:1:0xOLD", "eip155:1:0xNEW");
    world.ok(Command::OpenAccount { request: None, name: new.into() });
    assert_eq!(operate(&mut world, mint("1", 100)), None);
    assert_eq!(operate(&mut world, transfer("2", "mint", old, 60)), None);
    assert_eq!(operate(&mut world, nft_mint("3", "lisa", old)), None);
    let owner = account(&world, new);
    let link = |world: &mut World| Command::LinkName {
        request: world.request(),
        account: owner,
        name: old.into(),
        authority: world.signed(owner),
        nonce: 7,
        expiry: world.now.plus_ms(1_000),
    };
    assert_eq!(operate(&mut world, of_token("4", OperationKind::Freeze, "GOLD", old, "mint")), None);
    let command = link(&mut world);
    assert_eq!(world.refusal(command), Some(Rejection::TokenFrozen));
    assert_eq!(operate(&mut world, of_token("5", OperationKind::Unfreeze, "GOLD", old, "mint")), None);
    let command = link(&mut world);
    world.ok(command);
    assert_eq!(world.free(owner, gold(&world)), 60);
    assert_eq!(world.state.verify_tokens(), Ok(()));
    assert_eq!(operate(&mut world, transfer("6", new, "bob", 50)), None);
    // The work of art is the joined account's by either name.
    let lisa = of_token("7", OperationKind::Transfer, "ART", "lisa", new);
    assert_eq!(operate(&mut world, with(lisa, IdentityRole::Recipient, "bob")), None);
    assert_eq!(world.replayed().digest(), world.state.digest());
}

#[test]
fn the_fast_path_leaves_issued_tokens_to_the_rules() {
    let mut world = world();
    assert_eq!(operate(&mut world, mint("1", 100)), None);
    assert_eq!(operate(&mut world, transfer("2", "mint", "bob", 20)), None);
    let (token, from, to) = (gold(&world), account(&world, "mint"), account(&world, "bob"));
    let (authority, amount) = (MoveAuthority::Key, Amount::new(5));
    // A first request of the hour makes the fast path ready.
    let request = world.request();
    world.ok(Command::Move { request, token, from, to, amount, authority });
    let request = world.request();
    let command = Command::Move { request, token, from, to, amount, authority };
    let (digest, mut out) = (world.state.digest(), Vec::new());
    assert_eq!(world.state.take_move(&command, world.now, &mut out), None);
    assert_eq!((world.state.digest(), out.len()), (digest, 0));
    world.ok(command);
    assert_eq!(world.free(to, token), 30);
    assert_eq!(world.state.verify_tokens(), Ok(()));
    // Nor does a replay take them on its own.
    let journal = world.records.iter().map(|record| {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        bytes
    });
    let journal: Vec<_> = journal.collect();
    let mut replayed = State::new(5);
    assert_eq!(replayed.replay(journal.iter().map(Vec::as_slice)), Ok(()));
    assert_eq!(replayed.digest(), world.state.digest());
}

#[test]
fn the_root_proves_every_token_and_is_the_same_after_a_replay_and_a_snapshot() {
    let mut world = world();
    assert_eq!(operate(&mut world, mint("1", 100)), None);
    assert_eq!(operate(&mut world, nft_mint("2", "lisa", "alice")), None);
    let old = world.state.token_root();
    assert_eq!(operate(&mut world, transfer("3", "mint", "alice", 20)), None);
    let (token, from, to) = (gold(&world), account(&world, "mint"), account(&world, "alice"));
    let (request, amount, authority) = (world.request(), Amount::new(5), MoveAuthority::Key);
    world.ok(Command::Move { request, token, from, to, amount, authority });
    let root = world.state.token_root();
    for (class, id) in [(GOLD, "mint"), (GOLD, "alice"), (ART, "lisa")] {
        let proof = world.state.token_proof(class, id).expect("there");
        assert!(proof.verify(&root) && !proof.verify(&old), "{id}");
    }
    assert_eq!(world.state.token_proof(ART, "other"), None);
    let mut bytes = Vec::new();
    world.state.encode(&mut bytes);
    assert_eq!(State::decode(&bytes, 9).map(|state| state.token_root()), Ok(root));
    assert_eq!(world.replayed().token_root(), root);
}
