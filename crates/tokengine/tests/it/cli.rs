//! Files and exit codes.

use crate::program::{run, run_with};
use std::fs;
use tokengine_testkit::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room")
}

const KEY: (&str, &str) = ("HOT_KEY", "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
const SMALL: &str = r#"
[engine]
segment_mib = 1
reserve_mib = 1

[[key]]
name = "hot"
private-key = { env = "HOT_KEY" }

[[network]]
id = "eip155:31337"
nodes = [{ name = "node", url = "http://user:hunter2@127.0.0.1:1/hunter2" }]

[[wallet]]
network = "eip155:31337"
role = "hot"
key = "hot"

[[token]]
id = "eth"
decimals = 18

[[asset]]
id = "eip155:31337/slip44:60"
token = "eth"
decimals = 18
"#;

#[test]
fn init_writes_a_configuration_that_works_once_its_keys_are_made() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["init"]).code, Some(0));
    let written = fs::read_to_string(folder.path().join("tokengine.toml")).expect("it was written");
    let again = run(folder.path(), &["init", "--json"]);
    assert_eq!((again.code, again.json()["error"]["code"].as_str()), (Some(1), Some("file-exists")));
    assert_eq!(fs::read_to_string(folder.path().join("tokengine.toml")).ok(), Some(written));
    // Its keys are not made yet, and that is told for each.
    let check = run(folder.path(), &["config", "check", "--json"]);
    assert_eq!(check.code, Some(2));
    assert_eq!(check.json()["error"]["details"].as_array().map(Vec::len), Some(3), "{check:?}");
    for words in [&["keys", "new", "hot-1"][..], &["keys", "new", "gas-1"], &["keys", "new", "deposits", "--family"]] {
        let made = run(folder.path(), words);
        assert_eq!(made.code, Some(0), "{words:?}");
        assert!(made.out.contains("Wrote keys/") && !made.out.contains("[[key]]"), "it is configured: {made:?}");
    }
    let other = run(folder.path(), &["keys", "new", "hot-2"]);
    assert!(other.out.contains("To the configuration:\n\n[[key]]\nname = \"hot-2\"\n"), "{other:?}");
    let check = run(folder.path(), &["config", "check"]);
    assert_eq!(check.code, Some(0), "what `init` says to do is all there is to do: {check:?}");
}

