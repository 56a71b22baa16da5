//! `init` and `config`.

use crate::cli::{ConfigCommand, ServeArgs};
use crate::config::{TEMPLATE, documentation};
use crate::exit::{Exit, Failure};
use crate::listing;
use crate::out::Out;
use serde_json::json;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

const NEXT: &str = "\
Next:
  1. make the keys it names; each gets a password of its own in secrets/:
       tokengine keys new hot-1
       tokengine keys new gas-1
       tokengine keys new deposits --family
     keep copies of keys/ and of secrets/ where a fire does not find both
  2. edit networks, tokens and assets
  3. tokengine config check
  4. tokengine keys api-key --name admin --scopes all --out secrets/admin
  5. tokengine serve";

/// Writes the template, never over another file.
pub(super) fn init(file: &Path, out: Out) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).open(file);
    let written = opened.and_then(|mut file| {
        file.write_all(TEMPLATE.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::new(
            Exit::Refused,
            "file-exists",
            format!("{} is there already and stays as it is", file.display()),
        ),
        _ => Failure::system(format!("writing {}", file.display()), error),
    })?;
    out.tell(&format!("Wrote {}.\n{NEXT}", file.display()), &json!({ "wrote": file }));
    Ok(())
}

pub(super) fn run(command: ConfigCommand, file: &Path, out: Out) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check => check(file, out),
        ConfigCommand::Print => print(file, out),
        ConfigCommand::Docs => {
            out.tell(&documentation(), &json!({ "markdown": documentation() }));
            Ok(())
        }
    }
}

fn check(file: &Path, out: Out) -> Result<(), Failure> {
    let (config, keys) = super::open(file, &ServeArgs::default(), out)?;
    let wanted = listing::wanted(&config, &keys)?;
    let counts = json!({
        "networks": wanted.networks.len(), "wallets": wanted.wallets.len(),
        "tokens": wanted.tokens.len(), "assets": wanted.assets.len(), "keys": config.keys.len(),
    });
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    let mut text: String = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
    text += &format!(
        "{}: no mistakes; {} networks, {} wallets, {} tokens, {} assets, {} keys",
        file.display(),
        wanted.networks.len(),
        wanted.wallets.len(),
        wanted.tokens.len(),
        wanted.assets.len(),
        config.keys.len()
    );
    out.tell(&text, &json!({ "ok": true, "config": counts, "warnings": warnings }));
    Ok(())
}

fn print(file: &Path, out: Out) -> Result<(), Failure> {
    let config = super::load(file, &ServeArgs::default())?;
    let mut text = String::new();
    for shown in &config.shown {
        let from = match &shown.at {
            Some(at) if shown.origin != "default" => at.clone(),
            _ => shown.origin.to_owned(),
        };
        let _ = writeln!(text, "{} = {}  # {from}", shown.key, shown.value);
    }
    out.tell(&text, &json!({ "config": config.shown }));
    Ok(())
}
