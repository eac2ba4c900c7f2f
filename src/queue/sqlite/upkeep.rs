//! Taking things out: bodies that are not public any more, and what need not be kept any longer.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault::Fault;
use super::{read, settle, spent};
use crate::changeset::Subject;
use crate::message::Body;
use crate::queue::kept::{body_from_columns, size, subject};

/// Rows of `body` rewritten on each side of a redacted one.
const NEIGHBOURS: i64 = 64;

/// Redacted messages rewritten at once; bounds memory.
const AT_ONCE: usize = 32;

/// Rows looked at by one purging transaction, so that deliveries need not wait long for it.
const PURGE_STEP: i64 = 5_000;

/// Replaces bodies by their events, and leaves no byte of the rest in the file.
///
/// SQLite zeroes what it deletes, but when it balances pages it leaves copies of moved rows in the gaps of pages that stay.
/// Such copies are near: so the neighbours are taken out too, which empties and zeroes whole pages, and put in again.
pub(super) fn redact(connection: &Connection, sequences: &[i64]) -> Result<(), Fault> {
    let mut sorted = sequences.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    for near in sorted.chunk_by(|a, b| b - a <= NEIGHBOURS).flat_map(|near| near.chunks(AT_ONCE)) {
        let edge = |sql: &str, sequence: i64| -> Result<Option<i64>, Fault> {
            Ok(connection.prepare_cached(sql)?.query_row([sequence, NEIGHBOURS + 1], |row| row.get(0))?)
        };
        let (low, high) = (near[0], near[near.len() - 1]);
        let first = edge(include_str!("../../../sql/sqlite/query/body_before.sql"), low)?.unwrap_or(low);
        let last = edge(include_str!("../../../sql/sqlite/query/body_after.sql"), high)?.unwrap_or(high);
        rewrite(connection, first, last, near)?;
    }
    Ok(())
}

fn rewrite(connection: &Connection, first: i64, last: i64, redacted: &[i64]) -> Result<(), Fault> {
    let bodies = bodies(connection, first, last)?;
    connection.prepare_cached(include_str!("../../../sql/sqlite/query/body_drop_all.sql"))?.execute([first, last])?;
    let mut add = connection.prepare_cached(include_str!("../../../sql/sqlite/query/body_add.sql"))?;
    let mut resize = connection.prepare_cached(include_str!("../../../sql/sqlite/query/entry_resize.sql"))?;
    let mut resize_parked = connection.prepare_cached(include_str!("../../../sql/sqlite/query/parked_resize.sql"))?;
    for (sequence, mut body) in bodies {
        if redacted.binary_search(&sequence).is_ok() {
            body = body.redacted();
            resize.execute(params![sequence, size(body.bytes.len())])?;
            resize_parked.execute(params![sequence, size(body.bytes.len())])?;
        }
        add.execute(params![sequence, &body.bytes[..], body.event_bytes.map(size)])?;
    }
    Ok(())
}

fn bodies(connection: &Connection, first: i64, last: i64) -> Result<Vec<(i64, Body)>, Fault> {
    let mut range = connection.prepare_cached(include_str!("../../../sql/sqlite/query/body_range.sql"))?;
    let rows = range
        .query_map([first, last], |row| Ok((row.get(0)?, body_from_columns(row.get::<_, Vec<u8>>(1)?, row.get(2)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Bodies behind `after` that carry more than their event, and what they are about.
pub(super) fn public_bodies(connection: &Connection, after: i64, limit: usize) -> Result<Vec<(i64, Subject)>, Fault> {
    let mut list = connection.prepare_cached(include_str!("../../../sql/sqlite/query/body_public.sql"))?;
    let rows = list.query_map(params![after, size(limit)], |row| {
        Ok((row.get(0)?, subject(read::text(row, 1)?, row.get(2)?, row.get(3)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets parked messages from before that time (milliseconds), and connectors of which nothing is left.
pub(super) fn purge_old(connection: &Connection, parked_before: i64) -> Result<(), Fault> {
    let mut parked = connection.prepare_cached(include_str!("../../../sql/sqlite/query/purge_parked.sql"))?;
    let parked = parked.query_map([parked_before], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    for sequence in parked {
        settle::drop_bodies(connection, sequence, sequence)?;
    }
    connection.prepare_cached(include_str!("../../../sql/sqlite/query/purge_connectors.sql"))?.execute([])?;
    Ok(())
}

/// Forgets some facts behind the key `after` that are told for so long, both in milliseconds, that nobody looks at them again. Gives
/// where to go on, if there is more.
pub(super) fn purge_ledger(connection: &Connection, after: i64, now: i64, told_for: i64) -> Result<Option<i64>, Fault> {
    let mut next = connection.prepare_cached(include_str!("../../../sql/sqlite/query/purge_ledger_next.sql"))?;
    let last: Option<i64> = next.query_row([after, PURGE_STEP], |row| row.get(0))?;
    if let Some(last) = last {
        let mut purge = connection.prepare_cached(include_str!("../../../sql/sqlite/query/purge_ledger.sql"))?;
        purge.execute([after, last, told_for, now])?;
    }
    Ok(last)
}

/// Forgets some messages behind `after` that were put before that time and that nobody needs. Gives where to go on, if there is more.
pub(super) fn purge_messages(connection: &Connection, after: i64, put_before: i64) -> Result<Option<i64>, Fault> {
    let mut next = connection.prepare_cached(include_str!("../../../sql/sqlite/query/purge_next.sql"))?;
    let next: Option<(i64, i64)> = next.query_row([after], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((first, put_at)) = next else { return Ok(None) };
    if put_at > put_before {
        return Ok(None);
    }
    let last = first.saturating_add(PURGE_STEP - 1);
    let mut purge = connection.prepare_cached(include_str!("../../../sql/sqlite/query/purge_messages.sql"))?;
    purge.execute([first, last, put_before])?;
    Ok(Some(last))
}

/// Gives at most `step` free pages back to the disk; `false` when only so many are left as are to be kept.
pub(super) fn release_pages(connection: &Connection, keep: i64, step: i64) -> Result<bool, Fault> {
    let release = (spent::free_pages(connection)? - keep).min(step);
    if release <= 0 {
        return Ok(false);
    }
    // Each page is a row of the answer: it works while it is read.
    let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({release})"))?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}
