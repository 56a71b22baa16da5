//! What comes from the npm registry, and how it is installed.

use std::{
    env::consts::{ARCH, OS},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    Error, Process,
    peers::{LONGEST_INSTALL, Progress, content_id, once, wait_reporting},
    process::{find_on_path, run, tail},
};

/// A folder with a `node_modules` in it, pinned by a lock file with the checksum of everything in it.
pub(crate) struct Package {
    folder: &'static str,
    what: &'static str,
    manifest: &'static str,
    lock: &'static str,
    expected_bytes: u64,
    /// What remains to be done in the folder once the package manager is through, and whether it works.
    finish: fn(&Path) -> Result<(), Error>,
}

macro_rules! package {
    ($folder:literal, $what:literal, $megabytes:literal, $finish:expr) => {
        Package {
            folder: $folder,
            what: $what,
            manifest: include_str!(concat!("../peers/", $folder, "/package.json")),
            lock: include_str!(concat!("../peers/", $folder, "/package-lock.json")),
            expected_bytes: $megabytes * 1024 * 1024,
            finish: $finish,
        }
    };
}

pub(crate) const ANVIL: Package = package!("anvil", "anvil 1.7.1", 43, anvil_runs);
pub(crate) const CONTRACTS: Package = package!("contracts", "solc 0.8.37, OpenZeppelin 5.7.0", 13, nothing_more);
pub(crate) const PLAYWRIGHT: Package = package!("playwright", "playwright-core 1.65.1", 12, nothing_more);
pub(crate) const CHROMIUM: Package = package!("chromium", "Chromium 147 (@sparticuz)", 260, inflate_chromium);

/// Installs a package if it is not there, and returns its folder.
pub(crate) fn ensure(package: &Package, progress: &mut dyn FnMut(&Progress)) -> Result<PathBuf, Error> {
    let (manifest, lock) = for_this_machine(package);
    let id = content_id([manifest.as_str(), lock.unwrap_or_default(), OS, ARCH]);
    once(&format!("{}-{id}", package.folder), progress, package.what, |folder, progress| {
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).map_err(Error::io(format!("writing {name} of {}", package.what)))
        };
        fs::create_dir(folder).map_err(Error::io(format!("creating {}", folder.display())))?;
        write("package.json", &manifest)?;
        if let Some(lock) = lock {
            write("package-lock.json", lock)?;
        }
        let verb = if lock.is_some() { "ci" } else { "install" };
        install(package, verb, folder, progress)?;
        (package.finish)(folder)
    })
}

/// The program `node`, of a version that runs what we install.
///
/// # Errors
/// [`Error::MissingTool`] when there is none, or it is too old.
pub(crate) fn node(needed_for: &str) -> Result<PathBuf, Error> {
    let missing = || Error::MissingTool {
        tool: "node (20 or later)",
        needed_for: needed_for.to_owned(),
        install: "install Node.js 20 or later, with npm",
    };
    let node = find_on_path("node").ok_or_else(missing)?;
    let version = run("node", Command::new(&node).arg("--version"), Duration::from_secs(30), |said| Error::Start {
        peer: "node --version".to_owned(),
        output: said,
    })?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < 20) {
        return Err(missing());
    }
    Ok(node)
}

/// Where the program of the EVM node is, in its package's folder.
pub(crate) fn anvil_program(folder: &Path) -> PathBuf {
    folder.join("node_modules").join(anvil_package()).join("bin/anvil")
}

fn anvil_package() -> String {
    let arch = if ARCH == "aarch64" { "arm64" } else { "amd64" };
    let os = if OS == "macos" { "darwin" } else { "linux" };
    format!("@foundry-rs/anvil-{os}-{arch}")
}

/// The EVM node is one package for each platform, and the lock file holds the one that CI runs; elsewhere the exact
/// version is still asked for, without a checksum of ours.
fn for_this_machine(package: &Package) -> (String, Option<&'static str>) {
    let ours = anvil_package();
    if package.folder == ANVIL.folder && !package.manifest.contains(&ours) {
        return (package.manifest.replace("@foundry-rs/anvil-linux-amd64", &ours), None);
    }
    (package.manifest.to_owned(), Some(package.lock))
}

fn install(package: &Package, verb: &str, folder: &Path, progress: &mut dyn FnMut(&Progress)) -> Result<(), Error> {
    node(package.what)?;
    let npm = find_on_path("npm").ok_or_else(|| Error::MissingTool {
        tool: "npm",
        needed_for: package.what.to_owned(),
        install: "install Node.js 20 or later, with npm",
    })?;
    let log = folder.join("npm.log");
    let mut command = Command::new(npm);
    // No script of a package runs: what we need of them we do ourselves, in `finish`.
    command.args([verb, "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]);
    let mut npm = Process::spawn("npm", command.current_dir(folder), &log)?;
    let status = wait_reporting(&mut npm, package.what, package.expected_bytes, folder, progress)?;
    if status.success() { Ok(()) } else { Err(failed(package, npm.log_tail())) }
}

fn failed(package: &Package, output: String) -> Error {
    Error::Install { peer: package.what, output }
}

fn nothing_more(_folder: &Path) -> Result<(), Error> {
    Ok(())
}

fn anvil_runs(folder: &Path) -> Result<(), Error> {
    let mut command = Command::new(anvil_program(folder));
    run("anvil", command.arg("--version"), Duration::from_secs(30), |said| failed(&ANVIL, said)).map(drop)
}

/// Chromium comes compressed, with the libraries that a bare machine lacks; what was compressed is removed.
fn inflate_chromium(folder: &Path) -> Result<(), Error> {
    let script = folder.join("inflate.cjs");
    fs::write(&script, include_str!("../scripts/inflate.cjs")).map_err(Error::io("writing inflate.cjs"))?;
    let mut command = Command::new(node(CHROMIUM.what)?);
    command.arg("inflate.cjs").current_dir(folder);
    run("inflate.cjs", &mut command, LONGEST_INSTALL, |said| failed(&CHROMIUM, tail(&said, 5))).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_with_checksums_and_without_an_address() {
        for package in [ANVIL, CONTRACTS, PLAYWRIGHT, CHROMIUM] {
            let manifest: serde_json::Value = serde_json::from_str(package.manifest).expect("package.json is JSON");
            for (name, version) in manifest["dependencies"].as_object().expect("dependencies") {
                let version = version.as_str().expect("a version");
                assert!(version.chars().all(|c| c.is_ascii_digit() || c == '.'), "{name} is a range: {version}");
            }
            let lock: serde_json::Value = serde_json::from_str(package.lock).expect("package-lock.json is JSON");
            for (path, entry) in lock["packages"].as_object().expect("packages") {
                assert!(path.is_empty() || entry["integrity"].is_string(), "{path} has no checksum");
                assert!(entry.get("resolved").is_none(), "{path} names a registry");
            }
        }
    }
}
