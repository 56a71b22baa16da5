//! The crash campaign: the program on two real networks, under load, killed again and again, at any moment and at every
//! fail point. In the end books, chains and what clients were told agree.
//!
//! `cargo xtask crash --minutes N [--seed S]` runs it for longer. The seed decides what is asked for and where it dies; what
//! is under way at that moment, the machine decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokengine_testkit::wait_until;

use crate::world::{Answer, Client, DOLLAR6, Order, Setup, USD_FEE, WHOLE, World, key, units};

/// A fail point that nothing comes by within that time is left for another round, and the program is killed where it is.
const POINT_WITHIN: Duration = Duration::from_secs(8);
const CUSTOMERS: usize = 3;
const SHOPS: usize = 3;
const PAYOUTS_A_ROUND: usize = 5;
const MOVES_A_ROUND: usize = 12;

/// Every fail point of the program, from its sources.
fn places() -> Vec<String> {
    fn look(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("the sources are here").flatten() {
            let path = entry.path();
            if path.is_dir() {
                look(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("failpoint.rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let places = text.split("failpoint::hit(\"").skip(1);
                found.extend(places.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
    }
    let mut found = BTreeSet::new();
    for krate in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the crates are here").flatten()
    {
        let sources = krate.path().join("src");
        if sources.is_dir() {
            look(&sources, &mut found);
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found.into_iter().collect()
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(limit.max(1)).expect("small")).expect("small")
    }
}

/// What a client was told, as far as a repetition must say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Receipt {
    status: u16,
    code: String,
    id: Value,
    position: Value,
}

/// A request, and what its client was told: nothing as long as nobody knows.
#[derive(Clone, Debug)]
struct Asked {
    path: &'static str,
    key: String,
    body: Value,
    what: What,
    receipt: Option<Receipt>,
}

/// What it changes if it is done.
#[derive(Clone, Debug)]
enum What {
    Payout(Order),
    Move { from: usize, to: usize, dollars: u128 },
}

/// Everything that clients asked for, and what they were told twice in two ways.
#[derive(Default)]
struct Clients {
    asked: Vec<Asked>,
    contradictions: Vec<String>,
}

impl Clients {
    fn note(&mut self, number: usize, answer: &Answer) {
        // For the moment, or by nobody: then it is asked again.
        if answer.status >= 500 || answer.status == 429 {
            return;
        }
        let (id, position) = (answer["id"].clone(), answer["position"].clone());
        let told = Receipt { status: answer.status, code: answer.code().to_owned(), id, position };
        let asked = &mut self.asked[number];
        match &asked.receipt {
            Some(before) if *before != told => {
                self.contradictions.push(format!("{asked:?} was told {before:?} and later {told:?}"));
            }
            _ => asked.receipt = Some(told),
        }
    }
}

async fn ask(client: Client, clients: Arc<Mutex<Clients>>, number: usize) {
    let (path, key, body) = {
        let clients = clients.lock().expect("nobody panics");
        let asked = &clients.asked[number];
        (asked.path, asked.key.clone(), asked.body.clone())
    };
    if let Ok(answer) = client.post(path, &key, &body).await {
        clients.lock().expect("nobody panics").note(number, &answer);
    }
}

struct Campaign {
    world: World,
    dice: Dice,
    clients: Arc<Mutex<Clients>>,
    /// Whole dollars that each customer and the first shop paid in.
    paid_in: [u128; CUSTOMERS],
    shop_in: u128,
    /// Where the first shop is paid; what arrives there is swept.
    shop_address: String,
    kills: usize,
    kills_at: BTreeMap<String, usize>,
    payees: u32,
}

fn shop(number: usize) -> String {
    format!("shop-{number}")
}

impl Campaign {
    fn new(seed: u64) -> Self {
        let mut world = World::running(Setup::two());
        for number in 0..SHOPS {
            world.post("/v1/accounts", &json!({"id": shop(number)})).expect(201);
        }
        let body = json!({"network": world.network(0)});
        let asked = world.post(&format!("/v1/accounts/{}/deposit-addresses", shop(0)), &body).expect(201);
        let shop_address =
            asked["address"].as_str().expect("an id").rsplit(':').next().expect("three parts").to_owned();
        world.pay(0, 4, "usd", &shop_address, 500 * DOLLAR6);
        for customer in 1..=CUSTOMERS {
            world.deposited(0, customer, "usd", 500 * DOLLAR6);
        }
        world.until("the shop's dollars", |world| world.free(&shop(0), "usd") == 500 * WHOLE);
        // The engine's id is asked for while somebody answers.
        let to = world.nobody(0);
        world.signed(&Order { customer: 1, home: 0, net: 0, token: "usd", amount: DOLLAR6, to });
        world.stop();
        Self {
            world,
            dice: Dice(seed),
            clients: Arc::default(),
            paid_in: [500; CUSTOMERS],
            shop_in: 500,
            shop_address,
            kills: 0,
            kills_at: BTreeMap::new(),
            payees: 0,
        }
    }

    /// New requests for one round.
    fn think(&mut self) {
        let mut new = Vec::new();
        for _ in 0..PAYOUTS_A_ROUND {
            self.payees += 1;
            let (customer, net) = (1 + self.dice.below(CUSTOMERS), self.dice.below(2));
            // Now and then more than anybody has: a refusal is an answer to be kept, too.
            let dollars = if self.dice.below(8) == 0 { 90_000 } else { 1 + self.dice.below(4) as u128 };
            let amount = dollars * self.world.unit(net);
            let to = self.world.nobody(self.payees);
            let order = Order { customer, home: 0, net, token: "usd", amount, to };
            new.push(("/v1/withdrawals", self.world.signed(&order), What::Payout(order)));
        }
        for _ in 0..MOVES_A_ROUND {
            let (from, dollars) = (self.dice.below(SHOPS), 1 + self.dice.below(60) as u128);
            let to = (from + 1 + self.dice.below(SHOPS - 1)) % SHOPS;
            let amount = json!({"decimal": dollars.to_string()});
            let body = json!({"token": "usd", "from": shop(from), "to": shop(to), "amount": amount});
            new.push(("/v1/moves", body, What::Move { from, to, dollars }));
        }
        let mut clients = self.clients.lock().expect("nobody panics");
        let new = new.into_iter().map(|(path, body, what)| Asked { path, key: key(), body, what, receipt: None });
        clients.asked.extend(new);
    }

    /// Everything that nobody answered yet is asked again, and some of what was answered.
    fn speak(&mut self) -> Vec<tokio::task::JoinHandle<()>> {
        let client = self.world.client();
        let mut numbers: Vec<usize> = {
            let clients = self.clients.lock().expect("nobody panics");
            let open = |(number, asked): (usize, &Asked)| asked.receipt.is_none().then_some(number);
            clients.asked.iter().enumerate().filter_map(open).collect()
        };
        let all = self.clients.lock().expect("nobody panics").asked.len();
        numbers.extend((0..6).map(|_| self.dice.below(all)));
        let spoken = |number| self.world.rt.spawn(ask(client.clone(), self.clients.clone(), number));
        numbers.into_iter().map(spoken).collect()
    }

    fn pay_in(&mut self) {
        let customer = 1 + self.dice.below(CUSTOMERS);
        self.world.deposit(0, customer, "usd", 2 * DOLLAR6);
        self.paid_in[customer - 1] += 2;
        if self.dice.below(2) == 0 {
            let address = self.shop_address.clone();
            self.world.pay(0, 4, "usd", &address, 6 * DOLLAR6);
            self.shop_in += 6;
        }
    }

    /// One life of the program: load, until it dies at `point`, or at any moment.
    fn live_and_die(&mut self, point: Option<&str>) {
        let env: Vec<_> = point.map(|point| ("TOKENGINE_FAILPOINT", point)).into_iter().collect();
        self.world.launch(&env, &[]);
        let died_early = !self.world.comes_up();
        let mut spoken = Vec::new();
        let mut place = point.map(|point| point.split(':').next().unwrap_or(point).to_owned());
        if !died_early {
            self.think();
            spoken = self.speak();
            self.pay_in();
            let moment = Duration::from_millis(self.dice.below(1_500) as u64);
            let within = if point.is_some() { POINT_WITHIN } else { moment };
            // In the end it is there: it died by itself, or its time is over.
            let world = &mut self.world;
            let _ = wait_until("its end", within, || {
                world.tick();
                world.has_ended()
            });
        }
        if let Some(place) = place.as_ref().filter(|_| self.world.has_ended()) {
            let log = self.world.log();
            assert_eq!(self.world.wait_exit(), None, "{place}: a signal ended it: {log}");
            assert!(log.contains(&format!("fail point {place}: aborting")), "{place}: {log}");
        } else {
            assert!(!self.world.has_ended(), "nothing but a fail point ends it: {}", self.world.log());
            self.world.kill();
            place = None;
        }
        self.kills += 1;
        *self.kills_at.entry(place.unwrap_or_else(|| "any moment".to_owned())).or_default() += 1;
        for task in spoken {
            self.world.rt.block_on(task).expect("no client panics");
        }
    }

    fn settled(&self) -> bool {
        self.world.get("/v1/withdrawals?open=true")["items"].as_array().is_some_and(Vec::is_empty)
    }

    /// Until everything is answered, paid and credited; then books, chains and receipts are compared.
    fn differences(&self) -> (Vec<String>, usize) {
        // Everything once more: what was answered must be answered the same.
        let client = self.world.client();
        let all = self.clients.lock().expect("nobody panics").asked.len();
        for number in 0..all {
            self.world.rt.block_on(ask(client.clone(), self.clients.clone(), number));
        }
        let clients = self.clients.lock().expect("nobody panics");
        let mut wrong = clients.contradictions.clone();
        let (mut customers, mut shops) = (self.paid_in.map(|dollars| dollars * WHOLE), [0; SHOPS]);
        shops[0] = i128::try_from(self.shop_in).expect("small");
        let mut payments = Vec::new();
        for asked in &clients.asked {
            let done = match &asked.receipt {
                None => {
                    wrong.push(format!("never answered: {asked:?}"));
                    continue;
                }
                Some(receipt) if receipt.status < 300 => true,
                Some(receipt) if receipt.code == "insufficient-funds" => false,
                Some(_) => {
                    wrong.push(format!("refused for no reason: {asked:?}"));
                    continue;
                }
            };
            match &asked.what {
                What::Payout(order) => {
                    let cost = self.world.in_ledger(order.net, order.token, order.amount) + USD_FEE;
                    customers[order.customer - 1] -= if done { cost } else { 0 };
                    payments.push((order, done));
                }
                What::Move { from, to, dollars } if done => {
                    let dollars = i128::try_from(*dollars).expect("small");
                    shops[*from] -= dollars;
                    shops[*to] += dollars;
                }
                What::Move { .. } => {}
            }
        }
        self.world.until("nothing is under way", |_| self.settled());
        for (order, done) in &payments {
            let (wanted, paid) = (u128::from(*done) * order.amount, self.world.on_chain(order.net, "usd", &order.to));
            if wanted != paid {
                wrong.push(format!("{order:?}: {wanted} should have been paid, {paid} was"));
            }
        }
        for (customer, wanted) in (1..).zip(customers) {
            let account = self.world.account(0, customer);
            self.agrees(&mut wrong, &account, wanted);
        }
        for (number, wanted) in shops.into_iter().enumerate() {
            let wanted = u128::try_from(wanted).expect("nobody gave more than there was") * WHOLE;
            self.agrees(&mut wrong, &shop(number), wanted);
        }
        for (net, token) in [(0, "usd"), (0, "eth"), (1, "usd"), (1, "eth")] {
            let hot = self.world.hot(net);
            let same = |world: &World| in_books(world, net, token) == world.on_chain(net, token, &hot);
            if wait_until("sweeps", Duration::from_secs(30), || {
                self.world.tick();
                same(&self.world)
            })
            .is_err()
            {
                let (books, chain) = (in_books(&self.world, net, token), self.world.on_chain(net, token, &hot));
                wrong.push(format!(
                    "the hot wallet's {token} on network {net}: {books} in the books, {chain} on the chain"
                ));
            }
        }
        (wrong, payments.iter().filter(|(_, done)| *done).count())
    }

    /// A payment made twice, one that nobody made, and a receipt that is forgotten are differences.
    fn finds_what_is_planted(&self) {
        let paid = |asked: &&mut Asked| matches!(&asked.receipt, Some(receipt) if receipt.status < 300);
        let mut planted = 0;
        {
            let mut clients = self.clients.lock().expect("nobody panics");
            for asked in clients.asked.iter_mut().filter(paid).take(1) {
                asked.receipt.as_mut().expect("filtered").position = json!("0");
                planted += 1;
            }
            let payouts = clients.asked.iter_mut().filter(paid).filter_map(|asked| match &asked.what {
                What::Payout(order) => Some(order.clone()),
                What::Move { .. } => None,
            });
            for order in payouts.take(1).collect::<Vec<_>>() {
                self.world.mint(order.net, &order.to, order.amount);
                planted += 1;
            }
        }
        let (wrong, _) = self.differences();
        assert_eq!((planted, wrong.len()), (2, 2), "{wrong:?}");
    }

    /// An account has, in the end, what its owner was told.
    fn agrees(&self, wrong: &mut Vec<String>, account: &str, wanted: u128) {
        let has = |world: &World| (world.balance(account, "usd", "free"), world.balance(account, "usd", "held"));
        let in_vain = wait_until("credits", Duration::from_secs(30), || {
            self.world.tick();
            has(&self.world) == (wanted, 0)
        });
        if in_vain.is_err() {
            wrong.push(format!("{account} should have {wanted} and nothing held, and has {:?}", has(&self.world)));
        }
    }
}

/// What the books say that the hot wallet holds of an asset.
fn in_books(world: &World, net: usize, token: &str) -> u128 {
    let wallets = world.get("/v1/operator/wallets").expect(200);
    let asset = world.asset(net, token);
    let items = wallets["items"].as_array().cloned().unwrap_or_default();
    let hot = items.iter().filter(|wallet| wallet["role"] == "hot");
    let mut holdings = hot.flat_map(|wallet| wallet["holdings"].as_array().cloned().unwrap_or_default());
    holdings.find(|holding| holding["amount"]["asset"] == asset.as_str()).map_or(0, |found| units(&found["amount"]))
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Invariants (Cases I1, I2, I3) of the real program on real networks.
#[test]
fn killed_again_and_again_under_load_books_chains_and_receipts_agree() {
    let (seconds, seed) = (number("TOKENGINE_CRASH_SECONDS", 45), number("TOKENGINE_CRASH_SEED", 7));
    println!("seed {seed}: to repeat, cargo xtask crash --minutes {} --seed {seed}", seconds.div_ceil(60));
    let mut campaign = Campaign::new(seed);
    let places = places();
    let began = Instant::now();
    let mut round = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        // In turn, from anywhere on, and every third life ends at any moment.
        let place = &places[(usize::try_from(seed % 97).expect("small") + round) % places.len()];
        let point = format!("{place}:{}", 1 + campaign.dice.below(3));
        campaign.live_and_die((round % 3 != 2).then_some(&point));
        round += 1;
        let (asked, last) = (campaign.clients.lock().expect("nobody panics").asked.len(), campaign.kills_at.len());
        println!(
            "{:>5.0} s: {} kills at {last} places, {asked} requests, {} payees",
            began.elapsed().as_secs_f32(),
            campaign.kills,
            campaign.payees
        );
    }
    campaign.world.start();
    let (wrong, payments) = campaign.differences();
    campaign.world.books_balance();
    campaign.finds_what_is_planted();
    assert_eq!(campaign.world.stop(), Some(0));
    campaign.world.verify_journal();
    println!(
        "{} kills survived, {payments} payments made, {} differences\n{:?}",
        campaign.kills,
        wrong.len(),
        campaign.kills_at
    );
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
    assert!(campaign.kills > 2 && payments > 0, "too little happened");
}
