//! What an operator does with messages that wait or are parked: some of them in each transaction.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;

use super::fault::Fault;
use super::floor::Floors;
use super::settle::{drop_bodies, range};
use super::statement::{Value, ascii, list, standard};
use super::tx::Tx;
use super::work::Work;
use crate::queue::kept::{in_order, runs, size};
use crate::queue::{DISPOSED_MAX, Disposal, READ_BYTES_MAX};

/// Ranges asked for at once.
const RANGES: usize = 200;

/// Does it with the oldest of these; gives how many there were, as far as they go at once.
pub(super) struct Dispose {
    pub(super) connector: String,
    pub(super) disposal: Disposal,
    pub(super) sequences: Vec<RangeInclusive<i64>>,
    pub(super) floors: Arc<Floors>,
}

#[async_trait]
impl Work for Dispose {
    type Done = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Fault> {
        // Nothing of it is there.
        let Ok(known) = tx.connector(&self.connector) else { return Ok(0) };
        let id = known.id;
        let of_entries = matches!(self.disposal, Disposal::Skip(_) | Disposal::Drop);
        let chosen = choose(tx, id, if of_entries { "entry" } else { "parked" }, &self.sequences).await?;
        let sequences = list(chosen.iter().copied());
        let values = [("id", Value::Int(id)), ("sequences", Value::Sql(&sequences)), ("now", Value::Int(tx.now))];
        match &self.disposal {
            Disposal::Skip(reason) => {
                let reason = ascii(reason);
                tx.write(standard!("entry_skip"), &[&values[..], &[("reason", Value::Text(&reason))]].concat());
            }
            Disposal::Retry => tx.write(standard!("entry_again"), &values),
            Disposal::Drop | Disposal::DropParked => {}
        }
        for (first, last) in runs(chosen.clone()) {
            let done = if of_entries { standard!("entry_done") } else { standard!("parked_done") };
            tx.write(done, &range(id, first, last));
        }
        if matches!(self.disposal, Disposal::Drop | Disposal::DropParked) {
            drop_bodies(tx, &chosen).await?;
        }
        if of_entries && !chosen.is_empty() {
            tx.write(standard!("standing_rest"), &values);
        }
        tx.write(standard!("connector_purge"), &[]);
        tx.look_at_connectors().await?;
        Ok(chosen.len() as u64)
    }

    /// What was put back lies where it lay before.
    fn over(&self) {
        self.floors.forget(&self.connector);
    }
}

/// Those that are there, oldest first; as few as let everybody else have the store soon.
async fn choose(
    tx: &mut Tx<'_>,
    id: i64,
    table: &'static str,
    sequences: &[RangeInclusive<i64>],
) -> Result<Vec<i64>, Fault> {
    let (mut chosen, mut bytes) = (Vec::new(), 0);
    for ranges in in_order(sequences).chunks(RANGES) {
        let ranges: Vec<String> =
            ranges.iter().map(|range| format!("sequence BETWEEN {} AND {}", range.start(), range.end())).collect();
        let ranges = ranges.join(" OR ");
        let values = [
            ("table", Value::Sql(table)),
            ("id", Value::Int(id)),
            ("ranges", Value::Sql(&ranges)),
            ("limit", Value::Int(size(DISPOSED_MAX - chosen.len()))),
        ];
        let question = tx.fill(standard!("held_some"), &values);
        let [rows] = tx.ask([question]).await?;
        for row in rows {
            bytes += row.int(1);
            if bytes > size(READ_BYTES_MAX) && !chosen.is_empty() {
                return Ok(chosen);
            }
            // What two ranges have in common is chosen once.
            if !chosen.contains(&row.int(0)) {
                chosen.push(row.int(0));
            }
        }
        if chosen.len() == DISPOSED_MAX {
            break;
        }
    }
    Ok(chosen)
}
