//! Token operations against a model that a child could write: supply is conserved, nothing goes below zero, a token of its
//! kind has one owner, frozen tokens do not move.

use crate::token::*;
use crate::world::World;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tokengine_core::token::*;
use tokengine_core::*;

const NAMES: [&str; 4] = ["mint", "alice", "bob", "carol"];
const WORKS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Copy, Debug)]
enum Do {
    Mint,
    Transfer,
    Burn,
    Freeze,
    Unfreeze,
    Move,
    MintArt,
    MoveArt,
    BurnArt,
    FreezeArt,
}

#[derive(Clone, Copy, Debug)]
struct Step(Do, usize, usize, u128);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Do::*;
    let what = prop::sample::select(vec![
        Mint, Transfer, Transfer, Burn, Freeze, Unfreeze, Move, MintArt, MoveArt, MoveArt, BurnArt, FreezeArt,
    ]);
    prop::collection::vec((what, 0..4usize, 0..4usize, 0..60u128).prop_map(|(a, b, c, d)| Step(a, b, c, d)), 1..80)
}

/// What must be true, in the plainest form.
#[derive(Default)]
struct Model {
    gold: BTreeMap<&'static str, u128>,
    frozen: BTreeMap<&'static str, bool>,
    /// The owner, nobody once burned; and whether it is frozen.
    art: BTreeMap<&'static str, (Option<&'static str>, bool)>,
}

impl Model {
    fn has(&self, name: &str) -> u128 {
        self.gold.get(name).copied().unwrap_or(0)
    }

    fn is_frozen(&self, name: &str) -> bool {
        self.frozen.get(name).copied().unwrap_or(false)
    }

    /// The class's rule: at least 10 stay, or nothing.
    fn may_leave(&self, name: &str, amount: u128) -> bool {
        let left = self.has(name).checked_sub(amount);
        amount > 0 && !self.is_frozen(name) && left.is_some_and(|left| left == 0 || left >= 10)
    }

    /// Whether it happens, and then that it did.
    fn step(&mut self, Step(what, a, b, amount): Step) -> bool {
        let (from, to, work) = (NAMES[a], NAMES[b], WORKS[a]);
        let supply: u128 = self.gold.values().sum();
        let works = self.art.values().filter(|(owner, _)| owner.is_some()).count();
        match what {
            Do::Mint => {
                let fits = amount > 0 && supply + amount <= 1_000 && !self.is_frozen("mint");
                if fits {
                    *self.gold.entry("mint").or_default() += amount;
                }
                fits
            }
            Do::Transfer | Do::Move => {
                let goes = from != to && self.may_leave(from, amount) && !self.is_frozen(to);
                if goes {
                    *self.gold.entry(from).or_default() -= amount;
                    *self.gold.entry(to).or_default() += amount;
                }
                goes
            }
            Do::Burn => {
                let goes = self.may_leave(from, amount);
                if goes {
                    *self.gold.entry(from).or_default() -= amount;
                }
                goes
            }
            Do::Freeze | Do::Unfreeze => {
                let freeze = matches!(what, Do::Freeze);
                let can = self.gold.contains_key(from) && self.is_frozen(from) != freeze;
                if can {
                    self.frozen.insert(from, freeze);
                }
                can
            }
            Do::MintArt => {
                let can = !self.art.contains_key(work) && works < 3;
                if can {
                    self.art.insert(work, (Some(to), false));
                }
                can
            }
            Do::MoveArt => match self.art.get_mut(work) {
                // The one who tries is the one that the amount chooses.
                Some((owner, false)) if *owner == Some(NAMES[amount as usize % 4]) && *owner != Some(to) => {
                    *owner = Some(to);
                    true
                }
                _ => false,
            },
            Do::BurnArt => match self.art.get_mut(work) {
                Some((owner, false)) if *owner == Some(to) => {
                    *owner = None;
                    true
                }
                _ => false,
            },
            Do::FreezeArt => match self.art.get_mut(work) {
                Some((Some(_), frozen @ false)) => {
                    *frozen = true;
                    true
                }
                _ => false,
            },
        }
    }
}

fn art(id: &str, kind: OperationKind, token: &str, initiator: &str) -> Operation {
    Operation { token: Some(token.into()), initiator: initiator.into(), ..operation(id, kind, "ART") }
}

fn happens(world: &mut World, number: usize, Step(what, a, b, amount): Step) -> bool {
    let (from, to, work, id) = (NAMES[a], NAMES[b], WORKS[a], format!("tx-{number}"));
    let on = |kind, initiator: &str| Operation {
        token: Some(from.into()),
        initiator: initiator.into(),
        amount: Some(Amount::new(amount)),
        ..operation(&id, kind, "GOLD")
    };
    let operation = match what {
        Do::Mint => mint(&id, amount),
        Do::Transfer => transfer(&id, from, to, amount),
        Do::Burn => on(OperationKind::Burn, from),
        Do::Freeze => on(OperationKind::Freeze, "mint"),
        Do::Unfreeze => on(OperationKind::Unfreeze, "mint"),
        Do::MintArt => with(art(&id, OperationKind::Mint, work, "mint"), IdentityRole::Issuer, to),
        Do::MoveArt => {
            let by = NAMES[amount as usize % 4];
            with(art(&id, OperationKind::Transfer, work, by), IdentityRole::Recipient, to)
        }
        Do::BurnArt => art(&id, OperationKind::Burn, work, to),
        Do::FreezeArt => art(&id, OperationKind::Freeze, work, "mint"),
        Do::Move => {
            let account = |name: &str| world.state.account_by_name(name).expect("opened at the start");
            let (from, to) = (account(from), account(to));
            let token = world.state.class(GOLD).and_then(|class| class.token).expect("fungible");
            let (request, amount, authority) = (world.request(), Amount::new(amount), MoveAuthority::Key);
            return world.refusal(Command::Move { request, token, from, to, amount, authority }).is_none();
        }
    };
    operate(world, operation).is_none()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn operations_come_to_what_the_model_says(steps in steps()) {
        let mut world = world();
        for name in NAMES {
            world.ok(Command::OpenAccount { request: None, name: name.into() });
        }
        let mut model = Model::default();
        for (number, step) in steps.into_iter().enumerate() {
            prop_assert_eq!(happens(&mut world, number, step), model.step(step), "{:?}", step);
        }
        let token = world.state.class(GOLD).and_then(|class| class.token).expect("fungible");
        for name in NAMES {
            let account = world.state.account_by_name(name).expect("opened");
            prop_assert_eq!(world.free(account, token), model.has(name));
        }
        prop_assert_eq!(world.state.supply(GOLD), Amount::new(model.gold.values().sum()));
        for (work, (owner, frozen)) in &model.art {
            let state = world.state.issued_token(ART, work).expect("minted");
            prop_assert_eq!(state.owner.and_then(|owner| world.state.account_name(owner)), *owner);
            prop_assert_eq!(state.frozen, *frozen);
        }
        prop_assert_eq!(world.state.verify_tokens(), Ok(()));
        prop_assert_eq!(world.replayed().digest(), world.state.digest());
    }
}
