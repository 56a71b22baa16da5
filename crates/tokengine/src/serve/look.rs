//! Looks at everything from time to time, for the metrics and for the doors' picture of the networks.

use super::metrics::{Books, Gauges};
use super::networks::Networks;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokengine_chain::evm::EvmNode;
use tokengine_engine::{Follower, Handle, system_clock};
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

impl Looker {
    /// Looks until it is stopped.
    pub(crate) async fn look(self, stop: CancellationToken) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failures = BTreeMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.pass(&mut failures) => {}
            }
        }
    }

    async fn pass(&self, failures: &mut BTreeMap<String, u64>) {
        match self.workers.status().await {
            Ok(status) => {
                self.networks.note(&status, system_clock());
                self.gauges.networks(&status, &self.networks);
            }
            Err(error) => tracing::warn!(error = %error, error.code = error.code(), "Networks are not looked at"),
        }
        self.gauges.engine(&self.handle.health());
        match self.handle.query(Books::of).await {
            Ok(books) => self.gauges.books(&books),
            Err(error) => tracing::debug!(error = %error, "Books are not looked at"),
        }
        for follower in self.followers.iter() {
            self.gauges.follower(follower.name(), self.behind(follower).await, follower.failures());
            let told = failures.insert(follower.name().to_owned(), follower.failures());
            if let Some(error) = follower.error().filter(|_| told != Some(follower.failures())) {
                tracing::warn!(follower = follower.name(), error = %error, failures = follower.failures(), "Follower waits");
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
