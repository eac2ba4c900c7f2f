//! Deliveries out: what is in flight, what became of it, and bodies that nobody waits for any more.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use super::fault::Fault;
use super::statement::{Value, ascii, list, standard};
use super::tx::{Connector, Tx, within};
use super::work::Work;
use super::{Settlement, Standing};
use crate::queue::kept::{runs, size, to_ms};

/// These are about to be handed over; `false`, and they are not, if the connector is paused or one of them does not wait any more.
pub(super) struct Begin {
    pub(super) connector: String,
    pub(super) sequences: Vec<i64>,
}

#[async_trait]
impl Work for Begin {
    type Done = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fault> {
        let (Some(&first), Some(&last)) = (self.sequences.iter().min(), self.sequences.iter().max()) else {
            return Ok(true);
        };
        let Connector { id, flight, paused, .. } = tx.connector(&self.connector)?;
        if paused {
            return Ok(false);
        }
        let question = tx.fill(standard!("entry_range"), &range(id, first, last));
        let [waiting] = tx.ask([question]).await?;
        let waiting: HashMap<i64, i64> = waiting.iter().map(|row| (row.int(0), row.int(1))).collect();
        if !self.sequences.iter().all(|sequence| waiting.contains_key(sequence)) {
            return Ok(false);
        }
        let back: Vec<i64> = self.sequences.iter().copied().filter(|sequence| waiting[sequence] < 0).collect();
        if !back.is_empty() {
            let back = list(back);
            tx.write(standard!("entry_begun"), &[("id", Value::Int(id)), ("sequences", Value::Sql(&back))]);
        }
        if let Some((first, last)) = flight {
            // Begun before and never settled: the mark moves from the connector to the entries.
            tx.write(standard!("flight_lost"), &range(id, first, last));
        }
        mark(tx, id, Some((first, last)));
        Ok(true)
    }
}

/// Entries that are marked by one transaction.
const DOUBTED: usize = 5_000;

/// Whatever waits was perhaps sent: marks some of it, behind this connector's id and sequence. Gives where to go on, if there is more.
pub(super) struct Doubt {
    pub(super) after: (i64, i64),
}

#[async_trait]
impl Work for Doubt {
    type Done = Option<(i64, i64)>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<(i64, i64)>, Fault> {
        let (from, after) = self.after;
        let Some(id) = tx.connectors.iter().map(|known| known.id).filter(|&id| id >= from).min() else {
            return Ok(None);
        };
        let after = if id == from { after } else { 0 };
        let behind = format!("sequence > {after}");
        let values = [
            ("table", Value::Sql("entry")),
            ("id", Value::Int(id)),
            ("ranges", Value::Sql(&behind)),
            ("limit", Value::Int(size(DOUBTED))),
        ];
        let question = tx.fill(standard!("held_some"), &values);
        let [rows] = tx.ask([question]).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Some((id + 1, 0))) };
        let last = last.int(0);
        tx.write(standard!("entry_perhaps"), &range(id, first.int(0), last));
        Ok(Some((id, last)))
    }
}

/// What became of entries, and how the connector stands after it.
pub(super) struct Settle {
    pub(super) connector: String,
    pub(super) settlement: Settlement,
}

