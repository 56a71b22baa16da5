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

/// Runs `examples/walk-through.sh`, on ports that nobody has.
pub(crate) fn walk(program: &Path) -> Result<()> {
    step::headline("examples/walk-through.sh");
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("curl is not here, so the walk-through was not run; the tests do the same without it");
        return Ok(());
    }
    let ports = [free_port()?, free_port()?, free_port()?, free_port()?].map(|port| port.to_string()).join(" ");
    let mut child = Command::new("sh")
        .arg(walk_through())
        .envs([("TOKENGINE", program.as_os_str()), ("TOKENGINE_PEERS", peers::folder()?.as_os_str())])
        .env("PORTS", ports)
        .current_dir(step::root())
        .stdin(Stdio::null())
        .spawn()
        .context("the walk-through cannot be run")?;
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

fn walk_through() -> PathBuf {
    step::root().join("examples/walk-through.sh")
}
