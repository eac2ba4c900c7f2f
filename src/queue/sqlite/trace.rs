//! What is known of messages that were put. Reads only, and a bounded stretch at a time.

use rusqlite::{Connection, Row, named_params};
use uuid::Uuid;

use super::fault::Fault;
use super::read::text;
use crate::message::MessageId;
use crate::queue::kept::{TRACED, judgement, origin, size};
use crate::queue::{Held, Page, Sought, Trace};

/// Those found in the stretch behind `after`.
pub(super) fn traces(connection: &Connection, sought: Sought, after: i64, limit: usize) -> Result<Page<Trace>, Fault> {
    let view = connection.unchecked_transaction()?;
    let mut ends = view.prepare_cached(include_str!("../../../sql/sqlite/query/trace_ends.sql"))?;
    let (first, end): (Option<i64>, Option<i64>) = ends.query_row([after], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(end)) = (first, end) else { return Ok(Page { entries: vec![], next: None }) };
    let last = first.saturating_add(TRACED - 1);
    let (bug, id) = match sought {
        Sought::Bug(bug) => (Some(bug.0), None),
        Sought::Message(id) => (None, Some(id.0.into_bytes())),
    };
    let mut find = view.prepare_cached(include_str!("../../../sql/sqlite/query/trace_find.sql"))?;
    let bounds = named_params! { ":first": first, ":last": last, ":bug": bug, ":id": id, ":limit": size(limit) };
    let mut entries = find.query_map(bounds, trace)?.collect::<Result<Vec<_>, _>>()?;
    let mut held = view.prepare_cached(include_str!("../../../sql/sqlite/query/trace_held.sql"))?;
    for trace in &mut entries {
        trace.held = held.query_map([trace.sequence], holder)?.collect::<Result<_, _>>()?;
        // One that nobody waits for is about to go.
        trace.bytes = trace.bytes.filter(|_| !trace.held.is_empty());
    }
    let seen = entries.last().filter(|_| entries.len() == limit).map_or(last, |trace| trace.sequence);
    Ok(Page { entries, next: (seen < end).then_some(seen) })
}

fn trace(row: &Row<'_>) -> rusqlite::Result<Trace> {
    let (target, action): (&str, &str) = (text(row, 2)?, text(row, 3)?);
    let (routing_key, origin) = origin(target, action, row.get(4)?, row.get(5)?);
    let judged = row.get::<_, Option<i64>>(9)?.map(judgement);
    Ok(Trace {
        sequence: row.get(0)?,
        id: MessageId(Uuid::from_bytes(row.get(1)?)),
        routing_key,
        origin,
        change_set: row.get(6)?,
        committed_at_ms: row.get(7)?,
        put_at_ms: row.get(8)?,
        private: judged.map(|(private, _)| private),
        reason: judged.and_then(|(_, reason)| reason),
        bytes: row.get::<_, Option<i64>>(10)?.map(|bytes| usize::try_from(bytes).unwrap_or(0)),
        held: vec![],
    })
}

fn holder(row: &Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held { connector: row.get(0)?, attempts: row.get(1)?, perhaps_sent: row.get(2)?, parked: row.get(3)? })
}
