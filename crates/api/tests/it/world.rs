//! A running exchange behind its doors: engine, journal and read model on a folder of their own. What workers see on
//! networks is submitted here in their place.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokengine_api::Scope;
use tokengine_api::*;
use tokengine_core::*;
use tokengine_engine::{Engine, Follower, Handle, Lane, Sink, SinkError, follow};
use tokengine_keys::api_key::ApiKeySecret;
use tokengine_keys::{LocalSigner, Secret};
use tokengine_store::Store;
use tower::ServiceExt;
use uuid::Uuid;

pub const USD: &str = "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
pub const USD_10: &str = "eip155:10/erc20:0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85";
pub const ETH: &str = "eip155:1/slip44:60";
pub const HOT: &str = "0x00000000219ab540356cBB839Cbe05303d7705Fa";
pub const BOB: &str = "eip155:1:0x22227A31dd842196A246d8f3b775998560eAa61d";
/// Another face of the coin.
pub const FACE: &str = "0x471EcE3750Da237f93B8E339c536989b8978a438";
pub const INSTANCE: [u8; 32] = [0x5a; 32];

pub const ONE: NetworkIx = NetworkIx(0);
pub const TEN: NetworkIx = NetworkIx(1);
pub const USD_IX: AssetIx = AssetIx(0);
pub const ETH_IX: AssetIx = AssetIx(2);
pub const HOT_IX: WalletIx = WalletIx(0);

const DEEP: Depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };

struct Follow(Store);

impl Sink for Follow {
    fn cursor(&mut self) -> Result<Position, SinkError> {
        Ok(self.0.cursor()?)
    }
    fn take(&mut self, records: &[(Position, Record)]) -> Result<(), SinkError> {
        Ok(self.0.apply(records)?)
    }
}

/// What the nodes of the networks say: heads, and which contracts own up to which digests.
#[derive(Default)]
pub struct Nodes {
    pub contracts: Mutex<BTreeMap<String, bool>>,
    pub questions: AtomicUsize,
    pub silent: std::sync::atomic::AtomicBool,
    /// Blocks above 112 that the head has.
    pub ahead: AtomicU64,
    /// Milliseconds since the head was told.
    pub old: AtomicU64,
    /// No node answers; the last head that was seen is told all the same.
    pub down: AtomicBool,
}

impl NetworkSource for Nodes {
    fn status(&self, network: &str) -> Option<NetworkStatus> {
        let node = |name: &str, up| NodeStatus { name: name.into(), up, head: up.then_some(112), error: None };
        network.starts_with("eip155:1").then(|| NetworkStatus {
            head: Some(112 + self.ahead.load(Ordering::Relaxed)),
            safe: Some(108),
            finalized: Some(104),
            block_ms: Some(2000),
            seen_at: Some(Time(tokengine_engine::system_clock().0 - self.old.load(Ordering::Relaxed))),
            nodes: vec![node("first", !self.down.load(Ordering::Relaxed)), node("second", false)],
            error: None,
        })
    }

    fn is_alias(&self, network: &str, address: &Address) -> bool {
        network == "eip155:1" && address.as_str() == FACE
    }

    fn valid_signature<'a>(
        &'a self,
        network: &'a str,
        contract: &'a Address,
        _: [u8; 32],
        _: &'a [u8],
    ) -> Asked<'a, Result<bool, Unanswered>> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        let known = self.contracts.lock().unwrap().get(&format!("{network}:{contract}")).copied();
        let silent = self.silent.load(Ordering::Relaxed);
        Box::pin(std::future::ready(if silent { Err(Unanswered) } else { Ok(known.unwrap_or(false)) }))
    }
}

pub struct World {
    pub router: Router,
    pub engine: Handle,
    pub nodes: Arc<Nodes>,
    pub store: tokengine_store::Reader,
    pub admin: String,
    pub desk: String,
    pub registry: Arc<Mutex<prometheus_client::registry::Registry>>,
    pub reconciled: Arc<AtomicUsize>,
    /// No block can be compared at.
    pub too_early: Arc<AtomicBool>,
    txs: AtomicU64,
    _follower: Follower,
    _running: Engine,
    _folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no code in {}", self.text)).to_owned()
    }
    /// Status and code, for tables.
    pub fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.code())
    }
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

