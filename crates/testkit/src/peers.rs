//! Installing peers: from the package registries, into a folder of their own, pinned by version, once.
//!
//! A package is installed beside its final place and then renamed, so a folder that exists is complete; a lock file keeps
//! two installers apart. What is there is never asked for again, so the second time works without a network. The name of
//! the folder covers everything that decides its content, so another version is another folder.

use std::{
    env,
    fs::{self, File, TryLockError},
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use crate::{Error, Process, browser, contracts, npm, python};

/// A slow line needs minutes for the largest; longer than this is a hang.
pub(crate) const LONGEST_INSTALL: Duration = Duration::from_secs(15 * 60);

/// Something real that tests and the demo run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The EVM node.
    Anvil,
    /// The Solidity compiler, OpenZeppelin's contracts, and the test kit's own, compiled.
    Contracts,
    /// The driver of a browser, and a Chromium if the machine has none.
    Browser,
    /// The driver of a browser, and a Chromium whatever the machine has. It is built for Linux on x86-64.
    PackagedBrowser,
    /// What asks a server everything that its OpenAPI document allows and forbids.
    Schemathesis,
}

impl Peer {
    /// Every peer that the tests need on this platform.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub const ALL: &[Self] = &[Self::Anvil, Self::Contracts, Self::Browser, Self::PackagedBrowser, Self::Schemathesis];
    /// Every peer that the tests need on this platform.
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    pub const ALL: &[Self] = &[Self::Anvil, Self::Contracts, Self::Browser, Self::Schemathesis];
    /// What the demo needs.
    pub const DEMO: &[Self] = &[Self::Anvil, Self::Contracts];
}

/// How far an installation is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process is installing the same; we wait for it.
    Waiting {
        /// What is being installed, with its version.
        what: &'static str,
    },
    /// The package manager is at work. Reported several times a second.
    Installing {
        /// What is being installed, with its version.
        what: &'static str,
        /// Bytes in its folder so far.
        bytes: u64,
        /// About how many there will be.
        expected_bytes: u64,
    },
    /// Contracts are being compiled.
    Compiling,
    /// It is there now.
    Installed {
        /// What was installed, with its version.
        what: &'static str,
        /// How long that took.
        took: Duration,
    },
}

/// Installs what is not there yet, and returns at once when all is.
///
/// # Errors
/// [`Error::MissingTool`] names what the user must install by hand; [`Error::Install`] carries the package manager's last
/// words. Nothing is left half installed.
pub fn install(peers: &[Peer], progress: &mut dyn FnMut(&Progress)) -> Result<(), Error> {
    for peer in peers {
        match peer {
            Peer::Anvil => drop(npm::ensure(&npm::ANVIL, progress)?),
            Peer::Contracts => drop(contracts::compiled(progress)?),
            Peer::Browser => browser::ensure(false, progress)?,
            Peer::PackagedBrowser => browser::ensure(true, progress)?,
            Peer::Schemathesis => drop(python::ensure(progress)?),
        }
    }
    Ok(())
}

/// Where peers are installed: `$TOKENGINE_PEERS`, else `tokengine/peers` in the user's cache folder.
///
/// # Errors
/// [`Error::NoCacheFolder`] when the environment names neither.
pub fn folder() -> Result<PathBuf, Error> {
    let named = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("TOKENGINE_PEERS")
        .or_else(|| named("XDG_CACHE_HOME").map(|cache| cache.join("tokengine/peers")))
        .or_else(|| named("HOME").map(|home| home.join(".cache/tokengine/peers")))
        .ok_or(Error::NoCacheFolder)
}

