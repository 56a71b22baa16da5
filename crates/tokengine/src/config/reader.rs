//! Reads values in layers (default, file, environment, flag), notes every mistake, and remembers what came from where.

use super::mistake::{Mistake, Origin, Source};
use super::schema::{self, Key, Section};
use super::tree::{self, Item, Node, Table};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// What a start is configured from.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    pub(crate) source: Source,
    /// The environment, as far as its names begin with [`ENV_PREFIX`].
    pub(crate) env: BTreeMap<String, String>,
    /// Flags of the command line: `engine.data`, its flag, its value as text.
    pub(crate) flags: Vec<(&'static str, &'static str, String)>,
    /// Nodes are asked: the secrets in their URLs are needed.
    pub(crate) asks_nodes: bool,
}

/// What names of our variables begin with; two underscores part section and key.
pub(crate) const ENV_PREFIX: &str = "TOKENGINE_";

/// A value as it is used, for `config print`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Shown {
    pub(crate) key: String,
    pub(crate) value: serde_json::Value,
    pub(crate) origin: &'static str,
    pub(crate) at: Option<String>,
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Collects mistakes while the parts of the configuration are read.
pub(crate) struct Reader<'a> {
    layers: &'a Layers,
    mistakes: RefCell<Vec<(Origin, Mistake)>>,
    warnings: RefCell<Vec<(Origin, Mistake)>>,
    /// Sections that the file seems to have under a misspelt name: what they lack may stand there.
    misspelt: RefCell<BTreeSet<&'static str>>,
    shown: RefCell<Vec<Shown>>,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(layers: &'a Layers) -> Self {
        let (mistakes, warnings, misspelt, shown, asked) = Default::default();
        Self { layers, mistakes, warnings, misspelt, shown, asked }
    }

    /// Notes a mistake, once: a value that is read twice is not wrong twice.
    pub(crate) fn mistake(&self, origin: &Origin, code: &'static str, text: impl Into<String>) {
        self.note(&self.mistakes, origin, code, text.into());
    }

    /// Notes what is taken as it is, and a person should know of.
    pub(crate) fn warning(&self, origin: &Origin, code: &'static str, text: impl Into<String>) {
        self.note(&self.warnings, origin, code, text.into());
    }

    fn note(&self, list: &RefCell<Vec<(Origin, Mistake)>>, origin: &Origin, code: &'static str, text: String) {
        let place = self.layers.source.place(origin);
        let noted = (origin.clone(), Mistake { code, place, text });
        let mut list = list.borrow_mut();
        if !list.contains(&noted) {
            list.push(noted);
        }
    }

    /// The configuration is read for something that asks nodes.
    pub(crate) fn asks_nodes(&self) -> bool {
        self.layers.asks_nodes
    }

    /// The text is no TOML, so that what is read of it may not be all that is meant.
    pub(crate) fn is_broken(&self) -> bool {
        self.mistakes.borrow().iter().any(|(_, mistake)| mistake.code == "config-syntax")
    }

    /// The document's sections; what is none is a mistake.
    pub(crate) fn document(&self) -> Table {
        let (root, errors) = tree::document(&self.layers.source.text);
        for (span, text) in errors {
            self.mistake(&Origin::File(span), "config-syntax", text);
        }
        for (name, (origin, _)) in &root {
            if schema::section(name).is_none() {
                let text = match schema::section_like(name) {
                    Some(meant) => {
                        self.misspelt.borrow_mut().insert(meant.name);
                        format!("there is no section of that name; is it {}?", meant.heading())
                    }
                    None => {
                        let known: Vec<&str> = schema::SECTIONS.iter().map(|section| section.name).collect();
                        format!("there is no section of that name; there are {}", known.join(", "))
                    }
                };
                self.mistake(origin, "config-unknown-section", text);
            }
        }
        root
    }

    /// A section that occurs once, or not at all.
    pub(crate) fn section(&'a self, root: &Table, name: &'static str) -> Group<'a> {
        let section = schema::section(name).expect("the schema has every section that is read");
        let mut items = Table::new();
        match root.get(name).map(|(_, item)| item) {
            Some(Item { node: Node::Table(table), .. }) => items = table.clone(),
            Some(Item { origin, .. }) => {
                self.mistake(origin, "config-type", format!("this is a section: write [{name}]"));
            }
            None => {}
        }
        Group::new(self, section, name.to_owned(), format!("{ENV_PREFIX}{}", env_name(name)), Origin::Default, items)
    }

    /// A section that may occur often.
    pub(crate) fn sections(&'a self, root: &Table, name: &'static str) -> Sections<'a> {
        let section = schema::section(name).expect("the schema has every section that is read");
        let refuse = |origin: &Origin| {
            self.mistake(origin, "config-type", format!("this is a section that may occur often: write [[{name}]]"));
        };
        let mut all = !self.misspelt.borrow().contains(name);
        let list = match root.get(name).map(|(_, item)| item) {
            Some(Item { node: Node::List(list), .. }) => list.as_slice(),
            Some(Item { origin, .. }) => {
                refuse(origin);
                all = false;
                &[]
            }
            None => &[],
        };
        let mut groups = Vec::new();
        for (number, item) in list.iter().enumerate() {
            let Node::Table(items) = &item.node else {
                refuse(&item.origin);
                all = false;
                continue;
            };
            // Entries are called by their name where they have one, else by their number, from 1.
            let named = section.named_by.and_then(|by| match &items.get(by)?.1.node {
                Node::Text(text) => Some(text.clone()),
                _ => None,
            });
            let named = named.unwrap_or_else(|| (number + 1).to_string());
            let env = format!("{ENV_PREFIX}{}__{}", env_name(name), env_name(&named));
            let path = format!("{name}.{named}");
            groups.push(Group::new(self, section, path, env, item.origin.clone(), items.clone()));
        }
        Sections { groups, all }
    }

    /// What was found wrong, in the order of the file, and what the values are.
    pub(crate) fn finish(self) -> Found {
        let asked = self.asked.borrow().clone();
        let misspelt = self.misspelt.borrow().clone();
        // A variable for an entry of a section that could not be found is not one mistake more.
        let may_be_meant = |name: &str| {
            misspelt.iter().any(|section| name.starts_with(&format!("{ENV_PREFIX}{}__", env_name(section))))
        };
        let unasked = |name: &&String| name.contains("__") && !asked.contains(*name) && !may_be_meant(name);
        for name in self.layers.env.keys().filter(unasked) {
            self.mistake(&Origin::Env(name.clone()), "config-unknown-variable", "it names no key of the configuration");
        }
        let mut mistakes = self.mistakes.into_inner();
        // What else is found in a text that cannot be read may be there only because it cannot.
        if mistakes.iter().any(|(_, mistake)| mistake.code == "config-syntax") {
            mistakes.retain(|(_, mistake)| mistake.code == "config-syntax");
        }
        Found {
            mistakes: in_order(mistakes),
            warnings: in_order(self.warnings.into_inner()),
            shown: self.shown.into_inner(),
        }
    }
}

