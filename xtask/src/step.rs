//! Running other programs, cargo above all.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// The top of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs us, at the top of the checkout, without standard input.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(words).current_dir(root()).stdin(Stdio::null());
    // Set by the cargo that runs us for us alone; the next cargo would take it for the workspace's own and build anew.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Says what comes, runs it with its output shown, and fails if it does.
pub(crate) fn show(title: &str, command: &mut Command) -> Result<()> {
    headline(title);
    let status = command.status().with_context(|| format!("{title}: {} cannot be run", program(command)))?;
    if !status.success() {
        bail!("{title}: {} ended with {status}", program(command));
    }
    Ok(())
}

/// Runs a command and returns what it printed; what it complains of is shown.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = program(command);
    let done = command.stderr(Stdio::inherit()).output().with_context(|| format!("{name} cannot be run"))?;
    if !done.status.success() {
        bail!("{name} ended with {}", done.status);
    }
    String::from_utf8(done.stdout).with_context(|| format!("{name} printed something that is no text"))
}

pub(crate) fn headline(title: &str) {
    eprintln!("\n== {title}");
}

fn program(command: &Command) -> String {
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}
