//! Messages in: ledger, rows, bodies, an entry for each connector that wants them, and the checkpoint.

use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, params};

use super::fault::Fault;
use super::file::{Identity, PAGE};
use super::reserve::Reserve;
use super::{Checkpoint, Envelope, Fact, Filter, Message, Subscriber, SweepMark, spent};
use crate::bugzilla::LocalTime;
use crate::queue::kept::{self, Record, now_ms, size, size_of};

/// What an empty store uses of its file, at the most.
pub(super) const EMPTY_BYTES: u64 = 256 << 10;

/// How much may be put.
#[derive(Debug)]
pub(super) struct Room {
    /// The store may use so much of its file.
    pub(super) max_bytes: u64,
    /// What must be held while the store grows.
    pub(super) reserve: Arc<Reserve>,
    /// The file that is written to.
    pub(super) file: Identity,
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

/// Holds a connector back, or lets it go on.
pub(super) fn pause(connection: &Connection, connector: &str, paused: bool) -> Result<(), Fault> {
    let mut write = connection.prepare_cached(include_str!("../../../sql/sqlite/query/pause_write.sql"))?;
    write.execute(params![connector, paused])?;
    Ok(())
}

/// Stores what was not told before, and the checkpoint behind it.
pub(super) fn put(
    connection: &Connection,
    messages: &[Message],
    checkpoint: &Checkpoint,
    room: &Room,
) -> Result<Vec<Envelope>, Fault> {
    room.file.verify()?;
    if !messages.is_empty() {
        check_room(connection, size_of(messages.iter().map(|message| &message.body)), room)?;
    }
    let mut sequence = last_sequence(connection)?;
    let mut pen = Pen::new(connection)?;
    let mut stored = Vec::with_capacity(messages.len());
    for message in messages {
        if pen.tell(message)? {
            sequence += 1;
            stored.push(pen.add(sequence, message.into())?);
        } else {
            tracing::debug!(message_id = %message.id, "left out: told before");
        }
    }
    let mut write = connection.prepare_cached(include_str!("../../../sql/sqlite/query/state_write.sql"))?;
    let Checkpoint { position, committed_at, server } = checkpoint;
    write.execute(params![sequence, position.0, committed_at, pen.now, server])?;
    Ok(stored)
}

/// Stores messages for some connectors, told before or not; `None` if a quarter of the room would not be left.
pub(super) fn put_again(
    connection: &Connection,
    messages: &[Message],
    connectors: &[String],
    room: &Room,
) -> Result<Option<Vec<Envelope>>, Fault> {
    room.file.verify()?;
    let (more, most) = (size_of(messages.iter().map(|message| &message.body)), room.max_bytes / 4 * 3);
    reclaim(connection, more, most)?;
    let used = used_bytes(connection)?;
    if used > EMPTY_BYTES && used.saturating_add(more) > most {
        return Ok(None);
    }
    check_room(connection, more, room)?;
    let mut sequence = last_sequence(connection)?;
    let mut pen = Pen::new(connection)?;
    pen.wishes.retain(|wish| connectors.contains(&wish.connector));
    let mut stored = Vec::with_capacity(messages.len());
    for message in messages {
        if pen.is_wanted(message.into()) {
            sequence += 1;
            stored.push(pen.add(sequence, message.into())?);
        }
    }
    write_sequence(connection, sequence)?;
    Ok(Some(stored))
}

/// Those that are not in the ledger.
pub(super) fn untold(connection: &Connection, facts: Vec<(Fact, LocalTime)>) -> Result<Vec<(Fact, LocalTime)>, Fault> {
    let mut has = connection.prepare_cached(include_str!("../../../sql/sqlite/query/ledger_has.sql"))?;
    let mut found = Vec::new();
    for (fact, saved_at) in facts {
        if !has.exists([kept::fact_key(fact), saved_at.ordinal()])? {
            found.push((fact, saved_at));
        }
    }
    Ok(found)
}

/// How far the sweep is.
pub(super) fn set_swept(connection: &Connection, mark: SweepMark) -> Result<(), Fault> {
    let mut write = connection.prepare_cached(include_str!("../../../sql/sqlite/query/sweep_write.sql"))?;
    write.execute(params![mark.start, mark.until, mark.first])?;
    Ok(())
}

/// The sweep went on, unless a gap was found meanwhile.
pub(super) fn swept_on(connection: &Connection, until: i64) -> Result<(), Fault> {
    connection.prepare_cached(include_str!("../../../sql/sqlite/query/sweep_on.sql"))?.execute([until])?;
    Ok(())
}

/// Whether so many bytes may be put; makes room for them.
pub(super) fn check_room(connection: &Connection, more: u64, room: &Room) -> Result<(), Fault> {
    reclaim(connection, more, room.max_bytes)?;
    kept::room(used_bytes(connection)?, more, EMPTY_BYTES, room.max_bytes).map_err(Fault::Limit)?;
    room.reserve.hold(more)
}

/// Drops bodies that nobody waits for, as far as so many bytes need their room: a store that is filled while it is emptied stays small.
pub(super) fn reclaim(connection: &Connection, more: u64, max: u64) -> Result<(), Fault> {
    let over = used_bytes(connection)?.saturating_add(more).saturating_sub(max);
    let pages = |bytes: u64| i64::try_from(bytes.div_ceil(PAGE)).unwrap_or(i64::MAX);
    let lacking = pages(over).max(pages(more) - spent::free_pages(connection)?);
    if lacking > 0 {
        spent::drop_spent(connection, lacking)?;
    }
    Ok(())
}

pub(super) fn used_bytes(connection: &Connection) -> Result<u64, Fault> {
    let mut used = connection.prepare_cached(include_str!("../../../sql/sqlite/query/used_bytes.sql"))?;
    Ok(used.query_row([], |row| row.get(0)).map(|used: i64| u64::try_from(used).unwrap_or(0))?)
}

pub(super) fn write_sequence(connection: &Connection, last: i64) -> Result<(), Fault> {
    connection.prepare_cached(include_str!("../../../sql/sqlite/query/sequence_write.sql"))?.execute([last])?;
    Ok(())
}

pub(super) fn last_sequence(connection: &Connection) -> Result<i64, Fault> {
    let mut read = connection.prepare_cached(include_str!("../../../sql/sqlite/query/state_read.sql"))?;
    Ok(read.query_row([], |row| row.get(0))?)
}

/// A connector that gets messages, and which.
struct Wish {
    id: i64,
    connector: String,
    filter: Filter,
}

/// Writes one message after the other, with statements prepared once.
pub(super) struct Pen<'c> {
    pub(super) now: i64,
    wishes: Vec<Wish>,
    tell: CachedStatement<'c>,
    message: CachedStatement<'c>,
    entry: CachedStatement<'c>,
    body: CachedStatement<'c>,
}

