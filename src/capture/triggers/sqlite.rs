//! The queue on SQLite: two tables in Bugzilla's own file, which has one writer at a time, so that ids rise in the order of commits.
//! Nobody can wake us: the file's version is asked for, often while it changes and seldom while it does not.

mod inspection;
pub mod installation;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::time::Instant;

use super::{Level, QueueServer, QueueTable, Queued};
use crate::capture::{CaptureError, Finding};
use crate::database::sqlite::{open, text_of};
use crate::database::{DatabaseError, Row};

/// How often the version is asked for while saves come, and so long after the last one.
const BUSY_POLL: Duration = Duration::from_millis(20);
const BUSY_FOR: Duration = Duration::from_secs(5);

/// How often while none come.
const IDLE_POLL: Duration = Duration::from_millis(200);

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// A queue in a Bugzilla's file.
pub struct SqliteTriggerQueue {
    path: PathBuf,
}

impl SqliteTriggerQueue {
    /// Opens nothing yet.
    pub fn new(path: PathBuf) -> Self {
        SqliteTriggerQueue { path }
    }
}

#[async_trait]
impl QueueServer for SqliteTriggerQueue {
    async fn connect(&self) -> Result<Box<dyn QueueTable>, CaptureError> {
        let path = self.path.clone();
        let connection = blocking(move || open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)).await?;
        Ok(Box::new(SqliteTable { connection: Arc::new(Mutex::new(connection)), version: 0, changed: Instant::now() }))
    }
}

/// One connection.
struct SqliteTable {
    connection: Arc<Mutex<Connection>>,
    /// Of the file, before it was looked at last. Others' commits change it, ours do not.
    version: i64,
    /// When the version was another for the last time.
    changed: Instant,
}

impl SqliteTable {
    async fn with<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, CaptureError> {
        let connection = Arc::clone(&self.connection);
        blocking(move || Ok(ask(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))?)).await
    }

    async fn version(&self) -> Result<i64, CaptureError> {
        self.with(|connection| {
            connection
                .query_row(include_str!("../../../sql/sqlite_source/query/data_version.sql"), [], |row| row.get(0))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, CaptureError> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(answer) => answer.map_err(|error| CaptureError { class: error.class, message: error.message, gap: None }),
        Err(error) => Err(CaptureError::transient(format!("the trigger queue could not be read: {error}"))),
    }
}

fn list(numbers: &[i64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn level(connection: &Connection) -> rusqlite::Result<Level> {
    connection.query_row(include_str!("../../../sql/sqlite_source/query/trigger_level.sql"), [], |row| {
        let (oldest, age): (Option<i64>, Option<f64>) = (row.get(2)?, row.get(3)?);
        Ok(Level { newest: row.get(0)?, closed_above: row.get(1)?, oldest: oldest.zip(age) })
    })
}

#[async_trait]
impl QueueTable for SqliteTable {
    async fn inspect(&mut self) -> Result<Vec<Finding>, CaptureError> {
        self.with(|connection| inspection::inspect(connection)).await
    }

    async fn installation(&mut self) -> Result<String, CaptureError> {
        let sql = include_str!("../../../sql/sqlite_source/query/trigger_installation.sql");
        self.with(|connection| connection.query_row(sql, [], |row| row.get(0))).await
    }

    async fn level(&mut self) -> Result<Level, CaptureError> {
        self.with(|connection| level(connection)).await
    }

    async fn raise_valve(&mut self, rows: i64) -> Result<bool, CaptureError> {
        self.with(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = level(&transaction)?;
            let sql = include_str!("../../../sql/sqlite_source/query/trigger_raise_valve.sql");
            transaction.execute(sql, [rows])?;
            transaction.commit()?;
            Ok(!before.is_shut())
        })
        .await
    }

    async fn first(&mut self, limit: usize) -> Result<Vec<Queued>, CaptureError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let version = self.version().await?;
        if version != self.version {
            (self.version, self.changed) = (version, Instant::now());
        }
        let rows: Vec<Row> = self
            .with(move |connection| {
                let sql = include_str!("../../../sql/sqlite_source/query/trigger_first.sql");
                let mut statement = connection.prepare_cached(sql)?;
                let columns = statement.column_count();
                let texts = |row: &rusqlite::Row<'_>| {
                    let texts = (0..columns).map(|column| row.get_ref(column).map(text_of));
                    Ok(texts.collect::<Result<Vec<_>, _>>()?.into_iter().collect())
                };
                statement.query_map([limit], texts)?.collect()
            })
            .await?;
        let queued = rows.iter().map(|row| {
            Queued::read(row).ok_or_else(|| {
                CaptureError::misconfigured(
                    "the trigger queue has a row of a kind that this version does not know; is its triggers' version newer than bugrelay's?",
                )
            })
        });
        queued.collect()
    }

    async fn behind(&mut self, id: i64, transactions: &[i64]) -> Result<BTreeSet<i64>, CaptureError> {
        let sql = include_str!("../../../sql/sqlite_source/query/trigger_behind.sql");
        let sql = sql.replace("{transactions}", &list(transactions));
        self.with(move |connection| connection.prepare(&sql)?.query_map([id], |row| row.get(0))?.collect()).await
    }

    async fn forget(&mut self, ids: &[i64]) -> Result<(), CaptureError> {
        let sql = include_str!("../../../sql/sqlite_source/query/trigger_forget.sql").replace("{ids}", &list(ids));
        self.with(move |connection| connection.execute(&sql, [])).await?;
        Ok(())
    }

    async fn forget_all(&mut self) -> Result<(), CaptureError> {
        let sql = include_str!("../../../sql/sqlite_source/query/trigger_forget_all.sql");
        self.with(move |connection| connection.execute(sql, [])).await?;
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), CaptureError> {
        let until = Instant::now() + WAIT_MAX;
        while Instant::now() < until && self.version().await? == self.version {
            let poll = if self.changed.elapsed() < BUSY_FOR { BUSY_POLL } else { IDLE_POLL };
            tokio::time::sleep(poll).await;
        }
        Ok(())
    }
}
