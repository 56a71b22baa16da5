//! The demo's world: two networks, contracts on them, keys, and the configuration of an operator.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokengine_caip::AccountId;
use tokengine_keys::{AnySigner, Keyring, LocalSigner, Mnemonic, Secret, Words, random_bytes};
use tokengine_testkit::{Anvil, AnvilOptions, Arg, Artifact, Mining, artifact};

/// One network with its contracts.
pub(super) struct Network {
    pub(super) anvil: Anvil,
    /// Its CAIP-2 id.
    pub(super) id: String,
    /// What people call it here.
    pub(super) name: &'static str,
    /// The contract of the token.
    pub(super) usdx: String,
    /// Its decimals here.
    pub(super) decimals: u8,
}

impl Network {
    /// The token's CAIP-19 id.
    pub(super) fn usdx_id(&self) -> String {
        format!("{}/erc20:{}", self.id, self.usdx)
    }

    /// The coin's CAIP-19 id.
    pub(super) fn coin_id(&self) -> String {
        format!("{}/slip44:60", self.id)
    }

    /// Whole tokens in base units.
    pub(super) fn units(&self, whole: u128) -> u128 {
        whole * 10u128.pow(self.decimals.into())
    }
}

/// Somebody with a key.
pub(super) struct Customer {
    /// The same key on each network, and another account on each.
    pub(super) address: String,
    pub(super) signer: AnySigner,
}

impl Customer {
    /// The account on that network.
    pub(super) fn on(&self, network: &Network) -> Result<AccountId, Failure> {
        let text = format!("{}:{}", network.id, self.address);
        text.parse().map_err(|error| Failure::system("an address", error))
    }
}

/// All of it.
pub(super) struct World {
    /// Makes a block every two seconds; the token has 6 decimals here.
    pub(super) slow: Network,
    /// Makes a block for each transaction; the token has 18 decimals here.
    pub(super) fast: Network,
    /// A contract on the fast network that takes no coins.
    pub(super) refuses: String,
    pub(super) alice: Customer,
    pub(super) bob: Customer,
    pub(super) carol: Customer,
    /// The operator's wallets, on both networks.
    pub(super) hot: String,
    pub(super) gas: String,
    pub(super) folder: PathBuf,
}

/// Runs what blocks, on a thread that may.
pub(super) fn here<T>(work: impl FnOnce() -> Result<T, tokengine_testkit::Error>) -> Result<T, Failure> {
    tokio::task::block_in_place(work).map_err(|error| Failure::new(Exit::Failed, "demo-network", error.to_string()))
}

impl World {
    /// Starts the networks, deploys the contracts and gives the customers something to spend.
    pub(super) fn start(folder: &Path) -> Result<Self, Failure> {
        let options = |chain_id, mining| AnvilOptions { chain_id, mining, slots_in_an_epoch: 1, ..Default::default() };
        let slow = here(|| Anvil::start(options(31_337, Mining::Every(Duration::from_secs(2)))))?;
        let fast = here(|| Anvil::start(options(31_338, Mining::Instant)))?;
        let token = here(|| artifact("TestToken"))?;
        // Blocks at once while everything is set up.
        let deploy = |anvil: &Anvil, decimals: u8| {
            let args = [Arg::from("Demo Dollar"), Arg::from("USDX"), Arg::Uint(decimals.into())];
            here(|| anvil.deploy(&token, &args)).and_then(|address| canonical(&address))
        };
        let refuses = here(|| artifact("RefusingPayee")).and_then(|code| here(|| fast.deploy(&code, &[])));
        let customer = |number: usize| customer(&slow, number);
        let world = Self {
            alice: customer(1)?,
            bob: customer(2)?,
            carol: customer(3)?,
            refuses: canonical(&refuses?)?,
            hot: operator_key(folder, "hot")?,
            gas: operator_key(folder, "gas")?,
            folder: folder.to_owned(),
            slow: Network {
                usdx: deploy(&slow, 6)?,
                anvil: slow,
                id: "eip155:31337".into(),
                name: "Slow",
                decimals: 6,
            },
            fast: Network {
                usdx: deploy(&fast, 18)?,
                anvil: fast,
                id: "eip155:31338".into(),
                name: "Fast",
                decimals: 18,
            },
        };
        world.mint(&token)?;
        let words = Mnemonic::generate(Words::Twelve, &Secret::new(random_bytes::<32>()?)).words();
        crate::command::write_secret(&folder.join("secrets/deposits"), &words)?;
        Ok(world)
    }

