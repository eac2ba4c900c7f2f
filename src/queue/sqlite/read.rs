//! What deliveries and gauges read. Each call sees one state of the store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};
use uuid::Uuid;

use super::fault::Fault;
use super::{BacklogStats, Batch, Checkpoint, Entry, Envelope, Standing, Stats, file};
use crate::bugzilla::{AttachmentId, BugId, CommentId};
use crate::changeset::{Position, Subject};
use crate::failure::Class;
use crate::message::MessageId;
use crate::queue::body_from_columns;

/// Where the capture stands.
pub(super) fn checkpoint(connection: &Connection) -> Result<Option<Checkpoint>, Fault> {
    let mut read = connection.prepare_cached(include_str!("../../../sql/sqlite/query/state_read.sql"))?;
    Ok(read.query_row([], |row| {
        let position: Option<String> = row.get(1)?;
        let Some(position) = position else { return Ok(None) };
        Ok(Some(Checkpoint { position: Position(position), committed_at: row.get(2)? }))
    })?)
}

/// The oldest entries of a connector, and how it stands; nothing for one that the store does not know.
pub(super) fn next(connection: &Connection, connector: &str, limit: usize) -> Result<Batch, Fault> {
    let view = connection.unchecked_transaction()?;
    let standing = standings(&view, Some(connector))?.pop().map(|(_, _, standing)| standing).unwrap_or_default();
    let mut next = view.prepare_cached(include_str!("../../../sql/sqlite/query/entry_next.sql"))?;
    let limit = super::put::size(limit);
    let entries = next.query_map(named_params! { ":connector": connector, ":limit": limit }, entry)?;
    Ok(Batch { entries: entries.collect::<Result<_, _>>()?, standing })
}

/// Everything that the gauges show.
pub(super) fn stats(connection: &Connection, path: &Path) -> Result<Stats, Fault> {
    let view = connection.unchecked_transaction()?;
    let mut count = view.prepare_cached(include_str!("../../../sql/sqlite/query/main_queue_count.sql"))?;
    let main_queue_messages = count.query_row([], number)?;
    let backlogs = standings(&view, None)?.into_iter().map(|connector| backlog(&view, connector));
    let backlogs = backlogs.collect::<Result<_, _>>()?;
    Ok(Stats { main_queue_messages, backlogs, store_bytes: file::size_on_disk(path) })
}

fn backlog(view: &Connection, (id, connector, standing): (i64, String, Standing)) -> Result<BacklogStats, Fault> {
    let mut parked = view.prepare_cached(include_str!("../../../sql/sqlite/query/parked_count.sql"))?;
    let parked = parked.query_row([id], number)?;
    let mut stats = BacklogStats { connector, parked, standing, ..BacklogStats::default() };
    if stats.standing.attempts > 0 {
        let measure = |row: &Row<'_>| Ok((number(row)?, row.get::<_, i64>(1)?, row.get(2)?));
        let (messages, bytes, oldest) = view
            .prepare_cached(include_str!("../../../sql/sqlite/query/backlog_measure.sql"))?
            .query_row([id], measure)?;
        (stats.messages, stats.bytes) = (messages, u64::try_from(bytes).unwrap_or(0));
        stats.oldest_committed_at_ms = oldest;
    }
    Ok(stats)
}

fn standings(view: &Connection, connector: Option<&str>) -> Result<Vec<(i64, String, Standing)>, Fault> {
    let mut list = view.prepare_cached(include_str!("../../../sql/sqlite/query/standing_list.sql"))?;
    let rows = list.query_map([connector], |row| {
        let next_attempt: Option<i64> = row.get("next_attempt_ms")?;
        let next_attempt = next_attempt.and_then(|ms| u64::try_from(ms).ok());
        let class: Option<String> = row.get("class")?;
        let standing = Standing {
            attempts: row.get("attempts")?,
            next_attempt: next_attempt.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)),
            last_error: row.get("last_error")?,
            class: class.and_then(|word| classes().into_iter().find(|class| class.as_str() == word)),
        };
        Ok((row.get("id")?, row.get("name")?, standing))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn classes() -> [Class; 3] {
    [Class::Transient, Class::Misconfigured, Class::Poison]
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let (target, action): (&str, &str) = (text(row, 4)?, text(row, 5)?);
    let (bug, object) = (BugId(row.get(6)?), row.get::<_, Option<i64>>(7)?);
    let subject = match (target, object) {
        ("comment", Some(id)) => Subject::Comment(bug, CommentId(id)),
        ("attachment", Some(id)) => Subject::Attachment(bug, AttachmentId(id)),
        _ => Subject::Bug(bug),
    };
    let bytes: Arc<[u8]> = row.get_ref(10)?.as_blob()?.into();
    let envelope = Envelope {
        sequence: row.get(0)?,
        id: MessageId(Uuid::from_bytes(row.get(3)?)),
        routing_key: format!("{target}.{action}"),
        subject,
        change_set: row.get(8)?,
        committed_at_ms: row.get(9)?,
        body: body_from_columns(bytes, row.get(11)?),
    };
    Ok(Entry { envelope, attempts: row.get(1)?, perhaps_sent: row.get(2)? })
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    row.get_ref(column)?
        .as_str()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// The first column, which counts something.
fn number(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get(0).map(|count: i64| u64::try_from(count).unwrap_or(0))
}
