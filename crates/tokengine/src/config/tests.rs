//! What is read, and how mistakes are told.

use tokengine_chain::FinalHead;

use super::*;

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, Vec<Mistake>> {
    let source = Source { name: "t.toml".into(), text: text.into() };
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::read(&Layers { source, env, flags: Vec::new(), asks_nodes: true }, Path::new("/base"))
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
reserve_mib = 9999999
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
            "t.toml:4:15 config-value",
            "t.toml:5:1 config-unknown-key",
            "t.toml:8:10 config-value",
            "t.toml:9:8 config-value",
            "t.toml:12:6 config-value",
            "t.toml:13:9 config-nodes",
            "t.toml:15:1 config-nodes",
            "t.toml:19:19 config-value",
            "t.toml:22:11 config-unknown-reference",
            "t.toml:24:7 config-unknown-reference",
            "t.toml:30:1 asset-finer-than-token",
            "t.toml:35:2 config-unknown-section",
            "environment variable TOKENGINE_API__LISTENN config-unknown-variable",
        ]
    );
}

#[test]
fn references_are_checked_over_what_can_be_read() {
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
            "t.toml:16:7 config-unknown-reference",
            "t.toml:18:11 config-unknown-reference",
        ]
    );
    let unreadable = text.replace("name = \"hot\"\nprivate-key = { env = \"Y\" }", "name = \"hot\"\nstage = \"old\"");
    let unreadable = unreadable.replace("127.0.0.1:1\" }]", "127.0.0.1:1\" }]\nreorg_depth = 0");
    assert_eq!(
        mistakes(&unreadable, &[]),
        [
            "t.toml:3:7 config-key-kind",
            "t.toml:7:1 config-duplicate",
            "t.toml:9:9 config-value",
            "t.toml:10:1 config-no-coin",
            "t.toml:13:15 config-value",
            "t.toml:17:7 config-unknown-reference",
            "t.toml:19:11 config-unknown-reference",
        ]
    );
}

/// A working configuration, but for what each case adds or replaces.
const WORKING: &str = r#"
[deposits]
key = "all"
[[key]]
name = "all"
xpub = "xpub6BosfCnifzxcFwrSzQiqu2DBVTshkCXacvNsWGYJVVhhawA7d4R5WSWGFNbi8Aw6ZRc1brxMyWMzG3DSSSSoekkudhUd9yLb6qx39T9nMdj"
[[key]]
name = "one"
private-key = { env = "X" }
[[key]]
name = "two"
private-key = { env = "Y" }
[[network]]
id = "eip155:1"
nodes = [{ name = "a", url = "http://127.0.0.1:1" }]
[[wallet]]
network = "eip155:1"
role = "hot"
key = "one"
[[wallet]]
network = "eip155:1"
role = "gas"
key = "two"
[[token]]
id = "eth"
decimals = 18
[[token]]
id = "usd"
decimals = 6
[[asset]]
id = "eip155:1/slip44:60"
token = "eth"
decimals = 18
[[asset]]
id = "eip155:1/erc20:0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
token = "usd"
decimals = 6
"#;

