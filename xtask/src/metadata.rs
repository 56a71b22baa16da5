//! What cargo says of the workspace and of everything it uses.

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

/// The workspace, and every package that it might use with some feature on some platform.
#[derive(Debug)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
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
        let members: BTreeSet<String> = list(&value["workspace_members"]).iter().filter_map(string).collect();
        let package = |package: &Value| {
            let dependencies = list(&package["dependencies"]).iter().map(dependency).collect::<Option<_>>()?;
            Some(Package {
                name: string(&package["name"])?,
                version: string(&package["version"])?,
                source: string(&package["source"]),
                license: string(&package["license"]),
                is_ours: members.contains(&string(&package["id"])?),
                dependencies,
            })
        };
        let packages = list(&value["packages"]).iter().map(package).collect::<Option<_>>();
        let target = value["target_directory"].as_str().context("no target directory")?;
        Ok(Self { packages: packages.context("a package without a name")?, target: target.into() })
    }

    /// The packages of the workspace.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_ours)
    }

    /// The packages that are used with the features that are on, on any platform, ours among them.
    ///
    /// Cargo's metadata also has those that some package could use with a feature that nobody asks for; its tree has not.
    pub(crate) fn used(&self) -> Result<Vec<&Package>> {
        let words = ["tree", "--locked", "--workspace", "--target=all", "--edges=all", "--prefix=none", "--format={p}"];
        let used = packages_of_tree(&output(&mut cargo(&words))?);
        let is_used = |package: &&Package| used.contains(&(package.name.clone(), package.version.clone()));
        Ok(self.packages.iter().filter(is_used).collect())
    }
}

/// The name and version in each line: `serde v1.0.0 (proc-macro) (*)`.
fn packages_of_tree(tree: &str) -> BTreeSet<(String, String)> {
    let package = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    tree.lines().filter_map(package).collect()
}

fn dependency(value: &Value) -> Option<Dependency> {
    Some(Dependency { name: string(&value["name"])?, is_dev: value["kind"].as_str() == Some("dev") })
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_names_each_package_once_and_nothing_else() {
        let tree =
            "a v0.1.0 (/somewhere/a)\nb v1.2.3+4 (proc-macro)\n\nb v1.2.3+4 (proc-macro) (*)\n[dev-dependencies]\n";
        let names: Vec<String> = packages_of_tree(tree).into_iter().map(|(name, at)| format!("{name} {at}")).collect();
        assert_eq!(names, ["a 0.1.0", "b 1.2.3+4"]);
    }

    #[test]
    fn what_is_used_is_a_part_of_what_could_be_and_has_all_of_ours() {
        let metadata = Metadata::read().expect("cargo knows the workspace");
        let used = metadata.used().expect("cargo knows the tree");
        assert_eq!(used.iter().filter(|package| package.is_ours).count(), metadata.ours().count());
        assert!(used.iter().any(|package| package.name == "serde_json"), "our own dependency");
    }
}
