//! `tokengine`, the program: it reads the configuration, brings it into the journal, starts every part in order, and stops
//! them in order. Nothing imports it, and **no rule about money is here**.

mod cli;
mod client;
mod command;
mod config;
mod demo;
mod exit;
mod listing;
mod out;
mod serve;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Two providers of cryptography are in the program; a TLS connection before this choice would panic.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("tokengine: another provider of cryptography was chosen before the start");
        return ExitCode::FAILURE;
    }
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            let _ = error.print(); // help or the version; nobody reads it
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            if std::env::args_os().any(|word| word == "--json") {
                out::Out { json: true }.fail(&exit::Failure::usage(error.to_string().trim_end()));
            } else {
                let _ = error.print();
            }
            return ExitCode::from(2);
        }
    };
    let out = out::Out { json: cli.json };
    match command::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.fail(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}
