//! The loops of one network: the product's own watcher, driver, prober and reconciler, on the simulator's clock.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokengine_chain::{Heads, Network};
use tokengine_core::{Command, NetworkIx, Rejection, State, Time};
use tokengine_engine::Handle;
use tokengine_keys::Keyring;
use tokengine_workers::pay::{Driver, Peers};
use tokengine_workers::probe::Prober;
use tokengine_workers::reconcile::{Reconciler, Scope};
use tokengine_workers::watch::Watcher;
use tokengine_workers::{Books, Error, Rules, recover};
use tokio::time::sleep;

use super::Shared;
use super::planted::Planted;
use crate::counts::Tally;
use crate::exec::Spawner;
use crate::net::SimNode;

/// The engine's handle, with what it refuses counted.
#[derive(Clone)]
pub(crate) struct Counted {
    pub(crate) handle: Handle,
    pub(crate) tally: Refusals,
    pub(crate) planted: Option<Planted>,
}

/// Counters that a handle may carry: the traits ask for `Send`, and everything here runs on one thread.
#[derive(Clone, Default)]
pub(crate) struct Refusals(Arc<std::sync::Mutex<std::collections::BTreeMap<Rejection, u64>>>);

impl Refusals {
    pub(crate) fn hit(&self, rejection: Rejection) {
        *self.0.lock().expect("nobody panics while holding it").entry(rejection).or_default() += 1;
    }

    pub(crate) fn add_to(&self, tally: &Tally) {
        let counts = self.0.lock().expect("nobody panics while holding it");
        for rejection in Rejection::ALL {
            tally.add(format!("refused {}", rejection.code()), counts.get(rejection).copied().unwrap_or(0));
        }
    }
}

impl Counted {
    fn count(&self, answer: &Result<(), Rejection>) {
        if let Err(rejection) = answer {
            self.tally.hit(*rejection);
        }
    }
}

impl Books for Counted {
    async fn submit(&self, command: Command) -> Result<Result<(), Rejection>, Error> {
        let command = match &self.planted {
            None => command,
            Some(planted) => match planted.instead(&self.handle, command).await? {
                Some(command) => command,
                None => return Ok(Ok(())),
            },
        };
        let answer = Books::submit(&self.handle, command).await?;
        self.count(&answer);
        Ok(answer)
    }

    async fn submit_many(&self, commands: Vec<Command>) -> Result<Vec<Result<(), Rejection>>, Error> {
        if self.planted.is_some() {
            let mut answers = Vec::with_capacity(commands.len());
            for command in commands {
                answers.push(self.submit(command).await?);
            }
            return Ok(answers);
        }
        let answers = Books::submit_many(&self.handle, commands).await?;
        answers.iter().for_each(|answer| self.count(answer));
        Ok(answers)
    }

    async fn query<R: Send + 'static>(&self, look: impl FnOnce(&State) -> R + Send + 'static) -> Result<R, Error> {
        Books::query(&self.handle, look).await
    }
}

/// One network's workers in one process.
pub(crate) struct Site {
    pub(crate) books: Counted,
    pub(crate) network: Arc<Network<SimNode>>,
    rules: Arc<Rules>,
    watcher: Watcher<Counted, SimNode>,
    driver: Driver<Counted, SimNode>,
    prober: Arc<Prober<Counted, SimNode>>,
    pub(crate) reconciler: Reconciler<Counted, SimNode>,
    heads: Cell<Option<Heads>>,
    pub(crate) ix: Cell<Option<NetworkIx>>,
    /// The nodes' chain has nothing in common with what was searched: a person has to say where to go on.
    pub(crate) lost: Cell<bool>,
    shared: Shared,
    spawner: Spawner,
}

/// Jobs of a network at the same time.
const JOBS: usize = 32;
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often recovery is looked after.
const SAFETY: Duration = Duration::from_millis(500);

impl Site {
    pub(crate) fn new(
        books: Counted,
        network: Arc<Network<SimNode>>,
        peers: Arc<Peers<SimNode>>,
        keyring: Arc<Keyring>,
        rules: Rules,
        shared: Shared,
        spawner: Spawner,
    ) -> Self {
        let rules = Arc::new(rules);
        let prober = Arc::new(Prober::new(books.clone(), Arc::clone(&network)));
        let driver = Driver::new(books.clone(), Arc::clone(&network), peers, keyring, Arc::clone(&rules));
        Self {
            watcher: Watcher::new(books.clone(), Arc::clone(&network), Arc::clone(&prober), Arc::clone(&rules)),
            driver: driver.expect("the networks are eip155"),
            reconciler: Reconciler::new(books.clone(), Arc::clone(&network)),
            books,
            network,
            rules,
            prober,
            heads: Cell::new(None),
            ix: Cell::new(None),
            lost: Cell::new(false),
            shared,
            spawner,
        }
    }