impl<'c> Pen<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Fault> {
        Ok(Pen {
            now: now_ms(),
            wishes: wishes(connection)?,
            tell: connection.prepare_cached(include_str!("../../../sql/sqlite/query/ledger_tell.sql"))?,
            message: connection.prepare_cached(include_str!("../../../sql/sqlite/query/message_add.sql"))?,
            entry: connection.prepare_cached(include_str!("../../../sql/sqlite/query/entry_add.sql"))?,
            body: connection.prepare_cached(include_str!("../../../sql/sqlite/query/body_add.sql"))?,
        })
    }

    /// Writes the message's facts into the ledger; `false` if all were there already. A message without facts is known by its id.
    fn tell(&mut self, message: &Message) -> Result<bool, Fault> {
        let saved_at = message.saved_at.ordinal();
        let mut news = false;
        for key in kept::keys(message) {
            news |= self.tell.execute([key, self.now, saved_at])? == 1;
        }
        Ok(news)
    }

    fn is_wanted(&self, record: Record<'_>) -> bool {
        self.wishes.iter().any(|wish| record.is_wanted_by(&wish.filter))
    }

    /// Its row, an entry for each connector that wants it, and its body if there is one.
    pub(super) fn add(&mut self, sequence: i64, record: Record<'_>) -> Result<Envelope, Fault> {
        self.message.execute(params![
            sequence,
            record.id.0.as_bytes(),
            record.origin.target(),
            record.action,
            record.bug(),
            record.object(),
            record.change_set,
            record.committed_at_ms,
            self.now,
            record.private(),
        ])?;
        let bytes = &record.body.bytes;
        let mut wanted = false;
        for wish in self.wishes.iter().filter(|wish| record.is_wanted_by(&wish.filter)) {
            self.entry.execute([wish.id, sequence, size(bytes.len())])?;
            wanted = true;
        }
        if wanted {
            self.body.execute(params![sequence, &bytes[..], record.body.event_bytes.map(size)])?;
        }
        Ok(record.envelope(sequence))
    }
}

fn wishes(connection: &Connection) -> Result<Vec<Wish>, Fault> {
    let mut list = connection.prepare_cached(include_str!("../../../sql/sqlite/query/subscriber_list.sql"))?;
    let rows = list.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)))?;
    rows.map(|row| {
        let (id, filter, connector) = row?;
        let filter = serde_json::from_str(&filter);
        let filter = filter.map_err(|error| Fault::Other(format!("a stored filter cannot be read: {error}")))?;
        Ok(Wish { id, connector, filter })
    })
    .collect()
}
