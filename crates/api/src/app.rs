//! What every route shares.

use crate::auth::Keys;
use crate::directory::{Directory, Names, Tokens};
use crate::gather::Gather;
use crate::hub::Hub;
use crate::rate::Limiter;
use crate::read::Reads;
use crate::seal::Seal;
use crate::{Deps, DeriveAddress, Limits, Metrics, NetworkSource, PageAccess, Problem, Reconcile};
use std::sync::Arc;
use tokengine_core::{Command, KeyIx, Position, Record};
use tokengine_engine::{Clock, Done, Handle, Lane};
use tokio::sync::Semaphore;

pub(crate) type Shared = Arc<App>;

pub(crate) struct App {
    pub(crate) engine: Handle,
    pub(crate) reads: Reads,
    pub(crate) networks: Arc<dyn NetworkSource>,
    pub(crate) derive: DeriveAddress,
    pub(crate) instance: [u8; 32],
    pub(crate) cursors: Seal,
    pub(crate) sessions: Seal,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) reconcile: Reconcile,
    pub(crate) page: PageAccess,
    pub(crate) secure_cookies: bool,
    pub(crate) metrics: Metrics,
    pub(crate) per_key: Limiter<KeyIx>,
    pub(crate) per_address: Limiter<[u8; 8]>,
    pub(crate) names: Names,
    pub(crate) tokens: Tokens,
    pub(crate) keys: Keys,
    pub(crate) gather: Gather,
    pub(crate) hub: Hub,
    pub(crate) streams: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(deps: Deps) -> Shared {
        let Deps { engine, store, networks, derive, instance, secret, limits, clock, .. } = deps;
        Arc::new(Self {
            reads: Reads::new(engine.clone(), store, limits.read_patience),
            hub: Hub::new(engine.clone()),
            engine,
            networks,
            derive,
            instance,
            cursors: Seal::new(secret.expose(), "cursor"),
            sessions: Seal::new(secret.expose(), "session"),
            per_key: Limiter::new(limits.per_key),
            per_address: Limiter::new(limits.per_address),
            limits,
            clock,
            reconcile: deps.reconcile,
            page: deps.page,
            secure_cookies: deps.secure_cookies,
            metrics: deps.metrics,
            names: Names::default(),
            tokens: Tokens::default(),
            keys: Keys::default(),
            gather: Gather::default(),
            streams: Arc::new(Semaphore::new(limits.streams)),
        })
    }

    /// Hands a client's command over and waits for its answer.
    pub(crate) async fn submit(&self, command: Command) -> Result<Done, Problem> {
        Ok(self.engine.submit(Lane::Client, command).await?)
    }

    /// As far as everything is durable at this moment. (The channel that wakes those who wait is told a little later.)
    pub(crate) fn durable(&self) -> Position {
        Position(self.engine.journal().mark().position())
    }

    /// What is listed now.
    pub(crate) async fn directory(&self) -> Result<Directory, Problem> {
        Ok(self.engine.query(Directory::of).await?)
    }

    /// The event at a position: what an answer is told from, so that a repeated request is told the same.
    pub(crate) async fn event(&self, position: Position) -> Result<Record, Problem> {
        let mut feed = self.engine.feed(Position(position.0.saturating_sub(1)));
        // A file is opened and searched: not on a thread that serves others.
        let found = tokio::task::spawn_blocking(move || feed.ready(1)).await;
        match found.map_err(|error| Problem::internal(&error))??.pop() {
            Some((found, record)) if found == position => Ok(record),
            _ => Err(Problem::internal(&format_args!("event {position} is not in the journal"))),
        }
    }
}