/// Prints progress for a person on standard error: one line that changes on a terminal, few lines anywhere else.
pub fn print_progress() -> impl FnMut(&Progress) {
    let terminal = std::io::stderr().is_terminal();
    let every = Duration::from_secs(if terminal { 0 } else { 5 });
    let mut last: Option<Instant> = None;
    move |progress| {
        let mut line = std::io::stderr().lock();
        let (start, end) = if terminal { ("\r\x1b[2K", "") } else { ("", "\n") };
        // Nothing can be done about a terminal that is gone, and it is no reason to stop installing.
        let _ = match progress {
            Progress::Waiting { what } => writeln!(line, "{start}{what}: another process is installing it, waiting"),
            Progress::Installing { what, bytes, expected_bytes } => {
                if last.is_some_and(|at| at.elapsed() < every) {
                    return;
                }
                last = Some(Instant::now());
                let mega = 1024 * 1024;
                write!(line, "{start}{what}: {} of about {} MB{end}", bytes / mega, expected_bytes / mega)
            }
            Progress::Compiling => writeln!(line, "{start}contracts: compiling"),
            Progress::Installed { what, took } => {
                last = None;
                writeln!(line, "{start}{what}: installed in {:.1} s", took.as_secs_f32())
            }
        };
        let _ = line.flush();
    }
}

/// Returns `place` inside the peers' folder, after `make` has made it if it is not there.
///
/// `make` is given a path in an empty temporary folder on the same disk and must create a file or folder there, which is
/// then renamed. At most one process makes at a time; `waiting` is called when that is another.
pub(crate) fn once(
    place: &str,
    progress: &mut dyn FnMut(&Progress),
    what: &'static str,
    make: impl FnOnce(&Path, &mut dyn FnMut(&Progress)) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let folder = folder()?;
    let path = folder.join(place);
    if path.exists() {
        return Ok(path);
    }
    fs::create_dir_all(&folder).map_err(Error::io(format!("creating {}", folder.display())))?;
    let lock_path = folder.join(format!("{place}.lock"));
    let lock_failed = || format!("locking {}", lock_path.display());
    let lock = File::create(&lock_path).map_err(Error::io(lock_failed()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(&Progress::Waiting { what });
            // The kernel frees the lock of a process that dies, so this ends when the other one does.
            lock.lock().map_err(Error::io(lock_failed()))?;
        }
        Err(TryLockError::Error(e)) => return Err(Error::io(lock_failed())(e)),
    }
    if path.exists() {
        return Ok(path);
    }
    let started = Instant::now();
    let temporary = tempfile::Builder::new()
        .prefix(".installing-")
        .tempdir_in(&folder)
        .map_err(Error::io(format!("creating a folder in {}", folder.display())))?;
    let new = temporary.path().join(place);
    make(&new, progress)?;
    fs::rename(&new, &path).map_err(Error::io(format!("renaming to {}", path.display())))?;
    progress(&Progress::Installed { what, took: started.elapsed() });
    Ok(path)
}

/// Waits for a package manager that fills `folder`, and tells how far it is.
pub(crate) fn wait_reporting(
    installer: &mut Process,
    what: &'static str,
    expected_bytes: u64,
    folder: &Path,
    progress: &mut dyn FnMut(&Progress),
) -> Result<ExitStatus, Error> {
    let started = Instant::now();
    loop {
        progress(&Progress::Installing { what, bytes: size_of(folder), expected_bytes });
        match installer.wait(Duration::from_millis(300)) {
            Ok(status) => return Ok(status),
            Err(_) if started.elapsed() < LONGEST_INSTALL => {}
            Err(_) => {
                let output = format!("the package manager hangs\n{}", installer.log_tail());
                return Err(Error::Install { peer: what, output });
            }
        }
    }
}

/// Bytes of all files below a folder; what vanishes meanwhile does not count.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size_of(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

/// A short name for a content: FNV-1a of 128 bits over all parts and their lengths. Not against an adversary.
pub(crate) fn content_id<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let mut add = |byte: u8| hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    for part in parts {
        part.len().to_le_bytes().into_iter().for_each(&mut add);
        part.bytes().for_each(&mut add);
    }
    format!("{hash:032x}")[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_id_depends_on_every_part_and_on_where_it_ends() {
        let ids = [vec!["ab", "c"], vec!["a", "bc"], vec!["abc"], vec!["abc", ""], vec![]].map(content_id);
        for (i, id) in ids.iter().enumerate() {
            assert_eq!(ids.iter().position(|other| other == id), Some(i));
        }
        assert_eq!(content_id(["ab", "c"]), ids[0]);
    }
}