#[test]
fn what_cannot_be_read_is_one_mistake_and_not_also_a_wrong_reference() {
    read(WORKING, &[]).map_err(|mistakes| format!("{mistakes:?}")).expect("no mistakes");
    for (case, part, wrong, told) in [
        ("a token's decimals", "id = \"usd\"\ndecimals = 6", "id = \"usd\"\ndecimals = 99", "config-value"),
        ("a token's name", "id = \"usd\"", "id = \"u s d\"", "config-value"),
        ("a token without a name", "id = \"usd\"\n", "", "config-missing-key"),
        (
            "a network's depth",
            "[[wallet]]\nnetwork = \"eip155:1\"\nrole = \"hot\"",
            "reorg_depth = 0\n[[wallet]]\nnetwork = \"eip155:1\"\nrole = \"hot\"",
            "config-value",
        ),
        ("a network's id", "\"eip155:1\"\nnodes", "\"eip155:0x1\"\nnodes", "config-value"),
        ("a key's name", "name = \"one\"", "name = \"o n e\"", "config-value"),
        ("a key without a name", "name = \"one\"\n", "", "config-missing-key"),
        ("a key's name of another type", "name = \"one\"", "name = 1", "config-type"),
        ("a key's stage", "name = \"all\"", "name = \"all\"\nstage = \"old\"", "config-value"),
        ("the gas wallet's role", "role = \"gas\"", "role = \"petrol\"", "config-value"),
        ("the gas wallet's network", "\"eip155:1\"\nrole = \"gas\"", "\"eip155\"\nrole = \"gas\"", "config-value"),
        ("the gas wallet's key", "key = \"two\"", "key = \"t w o\"", "config-value"),
        ("the coin's id", "eip155:1/slip44:60", "eip155:1/slip44", "config-value"),
        ("the coin's decimals", "token = \"eth\"\ndecimals = 18", "token = \"eth\"\ndecimals = 99", "config-value"),
        ("the family for deposits", "key = \"all\"", "key = \"a l l\"", "config-value"),
    ] {
        assert_eq!(WORKING.matches(part).count(), 1, "{case}");
        let codes = |text: &str| -> Vec<&str> {
            let refused = read(text, &[]).err().unwrap_or_else(|| panic!("{case} is refused"));
            refused.iter().map(|mistake| mistake.code).collect()
        };
        assert_eq!(codes(&WORKING.replace(part, wrong)), [told], "{case}");
    }
}

#[test]
fn amounts_wait_for_decimals_and_all_else_in_an_asset_is_told() {
    let text = WORKING.replace("id = \"usd\"\ndecimals = 6", "id = \"usd\"\ndecimals = 99");
    let text =
        text + "payouts = 1\nmin_payout = \"x\"\nfees = { success = \"x\", success_bps = 20000 }\nfinality = []\n";
    let first = WORKING.lines().count() + 1;
    let told: Vec<String> = mistakes(&text, &[]);
    let at = |line: usize, column: usize, code: &str| format!("t.toml:{line}:{column} {code}");
    let wanted = [
        at(29, 12, "config-value"),
        at(first, 11, "config-type"),
        at(first + 1, 14, "config-value"),
        at(first + 2, 8, "config-value"),
        at(first + 2, 20, "config-value"),
        at(first + 3, 12, "config-finality"),
    ];
    assert_eq!(told, wanted, "what is no number under any decimals is told too");
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
    let config = Config::read(&Layers { source, env, flags, asks_nodes: true }, Path::new("/base"));
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

#[test]
fn a_misspelt_section_is_one_mistake_and_so_is_a_misspelt_key() {
    for (case, part, wrong) in [
        ("a key's section", "[[key]]\nname = \"one\"", "[[keys]]\nname = \"one\""),
        ("all of a section", "[[token]]", "[[tokens]]"),
        ("letters that changed places", "[[network]]", "[[netwrok]]"),
        ("the wallet that pays for sweeping", "[[wallet]]", "[[walet]]"),
        ("a required key", "name = \"two\"", "nmae = \"two\""),
        ("another", "decimals = 6\n[[asset]]", "decimal = 6\n[[asset]]"),
    ] {
        let text = WORKING.replace(part, wrong);
        assert_ne!(text, WORKING, "{case}");
        let refused = read(&text, &[("TOKENGINE_KEY__ONE__STAGE", "active")]).err();
        let mut codes: Vec<&str> = refused.unwrap_or_default().iter().map(|mistake| mistake.code).collect();
        // A section that occurs twice is told twice, and a variable for a key that is there is none.
        codes.dedup();
        let wanted = if wrong.starts_with('[') { "config-unknown-section" } else { "config-unknown-key" };
        assert_eq!(codes, [wanted], "{case}");
    }
    let told = read("[[keys]]\nname = \"one\"\n", &[]).err().unwrap_or_default();
    assert!(told[0].text.contains("is it [[key]]?"), "{told:?}");
}

#[test]
fn a_node_whose_name_or_url_cannot_be_read_hides_no_other_mistake() {
    let text = WORKING.replace(
        "nodes = [{ name = \"a\", url = \"http://127.0.0.1:1\" }]",
        "nodes = [{ name = 1, url = { file = \"/nowhere/url\" }, timeout_ms = 0, traces = 2 }, { batch = 0 }]",
    );
    let told = read(&text, &[]).err().unwrap_or_default();
    let places: Vec<String> = told.iter().map(|mistake| format!("{} {}", mistake.place, mistake.code)).collect();
    let line = 1 + text.lines().position(|line| line.contains("nodes")).expect("it is there");
    assert!(places.iter().all(|place| place.starts_with(&format!("t.toml:{line}:"))), "{places:?}");
    let codes: Vec<&str> = told.iter().map(|mistake| mistake.code).collect();
    assert_eq!(
        codes,
        [
            "config-value",
            "config-secret",
            "config-value",
            "config-value",
            "config-missing-key",
            "config-missing-key",
            "config-value"
        ],
        "{told:?}"
    );
}

#[test]
fn a_payout_is_not_final_before_a_reorganisation_is_extraordinary() {
    let with = |more: &str| {
        WORKING.replace(
            "[[wallet]]\nnetwork = \"eip155:1\"\nrole = \"hot\"",
            &format!("{more}\n[[wallet]]\nnetwork = \"eip155:1\"\nrole = \"hot\""),
        )
    };
    for (case, more, told) in [
        ("as deep", "reorg_depth = 8\npayout_finality = 8", None),
        ("one block less", "reorg_depth = 8\npayout_finality = 7", Some("config-finality")),
        ("against the default depth", "payout_finality = 12", Some("config-finality")),
        ("what the network itself calls final", "reorg_depth = 8\npayout_finality = \"safe\"", None),
    ] {
        let told_now = read(&with(more), &[]).err().map(|mistakes| mistakes[0].code);
        assert_eq!(told_now, told, "{case}");
    }
    let play = read(&with("payout_finality = 1\ndevelopment = true"), &[]).map_err(|mistakes| format!("{mistakes:?}"));
    let warnings: Vec<String> = play.expect("play money").warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("config-finality"), "{warnings:?}");
}