pub fn key() -> String {
    Uuid::now_v7().to_string()
}

pub fn signer(byte: u8) -> LocalSigner {
    LocalSigner::from_key(&Secret::new([byte; 32])).unwrap()
}

/// The CAIP-10 id of a customer on a network.
pub fn customer(byte: u8, network: &str) -> String {
    format!("{network}:{}", signer(byte).evm_address())
}

/// In so many seconds, as RFC 3339.
pub fn in_seconds(seconds: u64) -> String {
    let now = tokengine_engine::system_clock().0 / 1000 + seconds;
    jiff::Timestamp::from_second(now.try_into().unwrap()).unwrap().to_string()
}

fn rules(unit: u128) -> AssetRules {
    AssetRules {
        deposits: true,
        payouts: true,
        min_deposit: Amount::new(unit / 1000),
        max_deposit: Amount::new(unit * 1_000_000),
        min_payout: Amount::new(unit / 100),
        max_payout: Amount::new(unit * 100_000),
        fees: Fees {
            success: Amount::new(1_000_000_000_000_000),
            success_bps: 10,
            failure: Amount::new(500_000_000_000_000),
        },
        finality: vec![(Amount::new(unit * 1000), Finality::Confirmations(12)), (Amount::MAX, Finality::Finalized)],
        sweep_from: Amount::new(unit),
    }
}

pub fn block(height: u64) -> BlockRef {
    let hash = |height: u64| {
        let mut bytes = [0x11; 32];
        bytes[..8].copy_from_slice(&height.to_be_bytes());
        BlockHash(bytes)
    };
    BlockRef { height, hash: hash(height), parent: hash(height.wrapping_sub(1)) }
}

pub fn address(text: &str) -> Address {
    Address::new(text).unwrap()
}

fn hash_of(text: &str) -> ([u8; 32], String) {
    let secret = ApiKeySecret::generate(&Secret::new([*text.as_bytes().first().unwrap(); 38]));
    (secret.hash(), secret.reveal().expose().clone())
}

impl World {
    pub async fn new() -> Self {
        Self::with(|deps| deps).await
    }