    /// Begins its loops.
    pub(crate) fn begin(self: &Rc<Self>) {
        let (watch, pay, keep) = (Rc::clone(self), Rc::clone(self), Rc::clone(self));
        self.spawner.spawn("watch", async move { watch.watch().await });
        self.spawner.spawn("pay", async move { pay.pay().await });
        self.spawner.spawn("keep", async move { keep.keep().await });
    }

    fn now(&self) -> Time {
        self.shared.clock.wall()
    }

    fn fault(&self, task: &'static str, error: &Error) {
        self.shared.tally.hit(format!("worker-error {}", error.code()));
        self.shared.story.tell(|| format!("  {} {task}: {error}", self.network.id()));
        if let Error::Engine(tokengine_engine::Error::QueryPanicked) = error {
            self.shared.fail("no-panic", format!("a question of {task} panicked"));
        }
    }

    async fn watch(&self) {
        let mut pause = PAUSE;
        loop {
            match self.watch_once().await {
                Ok(true) => {}
                Ok(false) => {
                    pause = PAUSE;
                    self.until_due_or_claimed().await;
                }
                Err(error) => {
                    self.fault("watch", &error);
                    if matches!(error, Error::Chain(_)) {
                        self.driver.on_silence();
                    }
                    // As after a fault in production: the nodes are asked again who they are.
                    self.ix.set(None);
                    sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn watch_once(&self) -> Result<bool, Error> {
        let ix = match self.ix.get() {
            Some(ix) => ix,
            None => {
                let ix = self.watcher.start().await?;
                self.ix.set(Some(ix));
                ix
            }
        };
        let heads = self.network.heads().await?;
        self.driver.on_head(heads).await;
        self.heads.set(Some(heads));
        let pass = self.watcher.pass(ix, &heads, self.now()).await?;
        self.lost.set(pass.lost);
        Ok(pass.more)
    }

    async fn until_due_or_claimed(&self) {
        let mut durable = self.books.handle.durable();
        let mut due = pin!(sleep(self.rules.head_every));
        while let Some(ix) = self.ix.get() {
            match select(due.as_mut(), pin!(durable.changed())).await {
                Either::Left(_) => return,
                Either::Right((Err(_), _)) => return due.await,
                Either::Right((Ok(()), _)) => {}
            }
            if !matches!(self.watcher.has_new_claims(ix).await, Ok(false)) {
                return;
            }
        }
    }

    async fn pay(self: &Rc<Self>) {
        let mut durable = self.books.handle.durable();
        loop {
            if let (Some(ix), Some(_)) = (self.ix.get(), self.heads.get()) {
                durable.borrow_and_update();
                match self.driver.jobs(ix, JOBS, self.now()).await {
                    Ok(jobs) => {
                        for job in jobs {
                            let site = Rc::clone(self);
                            // A task of its own, so that one that hangs holds up no other.
                            self.spawner.spawn("job", async move { site.driver.run(ix, job, site.now()).await });
                        }
                    }
                    Err(error) => self.fault("pay", &error),
                }
            }
            let wait = Duration::from_millis(self.shared.chance.between(50, 500));
            let _ = select(pin!(sleep(wait)), pin!(durable.changed())).await;
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn keep(&self) {
        let (mut probed, mut asked, mut compared) = (None, None, None);
        loop {
            if let Err(error) = self.keep_once(&mut probed, &mut asked, &mut compared).await {
                self.fault("keep", &error);
            }
            sleep(self.rules.head_every).await;
        }
    }

    async fn keep_once(
        &self,
        probed: &mut Option<u64>,
        asked: &mut Option<u64>,
        compared: &mut Option<u64>,
    ) -> Result<(), Error> {
        let (Some(ix), Some(heads)) = (self.ix.get(), self.heads.get()) else { return Ok(()) };
        let height = heads.latest.height;
        let due = |last: &Option<u64>, every: u64| last.is_none_or(|last| height >= last + every);
        if self.prober.has_work(ix).await? || due(probed, self.rules.probe_every) {
            self.prober.check(ix, &heads).await?;
            *probed = Some(height);
        }
        if due(asked, self.rules.probe_every) {
            self.prober.ask_again(ix, &heads).await?;
            *asked = Some(height);
        }
        if due(compared, self.rules.reconcile_every) {
            if self.reconciler.pass(ix, Scope::NextFew).await?.is_some() {
                self.shared.tally.hit("reconciled");
            }
            *compared = Some(height);
        }
        Ok(())
    }
}

/// Looks whether recovery has ended, as long as there is any.
pub(crate) async fn recover_loop(books: Counted, sites: Vec<Rc<Site>>) {
    loop {
        if books.query(|state| state.recovery().is_some()).await.unwrap_or(false) {
            let known: Vec<_> = sites.iter().filter_map(|site| Some((site.ix.get()?, &site.driver))).collect();
            if let Err(error) = recover::pass(&books, &known).await {
                sites.iter().take(1).for_each(|site| site.fault("recover", &error));
            }
        }
        sleep(SAFETY).await;
    }
}
