//! Nodes, a configuration, and the program on them, with what tests say and ask.

mod client;
mod customer;
mod setup;

use std::cell::{Cell, OnceCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokengine_testkit::{Anvil, AnvilOptions, Arg, FaultProxy, Process, TempDir, artifact, wait_for, wait_until};
use tokio::runtime::Runtime;

pub use self::client::{Answer, Client, key};
pub use self::customer::{Order, caip10};
pub use self::setup::{Net, Setup, canaries};

/// Longer than anything takes on a loaded machine with two cores.
pub const WITHIN: Duration = Duration::from_secs(60);
/// While a test waits for the program, every network makes a block this often.
const BLOCK_EVERY: Duration = Duration::from_millis(120);

/// 10^18: one whole coin, and one whole dollar in the ledger and on networks with 18 decimals.
pub const WHOLE: u128 = 1_000_000_000_000_000_000;
/// One whole dollar on a network with 6 decimals.
pub const DOLLAR6: u128 = 1_000_000;
/// What a withdrawal of dollars costs, in the ledger's unit.
pub const USD_FEE: u128 = WHOLE / 10;
/// What a withdrawal of coins costs.
pub const ETH_FEE: u128 = WHOLE / 1000;

/// Everything that a test runs. The program ends first, then the proxies, then the nodes.
pub struct World {
    process: Option<Process>,
    /// `http://127.0.0.1:port` of the doors, while it runs.
    doors: String,
    health: String,
    pub proxies: Vec<Vec<FaultProxy>>,
    pub nodes: Vec<Anvil>,
    /// The dollar's contract on each network.
    pub tokens: Vec<String>,
    pub setup: Setup,
    pub folder: TempDir,
    pub admin: String,
    starts: usize,
    instance: OnceCell<[u8; 32]>,
    mined: Cell<Option<Instant>>,
    pub rt: Runtime,
}

impl World {
    /// Nodes, contracts, keys and a configuration; an API key; the program, not started yet.
    pub fn new(setup: Setup) -> Self {
        let (mut nodes, mut tokens, mut proxies) = (Vec::new(), Vec::new(), Vec::new());
        let dollar = artifact("TestToken").expect("compiled");
        for net in &setup.nets {
            let node = Anvil::start(AnvilOptions::chain(net.chain)).expect("anvil starts");
            let args = [Arg::from("Dollar"), Arg::from("USD"), Arg::Uint(net.decimals.into())];
            tokens.push(node.deploy(&dollar, &args).expect("deployed"));
            let proxy = |_| FaultProxy::start(node.url()).expect("a proxy");
            proxies.push((0..net.proxies).map(proxy).collect());
            nodes.push(node);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let mut world = Self {
            process: None,
            doors: String::new(),
            health: String::new(),
            proxies,
            nodes,
            tokens,
            setup,
            folder,
            admin: String::new(),
            starts: 0,
            instance: OnceCell::new(),
            mined: Cell::new(None),
            rt,
        };
        world.write_keys();
        world.write_config();
        world.admin = world.new_api_key("admin", "all");
        world
    }

    /// The program on one network, running and funded.
    pub fn one() -> Self {
        Self::running(Setup::one())
    }

    /// The program on two networks, running and funded.
    pub fn two() -> Self {
        Self::running(Setup::two())
    }

    /// The program as described, running and funded.
    pub fn running(setup: Setup) -> Self {
        let mut world = Self::new(setup);
        world.start();
        world.fund();
        world
    }

    /// Runs a command of the program to its end, in the folder of the configuration.
    pub fn cli(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }

    /// Runs a command that must succeed and returns what it told as JSON.
    #[track_caller]
    pub fn cli_json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = ["--json"].into_iter().chain(args.iter().copied()).collect();
        let output = self.cli(&args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}: {out}\n{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokengine"));
        command.args(args).current_dir(self.path());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOKENGINE_")) {
            command.env_remove(name);
        }
        command.envs(self.secrets());
        command
    }

    /// Makes an API key while the program does not run, and returns its text.
    pub fn new_api_key(&self, name: &str, scopes: &str) -> String {
        let made = self.cli_json(&["keys", "api-key", "--name", name, "--scopes", scopes]);
        made["secret"].as_str().expect("shown once").to_owned()
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Starts the program and waits until it is ready.
    #[track_caller]
    pub fn start(&mut self) {
        self.launch(&[], &[]);
        self.wait_ready();
    }

    /// Starts the program with further variables and arguments, and does not wait for anything.
    pub fn launch(&mut self, env: &[(&str, &str)], args: &[&str]) {
        let args: Vec<&str> = ["serve"].into_iter().chain(args.iter().copied()).collect();
        let mut command = self.command(&args);
        command.envs(env.iter().copied());
        self.spawn(command);
    }

    /// Has another program start it in its own place, as the last of its arguments say.
    pub fn launch_by(&mut self, starter: &[&str], args: &[&str]) {
        let args: Vec<&str> = ["serve"].into_iter().chain(args.iter().copied()).collect();
        let ours = self.command(&args);
        let mut command = Command::new(starter[0]);
        command.args(&starter[1..]).arg(ours.get_program()).args(ours.get_args()).current_dir(self.path());
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.spawn(command);
    }

    fn spawn(&mut self, mut command: Command) {
        assert!(self.process.is_none(), "one at a time");
        self.starts += 1;
        let log = self.log_path(self.starts);
        self.process = Some(Process::spawn("tokengine", &mut command, &log).expect("the program starts"));
    }

    /// The id of the process that runs.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("started").id()
    }

    /// Waits until the program says where its doors are, and that it is ready.
    #[track_caller]
    pub fn wait_ready(&mut self) {
        assert!(self.comes_up(), "the program ended instead of starting: {}", self.log());
    }

    /// Whether the program gets ready, rather than ending before that.
    #[track_caller]
    pub fn comes_up(&mut self) -> bool {
        let process = self.process.as_mut().expect("started");
        let told = wait_for("the program to start", WITHIN, || {
            let ready = process.log().lines().find_map(ready_line);
            let ended = process.exit_status().is_some();
            (ready.is_some() || ended).then_some(ready)
        });
        let Some((doors, health)) = told.unwrap_or_else(|error| panic!("{error}: {}", self.log())) else {
            return false;
        };
        (self.doors, self.health) = (format!("http://{doors}"), format!("http://{health}"));
        let url = format!("{}/readyz", self.health);
        let client = self.client();
        let process = self.process.as_mut().expect("started");
        let ready = wait_for("the program to be ready", WITHIN, || {
            let ready = self.rt.block_on(client.plain(&url)).is_ok_and(|answer| answer.status == 200);
            let ended = process.exit_status().is_some();
            (ready || ended).then_some(ready)
        });
        ready.unwrap_or_else(|error| panic!("{error}: {}", self.log()))
    }

    /// Ends the program as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Asks the program to end, and returns its exit code: `None` when it had to be killed.
    pub fn stop(&mut self) -> Option<i32> {
        let mut process = self.process.take().expect("running");
        process.terminate(WITHIN)?.code()
    }

    /// Waits for the program to end by itself, and forgets it. Returns its exit code; `None` when a signal ended it.
    #[track_caller]
    pub fn wait_exit(&mut self) -> Option<i32> {
        let mut process = self.process.take().expect("started");
        process.wait(WITHIN).unwrap_or_else(|error| panic!("{error}: {}", process.log_tail())).code()
    }

    pub fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.exit_status().is_some())
    }

    fn log_path(&self, start: usize) -> PathBuf {
        self.path().join(format!("serve-{start}.log"))
    }

    /// What the latest start has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path(self.starts)).unwrap_or_default()
    }

    /// A client with the operator's key, for any thread.
    pub fn client(&self) -> Client {
        Client::new(&self.doors, &self.admin)
    }

    pub fn doors(&self) -> &str {
        &self.doors
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.answer("GET", path, self.rt.block_on(self.client().get(path)))
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(path, &key(), body)
    }

    /// With an `Idempotency-Key` of the test's.
    #[track_caller]
    pub fn post_as(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.answer("POST", path, self.rt.block_on(self.client().post(path, key, body)))
    }

    #[track_caller]
    fn answer(&self, method: &str, path: &str, answer: reqwest::Result<Answer>) -> Answer {
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error:?}\n{}", tail(&self.log())))
    }

    /// One of the pages of the health port.
    #[track_caller]
    pub fn probe(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.health);
        self.answer("GET", path, self.rt.block_on(self.client().plain(&url)))
    }

    /// The position of the last event that is on disk.
    #[track_caller]
    pub fn durable(&self) -> u64 {
        let ready = self.probe("/readyz");
        ready["journal"]["durable"].as_u64().unwrap_or_else(|| panic!("no position: {}", ready.text))
    }

    /// Waits for a state while blocks go on coming.
    #[track_caller]
    pub fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let waited = wait_until(what, WITHIN, || {
            self.tick();
            holds(self)
        });
        if let Err(error) = waited {
            panic!("{error}\n{}\n{}", self.picture(), tail(&self.log()));
        }
    }

    /// Waits for a state while no block comes.
    #[track_caller]
    pub fn until_still(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        if let Err(error) = wait_until(what, WITHIN, || holds(self)) {
            panic!("{error}\n{}\n{}", self.picture(), tail(&self.log()));
        }
    }

    /// Makes a block on every network, if the last one is some time ago.
    pub fn tick(&self) {
        if self.mined.get().is_none_or(|at| at.elapsed() >= BLOCK_EVERY) {
            self.mine(1);
            self.mined.set(Some(Instant::now()));
        }
    }

    /// Makes blocks on every network that runs.
    pub fn mine(&self, blocks: u64) {
        for node in self.nodes.iter().filter(|node| node.process_id().is_some()) {
            node.mine(blocks).expect("mined");
        }
    }

    /// For the message of a test that failed.
    fn picture(&self) -> String {
        let client = self.client();
        let paths = ["networks", "operator/work", "operator/wallets", "withdrawals", "deposits"];
        let look = |path: &str| match self.rt.block_on(client.get(&format!("/v1/{path}"))) {
            Ok(answer) => format!("{path}: {}\n", answer.text),
            Err(error) => format!("{path}: {error}\n"),
        };
        paths.iter().map(|path| look(path)).collect()
    }

    /// Brings the operator's own money: 100 coins and 100,000 dollars on every network, announced, and final by the books.
    #[track_caller]
    pub fn fund(&mut self) {
        for (net, node) in self.nodes.iter().enumerate() {
            let house = node.accounts()[0].clone();
            let hot = self.hot(net);
            let dollars = 100_000 * self.unit(net);
            self.mint(net, &house, dollars);
            let coins = node.send(&house, &hot, 100 * WHOLE).expect("sent");
            let tokens = node.erc20_transfer(&self.tokens[net], &house, &hot, dollars).expect("sent");
            for transaction in [coins, tokens] {
                let body = json!({"network": self.network(net), "transaction": transaction, "reason": "first funds"});
                self.post("/v1/operator/funding", &body).expect(200);
            }
            // What sweeps are paid with. It is the operator's, too.
            let gas = node.send(&house, &self.gas(net), 10 * WHOLE).expect("sent");
            let body = json!({"network": self.network(net), "transaction": gas, "reason": "gas"});
            self.post("/v1/operator/funding", &body).expect(200);
        }
        self.until("the operator's funds", |world| {
            let wallets = world.get("/v1/operator/wallets").expect(200);
            let ready = |net: usize| {
                let hot = world.holdings(&wallets, &caip10(world.setup.nets[net].chain, &world.hot(net)));
                let gas = world.holdings(&wallets, &caip10(world.setup.nets[net].chain, &world.gas(net)));
                hot.len() == 2 && hot.iter().all(|amount| *amount > 0) && gas.contains(&(10 * WHOLE))
            };
            (0..world.nodes.len()).all(ready)
        });
    }

    fn holdings(&self, wallets: &Value, address: &str) -> Vec<u128> {
        let items = wallets["items"].as_array().cloned().unwrap_or_default();
        let wallet = items.into_iter().find(|wallet| wallet["address"] == address).unwrap_or_default();
        let all = wallet["holdings"].as_array().cloned().unwrap_or_default();
        all.iter().map(|holding| units(&holding["amount"])).collect()
    }

    /// Every token's books balance, added up from every account and wallet.
    #[track_caller]
    pub fn books_balance(&self) {
        let books = self.get("/v1/operator/books?prove=true").expect(200);
        for book in books["items"].as_array().expect("a list") {
            assert_eq!(book["balanced"], true, "{book}");
        }
    }

    /// No wallet has less or more than the books say, at a block that is final.
    #[track_caller]
    pub fn verify_journal(&mut self) -> Value {
        let proof = self.cli_json(&["verify"]);
        assert_eq!((&proof["ok"], &proof["books"]), (&json!(true), &json!("balance")), "{proof}");
        proof
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The base units of an amount in an answer; nothing where there is none.
pub fn units(money: &Value) -> u128 {
    money["base_units"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Where the doors and the probes listen, if this line of the log says so.
fn ready_line(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    if fields["message"] != "Ready" {
        return None;
    }
    Some((fields["doors"].as_str()?.to_owned(), fields["health"].as_str()?.to_owned()))
}

fn tail(log: &str) -> String {
    let told = |line: &&str| !line.contains("\"TRACE\"") && !line.contains("\"DEBUG\"");
    let lines: Vec<&str> = log.lines().filter(told).collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
