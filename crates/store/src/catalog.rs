//! What the writer keeps in memory between batches: few rows that nearly every event needs, and the next free numbers.

use crate::column::Columns;
use crate::{Error, sql};
use rusqlite::Connection;
use tokengine_core::*;

/// A network, as far as following it needs.
#[derive(Clone, Debug)]
pub(crate) struct NetworkRow {
    pub(crate) caip2: Box<str>,
    pub(crate) reorg_depth: u32,
    pub(crate) native: Option<AssetIx>,
    /// Heights of the oldest and the newest of the scanned blocks that the engine remembers.
    pub(crate) scanned: Option<(u64, u64)>,
}

impl NetworkRow {
    /// How many blocks the engine remembers: the same rule as its own.
    pub(crate) fn horizon(&self) -> u64 {
        u64::from(self.reorg_depth).saturating_mul(4).clamp(64, 4096)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct AssetRow {
    pub(crate) token: TokenIx,
    /// How many more decimals the token has.
    pub(crate) places: u8,
}

/// As of `position`. A batch works on a copy, which takes this one's place when it is committed.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    pub(crate) position: Position,
    pub(crate) networks: Vec<NetworkRow>,
    pub(crate) tokens: Vec<u8>,
    pub(crate) assets: Vec<AssetRow>,
    pub(crate) next_account: AccountIx,
    pub(crate) next_wallet: WalletIx,
    pub(crate) next_suspense: SuspenseId,
    pub(crate) next_deposit: u64,
    pub(crate) next_entry: u64,
}

impl Catalog {
    pub(crate) fn read(connection: &Connection) -> Result<Self, Error> {
        let mut networks = Vec::new();
        for_each(connection, sql::READ_NETWORKS, |columns| {
            let (caip2, reorg_depth, native) = (columns.take()?, columns.take()?, columns.take()?);
            let scanned = columns.take::<Option<u64>>()?.zip(columns.take::<Option<u64>>()?);
            networks.push(NetworkRow { caip2, reorg_depth, native, scanned });
            Ok(())
        })?;
        let mut tokens: Vec<u8> = Vec::new();
        for_each(connection, sql::READ_TOKENS, |columns| {
            tokens.push(columns.take()?);
            Ok(())
        })?;
        let mut assets = Vec::new();
        for_each(connection, sql::READ_ASSETS, |columns| {
            let (token, decimals): (TokenIx, u8) = (columns.take()?, columns.take()?);
            let finer = tokens.get(token.row()).and_then(|token| token.checked_sub(decimals));
            let places = finer.ok_or(Error::Row { what: "an asset of a listed token" })?;
            assets.push(AssetRow { token, places });
            Ok(())
        })?;
        Ok(Self {
            position: one(connection, sql::READ_POSITION)?,
            networks,
            tokens,
            assets,
            next_account: one(connection, sql::NEXT_ACCOUNT)?,
            next_wallet: one(connection, sql::NEXT_WALLET)?,
            next_suspense: one(connection, sql::NEXT_SUSPENSE)?,
            next_deposit: one(connection, sql::NEXT_DEPOSIT)?,
            next_entry: one(connection, sql::NEXT_ENTRY)?,
        })
    }
}

fn for_each(
    connection: &Connection,
    sql: &str,
    mut each: impl FnMut(&mut Columns<'_, '_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(&mut Columns::new(row))?;
    }
    Ok(())
}

/// The only value of a statement's only row.
pub(crate) fn one<T: crate::column::Column>(connection: &Connection, sql: &str) -> Result<T, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let row = rows.next()?.ok_or(Error::Row { what: "a row that is always there" })?;
    Columns::new(row).take()
}
