//! The configuration: one TOML file, over defaults and under environment and flags. Every mistake in it is found at once,
//! before anything starts.

mod asset;
mod check;
mod inner;
mod key;
mod mistake;
mod network;
mod opened;
mod print;
mod reader;
mod schema;
mod tree;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokengine_api::{PageAccess, Rate};
use tokengine_keys::{KeyName, KeySpec, Keyring};

pub(crate) use asset::{Asset, Token};
use check::{AllNames, Entries};
use mistake::Origin;
pub(crate) use mistake::{Mistake, Source};
pub(crate) use network::{HouseRole, Network, Wallet};
pub(crate) use print::documentation;
pub(crate) use reader::{ENV_PREFIX, Layers, Shown};
use reader::{Found, Group, Reader};

/// What `tokengine init` writes.
pub(crate) const TEMPLATE: &str = include_str!("template.toml");

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// `[engine]`.
#[derive(Clone, Debug)]
pub(crate) struct EngineConfig {
    pub(crate) data: PathBuf,
    pub(crate) segment_bytes: u64,
    pub(crate) reserve_bytes: u64,
    pub(crate) snapshot_every: u64,
    pub(crate) archive: Option<PathBuf>,
}

/// `[api]`.
#[derive(Clone, Debug)]
pub(crate) struct ApiConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) health_listen: SocketAddr,
    pub(crate) page: PageAccess,
    pub(crate) secure_cookies: bool,
    pub(crate) per_key: Rate,
    pub(crate) per_address: Rate,
}

/// `[telemetry]`.
#[derive(Clone, Debug)]
pub(crate) struct TelemetryConfig {
    pub(crate) log: LogFormat,
    pub(crate) level: String,
    pub(crate) otlp_endpoint: Option<String>,
}

/// All of it, checked. What only keys and networks can tell is not: addresses of wallets, contracts.
pub(crate) struct Config {
    /// The folder that relative paths are taken from.
    pub(crate) base: PathBuf,
    pub(crate) engine: EngineConfig,
    pub(crate) api: ApiConfig,
    pub(crate) telemetry: TelemetryConfig,
    /// The family that deposit addresses come from.
    pub(crate) deposits: Option<KeyName>,
    pub(crate) keys: Vec<KeySpec>,
    pub(crate) networks: Vec<Network>,
    pub(crate) wallets: Vec<Wallet>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) assets: Vec<Asset>,
    /// Every value with its origin.
    pub(crate) shown: Vec<Shown>,
    /// What is taken as it is, and a person should know of.
    pub(crate) warnings: Vec<Mistake>,
}

impl Config {
    /// Reads `file` and the environment, under the flags.
    pub(crate) fn load(file: &Path, flags: Flags) -> Result<Self, Vec<Mistake>> {
        let (layers, base) = Self::layers(file, flags, true)?;
        Self::read(&layers, &base)
    }

    /// The same for what asks no node: secrets in URLs of nodes need not be there.
    pub(crate) fn load_without_nodes(file: &Path, flags: Flags) -> Result<Self, Vec<Mistake>> {
        let (layers, base) = Self::layers(file, flags, false)?;
        Self::read(&layers, &base)
    }

    /// The same with its keys, which takes about a second for each. What is wrong with them, or with the wallets that they
    /// sign for, is told with everything else.
    pub(crate) fn open(file: &Path, flags: Flags) -> Result<(Self, Keyring), Vec<Mistake>> {
        let (layers, base) = Self::layers(file, flags, true)?;
        Self::read_and(&layers, &base, |reader, parts| opened::keys(reader, parts, &base))
    }

    /// The same for what asks no node.
    pub(crate) fn open_without_nodes(file: &Path, flags: Flags) -> Result<(Self, Keyring), Vec<Mistake>> {
        let (layers, base) = Self::layers(file, flags, false)?;
        Self::read_and(&layers, &base, |reader, parts| opened::keys(reader, parts, &base))
    }

