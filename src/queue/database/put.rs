//! Messages in: ledger, rows, bodies, an entry for each connector that wants them, and the checkpoint.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::fault::Fault;
use super::statement::{Value, json_ascii, list, standard};
use super::tx::{Connector, Tx};
use super::work::Work;
use super::{Checkpoint, Envelope, Filter, Message, Subscriber, SweepMark};
use crate::queue::kept::{self, Record, keys, size, size_of};

/// What a message takes besides its body: its rows and their keys.
pub(super) const MESSAGE_BYTES: i64 = 400;

/// Bytes of one part of a body: twice as many travel, and any server takes a packet of that size.
pub(super) const PART_BYTES: usize = 256 << 10;

/// Keys asked for at once.
const ASKED: usize = 2_000;

/// Who gets messages from now on.
pub(super) struct Subscribe(pub(super) Vec<Subscriber>);

#[async_trait]
impl Work for Subscribe {
    type Done = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let mut filters = Vec::with_capacity(self.0.len());
        for Subscriber { connector, filter } in &self.0 {
            let filter = serde_json::to_string(filter);
            let filter = filter.map_err(|error| Fault::Other(format!("a filter cannot be stored: {error}")))?;
            filters.push((connector, json_ascii(&filter)));
        }
        for known in tx.connectors.clone() {
            let filter = filters.iter().find(|(name, _)| **name == known.name).map(|(_, filter)| filter);
            set_filter(tx, &known, filter);
        }
        for (name, filter) in &filters {
            if tx.connector(name).is_err() {
                add(tx, name, Some(filter), false);
            }
        }
        Ok(())
    }
}

fn set_filter(tx: &mut Tx<'_>, known: &Connector, filter: Option<&String>) {
    let values = [("id", Value::Int(known.id)), ("filter", Value::OptText(filter.map(String::as_str)))];
    tx.write(standard!("connector_filter"), &values);
    if let Some(connector) = tx.connectors.iter_mut().find(|connector| connector.id == known.id) {
        connector.filter = filter.cloned();
    }
}

fn add(tx: &mut Tx<'_>, name: &str, filter: Option<&String>, paused: bool) {
    let id = tx.connectors.iter().map(|connector| connector.id).max().unwrap_or(0) + 1;
    let values = [
        ("id", Value::Int(id)),
        ("name", Value::Text(name)),
        ("filter", Value::OptText(filter.map(String::as_str))),
        ("paused", Value::Int(i64::from(paused))),
    ];
    tx.write(standard!("connector_add"), &values);
    tx.connectors.push(Connector { id, name: name.to_owned(), filter: filter.cloned(), paused, flight: None });
}

/// Holds a connector back, or lets it go on.
pub(super) struct Pause {
    pub(super) connector: String,
    pub(super) paused: bool,
}

#[async_trait]
impl Work for Pause {
    type Done = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let Some(known) = tx.connectors.iter_mut().find(|known| known.name == self.connector) else {
            add(tx, &self.connector, None, self.paused);
            return Ok(());
        };
        known.paused = self.paused;
        let values = [("id", Value::Int(known.id)), ("paused", Value::Int(i64::from(self.paused)))];
        tx.write(standard!("connector_pause"), &values);
        Ok(())
    }
}

/// Stores what was not told before, and the checkpoint behind it.
pub(super) struct Put {
    pub(super) messages: Vec<Message>,
    pub(super) checkpoint: Checkpoint,
    pub(super) max_bytes: u64,
}

#[async_trait]
impl Work for Put {
    type Done = Vec<Envelope>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Envelope>, Fault> {
        let mut told = HashMap::new();
        if !self.messages.is_empty() {
            check_room(tx, bytes_of(&self.messages), self.max_bytes)?;
            told = told_of(tx, self.messages.iter().flat_map(keys).collect()).await?;
        }
        let (mut fresh, mut news, mut outdated) = (Vec::with_capacity(self.messages.len()), BTreeMap::new(), vec![]);
        for message in &self.messages {
            let saved_at = message.saved_at.ordinal();
            let mut is_news = false;
            for key in keys(message) {
                let before = told.insert(key, saved_at);
                if before != Some(saved_at) {
                    is_news = true;
                    news.insert(key, saved_at);
                    // Its id was given out again.
                    outdated.extend(before.map(|_| key));
                }
            }
            if is_news {
                fresh.push(Record::from(message));
            } else {
                tracing::debug!(message_id = %message.id, "left out: told before");
            }
        }
        if !outdated.is_empty() {
            tx.write(standard!("ledger_forget"), &[("told", Value::Sql(&list(outdated)))]);
        }
        let row = |(key, saved_at)| vec![tx.site(), Value::Int(key), Value::Int(tx.now), Value::Int(saved_at)];
        let rows: Vec<_> = news.into_iter().map(row).collect();
        tx.write_rows(standard!("ledger_add"), &rows);
        let wishes = wishes(tx)?;
        let stored = store(tx, &fresh, &wishes);
        let Checkpoint { position, committed_at, server } = &self.checkpoint;
        let server = server.as_deref().map(json_ascii);
        let values = [
            ("position", Value::Text(&position.0)),
            ("committed_at", Value::Int(*committed_at)),
            ("server", Value::OptText(server.as_deref())),
            ("now", Value::Int(tx.now)),
        ];
        tx.write(standard!("state_write"), &values);
        Ok(stored)
    }
}

/// Stores messages for some connectors, told before or not; `None` if a quarter of the room would not be left.
pub(super) struct PutAgain {
    pub(super) messages: Vec<Message>,
    pub(super) connectors: Vec<String>,
    pub(super) max_bytes: u64,
}