#[async_trait]
impl Work for Settle {
    type Done = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let Connector { id, flight, .. } = tx.connector(&self.connector)?;
        let Settlement { done, parked, failed, perhaps_sent, withheld, standing } = &self.settlement;
        park(tx, id, parked);
        for (first, last) in runs(failed.clone()) {
            tx.write(standard!("entry_failed"), &range(id, first, last));
        }
        for (first, last) in runs(perhaps_sent.clone()) {
            tx.write(standard!("entry_perhaps"), &range(id, first, last));
        }
        for (first, last) in runs(done.iter().copied().chain(parked.iter().map(|(sequence, _)| *sequence)).collect()) {
            tx.write(standard!("entry_done"), &range(id, first, last));
        }
        for (first, last) in runs(done.clone()) {
            // Skipped while it was on its way, and sent after all.
            tx.write(standard!("parked_done"), &range(id, first, last));
        }
        stand(tx, id, standing);
        drop_bodies(tx, done).await?;
        if let Some((first, last)) = flight {
            let question = tx.fill(standard!("entry_range"), &range(id, first, last));
            let [rest] = tx.ask([question]).await?;
            let known: HashSet<i64> = failed.iter().chain(withheld).copied().collect();
            let rest = rest.iter().filter(|row| row.int(1) >= 0).map(|row| row.int(0));
            let mut rest = rest.filter(|sequence| !known.contains(sequence));
            let left = rest.next().map(|first| (first, rest.next_back().unwrap_or(first)));
            mark(tx, id, left);
        }
        Ok(())
    }
}

/// Drops those of these bodies that no entry and no parked message needs.
pub(super) async fn drop_bodies(tx: &mut Tx<'_>, sequences: &[i64]) -> Result<(), Fault> {
    if sequences.is_empty() {
        return Ok(());
    }
    let (within, connectors) = (within(sequences), tx.connector_ids());
    let values = [("within", Value::Sql(&within)), ("connectors", Value::Sql(&connectors))];
    let questions = [tx.fill(standard!("wanted"), &values), tx.fill(standard!("body_sizes"), &values)];
    let [wanted, sizes] = tx.ask(questions).await?;
    let wanted: HashSet<i64> = wanted.iter().map(|row| row.int(0)).collect();
    let asked: HashSet<i64> = sequences.iter().copied().collect();
    let unwanted = sizes.iter().map(|row| (row.int(0), row.int(1)));
    let unwanted: Vec<(i64, i64)> =
        unwanted.filter(|(sequence, _)| asked.contains(sequence) && !wanted.contains(sequence)).collect();
    tx.used_bytes -= unwanted.iter().map(|(_, size)| size).sum::<i64>();
    for (first, last) in runs(unwanted.into_iter().map(|(sequence, _)| sequence).collect()) {
        tx.write(standard!("body_drop"), &[("first", Value::Int(first)), ("last", Value::Int(last))]);
    }
    Ok(())
}

pub(super) fn range(id: i64, first: i64, last: i64) -> [(&'static str, Value<'static>); 3] {
    [("id", Value::Int(id)), ("first", Value::Int(first)), ("last", Value::Int(last))]
}

fn park(tx: &mut Tx<'_>, id: i64, parked: &[(i64, String)]) {
    for (sequence, reason) in parked {
        let (reason, now) = (ascii(reason), tx.now);
        let values = [
            ("id", Value::Int(id)),
            ("sequence", Value::Int(*sequence)),
            ("reason", Value::Text(&reason)),
            ("now", Value::Int(now)),
        ];
        tx.write(standard!("parked_add"), &values);
    }
}

fn stand(tx: &mut Tx<'_>, id: i64, standing: &Standing) {
    let last_error = standing.last_error.as_deref().map(ascii);
    let values = [
        ("id", Value::Int(id)),
        ("attempts", Value::Int(i64::from(standing.attempts))),
        ("next_attempt", Value::OptInt(standing.next_attempt.map(to_ms))),
        ("last_error", Value::OptText(last_error.as_deref())),
        ("class", Value::OptText(standing.class.map(|class| class.as_str()))),
    ];
    tx.write(standard!("standing_write"), &values);
}

fn mark(tx: &mut Tx<'_>, id: i64, flight: Option<(i64, i64)>) {
    let values = [
        ("id", Value::Int(id)),
        ("first", Value::OptInt(flight.map(|flight| flight.0))),
        ("last", Value::OptInt(flight.map(|flight| flight.1))),
    ];
    tx.write(standard!("flight_write"), &values);
    if let Some(connector) = tx.connectors.iter_mut().find(|connector| connector.id == id) {
        connector.flight = flight;
    }
}