fn in_order(mut noted: Vec<(Origin, Mistake)>) -> Vec<Mistake> {
    noted.sort_by_key(|(origin, _)| match origin {
        Origin::File(span) => (0, span.start),
        Origin::Env(_) | Origin::Flag(_) | Origin::Default => (1, 0),
    });
    noted.into_iter().map(|(_, mistake)| mistake).collect()
}

/// What reading came to.
pub(crate) struct Found {
    pub(crate) mistakes: Vec<Mistake>,
    pub(crate) warnings: Vec<Mistake>,
    pub(crate) shown: Vec<Shown>,
}

/// A name as it stands in the environment.
fn env_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// The entries of a section that may occur often.
pub(crate) struct Sections<'a> {
    pub(crate) groups: Vec<Group<'a>>,
    /// No entry is missing because it is none.
    pub(crate) all: bool,
}

/// One section, or one table within it, that is being read.
pub(crate) struct Group<'a> {
    pub(crate) reader: &'a Reader<'a>,
    section: &'static Section,
    path: String,
    env: String,
    /// Where it begins.
    pub(crate) origin: Origin,
    pub(crate) items: Table,
}

impl<'a> Group<'a> {
    fn new(
        reader: &'a Reader<'a>,
        section: &'static Section,
        path: String,
        env: String,
        origin: Origin,
        items: Table,
    ) -> Self {
        for (name, (origin, _)) in &items {
            if section.key(name).is_none() {
                let known: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
                let text = match known.iter().find(|known| schema::is_like(name, known)) {
                    Some(meant) => format!("[{}] has no such key; is it `{meant}`?", section.name),
                    None => format!("[{}] has no such key; it has {}", section.name, known.join(", ")),
                };
                reader.mistake(origin, "config-unknown-key", text);
            }
        }
        Self { reader, section, path, env, origin, items }
    }

    /// Notes a mistake about the whole of it.
    pub(crate) fn mistake(&self, code: &'static str, text: impl Into<String>) {
        self.reader.mistake(&self.origin, code, text);
    }

    /// Notes a mistake about the value of one key.
    pub(crate) fn mistake_in(&self, name: &str, code: &'static str, text: impl Into<String>) {
        let found = self.glance(name);
        self.reader.mistake(found.as_ref().map_or(&self.origin, |item| &item.origin), code, text);
    }

