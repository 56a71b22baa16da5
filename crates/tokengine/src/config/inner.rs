//! Tables and lists within a value: nodes of a network, fees and tiers of an asset, and places of secrets.

use super::mistake::Origin;
use super::reader::Reader;
use super::tree::{Item, Node, Table};
use std::path::Path;
use tokengine_core::{Amount, Finality};
use tokengine_keys::{Secret, SecretSource};

/// A table within a value.
pub(crate) struct Inner<'a> {
    reader: &'a Reader<'a>,
    what: &'static str,
    items: &'a Table,
    pub(crate) origin: &'a Origin,
}

impl<'a> Inner<'a> {
    /// The table in `item`, which may have `keys` and no others.
    pub(crate) fn new(reader: &'a Reader<'a>, what: &'static str, item: &'a Item, keys: &[&str]) -> Option<Self> {
        let Node::Table(items) = &item.node else {
            reader.mistake(&item.origin, "config-type", format!("{what} is a table with {}", keys.join(", ")));
            return None;
        };
        for (name, (origin, _)) in items {
            if !keys.contains(&name.as_str()) {
                let text = format!("{what} has no such key; it has {}", keys.join(", "));
                reader.mistake(origin, "config-unknown-key", text);
            }
        }
        Some(Self { reader, what, items, origin: &item.origin })
    }

    fn wrong(&self, origin: &Origin, name: &str, why: impl std::fmt::Display) {
        self.reader.mistake(origin, "config-value", format!("`{name}` of {}: {why}", self.what));
    }

    pub(crate) fn item(&self, name: &str) -> Option<&'a Item> {
        self.items.get(name).map(|(_, item)| item)
    }

    pub(crate) fn missing(&self, name: &str) {
        self.reader.mistake(self.origin, "config-missing-key", format!("{} needs `{name}`", self.what));
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        let item = self.item(name)?;
        match &item.node {
            Node::Text(text) => Some(text),
            node => {
                self.wrong(&item.origin, name, format!("it takes a text, and this is {}", node.kind()));
                None
            }
        }
    }

    pub(crate) fn number<T: TryFrom<i128>>(&self, name: &str, least: i128, default: T) -> Option<T> {
        let Some(item) = self.item(name) else { return Some(default) };
        match item.node {
            Node::Int(number)
                if number >= least
                    && let Ok(number) = T::try_from(number) =>
            {
                Some(number)
            }
            _ => {
                self.wrong(&item.origin, name, format!("it takes a whole number of at least {least}"));
                None
            }
        }
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> Option<bool> {
        match self.item(name).map(|item| (&item.node, &item.origin)) {
            None => Some(default),
            Some((Node::Bool(flag), _)) => Some(*flag),
            Some((_, origin)) => {
                self.wrong(origin, name, "it takes true or false");
                None
            }
        }
    }

    /// A decimal number as base units.
    pub(crate) fn amount(&self, name: &str, decimals: u8, default: Amount) -> Option<Amount> {
        let Some(item) = self.item(name) else { return Some(default) };
        match self.text(name).map(|text| Amount::parse_decimal(text, decimals)) {
            Some(Ok(amount)) => Some(amount),
            Some(Err(error)) => {
                self.wrong(&item.origin, name, error);
                None
            }
            None => None,
        }
    }

    /// A text that may be written here, or kept elsewhere because it carries a key.
    pub(crate) fn maybe_secret(&self, name: &str, base: &Path) -> Option<Secret<String>> {
        let Some(item) = self.item(name) else {
            self.missing(name);
            return None;
        };
        if let Node::Text(text) = &item.node {
            return Some(Secret::new(text.clone()));
        }
        let place = Inner::new(self.reader, "the place of a secret", item, &["env", "file"])?;
        let source = match (place.text("env"), place.text("file")) {
            (Some(env), None) => SecretSource::Env(env.to_owned()),
            (None, Some(file)) => SecretSource::File(base.join(file)),
            _ => {
                self.wrong(&item.origin, name, "it is either { env = \"...\" } or { file = \"...\" }");
                return None;
            }
        };
        match source.read() {
            Ok(secret) => Some(secret),
            // Whoever asks no node needs no way to one.
            Err(_) if !self.reader.asks_nodes() => Some(Secret::new("http://not-asked.invalid".to_owned())),
            Err(error) => {
                self.reader.mistake(&item.origin, "config-secret", error.to_string());
                None
            }
        }
    }
}

/// A number of blocks, `"safe"` or `"finalized"`.
pub(crate) fn finality(reader: &Reader<'_>, item: &Item) -> Option<Finality> {
    let level = match &item.node {
        Node::Int(blocks) if *blocks > 0 => u32::try_from(*blocks).ok().map(Finality::Confirmations),
        Node::Text(text) if text == "safe" => Some(Finality::Safe),
        Node::Text(text) if text == "finalized" => Some(Finality::Finalized),
        _ => None,
    };
    if level.is_none() {
        let text = "how final is a number of blocks from 1 on, \"safe\" or \"finalized\"";
        reader.mistake(&item.origin, "config-value", text);
    }
    level
}
