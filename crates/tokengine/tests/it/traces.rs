//! Traces: from a request to the transaction that pays, in one trace, also when the program was killed in between; taken by a
//! collector that reads what the program really sends. No secret is in any of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::{Value, json};
use tokengine_testkit::Fault;

use crate::world::{Answer, DOLLAR6, Net, Order, Setup, WHOLE, World, canaries, key};

/// In the address of the collector, as an operator's key would be.
const COLLECTOR_KEY: &str = "canary-collector-key-1c7e";

/// Everything that was sent to it.
#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    /// Listens on a free port, and returns where.
    fn start(world: &World) -> (Self, String) {
        let collector = Self::default();
        let take = |State(all): State<Collector>, body: Bytes| async move {
            all.bodies.lock().expect("no panic").push(body);
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        let listener = world.rt.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("it has one");
        world.rt.spawn(async move { axum::serve(listener, router).await });
        (collector, format!("http://{address}/v1/traces?key={COLLECTOR_KEY}"))
    }

    fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().expect("no panic").clone()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.bodies().into_iter().map(|body| ExportTraceServiceRequest::decode(body).expect("OTLP"));
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// The spans of one trace, by name.
    fn trace(&self, id: &str) -> BTreeMap<String, Vec<Span>> {
        let mut named: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in self.spans().into_iter().filter(|span| hex(&span.trace_id) == id) {
            named.entry(span.name.clone()).or_default().push(span);
        }
        named
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

/// What a span says of something; empty where it says nothing.
fn says(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|KeyValue { key, .. }| key == name);
    text(found.and_then(|found| found.value.as_ref()))
}

/// A trace that a client begins, and the span in it that asks.
struct Asked {
    trace: String,
    span: String,
}

impl Asked {
    fn new(number: u8) -> Self {
        Self { trace: hex(&[0xa0 | number; 16]), span: hex(&[0xb0 | number; 8]) }
    }

    fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.span)
    }

    #[track_caller]
    fn post(&self, world: &World, path: &str, body: &Value) -> Answer {
        let client = world.client().traced(&self.traceparent());
        world.rt.block_on(client.post(path, &key(), body)).expect("answered")
    }
}

/// The one span of that name in a trace.
#[track_caller]
fn only<'a>(trace: &'a BTreeMap<String, Vec<Span>>, name: &str) -> &'a Span {
    let found = trace.get(name).map(Vec::as_slice).unwrap_or_default();
    assert_eq!(found.len(), 1, "{name} in {:?}", trace.keys());
    &found[0]
}

fn launch(world: &mut World, endpoint: &str) {
    // Sent at once: what a killed program did not send is lost.
    let env = [("TOKENGINE_TELEMETRY__OTLP_ENDPOINT", endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "20")];
    world.launch(&env, &[]);
    world.wait_ready();
}