    /// The value of a key from the uppermost layer that has it.
    pub(crate) fn item(&self, name: &str) -> Option<Item> {
        let key = self.section.key(name).expect("the schema has every key that is read");
        let found = self.look(key);
        // One that stands there under a misspelt name is told as that.
        let misspelt = |given: &String| self.section.key(given).is_none() && schema::is_like(given, key.name);
        if found.is_none() && key.required && !self.items.keys().any(misspelt) {
            self.mistake("config-missing-key", format!("[{}] needs `{name}`: {}", self.section.name, key.takes));
        }
        if let Some(item) = &found {
            self.show(key, item);
        }
        found
    }

    fn look(&self, key: &Key) -> Option<Item> {
        let layers = self.reader.layers;
        let dotted = format!("{}.{}", self.path, key.name);
        let variable = format!("{}__{}", self.env, env_name(key.name));
        self.reader.asked.borrow_mut().insert(variable.clone());
        if let Some((_, flag, text)) = layers.flags.iter().find(|(of, ..)| **of == dotted) {
            return Some(plain(text, Origin::Flag(flag)));
        }
        let from_env = layers.env.get(&variable).map(|text| plain(text, Origin::Env(variable)));
        let from_file = || self.items.get(key.name).map(|(_, item)| item.clone());
        let from_default = || {
            let text = key.default?;
            Some(tree::value(text, &Origin::Default).expect("the defaults of the schema are TOML"))
        };
        from_env.or_else(from_file).or_else(from_default)
    }

    fn show(&self, key: &Key, item: &Item) {
        let at = (item.origin != Origin::Default).then(|| self.reader.layers.source.place(&item.origin));
        let name = format!("{}.{}", self.path, key.name);
        let mut shown = self.reader.shown.borrow_mut();
        if shown.iter().any(|shown| shown.key == name) {
            return;
        }
        shown.push(Shown { key: name, value: super::print::shown(key, &item.node), origin: item.origin.name(), at });
    }

    fn wrong_type(&self, name: &str, item: &Item) {
        let takes = self.section.key(name).map_or("something else", |key| key.takes);
        let text = format!("`{name}` takes {takes}, and this is {}", item.node.kind());
        self.reader.mistake(&item.origin, "config-type", text);
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<At<String>> {
        let item = self.item(name)?;
        let text = as_text(&item);
        if text.is_none() {
            self.wrong_type(name, &item);
        }
        Some(At { value: text?, origin: item.origin })
    }

    /// The value of a key as it stands, for checks across entries.
    pub(crate) fn glance(&self, name: &str) -> Option<Item> {
        self.look(self.section.key(name).expect("the schema has every key that is read"))
    }

    /// A text that `parse` understands, for checks across entries: what is wrong with it is told where the entry is read.
    pub(crate) fn peek<T, E>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<At<T>> {
        let item = self.glance(name)?;
        Some(At { value: parse(&as_text(&item)?).ok()?, origin: item.origin })
    }

    /// A text that `parse` understands.
    pub(crate) fn parsed<T, E: Display>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<At<T>> {
        let At { value, origin } = self.text(name)?;
        match parse(&value) {
            Ok(value) => Some(At { value, origin }),
            Err(error) => {
                self.reader.mistake(&origin, "config-value", format!("`{name}`: {error}"));
                None
            }
        }
    }

    /// A whole number of at least `least`.
    pub(crate) fn number<T: TryFrom<i128> + Copy>(&self, name: &str, least: i128) -> Option<T> {
        let item = self.item(name)?;
        let Node::Int(number) = item.node else {
            self.wrong_type(name, &item);
            return None;
        };
        let fits = (number >= least).then(|| T::try_from(number).ok()).flatten();
        if fits.is_none() {
            let text = if number < least { format!("must be at least {least}") } else { "is too large".to_owned() };
            self.reader.mistake(&item.origin, "config-value", format!("`{name}` {text}"));
        }
        fits
    }

    /// True or false.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let item = self.item(name)?;
        match &item.node {
            Node::Bool(flag) => Some(*flag),
            _ => {
                self.wrong_type(name, &item);
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Option<T> {
        self.parsed(name, |text| pick(text, words)).map(|at| at.value)
    }
}

/// What stands for `text` in a list of words.
pub(crate) fn pick<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    found.ok_or_else(|| format!("it is one of {}", all.join(", ")))
}

/// The text in an item.
fn as_text(item: &Item) -> Option<String> {
    match (&item.node, &item.origin) {
        (Node::Text(text), _) => Some(text.clone()),
        // A variable has no quotes that would tell "12" from 12.
        (Node::Int(number), Origin::Env(_) | Origin::Flag(_)) => Some(number.to_string()),
        _ => None,
    }
}

/// The text of a variable or a flag: a whole number, true, false, a list or a table where it is written as one, else text.
fn plain(text: &str, origin: Origin) -> Item {
    match tree::value(text, &origin) {
        Some(item) if !matches!(item.node, Node::Other | Node::Text(_)) => item,
        _ => Item { node: Node::Text(text.to_owned()), origin },
    }
}
