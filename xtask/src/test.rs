//! The tests, with every real peer, and the demo.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{examples, generated, install_peers, step};

/// Far more than the demo needs without optimisation on two cores; longer is a hang.
const DEMO_WITHIN: Duration = Duration::from_secs(300);

/// Everything: the peers, the demo, the walk-through, and all tests, whose result lines come last.
pub(crate) fn all() -> Result<()> {
    step::headline("peers");
    install_peers()?;
    let program = generated::build_binary()?;
    // A failure of these does not keep the tests from saying what they find.
    let demo = run_demo(&program);
    let walk = examples::walk(&program);
    let tests = run_tests(&["--workspace"], &[]);
    demo?;
    walk?;
    tests.map(drop)
}

/// The tests of one crate, or those whose names contain a word.
pub(crate) fn some(name: &str) -> Result<()> {
    step::headline("peers");
    install_peers()?;
    let package = match name {
        "tokengine" | "xtask" => name.to_owned(),
        folder => format!("tokengine-{folder}"),
    };
    let is_crate = crate::metadata::Metadata::read()?.ours().any(|ours| ours.name == package);
    let tally =
        if is_crate { run_tests(&["--package", &package], &[])? } else { run_tests(&["--workspace"], &[name])? };
    if tally.passed == 0 {
        bail!("no crate is called {name}, and no test has that in its name");
    }
    Ok(())
}

/// The demo as a newcomer runs it, in the profile that is built anyway.
fn run_demo(program: &std::path::Path) -> Result<()> {
    step::headline("tokengine demo --exit");
    let mut child = Command::new(program)
        .args(["demo", "--exit"])
        .current_dir(step::root())
        .stdin(Stdio::null())
        .spawn()
        .context("the demo cannot be run")?;
    let started = Instant::now();
    let ended = tokengine_testkit::wait_for("the end of the demo", DEMO_WITHIN, || child.try_wait().transpose());
    match ended {
        Ok(status) => {
            let status = status.context("the demo cannot be waited for")?;
            if !status.success() {
                bail!("the demo ended with {status}");
            }
            eprintln!("the demo took {:.1} s", started.elapsed().as_secs_f32());
            Ok(())
        }
        Err(hang) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(hang.into())
        }
    }
}

/// What the result lines say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    ignored: u64,
}

impl Tally {
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s`
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else { return };
        for part in counts.1.split(';') {
            match part.trim().split_once(' ') {
                Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                Some((count, "ignored")) => self.ignored += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// Runs `cargo test`, shows what it prints as it comes, and fails also when a test was left out.
fn run_tests(packages: &[&str], filter: &[&str]) -> Result<Tally> {
    step::headline("tests");
    let mut words = vec!["test", "--locked", "--no-fail-fast"];
    words.extend(packages);
    words.push("--");
    words.extend(filter);
    let mut child = step::cargo(&words).stdout(Stdio::piped()).spawn().context("cargo test cannot be run")?;
    let printed = child.stdout.take().context("cargo test has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(printed).lines() {
        let line = line.context("cargo test printed something that is no text")?;
        tally.add(&line);
        writeln!(io::stdout(), "{line}").context("nobody reads the output")?;
    }
    let status = child.wait().context("cargo test cannot be waited for")?;
    if !status.success() {
        bail!("tests failed");
    }
    if tally.ignored > 0 {
        bail!("{} tests were ignored: a test that cannot run here is a failure", tally.ignored);
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_added_up_and_others_are_not() {
        let mut tally = Tally::default();
        for line in [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 5 filtered out; finished in 0.00s",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
            "test something ... ok",
            "9 passed",
        ] {
            tally.add(line);
        }
        assert_eq!(tally, Tally { passed: 7, ignored: 1 });
    }
}
