//! One EVM network, an engine in a temporary folder, its workers, and an operator's configuration for all of it.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokengine_chain::evm::{EvmConfig, EvmNode};
use tokengine_chain::{FinalHead, Network, Rules as Nodes};
use tokengine_core::*;
use tokengine_engine::{Engine, Handle, Lane, Options, system_clock};
use tokengine_keys::{AnySigner, EvmAddress, KeyStage, Keyring, LocalSigner, Mnemonic, RemoteSigner, Secret, Signer};
use tokengine_testkit::{Anvil, AnvilOptions, Arg, Artifact, artifact, wait_until};
use tokengine_workers::{NetworkStatus, NetworkWorker, Rules, Workers};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

pub const NET: NetworkIx = NetworkIx(0);
pub const USD: AssetIx = AssetIx(0);
pub const COIN: AssetIx = AssetIx(1);
pub const HOT: WalletIx = WalletIx(0);
pub const GAS: WalletIx = WalletIx(1);
pub const ETHER: u128 = 1_000_000_000_000_000_000;
/// Failure fee of the coin, in its base units.
pub const FAILURE_FEE: u128 = 700;
const WITHIN: Duration = Duration::from_secs(30);
const CHAIN: &str = "eip155:31337";

/// What a test wants to be different.
pub struct Setup {
    pub nodes: Vec<String>,
    pub quorum: u8,
    pub finality: Finality,
    /// Where the network's finalized head comes from.
    pub final_head: FinalHead,
    pub reorg_depth: u32,
    pub max_in_flight: u16,
    pub rules: Rules,
    /// The contract of the token.
    pub token: &'static str,
    /// The hot wallet's key is with a service here: the node's own account 8.
    pub signer: Option<String>,
    /// The nodes are asked for traces.
    pub traces: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            quorum: 1,
            finality: Finality::Confirmations(1),
            final_head: FinalHead::Told,
            reorg_depth: 8,
            max_in_flight: 16,
            rules: Rules {
                head_every: Duration::from_millis(50),
                retry_after: Duration::from_millis(200),
                resend_first: Duration::from_millis(300),
                replace_after: Duration::from_secs(60),
                claim_lookup: Duration::from_secs(2),
                reconcile_every: 0,
                ..Rules::default()
            },
            token: "TestToken",
            signer: None,
            traces: true,
        }
    }
}

pub struct World {
    pub anvil: Arc<Anvil>,
    pub token: String,
    pub artifact: Artifact,
    pub folder: TempDir,
    setup: Setup,
    keyring: Arc<Keyring>,
    hot_address: Address,
    engine: Option<Engine>,
    workers: Option<Workers<EvmNode>>,
    requests: u128,
    rt: Runtime,
}

/// An address as the engine writes it.
pub fn canonical(address: &str) -> Address {
    let parsed: EvmAddress = address.parse().expect("an address");
    Address::new(&parsed.to_string()).expect("short")
}

fn signer(byte: u8) -> LocalSigner {
    LocalSigner::from_key(&Secret::new([byte; 32])).expect("a key")
}

fn address_of(byte: u8) -> Address {
    canonical(&signer(byte).address().to_string())
}

