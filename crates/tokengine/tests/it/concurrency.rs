//! Clients at once, over HTTP: what they are told could have happened one request after the other, reads included.
//!
//! Nothing can be paid out here (the operator's wallet is empty), so that withdrawals stay held until they are cancelled and
//! only requests change balances.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};

use crate::linear::{self, Model};
use crate::world::{Answer, Client, DOLLAR6, Setup, USD_FEE, WHOLE, World, key, units};

const CLIENTS: usize = 8;
const REQUESTS: usize = 150;
const ACCOUNTS: usize = 4;
const EACH: u128 = 30 * WHOLE;

/// One move, in whole dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Move {
    from: usize,
    to: usize,
    dollars: u128,
}

/// What is asked for; a key is the number of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Op {
    Balance { account: usize },
    Move { key: u64, of: Move },
    Batch { key: u64, moves: Vec<Move> },
    Withdraw { key: u64, account: usize, dollars: u128 },
    Cancel { key: u64, withdrawal: u64 },
}

impl Op {
    fn key(&self) -> Option<u64> {
        match self {
            Self::Balance { .. } => None,
            Self::Move { key, .. }
            | Self::Batch { key, .. }
            | Self::Withdraw { key, .. }
            | Self::Cancel { key, .. } => Some(*key),
        }
    }
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Told {
    Done,
    Refused(String),
    Has { free: u128, held: u128 },
    Each(Vec<Told>),
}

fn refused(code: &str) -> Told {
    Told::Refused(code.to_owned())
}

/// The books of one token, one request after the other.
#[derive(Clone, Debug, Default, Hash)]
struct Books {
    free: [u128; ACCOUNTS],
    held: [u128; ACCOUNTS],
    /// Open withdrawals by the key that asked for them.
    open: BTreeMap<u64, (usize, u128)>,
    answered: BTreeMap<u64, (Op, Told)>,
}

impl Books {
    fn full() -> Self {
        Self { free: [EACH; ACCOUNTS], ..Self::default() }
    }

    fn moved(&mut self, of: Move) -> Told {
        let amount = of.dollars * WHOLE;
        if of.from == of.to {
            return refused("same-account");
        }
        if self.free[of.from] < amount {
            return refused("insufficient-funds");
        }
        self.free[of.from] -= amount;
        self.free[of.to] += amount;
        Told::Done
    }

    fn decide(&mut self, op: &Op) -> Told {
        match op {
            Op::Balance { account } => Told::Has { free: self.free[*account], held: self.held[*account] },
            Op::Move { of, .. } => self.moved(*of),
            Op::Batch { moves, .. } => Told::Each(moves.iter().map(|of| self.moved(*of)).collect()),
            Op::Withdraw { key, account, dollars } => {
                let cost = dollars * WHOLE + USD_FEE;
                if self.free[*account] < cost {
                    return refused("insufficient-funds");
                }
                self.free[*account] -= cost;
                self.held[*account] += cost;
                self.open.insert(*key, (*account, cost));
                Told::Done
            }
            Op::Cancel { withdrawal, .. } => match self.open.remove(withdrawal) {
                Some((account, cost)) => {
                    self.held[account] -= cost;
                    self.free[account] += cost;
                    Told::Done
                }
                None => refused("already-final"),
            },
        }
    }
}

impl Model for Books {
    type Op = Op;
    type Answer = Told;

    fn apply(&mut self, op: &Op) -> Told {
        let Some(key) = op.key() else { return self.decide(op) };
        if let Some((before, told)) = self.answered.get(&key) {
            return if before == op { told.clone() } else { refused("idempotency-key-reused") };
        }
        let told = self.decide(op);
        self.answered.insert(key, (op.clone(), told.clone()));
        told
    }
}

type Call = linear::Call<Op, Told>;

/// What clients know of each other's requests, to repeat and to cancel them.
#[derive(Default)]
struct Known {
    /// The keys and the requests, by number.
    sent: Vec<(String, Op)>,
    /// The ids of withdrawals, by the number of their request.
    withdrawals: BTreeMap<u64, String>,
    history: Vec<Call>,
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(limit).expect("small")).expect("small")
    }
}

