//! `cargo run -p tokengine-fuzz -- [--seconds N] [--seed S] [target ...]`: fuzzes every target, or those named, for so many
//! seconds each, and says how many inputs a second went through and what was found. `--write` keeps the valid examples in
//! the corpus instead: when a format has changed. `--list` names the targets.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokengine_fuzz::{Budget, Corpus, run, targets};

fn main() -> ExitCode {
    match work() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was found.
fn work() -> Result<bool> {
    let (mut seconds, mut seed, mut write, mut names) = (10, None, false, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|value| value.parse().ok()).with_context(|| format!("{word} N"));
        match word.as_str() {
            "--seconds" => seconds = number()?,
            "--seed" => seed = Some(number()?),
            "--write" => write = true,
            "--list" => {
                targets::ALL.iter().for_each(|(name, _)| println!("{name}"));
                return Ok(true);
            }
            _ => names.push(word),
        }
    }
    let seed = match seed {
        Some(seed) => seed,
        None => u64::from_le_bytes(tokengine_keys::random_bytes().context("no randomness")?),
    };
    let known = |name: &String| targets::ALL.iter().any(|(known, _)| known == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = targets::ALL.iter().map(|(name, _)| *name).collect();
        bail!("{unknown} is not among {}", all.join(", "));
    }
    println!(
        "{seconds} s each, --seed {seed}; if the process ends, its last input is in {}",
        std::env::temp_dir().display()
    );
    let mut clean = true;
    for (name, make) in targets::ALL.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|one| one == name))
    {
        let mut target = make();
        if write {
            for example in target.examples() {
                println!("{}", Corpus::of(name).keep("example", &example)?.display());
            }
            continue;
        }
        let report = run(&mut *target, &Corpus::of(name), Budget { time: Duration::from_secs(seconds), seed })?;
        println!("{report}");
        clean &= report.findings.is_empty();
    }
    Ok(clean)
}
