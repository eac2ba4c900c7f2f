//! Triggers that leave ids in a table of ours -> transactions. Everything that is the same on all servers; what differs, the SQL and
//! the connection, is behind [`QueueServer`] and [`QueueTable`].
//!
//! ```text
//! table       what differs between servers
//! queued      a row of the table -> what was written to Bugzilla's
//! window      rows -> whole transactions, in the order of their commits
//! stream      the open capture: reads, hands over, forgets what is stored
//! position    where we are
//! refusal     why it cannot be read (any more)
//! postgresql  the table on PostgreSQL
//! mysql       the table on MySQL and MariaDB
//! sqlite      the same on SQLite
//! ```
//!
//! A row is read where it is and deleted when its messages are stored. Nothing is ever asked for "behind the last id": ids are given out
//! when a row is written, and a transaction that wrote earlier may commit later.

pub mod mysql;
mod position;
pub mod postgresql;
mod queued;
mod refusal;
pub mod sqlite;
mod stream;
mod table;
mod window;

use async_trait::async_trait;

use self::position::Stored;
pub use self::queued::Queued;
use self::refusal::{refusal, shut};
use self::stream::TriggerCapture;
pub use self::table::{Installer, Level, QueueServer, QueueTable, VALVE_ROWS};
use super::{Capture, CaptureError, Finding, Gap, Severity, Source};
use crate::changeset::Position;
use crate::failure::Class;
use crate::metrics::SourceMetrics;

/// A queue as a [`Source`].
pub struct Triggers<S> {
    server: S,
    rows_max: usize,
    metrics: Option<SourceMetrics>,
}

impl<S: QueueServer> Triggers<S> {
    /// Connects to nothing yet; `rows_max`: rows of a transaction that are held at the most, see [`super::ROWS_MAX`]; `metrics` follow how
    /// full the queue is.
    pub fn new(server: S, rows_max: usize, metrics: Option<SourceMetrics>) -> Self {
        Triggers { server, rows_max, metrics }
    }
}

#[async_trait]
impl<S: QueueServer> Source for Triggers<S> {
    async fn open(&self, from: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError> {
        let mut table = self.server.connect().await?;
        if let Some(error) = refusal(&table.inspect().await?) {
            return Err(error);
        }
        table.claim().await?;
        let installation = table.installation().await?;
        let stored = match from {
            Some(position) => resume(&installation, position)?,
            None => Stored::first(installation),
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
        Ok(Box::new(TriggerCapture::new(table, stored, from.is_none(), self.rows_max, self.metrics.clone())))
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
fn resume(installation: &str, position: &Position) -> Result<Stored, CaptureError> {
    let stored = Stored::parse(position)?;
    if stored.installation != installation {
        return Err(CaptureError::gap(
            Gap::TriggersLost,
            "the triggers or their queue are not those that were last read: they were removed and installed again, or the server is another; \
             what was written meanwhile left no row; Bugzilla's history has it",
        ));
    }
    Ok(stored)
}
