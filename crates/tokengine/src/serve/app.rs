//! The engine with everything around it, running.

use super::events::Watch;
use super::follower::{self, StoreSink};
use super::look::Looker;
use super::metrics::Gauges;
use super::networks;
use super::server::{DRAIN, Server, doors};
use super::{Stages, engine_options, health};
use crate::config::{ApiConfig, Config};
use crate::exit::{Exit, Failure};
use crate::listing;
use crate::out::Out;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokengine_api::{
    Compared, Deps, Derived, Doors, HealthDeps, Limits, NetworkSource, Reconcile, Unanswered, health_router,
};
use tokengine_chain::evm::EvmNode;
use tokengine_core::Address;
use tokengine_engine::{Engine, Follower, Handle, Lane, follow, system_clock};
use tokengine_keys::{KeyName, KeyRef, Keyring, Secret, random_bytes};
use tokengine_workers::Workers;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Everything that runs.
pub(crate) struct App {
    doors: tokengine_api::Server,
    health: Server,
    looker: JoinHandle<()>,
    workers: Arc<Workers<EvmNode>>,
    followers: Arc<Vec<Follower>>,
    engine: Engine,
    stages: Arc<Stages>,
    stop: CancellationToken,
}

impl App {
    /// Starts everything in order. `out` shows the progress of a long replay.
    pub(crate) async fn start(config: Config, keys: Keyring, stages: Arc<Stages>, out: Out) -> Result<Self, Failure> {
        let mut registry = Registry::with_prefix("tokengine");
        let gauges = Arc::new(Gauges::new(&mut registry));
        let door_metrics = tokengine_api::Metrics::new(&mut registry);
        let watch_metrics = super::events::Timings::new(&mut registry);

        not_in_use(&config.engine.data)?;
        stages.begin("health port");
        let probes = health::Probes::new(Arc::clone(&stages));
        let health = Server::start(config.api.health_listen, health::router(probes.clone())).await?;
        stages.detail(format!("http://{}", health.address));

        let keys = Arc::new(keys);
        let wanted = listing::wanted(&config, &keys)?;

        stages.begin("journal");
        let engine = open_engine(&config, Arc::clone(&stages), out).await?;
        let (engine, store) = engine;
        let handle = engine.handle();

        stages.begin("configuration");
        list(&handle, wanted, Arc::clone(&keys), &stages).await?;

        stages.begin("read model");
        let failed = |error: tokengine_store::Error| Failure::of(Exit::Failed, error.code(), &error);
        let reader = store.reader().map_err(failed)?;
        let mut followers = vec![follow(&handle, "read-model", Box::new(StoreSink(store)))?];
        let watch = Watch::begin(&handle, watch_metrics).await?;
        followers.push(follow(&handle, "metrics", Box::new(watch))?);
        let followers = Arc::new(followers);

        stages.begin("networks");
        let (networks, to_work) = networks::connect(&config.networks, &config.assets)?;
        let networks = Arc::new(networks);
        let stop = CancellationToken::new();
        let workers = Workers::start(handle.clone(), to_work, Arc::clone(&keys), stop.child_token())
            .map_err(|error| Failure::of(Exit::Failed, error.code(), &error))?;
        let workers = Arc::new(workers);
        stages.detail(format!("{}", config.networks.len()));
        let source: Arc<dyn NetworkSource> = networks.clone();
        probes.attach(health_router(HealthDeps {
            engine: handle.clone(),
            store: reader.clone(),
            networks: source,
            configured: config.networks.iter().map(|network| network.id.to_string()).collect(),
            started: stages.started(),
            draining: stages.draining(),
            registry: Arc::new(Mutex::new(registry)),
            // They are brought up to date all the time, whoever reads them.
            refresh: Arc::new(|| {}),
        }));
        let looker = Looker {
            handle: handle.clone(),
            workers: Arc::clone(&workers),
            networks: Arc::clone(&networks),
            followers: Arc::clone(&followers),
            gauges,
        };
        let looker = tokio::spawn(looker.look(stop.child_token()));

        stages.begin("doors");
        let deps = Deps {
            engine: handle.clone(),
            store: reader,
            networks,
            derive: derive(config.deposits.clone(), &config, keys),
            instance: *handle.journal().genesis().as_bytes(),
            secret: doors_secret(&config.engine.data)?,
            limits: limits(&config.api),
            clock: Arc::new(system_clock),
            reconcile: reconcile(&workers),
            page: config.api.page,
            secure_cookies: config.api.secure_cookies,
            metrics: door_metrics,
        };
        let doors = doors(config.api.listen, Doors::new(deps))?;
        stages.detail(format!("http://{}", doors.address()));
        stages.ready();
        tracing::info!(doors = %doors.address(), health = %health.address, "Ready");
        Ok(Self { doors, health, looker, workers, followers, engine, stages, stop })
    }

