//! Looks at everything from time to time, for the metrics and for the doors' picture of the networks.

use super::metrics::{Books, Gauges};
use super::networks::Networks;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokengine_chain::evm::EvmNode;
use tokengine_engine::{Follower, Handle, Health, system_clock};
use tokengine_workers::Workers;
use tokio_util::sync::CancellationToken;

/// How often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is looked at, and who is told.
pub(crate) struct Looker {
    pub(crate) handle: Handle,
    pub(crate) workers: Arc<Workers<EvmNode>>,
    pub(crate) networks: Arc<Networks>,
    pub(crate) followers: Arc<Vec<Follower>>,
    pub(crate) gauges: Arc<Gauges>,
}

/// What was told already: a state is told when it begins and when it ends, however long it lasts.
#[derive(Default)]
struct Told {
    failures: BTreeMap<String, u64>,
    disk_full: bool,
    snapshot: Option<&'static str>,
    archive: Option<&'static str>,
}

impl Told {
    fn engine(&mut self, health: &Health) {
        match (std::mem::replace(&mut self.disk_full, health.disk_full), health.disk_full) {
            (false, true) => tracing::error!("Disk full: new work is refused, work under way goes on"),
            (true, false) => tracing::info!("There is room again: new work is taken"),
            (false, false) | (true, true) => {}
        }
        let fault = |what, before: &mut Option<&'static str>, now: Option<&tokengine_engine::Error>| {
            let code = now.map(tokengine_engine::Error::code);
            if let Some(error) = now.filter(|_| *before != code) {
                tracing::warn!(what, error = %error, error.code = code, "Not made; the journal goes on without it");
            }
            *before = code;
        };
        fault("snapshot", &mut self.snapshot, health.snapshot_error.as_ref());
        fault("archive", &mut self.archive, health.archive_error.as_ref());
    }
}

impl Looker {
    /// Looks until it is stopped.
    pub(crate) async fn look(self, stop: CancellationToken) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = Told::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.pass(&mut told) => {}
            }
        }
    }

    async fn pass(&self, told: &mut Told) {
        match self.workers.status().await {
            Ok(status) => {
                self.networks.note(&status, system_clock());
                self.gauges.networks(&status, &self.networks);
            }
            Err(error) => tracing::warn!(error = %error, error.code = error.code(), "Networks are not looked at"),
        }
        let health = self.handle.health();
        self.gauges.engine(&health);
        told.engine(&health);
        match self.handle.query(Books::of).await {
            Ok(books) => self.gauges.books(&books),
            Err(error) => tracing::debug!(error = %error, "Books are not looked at"),
        }
        for follower in self.followers.iter() {
            self.gauges.follower(follower.name(), self.behind(follower).await, follower.failures());
            let failures = follower.failures();
            let before = told.failures.insert(follower.name().to_owned(), failures);
            if let Some(error) = follower.error().filter(|_| before != Some(failures)) {
                tracing::warn!(follower = follower.name(), error = %error, failures, "Follower waits");
            }
        }
    }

    /// How old the oldest event is that a follower has not taken.
    async fn behind(&self, follower: &Follower) -> Duration {
        let cursor = follower.cursor();
        if follower.lag() == 0 {
            return Duration::ZERO;
        }
        // It is durable, so it is given at once.
        let next = self.handle.feed(cursor).next(1).await;
        let at = next.ok().and_then(|records| records.first().map(|(_, record)| record.at));
        at.map_or(Duration::ZERO, |at| Duration::from_millis(system_clock().ms_since(at)))
    }
}
