//! What a world is made of: its networks, its keys, its configuration.

use std::fmt::Write as _;
use std::fs;

use tokengine_keys::{EvmAddress, Keystore, LocalSigner, Mnemonic, ScryptCost, Secret};

use super::World;

/// A network of the world.
#[derive(Clone, Debug)]
pub struct Net {
    pub chain: u64,
    /// Of the dollar there.
    pub decimals: u8,
    /// So many proxies before the node, each configured as a node of its own; 0 configures the node itself.
    pub proxies: usize,
    pub required: u8,
    /// Blocks after which deposits and payouts are final.
    pub confirmations: u32,
    pub reorg_depth: u32,
    /// Further lines of the network's part of the configuration.
    pub more: String,
}

impl Net {
    pub fn new(chain: u64, decimals: u8) -> Self {
        Self { chain, decimals, proxies: 0, required: 1, confirmations: 2, reorg_depth: 6, more: String::new() }
    }

    pub fn behind(self, proxies: usize, required: u8) -> Self {
        Self { proxies, required, ..self }
    }
}

/// How a world is made.
#[derive(Clone, Debug)]
pub struct Setup {
    pub nets: Vec<Net>,
    pub level: &'static str,
    pub page: &'static str,
}

impl Setup {
    pub fn of(nets: Vec<Net>) -> Self {
        Self { nets, level: "info", page: "open" }
    }

    /// One network; the dollar has 6 decimals there.
    pub fn one() -> Self {
        Self::of(vec![Net::new(31_337, 6)])
    }

    /// Two networks; the dollar has 6 decimals on one and 18 on the other.
    pub fn two() -> Self {
        Self::of(vec![Net::new(31_337, 6), Net::new(31_338, 18)])
    }
}

/// Keys and passwords of the tests. Nothing but test networks ever knows them, and each is looked for where it must not be.
pub const HOT_KEY: [u8; 32] = [0x11; 32];
pub const GAS_KEY: [u8; 32] = [0x22; 32];
pub const MNEMONIC: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
pub const KEYSTORE_PASSWORD: &str = "canary-keystore-password-5d1f";
pub const NODE_TOKEN: &str = "canary-node-token-93ab";

/// What must never be told, and what each of it is.
pub fn canaries(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("the keystore's password", KEYSTORE_PASSWORD.to_owned()),
        ("the hot wallet's key", hex(&HOT_KEY)),
        ("the gas wallet's key", hex(&GAS_KEY)),
        ("the mnemonic", MNEMONIC.to_owned()),
        ("a node's token", NODE_TOKEN.to_owned()),
        ("the API key", world.admin[17..].to_owned()),
    ]
}

