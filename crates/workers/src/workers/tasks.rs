//! The loops of one network.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokengine_chain::Accounts;
use tokengine_core::NetworkIx;
use tokengine_engine::{Handle, system_clock};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::status::Fault;
use super::{Demand, FIRST_PAUSE, LONGEST_FOR_NODES, LONGEST_PAUSE, Site};
use crate::reconcile::{Report, Scope};
use crate::{Books, Error, recover};

/// Payments of one network worked on at the same time.
const JOBS: usize = 64;
/// The journal grows a million times a second on a good day; looking so often is soon enough.
const GATHER: Duration = Duration::from_millis(1);
/// What only time brings about is looked at so often: bytes to be sent again, signers to be asked again.
const SAFETY: Duration = Duration::from_millis(500);

/// Runs a loop until it is stopped; begins it again when it fails or panics.
pub(super) async fn supervise<N: Accounts + 'static, F>(
    site: Arc<Site<N>>,
    name: &'static str,
    stop: CancellationToken,
    task: impl Fn(Arc<Site<N>>, CancellationToken) -> F,
) where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        let ended = tokio::spawn(task(Arc::clone(&site), stop.clone())).await;
        if stop.is_cancelled() {
            return;
        }
        // It did some work since it was begun: what came now is something new.
        if site.has_worked(name) {
            pause = FIRST_PAUSE;
        }
        let nodes = matches!(&ended, Ok(Err(Error::Chain(error))) if error.is_transient());
        pause = pause.min(if nodes { LONGEST_FOR_NODES } else { LONGEST_PAUSE });
        let network = site.network.id();
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                site.note(name, Some(Fault::of(&error)));
                if matches!(error, Error::Chain(_)) && name == "watch" {
                    site.driver.on_silence();
                }
                let code = error.code();
                if error.is_transient() {
                    tracing::warn!(chain.id = network, task = name, error = %error, error.code = code, ?pause, "Worker pauses");
                } else {
                    tracing::error!(chain.id = network, task = name, error = %error, error.code = code, ?pause, "Worker pauses");
                }
            }
            Err(panic) => {
                site.note(name, Some(Fault::panicked()));
                tracing::error!(chain.id = network, task = name, error = %panic, "Worker panicked");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => pause = pause.saturating_mul(2).min(LONGEST_PAUSE),
        }
    }
}

impl<N: Accounts + 'static> Site<N> {
    /// Follows the head: new blocks, credits, claims, transfers.
    pub(super) async fn watch(&self, stop: CancellationToken) -> Result<(), Error> {
        let ix = self.watcher.start().await?;
        self.ix.get_or_init(|| ix);
        let mut durable = self.handle.durable();
        while !stop.is_cancelled() {
            let heads = self.network.heads().await?;
            self.driver.on_head(heads).await;
            self.heads.send_if_modified(|told| told.replace(heads) != Some(heads));
            self.live().head_at = Some(system_clock());
            self.note_final(heads.finalized.is_some(), system_clock());
            let pass = self.watcher.pass(ix, &heads, system_clock()).await?;
            self.note("watch", None);
            self.live().lost = pass.lost;
            if pass.more {
                continue;
            }
            let mut due = pin!(sleep(self.rules.head_every));
            // Until the next head is due, a claim hurries its deposit.
            loop {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = &mut due => break,
                    changed = durable.changed() => changed.map_err(|_| Error::Stopped)?,
                }
                if self.watcher.has_new_claims(ix).await? {
                    break;
                }
                sleep(GATHER).await;
            }
        }
        Ok(())
    }

    /// Waits until the network was started. Nothing when it is stopped before.
    async fn started(&self, stop: &CancellationToken) -> Option<NetworkIx> {
        let mut heads = self.heads.subscribe();
        tokio::select! {
            () = stop.cancelled() => None,
            told = heads.wait_for(Option::is_some) => told.ok().and(self.ix.get().copied()),
        }
    }

    /// Pays: whenever the journal has grown, a head has come, or a job has ended.
    pub(super) async fn pay(self: &Arc<Self>, stop: CancellationToken) -> Result<(), Error> {
        let Some(ix) = self.started(&stop).await else { return Ok(()) };
        let (mut durable, mut heads) = (self.handle.durable(), self.heads.subscribe());
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            durable.borrow_and_update();
            heads.borrow_and_update();
            let room = JOBS.saturating_sub(running.len());
            for job in self.driver.jobs(ix, room, system_clock()).await? {
                let site = Arc::clone(self);
                // Spawned, so that nothing that stops this loop stops a payment half way.
                running.spawn(async move { site.driver.run(ix, job, system_clock()).await });
            }
            self.note("pay", None);
            tokio::select! {
                () = stop.cancelled() => break,
                changed = durable.changed() => {
                    changed.map_err(|_| Error::Stopped)?;
                    sleep(GATHER).await;
                }
                changed = heads.changed() => changed.map_err(|_| Error::Stopped)?,
                Some(_) = running.join_next() => {}
                () = sleep(SAFETY) => {}
            }
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
        Ok(())
    }

    /// Probes contracts and compares wallets, every so many blocks and on demand.
    pub(super) async fn keep(
        &self,
        demands: &mut mpsc::Receiver<Demand>,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let Some(ix) = self.started(&stop).await else { return Ok(()) };
        let mut heads = self.heads.subscribe();
        let (mut probed, mut asked, mut compared) = (None, None, None);
        loop {
            let Some(head) = *heads.borrow_and_update() else { return Ok(()) };
            let height = head.latest.height;
            let due = |last: Option<u64>, every: u64| last.is_none_or(|last| height >= last.saturating_add(every));
            if self.prober.has_work(ix).await? || (self.rules.probe_every > 0 && due(probed, self.rules.probe_every)) {
                self.prober.check(ix, &head).await?;
                probed = Some(height);
            }
            if self.rules.probe_every > 0 && due(asked, self.rules.probe_every) {
                self.prober.ask_again(ix, &head).await?;
                asked = Some(height);
            }
            if self.rules.reconcile_every > 0 && due(compared, self.rules.reconcile_every) {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    report = self.compare(ix, Scope::NextFew) => report?,
                };
                compared = Some(height);
            }
            self.note("keep", None);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = heads.changed() => changed.map_err(|_| Error::Stopped)?,
                demand = demands.recv() => {
                    let Some(demand) = demand else { return Ok(()) };
                    // Who asked may have gone meanwhile.
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        report = self.compare(ix, Scope::Every) => drop(demand.send(report)),
                    }
                }
            }
        }
    }

    async fn compare(&self, ix: NetworkIx, scope: Scope) -> Result<Option<Report>, Error> {
        let report = self.reconciler.pass(ix, scope).await?;
        if let Some(report) = &report {
            self.live().compared = Some(report.block.height);
        }
        Ok(report)
    }
}

/// Looks whether recovery has ended, as long as there is any.
pub(super) async fn recover<N: Accounts + 'static>(handle: Handle, sites: Vec<Arc<Site<N>>>, stop: CancellationToken) {
    loop {
        let in_recovery = Books::query(&handle, |state: &tokengine_core::State| state.recovery().is_some()).await;
        if in_recovery.unwrap_or(false) {
            let known: Vec<_> = sites.iter().filter_map(|site| Some((*site.ix.get()?, &site.driver))).collect();
            if let Err(error) = recover::pass(&handle, &known).await {
                tracing::warn!(error = %error, error.code = error.code(), "Recovery goes on");
            }
        }
        if timeout(SAFETY, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}
