//! Benchmarks: `cargo run --release -p tokengine-bench -- core [--json] [--quick] [--folder <folder>]`.
//!
//! Every row stands beside the same work done plainly on the same disk in the same run, because a bare number says more
//! about the machine than about the engine. The folder should be on the disk that matters; it is emptied.

mod core;
mod raw;
mod row;
mod world;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: tokengine-bench core [--json] [--quick] [--folder <folder>]";

/// What was asked for.
struct Ask {
    json: bool,
    /// A tenth of the work in a third of the runs: to see that it works, not how fast.
    quick: bool,
    folder: PathBuf,
}

fn parse(args: impl Iterator<Item = String>) -> Result<Ask, String> {
    let mut ask = Ask { json: false, quick: false, folder: "target/bench-core".into() };
    let mut suite = None;
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => ask.json = true,
            "--quick" => ask.quick = true,
            "--folder" => ask.folder = args.next().ok_or("--folder needs a folder")?.into(),
            "core" => suite = Some(arg),
            other => return Err(format!("{other:?} is not known")),
        }
    }
    suite.map(|_| ask).ok_or_else(|| "which benchmarks?".into())
}

fn main() -> ExitCode {
    let ask = match parse(std::env::args().skip(1)) {
        Ok(ask) => ask,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&ask) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(ask: &Ask) -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        eprintln!("this build is not optimised: its figures mean nothing");
    }
    let result = core::run(&ask.folder, ask.quick, &mut |row| row.print(ask.json));
    if std::fs::exists(&ask.folder)? {
        std::fs::remove_dir_all(&ask.folder)?;
    }
    result
}
