//! A node's bad days, on purpose: a JSON-RPC proxy before a real node that is slow, silent, forgetful or lies as told.
//!
//! Without a fault it forwards every call and answer unchanged, batches call by call. Faults are taken in the order in
//! which they were set; the first that applies to a call is used, and is gone after as many calls as it was set for.

mod serve;

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{Error, http, rpc::quantity};

/// One call of the client's: its method, params and id.
pub type Call = Value;

type RewriteCall = Arc<dyn Fn(&mut Call) + Send + Sync>;
type RewriteAnswer = Arc<dyn Fn(&Call, Value) -> Value + Send + Sync>;
type Applies = Arc<dyn Fn(&Call) -> bool + Send + Sync>;
type Invent = Arc<dyn Fn(&Call) -> Value + Send + Sync>;

/// What goes wrong with a call.
#[derive(Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The node is asked only after so long.
    DelayCall(Duration),
    /// The node is asked at once, and its answer is kept for so long.
    DelayAnswer(Duration),
    /// The node is not asked, and the connection stays open without an answer until [`FaultProxy::heal`].
    Hang,
    /// The node is not asked, and the connection is closed.
    DropCall,
    /// The node is asked and does what it is asked, and the connection is closed: the answer is lost.
    DropAnswer,
    /// The node is asked twice; the client gets the first answer.
    AskTwice,
    /// The node is not asked; the client gets this JSON-RPC error.
    Error {
        /// The JSON-RPC error code.
        code: i64,
        /// Its text.
        message: String,
    },
    /// The node is not asked; the client gets an empty answer of this HTTP status.
    Status(u16),
    /// The node is asked; the client gets these bytes as the body of its answer.
    Garbage(Vec<u8>),
    /// The node is asked something else than the client did; see [`Fault::ask`].
    Ask(RewriteCall),
    /// The client is told something else than the node said; see [`Fault::result`] and [`Fault::answer`].
    Answer(RewriteAnswer),
    /// The node is not asked; the client is told this; see [`Fault::instead`].
    Instead(Invent),
}

impl Fault {
    /// The node's whole answer (an object with `result` or `error`), rewritten. The closure is given the call.
    pub fn answer(rewrite: impl Fn(&Call, Value) -> Value + Send + Sync + 'static) -> Self {
        Self::Answer(Arc::new(rewrite))
    }

    /// The node's `result`, rewritten; an error of the node's stays as it is. The closure is given the call.
    pub fn result(rewrite: impl Fn(&Call, Value) -> Value + Send + Sync + 'static) -> Self {
        Self::answer(move |call, mut answer| {
            if let Some(result) = answer.get_mut("result") {
                *result = rewrite(call, result.take());
            }
            answer
        })
    }

    /// A `result` without asking the node. The closure is given the call.
    pub fn instead(invent: impl Fn(&Call) -> Value + Send + Sync + 'static) -> Self {
        Self::Instead(Arc::new(invent))
    }

    /// The question, rewritten before the node gets it.
    pub fn ask(rewrite: impl Fn(&mut Call) + Send + Sync + 'static) -> Self {
        Self::Ask(Arc::new(rewrite))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DelayCall(_) => "DelayCall",
            Self::DelayAnswer(_) => "DelayAnswer",
            Self::Hang => "Hang",
            Self::DropCall => "DropCall",
            Self::DropAnswer => "DropAnswer",
            Self::AskTwice => "AskTwice",
            Self::Error { .. } => "Error",
            Self::Status(_) => "Status",
            Self::Garbage(_) => "Garbage",
            Self::Ask(_) => "Ask",
            Self::Answer(_) => "Answer",
            Self::Instead(_) => "Instead",
        })
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} ({:?} left)", self.fault, self.method, self.left)
    }
}

/// A running proxy. It ends, with all its connections, when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    upstream: String,
    accepting: Option<JoinHandle<()>>,
}

/// What the proxy's threads share with its handle.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Notified when the state changes in a way that somebody may wait for.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    dark: bool,
    stopped: bool,
    /// Counts up with every heal, so that what hangs knows that it may go.
    heals: u64,
    calls: BTreeMap<String, u64>,
    raw_transactions: Vec<String>,
    connections: BTreeMap<u64, TcpStream>,
    connected: u64,
}

struct Rule {
    /// A method, or `*` for all.
    method: String,
    /// Whether it concerns a call of that method.
    applies: Applies,
    /// Calls it still applies to; `None` is without end.
    left: Option<u64>,
    fault: Fault,
}

