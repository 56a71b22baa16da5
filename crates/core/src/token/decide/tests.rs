//! What only the inside can try: a program that panics, and a state that somebody changed past the engine.

use crate::token::*;
use crate::*;

/// Panics when it is asked to burn.
pub(in crate::token) struct Faulty;

impl Program for Faulty {
    fn id(&self) -> &'static str {
        "faulty"
    }
    fn standards(&self) -> &'static [Standard] {
        &[Standard::Ft]
    }
    fn operations(&self) -> &'static [OperationKind] {
        &[OperationKind::Mint, OperationKind::Burn, OperationKind::Freeze, OperationKind::Unfreeze]
    }
    fn validate(&self, _: &Context<'_>) -> Result<(), Refusal> {
        Ok(())
    }
    fn execute(&self, context: &Context<'_>) -> Result<Effect, Refusal> {
        match context.operation.kind {
            OperationKind::Burn => panic!("a program that is wrong"),
            OperationKind::Unfreeze => Ok(Effect::Freeze(false)),
            // More than there is: the core must not believe it.
            OperationKind::Freeze => Ok(Effect::Burn(Amount::MAX)),
            _ => Ok(Effect::Mint(context.amount()?)),
        }
    }
}

struct World {
    state: State,
    now: Time,
    ids: u32,
}

impl World {
    fn new() -> Self {
        let mut world = Self { state: State::new(1), now: Time(1_800_000_000_000), ids: 0 };
        for (id, program) in [("BAD", "faulty"), ("GOOD", "reference-ft")] {
            let metadata = ClassMetadata::default();
            let rules = ClassRules { metadata, hooks: vec![], commitment: CommitmentConfig::whole(1) };
            let standard = Standard::Ft;
            let spec = ClassSpec { id: id.into(), program: program.into(), standard, decimals: 0, rules };
            world.take(Command::CreateClass { spec });
        }
        world
    }

    fn take(&mut self, command: Command) -> Event {
        let Decision::Event(event) = self.state.decide(&command, self.now) else { panic!("{command:?} is taken") };
        self.state.evolve(&Record { at: self.now, event: event.clone() });
        self.state.check_books().expect("the books balance");
        event
    }

    /// The code it failed with, or nothing.
    fn operate(&mut self, kind: OperationKind, class: &str, token: Option<&str>) -> Option<String> {
        self.ids += 1;
        let identities = vec![Identity { address: "alice".into(), role: IdentityRole::Issuer }];
        let operation = Operation {
            tx_id: format!("op-{}", self.ids).into(),
            correlation_id: None,
            kind,
            class: class.into(),
            token: token.map(Into::into),
            initiator: "alice".into(),
            amount: Some(Amount::new(10)),
            identities,
            metadata: vec![],
            trace: None,
            timestamp: Some(self.now),
        };
        match self.take(Command::Operate { operation: operation.into() }) {
            Event::OperationFailed { code, .. } => Some(code.into()),
            _ => None,
        }
    }
}

#[test]
fn g4_a_panic_refuses_the_operation_and_stops_that_class_alone() {
    let mut world = World::new();
    let (bad, good) = (ClassIx(0), ClassIx(1));
    assert_eq!(world.operate(OperationKind::Mint, "BAD", None), None);
    assert_eq!(world.operate(OperationKind::Freeze, "BAD", Some("alice")).as_deref(), Some("insufficient-funds"));
    assert_eq!(world.operate(OperationKind::Burn, "BAD", Some("alice")).as_deref(), Some("program-panicked"));
    assert_eq!(world.operate(OperationKind::Mint, "BAD", None).as_deref(), Some("program-quarantined"));
    assert_eq!(world.operate(OperationKind::Mint, "GOOD", None), None);
    assert_eq!((world.state.supply(bad), world.state.supply(good)), (Amount::new(10), Amount::new(10)));
    world.take(Command::PauseClass { class: bad, paused: false, reason: "looked at".into() });
    assert_eq!(world.operate(OperationKind::Mint, "BAD", None), None);
}

#[test]
fn a_state_that_was_changed_past_the_engine_is_refused_and_stopped() {
    let mut world = World::new();
    let class = ClassIx(1);
    let token = world.state.class(class).and_then(|class| class.token).expect("fungible");
    assert_eq!(world.operate(OperationKind::Mint, "GOOD", None), None);
    let honest = world.state.clone();
    let alice = world.state.account_by_name("alice").expect("opened by the mint");
    // Somebody gives alice a unit that nobody issued; the totals are made to agree, so that the books look right.
    world.state.ledger.issue(alice, token, Amount::new(1));
    world.state.ledger.take_changed();
    assert_eq!(world.state.check_books(), Ok(()));
    assert_eq!(world.state.verify_tokens().map_err(|found| found.token), Err("alice".into()));
    assert_eq!(world.operate(OperationKind::Burn, "GOOD", Some("alice")).as_deref(), Some("commitment-mismatch"));
    let stopped = world.state.issued_token(class, "alice").expect("there");
    assert!(stopped.stopped && !stopped.frozen);
    assert_eq!(stopped.commitment, honest.issued_token(class, "alice").expect("there").commitment);
    // No door moves it, and no operation makes it good again.
    assert_eq!(world.state.guard_out(token, alice, Amount::new(1)), Err(Rejection::TokenFrozen));
    assert_eq!(world.operate(OperationKind::Unfreeze, "GOOD", Some("alice")).as_deref(), Some("commitment-mismatch"));
    let mut bytes = Vec::new();
    world.state.encode(&mut bytes);
    assert_eq!(State::decode(&bytes, 3).map(drop), Err(DecodeError::Invalid { what: "a commitment" }));
}

#[test]
fn a_token_that_was_stopped_is_good_again_once_its_state_is() {
    let mut world = World::new();
    assert_eq!(world.operate(OperationKind::Mint, "GOOD", None), None);
    let mut stopped = world.state.issued_token(ClassIx(1), "alice").expect("there").clone();
    stopped.stopped = true;
    world.state.issued.set(stopped);
    assert_eq!(world.operate(OperationKind::Burn, "GOOD", Some("alice")).as_deref(), Some("token-frozen"));
    assert_eq!(world.operate(OperationKind::Unfreeze, "GOOD", Some("alice")), None);
    assert_eq!(world.operate(OperationKind::Burn, "GOOD", Some("alice")), None);
}