fn any_move(dice: &mut Dice) -> Move {
    Move { from: dice.below(ACCOUNTS), to: dice.below(ACCOUNTS), dollars: 1 + dice.below(20) as u128 }
}

/// The next request of a client, with its key: a new one, the same as one before, or another one under its key.
fn next(dice: &mut Dice, known: &mut Known) -> (String, Op) {
    let number = known.sent.len() as u64;
    let choice = dice.below(100);
    if choice >= 82 && !known.sent.is_empty() {
        // One of the latest: it may not be answered yet.
        let back = dice.below(known.sent.len().min(2 * CLIENTS));
        let (text, op) = known.sent[known.sent.len() - 1 - back].clone();
        return match (choice, &op) {
            (95.., Op::Move { key, of }) => (text, Op::Move { key: *key, of: Move { dollars: of.dollars + 1, ..*of } }),
            _ => (text, op),
        };
    }
    let op = match choice {
        0..20 => return (String::new(), Op::Balance { account: dice.below(ACCOUNTS) }),
        20..50 => Op::Move { key: number, of: any_move(dice) },
        50..60 => Op::Batch { key: number, moves: (0..2 + dice.below(4)).map(|_| any_move(dice)).collect() },
        60..72 => Op::Withdraw { key: number, account: dice.below(ACCOUNTS), dollars: 1 + dice.below(15) as u128 },
        _ => {
            let open: Vec<u64> = known.withdrawals.keys().copied().collect();
            match open.len() {
                0 => return (String::new(), Op::Balance { account: 0 }),
                // Mostly a late one, which may be open.
                many => Op::Cancel { key: number, withdrawal: open[many - 1 - dice.below(many.min(6))] },
            }
        }
    };
    known.sent.push((key(), op.clone()));
    (known.sent[known.sent.len() - 1].0.clone(), op)
}

fn name(account: usize) -> String {
    format!("account-{account}")
}

fn move_body(of: &Move) -> Value {
    json!({"token": "usd", "from": name(of.from), "to": name(of.to), "amount": {"decimal": of.dollars.to_string()}})
}

/// Sends a request and reads the answer. Nothing where it was refused for the moment: then nothing happened.
async fn ask(client: &Client, places: &Places, key: &str, op: &Op, id: Option<String>) -> (Answer, Option<Told>) {
    let answer = match op {
        Op::Balance { account } => client.get(&format!("/v1/accounts/{}/balances", name(*account))).await,
        Op::Move { of, .. } => client.post("/v1/moves", key, &move_body(of)).await,
        Op::Batch { moves, .. } => {
            let moves: Vec<Value> = moves.iter().map(move_body).collect();
            client.post("/v1/moves/batch", key, &json!({"moves": moves})).await
        }
        Op::Withdraw { account, dollars, .. } => {
            let body = json!({"account": name(*account), "asset": places.asset, "destination": places.destination,
                "amount": {"decimal": dollars.to_string()}, "max_fee": {"decimal": "0.1"}});
            client.post("/v1/withdrawals", key, &body).await
        }
        Op::Cancel { .. } => {
            let id = id.expect("it is known");
            client.post(&format!("/v1/withdrawals/{id}/cancel"), key, &json!({})).await
        }
    };
    let answer = answer.expect("answered");
    let told = match (answer.status, op) {
        (503, _) => None,
        (200, Op::Balance { .. }) => {
            let items = answer["items"].as_array().cloned().unwrap_or_default();
            let usd = items.into_iter().find(|item| item["token"] == "usd").unwrap_or_default();
            Some(Told::Has { free: units(&usd["free"]), held: units(&usd["held"]) })
        }
        (200, Op::Batch { .. }) => {
            let results = answer["results"].as_array().expect("results");
            let each = |result: &Value| match result["status"].as_str() {
                Some("done") => Told::Done,
                _ => refused(result["code"].as_str().unwrap_or_default()),
            };
            Some(Told::Each(results.iter().map(each).collect()))
        }
        (200..300, _) => Some(Told::Done),
        (400..500, _) => Some(refused(answer.code())),
        (status, _) => panic!("{status} for {op:?}: {}", answer.text),
    };
    (answer, told)
}