fn address(key: [u8; 32]) -> String {
    LocalSigner::from_key(&Secret::new(key)).expect("a key").evm_address().to_string()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl World {
    /// The operator's hot wallet; one key serves every network.
    pub fn hot(&self, _net: usize) -> String {
        address(HOT_KEY)
    }

    /// What sweeps are paid from.
    pub fn gas(&self, _net: usize) -> String {
        address(GAS_KEY)
    }

    /// The CAIP-2 id of a network.
    pub fn network(&self, net: usize) -> String {
        format!("eip155:{}", self.setup.nets[net].chain)
    }

    /// The CAIP-19 id of `usd` or `eth` there.
    pub fn asset(&self, net: usize, token: &str) -> String {
        match token {
            "eth" => format!("{}/slip44:60", self.network(net)),
            "usd" => {
                let contract: EvmAddress = self.tokens[net].parse().expect("an address");
                format!("{}/erc20:{contract}", self.network(net))
            }
            other => panic!("no token {other}"),
        }
    }

    /// Base units of a whole dollar there.
    pub fn unit(&self, net: usize) -> u128 {
        10_u128.pow(self.setup.nets[net].decimals.into())
    }

    pub(super) fn write_keys(&self) {
        let write = |name: &str, text: &str| {
            let path = self.path().join(name);
            fs::create_dir_all(path.parent().expect("below the world's folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        let password = Secret::new(KEYSTORE_PASSWORD.to_owned());
        // The light cost: a start takes milliseconds of it, where an operator's takes a second.
        let keystore = Keystore::encrypt_key(&Secret::new(HOT_KEY), &password, ScryptCost::Light, &[7; 64]);
        write("keys/hot-1.json", &keystore.expect("encrypted").to_json());
        let words = Mnemonic::parse(MNEMONIC).expect("words");
        let keystore = Keystore::encrypt_mnemonic(&words, &password, ScryptCost::Light, &[8; 64]);
        write("keys/deposits.json", &keystore.expect("encrypted").to_json());
        write("secrets/keystore.password", KEYSTORE_PASSWORD);
        write("secrets/gas.key", &format!("0x{}", hex(&GAS_KEY)));
    }

    /// What stands in the environment rather than in files.
    pub(super) fn secrets(&self) -> Vec<(String, String)> {
        let mut all = vec![("DEPOSITS_PASSWORD".to_owned(), KEYSTORE_PASSWORD.to_owned())];
        for (net, (node, proxies)) in self.nodes.iter().zip(&self.proxies).enumerate() {
            let urls: Vec<String> = match proxies.is_empty() {
                true => vec![node.url().to_owned()],
                false => proxies.iter().map(|proxy| proxy.url()).collect(),
            };
            let named =
                |(number, url): (usize, String)| (format!("NODE_{net}_{number}"), format!("{url}/?token={NODE_TOKEN}"));
            all.extend(urls.into_iter().enumerate().map(named));
        }
        all
    }

    /// The operator's file.
    pub fn config_text(&self) -> String {
        let mut text = format!(
            r#"
[engine]
data = "data"
segment_mib = 1
reserve_mib = 1

[api]
listen = "127.0.0.1:0"
health_listen = "127.0.0.1:0"
page = "{}"
rate_per_key = 0
rate_per_address = 0

[telemetry]
log = "json"
level = "{}"

[[key]]
name = "hot-1"
keystore = "keys/hot-1.json"
password = {{ file = "secrets/keystore.password" }}

[[key]]
name = "gas-1"
private-key = {{ file = "secrets/gas.key" }}

[[key]]
name = "deposits"
seed = "keys/deposits.json"
password = {{ env = "DEPOSITS_PASSWORD" }}
account = 0

[deposits]
key = "deposits"

[[token]]
id = "eth"
decimals = 18

[[token]]
id = "usd"
decimals = 18
"#,
            self.setup.page, self.setup.level
        );
        for net in 0..self.setup.nets.len() {
            text.push_str(&self.network_text(net));
        }
        text
    }

    fn network_text(&self, net: usize) -> String {
        let Net { decimals, proxies, required, confirmations, reorg_depth, more, .. } = &self.setup.nets[net];
        let (id, eth, usd) = (self.network(net), self.asset(net, "eth"), self.asset(net, "usd"));
        let node = |number| {
            format!("{{ name = \"node-{number}\", url = {{ env = \"NODE_{net}_{number}\" }}, timeout_ms = 1500 }}")
        };
        let nodes: Vec<String> = (0..(*proxies).max(1)).map(node).collect();
        format!(
            r#"
[[network]]
id = "{id}"
nodes = [{}]
nodes_required = {required}
start_block = 0
reorg_depth = {reorg_depth}
payout_finality = {confirmations}
development = true
poll_ms = 50
reconcile_every = 0
{more}

[[wallet]]
network = "{id}"
role = "hot"
key = "hot-1"

[[wallet]]
network = "{id}"
role = "gas"
key = "gas-1"

[[asset]]
id = "{eth}"
token = "eth"
decimals = 18
fees = {{ success = "0.001", failure = "0.001" }}
finality = [{{ level = {confirmations} }}]
sweep_from = "0.5"

[[asset]]
id = "{usd}"
token = "usd"
decimals = {decimals}
fees = {{ success = "0.1", failure = "0.1" }}
finality = [{{ level = {confirmations} }}]
sweep_from = "5"
"#,
            nodes.join(", ")
        )
    }

    pub fn write_config(&self) {
        fs::write(self.path().join("tokengine.toml"), self.config_text()).expect("written");
    }
}