    /// Where the doors listen.
    pub(crate) fn doors(&self) -> SocketAddr {
        self.doors.address()
    }

    /// Where probes and metrics listen.
    pub(crate) fn health(&self) -> SocketAddr {
        self.health.address
    }

    /// For proofs about the state itself.
    pub(crate) fn handle(&self) -> Handle {
        self.engine.handle()
    }

    /// The workers, for a comparison of wallets on demand.
    pub(crate) fn workers(&self) -> Arc<Workers<EvmNode>> {
        Arc::clone(&self.workers)
    }

    /// Stops everything in order: doors, workers, engine; what is under way ends first.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let Self { doors, health, looker, workers, followers, engine, stages, stop } = self;
        stages.stopping();
        doors.stop(DRAIN).await;
        stop.cancel();
        let _ = looker.await; // a look that panicked has told so
        match Arc::try_unwrap(workers) {
            Ok(workers) => workers.stop().await,
            // Somebody still asks for a comparison: the token has told the tasks all the same.
            Err(_) => tracing::warn!("Workers are still being asked"),
        }
        let head = blocking(move || {
            let head = engine.stop();
            drop(followers);
            head
        })
        .await??;
        health.stop().await;
        tracing::info!(position = head.position, hash = %head.hash, "Stopped");
        Ok(())
    }
}

/// Runs what blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::system("a task", error))
}

/// Another process on the same folder most likely has the same ports: that the folder is in use says more than that a port
/// is. The lock is let go again; opening the journal, after the ports, takes it for good.
fn not_in_use(data: &Path) -> Result<(), Failure> {
    let journal = crate::command::journal::journal_folder(data);
    if !journal.is_dir() {
        return Ok(()); // it is made when the journal is opened
    }
    crate::command::journal::alone(&journal).map(drop)
}

/// The journal, and the read model, whose cursor tells whether the journal is the newest there was.
async fn open_engine(
    config: &Config,
    stages: Arc<Stages>,
    out: Out,
) -> Result<(Engine, tokengine_store::Store), Failure> {
    tokengine_core::token::check_registry().map_err(|error| Failure::of(Exit::Failed, error.code(), &error))?;
    let data = config.engine.data.clone();
    std::fs::create_dir_all(&data).map_err(|error| Failure::system(data.display(), error))?;
    let mut options = engine_options(&config.engine)?;
    blocking(move || {
        let failed = |error: tokengine_store::Error| Failure::of(Exit::Failed, error.code(), &error);
        let mut store = follower::open(&data)?;
        let seen = store.cursor().map_err(failed)?;
        options.followers_seen = Some(seen);
        let bar = out.bar("replaying", 1);
        let opened = Engine::open(options, None, |progress| {
            let (at, end) = (progress.position.0, progress.end.0);
            bar.set_length(end.max(1));
            bar.set_position(at);
            stages.detail(format!("{at} of {end} events"));
            tracing::info!(position = at, end, "Replaying");
        });
        bar.finish_and_clear();
        let engine = opened?;
        let opened = engine.opened();
        let (snapshot, replayed) = (opened.snapshot.map(|position| position.0), opened.replayed);
        tracing::info!(position = engine.handle().durable().borrow().0, snapshot, replayed, "Journal is open");
        if let Some(cut) = &opened.journal.cut {
            tracing::warn!(file = %cut.file, offset = cut.offset, reason = cut.reason, "Cut an end that was never acknowledged");
        }
        for unusable in &opened.unusable {
            tracing::warn!(error = %unusable, error.code = unusable.code(), "Snapshot is of no use");
        }
        if opened.in_recovery {
            tracing::warn!("In recovery: the networks are searched for our transactions before anything new is signed");
        }
        if seen > *engine.handle().durable().borrow() {
            tracing::warn!(cursor = seen.0, "Read model is ahead of a restored journal, and is built anew");
            store.reset().map_err(failed)?;
        }
        Ok((engine, store))
    })
    .await?
}

