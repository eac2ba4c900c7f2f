//! What an operator does with messages that wait or are parked: some of them in each transaction.

use std::ops::RangeInclusive;

use rusqlite::{CachedStatement, Connection, params};

use super::fault::Fault;
use super::settle::{drop_bodies, known};
use crate::queue::kept::{in_order, now_ms, runs, size};
use crate::queue::{DISPOSED_MAX, Disposal, READ_BYTES_MAX};

/// Does it with the oldest of these; gives how many there were, as far as they go at once.
pub(super) fn dispose(
    connection: &Connection,
    connector: &str,
    disposal: &Disposal,
    sequences: &[RangeInclusive<i64>],
) -> Result<u64, Fault> {
    // Nothing of it is there.
    let Some(known) = known(connection, connector)? else { return Ok(0) };
    let id = known.id;
    let of_entries = matches!(disposal, Disposal::Skip(_) | Disposal::Drop);
    let chosen = choose(connection, id, of_entries, sequences)?;
    match disposal {
        Disposal::Skip(reason) => {
            let mut skip = connection.prepare_cached(include_str!("../../../sql/sqlite/query/entry_skip.sql"))?;
            let now = now_ms();
            for sequence in &chosen {
                skip.execute(params![id, sequence, reason, now])?;
            }
        }
        Disposal::Retry => {
            let mut again = connection.prepare_cached(include_str!("../../../sql/sqlite/query/entry_again.sql"))?;
            for sequence in &chosen {
                again.execute([id, *sequence])?;
            }
        }
        Disposal::Drop | Disposal::DropParked => {}
    }
    let mut done = connection.prepare_cached(done_of(of_entries))?;
    let count = chosen.len() as u64;
    for (first, last) in runs(chosen) {
        done.execute([id, first, last])?;
        if matches!(disposal, Disposal::Drop | Disposal::DropParked) {
            drop_bodies(connection, first, last)?;
        }
    }
    if of_entries && count > 0 {
        connection.prepare_cached(include_str!("../../../sql/sqlite/query/standing_rest.sql"))?.execute([id])?;
    }
    connection.prepare_cached(include_str!("../../../sql/sqlite/query/purge_connectors.sql"))?.execute([])?;
    Ok(count)
}

fn done_of(of_entries: bool) -> &'static str {
    if of_entries {
        include_str!("../../../sql/sqlite/query/entry_done.sql")
    } else {
        include_str!("../../../sql/sqlite/query/parked_done.sql")
    }
}

/// Those that are there, oldest first; as few as let everybody else have the store soon.
fn choose(
    connection: &Connection,
    id: i64,
    of_entries: bool,
    sequences: &[RangeInclusive<i64>],
) -> Result<Vec<i64>, Fault> {
    let mut some: CachedStatement<'_> = connection.prepare_cached(if of_entries {
        include_str!("../../../sql/sqlite/query/entry_some.sql")
    } else {
        include_str!("../../../sql/sqlite/query/parked_some.sql")
    })?;
    let (mut chosen, mut bytes, mut behind) = (Vec::new(), 0, i64::MIN);
    for range in in_order(sequences) {
        // What two ranges have in common is chosen once.
        let first = behind.max(*range.start());
        let mut rows = some.query(params![id, first, range.end(), size(DISPOSED_MAX - chosen.len())])?;
        while let Some(row) = rows.next()? {
            bytes += row.get(1).map(|bytes: i64| usize::try_from(bytes).unwrap_or(0))?;
            if bytes > READ_BYTES_MAX && !chosen.is_empty() {
                return Ok(chosen);
            }
            chosen.push(row.get(0)?);
        }
        behind = behind.max(range.end().saturating_add(1));
        if chosen.len() == DISPOSED_MAX {
            break;
        }
    }
    Ok(chosen)
}
