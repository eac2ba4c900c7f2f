//! Deliveries out: what is in flight, what became of it, and which bodies nobody waits for any more.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault::Fault;
use super::{Settlement, Standing};
use crate::queue::kept::{now_ms, runs, to_ms};

/// The range of sequences handed over whose fate is not recorded.
type Flight = Option<(i64, i64)>;

/// A connector as the store knows it.
pub(super) struct Known {
    pub(super) id: i64,
    flight: Flight,
    paused: bool,
}

/// These are about to be handed over; `false`, and they are not, if the connector is paused or one of them does not wait any more.
pub(super) fn begin(connection: &Connection, connector: &str, sequences: &[i64]) -> Result<bool, Fault> {
    let (Some(&first), Some(&last)) = (sequences.iter().min(), sequences.iter().max()) else { return Ok(true) };
    let Known { id, flight, paused } = subscribed(connection, connector)?;
    if paused || !take_off(connection, id, (first, last), sequences)? {
        return Ok(false);
    }
    if let Some((first, last)) = flight {
        // Begun before and never settled: the mark moves from the connector to the entries.
        let mut lost = connection.prepare_cached(include_str!("../../../sql/sqlite/query/flight_lost.sql"))?;
        lost.execute(params![id, first, last])?;
    }
    mark(connection, id, Some((first, last)))?;
    Ok(true)
}

/// Whether all of these wait still. Those that were put back are like any other from now on.
fn take_off(connection: &Connection, id: i64, (first, last): (i64, i64), sequences: &[i64]) -> Result<bool, Fault> {
    let waiting: HashMap<i64, bool> = resting(connection, id, (first, last))?.into_iter().collect();
    if !sequences.iter().all(|sequence| waiting.contains_key(sequence)) {
        return Ok(false);
    }
    for sequence in sequences.iter().filter(|sequence| waiting[sequence]) {
        let mut begun = connection.prepare_cached(include_str!("../../../sql/sqlite/query/entry_begun.sql"))?;
        begun.execute([id, *sequence])?;
    }
    Ok(true)
}

/// What became of entries, and how the connector stands after it.
pub(super) fn settle(connection: &Connection, connector: &str, settlement: &Settlement) -> Result<(), Fault> {
    let Known { id, flight, .. } = subscribed(connection, connector)?;
    park(connection, id, settlement)?;
    fail(connection, id, settlement)?;
    let mut gone = settlement.done.clone();
    gone.extend(settlement.parked.iter().map(|(sequence, _)| sequence));
    for (first, last) in runs(gone) {
        let mut done = connection.prepare_cached(include_str!("../../../sql/sqlite/query/entry_done.sql"))?;
        done.execute(params![id, first, last])?;
    }
    for (first, last) in runs(settlement.done.clone()) {
        // Skipped while it was on its way, and sent after all.
        let mut done = connection.prepare_cached(include_str!("../../../sql/sqlite/query/parked_done.sql"))?;
        done.execute(params![id, first, last])?;
        // Their bodies stay until room is needed or the store is purged: to zero them takes longer than all of this.
        let mut spent = connection.prepare_cached(include_str!("../../../sql/sqlite/query/spent_add.sql"))?;
        spent.execute([first, last])?;
    }
    stand(connection, id, &settlement.standing)?;
    if let Some(flight) = flight {
        mark(connection, id, still_in_flight(connection, id, flight, settlement)?)?;
    }
    Ok(())
}

/// Drops those bodies of the range that no entry and no parked message needs.
pub(super) fn drop_bodies(connection: &Connection, first: i64, last: i64) -> Result<(), Fault> {
    // Mostly nobody needs any of them, and one look at the range is cheaper than one at each.
    let mut wanted = connection.prepare_cached(include_str!("../../../sql/sqlite/query/body_wanted.sql"))?;
    let statement = if wanted.query_row([first, last], |row| row.get(0))? {
        include_str!("../../../sql/sqlite/query/body_drop_unwanted.sql")
    } else {
        include_str!("../../../sql/sqlite/query/body_drop_all.sql")
    };
    connection.prepare_cached(statement)?.execute([first, last])?;
    Ok(())
}

/// What is known of a connector; `None`: nothing.
pub(super) fn known(connection: &Connection, connector: &str) -> Result<Option<Known>, Fault> {
    let mut read = connection.prepare_cached(include_str!("../../../sql/sqlite/query/flight_read.sql"))?;
    let found = read.query_row([connector], |row| {
        let (first, last): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
        Ok(Known { id: row.get(0)?, flight: first.zip(last), paused: row.get(3)? })
    });
    Ok(found.optional()?)
}

fn subscribed(connection: &Connection, connector: &str) -> Result<Known, Fault> {
    known(connection, connector)?.ok_or_else(|| Fault::Other(format!("connector {connector} never subscribed")))
}

fn park(connection: &Connection, id: i64, settlement: &Settlement) -> Result<(), Fault> {
    let now = now_ms();
    for (sequence, reason) in &settlement.parked {
        let mut park = connection.prepare_cached(include_str!("../../../sql/sqlite/query/parked_add.sql"))?;
        park.execute(params![id, sequence, reason, now])?;
    }
    Ok(())
}

fn fail(connection: &Connection, id: i64, settlement: &Settlement) -> Result<(), Fault> {
    let perhaps_sent: HashSet<i64> = settlement.perhaps_sent.iter().copied().collect();
    for sequence in &settlement.failed {
        let mut fail = connection.prepare_cached(include_str!("../../../sql/sqlite/query/entry_failed.sql"))?;
        fail.execute(params![id, sequence, perhaps_sent.contains(sequence)])?;
    }
    Ok(())
}

fn stand(connection: &Connection, id: i64, standing: &Standing) -> Result<(), Fault> {
    let mut write = connection.prepare_cached(include_str!("../../../sql/sqlite/query/standing_write.sql"))?;
    let next_attempt = standing.next_attempt.map(to_ms);
    let class = standing.class.map(|class| class.as_str());
    write.execute(params![id, standing.attempts, next_attempt, standing.last_error, class])?;
    Ok(())
}

/// What is left of a flight when only some of it was settled.
fn still_in_flight(
    connection: &Connection,
    id: i64,
    flight: (i64, i64),
    settlement: &Settlement,
) -> Result<Flight, Fault> {
    let known: HashSet<i64> = settlement.failed.iter().chain(&settlement.withheld).copied().collect();
    let rest = resting(connection, id, flight)?;
    let mut rest = rest.into_iter().filter(|(sequence, is_back)| !is_back && !known.contains(sequence));
    Ok(rest.next().map(|(first, _)| (first, rest.next_back().map_or(first, |(last, _)| last))))
}

/// The entries of a range that wait, in order, and whether each was put back and has not been in flight since.
fn resting(connection: &Connection, id: i64, (first, last): (i64, i64)) -> Result<Vec<(i64, bool)>, Fault> {
    let mut rest = connection.prepare_cached(include_str!("../../../sql/sqlite/query/flight_rest.sql"))?;
    let rest = rest.query_map(params![id, first, last], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rest.collect::<Result<_, _>>()?)
}

fn mark(connection: &Connection, id: i64, flight: Flight) -> Result<(), Fault> {
    let mut write = connection.prepare_cached(include_str!("../../../sql/sqlite/query/flight_write.sql"))?;
    write.execute(params![id, flight.map(|f| f.0), flight.map(|f| f.1)])?;
    Ok(())
}
