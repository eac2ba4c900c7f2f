//! Triggers that leave ids in a table of ours -> transactions. Everything that is the same on all servers; what differs, the SQL and
//! the connection, is behind [`QueueServer`] and [`QueueTable`].
//!
//! ```text
//! queued      a row of the table -> what was written to Bugzilla's
//! window      rows -> whole transactions, in the order of their commits
//! stream      the open capture: reads, hands over, forgets what is stored
//! position    where we are
//! postgresql  the table on PostgreSQL
//! sqlite      the same on SQLite
//! ```
//!
//! A row is read where it is and deleted when its messages are stored. Nothing is ever asked for "behind the last id": ids are given out
//! when a row is written, and a transaction that wrote earlier may commit later.

mod position;
pub mod postgresql;
mod queued;
pub mod sqlite;
mod stream;
mod window;

use std::collections::BTreeSet;

use async_trait::async_trait;

use self::position::Stored;
pub use self::queued::Queued;
use self::stream::TriggerCapture;
use super::{Capture, CaptureError, Finding, Gap, Severity, Source};
use crate::changeset::Position;
use crate::failure::Class;
use crate::metrics::SourceMetrics;

/// How many rows beyond the newest the valve lets in: about 300 MB on Bugzilla's disk, and weeks of a busy site.
pub const VALVE_ROWS: i64 = 2_000_000;

/// A server with a queue of ours in it.
#[async_trait]
pub trait QueueServer: Send + Sync + 'static {
    /// A connection of its own. Whatever wakes [`QueueTable::wait`] is set up before it comes back.
    async fn connect(&self) -> Result<Box<dyn QueueTable>, CaptureError>;
}

/// The queue, through one connection that is in no transaction between two calls.
///
/// *Errors*: the connection is not used again. *Dropped halfway*: a call may have been carried out or not; all can be repeated.
#[async_trait]
pub trait QueueTable: Send {
    /// Everything that is as it should not be: triggers, functions, grants, the table; and what is fine. An error if nothing can be asked.
    async fn inspect(&mut self) -> Result<Vec<Finding>, CaptureError>;

    /// Which server and which installation this is.
    async fn identity(&mut self) -> Result<Identity, CaptureError>;

    /// How full it is. Cheap with millions of rows.
    async fn level(&mut self) -> Result<Level, CaptureError>;

    /// Lets in `rows` more beyond the newest id. False if the valve was shut until now and may have kept rows out.
    async fn raise_valve(&mut self, rows: i64) -> Result<bool, CaptureError>;

    /// The first rows that are committed, by id. They are locked for nobody.
    async fn first(&mut self, limit: usize) -> Result<Vec<Queued>, CaptureError>;

    /// Which of these transactions have committed rows behind `id`.
    async fn behind(&mut self, id: i64, transactions: &[i64]) -> Result<BTreeSet<i64>, CaptureError>;

    /// Deletes these rows; those that are gone already are no error.
    async fn forget(&mut self, ids: &[i64]) -> Result<(), CaptureError>;

    /// Deletes all rows that are committed now, and none of a transaction that is still open.
    async fn forget_all(&mut self) -> Result<(), CaptureError>;

    /// Waits until something may have come, or until it is time to look anyway (at most 1 s). An early return is no error. What comes
    /// between two waits wakes the second.
    async fn wait(&mut self) -> Result<(), CaptureError>;
}

/// Makes and removes the triggers and what they need.
#[async_trait]
pub trait Installer: Send + Sync {
    /// What makes all of it, or brings it up to date: each text is to be run alone, and can be run again.
    fn install(&self) -> Vec<String>;

    /// What takes all of it away, in the same manner.
    fn remove(&self) -> Vec<String>;

    /// Runs such texts. A lock of Bugzilla's that is in the way is waited for a moment only, and then it is tried again; `told` hears of it.
    async fn run(&self, texts: &[String], told: &(dyn Fn(&str) + Send + Sync)) -> Result<(), CaptureError>;
}

/// Which server, and which installation in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The server's own id, and the database in it.
    pub server: String,
    /// Differs after somebody took the triggers or the table away and made them anew: what was written meanwhile is not in it.
    pub installation: String,
}

