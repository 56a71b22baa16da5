//! The process that answers: the doors as the program wires them, or an empty handler behind the same server.

use super::load::ACCOUNTS;
use crate::world;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokengine_api::{
    Answer, Asked, Deps, Doors, Limits, Metrics, NetworkSource, NetworkStatus, PageAccess, Rate, Scopes,
};
use tokengine_api::{Server, Unanswered};
use tokengine_core::{Address, Position, Record};
use tokengine_engine::{Engine, Sink, SinkError, follow};
use tokengine_keys::api_key::ApiKeySecret;
use tokengine_keys::{Secret, random_bytes};
use tokengine_store::Store;

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Reads the request and says nothing.
    Empty,
    /// Engine and doors.
    Doors,
    /// The same with the read model following.
    Following,
}

impl Kind {
    const ALL: [(&'static str, Self); 3] =
        [("serve-empty", Self::Empty), ("serve-doors", Self::Doors), ("serve-following", Self::Following)];

    fn word(self) -> &'static str {
        match self {
            Self::Empty => "serve-empty",
            Self::Doors => "serve-doors",
            Self::Following => "serve-following",
        }
    }
}

/// A server of ours in a process of its own.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
}

impl Child {
    pub(crate) fn start(kind: Kind, folder: &Path) -> Result<Self, Box<dyn Error>> {
        if std::fs::exists(folder)? {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let mut process = Command::new(std::env::current_exe()?)
            .arg(kind.word())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("its output is piped")?).read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (address, key) = (words.next().ok_or("the server did not start")?, words.next().ok_or("no key")?);
        Ok(Self { address: address.parse()?, key: key.to_owned(), process })
    }

    /// Seconds that it has computed.
    pub(crate) fn computed(&self) -> f64 {
        crate::cpu::of_process(self.process.id())
    }

    /// It ends when nobody holds its input any more.
    pub(crate) fn stop(mut self) -> Result<(), Box<dyn Error>> {
        drop(self.process.stdin.take());
        let ended = self.process.wait()?;
        if ended.success() { Ok(()) } else { Err(format!("the server ended with {ended}").into()) }
    }
}

/// Runs as such a process, if the arguments say so.
pub(crate) fn child(args: &[String]) -> Option<Result<(), Box<dyn Error>>> {
    let [word, folder] = args else { return None };
    let (_, kind) = Kind::ALL.into_iter().find(|(known, _)| known == word)?;
    Some(serve(kind, Path::new(folder)))
}

/// One runtime a core, as the program has it.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn serve(kind: Kind, folder: &Path) -> Result<(), Box<dyn Error>> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    if let Kind::Empty = kind {
        let server = Server::start(loopback, threads(), Nothing)?;
        return until_told(&server, "none");
    }
    let engine = Engine::open(world::options(&folder.join("journal")), None, |_| {})?;
    world::found(&engine, ACCOUNTS, tokengine_engine::system_clock())?;
    let secret = ApiKeySecret::generate(&Secret::new(random_bytes()?));
    let key =
        tokengine_core::Command::AddKey { name: "bench".into(), hash: secret.hash(), scopes: Scopes::all().bits() };
    world::submit(&engine.handle(), vec![key])?;
    let store = Store::open(&folder.join("read.sqlite"))?;
    let reader = store.reader()?;
    let follower = match kind {
        Kind::Following => Some(follow(&engine.handle(), "read-model", Box::new(Follow(store)))?),
        Kind::Empty | Kind::Doors => None,
    };
    let mut registry = prometheus_client::registry::Registry::default();
    let unlimited = Rate { per_second: u32::MAX, burst: u32::MAX };
    let deps = Deps {
        engine: engine.handle(),
        store: reader,
        networks: Arc::new(Nobody),
        derive: Arc::new(|_, _| None),
        instance: [7; 32],
        secret: Secret::new([9; 32]),
        limits: Limits { per_key: unlimited, per_address: unlimited, ..Limits::default() },
        clock: Arc::new(tokengine_engine::system_clock),
        reconcile: Arc::new(|_| Box::pin(std::future::ready(Err(Unanswered)))),
        page: PageAccess::Off,
        secure_cookies: false,
        metrics: Metrics::new(&mut registry),
    };
    let server = Server::start(loopback, threads(), Doors::new(deps))?;
    until_told(&server, secret.reveal().expose())?;
    drop(server);
    drop(follower);
    engine.stop()?;
    Ok(())
}

fn until_told(server: &Server, key: &str) -> Result<(), Box<dyn Error>> {
    println!("{} {key}", server.address());
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Reads a request to its end, and answers with an empty object.
#[derive(Clone, Copy)]
struct Nothing;

impl Answer for Nothing {
    async fn answer(&self, request: hyper::Request<hyper::body::Incoming>, _: SocketAddr) -> Response {
        if request.into_body().collect().await.is_err() {
            return StatusCode::BAD_REQUEST.into_response();
        }
        let mut response = Response::new(Body::from("{}"));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

struct Nobody;

impl NetworkSource for Nobody {
    fn status(&self, _: &str) -> Option<NetworkStatus> {
        None
    }

    fn is_alias(&self, _: &str, _: &Address) -> bool {
        false
    }

    fn valid_signature<'a>(
        &'a self,
        _: &'a str,
        _: &'a Address,
        _: [u8; 32],
        _: &'a [u8],
    ) -> Asked<'a, Result<bool, Unanswered>> {
        Box::pin(std::future::ready(Err(Unanswered)))
    }
}

struct Follow(Store);

impl Sink for Follow {
    fn cursor(&mut self) -> Result<Position, SinkError> {
        Ok(self.0.cursor()?)
    }

    fn take(&mut self, records: &[(Position, Record)]) -> Result<(), SinkError> {
        Ok(self.0.apply(records)?)
    }
}