    pub async fn with(change: impl FnOnce(Deps) -> Deps) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = tokengine_engine::Options::new(folder.path().join("journal"), 0x5eed).with_journal(|journal| {
            journal.segment_bytes = 4 << 20;
            journal.reserve_bytes = 1 << 20;
        });
        let running = Engine::open(options, None, |_| {}).unwrap();
        let engine = running.handle();
        let store = Store::open(&folder.path().join("read.sqlite")).unwrap();
        let reader = store.reader().unwrap();
        let follower = follow(&engine, "store", Box::new(Follow(store))).unwrap();
        let mut registry = prometheus_client::registry::Registry::default();
        let (nodes, reconciled) = (Arc::new(Nodes::default()), Arc::new(AtomicUsize::new(0)));
        let count = reconciled.clone();
        let too_early = Arc::new(AtomicBool::new(false));
        let early = too_early.clone();
        let deps = Deps {
            engine: engine.clone(),
            store: reader.clone(),
            networks: nodes.clone(),
            derive: Arc::new(|network, account| {
                let number = account.bytes().fold(0x1000u64, |sum, byte| sum * 31 + u64::from(byte));
                let address = address(&format!("0x{number:040x}"));
                network.starts_with("eip155:1").then(|| Derived { address, key: format!("deposit/{number}").into() })
            }),
            instance: INSTANCE,
            secret: Secret::new([9; 32]),
            limits: Limits {
                per_key: Rate { per_second: 0, burst: 1 },
                per_address: Rate { per_second: 0, burst: 1 },
                ..Limits::default()
            },
            clock: Arc::new(tokengine_engine::system_clock),
            reconcile: Arc::new(move |network| {
                count.fetch_add(1, Ordering::Relaxed);
                let found = Compared { height: 9, compared: 3, differing: 1, left_out: 0 };
                Box::pin(std::future::ready(if network == "eip155:1" {
                    Ok((!early.load(Ordering::Relaxed)).then_some(found))
                } else {
                    Err(Unanswered)
                }))
            }),
            page: PageAccess::Login,
            secure_cookies: false,
            metrics: Metrics::new(&mut registry),
        };
        let router = router(change(deps));
        let ((admin_hash, admin), (desk_hash, desk)) = (hash_of("admin"), hash_of("desk"));
        let world = Self {
            router,
            engine,
            nodes,
            store: reader,
            admin,
            desk,
            registry: Arc::new(Mutex::new(registry)),
            reconciled,
            too_early,
            txs: AtomicU64::new(1),
            _follower: follower,
            _running: running,
            _folder: folder,
        };
        world.list(admin_hash, desk_hash).await;
        world
    }

    async fn list(&self, admin: [u8; 32], desk: [u8; 32]) {
        let policy = NetworkPolicy {
            reorg_depth: 16,
            nodes_required: 1,
            max_in_flight: 4,
            payout_finality: Finality::Confirmations(12),
        };
        for id in ["eip155:1", "eip155:10"] {
            self.ok(Command::ListNetwork { id: id.into(), policy: policy.clone() }).await;
        }
        for id in ["USD", "ETH"] {
            self.ok(Command::ListToken { id: id.into(), decimals: 18 }).await;
        }
        let contract = |asset: &str| asset.split_once("erc20:").map(|(_, contract)| address(contract));
        for (id, network, token, decimals, unit) in [
            (USD, ONE, TokenIx(0), 6, 1_000_000),
            (USD_10, TEN, TokenIx(0), 18, 1_000_000_000_000_000_000),
            (ETH, ONE, TokenIx(1), 18, 1_000_000_000_000_000_000),
        ] {
            let (contract, rules) = (contract(id), rules(unit));
            self.ok(Command::ListAsset { id: id.into(), network, token, decimals, contract, rules }).await;
        }
        for asset in [USD_IX, AssetIx(1)] {
            let facts = AssetFacts { code: [1; 32], implementation: None };
            self.ok(Command::PinAsset { asset, facts }).await;
        }
        for (network, at) in [(ONE, HOT), (TEN, HOT)] {
            let (address, role, key) = (address(at), Role::Hot, "hot".into());
            self.ok(Command::ListWallet { request: None, network, address, role, key }).await;
        }
        for wallet in [WalletIx(0), WalletIx(1)] {
            self.ok(Command::ReadyWallet { wallet, next_nonce: 0 }).await;
        }
        for network in [ONE, TEN] {
            self.ok(Command::StartNetwork { network, genesis: block(0), from: block(99) }).await;
            self.ok(Command::ScanBlocks { network, blocks: vec![block(100)] }).await;
        }
        let desk_scopes = Scope::ALL.iter().copied().filter(|scope| !scope.name().starts_with("admin:"));
        let desk_scopes: Scopes = desk_scopes.collect();
        self.ok(Command::AddKey { name: "admin".into(), hash: admin, scopes: Scopes::all().bits() }).await;
        self.ok(Command::AddKey { name: "desk".into(), hash: desk, scopes: desk_scopes.bits() }).await;
        for name in ["treasury", "alice", "bob"] {
            self.ok(Command::OpenAccount { request: None, name: name.into() }).await;
        }
    }

    /// Submits what a worker or the operator would, which must be accepted.
    pub async fn ok(&self, command: Command) -> tokengine_engine::Done {
        let text = format!("{command:?}");
        self.engine.submit(Lane::Worker, command).await.unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub fn next_tx(&self) -> TxId {
        let mut bytes = [0x77; 32];
        bytes[..8].copy_from_slice(&self.txs.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        TxId(bytes)
    }

    /// A payment is seen in a block. `from` is an address.
    pub async fn pay_in(&self, asset: AssetIx, tx: TxId, from: &str, units: u128) -> DepositKey {
        let network = self.engine.query(move |state| state.asset(asset).unwrap().network).await.unwrap();
        let head = self.engine.query(move |state| *state.network(network).unwrap().head().unwrap()).await.unwrap();
        let key = DepositKey { network, tx, locator: Locator::Log(0) };
        let deposit = Incoming {
            key: key.clone(),
            asset,
            wallet: WalletIx(u32::from(network.0)),
            from: address(from),
            from_contract: false,
            amount: Amount::new(units),
            block: head,
        };
        self.ok(Command::SeeDeposit { deposit }).await;
        key
    }

    pub async fn credit(&self, key: DepositKey) {
        let network = key.network;
        let block = self.engine.query(move |state| *state.network(network).unwrap().head().unwrap()).await.unwrap();
        self.ok(Command::CreditDeposit { key, block, depth: DEEP }).await;
    }

    /// The operator's own funds, so that the hot wallet can pay.
    pub async fn fund(&self, asset: AssetIx, units: u128) {
        let tx = self.next_tx();
        let network = self.engine.query(move |state| state.asset(asset).unwrap().network).await.unwrap();
        let request = tokengine_core::Request {
            principal: Principal::Operator,
            key: Uuid::now_v7().as_u128(),
            content: Fingerprint(1),
        };
        self.ok(Command::AnnounceFunding { request, network, tx, reason: "start".into() }).await;
        let key = self.pay_in(asset, tx, "0x00000000000000000000000000000000000F00d5", units).await;
        self.credit(key).await;
    }

    /// A customer pays in and is credited; their account opens with it.
    pub async fn customer_pays(&self, byte: u8, asset: AssetIx, units: u128) {
        let from = signer(byte).evm_address().to_string();
        let key = self.pay_in(asset, self.next_tx(), &from, units).await;
        self.credit(key).await;
    }

    /// Dollars for an account that the operator named.
    pub async fn give(&self, account: &str, dollars: u128) {
        self.customer_pays(200, USD_IX, dollars * 1_000_000).await;
        let giver = customer(200, "eip155:1");
        let to = account.to_owned();
        let ids = move |state: &State| (state.account_by_name(&giver).unwrap(), state.account_by_name(&to).unwrap());
        let (from, to) = self.engine.query(ids).await.unwrap();
        let request = tokengine_core::Request {
            principal: Principal::Operator,
            key: Uuid::now_v7().as_u128(),
            content: Fingerprint(2),
        };
        let amount = Amount::new(dollars * 1_000_000_000_000_000_000);
        let (token, authority) = (TokenIx(0), MoveAuthority::Owner);
        self.ok(Command::Move { request, token, from, to, amount, authority }).await;
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.admin, path).await
    }

    pub async fn get_as(&self, secret: &str, path: &str) -> Answer {
        let request = Request::get(path).header("authorization", format!("Bearer {secret}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// As [`Self::get`], with the ETag of what was seen already.
    pub async fn get_after(&self, path: &str, tag: &str) -> Answer {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.admin));
        self.send(request.header("if-none-match", tag).body(Body::empty()).unwrap()).await
    }

    /// Posts with the desk's key and a new idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(Some(&self.desk), Some(&key()), path, body).await
    }

    /// Posts with the administrator's key and a new idempotency key.
    pub async fn administer(&self, path: &str, body: &Value) -> Answer {
        self.post_as(Some(&self.admin), Some(&key()), path, body).await
    }

    pub async fn post_as(&self, secret: Option<&str>, key: Option<&str>, path: &str, body: &Value) -> Answer {
        let mut request = Request::builder().method(Method::POST).uri(path).header("content-type", "application/json");
        if let Some(secret) = secret {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// What an account has free of dollars, as a decimal number.
    pub async fn free(&self, account: &str) -> String {
        let answer = self.get(&format!("/v1/accounts/{}/balances", account.replace('/', "%2F"))).await.expect(200);
        let balances = answer.json();
        let usd = balances["items"].as_array().unwrap().iter().find(|row| row["token"] == "USD").cloned();
        usd.map_or("0".into(), |row| row["free"]["decimal"].as_str().unwrap().to_owned())
    }

    pub async fn open_payouts(&self) -> usize {
        self.engine.query(|state| state.payouts().count()).await.unwrap()
    }
}

/// A withdrawal of dollars from an account that the operator named.
pub fn withdrawal(account: &str, dollars: &str) -> Value {
    json!({"account": account, "asset": USD, "amount": {"decimal": dollars}, "destination": BOB,
        "max_fee": {"decimal": "10"}})
}
