//! What deliveries and gauges read. Each call sees one state of the store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use uuid::Uuid;

use super::fault::Fault;
use super::{
    BacklogStats, Batch, Checkpoint, Entry, Envelope, Page, Parked, Standing, Stats, SweepMark, Waiting, file,
};
use crate::changeset::Position;
use crate::failure::Class;
use crate::message::MessageId;
use crate::queue::READ_BYTES_MAX;
use crate::queue::kept::{body_from_columns, origin, size};

/// An entry; or its sequence, and what is missing of it.
type Found = Result<Entry, (i64, String)>;

/// Where the capture stands.
pub(super) fn checkpoint(connection: &Connection) -> Result<Option<Checkpoint>, Fault> {
    let mut read = connection.prepare_cached(include_str!("../../../sql/sqlite/query/state_read.sql"))?;
    Ok(read.query_row([], |row| {
        let position: Option<String> = row.get(1)?;
        let Some(position) = position else { return Ok(None) };
        Ok(Some(Checkpoint { position: Position(position), committed_at: row.get(2)?, server: row.get(3)? }))
    })?)
}

/// How far the sweep is.
pub(super) fn swept(connection: &Connection) -> Result<Option<SweepMark>, Fault> {
    let mut read = connection.prepare_cached(include_str!("../../../sql/sqlite/query/sweep_read.sql"))?;
    let mark = |row: &Row<'_>| Ok(SweepMark { start: row.get(0)?, until: row.get(1)?, first: row.get(2)? });
    Ok(read.query_row([], mark).optional()?)
}

/// The oldest entries of a connector behind `after`, and how it stands; no entries for one that is paused or that the store does
/// not know.
pub(super) fn next_behind(connection: &Connection, connector: &str, after: i64, limit: usize) -> Result<Batch, Fault> {
    let view = connection.unchecked_transaction()?;
    let Some((_, known)) = connectors(&view, Some(connector))?.pop() else { return Ok(Batch::default()) };
    let (found, more) = if known.paused { (vec![], false) } else { entries(&view, connector, after, limit)? };
    let mut batch = Batch { standing: known.standing, more, ..Batch::default() };
    for found in found {
        match found {
            Ok(entry) => batch.entries.push(entry),
            Err(broken) => batch.broken.push(broken),
        }
    }
    Ok(batch)
}

/// What is known of a connector's entries behind `after`, paused or not.
pub(super) fn backlog(
    connection: &Connection,
    connector: &str,
    after: i64,
    limit: usize,
) -> Result<Page<Waiting>, Fault> {
    let list = include_str!("../../../sql/sqlite/query/entry_list.sql");
    page(connection, list, connector, after, limit, waiting, |waiting| waiting.sequence)
}

/// What is known of a connector's parked messages behind `after`.
pub(super) fn parked(
    connection: &Connection,
    connector: &str,
    after: i64,
    limit: usize,
) -> Result<Page<Parked<Waiting>>, Fault> {
    let list = include_str!("../../../sql/sqlite/query/parked_list.sql");
    let read = |row: &Row<'_>| {
        let entry = if row.get(12)? { None } else { Some(waiting(row)?) };
        Ok(Parked { sequence: row.get(0)?, reason: row.get(10)?, parked_at_ms: row.get(11)?, entry })
    };
    page(connection, list, connector, after, limit, read, |parked| parked.sequence)
}

/// What a list has behind `after`, at most `limit`.
fn page<T>(
    connection: &Connection,
    list: &str,
    connector: &str,
    after: i64,
    limit: usize,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    sequence: impl FnOnce(&T) -> i64,
) -> Result<Page<T>, Fault> {
    let mut list = connection.prepare_cached(list)?;
    // One more than asked for, which says whether there is one.
    let most = size(limit.saturating_add(1));
    let rows = list.query_map(named_params! { ":connector": connector, ":after": after, ":limit": most }, read)?;
    let mut entries = rows.collect::<Result<Vec<_>, _>>()?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(sequence);
    Ok(Page { entries, next })
}

/// Whole entries of a connector behind `after`, paused or not.
pub(super) fn backlog_bodies(
    connection: &Connection,
    connector: &str,
    after: i64,
    limit: usize,
) -> Result<Page<Entry>, Fault> {
    let (found, more) = entries(connection, connector, after, limit)?;
    let next = found.last().filter(|_| more).map(|last| match last {
        Ok(entry) => entry.envelope.sequence,
        Err((sequence, _)) => *sequence,
    });
    Ok(Page { entries: found.into_iter().filter_map(Result::ok).collect(), next })
}

/// Whole parked messages of a connector behind `after`.
pub(super) fn parked_bodies(
    connection: &Connection,
    connector: &str,
    after: i64,
    limit: usize,
) -> Result<Page<Parked<Entry>>, Fault> {
    let next = include_str!("../../../sql/sqlite/query/parked_next.sql");
    let (entries, more) = whole(connection, next, connector, after, limit, |row, found| {
        Ok(Parked { sequence: row.get(0)?, reason: row.get(15)?, parked_at_ms: row.get(16)?, entry: found.ok() })
    })?;
    let next = entries.last().filter(|_| more).map(|last| last.sequence);
    Ok(Page { entries, next })
}

/// At most `limit`, and as many as may be in memory at once; and whether there are more.
fn entries(view: &Connection, connector: &str, after: i64, limit: usize) -> Result<(Vec<Found>, bool), Fault> {
    let next = include_str!("../../../sql/sqlite/query/entry_next.sql");
    whole(view, next, connector, after, limit, |_, found| Ok(found))
}