/// How full the queue is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// The newest id that was given out, also to a row that was not let in or rolled back.
    pub newest: i64,
    /// No row above this id is let in.
    pub closed_above: i64,
    /// The lowest id in the table, and since when it is there, seconds. None: the table is empty.
    pub oldest: Option<(i64, f64)>,
}

impl Level {
    /// Whether rows may have been left out.
    fn is_shut(self) -> bool {
        self.newest > self.closed_above
    }
}

/// A queue as a [`Source`].
pub struct Triggers<S> {
    server: S,
    metrics: Option<SourceMetrics>,
}

impl<S: QueueServer> Triggers<S> {
    /// Connects to nothing yet; `metrics` follow how full the queue is.
    pub fn new(server: S, metrics: Option<SourceMetrics>) -> Self {
        Triggers { server, metrics }
    }
}

#[async_trait]
impl<S: QueueServer> Source for Triggers<S> {
    async fn open(&self, from: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError> {
        let mut table = self.server.connect().await?;
        if let Some(error) = refusal(&table.inspect().await?) {
            return Err(error);
        }
        let identity = table.identity().await?;
        let stored = match from {
            Some(position) => resume(&identity, position)?,
            None => Stored::first(identity),
        };
        if from.is_some() {
            if table.level().await?.is_shut() {
                return Err(shut());
            }
        } else {
            // What was written before is from before now, whether it was let in or not.
            table.raise_valve(VALVE_ROWS).await?;
            table.forget_all().await?;
        }
        Ok(Box::new(TriggerCapture::new(table, stored, from.is_none(), self.metrics.clone())))
    }

    async fn check(&self) -> Vec<Finding> {
        let asked = async { self.server.connect().await?.inspect().await };
        match asked.await {
            Ok(mut findings) => {
                let message = "the database answers".to_owned();
                findings
                    .insert(0, Finding { id: "connection".into(), severity: Severity::Good, message, remedy: None });
                findings
            }
            Err(error) => {
                let severity = if error.class == Class::Transient { Severity::Unavailable } else { Severity::Error };
                vec![Finding { id: "connection".into(), severity, message: error.message, remedy: None }]
            }
        }
    }
}

/// The position, if the queue goes on from it.
fn resume(identity: &Identity, position: &Position) -> Result<Stored, CaptureError> {
    let stored = Stored::parse(position)?;
    if stored.server != identity.server {
        return Err(CaptureError::gap(
            Gap::ForeignServer,
            format!(
                "the stored position was not issued by this server: it calls itself {}, and the position's {}. If this is the right \
                 server (restored from a dump), `bugrelay run --from-now` goes on at its present end, and what lies between is not told; \
                 if it is a copy, give the copy its own base_url",
                identity.server, stored.server
            ),
        ));
    }
    if stored.installation != identity.installation {
        return Err(CaptureError::gap(
            Gap::TriggersLost,
            "the triggers or their queue were removed and installed again since they were last read; what was written meanwhile left no \
             row. `bugrelay run --from-now` goes on at the present end, and what lies between is not told",
        ));
    }
    Ok(stored)
}

/// The queue filled up to its limit, and the triggers left rows out.
fn shut() -> CaptureError {
    CaptureError::gap(
        Gap::QueueFull,
        format!(
            "the trigger queue was full: {VALVE_ROWS} rows waited because bugrelay was away, and to spare Bugzilla's disk no more were let \
             in. `bugrelay run --from-now` goes on at the present end, and what lies between is not told"
        ),
    )
}

/// The error that forbids to read, if one of the findings does.
fn refusal(findings: &[Finding]) -> Option<CaptureError> {
    let worst = findings.iter().find(|finding| finding.severity >= Severity::Error)?;
    let message = match &worst.remedy {
        Some(remedy) => format!("{}; {remedy}", worst.message),
        None => worst.message.clone(),
    };
    let passes = worst.severity == Severity::Unavailable;
    Some(if passes { CaptureError::transient(message) } else { CaptureError::misconfigured(message) })
}
