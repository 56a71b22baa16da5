//! The static half of CI: what needs no peer.

use anyhow::{Result, bail};

use crate::{
    arrows, codes, deny, examples, generated,
    metadata::Metadata,
    step::{cargo, headline, show},
    tracked,
};

/// Runs every check, quick ones first, and fails at the end with all that failed.
pub(crate) fn run() -> Result<()> {
    let mut failed = Vec::new();
    let mut note = |result: Result<()>| {
        if let Err(error) = result {
            eprintln!("{error:#}");
            failed.push(format!("{error:#}").lines().next().unwrap_or_default().to_owned());
        }
    };
    note(show("format", &mut cargo(&["fmt", "--all", "--check"])));
    headline("forbidden text");
    note(tracked::check());
    headline("codes");
    note(codes::check());
    headline("imports");
    let metadata = Metadata::read();
    match &metadata {
        Ok(metadata) => {
            note(arrows::check(metadata));
            headline("licences, sources and bans");
            note(deny::check(metadata));
        }
        Err(error) => note(Err(anyhow::anyhow!("{error:#} (is Cargo.lock up to date?)"))),
    }
    let clippy = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    note(show("lints", &mut cargo(&clippy)));
    let mut doc = cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
    note(show("docs", doc.env("RUSTDOCFLAGS", "-D warnings")));
    headline("generated files");
    note(generated::check());
    headline("examples");
    note(generated::build_binary().and_then(|program| examples::check(&program)));
    if failed.is_empty() {
        eprintln!("\nall static checks passed");
        return Ok(());
    }
    bail!("{} static checks failed:\n  {}", failed.len(), failed.join("\n  "))
}