/// The same of any list that has an entry's columns and those of its message and body.
fn whole<T>(
    view: &Connection,
    next: &str,
    connector: &str,
    after: i64,
    limit: usize,
    mut read: impl FnMut(&Row<'_>, Found) -> rusqlite::Result<T>,
) -> Result<(Vec<T>, bool), Fault> {
    let mut next = view.prepare_cached(next)?;
    let most = size(limit.saturating_add(1));
    let mut rows = next.query(named_params! { ":connector": connector, ":after": after, ":limit": most })?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        // Known from the entry: the body of the one that is too many is not read.
        bytes += bytes_of(row, 14)?;
        if found.len() == limit || (bytes > READ_BYTES_MAX && !found.is_empty()) {
            return Ok((found, true));
        }
        let missing = match (row.get(12)?, row.get(13)?) {
            (true, _) => "what is known of it (table message)",
            (false, true) => "its text (table body)",
            (false, false) => {
                found.push(read(row, Ok(entry(row)?))?);
                continue;
            }
        };
        let what = format!("{missing} is missing in the store, so it cannot be sent; is the file damaged?");
        found.push(read(row, Err((row.get(0)?, what)))?);
    }
    Ok((found, false))
}

/// Everything that the gauges show.
pub(super) fn stats(connection: &Connection, path: &Path) -> Result<Stats, Fault> {
    let view = connection.unchecked_transaction()?;
    let mut count = view.prepare_cached(include_str!("../../../sql/sqlite/query/main_queue_count.sql"))?;
    let main_queue_messages = count.query_row([], number)?;
    let measured = connectors(&view, None)?.into_iter().map(|(id, connector)| measure(&view, id, connector));
    let backlogs = measured.collect::<Result<_, _>>()?;
    let mut state = view.prepare_cached(include_str!("../../../sql/sqlite/query/state_read.sql"))?;
    let last_sequence = state.query_row([], |row| row.get(0))?;
    Ok(Stats { last_sequence, main_queue_messages, backlogs, store_bytes: file::size_on_disk(path) })
}

/// Fills in what lies there for the connector.
fn measure(view: &Connection, id: i64, mut stats: BacklogStats) -> Result<BacklogStats, Fault> {
    let mut parked = view.prepare_cached(include_str!("../../../sql/sqlite/query/parked_count.sql"))?;
    stats.parked = parked.query_row([id], number)?;
    if !stats.is_well() {
        let measure = |row: &Row<'_>| Ok((number(row)?, row.get::<_, i64>(1)?, row.get(2)?));
        let (messages, bytes, oldest) = view
            .prepare_cached(include_str!("../../../sql/sqlite/query/backlog_measure.sql"))?
            .query_row([id], measure)?;
        (stats.messages, stats.bytes) = (messages, u64::try_from(bytes).unwrap_or(0));
        stats.oldest_committed_at_ms = oldest;
    }
    Ok(stats)
}

/// How connectors stand, with their ids; nothing is counted yet.
fn connectors(view: &Connection, connector: Option<&str>) -> Result<Vec<(i64, BacklogStats)>, Fault> {
    let mut list = view.prepare_cached(include_str!("../../../sql/sqlite/query/standing_list.sql"))?;
    let rows = list.query_map([connector], |row| {
        let next_attempt: Option<i64> = row.get("next_attempt_ms")?;
        let next_attempt = next_attempt.and_then(|ms| u64::try_from(ms).ok());
        let class: Option<String> = row.get("class")?;
        let standing = Standing {
            attempts: row.get("attempts")?,
            next_attempt: next_attempt.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)),
            last_error: row.get("last_error")?,
            class: class.and_then(|word| Class::ALL.into_iter().find(|class| class.as_str() == word)),
        };
        let (connector, paused, subscribed) = (row.get("name")?, row.get("paused")?, row.get("subscribed")?);
        Ok((row.get("id")?, BacklogStats { connector, paused, subscribed, standing, ..BacklogStats::default() }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let (target, action): (&str, &str) = (text(row, 4)?, text(row, 5)?);
    let (routing_key, origin) = origin(target, action, row.get(6)?, row.get(7)?);
    let bytes: Arc<[u8]> = row.get_ref(10)?.as_blob()?.into();
    let envelope = Envelope {
        sequence: row.get(0)?,
        id: MessageId(Uuid::from_bytes(row.get(3)?)),
        routing_key,
        origin,
        change_set: row.get(8)?,
        committed_at_ms: row.get(9)?,
        body: body_from_columns(bytes, row.get(11)?),
    };
    Ok(Entry { envelope, attempts: row.get(1)?, perhaps_sent: row.get(2)? })
}

/// A row of the list of entries.
fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    let (target, action): (&str, &str) = (text(row, 4)?, text(row, 5)?);
    let (routing_key, origin) = origin(target, action, row.get(6)?, row.get(7)?);
    Ok(Waiting {
        sequence: row.get(0)?,
        attempts: row.get(1)?,
        perhaps_sent: row.get(2)?,
        id: MessageId(Uuid::from_bytes(row.get(3)?)),
        routing_key,
        origin,
        committed_at_ms: row.get(8)?,
        bytes: bytes_of(row, 9)?,
    })
}

pub(super) fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    row.get_ref(column)?
        .as_str()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

fn bytes_of(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    row.get(column).map(|bytes: i64| usize::try_from(bytes).unwrap_or(0))
}

/// The first column, which counts something.
fn number(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get(0).map(|count: i64| u64::try_from(count).unwrap_or(0))
}
