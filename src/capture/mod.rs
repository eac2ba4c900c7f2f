//! Database -> [`Transaction`]: the only code that reads the change source.
//!
//! A [`Source`] is where changes come from (a server, a way in); [`Source::open`] connects and gives a
//! [`Capture`] that yields transactions until it fails. Who drives it (the pipeline) reconnects.

mod ahead;
pub mod history;
pub mod identity;
pub mod mysql_binlog;
pub mod postgresql_logical;
pub mod triggers;

use std::borrow::Cow;
use std::convert::Infallible;

use async_trait::async_trait;

use crate::bugzilla::LocalTime;
use crate::changeset::{Position, RowChange, Transaction};
use crate::failure::Class;

/// Watched rows of one transaction that are held until it ends, about 90 bytes each. Of one that has more nothing is told in the order
/// of its rows: Bugzilla's history has it, page by page.
pub const ROWS_MAX: usize = 1_000_000;

/// Where changes come from. Cheap to keep, opened again after every failure.
#[async_trait]
pub trait Source: Send + Sync {
    /// Connects, makes sure that the server is fit to be read, and begins right behind `from`; without a
    /// position at the present end, which the first transaction (with no rows) then tells.
    ///
    /// A position is refused on a server that cannot have issued it, and when what follows it is no longer there. Whether the server is the
    /// right one is asked before, see [`identity`].
    async fn open(&self, from: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError>;

    /// Looks at the server and its settings without reading changes: everything that `open` would refuse, and
    /// what would hurt later. Never fails: an unreachable server is a finding.
    async fn check(&self) -> Vec<Finding>;

    /// Whether saves of one user on one bug in one second may come as one transaction though they were several, and may come again
    /// though they were told: of ways in that do not see transactions. What was told before is then taken out of them.
    fn may_merge(&self) -> bool {
        false
    }

    /// The position of a moment (seconds since 1970), of ways in whose positions are times: they can begin in the past by themselves.
    fn position_at(&self, _second: i64) -> Option<Position> {
        None
    }
}

/// An open stream of committed transactions.
///
/// *Order*: as committed. *Completeness*: every committed transaction behind the position it was opened at is
/// yielded, whole, once; what was rolled back never. Transactions without watched rows may be left out, but from
/// time to time one with no rows tells how far the stream is (at most every 10 s, and only after others' transactions).
/// *Repetition*: none while open; after opening again from a position, all behind that position.
/// *Cancellation*: a dropped `next` or `stay` loses nothing. *Errors*: the stream is over, open it again.
/// *Shutdown*: drop it.
#[async_trait]
pub trait Capture: Send {
    /// The next transaction; waits for it as long as it takes, but notices a dead connection.
    async fn next(&mut self) -> Result<Transaction, CaptureError>;

    /// Everything up to `position` is stored: the source may forget it. Called after, never before.
    async fn acknowledge(&mut self, position: &Position) -> Result<(), CaptureError>;

    /// Waited on in the place of `next` by whoever cannot take more now: keeps the source from counting us as gone, and so from letting
    /// another have what is ours. Whatever is in its way the next `next` says.
    async fn stay(&mut self) -> Infallible {
        std::future::pending().await
    }
}

/// Why a capture cannot be opened or is over. The text says what, where and how to mend it, and holds no row value.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CaptureError {
    /// [`Class::Poison`] is not used: a source is never skipped.
    pub class: Class,
    /// For the operator.
    pub message: String,
    /// Set when changes are lost to this way in: the label of `source_gaps_total`.
    pub gap: Option<Gap>,
    /// The oldest second of the rows that are lost with a gap, where they are known: what is told of them begins there, however long ago it
    /// is. In Bugzilla's zone.
    pub since: Option<LocalTime>,
}

/// Why the source no longer has what follows the stored position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// The server deleted the log that holds it.
    Purged,
    /// The position lies behind the end of the server's log: it lost its tail, or was restored.
    Ahead,
    /// The server is not the one that issued the position, or its log was begun anew.
    ForeignServer,
    /// The log goes on, but rows are missing from it: a session wrote statements, or the server noted an incident.
    Unlogged,
    /// The server no longer keeps the log for us: the slot was dropped, or given up because it kept too much.
    SlotLost,
    /// The position was stored by another way in: somebody has changed `capture`.
    AnotherWay,
    /// The trigger queue reached its limit, and rows were left out of it.
    QueueFull,
    /// The triggers or their queue were taken away, or switched off, for some time.
    TriggersLost,
    /// One transaction has more rows than are held in memory.
    TooLarge,
}

impl Gap {
    /// All labels.
    pub const ALL: [Gap; 9] = [
        Gap::Purged,
        Gap::Ahead,
        Gap::ForeignServer,
        Gap::Unlogged,
        Gap::SlotLost,
        Gap::AnotherWay,
        Gap::QueueFull,
        Gap::TriggersLost,
        Gap::TooLarge,
    ];

    /// The metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Gap::Purged => "purged",
            Gap::Ahead => "ahead",
            Gap::ForeignServer => "foreign_server",
            Gap::Unlogged => "unlogged",
            Gap::SlotLost => "slot_lost",
            Gap::AnotherWay => "another_way",
            Gap::QueueFull => "queue_full",
            Gap::TriggersLost => "triggers_lost",
            Gap::TooLarge => "too_large",
        }
    }

    /// Whether the position is of another history than the server's: if the server is not known either, it may be a copy of Bugzilla.
    pub fn is_of_another_history(self) -> bool {
        matches!(self, Gap::Ahead | Gap::ForeignServer)
    }
}

impl CaptureError {
    /// Will pass: the connection was lost, the server is restarting.
    pub fn transient(message: impl Into<String>) -> Self {
        CaptureError { class: Class::Transient, message: message.into(), gap: None, since: None }
    }

    /// Somebody must change something first.
    pub fn misconfigured(message: impl Into<String>) -> Self {
        CaptureError { class: Class::Misconfigured, message: message.into(), gap: None, since: None }
    }

    /// A transaction has more rows than `most`; these are those that were read, with what else is lost if reading begins anew.
    fn too_large<'a>(most: usize, rows: impl Iterator<Item = &'a RowChange>) -> Self {
        let message = format!("a transaction has more than {most} rows, which is more than are held in memory");
        // A row without a time bears the beginning of all times.
        let dated = rows.filter_map(RowChange::save).map(|(_, at)| at).filter(|at| at.ordinal() > 0);
        CaptureError { since: dated.min(), ..CaptureError::gap(Gap::TooLarge, message) }
    }

    /// What follows the position is gone.
    pub fn gap(gap: Gap, message: impl Into<String>) -> Self {
        CaptureError { class: Class::Misconfigured, message: message.into(), gap: Some(gap), since: None }
    }
}

/// One thing that `bugrelay check` has to say about the source (also used for the other parts).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// A stable word for scripts: `binlog_format`, `grant_replication`, `connector_NAME`, ...
    pub id: Cow<'static, str>,
    /// How bad.
    pub severity: Severity,
    /// What was found, where.
    pub message: String,
    /// The SQL or the line of configuration that mends it, if there is one.
    pub remedy: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Good,
    /// Works, but will hurt some day.
    Warning,
    /// bugrelay cannot work so.
    Error,
    /// Could not be looked at: the server cannot be reached.
    Unavailable,
}
