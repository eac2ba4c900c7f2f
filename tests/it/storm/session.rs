//! A connection of Bugzilla's to either kind of server, which may break at any time.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// See the module.
pub(super) enum Session {
    Mysql(Conn),
    Postgres(Client),
}

/// The statement failed: the server refused it, or it is gone, or the connection is.
#[derive(Debug)]
pub(super) struct Failed;

impl Session {
    /// `None` while the server is down.
    pub(super) async fn open(url: &str) -> Option<Session> {
        if url.starts_with("mysql:") {
            return Conn::new(Opts::from_url(url).unwrap()).await.ok().map(Session::Mysql);
        }
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.ok()?;
        // Why it ended is seen by whoever uses the client.
        tokio::spawn(async move { drop(connection.await) });
        Some(Session::Postgres(client))
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<(), Failed> {
        match self {
            Session::Mysql(conn) => conn.query_drop(sql).await.map_err(|_| Failed),
            Session::Postgres(client) => client.batch_execute(sql).await.map_err(|_| Failed),
        }
    }

    /// The first column of the first row, as text.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<Option<String>, Failed> {
        match self {
            Session::Mysql(conn) => conn.query_first(sql).await.map_err(|_| Failed),
            Session::Postgres(client) => {
                let messages = client.simple_query(sql).await.map_err(|_| Failed)?;
                let row = messages.iter().find_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                Ok(row.and_then(|row| row.get(0)).map(ToOwned::to_owned))
            }
        }
    }

    /// As Bugzilla's driver does it.
    pub(super) async fn begin(&mut self) -> Result<(), Failed> {
        let sql = match self {
            Session::Mysql(_) => "SET autocommit = 0",
            Session::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        };
        self.run(sql).await
    }

    /// `COMMIT` or `ROLLBACK`; what comes after it is committed by itself.
    pub(super) async fn end(&mut self, how: &str) -> Result<(), Failed> {
        self.run(how).await?;
        match self {
            Session::Mysql(_) => self.run("SET autocommit = 1").await,
            Session::Postgres(_) => Ok(()),
        }
    }

    /// Cuts off somebody else of the same account, in the middle of a transaction if the server can tell.
    pub(super) async fn cut_somebody_off(&mut self) -> Result<(), Failed> {
        let somebody = match self {
            Session::Mysql(_) => {
                "SELECT CAST(id AS char) FROM information_schema.processlist WHERE id <> CONNECTION_ID() ORDER BY RAND() LIMIT 1"
            }
            Session::Postgres(_) => {
                "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE usename = current_user \
                 AND pid <> pg_backend_pid() AND xact_start IS NOT NULL ORDER BY random() LIMIT 1) AS somebody"
            }
        };
        let answer = self.ask(somebody).await?;
        match (self, answer) {
            (Session::Mysql(conn), Some(id)) => conn.query_drop(format!("KILL {id}")).await.map_err(|_| Failed),
            _ => Ok(()),
        }
    }
}
