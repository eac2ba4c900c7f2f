//! The queue on PostgreSQL: NOTIFY wakes, plain statements read and delete. Each is a transaction of its own, so that nothing of
//! Bugzilla's waits for us and the server's list of notifications is never held up.

mod failure;
mod inspection;
pub mod installation;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::types::{ToSql, Type};

use self::failure::explain;
use super::{Level, QueueServer, QueueTable, Queued};
use crate::capture::{CaptureError, Finding};
use crate::database::Row;
use crate::database::postgresql::{Connection, Postgresql};

/// How often it is looked without being woken: a notification may be switched off, or lost with its session.
const POLL: Duration = Duration::from_secs(1);

/// After so long without an answer the connection counts as dead. The server itself ends a statement after 50 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows deleted by one statement when they are not to be told.
const FORGET_ROWS: i64 = 50_000;

/// A queue on a PostgreSQL server.
pub struct PostgresqlQueue {
    server: Postgresql,
    schema: String,
}

impl PostgresqlQueue {
    /// Connects to nothing yet; `schema` is ours.
    pub fn new(server: Postgresql, schema: &str) -> Self {
        PostgresqlQueue { server, schema: schema.to_owned() }
    }

    async fn open(&self) -> Result<PostgresqlTable, CaptureError> {
        let connected = self.server.connect().await;
        let connection =
            connected.map_err(|error| CaptureError { class: error.class, message: error.message, gap: None })?;
        let table = PostgresqlTable { connection, schema: self.schema.clone() };
        let session = table.sql(include_str!("../../../sql/postgresql/query/trigger_session.sql"));
        within(table.connection.client.batch_execute(&session)).await?;
        Ok(table)
    }
}

#[async_trait]
impl QueueServer for PostgresqlQueue {
    async fn connect(&self) -> Result<Box<dyn QueueTable>, CaptureError> {
        Ok(Box::new(self.open().await?))
    }
}

/// One session.
struct PostgresqlTable {
    connection: Connection,
    schema: String,
}

impl PostgresqlTable {
    fn sql(&self, text: &str) -> String {
        installation::in_schema(text, &self.schema)
    }

    async fn rows(
        &self,
        text: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<tokio_postgres::Row>, CaptureError> {
        let sql = self.sql(text);
        within(self.connection.client.query_typed(&sql, parameters)).await
    }

    /// The only row of a statement that always has one.
    async fn row(
        &self,
        text: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<tokio_postgres::Row, CaptureError> {
        let row = self.rows(text, parameters).await?.into_iter().next();
        row.ok_or_else(|| CaptureError::transient("the trigger queue gave no answer"))
    }

    async fn delete(&self, text: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<u64, CaptureError> {
        let sql = self.sql(text);
        within(self.connection.client.execute_typed(&sql, parameters)).await
    }
}

/// A value of a row, by its place.
fn value<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a tokio_postgres::Row,
    column: usize,
) -> Result<T, CaptureError> {
    row.try_get(column).map_err(|error| explain(&error))
}

async fn within<T>(asked: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, CaptureError> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| explain(&error)),
        Err(_) => Err(CaptureError::transient(format!("the database did not answer within {} s", PATIENCE.as_secs()))),
    }
}

#[async_trait]
impl QueueTable for PostgresqlTable {
    async fn inspect(&mut self) -> Result<Vec<Finding>, CaptureError> {
        inspection::inspect(self).await
    }

    async fn installation(&mut self) -> Result<String, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_installation.sql");
        value(&self.row(sql, &[(&self.schema, Type::TEXT)]).await?, 0)
    }

    async fn claim(&mut self) -> Result<(), CaptureError> {
        if within(self.connection.lock(&self.schema)).await? {
            return Ok(());
        }
        Err(CaptureError::transient(format!(
            "another bugrelay reads the trigger queue in schema {} of this database; stop one of them, or give each its own schema",
            self.schema
        )))
    }

    async fn level(&mut self) -> Result<Level, CaptureError> {
        let row = self.row(include_str!("../../../sql/postgresql/query/trigger_level.sql"), &[]).await?;
        let (oldest, age): (Option<i64>, Option<f64>) = (value(&row, 2)?, value(&row, 3)?);
        Ok(Level { newest: value(&row, 0)?, closed_above: value(&row, 1)?, oldest: oldest.zip(age) })
    }

    async fn raise_valve(&mut self, rows: i64) -> Result<bool, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_raise_valve.sql");
        let stood: i64 = value(&self.row(sql, &[(&rows, Type::INT8)]).await?, 0)?;
        // Asked afterwards: a row that was refused had drawn its number before.
        let newest = self.row(include_str!("../../../sql/postgresql/query/trigger_newest.sql"), &[]).await?;
        Ok(value::<i64>(&newest, 0)? <= stood)
    }

    async fn first(&mut self, limit: usize) -> Result<Vec<Queued>, CaptureError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = include_str!("../../../sql/postgresql/query/trigger_first.sql");
        let rows = self.rows(sql, &[(&limit, Type::INT8)]).await?;
        let queued = rows.iter().map(|row| {
            let texts = (0..row.len()).map(|column| value::<Option<String>>(row, column));
            let texts: Row = texts.collect::<Result<Vec<_>, _>>()?.into_iter().collect();
            Queued::read(&texts).ok_or_else(|| {
                CaptureError::misconfigured(
                    "the trigger queue has a row of a kind that this version does not know; is its triggers' version newer than bugrelay's?",
                )
            })
        });
        queued.collect()
    }

    async fn behind(&mut self, id: i64, transactions: &[i64]) -> Result<BTreeSet<i64>, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_behind.sql");
        let rows = self.rows(sql, &[(&id, Type::INT8), (&transactions, Type::INT8_ARRAY)]).await?;
        rows.iter().map(|row| value(row, 0)).collect()
    }

    async fn forget(&mut self, ids: &[i64]) -> Result<(), CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_forget.sql");
        self.delete(sql, &[(&ids, Type::INT8_ARRAY)]).await?;
        Ok(())
    }

    async fn forget_all(&mut self) -> Result<(), CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_forget_all.sql");
        while self.delete(sql, &[(&FORGET_ROWS, Type::INT8)]).await? >= FORGET_ROWS.unsigned_abs() {}
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), CaptureError> {
        // Early or late, it is looked next; a connection that has ended says so then.
        let _ = tokio::time::timeout(POLL, self.connection.heard.notified()).await;
        Ok(())
    }
}