#[test]
fn mistakes_are_told_at_once_with_file_line_and_column() {
    let folder = folder();
    let text = "[api]\nlisten = \"nowhere\"\n\n[[token]]\nid = \"usd\"\ndecimals = \"two\"\n";
    fs::write(folder.path().join("bad.toml"), text).expect("it can be written");
    let check = run(folder.path(), &["--config", "bad.toml", "config", "check"]);
    assert_eq!(check.code, Some(2));
    for place in ["bad.toml:2:10: ", "bad.toml:6:12: ", "2 mistakes"] {
        assert!(check.err.contains(place), "{place}: {check:?}");
    }
    let missing = run(folder.path(), &["config", "check", "--json"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.json()["error"]["details"][0].as_str().is_some_and(|line| line.contains("tokengine init")));
    assert_eq!(run(folder.path(), &["serve", "--no-such-flag"]).code, Some(2));
}

#[test]
fn print_tells_origins_and_no_secret() {
    let folder = folder();
    fs::write(folder.path().join("tokengine.toml"), SMALL).expect("it can be written");
    let variable = ("TOKENGINE_ENGINE__RESERVE_MIB", "2");
    let printed = run_with(folder.path(), &["config", "print", "--json"], &[KEY, variable]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(!printed.out.contains("hunter2") && !printed.out.contains(KEY.1), "{printed:?}");
    let values = printed.json();
    let of = |key: &str| {
        let list = values["config"].as_array().expect("a list");
        list.iter().find(|value| value["key"] == key).cloned().unwrap_or_default()
    };
    assert_eq!(
        (of("engine.reserve_mib")["value"].as_i64(), of("engine.reserve_mib")["origin"].as_str()),
        (Some(2), Some("env"))
    );
    assert_eq!(of("engine.segment_mib")["at"], "tokengine.toml:3:15");
    assert_eq!(of("api.listen")["origin"], "default");
    assert_eq!(of("key.hot.private-key")["value"]["env"], "HOT_KEY");
}

#[test]
fn keys_are_made_in_keystores_that_are_never_overwritten() {
    let folder = folder();
    let words = ["keys", "new", "hot-1", "--password-file", "secrets/hot-1", "--make-password", "--json"];
    let made = run(folder.path(), &words);
    assert_eq!(made.code, Some(0), "{made:?}");
    let address = made.json()["address"].as_str().expect("an address").to_owned();
    let keystore = folder.path().join("keys/hot-1.json");
    let before = fs::read(&keystore).expect("it was written");
    let again = run(folder.path(), &["keys", "new", "hot-1"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert_eq!(fs::read(&keystore).expect("it is still there"), before);
    let config = "[[key]]\nname = \"hot-1\"\nkeystore = \"keys/hot-1.json\"\npassword = { file = \"secrets/hot-1\" }\n";
    fs::write(folder.path().join("tokengine.toml"), config).expect("it can be written");
    let found = run(folder.path(), &["keys", "address", "hot-1"]);
    assert_eq!((found.code, found.out.trim()), (Some(0), &*address));
    assert_eq!(run(folder.path(), &["keys", "address", "hot-2"]).code, Some(2));
}

#[test]
fn the_first_api_key_is_made_while_nothing_runs_and_shown_once() {
    let folder = folder();
    fs::write(folder.path().join("tokengine.toml"), SMALL).expect("it can be written");
    let words = ["keys", "api-key", "--name", "admin", "--scopes", "all", "--out", "admin.key", "--json"];
    let made = run_with(folder.path(), &words, &[KEY]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let secret = fs::read_to_string(folder.path().join("admin.key")).expect("it was written");
    assert!(secret.starts_with("tok_") && !made.out.contains(&secret));
    let twice = ["keys", "api-key", "--name", "admin", "--scopes", "all", "--json"];
    let twice = run_with(folder.path(), &twice, &[KEY]);
    assert_eq!((twice.code, twice.json()["error"]["code"].as_str()), (Some(1), Some("already-listed")));
    let unknown = ["keys", "api-key", "--name", "b", "--scopes", "moves:*"];
    assert_eq!(run_with(folder.path(), &unknown, &[KEY]).code, Some(2));

    let verified = run_with(folder.path(), &["verify", "--json"], &[KEY]);
    assert_eq!((verified.code, verified.json()["position"].as_u64()), (Some(0), Some(1)), "{verified:?}");
    let rebuilt = run_with(folder.path(), &["rebuild", "--json"], &[KEY]);
    assert_eq!((rebuilt.code, rebuilt.json()["position"].as_u64()), (Some(0), Some(1)), "{rebuilt:?}");
    let backup = run_with(folder.path(), &["backup", "copy"], &[KEY]);
    assert_eq!(backup.code, Some(0), "{backup:?}");
    assert_eq!(run_with(folder.path(), &["backup", "copy"], &[KEY]).code, Some(2), "never over another backup");
    let restored = run_with(folder.path(), &["restore", "copy", "--data", "other", "--json"], &[KEY]);
    assert_eq!((restored.code, restored.json()["position"].as_u64()), (Some(0), Some(1)), "{restored:?}");

    // One byte of history: the chain of hashes finds it.
    let journal = folder.path().join("data/journal");
    let segment = fs::read_dir(journal).expect("it is there").flatten().map(|entry| entry.path());
    let segment = segment.filter(|path| path.to_string_lossy().contains("0000001")).min().expect("a segment");
    let mut bytes = fs::read(&segment).expect("it can be read");
    let name = bytes.windows(5).position(|window| window == b"admin").expect("the event is in it");
    bytes[name] = b'X';
    fs::write(&segment, bytes).expect("it can be written");
    let damaged = run_with(folder.path(), &["verify", "--json"], &[KEY]);
    assert_eq!(
        (damaged.code, damaged.json()["error"]["code"].as_str()),
        (Some(5), Some("journal-corrupt")),
        "{damaged:?}"
    );
}

#[test]
fn a_client_says_when_nobody_answers() {
    let folder = folder();
    let port = tokengine_testkit::free_port().expect("there is one");
    let url = format!("http://127.0.0.1:{port}");
    let balance = run(folder.path(), &["balance", "alice", "--url", &url, "--json"]);
    assert_eq!((balance.code, balance.json()["error"]["code"].as_str()), (Some(3), Some("unreachable")));
}

#[test]
fn completions_and_the_description_of_the_doors_are_printed() {
    let folder = folder();
    let completions = run(folder.path(), &["completions", "bash"]);
    assert!(completions.code == Some(0) && completions.out.contains("tokengine"));
    let description = run(folder.path(), &["openapi"]);
    assert_eq!(description.json()["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
}

#[test]
fn what_asks_no_node_needs_no_secret_of_a_nodes_url() {
    let folder = folder();
    let config = SMALL.replace("\"http://user:hunter2@127.0.0.1:1/hunter2\"", "{ env = \"NODE_URL_OF_NOBODY\" }");
    assert_ne!(config, SMALL);
    fs::write(folder.path().join("tokengine.toml"), config).expect("it can be written");
    let words = ["keys", "api-key", "--name", "admin", "--scopes", "all", "--out", "admin.key"];
    for (words, env) in [
        (&words[..], &[][..]),
        (&["keys", "address", "hot"], &[KEY]),
        (&["keys", "list"], &[KEY]),
        (&["verify"], &[]),
        (&["rebuild"], &[]),
        (&["backup", "copy"], &[]),
        (&["restore", "copy", "--data", "other"], &[]),
    ] {
        let ran = run_with(folder.path(), words, env);
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
    }
    for words in [&["config", "check"][..], &["serve"]] {
        let ran = run_with(folder.path(), words, &[KEY]);
        assert_eq!(ran.code, Some(2), "{words:?}: {ran:?}");
        assert!(format!("{ran:?}").contains("config-secret"), "{words:?}: {ran:?}");
    }
}
