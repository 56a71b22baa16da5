//! The examples are true: the configuration has no mistakes, and the walk-through runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokengine_testkit::{free_port, peers, wait_for};

use crate::{metadata::Metadata, step};

/// It takes half a minute, most of it waiting for blocks; longer than this is a hang.
const WALK_WITHIN: Duration = Duration::from_secs(300);

/// What the configuration of an operator takes from the environment.
const ENV: &[(&str, &str)] = &[
    ("HOT_1_PASSWORD", "one"),
    ("GAS_1_PASSWORD", "two"),
    ("DEPOSITS_PASSWORD", "three"),
    ("ETHEREUM_URL", "https://ethereum.example"),
    ("BNB_URL", "https://bnb.example"),
];

/// Makes the keys that `examples/two-networks.toml` names, as it says, and checks it.
pub(crate) fn check(program: &Path) -> Result<()> {
    let folder = Metadata::read()?.target.join("examples-check");
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("an old check's folder"),
        _ => fs::create_dir_all(&folder).context("a folder for the check")?,
    }
    let file = "two-networks.toml";
    fs::copy(step::root().join("examples").join(file), folder.join(file)).context("the example")?;
    for words in [
        &["keys", "new", "hot-1", "--password-env", "HOT_1_PASSWORD"][..],
        &["keys", "new", "gas-1", "--password-env", "GAS_1_PASSWORD"],
        &["keys", "new", "deposits", "--family", "--password-env", "DEPOSITS_PASSWORD"],
        &["config", "check"],
    ] {
        let mut command = Command::new(program);
        command.args(["--config", file]).args(words).envs(ENV.iter().copied()).current_dir(&folder);
        step::output(&mut command)?;
    }
    Ok(())
}

/// Runs `examples/walk-through.sh`, and the commands that `examples/walk-through.md` prints, on ports that nobody has.
pub(crate) fn walk(program: &Path) -> Result<()> {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("curl is not here, so the walk-through was not run; the tests do the same without it");
        return Ok(());
    }
    let peers = peers::folder()?;
    let ports = || [(); 4].map(|()| free_port().map(|port| port.to_string()));
    let ports = || ports().into_iter().collect::<Result<Vec<_>, _>>();
    step::headline("examples/walk-through.sh");
    let mut script = Command::new("sh");
    script.arg(step::root().join("examples/walk-through.sh")).current_dir(step::root());
    script.envs([("TOKENGINE", program.as_os_str()), ("TOKENGINE_PEERS", peers.as_os_str())]);
    run(script.env("PORTS", ports()?.join(" ")))?;

    step::headline("examples/walk-through.md");
    let folder = Metadata::read()?.target.join("walk-through");
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("an old walk's folder"),
        _ => fs::create_dir_all(&folder).context("a folder for the walk")?,
    }
    let ports = ports()?;
    let here = |text: &str| {
        let both = PORTS_IN_TEXT.iter().zip(&ports);
        both.fold(text.to_owned(), |text, (printed, free)| text.replace(printed, free))
    };
    let read = |name: &str| fs::read_to_string(step::root().join("examples").join(name)).context("an example");
    fs::write(folder.join("tokengine.toml"), here(&read("walk-through.toml")?)).context("the walk's configuration")?;
    let anvil = anvil_folder(&peers)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ours = [program.parent().map(Path::to_owned).unwrap_or_default(), anvil];
    let path = std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&path))).context("a PATH")?;
    // What runs in the background ends with the shell.
    let text =
        format!("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n{}", here(&printed(&read("walk-through.md")?)));
    run(Command::new("bash").args(["-c", &text]).current_dir(&folder).env("PATH", path))
}

/// The ports that the walk-through prints.
const PORTS_IN_TEXT: [&str; 4] = ["8545", "9545", "8700", "8701"];

/// The commands that a page prints to be run by hand, one after the other.
fn printed(page: &str) -> String {
    let by_hand = page.split_once("The same by hand").map_or("", |(_, rest)| rest);
    let blocks = by_hand.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix("sh\n")).collect()
}

/// Where the development node is among the peers.
fn anvil_folder(peers: &Path) -> Result<PathBuf> {
    let below = |folder: &Path, begins: &str| -> Option<PathBuf> {
        let entries = fs::read_dir(folder).ok()?.flatten();
        // Beside each package lies the file that locks it.
        let named = |path: &PathBuf| {
            path.is_dir() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begins))
        };
        entries.map(|entry| entry.path()).filter(named).max()
    };
    let found = below(peers, "anvil-")
        .and_then(|package| below(&package.join("node_modules/@foundry-rs"), "anvil-"))
        .map(|platform| platform.join("bin"))
        .filter(|bin| bin.is_dir());
    found.context("anvil is not among the peers: run `cargo xtask peers`")
}

/// Runs a walk to its end, which must be a good one.
fn run(command: &mut Command) -> Result<()> {
    let mut child = command.stdin(Stdio::null()).spawn().context("the walk-through cannot be run")?;
    let started = Instant::now();
    match wait_for("the end of the walk-through", WALK_WITHIN, || child.try_wait().transpose()) {
        Ok(status) => {
            let status = status.context("the walk-through cannot be waited for")?;
            if !status.success() {
                bail!("the walk-through ended with {status}");
            }
            eprintln!("the walk-through took {:.1} s", started.elapsed().as_secs_f32());
            Ok(())
        }
        Err(hang) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(hang.into())
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_printed_is_what_runs() {
        let page = "```sh\nno\n```\nThe same by hand\n```sh\none\n```\ntext `x`\n```json\nno\n```\n```sh\ntwo\n```\n";
        assert_eq!(super::printed(page), "one\ntwo\n");
    }
}
