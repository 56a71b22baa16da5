//! The fast path of moves is the ordinary path: the same answers, the same bytes, the same state.

use crate::world::*;
use proptest::prelude::*;
use tokengine_core::*;

/// One request of a few: parties, who asks, amount, whether the key was used before, and how its time lies to the clock.
type Try = (u8, u8, u8, u128, u8, bool, i64);

fn any_try() -> impl Strategy<Value = Try> {
    let time = prop_oneof![8 => Just(0i64), 1 => Just(-90_000_000), 1 => Just(600_000), 2 => -7_200_000i64..1];
    (0u8..6, 0u8..6, 0u8..4, 0u128..900, 0u8..40, any::<bool>(), time)
}

/// Two customers, one of them joined by a third, a frozen one, and two that the operator named.
fn cast() -> (World, Vec<AccountIx>) {
    let mut world = World::funded(1_000_000);
    let mut cast: Vec<_> = ["ALICE", "BOB", "CAROL"].map(|name| world.customer(name, USD_A, 2_000)).into();
    for name in ["shop", "till"] {
        world.ok(Command::OpenAccount { request: None, name: name.into() });
        cast.push(world.state.account_by_name(name).expect("opened"));
    }
    let account = cast[2];
    world.ok(Command::FreezeAccount { account, frozen: true, reason: "look".into() });
    cast.push(AccountIx(9_999));
    (world, cast)
}

fn command(cast: &[AccountIx], (from, to, who, amount, key, owner, ahead): Try, now: Time) -> Command {
    let principal = match who {
        0 => Principal::Key(KEY),
        1 => Principal::Operator,
        _ => Principal::Account(cast[usize::from(from)]),
    };
    let time = now.0.saturating_add_signed(ahead);
    let request = Request {
        principal,
        key: u128::from(time) << 80 | 1 << 70 | u128::from(key),
        content: Fingerprint(u128::from(key % 7)),
    };
    let authority = if owner { MoveAuthority::Owner } else { MoveAuthority::Key };
    let (from, to) = (cast[usize::from(from)], cast[usize::from(to)]);
    Command::Move {
        request,
        token: TokenIx(u32::from(key == 39) * 9),
        from,
        to,
        amount: Amount::new(amount),
        authority,
    }
}

/// As the engine does it, without the fast path.
#[allow(clippy::result_large_err, reason = "a test reads it once")]
fn plainly(state: &mut State, command: &Command, now: Time, out: &mut Vec<u8>) -> Result<Answer, Decision> {
    match state.decide(command, now) {
        Decision::Event(event) => {
            let record = Record { at: now.max(state.at()), event };
            record.encode(out);
            Ok(state.evolve(&record))
        }
        other => Err(other),
    }
}

proptest! {
    #[test]
    fn a_move_comes_to_the_same_on_either_path(tries in prop::collection::vec(any_try(), 1..300), joined: bool) {
        let (mut world, cast) = cast();
        if joined {
            let (request, authority, expiry) = (world.request(), world.signed(cast[0]), world.now.plus_ms(9));
            let (account, name) = (cast[0], "eip155:1:0xBOB".into());
            world.ok(Command::LinkName { request, account, name, authority, nonce: 1, expiry });
        }
        let (mut plain, mut fast, mut again) = (world.state.clone(), world.state.clone(), world.state);
        let mut records = Vec::new();
        let (mut plain_bytes, mut fast_bytes) = (Vec::new(), Vec::new());
        for (step, one) in tries.into_iter().enumerate() {
            let now = Time(world.now.0 + 1_000 * step as u64);
            let command = command(&cast, one, now);
            fast.touch([&command]);
            let before = fast_bytes.len();
            let answer = match fast.take_move(&command, now, &mut fast_bytes) {
                Some(answer) => Ok(answer),
                None => {
                    prop_assert_eq!(fast_bytes.len(), before);
                    plainly(&mut fast, &command, now, &mut fast_bytes)
                }
            };
            let start = plain_bytes.len();
            prop_assert_eq!(plainly(&mut plain, &command, now, &mut plain_bytes), answer);
            records.extend(Some(plain_bytes[start..].to_vec()).filter(|record| !record.is_empty()));
        }
        prop_assert_eq!(plain_bytes, fast_bytes);
        prop_assert_eq!(plain.digest(), fast.digest());
        prop_assert_eq!(fast.check_books(), Ok(()));
        prop_assert_eq!(again.replay(records.iter().map(Vec::as_slice)), Ok(()));
        prop_assert_eq!(again.digest(), fast.digest());
    }
}

#[test]
fn a_replay_stops_before_the_first_record_that_it_cannot_read() {
    let (mut world, cast) = cast();
    let mut bytes = Vec::new();
    let gift = command(&cast, (0, 3, 2, 50, 3, true, 0), world.now);
    assert!(plainly(&mut world.state.clone(), &gift, world.now, &mut bytes).is_ok());
    let (before, unknown) = (world.state.position(), [0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1]);
    let replayed = world.state.replay([&bytes[..], &unknown, &bytes].into_iter());
    assert!(matches!(replayed, Err(DecodeError::UnknownTag { what: "Event", .. })), "{replayed:?}");
    assert_eq!(world.state.position(), before.next());
}

#[test]
fn a_plain_move_takes_the_fast_path() {
    let (mut world, cast) = cast();
    let mut out = Vec::new();
    // The first request of its hour, and the shop's first money.
    let gift = command(&cast, (0, 3, 2, 50, 3, true, 0), world.now);
    assert!(plainly(&mut world.state, &gift, world.now, &mut out).is_ok());
    out.clear();
    for one in [(0, 1, 2, 5, 1, true, 0), (3, 4, 0, 5, 2, false, 0)] {
        let command = command(&cast, one, world.now);
        assert!(world.state.take_move(&command, world.now, &mut out).is_some(), "{one:?}");
    }
    assert_eq!(out.len(), 2 * 76);
}
