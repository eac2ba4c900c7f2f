//! What is known of messages that were put. Reads only, and a bounded stretch at a time.

use uuid::Uuid;

use super::fault::Fault;
use super::read::Reader;
use super::statement::{Value, list, standard, text_of};
use crate::database::Row;
use crate::message::MessageId;
use crate::queue::kept::{TRACED, judgement, origin, size};
use crate::queue::{Held, Page, Sought, Trace};

/// Those found in the stretch behind `after`.
pub(super) async fn traces(reader: &Reader, sought: Sought, after: i64, limit: usize) -> Result<Page<Trace>, Fault> {
    let [ends] = reader.ask([standard!("trace_ends")], &[("after", Value::Int(after))]).await?;
    let ends = ends.first().and_then(|row| Some((row.opt_int(0)?, row.opt_int(1)?)));
    let Some((first, end)) = ends else { return Ok(Page { entries: vec![], next: None }) };
    let last = first.saturating_add(TRACED - 1);
    let (bug, id) = match sought {
        Sought::Bug(bug) => (Some(bug.0), None),
        Sought::Message(id) => (None, Some(id.to_string())),
    };
    let values = [
        ("first", Value::Int(first)),
        ("last", Value::Int(last)),
        ("bug", Value::OptInt(bug)),
        ("message_id", Value::OptText(id.as_deref())),
        ("limit", Value::Int(size(limit))),
    ];
    let [rows] = reader.ask([standard!("trace_find")], &values).await?;
    let mut entries: Vec<Trace> = rows.iter().filter_map(trace).collect();
    let sequences = list(entries.iter().map(|trace| trace.sequence));
    let [held] = reader.ask([standard!("trace_held")], &[("sequences", Value::Sql(&sequences))]).await?;
    for trace in &mut entries {
        trace.held = held.iter().filter(|row| row.int(0) == trace.sequence).map(holder).collect();
        trace.held.sort_by(|a, b| a.connector.cmp(&b.connector));
    }
    let seen = rows.last().filter(|_| rows.len() == limit).map_or(last, |row| row.int(0));
    Ok(Page { entries, next: (seen < end).then_some(seen) })
}

fn trace(row: &Row) -> Option<Trace> {
    let (routing_key, origin) = origin(&row.text(2), &row.text(3), row.int(4), row.opt_int(5));
    let judged = row.opt_int(9).map(judgement);
    Some(Trace {
        sequence: row.int(0),
        id: MessageId(Uuid::parse_str(&row.text(1)).ok()?),
        routing_key,
        origin,
        change_set: row.text(6),
        committed_at_ms: row.int(7),
        put_at_ms: row.int(8),
        private: judged.map(|(private, _)| private),
        reason: judged.and_then(|(_, reason)| reason),
        bytes: row.opt_int(10).map(|bytes| usize::try_from(bytes).unwrap_or(0)),
        held: vec![],
    })
}

fn holder(row: &Row) -> Held {
    Held {
        connector: row.text(1),
        attempts: u32::try_from(row.int(2)).unwrap_or(u32::MAX),
        perhaps_sent: row.truth(3),
        parked: row.opt_text(4).map(|reason| text_of(&reason)),
    }
}
