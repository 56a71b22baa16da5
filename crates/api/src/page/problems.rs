//! `/problems/<code>`: what a code means and what to do, where the `type` of a problem leads. It is the table of codes in
//! the documentation, as this release has it, so that the link works without any other place.

use super::{html, parts};
use crate::Problem;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const DOCUMENT: &str = include_str!("../../../../docs/errors.md");

static CODES: LazyLock<BTreeMap<&str, Code<'static>>> = LazyLock::new(|| codes(DOCUMENT));

/// One row of a table of codes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Code<'a> {
    /// The heading above its table.
    about: &'a str,
    /// What the table says of it: a column's name and its text.
    said: Vec<(&'a str, &'a str)>,
}

/// The rows of all tables whose first column is a code.
fn codes(document: &str) -> BTreeMap<&str, Code<'_>> {
    let (mut about, mut columns): (&str, Vec<&str>) = ("", Vec::new());
    let mut codes = BTreeMap::new();
    for line in document.lines() {
        if line.starts_with('#') {
            about = line.trim_start_matches('#').trim();
        }
        let Some(row) = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
            columns.clear();
            continue;
        };
        let cells: Vec<&str> = row.split(" | ").collect();
        if columns.is_empty() {
            columns = cells;
        } else if let Some(code) = cells[0].strip_prefix('`').and_then(|code| code.strip_suffix('`')) {
            let said = columns.iter().copied().zip(cells).skip(1).collect();
            codes.insert(code, Code { about, said });
        }
    }
    codes
}

/// All of them.
pub(super) async fn list() -> Response {
    html(
        StatusCode::OK,
        parts::frame(
            "TokEngine: codes",
            &html! {
                main.codes {
                    h1 { "Codes" }
                    p { "Every stable code that this release answers with, prints or logs." }
                    ul { @for code in CODES.keys() { li { a href={ "/problems/" (code) } { code { (code) } } } } }
                }
            },
        ),
    )
}

/// One of them.
pub(super) async fn one(Path(code): Path<String>) -> Result<Response, Problem> {
    let Some(found) = CODES.get(code.as_str()) else { return Err(Problem::not_found("code")) };
    let markup = parts::frame(
        &format!("TokEngine: {code}"),
        &html! {
            main.codes {
                h1 { code { (code) } }
                p { (found.about) }
                dl { @for (column, text) in &found.said { dt { (column) } dd { (words(text)) } } }
                p { a href="/problems" { "All codes" } }
            }
        },
    );
    Ok(html(StatusCode::OK, markup))
}

/// A cell of the table: code in its own type, and of links the words.
fn words(text: &str) -> Markup {
    let plain = |text: &str| -> String {
        let mut told = String::new();
        let mut rest = text;
        while let Some((before, link)) = rest.split_once('[') {
            let whole = link.split_once("](").and_then(|(name, after)| Some((name, after.split_once(')')?.1)));
            let Some((name, after)) = whole else { break };
            told.push_str(before);
            told.push_str(name);
            rest = after;
        }
        told.push_str(rest);
        told.replace("**", "")
    };
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (plain(part)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_read_row_by_row() {
        let text = "## Doors\n\n| code | HTTP | what |\n| --- | --- | --- |\n| `a-one` | 422 | Do `x` |\n\ntext\n\n\
                    ### Keys\n\n| code | what |\n| --- | --- |\n| `a-two` | See [here](there.md). |\n| no | code |\n";
        let found = codes(text);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["a-one", "a-two"]);
        assert_eq!(found["a-one"], Code { about: "Doors", said: vec![("HTTP", "422"), ("what", "Do `x`")] });
        assert_eq!(found["a-two"].about, "Keys");
        assert_eq!(words(found["a-two"].said[0].1).into_string(), "See here.");
        assert_eq!(words("Do `a<b` **now**").into_string(), "Do <code>a&lt;b</code> now");
    }
}
