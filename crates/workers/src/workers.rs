//! The only place with tasks, timers and a clock: it lets each network's shells run, and keeps them running.
//!
//! Every network has tasks of its own, so that one that is dead, slow or misconfigured takes nothing else down. A task
//! that fails is begun again after a growing pause; a panic in one is a fault like any other.

mod status;
mod tasks;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokengine_chain::{Accounts, Heads, Network};
use tokengine_core::NetworkIx;
use tokengine_engine::Handle;
use tokengine_keys::Keyring;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::status::{Fault, NetworkStatus, NodeStatus, Stuck};
use crate::pay::{Driver, Peers};
use crate::probe::Prober;
use crate::reconcile::{Reconciler, Report};
use crate::watch::Watcher;
use crate::{Error, Rules};

/// One network to be worked.
pub struct NetworkWorker<N> {
    /// Its nodes. Its CAIP-2 id must be listed in the state, and its quorum be what the state's policy requires.
    pub network: Arc<Network<N>>,
    /// How it is worked.
    pub rules: Rules,
}

type Demand = oneshot::Sender<Result<Option<Report>, Error>>;

/// The first pause after a fault.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest where nodes gave no answer that counts. Faults that come one after the other, each found by a question of its
/// own, cost a pause each: many short outages of a sole node must not add up to a minute. Asked once a second, as for its
/// head, a dead node is not asked too often.
const LONGEST_FOR_NODES: Duration = Duration::from_secs(1);

/// One network's shells, and what they tell about themselves.
struct Site<N> {
    handle: Handle,
    network: Arc<Network<N>>,
    rules: Arc<Rules>,
    watcher: Watcher<Handle, N>,
    driver: Driver<Handle, N>,
    prober: Arc<Prober<Handle, N>>,
    reconciler: Reconciler<Handle, N>,
    /// What the nodes agree on; `None` before the network was started.
    heads: watch::Sender<Option<Heads>>,
    ix: OnceLock<NetworkIx>,
    live: Mutex<status::Live>,
}

/// All workers of all networks.
pub struct Workers<N> {
    handle: Handle,
    sites: Vec<(Arc<Site<N>>, mpsc::Sender<Demand>)>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl<N: Accounts + 'static> Workers<N> {
    /// Starts working all networks; returns at once. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::NotListed`] for a network of a kind that is not served here. Nothing is started then.
    pub fn start(
        handle: Handle,
        networks: Vec<NetworkWorker<N>>,
        keyring: Arc<Keyring>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let peers: Peers<N> =
            networks.iter().map(|worker| (worker.network.id().to_owned(), Arc::clone(&worker.network))).collect();
        let peers = Arc::new(peers);
        let site = |worker: NetworkWorker<N>| {
            let NetworkWorker { network, rules } = worker;
            let rules = Arc::new(rules);
            let prober = Arc::new(Prober::new(handle.clone(), Arc::clone(&network)));
            let (peers, keyring) = (Arc::clone(&peers), Arc::clone(&keyring));
            let driver = Driver::new(handle.clone(), Arc::clone(&network), peers, keyring, Arc::clone(&rules))?;
            Ok(Arc::new(Site {
                watcher: Watcher::new(handle.clone(), Arc::clone(&network), Arc::clone(&prober), Arc::clone(&rules)),
                reconciler: Reconciler::new(handle.clone(), Arc::clone(&network))
                    .with_addresses(rules.reconcile_addresses),
                handle: handle.clone(),
                network,
                rules,
                driver,
                prober,
                heads: watch::Sender::new(None),
                ix: OnceLock::new(),
                live: Mutex::default(),
            }))
        };
        let sites: Vec<Arc<Site<N>>> = networks.into_iter().map(site).collect::<Result<_, Error>>()?;
        // Its own, so that dropping the workers ends them and nobody else.
        let stop = stop.child_token();
        let mut tasks = JoinSet::new();
        let mut demands = Vec::new();
        for site in &sites {
            let (send, receive) = mpsc::channel(8);
            demands.push(send);
            let inbox = Arc::new(tokio::sync::Mutex::new(receive));
            let watch = |site: Arc<Site<N>>, stop| async move { site.watch(stop).await };
            tasks.spawn(tasks::supervise(Arc::clone(site), "watch", stop.clone(), watch));
            let pay = |site: Arc<Site<N>>, stop| async move { site.pay(stop).await };
            tasks.spawn(tasks::supervise(Arc::clone(site), "pay", stop.clone(), pay));
            let keep = move |site: Arc<Site<N>>, stop| {
                let inbox = Arc::clone(&inbox);
                async move { site.keep(&mut *inbox.lock().await, stop).await }
            };
            tasks.spawn(tasks::supervise(Arc::clone(site), "keep", stop.clone(), keep));
        }
        tasks.spawn(tasks::recover(handle.clone(), sites.clone(), stop.clone()));
        Ok(Self { handle, sites: sites.into_iter().zip(demands).collect(), tasks, stop })
    }

    /// How every network is doing, in the order they were given.
    ///
    /// # Errors
    /// Those of asking the engine.
    pub async fn status(&self) -> Result<Vec<NetworkStatus>, Error> {
        let mut all = Vec::with_capacity(self.sites.len());
        for (site, _) in &self.sites {
            all.push(site.status(&self.handle).await?);
        }
        Ok(all)
    }

    /// Compares the wallets of one network (by its CAIP-2 id) with the books, now. `None` when too little of the network
    /// was searched yet.
    ///
    /// # Errors
    /// [`Error::NotListed`], [`Error::Stopped`], and those of asking.
    pub async fn reconcile(&self, network: &str) -> Result<Option<Report>, Error> {
        let site = self.sites.iter().find(|(site, _)| site.network.id() == network);
        let (_, demands) = site.ok_or_else(|| Error::NotListed(network.to_owned()))?;
        let (send, receive) = oneshot::channel();
        demands.send(send).await.map_err(|_| Error::Stopped)?;
        receive.await.map_err(|_| Error::Stopped)?
    }

    /// Begins nothing new, and returns when what was begun has ended. Bounded by the nodes' timeouts.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl<N> Drop for Workers<N> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
