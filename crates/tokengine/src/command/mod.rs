//! What each command does.

mod client;
mod config;
pub(crate) mod journal;
mod keys;
mod operator;

pub(crate) use keys::{add_api_key, write_secret};

use crate::cli::{Cli, Command, ServeArgs};
use crate::config::{Config, Flags};
use crate::exit::Failure;
use crate::out::Out;
use clap::CommandFactory;
use serde_json::json;
use std::path::{Path, PathBuf};
use tokengine_keys::Keyring;

/// Runs what the command line asks for.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let out = Out { json: cli.json };
    match cli.command {
        Command::Init => config::init(&cli.config, out),
        Command::Config(command) => config::run(command, &cli.config, out),
        Command::Serve(args) => crate::serve::run(&cli.config, &args, out),
        Command::Demo(args) => crate::demo::run(&args, out),
        Command::Keys(command) => keys::run(command, &cli.config, out),
        Command::Verify(args) => journal::verify(&data_folder(&cli.config, args.data)?, out),
        Command::Rebuild(args) => journal::rebuild(&data_folder(&cli.config, args.data)?, out),
        Command::Backup(args) => journal::backup(&data_folder(&cli.config, args.data)?, &args.folder, out),
        Command::Restore(args) => journal::restore(&args.folder, &data_folder(&cli.config, args.data)?, out),
        Command::Openapi => {
            let text = tokengine_api::openapi_json();
            out.tell(&text, &serde_json::from_str(&text).unwrap_or(json!(null)));
            Ok(())
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tokengine", &mut script);
            let script = String::from_utf8_lossy(&script);
            out.tell(&script, &json!({ "shell": shell.to_string(), "script": script }));
            Ok(())
        }
        command => client::run(command, &cli.config, out),
    }
}

/// The configuration under the flags of `serve`.
pub(crate) fn load(file: &Path, args: &ServeArgs) -> Result<Config, Failure> {
    Ok(Config::load(file, flags(args)?)?)
}

/// The same for what asks no node: secrets in URLs of nodes need not be there.
pub(crate) fn load_without_nodes(file: &Path, args: &ServeArgs) -> Result<Config, Failure> {
    Ok(Config::load_without_nodes(file, flags(args)?)?)
}

/// The same with its keys, about a second for each.
pub(crate) fn open_without_nodes(file: &Path, args: &ServeArgs, out: Out) -> Result<(Config, Keyring), Failure> {
    let opening = out.spinner("opening keys");
    let opened = Config::open_without_nodes(file, flags(args)?);
    opening.finish_and_clear();
    Ok(opened?)
}

/// The configuration with its keys.
pub(crate) fn open(file: &Path, args: &ServeArgs, out: Out) -> Result<(Config, Keyring), Failure> {
    let opening = out.spinner("opening keys");
    let opened = Config::open(file, flags(args)?);
    opening.finish_and_clear();
    Ok(opened?)
}

fn flags(args: &ServeArgs) -> Result<Flags, Failure> {
    let mut flags = Flags::new();
    if let Some(data) = &args.data {
        // Flags speak of the folder one is in, the file of the folder it is in.
        let data = std::path::absolute(data).map_err(|error| Failure::system(data.display(), error))?;
        flags.push(("engine.data", "--data", data.display().to_string()));
    }
    if let Some(listen) = args.listen {
        flags.push(("api.listen", "--listen", listen.to_string()));
    }
    if let Some(listen) = args.health_listen {
        flags.push(("api.health_listen", "--health-listen", listen.to_string()));
    }
    if let Some(log) = args.log {
        let log = match log {
            crate::cli::LogArg::Text => "text",
            crate::cli::LogArg::Json => "json",
        };
        flags.push(("telemetry.log", "--log", log.to_owned()));
    }
    Ok(flags)
}

/// The data folder of a flag, else of the configuration.
fn data_folder(file: &Path, flag: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match flag {
        Some(folder) => Ok(folder),
        None => Ok(load_without_nodes(file, &ServeArgs::default())?.engine.data),
    }
}
