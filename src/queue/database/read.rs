//! What deliveries and gauges read. Each call sees one state of the store, on a session that does not write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use super::fault::Fault;
use super::floor::Floors;
use super::lead;
use super::statement::{Names, Value, bytes_of, dialect, standard, text_of};
use super::{BacklogStats, Batch, Checkpoint, Entry, Envelope, Page, Parked, Standing, Stats, SweepMark, Waiting};
use crate::changeset::{Position, Subject};
use crate::database::{Row, Server, Session};
use crate::failure::Class;
use crate::message::{Body, MessageId};
use crate::queue::READ_BYTES_MAX;
use crate::queue::kept::{body_from_columns, origin, size, subject};

/// A session that reads may be silent for long.
const SILENCE: Duration = Duration::from_secs(600);

/// An entry; or its sequence, and what is missing of it.
type Found = Result<Entry, (i64, String)>;

/// What lies for a connector: its table, and the list of it.
const ENTRIES: (&str, &str) = ("entry", standard!("entry_next"));
const PARKED: (&str, &str) = ("parked", standard!("parked_next"));

/// One session at a time, made when it is first needed.
pub(super) struct Reader {
    server: Arc<dyn Server>,
    names: Names,
    site: OnceCell<i64>,
    session: Mutex<Option<Box<dyn Session>>>,
}

impl Reader {
    pub(super) fn new(server: Arc<dyn Server>, names: Names) -> Self {
        Reader { server, names, site: OnceCell::new(), session: Mutex::default() }
    }

