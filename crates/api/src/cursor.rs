//! Pages: where the next one begins, sealed so that it is ours and of the same list.

use crate::app::App;
use crate::body::Query;
use crate::{Problem, view};
use tokengine_store::{Listing, MAX_PAGE, Page};

const DEFAULT_LIMIT: u16 = 50;

/// What `?limit=` and `?cursor=` ask for. `list` names the list and its filter: a cursor of another one is refused.
pub(crate) fn page(app: &App, query: &mut Query, list: &str) -> Result<Page, Problem> {
    let (after, limit) = position(app, query, list)?;
    Ok(match after {
        Some(after) => Page::after(after, limit),
        None => Page::first(limit),
    })
}

/// The same as a plain number.
pub(crate) fn position(app: &App, query: &mut Query, list: &str) -> Result<(Option<u64>, u16), Problem> {
    let limit = query.parse::<u16>("limit", "a whole number from 1 to 200")?.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > MAX_PAGE {
        return Err(Problem::field("?limit", "parameter-invalid", "must be a whole number from 1 to 200"));
    }
    let Some(cursor) = query.take("cursor")? else { return Ok((None, limit)) };
    let content = app.cursors.open(&cursor).ok_or_else(Problem::cursor_invalid)?;
    let (after, of) = content.split_first_chunk::<8>().ok_or_else(Problem::cursor_invalid)?;
    if of != hash(list) {
        return Err(Problem::cursor_invalid());
    }
    Ok((Some(u64::from_be_bytes(*after)), limit))
}

/// The cursor of the page that begins after `key`.
pub(crate) fn next(app: &App, list: &str, key: u64) -> String {
    app.cursors.close(&[&key.to_be_bytes()[..], &hash(list)].concat())
}

fn hash(list: &str) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(list.as_bytes()).as_bytes()[..8]);
    short
}

/// A page of what was read, each made into what goes out.
pub(crate) fn finish<T, V>(
    app: &App,
    list: &str,
    listing: Listing<T>,
    items: impl FnOnce(Vec<T>) -> Result<Vec<V>, Problem>,
) -> Result<view::Page<V>, Problem> {
    let next_cursor = listing.next.map(|key| next(app, list, key));
    Ok(view::Page { items: items(listing.items)?, next_cursor })
}