impl FaultProxy {
    /// Starts a proxy on a free loopback port before the node at `upstream` (`http://host:port`).
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot listen, [`Error::Unexpected`] when `upstream` is no such address.
    pub fn start(upstream: &str) -> Result<Self, Error> {
        let target = http::split_url(upstream)
            .map(|(authority, path)| (authority.to_owned(), path.to_owned()))
            .ok_or_else(|| Error::Unexpected { what: "the address of a node".to_owned(), got: upstream.to_owned() })?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("binding a port for the fault proxy"))?;
        let address = listener.local_addr().map_err(Error::io("reading the port bound"))?;
        let shared = Arc::new(Shared::default());
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve::accept(&listener, &shared, &target)
        });
        Ok(Self { shared, address, upstream: upstream.to_owned(), accepting: Some(accepting) })
    }

    /// Where clients reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The node behind it.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// From now on this goes wrong with every call of `method` (`*` for all), until [`FaultProxy::heal`].
    pub fn fault(&self, method: &str, fault: Fault) {
        self.add(method, None, Arc::new(|_| true), fault);
    }

    /// This goes wrong with the next so many calls of `method` (`*` for all).
    pub fn fault_times(&self, method: &str, times: u64, fault: Fault) {
        self.add(method, Some(times), Arc::new(|_| true), fault);
    }

    /// From now on this goes wrong with the calls of `method` (`*` for all) that `applies` picks.
    pub fn fault_if(&self, method: &str, applies: impl Fn(&Call) -> bool + Send + Sync + 'static, fault: Fault) {
        self.add(method, None, Arc::new(applies), fault);
    }

    /// Takes all faults away, and closes the connections that hang. It stays dark if it is.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        state.rules.clear();
        state.heals += 1;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Faults that are still set and not used up, as method and what is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        self.shared.lock().rules.iter().map(|rule| (rule.method.clone(), format!("{:?}", rule.fault))).collect()
    }

    /// Closes every connection, and every new one at once, until [`FaultProxy::restore`].
    pub fn go_dark(&self) {
        let mut state = self.shared.lock();
        state.dark = true;
        state.cut_all();
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Serves again after [`FaultProxy::go_dark`].
    pub fn restore(&self) {
        self.shared.lock().dark = false;
    }

    /// Shows the chain as it ends now, however it goes on: a node that has stopped following. Until [`FaultProxy::heal`].
    ///
    /// # Errors
    /// Those of [`crate::Rpc::call`], of asking the node where it is.
    pub fn freeze_head(&self) -> Result<u64, Error> {
        let head = crate::Rpc::new(&self.upstream).call("eth_blockNumber", json!([]))?;
        let height = quantity(&head)?;
        let shown = head.clone();
        self.fault("eth_blockNumber", Fault::result(move |_, _| shown.clone()));
        self.fault(
            "eth_getBlockByNumber",
            Fault::ask(move |call| {
                let wanted = call["params"][0].as_str().unwrap_or_default().to_owned();
                let above = quantity(&json!(wanted)).is_ok_and(|wanted| wanted > height);
                if above {
                    // A height that no chain here reaches, so that the node itself says that there is no such block.
                    call["params"][0] = json!("0xffffffffffff");
                } else if wanted == "latest" || wanted == "pending" {
                    call["params"][0] = head.clone();
                }
            }),
        );
        u64::try_from(height).map_err(|_| Error::Unexpected { what: "a height".to_owned(), got: height.to_string() })
    }

    /// How often clients have called a method, whatever came of it.
    #[must_use]
    pub fn calls(&self, method: &str) -> u64 {
        self.shared.lock().calls.get(method).copied().unwrap_or_default()
    }

    /// How often clients have called anything.
    #[must_use]
    pub fn all_calls(&self) -> u64 {
        self.shared.lock().calls.values().sum()
    }

    /// The signed transactions that clients have asked to send, in order and with repetitions, whatever came of it.
    #[must_use]
    pub fn raw_transactions(&self) -> Vec<String> {
        self.shared.lock().raw_transactions.clone()
    }
}

impl FaultProxy {
    fn add(&self, method: &str, left: Option<u64>, applies: Applies, fault: Fault) {
        if left != Some(0) {
            self.shared.lock().rules.push(Rule { method: method.to_owned(), applies, left, fault });
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        state.cut_all();
        drop(state);
        self.shared.changed.notify_all();
        // The thread waits in `accept`; a connection wakes it, and it sees that it should stop.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A closure of a test that panicked must not take the proxy of the next assertion with it.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn cut_all(&mut self) {
        for connection in std::mem::take(&mut self.connections).into_values() {
            // Already closed by the other side: then there is nothing to cut.
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Counts a call and says what goes wrong with it, using the fault up.
    fn next_fault(&mut self, call: &Call) -> Option<Fault> {
        let method = call["method"].as_str().unwrap_or_default();
        *self.calls.entry(method.to_owned()).or_default() += 1;
        if method == "eth_sendRawTransaction"
            && let Some(raw) = call["params"][0].as_str()
        {
            self.raw_transactions.push(raw.to_owned());
        }
        let concerns = |rule: &Rule| (rule.method == "*" || rule.method == method) && (rule.applies)(call);
        let found = self.rules.iter().position(concerns)?;
        let rule = &mut self.rules[found];
        let fault = rule.fault.clone();
        if let Some(left) = &mut rule.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.rules.remove(found);
            }
        }
        Some(fault)
    }
}
