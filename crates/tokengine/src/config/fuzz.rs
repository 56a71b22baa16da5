//! The configuration file as it must never be, too: it comes from a person.

use std::time::Duration;

use tokengine_fuzz::{Budget, Corpus, Shape, Target, run};

use super::*;

const SMALL: &str = r#"
[[key]]
name = "hot"
private-key = { file = "hot" }
[[token]]
id = "eth"
decimals = 18
[[network]]
id = "eip155:1"
nodes = [{ name = "a", url = "http://127.0.0.1:1" }]
[[wallet]]
network = "eip155:1"
role = "hot"
key = "hot"
[[asset]]
id = "eip155:1/slip44:60"
token = "eth"
decimals = 18
fees = { success = "0.1", failure = "0.1" }
finality = [{ level = 2 }]
"#;

struct File;

impl Target for File {
    fn name(&self) -> &'static str {
        "config"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        // Without their comments: what says nothing is not worth mutating.
        let bare = |text: &str| {
            let said = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            said.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
        };
        let whole = [TEMPLATE, include_str!("../../../../examples/two-networks.toml"), SMALL, ""].map(bare);
        // A client is made for every node of a good network, which takes time: single sections go through much faster.
        let text = String::from_utf8_lossy(&whole[0]).replace("\n[", "\n\n[");
        let sections = text.split("\n\n").map(|section| section.as_bytes().to_vec());
        whole.iter().cloned().chain(sections).collect()
    }

    fn shape(&self) -> Shape {
        Shape::Text
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "[engine]\n",
            "[[network]]\n",
            "[[asset]]\n",
            "[[wallet]]\n",
            "[[key]]\n",
            "id = ",
            "nodes = [",
            "{ env = \"A\" }",
            "{ file = \"a\" }",
            "finality = [{ level = \"safe\" }]",
            "1e400",
            "9223372036854775807",
            "1979-05-27T07:32:00Z",
            "'''",
            "\"\"\"",
        ]
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
        let lines = text.lines().count() + 1;
        let source = Source { name: "t.toml".into(), text: text.to_owned() };
        let layers = Layers { source, env: BTreeMap::new(), flags: Vec::new(), asks_nodes: true };
        match Config::read(&layers, Path::new("/nowhere")) {
            Ok(config) => format!("{} networks", config.networks.len().min(3)),
            Err(mistakes) => {
                assert!(!mistakes.is_empty(), "refused without a reason");
                for mistake in &mistakes {
                    let mut place = mistake.place.strip_prefix("t.toml:").unwrap_or_default().split(':');
                    if let Some(line) = place.next().and_then(|line| line.parse::<usize>().ok()) {
                        assert!((1..=lines).contains(&line), "{mistake} in a file of {lines} lines");
                    }
                }
                let mut codes: Vec<&str> = mistakes.iter().map(|mistake| mistake.code).collect();
                codes.sort_unstable();
                codes.dedup();
                codes.join(" ")
            }
        }
    }
}

#[test]
fn fuzzed_no_configuration_is_refused_without_a_place_or_panics() {
    let number = |variable: &str| std::env::var(variable).ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(number("TOKENGINE_FUZZ_SECONDS").unwrap_or(4));
    let budget = Budget { time, seed: number("TOKENGINE_FUZZ_SEED").unwrap_or(20_260_301) };
    let report = run(&mut File, &Corpus::of("config"), budget).expect("the corpus can be read");
    println!("{report}");
    assert!(report.findings.is_empty() && report.answers > 5, "{report}");
}
