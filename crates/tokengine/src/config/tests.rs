//! What is read, and how mistakes are told.

use super::*;

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, Vec<Mistake>> {
    let source = Source { name: "t.toml".into(), text: text.into() };
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::read(&Layers { source, env, flags: Vec::new() }, Path::new("/base"))
}

fn mistakes(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    let refused = read(text, env).err().expect("there are mistakes in it");
    refused.iter().map(|mistake| format!("{} {}", mistake.place, mistake.code)).collect()
}

#[test]
fn the_template_is_a_good_configuration() {
    let config = read(TEMPLATE, &[]).map_err(|mistakes| format!("{mistakes:?}")).expect("no mistakes");
    assert_eq!((config.networks.len(), config.wallets.len(), config.assets.len()), (2, 4, 4));
    assert_eq!(config.engine.data, Path::new("/base/data"));
    assert_eq!(config.assets[2].rules.finality.len(), 2);
    assert_eq!(config.networks[1].rules.fees.cap, 20_000_000_000);
}

#[test]
fn an_empty_file_is_all_defaults_on_loopback() {
    let config = read("", &[]).map_err(|mistakes| format!("{mistakes:?}")).expect("no mistakes");
    assert!(config.api.listen.ip().is_loopback() && config.api.health_listen.ip().is_loopback());
    assert_eq!(config.api.page, PageAccess::Login);
    assert!(config.shown.iter().all(|shown| shown.origin == "default"));
}

#[test]
fn every_mistake_is_told_at_once_and_where() {
    let text = r#"
[engine]
segment_mib = 0
colour = "red"

[api]
listen = "here"
page = "always"

[[network]]
id = "eip155:0x1"
nodes = []

[[network]]
id = "eip155:1"
nodes = [{ name = "a", url = "http://127.0.0.1:1" }]
nodes_required = 2
payout_finality = 0

[[wallet]]
network = "eip155:5"
role = "hot"
key = "nobody"

[[token]]
id = "usd"
decimals = 2

[[asset]]
id = "eip155:1/slip44:60"
token = "usd"
decimals = 3

[unheard]
x = 1
"#;
    assert_eq!(
        mistakes(text, &[("TOKENGINE_API__LISTENN", "x"), ("TOKENGINE_PEERS", "fine")]),
        [
            "t.toml:3:15 config-value",
            "t.toml:4:1 config-unknown-key",
            "t.toml:7:10 config-value",
            "t.toml:8:8 config-value",
            "t.toml:11:6 config-value",
            "t.toml:12:9 config-nodes",
            "t.toml:14:1 config-nodes",
            "t.toml:18:19 config-value",
            "t.toml:29:1 asset-finer-than-token",
            "t.toml:34:2 config-unknown-section",
            "environment variable TOKENGINE_API__LISTENN config-unknown-variable",
        ]
    );
}

#[test]
fn references_are_checked_when_all_parts_can_be_read() {
    let text = r#"
[deposits]
key = "hot"
[[key]]
name = "hot"
private-key = { env = "X" }
[[key]]
name = "hot"
private-key = { env = "Y" }
[[network]]
id = "eip155:1"
nodes = [{ name = "a", url = "http://127.0.0.1:1" }]
[[wallet]]
network = "eip155:1"
role = "hot"
key = "nobody"
[[wallet]]
network = "eip155:2"
role = "cold"
address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
"#;
    assert_eq!(
        mistakes(text, &[]),
        [
            "t.toml:3:7 config-key-kind",
            "t.toml:7:1 config-duplicate",
            "t.toml:10:1 config-no-coin",
            "t.toml:13:1 config-unknown-reference",
            "t.toml:17:1 config-unknown-reference",
        ]
    );
}

#[test]
fn broken_syntax_is_told_with_its_place_and_without_its_text() {
    let refused = read("[api]\nlisten = hunter2-secret\npage = \"open\n", &[]).err().expect("it is broken");
    assert!(refused.iter().all(|mistake| mistake.code == "config-syntax"), "{refused:?}");
    assert!(refused[0].place.starts_with("t.toml:2:"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("hunter2"));
}

#[test]
fn a_secret_in_the_wrong_place_is_never_repeated() {
    for text in [
        "[[key]]\nname = \"a\"\nprivate-key = \"hunter2\"\n",
        "[[key]]\nname = \"a\"\nprivate-key = { env = 1, hunter2 = 5 }\n",
        "[[key]]\nname = \"hunter2 is my password\"\n",
        "[[key]]\nname = \"a\"\nkeystore = \"x\"\npassword = \"hunter2\"\n",
        "[[key]]\nname = \"a\"\naccount = \"hunter2\"\n",
        "[[key]]\nname = \"a\"\nxpub = \"hunter2\"\n",
        "[[key]]\nname = \"a\"\nmnemonic = { file = \"m\" }\npath = \"hunter2\"\n",
        "[[key]]\nname = \"a\"\nstage = \"hunter2\"\n",
        "[[key]]\nname = \"a\"\nremote = { url = \"hunter2\", timeout-ms = \"hunter2\" }\n",
        "[[network]]\nid = \"eip155:1\"\nnodes = [{ name = \"a\", url = \"hunter2\" }]\n",
        "[[network]]\nid = \"hunter2\"\nnodes = [{ name = \"a\", url = \"http://hunter2\" }]\n",
        "[[token]]\nid = \"hunter2 hunter2\"\ndecimals = 2\n",
        "[telemetry]\notlp_endpoint = \"hunter2\"\nlevel = \"hunter2=hunter2\"\n",
    ] {
        let refused = read(text, &[]).err().unwrap_or_else(|| panic!("{text} is refused"));
        let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
        assert!(!format!("{refused:?} {told:?}").contains("hunter2"), "{told:?}");
    }
}

#[test]
fn the_environment_is_over_the_file_and_flags_are_over_both() {
    let text = "[engine]\ndata = \"file\"\nsegment_mib = 1\n[[network]]\nid = \"eip155:1\"\nnodes = [{ name = \"a\", url = \"http://127.0.0.1:1/key\" }]\n";
    let source = Source { name: "t.toml".into(), text: text.into() };
    let variables = [
        ("TOKENGINE_ENGINE__DATA", "env"),
        ("TOKENGINE_ENGINE__SEGMENT_MIB", "2"),
        ("TOKENGINE_NETWORK__EIP155_1__REORG_DEPTH", "7"),
        ("TOKENGINE_NETWORK__EIP155_1__MAX_FEE_GWEI", "9"),
    ];
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let flags = vec![("engine.data", "--data", "flag".to_owned())];
    let config = Config::read(&Layers { source, env, flags }, Path::new("/base"));
    let config = config.map_err(|mistakes| format!("{mistakes:?}")).expect("no mistakes");
    assert_eq!(config.engine.data, Path::new("/base/flag"));
    assert_eq!((config.engine.segment_bytes, config.networks[0].policy.reorg_depth), (2 << 20, 7));
    assert_eq!(config.networks[0].rules.fees.cap, 9_000_000_000);
    let origin = |key: &str| config.shown.iter().find(|shown| shown.key == key).map(|shown| shown.origin);
    assert_eq!(origin("engine.data"), Some("flag"));
    assert_eq!(origin("engine.segment_mib"), Some("env"));
    assert_eq!(origin("network.eip155:1.nodes"), Some("file"));
    assert_eq!(origin("engine.reserve_mib"), Some("default"));
    let printed = serde_json::to_string(&config.shown).expect("it is JSON");
    assert!(!printed.contains("http://127.0.0.1:1/key") && printed.contains("(hidden)"), "{printed}");
}