#[derive(Clone)]
struct Places {
    asset: String,
    destination: String,
}

async fn client(number: usize, seed: u64, client: Client, places: Places, known: Arc<Mutex<Known>>, start: Instant) {
    let mut dice = Dice(seed ^ (number as u64 + 1) << 32);
    let now = || u64::try_from(start.elapsed().as_nanos()).expect("centuries");
    for _ in 0..REQUESTS {
        let (key, op, id) = {
            let mut known = known.lock().expect("nobody panics");
            let (key, op) = next(&mut dice, &mut known);
            let id = match &op {
                Op::Cancel { withdrawal, .. } => known.withdrawals.get(withdrawal).cloned(),
                _ => None,
            };
            (key, op, id)
        };
        let from = now();
        let (answer, told) = ask(&client, &places, &key, &op, id).await;
        let to = now();
        let mut known = known.lock().expect("nobody panics");
        if let (Op::Withdraw { key, .. }, Some(Told::Done)) = (&op, &told) {
            known.withdrawals.insert(*key, answer["id"].as_str().expect("an id").to_owned());
        }
        if let Some(told) = told {
            known.history.push(Call { client: number, op, from, answered: Some((to, told)) });
        }
    }
}

/// An engine whose accounts have thirty dollars each, and a hot wallet that has nothing.
fn world() -> (World, Places) {
    let mut world = World::new(Setup::one());
    world.start();
    world.post("/v1/accounts", &json!({"id": "bank"})).expect(201);
    let body = json!({"network": world.network(0)});
    let asked = world.post("/v1/accounts/bank/deposit-addresses", &body).expect(201);
    let address = asked["address"].as_str().expect("an id").rsplit(':').next().expect("three parts").to_owned();
    world.pay(0, 1, "usd", &address, 1_000 * DOLLAR6);
    world.until("the bank's dollars", |world| world.free("bank", "usd") == 1_000 * WHOLE);
    for account in 0..ACCOUNTS {
        world.post("/v1/accounts", &json!({"id": name(account)})).expect(201);
        let amount = json!({"base_units": EACH.to_string()});
        let body = json!({"token": "usd", "from": "bank", "to": name(account), "amount": amount});
        world.post("/v1/moves", &body).expect(201);
    }
    let destination = crate::world::caip10(31_337, &world.nobody(1));
    let places = Places { asset: world.asset(0, "usd"), destination };
    (world, places)
}