/// Brings the configuration into the books.
async fn list(handle: &Handle, wanted: listing::Wanted, keys: Arc<Keyring>, stages: &Stages) -> Result<(), Failure> {
    let compare = move |state: &tokengine_core::State| {
        listing::diff(state, &wanted, &|key: &str| listing::address_of(&keys, key))
    };
    let changes = handle.query(compare).await??;
    for warning in &changes.warnings {
        tracing::warn!(code = warning.code, "{}", warning.text);
    }
    stages.detail(format!("{} changes", changes.commands.len()));
    if changes.commands.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = changes.commands.iter().map(|command| format!("{command:?}")).collect();
    let answers = handle.submit_many(Lane::Client, changes.commands).await?;
    let refused = answers.iter().zip(texts).filter_map(|(answer, text)| {
        let refused = answer.as_ref().err()?;
        Some(listing::Problem::new(refused.rejection.code(), format!("{}: {text}", refused.rejection)))
    });
    let refused: Vec<listing::Problem> = refused.collect();
    if refused.is_empty() { Ok(()) } else { Err(refused.into()) }
}

/// Deposit addresses: a hash of the account's name is the index within the family, so that an account has the same address
/// again after a restore, and no other account ever has it.
fn derive(family: Option<KeyName>, config: &Config, keys: Arc<Keyring>) -> tokengine_api::DeriveAddress {
    let networks: Vec<String> = config.networks.iter().map(|network| network.id.to_string()).collect();
    Arc::new(move |network: &str, account: &str| {
        let family = family.as_ref().filter(|_| networks.iter().any(|listed| listed == network))?;
        let key = KeyRef::of_family(family.clone(), deposit_index(account));
        let address = keys.address(&key).ok()?;
        Some(Derived { address: Address::new(&address.to_string())?, key: key.to_string().into() })
    })
}

/// 61 bits of a hash, and one that keeps it apart from the small numbers that a person would count by.
fn deposit_index(account: &str) -> u64 {
    let half = tokengine_core::Fingerprint::of("deposit-address", &[account.as_bytes()]).0 >> 67;
    1 << 61 | u64::try_from(half).expect("61 bits are left")
}

/// Lets the reconciler of a network look now.
fn reconcile(workers: &Arc<Workers<EvmNode>>) -> Reconcile {
    // Weak, so that the doors do not keep the workers from being stopped.
    let workers = Arc::downgrade(workers);
    Arc::new(move |network: String| {
        let workers = workers.upgrade();
        Box::pin(async move {
            let report = workers.ok_or(Unanswered)?.reconcile(&network).await.map_err(|error| {
                tracing::warn!(chain.id = network, error = %error, error.code = error.code(), "Wallets were not compared");
                Unanswered
            })?;
            Ok(report.map(|report| Compared {
                height: report.block.height,
                compared: report.lines.len(),
                differing: report.lines.iter().filter(|line| line.books != line.network).count(),
                left_out: report.left_out.len(),
            }))
        })
    })
}

fn limits(api: &ApiConfig) -> Limits {
    Limits { per_key: api.per_key, per_address: api.per_address, ..Limits::default() }
}

/// 32 random bytes that seal cursors and sessions; they stay the same from start to start.
fn doors_secret(data: &Path) -> Result<Secret<[u8; 32]>, Failure> {
    let path = data.join("doors.secret");
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    if !path.exists() {
        crate::command::write_secret(&path, &Secret::new(hex(&random_bytes::<32>()?)))?;
    }
    let text = tokengine_keys::SecretSource::File(path.clone()).read()?;
    let mut bytes = [0; 32];
    let pairs = text.expose().as_bytes().chunks(2);
    let damaged = || Failure::new(Exit::Damaged, "doors-secret", format!("{} is damaged; remove it", path.display()));
    if text.expose().len() != 64 {
        return Err(damaged());
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).map_err(|_| damaged())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| damaged())?;
    }
    Ok(Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::deposit_index;
    use tokengine_keys::{MAX_FAMILY_INDEX, MAX_INDEX};

    #[test]
    fn a_deposit_address_follows_from_the_accounts_name_for_ever() {
        // Addresses are in customers' hands: this number may never change.
        assert_eq!(deposit_index("eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb"), GOLDEN);
        for name in ["treasury", "shop", "eip155:1:0x22227A31dd842196A246d8f3b775998560eAa61d"] {
            let index = deposit_index(name);
            assert!(index > u64::from(MAX_INDEX) && index <= MAX_FAMILY_INDEX);
            assert_ne!(index, GOLDEN);
        }
    }

    const GOLDEN: u64 = 2_885_456_979_169_352_873;
}
