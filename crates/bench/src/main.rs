//! Benchmarks: `cargo run --release -p tokengine-bench -- core|http|sql|recovery [--json] [--only <words>] [--save]`.
//!
//! Every row stands beside the same work done plainly, or by what a user would pick instead, on the same disk in the same
//! run, because a bare number says more about the machine than about the engine. The folder should be on the disk that
//! matters; it is emptied.

mod ask;
mod clients;
mod core;
mod cpu;
mod growth;
mod http;
mod postgres;
mod prototype;
mod pure;
mod raw;
mod recovery;
mod row;
mod sql;
mod world;

use ask::{Ask, Suite};
use row::Report;
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(served) = http::child(&args) {
        return served.map_or_else(failed, |()| ExitCode::SUCCESS);
    }
    let ask = match Ask::parse(args.into_iter()) {
        Ok(ask) => ask,
        Err(problem) => {
            eprintln!("{problem}\n{}", ask::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&ask) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error),
    }
}

fn failed(error: Box<dyn Error>) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn run(ask: &Ask) -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        eprintln!("this build is not optimised: its figures mean nothing");
    }
    let mut report = Report::new(ask.json);
    let result = match ask.suite {
        Suite::Core => core::run(ask, &mut report),
        Suite::Http => http::run(&ask.folder, ask.quick, &mut |row| report.add(row)),
        Suite::Sql => sql::run(ask, &mut report),
        Suite::Recovery => recovery::run(ask, &mut report),
    };
    if std::fs::exists(&ask.folder)? {
        std::fs::remove_dir_all(&ask.folder)?;
    }
    if let Some(folder) = &ask.save {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(ask.suite.name()).with_extension("json"), report.lines())?;
        std::fs::write(folder.join(ask.suite.name()).with_extension("svg"), report.chart())?;
    }
    result
}