#[test]
fn what_concurrent_clients_see_could_have_happened_one_after_the_other() {
    let seed = std::env::var("TOKENGINE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4);
    let (world, places) = world();
    let (known, start) = (Arc::new(Mutex::new(Known::default())), Instant::now());
    world.rt.block_on(async {
        let run = |number| client(number, seed, world.client(), places.clone(), known.clone(), start);
        let tasks: Vec<_> = (0..CLIENTS).map(|number| tokio::spawn(run(number))).collect();
        for task in tasks {
            task.await.expect("no client panics");
        }
    });
    let history = std::mem::take(&mut known.lock().expect("nobody panics").history);
    assert!(history.len() > CLIENTS * REQUESTS * 9 / 10, "{} of them were answered", history.len());
    let answers = |wanted: &str| history.iter().filter(|call| format!("{:?}", call.answered).contains(wanted)).count();
    for wanted in ["Done", "insufficient-funds", "already-final", "idempotency-key-reused", "Has"] {
        assert!(answers(wanted) > 0, "no answer was {wanted}");
    }
    linear::check(&Books::full(), &history).unwrap_or_else(|stuck| panic!("TOKENGINE_SEED={seed}: {stuck}"));
    planted_faults_are_found(&history);
    world.books_balance();
}

/// The same history with one answer changed has no order any more.
fn planted_faults_are_found(history: &[Call]) {
    let mut tried = [0; 3];
    for (at, call) in history.iter().enumerate() {
        let Some((to, told)) = &call.answered else { continue };
        let (kind, other) = match told {
            // Money that was there is not seen.
            Told::Has { free, held } => (0, Told::Has { free: free + WHOLE, held: *held }),
            // One more than the balance covers.
            Told::Refused(code) if code == "insufficient-funds" => (1, Told::Done),
            // What was done is said not to be.
            Told::Done if matches!(call.op, Op::Move { .. }) => (2, refused("insufficient-funds")),
            _ => continue,
        };
        tried[kind] += 1;
        if tried[kind] > 2 {
            continue;
        }
        let mut planted = history.to_vec();
        planted[at].answered = Some((*to, other));
        assert!(linear::check(&Books::full(), &planted).is_err(), "not found: {:?} for {call:?}", planted[at]);
    }
    assert!(tried.iter().all(|tried| *tried > 0), "{tried:?}");
}

#[test]
fn planted_races_are_found() {
    let of = |dollars| Move { from: 0, to: 1, dollars };
    let call = |op: Op, from, to, told| Call { client: 0, op, from, answered: Some((to, told)) };
    let has = |dollars: u128| Told::Has { free: dollars * WHOLE, held: 0 };
    let balance = || Op::Balance { account: 0 };
    for (case, history, fine) in [
        (
            "two that cover each other's money",
            vec![
                call(Op::Move { key: 0, of: of(20) }, 0, 9, Told::Done),
                call(Op::Move { key: 1, of: of(20) }, 1, 8, Told::Done),
            ],
            false,
        ),
        (
            "a repetition that is carried out again",
            vec![
                call(Op::Move { key: 0, of: of(5) }, 0, 1, Told::Done),
                call(Op::Move { key: 0, of: of(5) }, 2, 3, Told::Done),
                call(balance(), 4, 5, has(20)),
            ],
            false,
        ),
        (
            "a repetition that is not",
            vec![
                call(Op::Move { key: 0, of: of(5) }, 0, 1, Told::Done),
                call(Op::Move { key: 0, of: of(5) }, 2, 3, Told::Done),
                call(balance(), 4, 5, has(25)),
            ],
            true,
        ),
        (
            "a batch seen half done",
            vec![
                call(Op::Batch { key: 0, moves: vec![of(5), of(5)] }, 0, 9, Told::Each(vec![Told::Done, Told::Done])),
                call(balance(), 1, 2, has(25)),
            ],
            false,
        ),
        (
            "money back from a withdrawal before it is cancelled",
            vec![
                call(Op::Withdraw { key: 0, account: 0, dollars: 10 }, 0, 1, Told::Done),
                call(balance(), 2, 3, has(30)),
                call(Op::Cancel { key: 1, withdrawal: 0 }, 4, 5, Told::Done),
            ],
            false,
        ),
        (
            "one cancelled twice",
            vec![
                call(Op::Withdraw { key: 0, account: 0, dollars: 10 }, 0, 1, Told::Done),
                call(Op::Cancel { key: 1, withdrawal: 0 }, 2, 9, Told::Done),
                call(Op::Cancel { key: 2, withdrawal: 0 }, 2, 9, Told::Done),
            ],
            false,
        ),
    ] {
        assert_eq!(linear::check(&Books::full(), &history).is_ok(), fine, "{case}");
    }
}
