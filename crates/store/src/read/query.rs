//! Lists with filters: a fixed select, the conditions that were asked for, an order, a limit.

use crate::catalog::one;
use crate::column::{Bind, Column, Columns};
use crate::{Error, Listing, Page, sql};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Params};

/// A row of a list that is ordered by a number of its own.
pub(crate) trait Item: Sized {
    /// Its columns, in the order in which [`Self::read`] takes them, and its table.
    const SELECT: &'static str;
    /// What the list is ordered by.
    const KEY: &'static str = "id";
    fn read(columns: &mut Columns<'_, '_>) -> Result<Self, Error>;
    fn key(&self) -> u64;
}

/// Conditions that must all hold. Texts are ours, never a client's; values are bound.
#[derive(Default)]
pub(crate) struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// `column` is `value`; nothing when there is no value to compare with.
    pub(crate) fn with<T: Column>(mut self, column: &str, value: Option<&T>) -> Self {
        if let Some(value) = value {
            let number = self.bind(value);
            self.texts.push(format!("{column} = ?{number}"));
        }
        self
    }

    /// The same for a state. Beside another condition its own index is left out: that of the other one finds far fewer
    /// rows, and the planner cannot know.
    pub(crate) fn with_state<T: Column>(self, value: Option<&T>) -> Self {
        let column = if self.texts.is_empty() { "state" } else { "state || ''" };
        self.with(column, value)
    }

    /// A condition without a value.
    pub(crate) fn holds(mut self, text: &'static str, wanted: bool) -> Self {
        if wanted {
            self.texts.push(text.to_owned());
        }
        self
    }

    fn bind<T: Column>(&mut self, value: &T) -> usize {
        self.values.push(owned_value(value));
        self.values.len()
    }

    /// The statement for a page, newest first, with one row more than it has: whether there is a next page.
    pub(crate) fn page_sql<T: Item>(&mut self, page: &Page) -> String {
        if let Some(after) = page.key() {
            let number = self.bind(after);
            self.texts.push(format!("{} < ?{number}", T::KEY));
        }
        let conditions =
            if self.texts.is_empty() { String::new() } else { format!(" WHERE {}", self.texts.join(" AND ")) };
        let limit = page.limit() + 1;
        format!("{}{conditions} ORDER BY {} DESC LIMIT {limit}", T::SELECT, T::KEY)
    }

    pub(crate) fn page<T: Item>(mut self, connection: &Connection, page: &Page) -> Result<Listing<T>, Error> {
        let sql = self.page_sql::<T>(page);
        let items = read_all(connection, &sql, rusqlite::params_from_iter(&self.values))?;
        listing(connection, items, page.limit(), T::key)
    }
}

/// A value that outlives what it was made from.
fn owned_value(value: &impl Column) -> Value {
    match value.to_column() {
        ToSqlOutput::Owned(value) => value,
        ToSqlOutput::Borrowed(ValueRef::Integer(number)) => Value::Integer(number),
        ToSqlOutput::Borrowed(ValueRef::Text(text)) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ToSqlOutput::Borrowed(ValueRef::Blob(bytes)) => Value::Blob(bytes.to_vec()),
        _ => Value::Null, // no column makes another kind
    }
}

/// Cuts the row too many off and says where the next page begins.
pub(crate) fn listing<T, K>(
    connection: &Connection,
    mut items: Vec<T>,
    limit: usize,
    key: impl Fn(&T) -> K,
) -> Result<Listing<T, K>, Error> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(key);
    Ok(Listing { items, next, position: one(connection, sql::READ_POSITION)? })
}

/// Every row of a statement.
pub(crate) fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    mut read: impl FnMut(&mut Columns<'_, '_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(&mut Columns::new(row))?);
    }
    Ok(all)
}

pub(crate) fn read_all<T: Item>(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<T>, Error> {
    rows(connection, sql, parameters, T::read)
}

/// The only value of a statement's first row, if there is a row.
pub(crate) fn find<T: Column>(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Option<T>, Error> {
    Ok(rows(connection, sql, parameters, |columns| columns.take())?.into_iter().next())
}

/// The row of that key.
pub(crate) fn by_key<T: Item, K: Column>(connection: &Connection, key: &K) -> Result<Option<T>, Error> {
    let sql = format!("{} WHERE {} = ?1", T::SELECT, T::KEY);
    Ok(read_all(connection, &sql, [Bind(key)])?.into_iter().next())
}