    fn mint(&self, token: &Artifact) -> Result<(), Failure> {
        for network in [&self.slow, &self.fast] {
            let (anvil, bank) = (&network.anvil, &network.anvil.accounts()[0]);
            let give = |to: &str, whole| {
                let args = [Arg::from(to), Arg::Uint(network.units(whole))];
                here(|| anvil.invoke(bank, &network.usdx, token, "mint(address,uint256)", &args))
            };
            let sent = [give(bank, 10_000)?, give(&self.alice.address, 1_000)?, give(&self.carol.address, 1_000)?];
            for hash in sent {
                here(|| anvil.wait_success(&hash))?;
            }
        }
        Ok(())
    }

    pub(super) fn networks(&self) -> [&Network; 2] {
        [&self.slow, &self.fast]
    }

    /// Writes the operator's configuration and reads it as `serve` does.
    pub(super) fn configure(&self, listen: std::net::SocketAddr) -> Result<(Config, Keyring), Failure> {
        let file = self.folder.join("tokengine.toml");
        std::fs::write(&file, self.toml(listen)).map_err(|error| Failure::system(file.display(), error))?;
        Ok(Config::open(&file, Vec::new())?)
    }

    fn toml(&self, listen: std::net::SocketAddr) -> String {
        let mut text = format!(
            r#"# Written by `tokengine demo`. The keys are good for nothing but this.
[engine]
data = "data"
segment_mib = 4
reserve_mib = 4

[api]
listen = "{listen}"
health_listen = "127.0.0.1:0"
page = "open"

[[key]]
name = "hot"
private-key = {{ file = "secrets/hot" }}

[[key]]
name = "gas"
private-key = {{ file = "secrets/gas" }}

[[key]]
name = "deposits"
mnemonic = {{ file = "secrets/deposits" }}
account = 0

[deposits]
key = "deposits"

[[token]]
id = "USDX"
decimals = 18

[[token]]
id = "ETH"
decimals = 18
"#
        );
        for network in self.networks() {
            let (id, url) = (&network.id, network.anvil.url());
            // One waits for real finality; the other makes blocks only when somebody pays, so it counts them.
            let (payout, small, large) = match network.decimals {
                6 => ("\"finalized\"", "2", "\"finalized\""),
                _ => ("1", "1", "1"),
            };
            let (usdx, coin, decimals) = (network.usdx_id(), network.coin_id(), network.decimals);
            let _ = write!(
                text,
                r#"
[[network]]
id = "{id}"
nodes = [{{ name = "anvil", url = "{url}" }}]
start_block = 0
reorg_depth = 4
payout_finality = {payout}
development = true
poll_ms = 100
reconcile_every = 0

[[wallet]]
network = "{id}"
role = "hot"
key = "hot"

[[wallet]]
network = "{id}"
role = "gas"
key = "gas"

[[asset]]
id = "{usdx}"
token = "USDX"
decimals = {decimals}
min_deposit = "1"
min_payout = "1"
max_payout = "5000"
fees = {{ success = "0.5", success_bps = 10, failure = "0.25" }}
finality = [{{ up_to = "100", level = {small} }}, {{ level = {large} }}]
sweep_from = "1"

[[asset]]
id = "{coin}"
token = "ETH"
decimals = 18
min_deposit = "0.001"
min_payout = "0.001"
max_payout = "100"
fees = {{ success = "0.001", failure = "0.002" }}
finality = [{{ up_to = "1", level = {small} }}, {{ level = {large} }}]
sweep_from = "0.1"
"#
            );
        }
        text
    }
}

/// An address as CAIP-10 writes it.
fn canonical(address: &str) -> Result<String, Failure> {
    let id: AccountId = format!("eip155:1:{address}").parse().map_err(|error| Failure::system("an address", error))?;
    Ok(id.address().to_owned())
}

fn customer(anvil: &Anvil, number: usize) -> Result<Customer, Failure> {
    let key = anvil.private_keys().get(number).cloned().unwrap_or_default();
    let signer = LocalSigner::from_hex(&Secret::new(key))?;
    Ok(Customer { address: signer.evm_address().to_string(), signer: signer.into() })
}

/// A new key of the operator's, and its address.
fn operator_key(folder: &Path, name: &str) -> Result<String, Failure> {
    let key: String = random_bytes::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = Secret::new(key);
    crate::command::write_secret(&folder.join("secrets").join(name), &key)?;
    Ok(LocalSigner::from_hex(&key)?.evm_address().to_string())
}
