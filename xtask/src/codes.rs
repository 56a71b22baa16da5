//! Stable codes: every one that the sources can answer with or log has a row in `docs/errors.md`, and the other way round.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::step;

const DOC: &str = "docs/errors.md";

/// Crates whose codes nobody but a developer ever sees.
const NOT_SHIPPED: &[&str] = &["bench", "testkit"];

/// Calls that take a code among their arguments: the first literal that looks like one is it.
const CALLS: &[&str] = &[
    "Problem::field(",
    "Problem::unsupported(",
    "Problem::new(",
    "Self::new(StatusCode::",
    "Self::new(Exit::",
    "Failure::new(",
    "Failure::of(",
    ".mistake(",
    ".problem(",
    ".warning(",
];

/// What a body of code literals begins with, and the text that ends it, on a line of its own with the same indentation.
const BODIES: &[(&str, &str)] = &[("fn code(", "}"), ("let code = match ", "};")];

/// A code in the place of a field.
const FIELD: &str = "code: \"";

/// A code where another has none.
const FALLBACKS: &[&str] = &["text(\"code\").unwrap_or(", "None => (\""];

/// Fails unless the document has every code, and no other.
pub(crate) fn check() -> Result<()> {
    let text = fs::read_to_string(step::root().join(DOC)).with_context(|| format!("{DOC} cannot be read"))?;
    let wrong = differences(&in_sources()?, &in_document(&text));
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{DOC} and the sources differ:\n  {}", wrong.join("\n  "))
}

fn differences(sources: &BTreeSet<String>, document: &BTreeSet<String>) -> Vec<String> {
    let missing = sources.difference(document).map(|code| format!("{code} has no row"));
    let stale = document.difference(sources).map(|code| format!("{code} is in no source"));
    missing.chain(stale).collect()
}

/// Rows of tables begin with the code: "| `amount-zero` |".
fn in_document(text: &str) -> BTreeSet<String> {
    let code = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    text.lines().filter_map(code).collect()
}

fn in_sources() -> Result<BTreeSet<String>> {
    let mut codes = BTreeSet::new();
    for folder in fs::read_dir(step::root().join("crates")).context("crates/ cannot be read")? {
        let folder = folder.context("crates/ cannot be read")?;
        if NOT_SHIPPED.iter().any(|name| folder.file_name() == *name) {
            continue;
        }
        let mut files = Vec::new();
        rust_files(&folder.path().join("src"), &mut files)?;
        for file in files {
            let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            codes.extend(in_source(&text));
        }
    }
    Ok(codes)
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "rs") && path.file_stem().is_some_and(|n| n != "tests") {
            found.push(path);
        }
    }
    Ok(())
}

fn in_source(text: &str) -> BTreeSet<String> {
    // Comments quote codes of others, and tests invent some.
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    // However rustfmt broke the line.
    let text = lines.collect::<Vec<_>>().join("\n");
    let (first, rest) = text.split_once("Self::new(\n").unwrap_or((&text, ""));
    let rest = rest.split("Self::new(\n").map(str::trim_start).collect::<Vec<_>>().join("Self::new(");
    let text = format!("{first}Self::new({rest}");
    let mut codes = BTreeSet::new();
    for (begin, end) in BODIES {
        for (at, _) in text.match_indices(begin) {
            // Nodes are asked for code of another kind.
            let line = text[at..].lines().next().unwrap_or_default();
            if begin.starts_with("fn") && !line.contains("str {") {
                continue;
            }
            codes.extend(literals(body(&text, at, end)).filter(|literal| is_code(literal)).map(str::to_owned));
        }
    }
    for call in CALLS {
        for (at, _) in text.match_indices(call) {
            let inside = arguments(&text[at + call.find('(').unwrap_or(0) + 1..]);
            codes.extend(literals(&inside).find(|literal| is_code(literal)).map(str::to_owned));
        }
    }
    for begin in FALLBACKS {
        for (at, _) in text.match_indices(begin) {
            let line = text[at..].lines().next().unwrap_or_default();
            codes.extend(literals(line).filter(|literal| is_code(literal) && *literal != "code").map(str::to_owned));
        }
    }
    for (at, _) in text.match_indices(FIELD) {
        codes.extend(literals(&text[at..]).next().filter(|literal| is_code(literal)).map(str::to_owned));
    }
    // Rows of the macro that makes all rejections: number, name, code, text.
    if let Some((_, rows)) = text.split_once("\nrejections! {") {
        let rows = rows.split("\n}").next().unwrap_or_default().lines();
        codes.extend(rows.filter_map(|row| literals(row).next()).map(str::to_owned));
    }
    codes
}

/// From `at` to the line that closes what is opened there, or to the end of the line if it closes there.
fn body<'t>(text: &'t str, at: usize, end: &str) -> &'t str {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let indentation: String = text[line..].chars().take_while(|c| *c == ' ').collect();
    let close = format!("\n{indentation}{end}");
    let rest = &text[at..];
    &rest[..rest.find(&close).unwrap_or(rest.len())]
}

/// Up to the parenthesis that closes the one before `text`, without what stands in parentheses of its own.
fn arguments(text: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (1_u32, false, false);
    let mut found = String::new();
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        match depth {
            0 => break,
            1 => found.push(c),
            _ => {}
        }
    }
    found
}

/// The texts between quotes.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

fn is_code(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-') && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_code_and_no_other() {
        check().expect("docs/errors.md is complete");
    }

    #[test]
    fn codes_are_found_where_they_stand() {
        let found = |text: &str| in_source(text).into_iter().collect::<Vec<_>>();
        for (text, codes) in [
            (
                "    fn code(self) -> &'static str {\n        match self {\n            A => \"a-one\",\n        }\n    }\n\
              fn other() { \"not-one\" }",
                vec!["a-one"],
            ),
            ("    fn code(&self) -> &'static str {\n        \"only\"\n    }", vec!["only"]),
            ("return Err(Problem::field(format!(\"/a/{at}\"), \"a-two\", \"is (not) good\"));", vec!["a-two"]),
            ("Self::new(StatusCode::CONFLICT, \"a-three\", \"in words\")", vec!["a-three"]),
            ("Self::new(\n    StatusCode::CONFLICT,\n    \"a-three\",\n)", vec!["a-three"]),
            ("Problem::field(pointer, error.code(), text)", vec![]),
            ("reader.mistake(&origin, \"a-four\", format!(\"another {what}\"));", vec!["a-four"]),
            ("Problem::field(at(\"scheme\"), \"a-six\", \"in words\")", vec!["a-six"]),
            ("Mistake { code: \"a-five\", place }", vec!["a-five"]),
            ("// Problem::new(\"a-seven\")", vec![]),
            ("#[cfg(test)]\nmod tests {\n    fn t() { Failure::new(Exit::Failed, \"a-eight\", x) }\n}", vec![]),
            (
                "x\nrejections! {\n    1 Zero \"a-zero\" \"none\";\n    #[transient] 2 One \"a-one\" \"one\";\n}",
                vec!["a-one", "a-zero"],
            ),
        ] {
            assert_eq!(found(text), codes, "{text}");
        }
    }

    #[test]
    fn a_code_without_a_row_and_a_row_without_a_code_are_told() {
        let set = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<BTreeSet<_>>();
        let document = in_document("| code | what |\n| --- | --- |\n| `a-one` | `a-two` is another |\n");
        assert_eq!(document, set(&["a-one"]));
        assert_eq!(differences(&set(&["a-two"]), &document), ["a-two has no row", "a-one is in no source"]);
    }
}
