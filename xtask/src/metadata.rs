//! What `cargo metadata` says of the workspace and of everything it uses.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::step::{cargo, output};

/// A package: one of ours, or one that we use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// `None` for a package on this disk.
    pub(crate) source: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) is_ours: bool,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A package named in another's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) is_dev: bool,
}

/// The workspace and everything it uses, on any platform.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target: PathBuf,
}

impl Metadata {
    /// Asks cargo; `Cargo.lock` must be up to date.
    pub(crate) fn read() -> Result<Self> {
        let text = output(&mut cargo(&["metadata", "--format-version=1", "--locked"]))?;
        Self::parse(&text).context("cargo metadata printed something unexpected")
    }

    fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let members: BTreeSet<String> = list(&value["workspace_members"]).iter().filter_map(string).collect();
        let packages = list(&value["packages"])
            .iter()
            .map(|package| {
                let dependencies = list(&package["dependencies"])
                    .iter()
                    .map(|one| {
                        Some(Dependency { name: string(&one["name"])?, is_dev: one["kind"].as_str() == Some("dev") })
                    })
                    .collect::<Option<_>>();
                Some(Package {
                    name: string(&package["name"])?,
                    version: string(&package["version"])?,
                    source: string(&package["source"]),
                    license: string(&package["license"]),
                    is_ours: members.contains(&string(&package["id"])?),
                    dependencies: dependencies?,
                })
            })
            .collect::<Option<_>>()
            .context("a package without a name")?;
        let target = value["target_directory"].as_str().context("no target directory")?;
        Ok(Self { packages, target: target.into() })
    }

    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_ours)
    }
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
