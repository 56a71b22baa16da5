//! The file as a tree of values, each with the place it stands at.

use super::mistake::Origin;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) node: Node,
    pub(crate) origin: Origin,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Text(String),
    Int(i128),
    Bool(bool),
    List(Vec<Item>),
    Table(Table),
    /// A float or a date: nothing here takes one.
    Other,
}

/// Keys and values, each key with its place.
pub(crate) type Table = BTreeMap<String, (Origin, Item)>;

impl Node {
    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Int(_) => "a whole number",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other => "a value of a kind that nothing here takes",
        }
    }
}

/// The tree of a document, and every error of its syntax.
pub(crate) fn document(text: &str) -> (Table, Vec<(Range<usize>, String)>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let at = |span: Range<usize>| Origin::File(span);
    // Only the words of the parser: what it found is not repeated.
    let errors = errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message().to_owned())).collect();
    (table(root.get_ref(), &at), errors)
}

/// One value, written as it would stand in the file; `None` when it is none.
pub(crate) fn value(text: &str, origin: &Origin) -> Option<Item> {
    let parsed = DeValue::parse(text).ok()?;
    Some(item(&parsed, &|_| origin.clone()))
}

fn table(table: &DeTable<'_>, at: &dyn Fn(Range<usize>) -> Origin) -> Table {
    let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        (key.get_ref().clone().into_owned(), (at(key.span()), item(value, at)))
    };
    table.iter().map(entry).collect()
}

fn item(value: &Spanned<DeValue<'_>>, at: &dyn Fn(Range<usize>) -> Origin) -> Item {
    let node = match value.get_ref() {
        DeValue::String(text) => Node::Text(text.clone().into_owned()),
        DeValue::Integer(number) => {
            i128::from_str_radix(number.as_str(), number.radix()).map_or(Node::Other, Node::Int)
        }
        DeValue::Boolean(flag) => Node::Bool(*flag),
        DeValue::Array(items) => Node::List(items.iter().map(|value| item(value, at)).collect()),
        DeValue::Table(inner) => Node::Table(table(inner, at)),
        DeValue::Float(_) | DeValue::Datetime(_) => Node::Other,
    };
    Item { node, origin: at(value.span()) }
}

/// Back to TOML, for what is read by `serde` and for showing.
pub(crate) fn to_toml(node: &Node) -> toml::Value {
    match node {
        Node::Text(text) => toml::Value::String(text.clone()),
        Node::Int(number) => toml::Value::Integer(i64::try_from(*number).unwrap_or(i64::MAX)),
        Node::Bool(flag) => toml::Value::Boolean(*flag),
        Node::List(items) => toml::Value::Array(items.iter().map(|item| to_toml(&item.node)).collect()),
        Node::Table(table) => {
            toml::Value::Table(table.iter().map(|(key, (_, item))| (key.clone(), to_toml(&item.node))).collect())
        }
        Node::Other => toml::Value::String(String::new()),
    }
}
