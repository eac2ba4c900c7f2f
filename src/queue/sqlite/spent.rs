//! Bodies that connectors are done with: dropped when room is needed, and with each purge.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::fault::Fault;
use super::settle;

/// Ranges of spent bodies looked at by one transaction.
const SPENT_STEP: usize = 1_000;

/// Drops bodies that connectors are done with and nobody else needs, until so many more pages are free; `false`: those were all.
pub(super) fn drop_spent(connection: &Connection, pages: i64) -> Result<bool, Fault> {
    let enough = free_pages(connection)? + pages;
    let mut next = connection.prepare_cached(include_str!("../../../sql/sqlite/query/spent_next.sql"))?;
    let mut forget = connection.prepare_cached(include_str!("../../../sql/sqlite/query/spent_forget.sql"))?;
    for _ in 0..SPENT_STEP {
        let range = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?));
        let Some((row, first, last)) = next.query_row([], range).optional()? else { return Ok(false) };
        settle::drop_bodies(connection, first, last)?;
        forget.execute([row])?;
        if free_pages(connection)? >= enough {
            break;
        }
    }
    Ok(true)
}

/// Pages of the file that are used again before it grows.
pub(super) fn free_pages(connection: &Connection) -> Result<i64, Fault> {
    let mut free = connection.prepare_cached(include_str!("../../../sql/sqlite/query/free_pages.sql"))?;
    Ok(free.query_row([], |row| row.get(0))?)
}