    /// Whether `file` has a `[[key]]` of that name with that keystore or seed. It need not be free of mistakes.
    pub(crate) fn names_key(file: &Path, name: &str, keystore: &str) -> bool {
        let (root, _) = tree::document(&std::fs::read_to_string(file).unwrap_or_default());
        let Some((_, tree::Item { node: tree::Node::List(keys), .. })) = root.get("key") else { return false };
        keys.iter().any(|key| {
            let tree::Node::Table(key) = &key.node else { return false };
            let says = |entry: &str, text: &str| {
                key.get(entry).is_some_and(|(_, item)| matches!(&item.node, tree::Node::Text(found) if found == text))
            };
            says("name", name) && (says("keystore", keystore) || says("seed", keystore))
        })
    }

    fn layers(file: &Path, flags: Flags, asks_nodes: bool) -> Result<(Layers, PathBuf), Vec<Mistake>> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| {
            let hint = "`tokengine init` writes one to begin with";
            let text = format!("cannot be read: {error}; {hint}");
            vec![Mistake { code: "config-unreadable", place: name.clone(), text }]
        })?;
        let env =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let env: BTreeMap<String, String> = env.filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        let base = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok((Layers { source: Source { name, text }, env, flags, asks_nodes }, base.to_owned()))
    }

    /// The same from what is given; `base` is the folder that relative paths are taken from.
    pub(crate) fn read(layers: &Layers, base: &Path) -> Result<Self, Vec<Mistake>> {
        Self::read_and(layers, base, |_, _| ()).map(|(config, ())| config)
    }

    /// `further` looks at what could be read, and may find mistakes of its own.
    fn read_and<T>(
        layers: &Layers,
        base: &Path,
        further: impl FnOnce(&Reader<'_>, &Parts) -> T,
    ) -> Result<(Self, T), Vec<Mistake>> {
        let reader = Reader::new(layers);
        let read = Self::read_all(&reader, base, further);
        let Found { mistakes, warnings, shown } = reader.finish();
        match read {
            Some((config, found)) if mistakes.is_empty() => Ok((Self { shown, warnings, ..config }, found)),
            _ => Err(mistakes),
        }
    }

    fn read_all<T>(
        reader: &Reader<'_>,
        base: &Path,
        further: impl FnOnce(&Reader<'_>, &Parts) -> T,
    ) -> Option<(Self, T)> {
        let root = reader.document();
        let engine = engine(&reader.section(&root, "engine"), base);
        let api = api(&reader.section(&root, "api"));
        let telemetry = telemetry(&reader.section(&root, "telemetry"));
        let deposits = network::optional(&reader.section(&root, "deposits"), "key", |text| text.parse::<KeyName>());
        let entries = Entries {
            keys: reader.sections(&root, "key"),
            networks: reader.sections(&root, "network"),
            wallets: reader.sections(&root, "wallet"),
            tokens: reader.sections(&root, "token"),
            assets: reader.sections(&root, "asset"),
        };
        let names = AllNames::of(&entries);
        let keys: Vec<Option<KeySpec>> = entries.keys.groups.iter().map(key::key).collect();
        let networks: Vec<Option<Network>> =
            entries.networks.groups.iter().map(|group| network::network(group, base)).collect();
        let wallets: Vec<Option<Wallet>> = entries.wallets.groups.iter().map(network::wallet).collect();
        let tokens: Vec<Option<Token>> = entries.tokens.groups.iter().map(asset::token).collect();
        let known: Vec<Token> = tokens.iter().flatten().cloned().collect();
        let assets: Vec<Option<Asset>> =
            entries.assets.groups.iter().map(|group| asset::asset(group, &known, &names.tokens)).collect();
        // Before anything is given up for being unreadable: the mistakes across entries are told with those within them.
        check::duplicates(reader, &entries, &names);
        check::references(reader, &entries, &names, &keys, deposits.as_ref());
        check::aliases(reader, &entries);
        let origins = entries.keys.groups.iter().map(|group| group.origin.clone());
        let parts = Parts { keys: keys.iter().cloned().zip(origins).collect(), wallets };
        let found = further(reader, &parts);
        let config = Self {
            base: base.to_owned(),
            engine: engine?,
            api: api?,
            telemetry: telemetry?,
            deposits: deposits?.map(|at| at.value),
            keys: keys.into_iter().collect::<Option<_>>()?,
            networks: networks.into_iter().collect::<Option<_>>()?,
            wallets: parts.wallets.into_iter().collect::<Option<_>>()?,
            tokens: tokens.into_iter().collect::<Option<_>>()?,
            assets: assets.into_iter().collect::<Option<_>>()?,
            shown: Vec::new(),
            warnings: Vec::new(),
        };
        Some((config, found))
    }
}

/// Flags of the command line: `engine.data`, its flag, its value as text.
pub(crate) type Flags = Vec<(&'static str, &'static str, String)>;

/// What could be read of keys and wallets, for what is found out only when the keys are opened.
struct Parts {
    keys: Vec<(Option<KeySpec>, Origin)>,
    wallets: Vec<Option<Wallet>>,
}

fn engine(group: &Group<'_>, base: &Path) -> Option<EngineConfig> {
    let path = |text: &str| Ok::<_, &str>(base.join(text));
    let data = group.parsed("data", path);
    let mib = |name: &str, least: i128| {
        let mib = group.number::<u64>(name, least)?;
        if mib > 1 << 20 {
            group.mistake_in(name, "config-value", format!("`{name}` is too large"));
        }
        Some(mib.min(1 << 20) << 20)
    };
    let (segment_bytes, reserve_bytes) = (mib("segment_mib", 1), mib("reserve_mib", 0));
    if segment_bytes.is_some_and(|bytes| bytes > 2 << 30) {
        group.mistake_in("segment_mib", "config-value", "`segment_mib` is at most 2048");
    }
    let snapshot_every = group.number::<u64>("snapshot_every", 1);
    let archive = network::optional(group, "archive", path);
    Some(EngineConfig {
        data: data?.value,
        segment_bytes: segment_bytes?,
        reserve_bytes: reserve_bytes?,
        snapshot_every: snapshot_every?,
        archive: archive?.map(|at| at.value),
    })
}

fn api(group: &Group<'_>) -> Option<ApiConfig> {
    let address = |name: &str| {
        let parse = |text: &str| text.parse::<SocketAddr>().map_err(|_| "it is address:port, such as 127.0.0.1:8700");
        group.parsed(name, parse)
    };
    let (listen, health_listen) = (address("listen"), address("health_listen"));
    let pages = [("off", PageAccess::Off), ("login", PageAccess::Login), ("open", PageAccess::Open)];
    let page = group.word("page", &pages);
    if let (Some(PageAccess::Open), Some(at)) = (page, &listen)
        && !at.value.ip().is_loopback()
    {
        let text = "an open page is for loopback only: everyone who reaches this address would see all balances";
        group.reader.mistake(&at.origin, "config-open-page", text);
    }
    if let (Some(one), Some(other)) = (&listen, &health_listen)
        && one.value == other.value
        && one.value.port() != 0
    {
        group.reader.mistake(&other.origin, "config-duplicate", "the doors listen there already");
    }
    let secure_cookies = group.flag("secure_cookies");
    let rate = |per_second: &str, burst: &str| {
        let (per_second, burst) = (group.number::<u32>(per_second, 0), group.number::<u32>(burst, 1));
        Some(Rate { per_second: per_second?, burst: burst? })
    };
    let (per_key, per_address) = (rate("rate_per_key", "burst_per_key"), rate("rate_per_address", "burst_per_address"));
    Some(ApiConfig {
        listen: listen?.value,
        health_listen: health_listen?.value,
        page: page?,
        secure_cookies: secure_cookies?,
        per_key: per_key?,
        per_address: per_address?,
    })
}

fn telemetry(group: &Group<'_>) -> Option<TelemetryConfig> {
    let log = group.word("log", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    let filter = |text: &str| {
        let parsed = text.parse::<tracing_subscriber::filter::Targets>();
        parsed.map(|_| text.to_owned()).map_err(|_| "it is a level, or a list such as `info,tokengine_chain=debug`")
    };
    let level = group.parsed("level", filter);
    let url = |text: &str| {
        let fine = text.starts_with("http://") || text.starts_with("https://");
        if fine { Ok(text.to_owned()) } else { Err("it begins with http:// or https://") }
    };
    let otlp_endpoint = network::optional(group, "otlp_endpoint", url);
    Some(TelemetryConfig { log: log?, level: level?.value, otlp_endpoint: otlp_endpoint?.map(|at| at.value) })
}
