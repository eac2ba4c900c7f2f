//! PostgreSQL. All statements of a read travel together, in one message of the simple query protocol: it answers in text, as MySQL does.

mod failure;
mod session;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::poll_fn;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::{CONNECTIONS_MAX, Database, DatabaseError, Dialect, Row};
use crate::failure::Class;
use crate::tls::{self, Tls};

/// Whether a server still lives is asked after so long without a word.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

/// What was sent and not acknowledged for so long was sent to nobody.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// Until a session stands: a server that is stopped or overloaded accepts connections and says nothing.
const CONNECTED_WITHIN: Duration = Duration::from_secs(15);

/// How long a lock is tried for, and how often.
const LOCKED_WITHIN: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The database that a configuration names.
pub struct Postgresql {
    config: Config,
    tls: Tls,
    /// Connections that nobody uses now, and whose last read went well.
    idle: Mutex<Vec<Connection>>,
    /// For as many reads at a time.
    room: Semaphore,
}

/// Closed when dropped, whatever its server does.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Woken by what the session has asked to LISTEN to, and when the connection ends.
    pub(crate) heard: Arc<Notify>,
    _driver: AbortOnDropHandle<()>,
}

impl Connection {
    /// Takes a lock of this name in this database, for as long as the session lasts. False if another has it. A session of our own that has
    /// just been given up may still stand on the server: it is waited for, 3 s.
    pub(crate) async fn lock(&self, name: &str) -> Result<bool, tokio_postgres::Error> {
        let sql = include_str!("../../sql/postgresql/query/reader_lock.sql");
        let until = Instant::now() + LOCKED_WITHIN;
        loop {
            let rows = self.client.query_typed(sql, &[(&name, Type::TEXT)]).await?;
            let is_ours = rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false);
            if is_ours || Instant::now() >= until {
                return Ok(is_ours);
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }
}

#[async_trait]
impl Database for Postgresql {
    fn dialect(&self) -> Dialect {
        Dialect::Postgresql
    }

    async fn read(
        &self,
        statements: &[String],
        each: &mut (dyn FnMut(usize, Row) + Send),
    ) -> Result<(), DatabaseError> {
        let _room = self.room.acquire().await;
        let connection = match self.waiting() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        run_on(&connection.client, statements, each).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(())
    }

    /// While a second connection is in a transaction, the first one is asked again: neither may be in the other's process.
    async fn keeps_sessions(&self) -> Result<bool, DatabaseError> {
        let (first, second) = (self.connect().await?, self.connect().await?);
        let sql = include_str!("../../sql/postgresql/query/process.sql");
        let process = async |connection: &Connection| -> Result<i32, tokio_postgres::Error> {
            let rows = connection.client.query_typed(sql, &[]).await?;
            rows.first().map_or(Ok(0), |row| row.try_get(0))
        };
        let before = process(&first).await?;
        second.client.batch_execute("BEGIN").await?;
        let (beside, after) = (process(&second).await?, process(&first).await?);
        second.client.batch_execute("COMMIT").await?;
        Ok(before == after && before != beside)
    }

    fn abandon(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Postgresql {
    /// Connects when it is first asked; `tls` decides about TLS, not `config`.
    pub fn new(mut config: Config, tls: Tls) -> Self {
        config.application_name("bugrelay").keepalives_idle(KEEPALIVE_IDLE).tcp_user_timeout(UNACKNOWLEDGED_MAX);
        config.ssl_mode(if tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
        if config.get_password().is_none() {
            // A server that wants one says so then, with a code, as it does for a wrong one.
            config.password("");
        }
        Postgresql { config, tls, idle: Mutex::default(), room: Semaphore::new(CONNECTIONS_MAX) }
    }

    /// A connection that is there and was not closed by the server.
    fn waiting(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| !connection.client.is_closed());
        idle.pop()
    }

    /// A connection of its own, for whoever needs a session. Transient if the server does not let us in within 15 s.
    pub(crate) async fn connect(&self) -> Result<Connection, DatabaseError> {
        let connected = tokio::time::timeout(CONNECTED_WITHIN, self.let_in()).await;
        connected.unwrap_or_else(|_| {
            let message =
                format!("the database accepts connections and lets nobody in within {} s", CONNECTED_WITHIN.as_secs());
            Err(DatabaseError { class: Class::Transient, message })
        })
    }

    async fn let_in(&self) -> Result<Connection, DatabaseError> {
        match &self.tls {
            Tls::Off => Ok(driven(self.config.connect(NoTls).await?)),
            // The file is read each time: a renewed one needs no restart.
            Tls::Verify { ca_file } => {
                let trust = tls::trusting(ca_file.as_deref())?.with_no_client_auth();
                Ok(driven(self.config.connect(MakeRustlsConnect::new(trust)).await?))
            }
        }
    }
}

fn driven<S, T>((client, mut connection): (Client, tokio_postgres::Connection<S, T>)) -> Connection
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let heard = Arc::new(Notify::new());
    let wake = Arc::clone(&heard);
    let driver = tokio::spawn(async move {
        let mut messages = poll_fn(|context| connection.poll_message(context));
        // Why it ended is told to whoever uses the client.
        while let Some(Ok(message)) = messages.next().await {
            if matches!(message, AsyncMessage::Notification(_)) {
                wake.notify_one();
            }
        }
        wake.notify_one();
    });
    Connection { client, heard, _driver: AbortOnDropHandle::new(driver) }
}

async fn run_on(
    client: &Client,
    statements: &[String],
    each: &mut (dyn FnMut(usize, Row) + Send),
) -> Result<(), tokio_postgres::Error> {
    let mut text = include_str!("../../sql/postgresql/query/begin.sql").trim_end().to_owned();
    for sql in statements {
        text.push_str(";\n");
        text.push_str(sql.trim_end());
    }
    text.push_str(";\nCOMMIT");
    let mut messages = std::pin::pin!(client.simple_query_raw(&text).await?);
    // Statements that give rows describe them first, even if there are none; the others do not.
    let mut described = 0;
    while let Some(message) = messages.try_next().await? {
        match message {
            SimpleQueryMessage::RowDescription(_) => described += 1,
            SimpleQueryMessage::Row(row) if described > 0 => each(described - 1, texts(&row)),
            _ => {}
        }
    }
    Ok(())
}

/// The server encodes in UTF-8, unless its database has no encoding at all (`SQL_ASCII`): what is no UTF-8 there is told as one
/// replacement character, and stops nothing.
fn texts(row: &SimpleQueryRow) -> Row {
    let text = |column| row.try_get(column).unwrap_or(Some("\u{FFFD}")).map(str::to_owned);
    (0..row.len()).map(text).collect()
}
