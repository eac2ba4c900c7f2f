//! The queue on PostgreSQL: NOTIFY wakes, plain statements read and delete. Each is a transaction of its own, so that nothing of
//! Bugzilla's waits for us and the server's list of notifications is never held up.

mod bottom;
mod failure;
mod inspection;
pub mod installation;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use tokio_postgres::types::{ToSql, Type};

use self::bottom::Bottom;
use self::failure::explain;
use super::{Level, QueueServer, QueueTable, Queued};
use crate::capture::{CaptureError, Finding};
use crate::database::Row;
use crate::database::postgresql::{Postgresql, Session};

/// How often it is looked without being woken: a notification may be switched off, or lost with its session.
const POLL: Duration = Duration::from_secs(1);

/// After so long without an answer the connection counts as dead. The server itself ends a statement after 50 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows deleted by one statement.
const FORGET_ROWS: u32 = 50_000;

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
        let session = self.server.session().await?;
        let table = PostgresqlTable { session, schema: self.schema.clone(), queue: None, bottom: Bottom::default() };
        let settings = table.sql(include_str!("../../../sql/postgresql/query/trigger_session.sql"));
        within(table.session.connection.client.batch_execute(&settings)).await?;
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
    session: Session,
    schema: String,
    /// The server's own number of the table.
    queue: Option<u32>,
    bottom: Bottom,
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
        within(self.session.connection.client.query_typed(&sql, parameters)).await
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

    /// A row whose first column tells who answered: nobody but our own session, which has the lock.
    async fn row_of_ours(
        &self,
        text: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<tokio_postgres::Row, CaptureError> {
        let row = self.row(text, parameters).await?;
        match value(&row, 0)? {
            process if process == self.session.process => Ok(row),
            process => Err(self.session.taken_apart(process, &self.schema).await.into()),
        }
    }
}

/// A row of the queue, and the oldest transaction that ran when it was read.
fn read(row: &tokio_postgres::Row) -> Result<(Queued, i64), CaptureError> {
    let texts = (0..row.len()).map(|column| value::<Option<String>>(row, column));
    let texts: Row = texts.collect::<Result<Vec<_>, _>>()?.into_iter().collect();
    let queued = Queued::read(&texts).ok_or_else(|| {
        CaptureError::misconfigured(
            "the trigger queue has a row of a kind that this version does not know; is its triggers' version newer than bugrelay's?",
        )
    })?;
    Ok((queued, texts.int(11)))
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
        let Some(holder) = within(self.session.lock(&self.schema)).await? else { return Ok(()) };
        Err(CaptureError::transient(format!(
            "another bugrelay reads the trigger queue in schema {} of this database; stop one of them, or give each its own schema; {holder}",
            self.schema
        )))
    }

    async fn level(&mut self) -> Result<Level, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_level.sql");
        let row = self.row_of_ours(sql, &[(&self.bottom.get(), Type::INT8)]).await?;
        let (queue, newest): (u32, i64) = (value(&row, 1)?, value(&row, 2)?);
        if *self.queue.get_or_insert(queue) != queue || newest < self.bottom.get() {
            return Err(CaptureError::transient("the trigger queue was made anew, and is opened again"));
        }
        let (oldest, age): (Option<i64>, Option<f64>) = (value(&row, 4)?, value(&row, 5)?);
        Ok(Level { newest, closed_above: value(&row, 3)?, oldest: oldest.zip(age) })
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
        let sql = self.sql(sql);
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&limit, Type::INT8), (&self.bottom.get(), Type::INT8), (&self.session.process, Type::INT4)];
        // Row by row: what the server sends of one is many times what is kept of it.
        let reading = async {
            let rows = self.session.connection.client.query_typed_raw(&sql, parameters).await?;
            let mut rows = std::pin::pin!(rows);
            let (mut queued, mut oldest) = (Vec::new(), 0);
            while let Some(row) = rows.try_next().await? {
                match read(&row) {
                    Ok((row, running)) => {
                        queued.push(row);
                        oldest = running;
                    }
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok((queued, oldest)))
        };
        let (queued, oldest) = within(reading).await??;
        if let (Some(first), Some(last)) = (queued.first(), queued.last()) {
            self.bottom.looked(first.id, last.id, oldest);
        }
        Ok(queued)
    }

    async fn behind(&mut self, id: i64, transactions: &[i64]) -> Result<BTreeSet<i64>, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_behind.sql");
        let rows = self.rows(sql, &[(&id, Type::INT8), (&transactions, Type::INT8_ARRAY)]).await?;
        rows.iter().map(|row| value(row, 0)).collect()
    }

    async fn forget(&mut self, ids: &[i64]) -> Result<(), CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_forget.sql");
        for ids in ids.chunks(FORGET_ROWS as usize) {
            let parameters: [(&(dyn ToSql + Sync), Type); 2] =
                [(&ids, Type::INT8_ARRAY), (&self.session.process, Type::INT4)];
            let row = self.row_of_ours(sql, &parameters).await?;
            self.bottom.forgot(value(&row, 1)?);
        }
        Ok(())
    }

    async fn forget_all(&mut self) -> Result<(), CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/trigger_forget_all.sql");
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&i64::from(FORGET_ROWS), Type::INT8), (&self.session.process, Type::INT4)];
        while value::<i64>(&self.row_of_ours(sql, &parameters).await?, 1)? >= i64::from(FORGET_ROWS) {}
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), CaptureError> {
        // Early or late, it is looked next; a connection that has ended says so then.
        let _ = tokio::time::timeout(POLL, self.session.connection.heard.notified()).await;
        Ok(())
    }
}
