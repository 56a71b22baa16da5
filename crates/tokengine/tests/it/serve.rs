//! The engine as a process: its start, its probes, its end, and its start again.

use crate::program::{Ran, command, get, run};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;
use tokengine_testkit::{Anvil, AnvilOptions, Process, TempDir, free_port, wait_for};

/// A debug build on a loaded machine; longer is a fault.
const PATIENCE: Duration = Duration::from_secs(60);

struct Place {
    folder: TempDir,
    doors: u16,
    health: u16,
}

impl Place {
    fn new(networks: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let port = || free_port().expect("there is one");
        let place = Self { folder, doors: port(), health: port() };
        place.configure(networks, 18);
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn configure(&self, networks: &[(&str, &str)], decimals: u8) {
        let mut text = format!(
            "[engine]\nsegment_mib = 1\nreserve_mib = 1\n[api]\nlisten = \"127.0.0.1:{}\"\nhealth_listen = \"127.0.0.1:{}\"\n\
             [telemetry]\nlog = \"json\"\n[[key]]\nname = \"hot\"\nprivate-key = {{ file = \"hot\" }}\n\
             [[token]]\nid = \"eth\"\ndecimals = {decimals}\n",
            self.doors, self.health
        );
        for (id, url) in networks {
            text += &format!(
                "[[network]]\nid = \"{id}\"\nnodes = [{{ name = \"node\", url = \"{url}\", timeout_ms = 500 }}]\npoll_ms = 50\n\
                 [[wallet]]\nnetwork = \"{id}\"\nrole = \"hot\"\nkey = \"hot\"\n\
                 [[asset]]\nid = \"{id}/slip44:60\"\ntoken = \"eth\"\ndecimals = {decimals}\n"
            );
        }
        fs::write(self.path().join("tokengine.toml"), text).expect("it can be written");
        let key = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
        fs::write(self.path().join("hot"), key).expect("it can be written");
    }

    fn serve(&self) -> Process {
        self.serve_with(&[])
    }

    fn serve_with(&self, env: &[(&str, &str)]) -> Process {
        let log = self.path().join("serve.log");
        let mut command = command(self.path());
        command.arg("serve").envs(env.iter().copied());
        Process::spawn("tokengine", &mut command, &log).expect("it can be started")
    }

    fn ready(&self, process: &Process) -> Value {
        let ready = wait_for("the engine to be ready", PATIENCE, || {
            get(self.health, "/readyz").filter(|(status, _)| *status == 200).map(|(_, body)| body)
        });
        let body = ready.unwrap_or_else(|error| panic!("{error}\n{}", process.log_tail()));
        serde_json::from_str(&body).expect("it is JSON")
    }

    fn stop(&self, mut process: Process) {
        let status = process.terminate(PATIENCE);
        assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", process.log_tail());
    }

    fn run(&self, words: &[&str]) -> Ran {
        run(self.path(), words)
    }
}

#[test]
fn it_starts_in_order_tells_how_it_is_and_drains_on_sigterm() {
    let anvil = Anvil::start(AnvilOptions::default()).expect("a node");
    let networks = [("eip155:31337", anvil.url())];
    let place = Place::new(&networks);
    let engine = place.serve();
    place.ready(&engine);

    let (status, body) = get(place.health, "/startupz").expect("it answers");
    let started: Value = serde_json::from_str(&body).expect("it is JSON");
    let stages: Vec<&str> =
        started["stages"].as_array().expect("a list").iter().filter_map(|stage| stage["stage"].as_str()).collect();
    let order = ["health port", "journal", "configuration", "read model", "networks", "doors"];
    assert_eq!((status, stages), (200, order.to_vec()));
    assert_eq!(get(place.health, "/livez").map(|(status, _)| status), Some(200));

    let missing = || {
        let (_, metrics) = get(place.health, "/metrics").expect("it answers");
        let head = "chain_head_blocks{network=\"eip155:31337\"}";
        let names = [head, "build_info", "solvency_delta", "hot_wallet_balance", "rpc_requests_total"];
        let names = names.into_iter().chain(["journal_durable_position", "outbox_lag_seconds", "nonce_gap"]);
        names.filter(|name| !metrics.contains(&format!("tokengine_{name}"))).collect::<Vec<_>>()
    };
    let measured = wait_for("the metrics", PATIENCE, || missing().is_empty().then_some(()));
    measured.unwrap_or_else(|error| panic!("{error}: {:?} are not there", missing()));
    let doors = get(place.doors, "/v1/networks").expect("the doors answer");
    assert!(doors.0 == 200 && doors.1.contains("eip155:31337"), "{doors:?}");

    // One process has the folder at a time.
    let second = place.run(&["keys", "api-key", "--name", "x", "--scopes", "all", "--json"]);
    assert_eq!((second.code, second.json()["error"]["code"].as_str()), (Some(6), Some("journal-locked")), "{second:?}");
    let again = place.run(&["serve", "--json"]);
    let told = (again.code, again.json()["error"]["code"].as_str().map(str::to_owned));
    assert_eq!(told, (Some(6), Some("journal-locked".into())), "rather than that its ports are taken: {again:?}");
    // A backup does not mind.
    assert_eq!(place.run(&["backup", "copy"]).code, Some(0));

    place.stop(engine);
    let verified = place.run(&["verify", "--json"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");

    // What is in use does not change; every difference is told, and nothing is started.
    place.configure(&networks, 6);
    let refused = place.run(&["serve", "--json"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let told = refused.json()["error"]["details"].to_string();
    assert!(told.contains("token-decimals-changed") && told.contains("asset-decimals-changed"), "{told}");
    let after = place.run(&["verify", "--json"]);
    assert_eq!(after.json()["position"], verified.json()["position"], "nothing was written");

    place.configure(&networks, 18);
    let engine = place.serve();
    place.ready(&engine);
    place.stop(engine);
}

#[test]
fn a_dead_network_takes_nothing_else_down() {
    let anvil = Anvil::start(AnvilOptions::default()).expect("a node");
    let dead = format!("http://127.0.0.1:{}", free_port().expect("there is one"));
    let place = Place::new(&[("eip155:31337", anvil.url()), ("eip155:5", &dead)]);
    let engine = place.serve();
    place.ready(&engine);
    let lives = wait_for("the network that lives", PATIENCE, || {
        let networks = place.ready(&engine)["networks"].as_array().cloned()?;
        let reachable = |id: &str| networks.iter().any(|n| n["network"] == id && n["reachable"] == true);
        (reachable("eip155:31337") && !reachable("eip155:5")).then_some(())
    });
    lives.unwrap_or_else(|error| panic!("{error}\n{}", engine.log_tail()));
    place.stop(engine);
}

#[test]
fn the_books_survive_a_kill() {
    let anvil = Anvil::start(AnvilOptions::default()).expect("a node");
    let place = Place::new(&[("eip155:31337", anvil.url())]);
    let mut engine = place.serve();
    place.ready(&engine);
    engine.kill();
    drop(engine);
    let engine = place.serve();
    place.ready(&engine);
    place.stop(engine);
    assert_eq!(place.run(&["verify"]).code, Some(0));
}

#[test]
fn traces_are_sent_where_the_configuration_says() {
    // A collector, as far as the protocol asks for one: it takes one POST and says 200.
    let collector = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}/v1/traces", collector.local_addr().expect("it has one"));
    let taken = std::thread::spawn(move || {
        let (mut stream, _) = collector.accept().expect("somebody comes");
        stream.set_read_timeout(Some(PATIENCE)).expect("it can be set");
        let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
        let wanted = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            let (head, _) = text.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.trim().parse::<usize>();
            let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
            Some(at + 4 + length.ok()?)
        };
        while wanted(&bytes).is_none_or(|whole| bytes.len() < whole) {
            let read = stream.read(&mut piece).expect("it sends all of it");
            assert_ne!(read, 0, "it ended half way");
            bytes.extend(&piece[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("it listens");
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let place = Place::new(&[]);
    let engine = place.serve_with(&[("TOKENGINE_TELEMETRY__OTLP_ENDPOINT", &endpoint)]);
    place.ready(&engine);
    assert_eq!(get(place.doors, "/v1/tokens").map(|(status, _)| status), Some(200));
    // What is not sent yet is sent at the end.
    place.stop(engine);
    let sent = taken.join().expect("it was taken");
    assert!(sent.starts_with("POST /v1/traces ") && sent.contains("application/x-protobuf"), "{sent}");
    for word in ["service.name", "tokengine", "request", "/v1/tokens"] {
        assert!(sent.contains(word), "{word} is not in {sent:?}");
    }
}
