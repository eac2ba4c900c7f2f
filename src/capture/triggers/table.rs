//! What differs between servers: how the queue is reached, read, emptied, made and removed.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::queued::Queued;
use crate::capture::{CaptureError, Finding};

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

    /// Which installation this is. Differs after somebody took the triggers or the table away and made them anew, and between servers: what
    /// was written meanwhile is not in it.
    async fn installation(&mut self) -> Result<String, CaptureError>;

    /// Keeps others from reading the queue as long as this connection stands, where the server can do that. Transient if another reads it.
    async fn claim(&mut self) -> Result<(), CaptureError> {
        Ok(())
    }

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
    async fn run(&self, texts: &[String], told: &(dyn for<'t> Fn(&'t str) + Send + Sync)) -> Result<(), CaptureError>;
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
    pub(super) fn is_shut(self) -> bool {
        self.newest > self.closed_above
    }
}
