//! The configuration as it is used, without what must not be seen; and its documentation.

use super::schema::{Key, SECTIONS};
use super::tree::{Node, Table};
use serde_json::{Value, json};
use std::fmt::Write;

const HIDDEN: &str = "(hidden)";

/// A value for `config print`: of secrets only the place, of URLs nothing, because they carry keys.
pub(crate) fn shown(key: &Key, node: &Node) -> Value {
    match node {
        Node::Table(_) => visible(node),
        _ if key.secret => json!(HIDDEN),
        _ => visible(node),
    }
}

fn visible(node: &Node) -> Value {
    match node {
        Node::Text(text) => json!(text),
        Node::Int(number) => i64::try_from(*number).map_or(json!(number.to_string()), |number| json!(number)),
        Node::Bool(flag) => json!(flag),
        Node::List(items) => items.iter().map(|item| visible(&item.node)).collect(),
        Node::Table(table) => entries(table),
        Node::Other => Value::Null,
    }
}

fn entries(table: &Table) -> Value {
    let entry = |(name, (_, item)): (&String, &(_, super::tree::Item))| {
        let value = match &item.node {
            Node::Text(_) if name == "url" => json!(HIDDEN),
            node => visible(node),
        };
        (name.clone(), value)
    };
    Value::Object(table.iter().map(entry).collect())
}

/// `docs/config.md`: every key, made from the schema.
pub(crate) fn documentation() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         One TOML file. `tokengine init` writes one to begin with, `tokengine config check` reports every mistake in it at \
         once, and `tokengine config print` shows what is used and where each value comes from.\n\n\
         A value is taken from the first of these that has it: a flag of the command line, the environment, the file, the \
         default. In the environment a key is called `TOKENGINE_<SECTION>__<KEY>`, and within a section that may occur often \
         `TOKENGINE_<SECTION>__<ENTRY>__<KEY>`, in capitals, with `_` for whatever is neither a letter nor a digit: \
         `TOKENGINE_API__LISTEN`, `TOKENGINE_NETWORK__EIP155_1__REORG_DEPTH`. A list or a table is written as in the file.\n\n\
         A secret never stands in the file, but where `{ file = \"...\" }` or `{ env = \"...\" }` says.\n",
    );
    for section in SECTIONS {
        let name = section.heading();
        let times = if name.starts_with("[[") { " May occur often." } else { "" };
        let _ = write!(
            text,
            "\n## `{name}`\n\n{}{times}\n\n| key | takes | default | meaning |\n| --- | --- | --- | --- |\n",
            section.doc
        );
        for key in section.keys {
            let default = match key.default {
                Some(default) => format!("`{default}`"),
                None if key.required => "required".to_owned(),
                None => String::new(),
            };
            let _ = writeln!(text, "| `{}` | {} | {default} | {} |", key.name, key.takes, key.doc);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_documentation_is_that_of_the_schema() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");
        let committed = std::fs::read_to_string(file).unwrap_or_default();
        assert!(committed == super::documentation(), "run `cargo run -- config docs > docs/config.md` and commit it");
    }
}
