//! Messages in: ledger, rows, bodies, an entry for each connector that wants them, and the checkpoint.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::reserve::Reserve;
use super::{Checkpoint, Envelope, Filter, Message, Subscriber, now_ms};
use crate::changeset::Subject;
use crate::queue::ledger_key;

/// How much may be put.
#[derive(Debug)]
pub(super) struct Room {
    /// The store may use so much of its file.
    pub(super) max_bytes: u64,
    /// What must be held while the store grows.
    pub(super) reserve: Arc<Reserve>,
}

/// Who gets messages from now on.
pub(super) fn subscribe(connection: &Connection, subscribers: &[Subscriber]) -> Result<(), Fault> {
    connection.prepare_cached(include_str!("../../../sql/sqlite/query/subscriber_clear.sql"))?.execute([])?;
    let mut set = connection.prepare_cached(include_str!("../../../sql/sqlite/query/subscriber_set.sql"))?;
    for subscriber in subscribers {
        let filter = serde_json::to_string(&subscriber.filter);
        let filter = filter.map_err(|error| Fault::Other(format!("a filter cannot be stored: {error}")))?;
        set.execute(params![subscriber.connector, filter])?;
    }
    Ok(())
}

/// Stores what was not told before, and the checkpoint behind it.
pub(super) fn put(
    connection: &Connection,
    messages: &[Message],
    checkpoint: &Checkpoint,
    room: &Room,
) -> Result<Vec<Envelope>, Fault> {
    if !messages.is_empty() {
        check_room(connection, messages, room)?;
    }
    let now = now_ms();
    let wishes = wishes(connection)?;
    let mut sequence = last_sequence(connection)?;
    let mut stored = Vec::with_capacity(messages.len());
    for message in messages {
        if tell(connection, message, now)? {
            sequence += 1;
            add(connection, sequence, message, now)?;
            deal(connection, sequence, message, &wishes)?;
            stored.push(envelope(sequence, message));
        }
    }
    let mut write = connection.prepare_cached(include_str!("../../../sql/sqlite/query/state_write.sql"))?;
    write.execute(params![sequence, checkpoint.position.0, checkpoint.committed_at])?;
    Ok(stored)
}

fn check_room(connection: &Connection, messages: &[Message], room: &Room) -> Result<(), Fault> {
    let mut used = connection.prepare_cached(include_str!("../../../sql/sqlite/query/used_bytes.sql"))?;
    let used: u64 = used.query_row([], |row| row.get(0)).map(|used: i64| u64::try_from(used).unwrap_or(0))?;
    let more: usize = messages.iter().map(|message| message.body.bytes.len()).sum();
    let more = more as u64;
    if used.saturating_add(more) > room.max_bytes {
        let max = room.max_bytes;
        return Err(Fault::Limit(format!("it holds {used} of {max} bytes (`max_megabytes` in [queue])")));
    }
    room.reserve.hold(more)
}

fn wishes(connection: &Connection) -> Result<Vec<(i64, Filter)>, Fault> {
    let mut list = connection.prepare_cached(include_str!("../../../sql/sqlite/query/subscriber_list.sql"))?;
    let rows = list.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (connector, filter) = row?;
        let filter = serde_json::from_str(&filter);
        Ok((connector, filter.map_err(|error| Fault::Other(format!("a stored filter cannot be read: {error}")))?))
    })
    .collect()
}

fn last_sequence(connection: &Connection) -> Result<i64, Fault> {
    let mut read = connection.prepare_cached(include_str!("../../../sql/sqlite/query/state_read.sql"))?;
    Ok(read.query_row([], |row| row.get(0))?)
}

/// Writes the message's facts into the ledger; `false` if all were there already. A message without facts is known by its id.
fn tell(connection: &Connection, message: &Message, now: i64) -> Result<bool, Fault> {
    let mut tell = connection.prepare_cached(include_str!("../../../sql/sqlite/query/ledger_tell.sql"))?;
    let mut news = false;
    for &fact in &message.facts {
        let (kind, id) = ledger_key(fact);
        news |= tell.execute(params![kind, id, now])? == 1;
    }
    if message.facts.is_empty() {
        let (half, _) = message.id.0.as_u64_pair();
        news = tell.execute(params!["m", half.cast_signed(), now])? == 1;
    }
    if !news {
        tracing::debug!(message_id = %message.id, "left out: told before");
    }
    Ok(news)
}

fn add(connection: &Connection, sequence: i64, message: &Message, now: i64) -> Result<(), Fault> {
    let object = match message.subject {
        Subject::Bug(_) => None,
        Subject::Comment(_, comment) => Some(comment.0),
        Subject::Attachment(_, attachment) => Some(attachment.0),
    };
    let mut add = connection.prepare_cached(include_str!("../../../sql/sqlite/query/message_add.sql"))?;
    add.execute(params![
        sequence,
        message.id.0.as_bytes(),
        message.subject.target(),
        message.kind.as_str(),
        message.subject.bug().0,
        object,
        message.change_set,
        message.committed_at_ms,
        now,
    ])?;
    Ok(())
}

/// An entry for each connector that wants it, and its body if there is one.
fn deal(connection: &Connection, sequence: i64, message: &Message, wishes: &[(i64, Filter)]) -> Result<(), Fault> {
    let mut wanted = false;
    let bytes = &message.body.bytes;
    for (connector, _) in wishes.iter().filter(|(_, filter)| filter.wants(message)) {
        let mut add = connection.prepare_cached(include_str!("../../../sql/sqlite/query/entry_add.sql"))?;
        add.execute(params![connector, sequence, size(bytes.len())])?;
        wanted = true;
    }
    if wanted {
        let mut add = connection.prepare_cached(include_str!("../../../sql/sqlite/query/body_add.sql"))?;
        add.execute(params![sequence, &bytes[..], message.body.event_bytes.map(size)])?;
    }
    Ok(())
}

fn envelope(sequence: i64, message: &Message) -> Envelope {
    Envelope {
        sequence,
        id: message.id,
        routing_key: message.routing_key(),
        subject: message.subject,
        change_set: message.change_set.clone(),
        committed_at_ms: message.committed_at_ms,
        body: message.body.clone(),
    }
}

/// SQLite knows signed numbers alone.
pub(super) fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