pub fn asset_rules(finality: Finality) -> AssetRules {
    AssetRules {
        deposits: true,
        payouts: true,
        min_deposit: Amount::new(1),
        max_deposit: Amount::MAX,
        min_payout: Amount::new(1),
        max_payout: Amount::MAX,
        fees: Fees { success: Amount::new(10), success_bps: 0, failure: Amount::new(FAILURE_FEE) },
        finality: vec![(Amount::MAX, finality)],
        sweep_from: Amount::new(1_000),
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| Setup::default())
    }

    /// Starts a node, then lets the test say what it wants, knowing the node.
    pub fn with(setup: impl FnOnce(&Anvil) -> Setup) -> Self {
        let anvil = Anvil::start(AnvilOptions::default()).expect("anvil starts");
        let setup = setup(&anvil);
        let mut token_artifact = artifact(setup.token).expect("compiled");
        let args = match setup.token {
            "TokenProxy" => {
                let behind = anvil.deploy(&artifact("TokenV1").expect("compiled"), &[]).expect("deployed");
                vec![Arg::from(&behind)]
            }
            "TestToken" => vec![Arg::from("Dollar"), Arg::from("USD"), Arg::Uint(6)],
            "FeeToken" => vec![Arg::Uint(100), Arg::from(&anvil.accounts()[9])],
            _ => vec![],
        };
        let token = anvil.deploy(&token_artifact, &args).expect("deployed");
        if setup.token == "TokenProxy" {
            token_artifact = artifact("TokenV1").expect("compiled"); // what is called through it
        }
        let mut keyring = Keyring::default();
        for (name, byte) in [("gas", 0x22), ("old", 0x33)] {
            keyring.add(name.parse().expect("a name"), KeyStage::Active, signer(byte)).expect("new");
        }
        let hot: AnySigner = match &setup.signer {
            None => signer(0x11).into(),
            Some(url) => {
                let address = anvil.accounts()[8].parse().expect("an address");
                RemoteSigner::new(url, address, None, Duration::from_secs(2)).expect("a signer").into()
            }
        };
        let hot_address = canonical(&hot.address().to_string());
        keyring.add("hot".parse().expect("a name"), KeyStage::Active, hot).expect("new");
        let words = Mnemonic::parse("test test test test test test test test test test test junk").expect("words");
        let family = words.keys("").deposit_keys(7).expect("keys");
        keyring.add_family("deposits".parse().expect("a name"), KeyStage::Active, family).expect("new");
        let mut world = Self {
            anvil: Arc::new(anvil),
            token,
            artifact: token_artifact,
            folder: tempfile::tempdir().expect("a folder"),
            setup,
            keyring: Arc::new(keyring),
            hot_address,
            engine: None,
            workers: None,
            requests: 0,
            rt: Runtime::new().expect("a runtime"),
        };
        world.open();
        world.configure();
        world.work();
        world
    }

    /// Opens the engine, as at a start.
    pub fn open(&mut self) {
        let options = Options::new(self.folder.path(), 42).with_journal(|journal| {
            journal.segment_bytes = 1 << 20;
            journal.reserve_bytes = 1 << 20;
        });
        self.engine = Some(Engine::open(options, None, |_| {}).expect("the engine opens"));
    }

    fn configure(&mut self) {
        let (finality, reorg_depth) = (self.setup.finality, self.setup.reorg_depth);
        let policy = NetworkPolicy {
            reorg_depth,
            nodes_required: self.setup.quorum,
            max_in_flight: self.setup.max_in_flight,
            payout_finality: finality,
        };
        self.ok(Command::ListNetwork { id: CHAIN.into(), policy });
        let places = if matches!(self.setup.token, "RebasingToken" | "HookToken") { 18 } else { 6 };
        for (id, decimals, contract) in [("USD", places, Some(canonical(&self.token))), ("COIN", 18, None)] {
            self.ok(Command::ListToken { id: id.into(), decimals });
            let token = TokenIx(if id == "USD" { 0 } else { 1 });
            let (id, network, rules) = (format!("{CHAIN}/x:{id}").into(), NET, asset_rules(finality));
            self.ok(Command::ListAsset { id, network, token, decimals, contract, rules });
        }
        let house = [("hot", self.hot_address.clone(), Role::Hot), ("gas", address_of(0x22), Role::Gas)];
        for (name, address, role) in house {
            let key = name.into();
            self.ok(Command::ListWallet { request: None, network: NET, address, role, key });
        }
    }

    /// Starts the workers, and waits until the network and its wallets are ready.
    pub fn work(&mut self) {
        self.start_workers();
        self.until("the network is started", |state| state.network(NET).is_some_and(|row| row.genesis.is_some()));
        self.until("the wallets are ready", |state| {
            [HOT, GAS].iter().all(|wallet| state.wallet(*wallet).is_some_and(|row| row.next_nonce.is_some()))
        });
    }

    /// The network as the workers see it.
    pub fn network(&self) -> Arc<Network<EvmNode>> {
        let urls =
            if self.setup.nodes.is_empty() { vec![self.anvil.url().to_owned()] } else { self.setup.nodes.clone() };
        let node = |(ix, url): (usize, &String)| {
            let mut config = EvmConfig::new(format!("node-{ix}"), url);
            config.timeout = Duration::from_secs(2);
            config.traces = self.setup.traces;
            EvmNode::new(&config).expect("a node")
        };
        let nodes = urls.iter().enumerate().map(node).collect();
        let rules = Nodes {
            quorum: self.setup.quorum,
            finality: self.setup.final_head,
            rest: Duration::from_millis(50),
            longest_rest: Duration::from_millis(400),
            ..Nodes::default()
        };
        Arc::new(Network::new(CHAIN, nodes, rules).expect("a network"))
    }

    pub fn start_workers(&mut self) {
        let network = self.network();
        let worker = NetworkWorker { network, rules: self.setup.rules.clone() };
        let _inside = self.rt.enter();
        let (handle, keyring, stop) = (self.handle(), Arc::clone(&self.keyring), CancellationToken::new());
        self.workers = Some(Workers::start(handle, vec![worker], keyring, stop).expect("workers"));
    }

    /// Further workers of the same network, at work on the same books.
    pub fn more_workers(&self) -> Workers<EvmNode> {
        let worker = NetworkWorker { network: self.network(), rules: self.setup.rules.clone() };
        let _inside = self.rt.enter();
        let (keyring, stop) = (Arc::clone(&self.keyring), CancellationToken::new());
        Workers::start(self.handle(), vec![worker], keyring, stop).expect("workers")
    }

    pub fn stop_workers(&mut self) {
        if let Some(workers) = self.workers.take() {
            self.rt.block_on(workers.stop());
        }
    }

    pub fn use_nodes(&mut self, nodes: Vec<String>) {
        self.setup.nodes = nodes;
    }

    /// Stops everything and starts it again, as after a deployment.
    pub fn restart(&mut self) {
        self.close();
        self.open();
        self.start_workers();
    }

    pub fn close(&mut self) {
        self.stop_workers();
        if let Some(engine) = self.engine.take() {
            engine.stop().expect("the engine stops");
        }
    }

    pub fn handle(&self) -> Handle {
        self.engine.as_ref().expect("open").handle()
    }

    #[track_caller]
    pub fn ok(&self, command: Command) -> Subject {
        let text = format!("{command:?}");
        self.handle().submit_blocking(Lane::Client, command).unwrap_or_else(|error| panic!("{text}: {error}")).subject
    }

    pub fn look<R: Send + 'static>(&self, look: impl FnOnce(&State) -> R + Send + 'static) -> R {
        self.handle().query_blocking(look).expect("the engine answers")
    }

    /// Waits for a state of the books.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&State) -> bool + Send + Clone + 'static) {
        let done = wait_until(what, WITHIN, || {
            let holds = holds.clone();
            self.look(move |state| holds(state))
        });
        if done.is_err() {
            panic!(
                "{what}: never; {:#?}\n{:#?}",
                self.status(),
                self.look(|state| {
                    let payouts: Vec<_> = state.payouts().map(|(id, payout)| (id, payout.stage)).collect();
                    let open: Vec<_> = state.dispatches().map(|(id, dispatch)| (id, dispatch.clone())).collect();
                    let wallets: Vec<_> = state.wallets().map(|(id, wallet)| (id, wallet.clone())).collect();
                    (payouts, open, wallets, state.pending_deposits().cloned().collect::<Vec<_>>())
                })
            );
        }
    }

    pub fn status(&self) -> NetworkStatus {
        let workers = self.workers.as_ref().expect("they work");
        self.rt.block_on(workers.status()).expect("the engine answers").remove(0)
    }

    /// Waits for an answer, outside of the workers.
    pub fn block_on<F: Future>(&self, answer: F) -> F::Output {
        self.rt.block_on(answer)
    }

    pub fn reconcile(&self) -> Option<tokengine_workers::reconcile::Report> {
        let workers = self.workers.as_ref().expect("they work");
        self.rt.block_on(workers.reconcile(CHAIN)).expect("the nodes answer")
    }

    pub fn request(&mut self) -> Request {
        self.requests += 1;
        let key = u128::from(system_clock().0) << 80 | self.requests;
        Request { principal: Principal::Operator, key, content: Fingerprint(self.requests) }
    }

    /// One of the node's own accounts, by number.
    pub fn customer(&self, n: usize) -> String {
        self.anvil.accounts()[n].clone()
    }

    pub fn account(&self, customer: &str) -> AccountIx {
        let name = format!("{CHAIN}:{}", canonical(customer));
        if self.look({
            let name = name.clone();
            move |state| state.account_by_name(&name).is_none()
        }) {
            self.ok(Command::OpenAccount { request: None, name: name.as_str().into() });
        }
        self.look(move |state| state.account_by_name(&name)).expect("open")
    }

    /// What a customer has free, in base units of the asset (whose token has the same decimals).
    pub fn free(&self, customer: &str, asset: AssetIx) -> u128 {
        let name = format!("{CHAIN}:{}", canonical(customer));
        self.look(move |state| {
            let Some(account) = state.account_by_name(&name) else { return 0 };
            state.book(account, state.asset(asset).expect("listed").token).free.base_units()
        })
    }

    #[track_caller]
    pub fn until_free(&self, customer: &str, asset: AssetIx, amount: u128) {
        let (name, what) =
            (format!("{CHAIN}:{}", canonical(customer)), format!("{customer} has {amount} of {asset:?}"));
        self.until(&what, move |state| {
            let Some(account) = state.account_by_name(&name) else { return amount == 0 };
            state.book(account, state.asset(asset).expect("listed").token).free == Amount::new(amount)
        });
    }

    pub fn wallet_address(&self, wallet: WalletIx) -> String {
        self.look(move |state| state.wallet(wallet).expect("listed").address.to_string())
    }

    /// Gives a customer tokens, on the network.
    pub fn mint(&self, customer: &str, amount: u128) {
        let args = [Arg::from(customer), Arg::Uint(amount)];
        let hash = self.anvil.invoke(customer, &self.token, &self.artifact, "mint(address,uint256)", &args);
        self.anvil.wait_success(&hash.expect("sent")).expect("minted");
    }

    /// A customer pays tokens to an address, and mints them first.
    pub fn pay_token(&self, customer: &str, to: &str, amount: u128) -> TxId {
        self.mint(customer, amount);
        let hash = self.anvil.erc20_transfer(&self.token, customer, to, amount).expect("sent");
        self.anvil.wait_success(&hash).expect("paid");
        hash.parse().expect("a hash")
    }

    pub fn pay_coin(&self, customer: &str, to: &str, wei: u128) -> TxId {
        let hash = self.anvil.send(customer, to, wei).expect("sent");
        self.anvil.wait_success(&hash).expect("paid");
        hash.parse().expect("a hash")
    }

    /// Customer 1 has 1,000 dollars and 10 coins in the hot wallet, credited.
    pub fn funded(&self) -> String {
        let (alice, hot) = (self.customer(1), self.wallet_address(HOT));
        self.pay_token(&alice, &hot, 1_000_000_000);
        self.pay_coin(&alice, &hot, 10 * ETHER);
        self.anvil.mine(6).expect("mined");
        self.until_free(&alice, USD, 1_000_000_000);
        self.until_free(&alice, COIN, 10 * ETHER);
        alice
    }

    pub fn order(&mut self, customer: &str, asset: AssetIx, amount: u128, destination: &str) -> PayoutOrder {
        let account = self.account(customer);
        let nonce = self.request().key;
        PayoutOrder {
            account,
            asset,
            amount: Amount::new(amount),
            destination: canonical(destination),
            max_fee: Amount::MAX,
            external_id: None,
            nonce,
            expiry: system_clock().plus_ms(3_600_000),
            authority: Authority::Signature {
                signer: format!("{CHAIN}:{}", canonical(customer)).into(),
                digest: [0; 32],
                signature: [0; 65].into(),
                contract: false,
            },
        }
    }

    pub fn withdraw(&mut self, customer: &str, asset: AssetIx, amount: u128, destination: &str) -> PayoutId {
        let order = self.order(customer, asset, amount, destination);
        let request = self.request();
        match self.ok(Command::HoldPayout { request, order, trace: None }) {
            Subject::Payout(payout) => payout,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub fn until_ended(&self, payout: PayoutId) {
        self.until("the payout has ended", move |state| state.payout(payout).is_none());
    }

    /// The hot wallet's address, also before there is a world.
    pub fn hot_address() -> String {
        address_of(0x11).to_string()
    }

    /// Lists another hot wallet, waits until it is ready, and says its address.
    pub fn second_hot_wallet(&self) -> String {
        let (address, key) = (address_of(0x33), "old".into());
        let listed =
            Command::ListWallet { request: None, network: NET, address: address.clone(), role: Role::Hot, key };
        self.ok(listed);
        let at = address.clone();
        self.anvil.mine(1).expect("mined");
        self.until("the other wallet is ready", move |state| {
            let wallet = state.wallet_at(NET, &at).and_then(|wallet| state.wallet(wallet));
            wallet.is_some_and(|wallet| wallet.next_nonce.is_some())
        });
        address.to_string()
    }

    /// A fresh address that nobody has.
    pub fn nobody(n: u8) -> String {
        format!("0x{:0>40}", format!("dead{n:02x}"))
    }

    #[track_caller]
    pub fn books_balance(&self) {
        self.look(|state| state.check_books()).expect("the books balance");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop_workers();
        // Before its folder goes; a test that fails is told by its own words.
        drop(self.engine.take().map(Engine::stop));
    }
}
