//! What comes from the Python package index: an environment of its own, pinned with checksums.

use std::{
    env::consts::{ARCH, OS},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    Error, Process,
    peers::{Progress, content_id, once, wait_reporting},
    process::{find_on_path, run},
};

/// `schemathesis` and everything it needs.
const SCHEMATHESIS: &str = include_str!("../peers/schemathesis/requirements.txt");
const WHAT: &str = "schemathesis 4.32.5";
const EXPECTED_BYTES: u64 = 90 << 20;

/// A quick question to an interpreter, even on a loaded machine.
const QUICK: Duration = Duration::from_secs(60);

/// Asks a server everything that its OpenAPI document allows and forbids, and checks the answers against the document.
#[derive(Clone, Debug)]
pub struct Schemathesis {
    python: PathBuf,
}

impl Schemathesis {
    /// The installed one, which is installed now if it is not there.
    ///
    /// # Errors
    /// Those of [`crate::install`].
    pub fn installed() -> Result<Self, Error> {
        Ok(Self { python: interpreter(&ensure(&mut |_| {})?) })
    }

    /// The command line, to which its words (`run`, ...) are added. It writes into `folder` alone, and asks nobody but
    /// whom it is told to.
    #[must_use]
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-m", "schemathesis.cli"]).current_dir(folder);
        // What it remembers of a run must not decide the next one.
        command.env("HOME", folder).env("NO_COLOR", "1").env("HYPOTHESIS_STORAGE_DIRECTORY", folder.join("hypothesis"));
        for inherited in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(inherited);
        }
        command
    }
}

/// Installs it if it is not there, and returns its folder.
pub(crate) fn ensure(progress: &mut dyn FnMut(&Progress)) -> Result<PathBuf, Error> {
    let missing = || Error::MissingTool {
        tool: "python3 (3.11 or later)",
        needed_for: WHAT.to_owned(),
        install: "install Python 3.11 or later, with venv",
    };
    let python = find_on_path("python3").ok_or_else(missing)?;
    let mut asked = Command::new(&python);
    asked.args(["-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    let version = run("python3", &mut asked, QUICK, failed)?;
    let version = version.trim();
    let minor = version.strip_prefix("3.").and_then(|minor| minor.parse().ok());
    if minor.is_none_or(|minor: u32| minor < 11) {
        return Err(missing());
    }
    // What is compiled in it is for one version of Python on one platform.
    let id = content_id([SCHEMATHESIS, version, OS, ARCH]);
    once(&format!("schemathesis-{id}"), progress, WHAT, |folder, progress| {
        let mut venv = Command::new(&python);
        run("python3 -m venv", venv.args(["-I", "-m", "venv", "--symlinks"]).arg(folder), QUICK, |said| {
            failed(format!("{said}\n(venv is a package of its own on some systems: python3-venv)"))
        })?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, SCHEMATHESIS).map_err(Error::io("writing requirements.txt"))?;
        let mut pip = Command::new(interpreter(folder));
        // Wheels only: no script of a package runs.
        pip.args(["-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        pip.args(["--no-deps", "--require-hashes", "--only-binary=:all:", "--requirement"]).arg(&requirements);
        let mut pip = Process::spawn("pip", &mut pip, &folder.join("pip.log"))?;
        let status = wait_reporting(&mut pip, WHAT, EXPECTED_BYTES, folder, progress)?;
        if !status.success() {
            return Err(failed(pip.log_tail()));
        }
        let mut works = Command::new(interpreter(folder));
        run(WHAT, works.args(["-I", "-m", "schemathesis.cli", "--version"]), QUICK, failed).map(drop)
    })
}

/// The interpreter is called and never a script beside it: scripts know the folder that they were installed into.
fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin/python3")
}

fn failed(output: String) -> Error {
    Error::Install { peer: WHAT, output }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_with_checksums_and_without_an_address() {
        let entries: Vec<&str> = SCHEMATHESIS.split("\n    --hash=").collect();
        assert!(entries.len() > 100 && !SCHEMATHESIS.contains("://"));
        // A package ends the entry before it, behind that one's last checksum.
        let packages = SCHEMATHESIS.lines().filter(|line| !line.starts_with(' '));
        for package in packages {
            let (name, rest) = package.split_once("==").unwrap_or_else(|| panic!("{package} is a range"));
            assert!(!name.is_empty() && rest.ends_with('\\'), "{package} has no checksum");
        }
        assert!(SCHEMATHESIS.contains(&WHAT.replace(' ', "==")));
    }
}
