//! Files that are generated and committed. CI compares them with what would be generated now.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{metadata::Metadata, step};

/// A file and the words after `tokengine` that print it.
struct Generated {
    file: &'static str,
    words: &'static [&'static str],
}

/// All of them. To add one, add a line.
const GENERATED: &[Generated] = &[Generated { file: "docs/openapi.json", words: &["openapi"] }];

/// Fails if a committed file is not what would be generated now.
pub(crate) fn check() -> Result<()> {
    let mut stale = Vec::new();
    for (file, fresh) in fresh()? {
        let committed = fs::read_to_string(step::root().join(file)).unwrap_or_default();
        if committed != fresh {
            stale.push(file);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("not what would be generated now: {}. Run `cargo xtask generate` and commit", stale.join(", "))
}

/// Writes them anew.
pub(crate) fn write() -> Result<()> {
    for (file, fresh) in fresh()? {
        let path = step::root().join(file);
        fs::write(&path, fresh).with_context(|| format!("{file} cannot be written"))?;
        println!("{file}");
    }
    Ok(())
}

fn fresh() -> Result<Vec<(&'static str, String)>> {
    let program = build_binary()?;
    GENERATED
        .iter()
        .map(|generated| {
            let text = step::output(Command::new(&program).args(generated.words).current_dir(step::root()))?;
            Ok((generated.file, text))
        })
        .collect()
}

/// Builds the engine's binary and returns where it is.
///
/// Everything is built, tests too: cargo chooses the features of a package by all that is built at once, and the same
/// choice each time means that nothing is built twice.
pub(crate) fn build_binary() -> Result<std::path::PathBuf> {
    step::show("build", &mut step::cargo(&["build", "--locked", "--workspace", "--bins", "--tests"]))?;
    let program = Metadata::read()?.target.join("debug/tokengine");
    if !program.is_file() {
        bail!("the build left no {}", program.display());
    }
    Ok(program)
}
