//! A session of the server's for one reader alone, with the lock that keeps other readers out as long as it lasts.
//!
//! A pooler may give each transaction another session. There nothing of a session is ours: what we set, others meet, and a lock stays in
//! the pooler when we are gone. So a pooler is refused before anything is set. One that nobody else uses looks like a server until somebody
//! does: who reads says in each statement which process of the server must answer, and nothing is done in another.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

use super::{CONNECTED_WITHIN, Connection, Postgresql, silent};
use crate::database::DatabaseError;
use crate::failure::Class;

/// How long a lock is tried for, or tried to be given back, and how often.
const LOCKED_WITHIN: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// See the module.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    /// The process of the server that must answer.
    pub(crate) process: i32,
}

impl Postgresql {
    /// One that nobody else gets. Transient if the server does not let us in within 15 s; misconfigured if it is a pooler.
    pub(crate) async fn session(&self) -> Result<Session, DatabaseError> {
        timeout(CONNECTED_WITHIN, self.alone()).await.unwrap_or_else(|_| Err(silent()))
    }

    /// A server has a process for each connection: one that answers two of them answers whoever is next.
    async fn alone(&self) -> Result<Session, DatabaseError> {
        let connection = self.connect().await?;
        let process = answering(&connection.client).await?;
        let other = self.connect().await?;
        if answering(&other.client).await? == process {
            return Err(pooled(&format!("the server's process {process} answers two connections at once")));
        }
        Ok(Session { connection, process })
    }
}

async fn answering(client: &Client) -> Result<i32, DatabaseError> {
    let rows = client.query_typed(include_str!("../../../sql/postgresql/query/reader_session.sql"), &[]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

impl Session {
    /// Takes the lock of this name in this database; who has it, if that is another session. One of our own that has just been given
    /// up may still stand on the server: it is waited for, 3 s.
    pub(crate) async fn lock(&self, name: &str) -> Result<Option<Holder>, Error> {
        let sql = include_str!("../../../sql/postgresql/query/reader_lock.sql");
        let until = Instant::now() + LOCKED_WITHIN;
        loop {
            let rows = self.connection.client.query_typed(sql, &[(&name, Type::TEXT)]).await?;
            if rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false) {
                return Ok(None);
            }
            if Instant::now() >= until {
                let sql = include_str!("../../../sql/postgresql/query/reader_holder.sql");
                let rows = self.connection.client.query_typed(sql, &[(&name, Type::TEXT)]).await?;
                // None: gone just now, and the next attempt will have it.
                if let Some(row) = rows.first() {
                    return Holder::read(row).map(Some);
                }
            }
            sleep(LOCK_PAUSE).await;
        }
    }

    /// What to say when another process answers than the one that has the lock of this name. Before, the lock is given back if that process
    /// answers once more within 3 s: it would stay in the pooler otherwise.
    pub(crate) async fn taken_apart(&self, answered: i32, name: &str) -> DatabaseError {
        let sql = include_str!("../../../sql/postgresql/query/reader_unlock.sql");
        let until = Instant::now() + LOCKED_WITHIN;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&name, Type::TEXT), (&self.process, Type::INT4)];
        // No row: it was another process again.
        while self.connection.client.query_typed(sql, &parameters).await.is_ok_and(|rows| rows.is_empty())
            && Instant::now() < until
        {
            sleep(LOCK_PAUSE).await;
        }
        pooled(&format!("the server's process {} answered first, and now {answered}", self.process))
    }
}

fn pooled(seen: &str) -> DatabaseError {
    DatabaseError {
        class: Class::Misconfigured,
        message: format!(
            "there is a pooler before the database that gives each transaction another session ({seen}): NOTIFY and locks do not work there; \
             let [bugzilla] database name the server itself, or a pool with pool_mode = session"
        ),
    }
}

/// Who has a lock, as far as we may see it.
pub(crate) struct Holder {
    process: i32,
    /// What it calls itself.
    application: Option<String>,
    address: Option<String>,
    /// When its session began.
    since: Option<String>,
}

impl Holder {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Holder {
            process: row.try_get(0)?,
            application: row.try_get(1)?,
            address: row.try_get(2)?,
            since: row.try_get(3)?,
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { process, application, since, address } = self;
        write!(f, "the lock is held by the server's process {process}")?;
        let seen = [("", application), ("from ", address), ("since ", since)];
        let seen: Vec<String> =
            seen.iter().filter_map(|(word, said)| said.as_ref().map(|said| format!("{word}{said}"))).collect();
        if !seen.is_empty() {
            write!(f, " ({})", seen.join(", "))?;
        }
        write!(f, "; where no bugrelay runs, a pooler has kept it, and SELECT pg_terminate_backend({process}) frees it")
    }
}
