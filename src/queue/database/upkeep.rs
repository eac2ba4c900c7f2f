//! Bodies cut down to their events, and what is forgotten.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;

use super::fault::Fault;
use super::put::{MESSAGE_BYTES, write_bodies};
use super::read::bodies;
use super::settle::{drop_bodies, range};
use super::statement::{Value, dialect, list, standard};
use super::tx::Tx;
use super::work::Work;
use crate::message::Body;
use crate::queue::kept::{runs, size};

/// Redacted messages rewritten at once; bounds memory.
const AT_ONCE: usize = 32;

/// Messages looked at by one purging transaction, so that deliveries need not wait long for it.
const PURGE_STEP: i64 = 5_000;

/// Parked messages forgotten by one transaction.
const PARKED_STEP: i64 = 500;

/// Replaces bodies by their events. What the server keeps of the rest, in its pages and logs, is the server's.
pub(super) struct Redact(pub(super) Vec<i64>);

#[async_trait]
impl Work for Redact {
    type Done = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let mut sequences = self.0.clone();
        sequences.sort_unstable();
        sequences.dedup();
        for sequences in sequences.chunks(AT_ONCE) {
            let asked = list(sequences.iter().copied());
            let question = tx.fill(dialect!(tx.dialect(), "body_read"), &[("sequences", Value::Sql(&asked))]);
            let [rows] = tx.ask([question]).await?;
            let whole: BTreeMap<i64, Body> = bodies(&rows)?;
            let redacted: Vec<(i64, Body)> =
                whole.iter().map(|(sequence, body)| (*sequence, body.redacted())).collect();
            tx.used_bytes -= whole.values().map(|body| size(body.bytes.len())).sum::<i64>();
            let connectors = tx.connector_ids();
            for (sequence, body) in &redacted {
                let one = Value::Int(*sequence);
                tx.write(standard!("body_drop"), &[("first", one), ("last", one)]);
                let bytes = Value::Int(size(body.bytes.len()));
                let values = [("sequence", one), ("bytes", bytes), ("connectors", Value::Sql(&connectors))];
                tx.write(standard!("entry_resize"), &values);
                tx.write(standard!("parked_resize"), &values);
            }
            write_bodies(tx, &redacted.iter().map(|(sequence, body)| (*sequence, body)).collect::<Vec<_>>());
        }
        Ok(())
    }
}

/// What one transaction of many came to.
pub(super) struct Step {
    /// Go on behind this; none: that was all.
    pub(super) next: Option<i64>,
    /// So many were forgotten.
    pub(super) forgotten: i64,
}

impl Step {
    const END: Step = Step { next: None, forgotten: 0 };

    /// It forgot little of what it looked at.
    pub(super) fn is_idle(&self) -> bool {
        self.forgotten < PURGE_STEP / 20
    }
}

/// Forgets some facts behind the key `after` that are told for so long (milliseconds) that nobody looks at them again.
pub(super) struct PurgeFacts {
    pub(super) after: i64,
    pub(super) told_for: i64,
}

#[async_trait]
impl Work for PurgeFacts {
    type Done = Step;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Step, Fault> {
        let old =
            tx.fill(standard!("ledger_old"), &[("now", Value::Int(tx.now)), ("told_for", Value::Int(self.told_for))]);
        let (after, old) = (("after", Value::Int(self.after)), ("old", Value::Sql(old.trim())));
        let question = tx.fill(standard!("ledger_next"), &[after, old, ("limit", Value::Int(PURGE_STEP))]);
        let [rows] = tx.ask([question]).await?;
        let found = rows.first().and_then(|row| Some((row.opt_int(0)?, row.int(1))));
        let Some((last, forgotten)) = found else { return Ok(Step::END) };
        if forgotten > 0 {
            tx.write(standard!("ledger_purge"), &[after, ("last", Value::Int(last)), old]);
        }
        Ok(Step { next: Some(last), forgotten })
    }
}

/// Forgets connectors of which nothing is left.
pub(super) struct PurgeConnectors;

#[async_trait]
impl Work for PurgeConnectors {
    type Done = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        // One that was paused stays so until it is resumed.
        if tx.connectors.iter().any(|known| known.filter.is_none() && !known.paused) {
            tx.write(standard!("connector_purge"), &[]);
        }
        tx.look_at_connectors().await
    }
}

/// Forgets some parked messages from before that time; `true` if there may be more.
pub(super) struct PurgeParked {
    pub(super) before: i64,
}

#[async_trait]
impl Work for PurgeParked {
    type Done = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fault> {
        let values = [("before", Value::Int(self.before)), ("limit", Value::Int(PARKED_STEP))];
        let question = tx.fill(standard!("parked_old"), &values);
        let [rows] = tx.ask([question]).await?;
        for row in &rows {
            tx.write(standard!("parked_done"), &range(row.int(0), row.int(1), row.int(1)));
        }
        let sequences: Vec<i64> = rows.iter().map(|row| row.int(1)).collect();
        drop_bodies(tx, &sequences).await?;
        Ok(size(rows.len()) == PARKED_STEP)
    }
}

/// Forgets some messages behind `after` that were put before that time and that nobody needs.
pub(super) struct PurgeMessages {
    pub(super) after: i64,
    pub(super) before: i64,
}

#[async_trait]
impl Work for PurgeMessages {
    type Done = Step;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Step, Fault> {
        let question = tx.fill(standard!("message_next"), &[("after", Value::Int(self.after))]);
        let [next] = tx.ask([question]).await?;
        let Some(next) = next.first().filter(|row| row.int(1) <= self.before) else { return Ok(Step::END) };
        let (first, last) = (next.int(0), next.int(0).saturating_add(PURGE_STEP - 1));
        let (range, connectors) = (format!("BETWEEN {first} AND {last}"), tx.connector_ids());
        let values = [("first", Value::Int(first)), ("last", Value::Int(last)), ("before", Value::Int(self.before))];
        let wanted = [("within", Value::Sql(&range)), ("connectors", Value::Sql(&connectors))];
        let questions = [tx.fill(standard!("message_old"), &values), tx.fill(standard!("wanted"), &wanted)];
        let [old, wanted] = tx.ask(questions).await?;
        let wanted: HashSet<i64> = wanted.iter().map(|row| row.int(0)).collect();
        let old: Vec<i64> = old.iter().map(|row| row.int(0)).filter(|sequence| !wanted.contains(sequence)).collect();
        let forgotten = size(old.len());
        tx.used_bytes -= MESSAGE_BYTES * forgotten;
        for (first, last) in runs(old) {
            tx.write(standard!("message_drop"), &[("first", Value::Int(first)), ("last", Value::Int(last))]);
        }
        Ok(Step { next: Some(last), forgotten })
    }
}