#[async_trait]
impl Work for PutAgain {
    type Done = Option<Vec<Envelope>>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Vec<Envelope>>, Fault> {
        let used = used_bytes(tx);
        if used > 0 && used.saturating_add(bytes_of(&self.messages)) > self.max_bytes / 4 * 3 {
            return Ok(None);
        }
        check_room(tx, bytes_of(&self.messages), self.max_bytes)?;
        let mut wishes = wishes(tx)?;
        wishes.retain(|wish| self.connectors.contains(&wish.connector));
        let is_wanted = |record: &Record<'_>| wishes.iter().any(|wish| record.is_wanted_by(&wish.filter));
        let wanted: Vec<Record<'_>> = self.messages.iter().map(Record::from).filter(is_wanted).collect();
        Ok(Some(store(tx, &wanted, &wishes)))
    }
}

/// How far the sweep is.
pub(super) struct SetSwept(pub(super) SweepMark);

#[async_trait]
impl Work for SetSwept {
    type Done = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let SweepMark { start, until, first } = self.0;
        let values = [("start", Value::Int(start)), ("until", Value::Int(until)), ("first", Value::OptInt(first))];
        tx.write(standard!("sweep_write"), &values);
        Ok(())
    }
}

/// The sweep went on, unless a gap was found meanwhile.
pub(super) struct SweptOn(pub(super) i64);

#[async_trait]
impl Work for SweptOn {
    type Done = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        tx.write(standard!("sweep_on"), &[("until", Value::Int(self.0))]);
        Ok(())
    }
}

/// Those that are in the ledger, with their seconds.
async fn told_of(tx: &mut Tx<'_>, keys: Vec<i64>) -> Result<HashMap<i64, i64>, Fault> {
    let mut told = HashMap::new();
    for keys in keys.chunks(ASKED) {
        let question = tx.fill(standard!("ledger_has"), &[("told", Value::Sql(&list(keys.iter().copied())))]);
        let [rows] = tx.ask([question]).await?;
        told.extend(rows.iter().map(|row| (row.int(0), row.int(1))));
    }
    Ok(told)
}

fn bytes_of(messages: &[Message]) -> u64 {
    size_of(messages.iter().map(|message| &message.body))
}

/// Whether so many bytes may be put.
pub(super) fn check_room(tx: &Tx<'_>, more: u64, max_bytes: u64) -> Result<(), Fault> {
    kept::room(used_bytes(tx), more, 0, max_bytes).map_err(Fault::Limit)
}

pub(super) fn used_bytes(tx: &Tx<'_>) -> u64 {
    u64::try_from(tx.used_bytes).unwrap_or(0)
}

/// A connector that gets messages, and which.
pub(super) struct Wish {
    id: i64,
    connector: String,
    filter: Filter,
}

pub(super) fn wishes(tx: &Tx<'_>) -> Result<Vec<Wish>, Fault> {
    let subscribed = tx.connectors.iter().filter_map(|known| Some((known, known.filter.as_ref()?)));
    subscribed
        .map(|(known, filter)| {
            let filter = serde_json::from_str(filter);
            let filter = filter.map_err(|error| Fault::Other(format!("a stored filter cannot be read: {error}")))?;
            Ok(Wish { id: known.id, connector: known.name.clone(), filter })
        })
        .collect()
}

/// Rows of messages, an entry for each connector that wants them, and the bodies that somebody wants.
pub(super) fn store(tx: &mut Tx<'_>, records: &[Record<'_>], wishes: &[Wish]) -> Vec<Envelope> {
    let (site, now) = (tx.site(), Value::Int(tx.now));
    let ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
    let (mut rows, mut entries, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    let mut bodies = Vec::new();
    for (record, id) in records.iter().zip(&ids) {
        tx.last_sequence += 1;
        let sequence = Value::Int(tx.last_sequence);
        rows.push(vec![
            site,
            sequence,
            Value::Text(id),
            Value::Text(record.origin.target()),
            Value::Text(record.action),
            Value::Int(record.bug()),
            Value::OptInt(record.object()),
            Value::Text(record.change_set),
            Value::Int(record.committed_at_ms),
            now,
            Value::Int(record.private()),
        ]);
        let bytes = Value::Int(size(record.body.bytes.len()));
        let before = entries.len();
        let wanting = wishes.iter().filter(|wish| record.is_wanted_by(&wish.filter));
        entries.extend(wanting.map(|wish| vec![site, Value::Int(wish.id), sequence, bytes]));
        if entries.len() > before {
            bodies.push((tx.last_sequence, record.body));
        }
        stored.push(record.envelope(tx.last_sequence));
    }
    tx.used_bytes += MESSAGE_BYTES * size(records.len());
    tx.write_rows(standard!("message_add"), &rows);
    tx.write_rows(standard!("entry_add"), &entries);
    write_bodies(tx, &bodies);
    stored
}

/// Bodies, in parts; they count.
pub(super) fn write_bodies(tx: &mut Tx<'_>, bodies: &[(i64, &crate::message::Body)]) {
    let site = tx.site();
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for (sequence, body) in bodies {
        tx.used_bytes += size(body.bytes.len());
        for (part, piece) in (0..).zip(body.bytes.chunks(PART_BYTES)) {
            if bytes + piece.len() > PART_BYTES {
                tx.write_rows(standard!("body_add"), &std::mem::take(&mut rows));
                bytes = 0;
            }
            bytes += piece.len();
            let event_bytes = body.event_bytes.filter(|_| part == 0).map(size);
            let (sequence, part, length) = (Value::Int(*sequence), Value::Int(part), Value::Int(size(piece.len())));
            rows.push(vec![site, sequence, part, length, Value::OptInt(event_bytes), Value::Bytes(piece)]);
        }
    }
    tx.write_rows(standard!("body_add"), &rows);
}
