//! Who may import whom. The folders are the architecture, so an arrow that is not in this table is a mistake.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::metadata::{Metadata, Package};

/// Each package of ours and what it may import. What those may import it may import too.
const ARROWS: &[(&str, &[&str])] = &[
    ("tokengine-caip", &[]),
    ("tokengine-core", &["tokengine-caip"]),
    ("tokengine-journal", &[]),
    ("tokengine-engine", &["tokengine-core", "tokengine-journal"]),
    ("tokengine-keys", &["tokengine-caip", "tokengine-core"]),
    ("tokengine-chain", &["tokengine-caip", "tokengine-core", "tokengine-keys"]),
    ("tokengine-workers", &["tokengine-engine", "tokengine-chain"]),
    ("tokengine-store", &["tokengine-core"]),
    ("tokengine-bus", &["tokengine-core", "tokengine-engine"]),
    ("tokengine-api", &["tokengine-engine", "tokengine-store", "tokengine-chain", "tokengine-keys"]),
    (
        "tokengine-sim",
        &[
            "tokengine-caip",
            "tokengine-core",
            "tokengine-engine",
            "tokengine-journal",
            "tokengine-keys",
            "tokengine-workers",
            "tokengine-chain",
        ],
    ),
    ("tokengine-testkit", &["tokengine-caip"]),
    // The binary wires everything; the demo starts its own networks with the test kit.
    (
        "tokengine",
        &[
            "tokengine-workers",
            "tokengine-store",
            "tokengine-bus",
            "tokengine-api",
            "tokengine-sim",
            "tokengine-testkit",
        ],
    ),
    (
        "tokengine-bench",
        &["tokengine", "tokengine-workers", "tokengine-store", "tokengine-bus", "tokengine-api", "tokengine-testkit"],
    ),
    (
        "tokengine-fuzz",
        &[
            "tokengine-core",
            "tokengine-journal",
            "tokengine-chain",
            "tokengine-store",
            "tokengine-api",
            "tokengine-keys",
        ],
    ),
    // Installs the peers.
    ("xtask", &["tokengine-testkit"]),
];

/// What nothing of ours imports, not even a test.
const NOT_IMPORTED: &[&str] = &["tokengine", "tokengine-bench", "xtask"];

/// What any test may import.
const FOR_TESTS: &[&str] = &["tokengine-testkit", "tokengine-fuzz"];

/// Holds the table against the manifests.
pub(crate) fn check(metadata: &Metadata) -> Result<()> {
    let packages: Vec<&Package> = metadata.ours().collect();
    let wrong = violations(&packages);
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("imports that the architecture does not have:\n  {}", wrong.join("\n  "))
}

fn violations(packages: &[&Package]) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in packages {
        let Some(allowed) = reachable(&package.name) else {
            wrong.push(format!("{} is not in the table of xtask/src/arrows.rs", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| ours.contains(dependency.name.as_str())) {
            let name = dependency.name.as_str();
            let for_tests = dependency.is_dev && (FOR_TESTS.contains(&name) || name == package.name);
            let is_bench = package.name == "tokengine-bench" && name == "tokengine";
            if NOT_IMPORTED.contains(&name) && !is_bench {
                wrong.push(format!("{} -> {name}: nothing imports that", package.name));
            } else if !for_tests && !allowed.contains(name) {
                wrong.push(format!("{} -> {name}", package.name));
            }
        }
    }
    wrong
}

/// Everything that the table lets a package import, directly or through others.
fn reachable(name: &str) -> Option<BTreeSet<&'static str>> {
    let direct = |name: &str| ARROWS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    let mut found = BTreeSet::new();
    let mut open = direct(name)?.to_vec();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(direct(next).unwrap_or_default());
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    #[test]
    fn the_workspace_has_no_other_imports() {
        check(&Metadata::read().expect("cargo knows the workspace")).expect("the table holds");
    }

    #[test]
    fn an_arrow_that_is_not_in_the_table_is_found() {
        let package = |name: &str, to: &str, is_dev| Package {
            name: name.to_owned(),
            dependencies: vec![Dependency { name: to.to_owned(), is_dev }],
            ..Package::default()
        };
        for (from, to, is_dev, fine) in [
            ("tokengine-engine", "tokengine-journal", false, true),
            ("tokengine-engine", "serde_json", false, true),
            ("tokengine-workers", "tokengine-caip", false, true), // through others
            ("tokengine-engine", "tokengine-testkit", true, true),
            ("tokengine-engine", "tokengine-testkit", false, false),
            ("tokengine-journal", "tokengine-core", false, false),
            ("tokengine-journal", "tokengine-core", true, false),
            ("tokengine-core", "tokengine-chain", false, false),
            ("tokengine-core", "tokengine", true, false),
            ("tokengine-sim", "tokengine-bench", true, false),
            ("tokengine-unheard-of", "serde_json", false, false),
        ] {
            let (from_package, to_package) =
                (package(from, to, is_dev), Package { name: to.into(), ..Default::default() });
            let others =
                if to.starts_with("tokengine") { vec![&from_package, &to_package] } else { vec![&from_package] };
            assert_eq!(violations(&others).is_empty(), fine, "{from} -> {to}, dev: {is_dev}");
        }
    }

    #[test]
    fn the_table_has_no_circle() {
        for (name, _) in ARROWS {
            assert!(!reachable(name).expect("is in the table").contains(name), "{name}");
        }
    }
}
