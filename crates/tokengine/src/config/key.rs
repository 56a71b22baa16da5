//! `[[key]]`: what `keys` reads, with the types checked first, so that no value is repeated in a message.

use super::network::optional;
use super::reader::Group;
use super::tree::{Node, Table, to_toml};
use serde::Deserialize as _;
use tokengine_keys::{KeyName, KeySpec, KeyStage};

/// Keys that take a text; `account` takes a number, and all others a table.
const TEXTS: &[&str] = &["name", "stage", "address", "keystore", "seed", "path", "xpub"];
const TABLES: &[&str] = &["password", "private-key", "mnemonic", "passphrase", "remote"];

/// Reads one `[[key]]`.
pub(crate) fn key(group: &Group<'_>) -> Option<KeySpec> {
    let name =
        group.parsed("name", |text| text.parse::<KeyName>().map_err(|_| "a name is 1 to 32 of a-z, 0-9 and '-'"));
    let stages = [("active", KeyStage::Active), ("retiring", KeyStage::Retiring)];
    let stage = group.word("stage", &stages);
    let mut table = Table::new();
    let mut fine = true;
    for text in TEXTS {
        let given = optional(group, text, |text| Ok::<_, &str>(text.to_owned()));
        fine &= given.is_some();
        if let Some(item) = group.item(text) {
            table.insert((*text).to_owned(), (item.origin.clone(), item));
        }
    }
    for place in TABLES {
        let Some(item) = group.item(place) else { continue };
        if !matches!(item.node, Node::Table(_)) {
            let text = "a secret is never written here, but where it is kept: { file = \"...\" } or { env = \"...\" }";
            group.reader.mistake(&item.origin, "config-secret", format!("`{place}`: {text}"));
            fine = false;
        }
        table.insert((*place).to_owned(), (item.origin.clone(), item));
    }
    if let Some(item) = group.item("account") {
        fine &= group.number::<u32>("account", 0).is_some();
        table.insert("account".to_owned(), (item.origin.clone(), item));
    }
    fine &= remote_is_typed(group, &table);
    name.filter(|_| fine && stage.is_some())?;
    match KeySpec::deserialize(to_toml(&Node::Table(table))) {
        Ok(spec) => Some(spec),
        Err(error) => {
            group.mistake("config-key", error.message().to_owned());
            None
        }
    }
}

fn remote_is_typed(group: &Group<'_>, table: &Table) -> bool {
    let Some((_, item)) = table.get("remote") else { return true };
    let Node::Table(remote) = &item.node else { return false };
    let mut fine = true;
    for (name, (origin, item)) in remote {
        let right = match name.as_str() {
            "url" => matches!(item.node, Node::Text(_)),
            "token" => matches!(item.node, Node::Table(_)),
            "timeout-ms" => matches!(item.node, Node::Int(_)),
            _ => false,
        };
        if !right {
            let text = "`remote` is { url = \"...\", token = { env = \"...\" }, timeout-ms = 5000 }";
            group.reader.mistake(origin, "config-type", text);
            fine = false;
        }
    }
    fine
}
