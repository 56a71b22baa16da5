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
        Err(error) => {
            let _ = error.print(); // nobody reads it
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
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