#[test]
fn one_trace_runs_from_the_request_to_the_transaction_even_over_a_crash() {
    let mut world = World::new(Setup::of(vec![Net::new(31_337, 6).behind(1, 1)]));
    let (collector, endpoint) = Collector::start(&world);
    launch(&mut world, &endpoint);
    world.fund();
    world.deposited(0, 1, "usd", 100 * DOLLAR6);

    // A problem names the trace it is seen in.
    let asked = Asked::new(1);
    let refused = asked.post(&world, "/v1/withdrawals", &json!({"account": "nobody"}));
    assert_eq!((refused.status, refused["trace_id"].as_str()), (400, Some(&*asked.trace)), "{}", refused.text);
    let answered_by = refused.header("traceparent").expect("told").to_owned();
    world.until("the refusal is seen", |_| collector.trace(&asked.trace).contains_key("POST /v1/withdrawals"));
    let trace = collector.trace(&asked.trace);
    let request = only(&trace, "POST /v1/withdrawals");
    assert_eq!(answered_by, format!("00-{}-{}-01", asked.trace, hex(&request.span_id)), "the answer tells its span");
    let told = ["http.request.method", "http.route", "http.response.status_code", "error.type"];
    let expected = ["POST", "/v1/withdrawals", "400", refused.code()];
    assert_eq!(told.map(|name| says(request, name)), expected.map(str::to_owned));

    // A withdrawal is signed and sent, and then the program is killed.
    let asked = Asked::new(2);
    world.nodes[0].set_automine(false).expect("set");
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 7 * DOLLAR6, to: world.nobody(1) };
    let taken = asked.post(&world, "/v1/withdrawals", &world.signed(&order));
    let id = taken["id"].as_str().unwrap_or_else(|| panic!("{}", taken.text)).to_owned();
    world.until_still("it is sent", |world| world.withdrawal(&id)["status"] == "sent");
    world.until_still("that is seen", |_| collector.trace(&asked.trace).contains_key("payout send"));
    world.kill();
    launch(&mut world, &endpoint);
    world.nodes[0].set_automine(true).expect("set");
    world.until_status(&id, "committed");
    world.until("its end is seen", |_| collector.trace(&asked.trace).contains_key("payout final"));

    let trace = collector.trace(&asked.trace);
    let names: Vec<&str> = trace.keys().map(String::as_str).collect();
    assert_eq!(names, ["POST /v1/withdrawals", "payout final", "payout seen", "payout send", "payout sign"]);
    let request = only(&trace, "POST /v1/withdrawals");
    assert_eq!((hex(&request.parent_span_id), request.kind), (asked.span.clone(), SpanKind::Server as i32));
    assert_eq!(says(request, "http.response.status_code"), "202");
    let payout = says(request, "payout.id");
    assert!(!payout.is_empty());
    let story = world.withdrawal(&id);
    let transaction =
        story["attempts"][0]["transaction"].as_str().unwrap_or_else(|| panic!("{}", story.text)).to_owned();
    for step in ["payout sign", "payout send", "payout seen", "payout final"] {
        let span = only(&trace, step);
        assert_eq!(span.parent_span_id, request.span_id, "{step} belongs under the request");
        let told = ["payout.id", "tx.id", "chain.id"].map(|name| says(span, name));
        assert_eq!(told, [payout.clone(), transaction.clone(), world.network(0)], "{step}");
    }
    assert!(world.nodes[0].receipt(&transaction).expect("asked").is_some(), "it is the transaction that paid");

    // A deposit that is claimed before it is in a block.
    let asked = Asked::new(3);
    let (node, customer) = (&world.nodes[0], world.customer(2));
    node.set_automine(false).expect("set");
    let transaction = node.send(&customer, &world.hot(0), WHOLE).expect("sent");
    let claim = json!({"network": world.network(0), "transaction": transaction});
    asked.post(&world, "/v1/deposits", &claim).expect(202);
    node.set_automine(true).expect("set");
    world.until("both steps are seen", |_| {
        let trace = collector.trace(&asked.trace);
        trace.contains_key("deposit credit") && trace.contains_key("deposit found")
    });
    let trace = collector.trace(&asked.trace);
    let names: Vec<&str> = trace.keys().map(String::as_str).collect();
    assert_eq!(names, ["POST /v1/deposits", "deposit credit", "deposit found"]);
    for step in ["deposit found", "deposit credit"] {
        let span = only(&trace, step);
        assert_eq!(span.parent_span_id, only(&trace, "POST /v1/deposits").span_id, "{step}");
        assert_eq!(
            ["tx.id", "chain.id"].map(|name| says(span, name)),
            [transaction.clone(), world.network(0)],
            "{step}"
        );
    }

    // Errors of nodes and of keys are the likeliest to tell something.
    let proxy = &world.proxies[0][0];
    for fault in [Fault::DropCall, Fault::Status(401), Fault::Garbage(b"?".to_vec())] {
        proxy.fault_times("*", 2, fault);
        world.until("the node was asked", |world| world.proxies[0][0].faults().is_empty());
    }
    let (rest, last) = world.admin.split_at(world.admin.len() - 1);
    let wrong = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    let client = world.client().with_key(Some(&wrong)).traced(&Asked::new(4).traceparent());
    let refused = world.rt.block_on(client.post("/v1/moves", &key(), &json!({"token": wrong}))).expect("answered");
    assert_eq!(refused.status, 401, "{}", refused.text);
    assert_eq!(world.stop(), Some(0));
    let sent: Vec<u8> = collector.bodies().concat();
    let sent = String::from_utf8_lossy(&sent);
    assert!(sent.contains("tokengine") && collector.trace(&Asked::new(4).trace).contains_key("POST /v1/moves"));
    let collectors = ("the collector's key", COLLECTOR_KEY.to_owned());
    for (what, secret) in canaries(&world).into_iter().chain([collectors]) {
        assert!(!sent.contains(&secret), "{what} is in a trace");
        assert!(!world.log().contains(&secret), "{what} is in the log");
    }
}
