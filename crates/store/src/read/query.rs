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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Location;
    use crate::read::*;
    use crate::{ClaimState, DepositState, DispatchPurpose, PayoutState, SuspenseState, TransferState};
    use tokengine_core::{AccountIx, NetworkIx, TxId, WalletIx};

    fn plan<T: Item>(connection: &Connection, mut conditions: Conditions, filtered: bool) {
        for page in [Page::first(50), Page::after(1_000, 50)] {
            let sql = conditions.page_sql::<T>(&page);
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(&conditions.values), |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            let steps = steps.join("; ");
            assert!(!steps.contains("TEMP B-TREE"), "it sorts: {sql}\n{steps}");
            assert!(!filtered || !steps.contains("SCAN"), "it looks at everything: {sql}\n{steps}");
            assert!(!filtered || steps.contains("INDEX"), "it looks at everything: {sql}\n{steps}");
        }
    }

    /// A page costs what it shows, however much there is: no list is sorted, and with a filter none is read from its end.
    #[test]
    fn no_page_sorts_or_looks_at_everything() {
        let database = Location::memory().writer().unwrap();
        let connection = &database.connection;
        let account = Some(AccountIx(1));
        let tx = Some((NetworkIx(0), TxId([1; 32])));
        for account in [None, account] {
            for tx in [None, tx] {
                for stated in [false, true] {
                    let filtered = account.is_some() || tx.is_some() || stated;
                    let state = stated.then_some(DepositState::Confirming);
                    plan::<Deposit>(connection, DepositFilter { account, tx, state }.conditions(), filtered);
                    let state = stated.then_some(ClaimState::Open);
                    plan::<Claim>(connection, ClaimFilter { account, tx, state }.conditions(), filtered);
                    let state = stated.then_some(TransferState::Waiting);
                    plan::<Transfer>(connection, TransferFilter { account, tx, state }.conditions(), filtered);
                }
            }
        }
        for account in [None, account] {
            for state in [None, Some(PayoutState::Sent)] {
                for open in [false, true] {
                    let filtered = account.is_some() || state.is_some();
                    plan::<Payout>(connection, PayoutFilter { account, state, open }.conditions(), filtered);
                }
            }
        }
        for wallet in [None, Some(WalletIx(3))] {
            for purpose in [None, Some(DispatchPurpose::Sweep)] {
                let filtered = wallet.is_some() || purpose.is_some();
                for open in [false, true] {
                    plan::<Dispatch>(connection, DispatchFilter { wallet, purpose, open }.conditions(), filtered);
                }
            }
        }
        for account in [None, account] {
            let network = Some(NetworkIx(0));
            plan::<Wallet>(connection, WalletFilter { account, network }.conditions(), account.is_some());
        }
        plan::<Suspense>(connection, Conditions::default().with_state(Some(&SuspenseState::Open)), true);
        plan::<Account>(connection, Conditions::default(), false);
        plan::<AuditEntry>(connection, Conditions::default(), false);
    }

    /// What is looked up is found by a key, in the order in which the statement was written.
    #[test]
    fn no_look_up_reads_a_whole_table() {
        let database = Location::memory().writer().unwrap();
        for sql in [
            sql::HISTORY,
            sql::FIRST_ENTRY,
            sql::ENTRY_BEFORE,
            sql::DEPOSIT_STEPS,
            sql::PAYOUT_STEPS,
            sql::SEARCH_ACCOUNTS,
            sql::NAMES_OF_ACCOUNT,
            sql::BOOKS_OF_ACCOUNT,
            sql::DISPATCH_OF_TX,
            sql::SELECT_ATTEMPTS,
            sql::READ_BOOKS,
            sql::ORPHAN_STEPS,
            sql::ORPHAN_DEPOSITS,
            sql::UNWATCH_DEPOSITS,
            sql::SEEN_ABOVE,
            sql::OPEN_CLAIM,
            sql::CLOSE_CLAIM,
            sql::REVERSE_SUSPENSE,
            sql::FOLLOW_DISPATCH,
        ]
        .into_iter()
        .chain(sql::JOIN_LISTS)
        {
            let mut statement = database.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![Value::Null; statement.parameter_count()];
            let steps =
                statement.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
            for step in steps.map(Result::unwrap) {
                let whole = step.starts_with("SCAN") && !["SCAN c", "SCAN CONSTANT ROW"].contains(&&*step);
                assert!(!whole, "{step}: {sql}");
            }
        }
    }
}
