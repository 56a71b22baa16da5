//! Text that must not be in the repository: places on one machine, addresses of registries, unfinished code.

use std::fs;

use anyhow::{Result, bail};

use crate::step;

/// Something that must not be in a file.
struct Forbidden {
    text: &'static str,
    /// Only in files whose names end so; empty for all.
    in_files: &'static str,
    /// It counts only when no letter or digit stands before it, as in a path that begins here.
    begins: bool,
    why: &'static str,
}

const MACHINE: &str = "a path of one machine";
const REGISTRY: &str = "the address of a registry: which one is asked is the user's own setting";
const UNFINISHED: &str = "unfinished code";

// Written in two halves, so that this file does not find itself.
const FORBIDDEN: &[Forbidden] = &[
    anywhere(concat!("/ro", "ot/"), true, MACHINE),
    anywhere(concat!("/ho", "me/"), true, MACHINE),
    anywhere(concat!("/Us", "ers/"), true, MACHINE),
    anywhere(concat!("/wo", "rk/"), true, MACHINE),
    anywhere(concat!("registry.npm", "js.org"), false, REGISTRY),
    anywhere(concat!("repo1.mav", "en.org"), false, REGISTRY),
    anywhere(concat!("repo.mav", "en.apache.org"), false, REGISTRY),
    anywhere(concat!("index.cra", "tes.io"), false, REGISTRY),
    anywhere(concat!("static.cra", "tes.io"), false, REGISTRY),
    anywhere(concat!("py", "pi.org"), false, REGISTRY),
    anywhere(concat!("pythonhos", "ted.org"), false, REGISTRY),
    anywhere(concat!("proxy.gol", "ang.org"), false, REGISTRY),
    Forbidden { text: concat!("\"resol", "ved\":"), in_files: "package-lock.json", begins: false, why: REGISTRY },
    in_code(concat!("to", "do!(")),
    in_code(concat!("unimplemen", "ted!(")),
    Forbidden { text: concat!("#[ign", "ore"), in_files: ".rs", begins: false, why: "a test that does not run" },
];

const fn anywhere(text: &'static str, begins: bool, why: &'static str) -> Forbidden {
    Forbidden { text, in_files: "", begins, why }
}

const fn in_code(text: &'static str) -> Forbidden {
    Forbidden { text, in_files: ".rs", begins: true, why: UNFINISHED }
}

/// Looks through every file that git has, or would take.
pub(crate) fn check() -> Result<()> {
    let mut git = std::process::Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(step::root());
    let names = step::output(&mut git)?;
    let mut wrong = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        // Deleted but not yet committed, or no text: nothing to read.
        let Ok(text) = fs::read_to_string(step::root().join(name)) else { continue };
        for (line, found) in findings(name, &text) {
            wrong.push(format!("{name}:{line}: {} ({})", found.text, found.why));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("text that must not be in the repository:\n  {}", wrong.join("\n  "))
}

fn findings(name: &str, text: &str) -> Vec<(usize, &'static Forbidden)> {
    let mut found = Vec::new();
    for forbidden in FORBIDDEN.iter().filter(|forbidden| name.ends_with(forbidden.in_files)) {
        for (number, line) in text.lines().enumerate() {
            let counts = |(at, _): (usize, &str)| {
                let before = line[..at].chars().next_back();
                !forbidden.begins || !before.is_some_and(|c| c.is_alphanumeric() || "._-~}".contains(c))
            };
            if line.match_indices(forbidden.text).any(counts) {
                found.push((number + 1, forbidden));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_there_is_found_where_it_counts() {
        let root = concat!("/ro", "ot/");
        for (name, text, lines) in [
            ("a.md", format!("x\nsee `{root}x`"), vec![2]),
            ("a.md", format!("https://host.example{root}x and $HOME{root}"), vec![]),
            ("a.md", format!("{root} and {root}"), vec![1]),
            ("a.rs", concat!("to", "do!()").to_owned(), vec![1]),
            ("a.md", concat!("to", "do!()").to_owned(), vec![]),
            ("a.rs", concat!("    #[ign", "ore = \"slow\"]").to_owned(), vec![1]),
            ("p/package-lock.json", concat!("\"resol", "ved\": \"x\"").to_owned(), vec![1]),
            ("Cargo.lock", concat!("https://registry.npm", "js.org/x").to_owned(), vec![1]),
        ] {
            let found: Vec<usize> = findings(name, &text).into_iter().map(|(line, _)| line).collect();
            assert_eq!(found, lines, "{name}: {text}");
        }
    }
}
