//! What we build from: licences, sources and banned packages, as `deny.toml` says.
//!
//! The file is cargo-deny's, and `cargo deny check` reads it too. Building that tool takes as long as building the whole
//! project, so the parts of it that need no network are done here, from `cargo metadata`.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result, bail};
use toml::{Table, Value};

use crate::{metadata::Metadata, metadata::Package, spdx, step};

/// The parts of `deny.toml` that are checked here.
#[derive(Debug)]
struct Rules {
    licences: Vec<String>,
    /// Further licences, of one package each.
    exceptions: BTreeMap<String, Vec<String>>,
    registries: Vec<String>,
    /// Banned packages, with the reason.
    banned: BTreeMap<String, String>,
}

/// Checks everything that the workspace uses, on any platform.
pub(crate) fn check(metadata: &Metadata) -> Result<()> {
    let path = step::root().join("deny.toml");
    let text = fs::read_to_string(&path).context("deny.toml cannot be read")?;
    let rules = Rules::parse(&text).context("deny.toml")?;
    let used = metadata.used()?;
    let wrong: Vec<String> = used.iter().flat_map(|package| rules.violations(package)).collect();
    if !wrong.is_empty() {
        bail!("packages that deny.toml does not allow:\n  {}", wrong.join("\n  "));
    }
    let repeated = repeated(&used);
    if !repeated.is_empty() {
        eprintln!("in more than one version (no error, but each is built): {}", repeated.join(", "));
    }
    Ok(())
}

impl Rules {
    fn parse(text: &str) -> Result<Self> {
        let file: Table = text.parse()?;
        let part = |name: &str| file.get(name).and_then(Value::as_table).with_context(|| format!("no [{name}]"));
        let (licences, bans, sources) = (part("licenses")?, part("bans")?, part("sources")?);
        if [sources.get("unknown-registry"), sources.get("unknown-git")] != [Some(&Value::from("deny")); 2] {
            bail!("[sources] must deny unknown registries and git");
        }
        let entries = |table: &Table, key: &str| {
            let list = table.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            list.into_iter().filter_map(|entry| entry.as_table().cloned()).collect::<Vec<_>>()
        };
        let text = |table: &Table, key: &str| {
            table.get(key).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no {key} in {table}"))
        };
        let mut exceptions = BTreeMap::new();
        for entry in entries(licences, "exceptions") {
            exceptions.insert(text(&entry, "crate")?, strings(&entry, "allow")?);
        }
        let mut banned = BTreeMap::new();
        for entry in entries(bans, "deny") {
            banned.insert(text(&entry, "crate")?, text(&entry, "reason")?);
        }
        Ok(Self {
            licences: strings(licences, "allow")?,
            exceptions,
            registries: strings(sources, "allow-registry")?,
            banned,
        })
    }

    fn violations(&self, package: &Package) -> Vec<String> {
        let mut wrong = Vec::new();
        let name = format!("{} {}", package.name, package.version);
        if let Some(reason) = self.banned.get(&package.name) {
            wrong.push(format!("{name} is banned: {reason}"));
        }
        let of_registry = |source: &String| self.registries.iter().any(|known| *source == format!("registry+{known}"));
        match &package.source {
            None if package.is_ours => {}
            None => wrong.push(format!("{name} is outside the workspace")),
            Some(source) if of_registry(source) => {}
            Some(source) => wrong.push(format!("{name} comes from {source}")),
        }
        let mut allow = self.licences.clone();
        allow.extend(self.exceptions.get(&package.name).into_iter().flatten().cloned());
        match &package.license {
            None => wrong.push(format!("{name} names no licence")),
            Some(licence) => match spdx::is_allowed(licence, &allow) {
                Some(true) => {}
                Some(false) => wrong.push(format!("{name} has the licence {licence}")),
                None => wrong.push(format!("{name} has a licence that cannot be read: {licence}")),
            },
        }
        wrong
    }
}

fn strings(table: &Table, key: &str) -> Result<Vec<String>> {
    let list = table.get(key).and_then(Value::as_array).with_context(|| format!("no list {key}"))?;
    list.iter().map(|item| item.as_str().map(str::to_owned).with_context(|| format!("{key}: not a text"))).collect()
}

fn repeated(packages: &[&Package]) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, all| all.len() > 1);
    versions.iter().map(|(name, all)| format!("{name} {}", all.join(" "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "odd", allow = ["CC0-1.0"] }]
        [bans]
        deny = [{ crate = "bad", reason = "it is bad" }]
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
        allow-registry = ["https://registry.example/index"]
    "#;

    #[test]
    fn a_package_is_judged_by_name_source_and_licence() {
        let rules = Rules::parse(FILE).expect("is read");
        let ours = Some("registry+https://registry.example/index");
        for (name, source, licence, complaint) in [
            ("good", ours, Some("MIT OR GPL-3.0"), None),
            ("odd", ours, Some("CC0-1.0"), None),
            ("bad", ours, Some("MIT"), Some("it is bad")),
            ("good", ours, Some("CC0-1.0"), Some("CC0-1.0")),
            ("good", ours, None, Some("no licence")),
            ("good", Some("git+https://registry.example/good"), Some("MIT"), Some("git+")),
            ("good", Some("registry+https://other.example/index"), Some("MIT"), Some("other.example")),
            ("good", None, Some("MIT"), Some("outside the workspace")),
        ] {
            let (source, license) = (source.map(str::to_owned), licence.map(str::to_owned));
            let package = Package { name: name.into(), source, license, ..Package::default() };
            let wrong = rules.violations(&package).join("; ");
            match complaint {
                None => assert_eq!(wrong, "", "{name}"),
                Some(words) => assert!(wrong.contains(words), "{name}: {wrong}"),
            }
        }
    }

    #[test]
    fn a_file_that_lets_unknown_sources_in_is_refused() {
        assert!(Rules::parse(&FILE.replace("unknown-git = \"deny\"", "unknown-git = \"allow\"")).is_err());
    }
}