    /// The rows of each question, all of one state of the store.
    pub(super) async fn ask<const N: usize>(
        &self,
        questions: [&'static str; N],
        values: &[(&str, Value<'_>)],
    ) -> Result<[Vec<Row>; N], Fault> {
        let mut all = vec![("site", Value::Int(*self.site.get_or_try_init(|| self.find_site()).await?))];
        all.extend_from_slice(values);
        let mut script = vec![self.names.fill(dialect!(self.names.dialect, "look"), &[])];
        script.extend(questions.iter().map(|sql| self.names.fill(sql, &all)));
        script.push(standard!("commit").trim_end().to_owned());
        let mut answers = self.run(&script).await?;
        answers.truncate(N + 1);
        let asked = answers.split_off(answers.len().min(1));
        asked.try_into().map_err(|_| Fault::Other("the server left a question without an answer".to_owned()))
    }

    async fn find_site(&self) -> Result<i64, Fault> {
        let find = self.names.fill(standard!("site_find"), &[("name", Value::Text(&self.names.database))]);
        let found = self.run(&[find]).await?;
        let missing = || Fault::Other("it is not made yet".to_owned());
        found.iter().flatten().next().map(|row| row.int(0)).ok_or_else(missing)
    }

    /// A session that was lost while nobody used it is made anew, once. One that fails, or whose caller goes away, is not used again.
    async fn run(&self, script: &[String]) -> Result<Vec<Vec<Row>>, Fault> {
        let mut slot = self.session.lock().await;
        if let Some(mut session) = slot.take() {
            match session.run(script).await.map_err(Fault::from) {
                Ok(answers) => {
                    *slot = Some(session);
                    return Ok(answers);
                }
                Err(fault) if !fault.is_lost() => return Err(fault),
                Err(_) => {}
            }
        }
        let mut session = lead::session(&*self.server, &self.names, SILENCE).await?;
        let answers = session.run(script).await?;
        *slot = Some(session);
        Ok(answers)
    }

    /// From where the process is connected that holds the lock.
    pub(super) async fn leader(&self) -> Result<Option<String>, Fault> {
        let name = lead::lock_name(&self.names);
        let [rows] = self.ask([dialect!(self.names.dialect, "leader")], &[("name", Value::Text(&name))]).await?;
        Ok(rows.first().and_then(|row| row.opt_text(0)))
    }

    /// Where the capture stands.
    pub(super) async fn checkpoint(&self) -> Result<Option<Checkpoint>, Fault> {
        let [rows] = self.ask([standard!("state_read")], &[]).await?;
        let checkpoint = |row: &Row| {
            let position = Position(row.opt_text(0)?);
            Some(Checkpoint { position, committed_at: row.int(1), server: row.opt_text(2).map(Into::into) })
        };
        Ok(rows.first().and_then(checkpoint))
    }

    /// How far the sweep is.
    pub(super) async fn swept(&self) -> Result<Option<SweepMark>, Fault> {
        let [rows] = self.ask([standard!("sweep_read")], &[]).await?;
        Ok(rows.first().map(|row| SweepMark { start: row.int(0), until: row.int(1), first: row.opt_int(2) }))
    }

    /// Those of these keys that are in the ledger.
    pub(super) async fn told(&self, keys: &str) -> Result<BTreeMap<i64, i64>, Fault> {
        let [rows] = self.ask([standard!("ledger_has")], &[("told", Value::Sql(keys))]).await?;
        Ok(rows.iter().map(|row| (row.int(0), row.int(1))).collect())
    }

    /// The oldest entries of a connector behind `after`, and how it stands; no entries for one that is paused or that the store does
    /// not know.
    pub(super) async fn next_behind(
        &self,
        connector: &str,
        after: i64,
        limit: usize,
        floors: Option<&Floors>,
    ) -> Result<Batch, Fault> {
        let floor = floors.map(|floors| floors.of(connector));
        let after = floor.map_or(after, |floor| floor.behind);
        let (found, more, connectors) = self.whole(ENTRIES, connector, after, limit, |_, found| found).await?;
        if let (Some(floors), Some(floor)) = (floors, floor) {
            floors.found(connector, floor, found.first().map(sequence), found.last().map(sequence));
        }
        let Some((_, known)) = connectors.into_iter().find(|(_, known)| known.connector == connector) else {
            return Ok(Batch::default());
        };
        let mut batch = Batch { standing: known.standing, ..Batch::default() };
        if known.paused {
            return Ok(batch);
        }
        batch.more = more;
        for found in found {
            match found {
                Ok(entry) => batch.entries.push(entry),
                Err(broken) => batch.broken.push(broken),
            }
        }
        Ok(batch)
    }

    /// What is known of a connector's entries behind `after`, paused or not.
    pub(super) async fn backlog(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Waiting>, Fault> {
        let page = self.list(standard!("entry_next"), connector, after, limit, waiting).await?;
        Ok(Page { entries: page.entries.into_iter().flatten().collect(), next: page.next })
    }

    /// What is parked for a connector, behind `after`.
    pub(super) async fn parked(
        &self,
        connector: &str,
        after: i64,
        limit: usize,
    ) -> Result<Page<Parked<Waiting>>, Fault> {
        let read = |row: &Row| set_aside(row, waiting(row));
        self.list(standard!("parked_next"), connector, after, limit, read).await
    }

    /// What a list has behind `after`, at most `limit`.
    async fn list<T>(
        &self,
        question: &'static str,
        connector: &str,
        after: i64,
        limit: usize,
        read: impl Fn(&Row) -> T,
    ) -> Result<Page<T>, Fault> {
        // One more than asked for, which says whether there is one.
        let most = size(limit.saturating_add(1));
        let values = [("name", Value::Text(connector)), ("after", Value::Int(after)), ("limit", Value::Int(most))];
        let [mut rows] = self.ask([question], &values).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.int(0));
        Ok(Page { entries: rows.iter().map(read).collect(), next })
    }

    /// Whole entries of a connector behind `after`, paused or not.
    pub(super) async fn backlog_bodies(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Entry>, Fault> {
        let (found, more, _) = self.whole(ENTRIES, connector, after, limit, |_, found| found).await?;
        let next = found.last().filter(|_| more).map(sequence);
        Ok(Page { entries: found.into_iter().filter_map(Result::ok).collect(), next })
    }

    /// Whole parked messages of a connector behind `after`.
    pub(super) async fn parked_bodies(
        &self,
        connector: &str,
        after: i64,
        limit: usize,
    ) -> Result<Page<Parked<Entry>>, Fault> {
        let read = |row: &Row, found: Found| set_aside(row, found.ok());
        let (entries, more, _) = self.whole(PARKED, connector, after, limit, read).await?;
        let next = entries.last().filter(|_| more).map(|last| last.sequence);
        Ok(Page { entries, next })
    }

    /// At most `limit`, and as many as may be in memory at once; whether there are more, and how all connectors stand.
    async fn whole<T>(
        &self,
        (table, list): (&str, &'static str),
        connector: &str,
        after: i64,
        limit: usize,
        read: impl Fn(&Row, Found) -> T,
    ) -> Result<(Vec<T>, bool, Vec<(i64, BacklogStats)>), Fault> {
        let values = [
            ("name", Value::Text(connector)),
            ("after", Value::Int(after)),
            ("limit", Value::Int(size(limit.saturating_add(1)))),
            ("max", Value::Int(size(READ_BYTES_MAX))),
            ("table", Value::Sql(table)),
        ];
        let questions = [list, dialect!(self.names.dialect, "body_next"), standard!("standing_list")];
        let [rows, bytes, standings] = self.ask(questions, &values).await?;
        let mut whole = bodies(&bytes)?;
        let (mut found, mut bytes, mut more) = (Vec::with_capacity(rows.len().min(limit)), 0, false);
        for row in &rows {
            bytes += row.int(3);
            if found.len() == limit || (bytes > size(READ_BYTES_MAX) && !found.is_empty()) {
                more = true;
                break;
            }
            let sequence = row.int(0);
            let missing = match (waiting(row), whole.remove(&sequence)) {
                (Some(waiting), Some(body)) => {
                    found.push(read(row, Ok(entry(row, waiting, body))));
                    continue;
                }
                (None, _) => "what is known of it (table message)",
                (_, None) => "its text (table body)",
            };
            let what = format!("{missing} is missing in the store, so it cannot be sent; did somebody delete it?");
            found.push(read(row, Err((sequence, what))));
        }
        Ok((found, more, standings.iter().map(standing).collect()))
    }

    /// Bodies that carry more than their event, and what they are about.
    pub(super) async fn public_bodies(&self, after: i64, limit: usize) -> Result<Vec<(i64, Subject)>, Fault> {
        let values = [("after", Value::Int(after)), ("limit", Value::Int(size(limit)))];
        let [rows] = self.ask([standard!("body_public")], &values).await?;
        Ok(rows.iter().map(|row| (row.int(0), subject(&row.text(1), row.int(2), row.opt_int(3)))).collect())
    }

    /// Everything that the gauges show.
    pub(super) async fn stats(&self) -> Result<Stats, Fault> {
        let questions = [
            standard!("main_queue_count"),
            standard!("standing_list"),
            standard!("parked_count"),
            standard!("backlog_measure"),
            standard!("used_bytes"),
        ];
        let [main_queue, standings, parked, measured, used] = self.ask(questions, &[]).await?;
        let number = |row: &Row, column| u64::try_from(row.int(column)).unwrap_or(0);
        let count = |rows: &[Row]| rows.first().map_or(0, |row| number(row, 0));
        let of = |rows: &'_ [Row], id: i64| rows.iter().position(|row| row.int(0) == id);
        let mut backlogs: Vec<(i64, BacklogStats)> = standings.iter().map(standing).collect();
        backlogs.sort_by(|(_, a), (_, b)| a.connector.cmp(&b.connector));
        for (id, stats) in &mut backlogs {
            stats.parked = of(&parked, *id).map_or(0, |index| number(&parked[index], 1));
            if let Some(index) = of(&measured, *id) {
                let row = &measured[index];
                (stats.messages, stats.bytes) = (number(row, 1), number(row, 2));
                stats.oldest_committed_at_ms = row.opt_int(3);
            }
        }
        Ok(Stats {
            last_sequence: used.first().map_or(0, |row| row.int(1)),
            main_queue_messages: count(&main_queue),
            backlogs: backlogs.into_iter().map(|(_, stats)| stats).collect(),
            store_bytes: count(&used),
        })
    }
}

fn sequence(found: &Found) -> i64 {
    match found {
        Ok(entry) => entry.envelope.sequence,
        Err((sequence, _)) => *sequence,
    }
}

/// How a connector stands, with its id; nothing is counted yet.
fn standing(row: &Row) -> (i64, BacklogStats) {
    let next_attempt = row.opt_int(2).and_then(|ms| u64::try_from(ms).ok());
    let class = row.opt_text(4);
    let standing = Standing {
        attempts: u32::try_from(row.int(1)).unwrap_or(u32::MAX),
        next_attempt: next_attempt.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)),
        last_error: row.opt_text(3).map(|kept| text_of(&kept)),
        class: class.and_then(|word| Class::ALL.into_iter().find(|class| class.as_str() == word)),
    };
    let (connector, paused, subscribed) = (row.text(0), row.truth(5), row.truth(6));
    (row.int(7), BacklogStats { connector, paused, subscribed, standing, ..BacklogStats::default() })
}

/// A row of the list of entries; none if its message is missing.
fn waiting(row: &Row) -> Option<Waiting> {
    let (routing_key, origin) = origin(&row.opt_text(5)?, &row.text(6), row.int(7), row.opt_int(8));
    Some(Waiting {
        sequence: row.int(0),
        attempts: u32::try_from(row.int(1)).unwrap_or(u32::MAX),
        perhaps_sent: row.truth(2),
        id: MessageId(Uuid::parse_str(&row.text(4)).ok()?),
        routing_key,
        origin,
        committed_at_ms: row.int(10),
        bytes: usize::try_from(row.int(3)).unwrap_or(0),
    })
}

fn entry(row: &Row, waiting: Waiting, body: Body) -> Entry {
    let Waiting { sequence, id, routing_key, origin, committed_at_ms, attempts, perhaps_sent, .. } = waiting;
    let envelope = Envelope { sequence, id, routing_key, origin, change_set: row.text(9), committed_at_ms, body };
    Entry { envelope, attempts, perhaps_sent }
}

/// A row of the list of what is parked.
fn set_aside<T>(row: &Row, entry: Option<T>) -> Parked<T> {
    Parked { sequence: row.int(0), reason: text_of(&row.text(11)), parked_at_ms: row.int(12), entry }
}

/// Bodies by sequence, from the rows of their parts in order: sequence, bytes in hexadecimal, length of the event.
pub(super) fn bodies(rows: &[Row]) -> Result<BTreeMap<i64, Body>, Fault> {
    let mut parts: BTreeMap<i64, (Vec<u8>, Option<i64>)> = BTreeMap::new();
    for row in rows {
        let damaged = || Fault::Other("a body is not what was stored".to_owned());
        let bytes = bytes_of(&row.text(1)).ok_or_else(damaged)?;
        let (whole, event_bytes) = parts.entry(row.int(0)).or_insert_with(|| (Vec::new(), row.opt_int(2)));
        whole.extend(bytes);
        *event_bytes = event_bytes.or(row.opt_int(2));
    }
    let whole = parts.into_iter().map(|(sequence, (bytes, event))| (sequence, body_from_columns(bytes, event)));
    Ok(whole.collect())
}
