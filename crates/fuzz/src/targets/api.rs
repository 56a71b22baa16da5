//! The doors: every route with its query, headers and body, on a running engine with a journal in memory.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use tokengine_api::{
    Asked, Deps, Derived, Limits, Metrics, NetworkSource, NetworkStatus, PageAccess, Rate, Scopes, Unanswered,
};
use tokengine_core::{Address, Command, Position, Record};
use tokengine_engine::{Engine, Follower, Lane, Sink, SinkError, follow};
use tokengine_journal::mem::MemDisk;
use tokengine_keys::Secret;
use tokengine_keys::api_key::ApiKeySecret;
use tokengine_store::Store;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::state::listing;
use crate::{Shape, Target};

/// Networks that nobody looks at: what comes from nodes is another target's.
struct Unseen;

impl NetworkSource for Unseen {
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
        Box::pin(ready(Err(Unanswered)))
    }
}

/// The read model, as the program has it follow the journal.
struct Follow(Store);

impl Sink for Follow {
    fn cursor(&mut self) -> Result<Position, SinkError> {
        Ok(self.0.cursor()?)
    }
    fn take(&mut self, records: &[(Position, Record)]) -> Result<(), SinkError> {
        Ok(self.0.apply(records)?)
    }
}

/// An engine and its doors. An input is a line `METHOD path`, further lines of headers, an empty line, and a body.
pub(super) struct Doors {
    router: Router,
    rt: Runtime,
    key: String,
    _follower: Follower,
    _engine: Engine,
    _folder: tempfile::TempDir,
}

impl Doors {
    pub(super) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = tokengine_engine::Options::new(folder.path(), 7).with_journal(|journal| {
            journal.segment_bytes = 1 << 20;
            journal.reserve_bytes = 0;
        });
        let engine = Engine::open(options, Some(Arc::new(MemDisk::new())), |_| {}).expect("an empty disk");
        let handle = engine.handle();
        let model = Store::open(&folder.path().join("read.sqlite")).expect("a read model");
        let store = model.reader().expect("a reader");
        let follower = follow(&handle, "store", Box::new(Follow(model))).expect("a thread");
        let derive = |_: &str, _: &str| -> Option<Derived> { None };
        let deps = Deps {
            engine: handle.clone(),
            store,
            networks: Arc::new(Unseen),
            derive: Arc::new(derive),
            instance: [0x5a; 32],
            secret: Secret::new([9; 32]),
            limits: Limits {
                per_key: Rate { per_second: 0, burst: 1 },
                per_address: Rate { per_second: 0, burst: 1 },
                longest_wait: Duration::from_millis(1),
                // Longer than a machine with too much to do holds a follower up.
                read_patience: Duration::from_secs(20),
                ..Limits::default()
            },
            clock: Arc::new(tokengine_engine::system_clock),
            reconcile: Arc::new(|_| Box::pin(ready(Err(Unanswered)))),
            page: PageAccess::Open,
            secure_cookies: false,
            metrics: Metrics::new(&mut prometheus_client::registry::Registry::default()),
        };
        let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let secret = ApiKeySecret::generate(&Secret::new([7; 38]));
        let (hash, key) = (secret.hash(), secret.reveal().expose().clone());
        rt.block_on(async {
            for command in start(hash) {
                let text = format!("{command:?}");
                handle.submit(Lane::Worker, command).await.unwrap_or_else(|error| panic!("{error}: {text}"));
            }
        });
        let router = tokengine_api::router(deps);
        Self { router, rt, key, _follower: follower, _engine: engine, _folder: folder }
    }

    /// The request that an input asks for, if it is one at all.
    fn request(&self, input: &[u8]) -> Option<Request<Body>> {
        let at = input.windows(2).position(|two| two == b"\n\n").unwrap_or(input.len());
        let (head, body) = (&input[..at], input.get(at + 2..).unwrap_or_default());
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = std::str::from_utf8(lines.next()?).ok()?;
        let (method, path) = first.split_once(' ')?;
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).ok()?).uri(path);
        let mut given = false;
        for line in lines {
            let at = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = (&line[..at], &line[at + 1..]);
            // A key of the corpus would have expired before anything else is looked at.
            let fresh = Uuid::now_v7().to_string().into_bytes();
            let value = if value == b"now" { &fresh } else { value };
            given |= name.eq_ignore_ascii_case(b"authorization");
            request = request.header(name, value);
        }
        if !given {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        }
        request.body(Body::from(body.to_vec())).ok()
    }
}

