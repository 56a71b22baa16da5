//! The project's own commands, run as `cargo xtask <command>`.

mod arrows;
mod campaign;
mod ci;
mod codes;
mod deny;
mod examples;
mod generated;
mod metadata;
mod spdx;
mod step;
mod test;
mod tracked;

use std::process::ExitCode;

use anyhow::{Result, bail};
use tokengine_testkit::{Peer, install, peers, print_progress};

const HELP: &str = "\
cargo xtask <command>

  test [name]  install and start every real peer, run the demo, the walk-through and all tests;
               with a name only the crate of that name, or else the tests whose names contain it
  ci           what needs no peer: format, lints, docs, licences, imports, generated files, forbidden text,
               codes against docs/errors.md, the example configuration
  peers        only install the peers
  crash        kill the program under load, at any moment and at every fail point, and compare books, chains and
               what clients were told: --minutes N, --seed S
  fuzz         fuzz every decoder of bytes from outside: --minutes N in all, --seed S
  generate     write the generated files anew
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        ["test"] => test::all(),
        ["test", name] => test::some(name),
        ["ci"] => ci::run(),
        ["peers"] => {
            install_peers()?;
            println!("peers are in {}", peers::folder()?.display());
            Ok(())
        }
        ["crash", more @ ..] => campaign::crash(more),
        ["fuzz", more @ ..] => campaign::fuzz(more),
        ["generate"] => generated::write(),
        [] | ["help" | "-h" | "--help"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => bail!("unknown command: {}\n\n{HELP}", words.join(" ")),
    }
}

/// Fetches what is not there yet, with progress; a missing tool is named.
fn install_peers() -> Result<()> {
    Ok(install(Peer::ALL, &mut print_progress())?)
}