#[test]
fn where_nodes_tell_no_finalized_head_the_configured_depth_is_the_deeper_of_two() {
    let with = |more: &str| {
        let text = WORKING.replace(
            "[[wallet]]\nnetwork = \"eip155:1\"\nrole = \"hot\"",
            &format!("{more}\n[[wallet]]\nnetwork = \"eip155:1\"\nrole = \"hot\""),
        );
        read(&text, &[]).map(|config| config.networks[0].finality).map_err(|mistakes| mistakes[0].code)
    };
    for (more, expected) in [
        ("", Ok(FinalHead::Told)),
        ("finalized = \"node\"", Ok(FinalHead::Told)),
        ("finalized = \"depth\"\nreorg_depth = 8", Ok(FinalHead::Depth(8))),
        ("finalized = \"depth\"\nreorg_depth = 8\npayout_finality = 12", Ok(FinalHead::Depth(12))),
        ("finalized = \"never\"", Err("config-value")),
    ] {
        assert_eq!(with(more), expected, "{more}");
    }
}

#[test]
fn a16_a17_other_faces_of_an_asset_are_no_assets() {
    const FACE: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
    let face = format!("aliases = [\"{FACE}\"]\n");
    let config = read(&(WORKING.to_owned() + &face), &[]).map_err(|mistakes| format!("{mistakes:?}"));
    let aliases = config.expect("no mistakes").assets[1].aliases.clone();
    assert_eq!(aliases.iter().map(tokengine_core::Address::as_str).collect::<Vec<_>>(), [FACE]);
    let listed = format!("[[asset]]\nid = \"eip155:1/erc20:{FACE}\"\ntoken = \"usd\"\ndecimals = 6\n");
    let own = "aliases = [\"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"]\n";
    let coin = "token = \"eth\"\ndecimals = 18\n";
    for (case, text, count) in [
        ("an alias is listed as well", format!("{WORKING}{face}{listed}"), 1),
        ("the ERC-20 face of a coin is", WORKING.replace(coin, &format!("{coin}{face}")) + &listed, 1),
        ("it is the asset itself", format!("{WORKING}{own}"), 1),
        ("two assets have it", WORKING.replace(coin, &format!("{coin}{face}")) + &face, 1),
        ("it is no address", format!("{WORKING}aliases = [\"0x1\", 2]\n"), 2),
        ("it is no list", format!("{WORKING}aliases = \"{FACE}\"\n"), 1),
    ] {
        let told = read(&text, &[]).err().unwrap_or_default();
        assert!(told.len() == count && told.iter().all(|mistake| mistake.code == "config-alias"), "{case}: {told:?}");
    }
}

