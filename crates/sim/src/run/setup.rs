//! What a run's operator has: networks, tokens, assets, wallets, keys; all of it from the seed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokengine_chain::fees;
use tokengine_core::*;
use tokengine_keys::{DepositKeys, KeyStage, Keyring, LocalSigner, Mnemonic, Secret, Signer};
use tokengine_workers::{GasRules, Rules, SweepRules};

use crate::net::{Rates, Settings, World};
use crate::plan::Plan;
use crate::rng::Rng;

/// One whole coin, in base units.
pub(crate) const COIN: u128 = 1_000_000_000_000_000_000;

/// How the engine is laid out: small, so that everything that happens rarely happens often.
pub(crate) struct EngineSetup {
    pub(crate) segment_bytes: u64,
    pub(crate) reserve_bytes: u64,
    pub(crate) queue: usize,
    pub(crate) max_batch: usize,
    pub(crate) snapshot_every: u64,
}

/// An asset to be listed.
pub(crate) struct AssetSetup {
    /// Which of the ledger's tokens it stands for.
    pub(crate) token: usize,
    /// Which of the network's contracts it is; nothing for the coin.
    pub(crate) contract: Option<usize>,
    pub(crate) decimals: u8,
    pub(crate) rules: AssetRules,
}

impl AssetSetup {
    /// Base units of one.
    pub(crate) fn one(&self) -> u128 {
        10u128.pow(self.decimals.into())
    }
}

/// A network to be listed.
pub(crate) struct NetworkSetup {
    pub(crate) id: String,
    pub(crate) settings: Settings,
    pub(crate) rules: Rules,
    pub(crate) policy: NetworkPolicy,
    pub(crate) assets: Vec<AssetSetup>,
    /// The wallets that are not deposit addresses: address, role, key.
    pub(crate) wallets: Vec<(Address, Role, &'static str)>,
}

/// All of it.
pub(crate) struct Setup {
    pub(crate) networks: Vec<NetworkSetup>,
    /// The ledger's tokens: name and decimals.
    pub(crate) tokens: Vec<(String, u8)>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) deposits: DepositKeys,
    pub(crate) engine: EngineSetup,
}

/// The house's single keys, by name, and the byte that each is made of. The same key serves on every network.
const KEYS: &[(&str, u8)] = &[("hot-1", 0x11), ("hot-2", 0x12), ("gas", 0x22)];

fn signer(byte: u8) -> LocalSigner {
    LocalSigner::from_key(&Secret::new([byte; 32])).expect("a key")
}

/// An address as the engine writes it.
pub(crate) fn address(text: &str) -> Address {
    Address::new(text).expect("short")
}

/// Deriving it from words takes long on purpose, and it is always the same.
fn deposit_keys() -> DepositKeys {
    static KEYS: OnceLock<DepositKeys> = OnceLock::new();
    let derive = || {
        let words = Mnemonic::parse("test test test test test test test test test test test junk").expect("words");
        words.keys("").deposit_keys(7).expect("keys")
    };
    KEYS.get_or_init(derive).clone()
}

impl Setup {
    /// What that seed's operator has.
    pub(crate) fn new(plan: &Plan, rng: &mut Rng) -> Self {
        let mut keyring = Keyring::default();
        for (name, byte) in KEYS {
            keyring.add(name.parse().expect("a name"), KeyStage::Active, signer(*byte)).expect("new");
        }
        let deposits = deposit_keys();
        keyring.add_family("deposits".parse().expect("a name"), KeyStage::Active, deposits.clone()).expect("new");
        let count = rng.between(2, 3);
        let networks: Vec<NetworkSetup> = (0..count).map(|ix| network(plan, ix, rng)).collect();
        let mut tokens = vec![("USD".to_owned(), 18), ("GLD".to_owned(), 18)];
        tokens.extend(networks.iter().map(|network| (format!("COIN-{}", network.settings.chain_id), 18)));
        let segment_bytes = *rng.pick(&[64 << 10, 128 << 10, 512 << 10]);
        let engine = EngineSetup {
            segment_bytes,
            reserve_bytes: segment_bytes * rng.between(1, 2),
            queue: *rng.pick(&[8, 64, 4_096]),
            max_batch: *rng.pick(&[1, 3, 16, 256]),
            snapshot_every: *rng.pick(&[40, 150, 700, 100_000]),
        };
        Self { networks, tokens, keyring: Arc::new(keyring), deposits, engine }
    }

    /// The networks themselves.
    pub(crate) fn world(&self, rng: Rng) -> World {
        let world = World::new(rng, self.networks.iter().map(|row| row.settings.clone()).collect(), super::START_MS);
        for (ix, row) in self.networks.iter().enumerate() {
            row.wallets.iter().for_each(|(address, _, _)| world.own(ix, address));
        }
        world
    }
}

