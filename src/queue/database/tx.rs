//! One transaction of the writer: what it holds in memory of the store, what it has still to write, and what it asks.

use super::fault::Fault;
use super::lead::Lead;
use super::statement::{Names, Value, list, standard};
use crate::database::{Dialect, Row, Session};
use crate::queue::kept::now_ms;

/// Writes are kept back until something is asked or all is done: they travel together.
pub(super) struct Tx<'s> {
    session: &'s mut dyn Session,
    names: &'s Names,
    lead: Lead,
    pending: Vec<String>,
    /// Something was written, or is to be.
    pub(super) writes: bool,
    pub(super) turn: i64,
    /// Milliseconds since 1970, the same for all that is written here.
    pub(super) now: i64,
    /// Given out last.
    pub(super) last_sequence: i64,
    /// What counts against the limit.
    pub(super) used_bytes: i64,
    /// All that the store knows, by id.
    pub(super) connectors: Vec<Connector>,
}

/// A connector as the writer needs it.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) id: i64,
    pub(super) name: String,
    /// JSON; none: gets nothing new.
    pub(super) filter: Option<String>,
    pub(super) paused: bool,
    /// The range of sequences handed over whose fate is not recorded.
    pub(super) flight: Option<(i64, i64)>,
}

impl<'s> Tx<'s> {
    /// Begins, and makes sure that nobody else leads.
    pub(super) async fn begin(session: &'s mut dyn Session, names: &'s Names, lead: Lead) -> Result<Self, Fault> {
        let site = [("site", Value::Int(lead.site))];
        let script = [standard!("begin"), standard!("site_lock"), standard!("connector_list")];
        let script: Vec<String> = script.iter().map(|sql| names.fill(sql, &site)).collect();
        let answers = session.run(&script).await?;
        let state = answers.get(1).and_then(|rows| rows.first()).filter(|row| row.int(0) == lead.epoch);
        let state = state.ok_or(Fault::Deposed)?;
        let (turn, last_sequence, used_bytes) = (state.int(1) + 1, state.int(2), state.int(3));
        let connectors = answers.get(2).into_iter().flatten().map(connector).collect();
        let (pending, now) = (vec![], now_ms());
        Ok(Tx { session, names, lead, pending, writes: false, turn, now, last_sequence, used_bytes, connectors })
    }

    /// A statement with values put in.
    pub(super) fn fill(&self, sql: &str, values: &[(&str, Value<'_>)]) -> String {
        let mut all = vec![("site", Value::Int(self.lead.site))];
        all.extend_from_slice(values);
        self.names.fill(sql, &all)
    }

    /// Does it before the next question, or at the end.
    pub(super) fn write(&mut self, sql: &str, values: &[(&str, Value<'_>)]) {
        let statement = self.fill(sql, values);
        self.pending.push(statement);
        self.writes = true;
    }

    /// Inserts rows, some at a time; all begin with the site.
    pub(super) fn write_rows(&mut self, sql: &str, rows: &[Vec<Value<'_>>]) {
        for rows in rows.chunks(ROWS) {
            let rows = self.names.rows(rows);
            self.write(sql, &[("rows", Value::Sql(&rows))]);
        }
    }

    /// The rows of each question, behind all that was written.
    pub(super) async fn ask<const N: usize>(&mut self, questions: [String; N]) -> Result<[Vec<Row>; N], Fault> {
        let mut script = std::mem::take(&mut self.pending);
        script.extend(questions);
        let mut answers = self.session.run(&script).await?;
        let asked = answers.split_off(answers.len().saturating_sub(N));
        asked.try_into().map_err(|_| Fault::Other("the server left a question without an answer".to_owned()))
    }

    /// Writes all that is left, and commits. What only looked leaves no trace.
    pub(super) async fn commit(mut self) -> Result<(), Fault> {
        let (turn, sequence, bytes) = (self.turn, self.last_sequence, self.used_bytes.max(0));
        let end = [("turn", Value::Int(turn)), ("sequence", Value::Int(sequence)), ("bytes", Value::Int(bytes))];
        if self.writes {
            self.write(standard!("site_turn"), &end);
        }
        self.pending.push(standard!("commit").to_owned());
        self.session.run(&self.pending).await?;
        Ok(())
    }

    /// Anew, after some were removed.
    pub(super) async fn look_at_connectors(&mut self) -> Result<(), Fault> {
        let question = self.fill(standard!("connector_list"), &[]);
        let [rows] = self.ask([question]).await?;
        self.connectors = rows.iter().map(connector).collect();
        Ok(())
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.names.dialect
    }

    /// Of a connector that subscribed, was paused, or has something waiting.
    pub(super) fn connector(&self, name: &str) -> Result<Connector, Fault> {
        let found = self.connectors.iter().find(|connector| connector.name == name);
        found.cloned().ok_or_else(|| Fault::Other(format!("connector {name} never subscribed")))
    }

    /// For IN.
    pub(super) fn connector_ids(&self) -> String {
        list(self.connectors.iter().map(|connector| connector.id))
    }

    /// The first column of every row.
    pub(super) fn site(&self) -> Value<'static> {
        Value::Int(self.lead.site)
    }
}

/// Rows of one INSERT.
const ROWS: usize = 500;

fn connector(row: &Row) -> Connector {
    Connector {
        id: row.int(0),
        name: row.text(1),
        filter: row.opt_text(2),
        paused: row.truth(3),
        flight: row.opt_int(4).zip(row.opt_int(5)),
    }
}

/// How sequences are named in a statement: as a range where they lie close together.
pub(super) fn within(sequences: &[i64]) -> String {
    let (Some(&first), Some(&last)) = (sequences.iter().min(), sequences.iter().max()) else {
        return "IS NULL".to_owned();
    };
    let spread = usize::try_from(last - first).unwrap_or(usize::MAX);
    if spread / 4 <= sequences.len() {
        format!("BETWEEN {first} AND {last}")
    } else {
        format!("IN ({})", list(sequences.iter().copied()))
    }
}
