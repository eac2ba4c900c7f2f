//! What scripts dropped: into the same rows as Bugzilla's messages, without a ledger and without a checkpoint.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault::Fault;
use super::put::{EMPTY_BYTES, Pen, Room, check_room, last_sequence, reclaim, used_bytes, write_sequence};
use crate::message::Relayed;
use crate::queue::Receipt;
use crate::queue::kept::{self, size_of};

/// Repeatable messages of so many milliseconds are forgotten in one transaction.
const FORGET_STEP: i64 = 60_000;

/// Stores what was not stored before.
pub(super) fn put(connection: &Connection, messages: &[Relayed], room: &Room) -> Result<Vec<Receipt>, Fault> {
    room.file.verify()?;
    let more = size_of(messages.iter().map(|relayed| &relayed.body));
    reclaim(connection, more, room.max_bytes / 4 * 3)?;
    kept::room_for_relayed(used_bytes(connection)?, more, EMPTY_BYTES, room.max_bytes).map_err(Fault::Limit)?;
    check_room(connection, more, room)?;
    let mut sequence = last_sequence(connection)?;
    let mut pen = Pen::new(connection)?;
    let mut receipts = Vec::with_capacity(messages.len());
    for relayed in messages {
        if let Some(receipt) = known(connection, relayed)? {
            receipts.push(receipt);
            continue;
        }
        sequence += 1;
        receipts.push(Receipt::Stored(pen.add(sequence, relayed.into())?));
        if relayed.is_repeatable {
            let mut add = connection.prepare_cached(include_str!("../../../sql/sqlite/query/relayed_add.sql"))?;
            add.execute(params![relayed.id.0.as_bytes(), relayed.digest().as_bytes(), sequence, pen.now])?;
        }
    }
    write_sequence(connection, sequence)?;
    Ok(receipts)
}

fn known(connection: &Connection, relayed: &Relayed) -> Result<Option<Receipt>, Fault> {
    if !relayed.is_repeatable {
        return Ok(None);
    }
    let mut find = connection.prepare_cached(include_str!("../../../sql/sqlite/query/relayed_find.sql"))?;
    let found = find.query_row([relayed.id.0.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let same = |digest: [u8; 16]| digest == relayed.digest().into_bytes();
    Ok(found.map(|(digest, sequence)| if same(digest) { Receipt::Known(sequence) } else { Receipt::Conflict }))
}

/// Forgets some of those that were put up to that time, in milliseconds; `true` if there are more.
pub(super) fn forget(connection: &Connection, before: i64) -> Result<bool, Fault> {
    let mut first = connection.prepare_cached(include_str!("../../../sql/sqlite/query/relayed_first.sql"))?;
    let first: Option<i64> = first.query_row([], |row| row.get(0))?;
    let Some(first) = first.filter(|first| *first <= before) else { return Ok(false) };
    let mut purge = connection.prepare_cached(include_str!("../../../sql/sqlite/query/relayed_purge.sql"))?;
    purge.execute([first.saturating_add(FORGET_STEP).min(before)])?;
    Ok(true)
}