#[test]
fn keys_that_cannot_be_opened_are_told_with_all_other_mistakes_and_where_they_stand() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("t.toml");
    let key = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    std::fs::write(folder.path().join("two"), key).expect("it can be written");
    let text = WORKING
        .replace("private-key = { env = \"X\" }", "private-key = { file = \"gone\" }")
        .replace("private-key = { env = \"Y\" }", "private-key = { file = \"two\" }")
        .replace("key = \"two\"", "key = \"two\"\naddress = \"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\"")
        .replace("id = \"usd\"\ndecimals = 6", "id = \"usd\"\ndecimals = 99");
    std::fs::write(&file, &text).expect("it can be written");
    let told = Config::open(&file, Vec::new()).err().unwrap_or_default();
    let at = |part: &str| 1 + text.lines().position(|line| line.contains(part)).expect("it is there");
    let places: Vec<(String, &str)> = told.iter().map(|mistake| (mistake.place.clone(), mistake.code)).collect();
    let place = |line: usize, column: usize| format!("{}:{line}:{column}", file.display());
    assert_eq!(
        places,
        [
            (place(at("name = \"one\"") - 1, 1), "secret-unreadable"),
            (place(at("address =") - 4, 1), "wallet-address-differs"),
            (place(at("decimals = 99"), 12), "config-value"),
        ],
        "{told:?}"
    );
    assert!(told[0].text.contains("gone"), "{told:?}");
}

#[test]
fn a_name_or_decimals_that_cannot_be_read_hide_no_other_mistake() {
    let codes = |text: &str| -> Vec<&str> {
        assert_ne!(text, WORKING);
        read(text, &[]).err().unwrap_or_default().iter().map(|mistake| mistake.code).collect()
    };
    let more = "[[network]]\nid = \"nonsense\"\nnodes = [{ name = \"a\", url = \"http://127.0.0.1:1\" }]\n";
    let wallet = "[[wallet]]\nnetwork = \"eip155:777\"\nrole = \"cold\"\naddress = \"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\"\n";
    let told = codes(&format!("{WORKING}{more}{wallet}"));
    assert_eq!(told, ["config-value", "config-unknown-reference"], "the network's id is not the one that is meant");

    let amounts = "min_deposit = \"a few\"\nmax_deposit = \"1000000000000\"\nmin_payout = \"5.5\"\nmax_payout = \"5.25\"\n\
        fees = { success = \"some\", failure = \"0.5\" }\nfinality = [{ up_to = \"-1\", level = 3 }, { level = 9 }]\n";
    for (case, decimals, first) in [
        ("decimals that are too many", "decimals = 99", "config-value"),
        ("decimals that are none", "decimals = \"six\"", "config-type"),
    ] {
        let at = WORKING.rfind("decimals = 6").expect("the last asset has them");
        let text = format!("{}{decimals}{}{amounts}", &WORKING[..at], &WORKING[at + "decimals = 6".len()..]);
        let told = read(&text, &[]).err().unwrap_or_default();
        let (codes, texts): (Vec<_>, Vec<_>) = told.iter().map(|told| (told.code, told.text.as_str())).unzip();
        assert_eq!(codes.len(), 5, "{case}: {told:?}");
        assert!(codes.contains(&first) && codes.contains(&"config-limits"), "{case}: {told:?}");
        for name in ["min_deposit", "success", "up_to"] {
            assert!(texts.iter().any(|text| text.contains(name)), "{case}: {name}: {told:?}");
        }
    }
}
