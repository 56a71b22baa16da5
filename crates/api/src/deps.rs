//! What the doors are given by the program that opens them.

use crate::{Metrics, Rate};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokengine_core::{Address, Time};
use tokengine_keys::Secret;

/// A future of a trait that is used behind a pointer.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One node of a network, as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The operator's name for it; never an address with a key in it.
    pub name: String,
    /// It answers.
    pub up: bool,
    /// The height of its newest block.
    pub head: Option<u64>,
    /// What it did wrong last, for the operator's page; never an address with a key in it.
    pub error: Option<String>,
}

/// A network, as its nodes were last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkStatus {
    /// The newest block that enough nodes have.
    pub head: Option<u64>,
    /// The newest `safe` block.
    pub safe: Option<u64>,
    /// The newest `finalized` block.
    pub finalized: Option<u64>,
    /// Milliseconds from one block to the next, on average.
    pub block_ms: Option<u64>,
    /// When enough nodes last told a head, be it an old one.
    pub seen_at: Option<Time>,
    /// The nodes, in the order of the configuration.
    pub nodes: Vec<NodeStatus>,
    /// Why the network is not followed now, for the operator's page.
    pub error: Option<String>,
}

/// A network gave no answer that enough nodes agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not enough nodes of the network gave the same answer")]
pub struct Unanswered;

impl Unanswered {
    /// Stable; alerts match on it.
    pub fn code(self) -> &'static str {
        "network-unavailable"
    }

    /// Always: nothing was decided.
    pub fn is_transient(self) -> bool {
        true
    }
}

/// What the doors ask of networks. Never about money: that goes through the engine.
pub trait NetworkSource: Send + Sync + 'static {
    /// The last that was seen of a network, by its CAIP-2 id. Must not wait.
    fn status(&self, network: &str) -> Option<NetworkStatus>;

    /// Whether an address is a contract that shows a listed asset without being it. What is sent there is lost.
    fn is_alias(&self, network: &str, address: &Address) -> bool;

    /// Whether a contract owns up to a signature (EIP-1271), both at the newest and at a finalized block, as k of n nodes
    /// say.
    fn valid_signature<'a>(
        &'a self,
        network: &'a str,
        contract: &'a Address,
        digest: [u8; 32],
        signature: &'a [u8],
    ) -> Asked<'a, Result<bool, Unanswered>>;
}

/// An address of ours for one account on one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The canonical address.
    pub address: Address,
    /// Which key signs for it: the keyring's name and path, never the key.
    pub key: Box<str>,
}

/// Derives deposit addresses: network by CAIP-2 id, and the name that the account was opened under, never its number: after a
/// restore a number may become another account's. `None` where the operator gives none out.
pub type DeriveAddress = Arc<dyn Fn(&str, &str) -> Option<Derived> + Send + Sync>;

/// What a comparison of a network's wallets with the books came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The block that they were compared at.
    pub height: u64,
    /// So many holdings were compared.
    pub compared: usize,
    /// So many of them are not as in the books.
    pub differing: usize,
    /// So many wallets were left out, because something of theirs is under way.
    pub left_out: usize,
}

/// Has the wallets of a network (by its CAIP-2 id) compared with the books now. `None` when too little of the network was
/// searched yet.
pub type Reconcile = Arc<dyn Fn(String) -> Asked<'static, Result<Option<Compared>, Unanswered>> + Send + Sync>;

/// Who may see the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageAccess {
    /// There is no page.
    Off,
    /// A key with `page:read`, typed into a form once for a short session.
    Login,
    /// Everyone who reaches the port: for a demonstration on one machine.
    Open,
}

/// How much the doors take. Bytes, counts and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one API key.
    pub per_key: Rate,
    /// Requests from one address.
    pub per_address: Rate,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bytes of the body of a batch of moves.
    pub batch_body_bytes: usize,
    /// Moves in one batch.
    pub batch_moves: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// The longest `?wait=`.
    pub longest_wait: Duration,
    /// Streams of events that may be open at once.
    pub streams: usize,
    /// How long a read waits for the read model before it is refused.
    pub read_patience: Duration,
    /// How long a session of the page lasts.
    pub session: Duration,
}

impl Default for Limits {
    /// 200 requests a second for a key and 50 for an address; bodies of 64 KiB, batches of 4 MiB and 10,000 moves; 15 s
    /// for a body, 60 s of waiting, 256 streams; 2 s of patience, sessions of 8 hours.
    fn default() -> Self {
        Self {
            per_key: Rate { per_second: 200, burst: 400 },
            per_address: Rate { per_second: 50, burst: 200 },
            body_bytes: 64 << 10,
            batch_body_bytes: 4 << 20,
            batch_moves: 10_000,
            body_time: Duration::from_secs(15),
            longest_wait: Duration::from_secs(60),
            streams: 256,
            read_patience: Duration::from_secs(2),
            session: Duration::from_secs(8 * 3600),
        }
    }
}

/// Everything the doors need.
pub struct Deps {
    /// Where every change goes.
    pub engine: tokengine_engine::Handle,
    /// Reads the read model.
    pub store: tokengine_store::Reader,
    /// What is asked of networks.
    pub networks: Arc<dyn NetworkSource>,
    /// Derives deposit addresses.
    pub derive: DeriveAddress,
    /// The engine's id: the salt of every signed message.
    pub instance: [u8; 32],
    /// Seals cursors and sessions; 32 random bytes that stay the same from start to start.
    pub secret: Secret<[u8; 32]>,
    /// How much the doors take.
    pub limits: Limits,
    /// What time it is.
    pub clock: tokengine_engine::Clock,
    /// Asks the reconciler to look now; what it finds is in the list of work as well.
    pub reconcile: Reconcile,
    /// Who may see the page.
    pub page: PageAccess,
    /// Cookies of the page are sent over TLS only. Off when the doors are reached over plain loopback.
    pub secure_cookies: bool,
    /// Counts requests; made of the program's registry.
    pub metrics: Metrics,
}