fn network(plan: &Plan, ix: u64, rng: &mut Rng) -> NetworkSetup {
    let nodes = rng.between(1, 4);
    let quorum = u8::try_from(rng.between(1, nodes.min(3))).expect("at most 3");
    let mut settings = Settings::new(31_337 + ix, usize::try_from(nodes).expect("at most 4"), quorum);
    settings.block_ms = *rng.pick(&[1_000, 2_000, 5_000, 12_000]);
    // What failed on a network is given back when the network calls it final, and not before: without that it waits for ever.
    settings.tells_final = true;
    settings.base_fee = rng.chance(3, 4).then_some(20_000_000_000);
    settings.final_after = rng.between(6, 14);
    settings.safe_after = rng.between(2, 4);
    settings.reorg_depth = rng.between(2, 5).min(settings.final_after);
    settings.rates = rates(plan, rng);
    if rng.chance(1, 3) {
        settings.endpoints.iter_mut().for_each(|endpoint| endpoint.traces = false);
    }
    let settings = settings.with_liars();
    // Two ordinary reorgs close together may take a little more than one.
    let deepest = u32::try_from(settings.reorg_depth + 3).expect("small");
    let finality = match (settings.tells_final, rng.below(3)) {
        (true, 0) => Finality::Finalized,
        // Past every ordinary reorg, so that only a deep one can undo it.
        (true, 1) if settings.safe_after > settings.reorg_depth + 2 => Finality::Safe,
        _ => Finality::Confirmations(deepest + 1),
    };
    let block = Duration::from_millis(settings.block_ms);
    let rules = Rules {
        start: None,
        scan_batch: u32::try_from(rng.between(1, 16)).expect("small"),
        head_every: block / 2,
        fees: fees::Policy::default(),
        gas: GasRules::default(),
        resend_first: block,
        resend_longest: block * 16,
        replace_after: block * u32::try_from(rng.between(3, 12)).expect("small"),
        retry_after: Duration::from_secs(2),
        claim_lookup: block * 20,
        reconcile_every: rng.between(4, 20),
        probe_every: rng.between(5, 30),
        sweep: SweepRules {
            max_token_cost: Amount::new(COIN),
            top_up_a_day: Amount::new(1_000 * COIN),
            ..SweepRules::default()
        },
        ..Rules::default()
    };
    let policy = NetworkPolicy {
        reorg_depth: deepest,
        nodes_required: quorum,
        max_in_flight: u16::try_from(*rng.pick(&[1, 3, 16])).expect("small"),
        payout_finality: finality,
    };
    let of = |token: usize, contract: Option<usize>, decimals: u8, rng: &mut Rng| {
        let one = 10u128.pow(decimals.into());
        let fees = Fees {
            success: Amount::new(rng.between(0, 3).into()),
            success_bps: u16::try_from(rng.below(50)).expect("small"),
            failure: Amount::new(rng.between(0, 5_000).into()),
        };
        AssetSetup {
            token,
            contract,
            decimals,
            rules: AssetRules {
                deposits: true,
                payouts: true,
                min_deposit: Amount::new(one / 100),
                max_deposit: Amount::new(one * 50_000),
                min_payout: Amount::new(one / 1_000),
                max_payout: Amount::new(one * 20_000),
                fees,
                finality: vec![(Amount::new(one * 100), finality), (Amount::MAX, stronger(finality))],
                sweep_from: Amount::new(one / 10),
            },
        }
    };
    let coin = 2 + usize::try_from(ix).expect("small");
    let assets = vec![of(0, Some(0), 6, rng), of(1, Some(1), 18, rng), of(coin, None, 18, rng)];
    let mut wallets = vec![(address(&signer(0x11).address().to_string()), Role::Hot, "hot-1")];
    if rng.chance(1, 2) {
        wallets.push((address(&signer(0x12).address().to_string()), Role::Hot, "hot-2"));
    }
    wallets.push((address(&signer(0x22).address().to_string()), Role::Gas, "gas"));
    wallets.push((address(&signer(0x33).address().to_string()), Role::Cold, "cold"));
    NetworkSetup { id: format!("eip155:{}", settings.chain_id), settings, rules, policy, assets, wallets }
}

/// What large amounts wait for.
fn stronger(finality: Finality) -> Finality {
    match finality {
        Finality::Confirmations(needed) => Finality::Confirmations(needed + 2),
        Finality::Safe | Finality::Finalized => Finality::Finalized,
    }
}

/// How bad the networks are; each kind may be left out.
fn rates(plan: &Plan, rng: &mut Rng) -> Rates {
    let mut rates = match rng.below(4) {
        0 => Rates::NONE,
        _ => Rates::ROUGH,
    };
    // Far more often than in nature, so that not every run has one and not every run is without.
    rates.deep_reorg = if rng.chance(1, 5) { 3_000 } else { 0 };
    for (name, rate) in [
        ("node-asks", &mut rates.ask),
        ("node-late", &mut rates.late),
        ("node-sends", &mut rates.send),
        ("node-lies", &mut rates.lie),
        ("node-modes", &mut rates.mode),
        ("pool", &mut rates.pool),
        ("reorgs", &mut rates.reorg),
        ("deep-reorgs", &mut rates.deep_reorg),
        ("weather", &mut rates.weather),
    ] {
        if !plan.allows(name) || !plan.allows("networks") {
            *rate = 0;
        }
    }
    rates
}