/// What the engine is given first: networks, tokens and accounts, by the same commands as a state of the core's own.
fn start(key: [u8; 32]) -> Vec<Command> {
    let mut commands = listing();
    commands.push(Command::AddKey { name: "fuzz".into(), hash: key, scopes: Scopes::all().bits() });
    commands
}

const BY: &str = "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb";
const TX: &str = "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060";

/// Every route once, from the document itself: its example as the body, or a path with something in its place.
fn routes() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(&tokengine_api::openapi_json()).expect("the document is JSON");
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("there are paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let example = schema.as_str().and_then(|at| document.pointer(at.trim_start_matches('#')));
            let body = example.map_or(Value::Null, |schema| schema["example"].clone());
            let query: Vec<String> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "query")
                .map(|parameter| format!("{}=1", parameter["name"].as_str().unwrap_or_default()))
                .collect();
            let path = path.replace("{id}", "alice");
            all.push((method.to_uppercase(), path.clone(), body.clone()));
            if !query.is_empty() {
                all.push((method.to_uppercase(), format!("{path}?{}", query.join("&")), body));
            }
        }
    }
    all
}

impl Target for Doors {
    fn name(&self) -> &'static str {
        "http"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        let all = routes().into_iter().map(|(method, path, body)| {
            let head =
                format!("{method} {path}\ncontent-type:application/json\nidempotency-key:{}\n\n", Uuid::now_v7());
            if body.is_null() { head } else { head + &body.to_string() }
        });
        let more = [
            format!(
                "POST /v1/moves\ncontent-type:application/json\n\n{}",
                json!({"token": "USD", "from": "treasury", "to": "alice", "amount": {"base_units": "0"}, "signature": {"signer": BY, "value": "0x00", "scheme": "eip191"}})
            ),
            format!("GET /v1/deposits?network=eip155:1&transaction={TX}\n\n"),
            "GET /v1/events?after=0&limit=5&wait=1ms\n\n".to_owned(),
            "GET /v1/accounts?cursor=AAAA\nif-none-match:\"1\"\n\n".to_owned(),
            "GET /\naccept:text/html\ncookie:session=AAAA\n\n".to_owned(),
            "POST /login\ncontent-type:application/x-www-form-urlencoded\n\nkey=tok_".to_owned(),
        ];
        all.chain(more).map(String::into_bytes).collect()
    }

    fn shape(&self) -> Shape {
        Shape::HeadAndJson
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "?limit=200",
            "&cursor=",
            "&wait=1ms",
            "accept:text/event-stream\n",
            "if-match:\"0\"\n",
            "last-event-id:0\n",
            "treasury",
            "alice",
            "eip155:1",
            "eip155:1/erc20:0x1",
            "eip155:1/slip44:60",
            "USD",
            "base_units",
            "decimal",
            BY,
            TX,
            "/v1/",
            "%2F",
            "authorization:Bearer \n",
            "traceparent:00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
        ]
    }

    fn memory(&self) -> usize {
        // A page of the read model, a journal's reader, a batch of ten thousand results.
        48 << 20
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        let Some(request) = self.request(input) else { return "no request".to_owned() };
        // Not the ids: each would look like an answer of its own.
        let parts: Vec<&str> = request.uri().path().split('/').collect();
        let what = format!("{} {} {}", request.method(), parts[..parts.len().min(3)].join("/"), parts.len());
        let (status, streams, text) = self.rt.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("a router always answers");
            let kind =
                response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let (status, streams) = (response.status().as_u16(), kind.starts_with("text/event-stream"));
            if streams {
                return (status, true, Vec::new());
            }
            let bytes = to_bytes(response.into_body(), 64 << 20).await.expect("a body that ends");
            (status, false, bytes.to_vec())
        });
        let body: Value = serde_json::from_slice(&text).unwrap_or_default();
        let code = body["code"].as_str().unwrap_or_default();
        // No node is asked here: what needs one says so, and nothing else may go wrong.
        let alone = status == 503 && code == "network-unavailable";
        assert!(status < 500 || alone, "{status}: {}", String::from_utf8_lossy(&text));
        if status >= 400 && what.contains("/v1/") && !streams {
            assert!(!code.is_empty(), "a refusal without a code: {status}: {}", String::from_utf8_lossy(&text));
        }
        if code == "no-such-route" {
            return code.to_owned();
        }
        format!("{what} {status} {code} {}", body["errors"][0]["code"].as_str().unwrap_or_default())
    }
}
