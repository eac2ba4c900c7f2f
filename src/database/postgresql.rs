//! PostgreSQL. All statements of a read travel together, in one message of the simple query protocol: it answers in text, as MySQL does.

mod failure;
mod kept;
mod server;
mod session;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::poll_fn;
use futures_util::{StreamExt as _, TryStreamExt as _};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, Semaphore};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use self::kept::Kept;
pub(crate) use self::session::Session;
use super::{CONNECTIONS_MAX, Database, DatabaseError, Dialect, Row};
use crate::failure::Class;
use crate::secret::Secret;
use crate::tls::{self, Tls};

/// Whether a server still lives is asked after so long without a word.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

/// What was sent and not acknowledged for so long was sent to nobody.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// Until a session stands: a server that is stopped or overloaded accepts connections and says nothing.
const CONNECTED_WITHIN: Duration = Duration::from_secs(15);

/// The database that a configuration names.
pub struct Postgresql {
    config: Config,
    password: Secret,
    tls: Tls,
    /// Connections that nobody uses now, and whose last read went well.
    idle: Mutex<Vec<(Connection, Kept)>>,
    /// A pooler gives each transaction another session, which has nothing of what the one before was told to keep.
    keeps_nothing: AtomicBool,
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
        let mut waiting = self.waiting();
        loop {
            let (connection, mut kept) = match waiting.take() {
                Some(waiting) => waiting,
                None => (self.connect().await?, Kept::default()),
            };
            let text = self.text(statements, &mut kept);
            let mut has_begun = false;
            let mut each = |index, row| {
                has_begun = true;
                each(index, row);
            };
            let Err(error) = run_on(&connection.client, &text, &mut each).await else {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, kept));
                return Ok(());
            };
            if kept.is_empty() || !self.is_of_what_is_kept(&error) {
                return Err(error.into());
            }
            self.abandon();
            // Rows that were handed over cannot be taken back: whoever asks again has a connection that keeps nothing yet.
            if has_begun {
                return Err(error.into());
            }
        }
    }

    fn abandon(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Postgresql {
    /// Connects when it is first asked; `tls` decides about TLS, not `config`. With a password that stays as it is.
    pub fn new(config: Config, tls: Tls) -> Self {
        let password = config.get_password().map(|password| String::from_utf8_lossy(password).into_owned().into());
        Self::with_password(config, tls, Secret::new(password))
    }

    /// The same, with the password as it is whenever it connects.
    pub fn with_password(mut config: Config, tls: Tls, password: Secret) -> Self {
        config.application_name("bugrelay").keepalives_idle(KEEPALIVE_IDLE).tcp_user_timeout(UNACKNOWLEDGED_MAX);
        config.ssl_mode(if tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
        Postgresql {
            config,
            password,
            tls,
            idle: Mutex::default(),
            room: Semaphore::new(CONNECTIONS_MAX),
            keeps_nothing: AtomicBool::default(),
        }
    }

    /// The database that is meant.
    pub fn database(&self) -> Option<&str> {
        self.config.get_dbname()
    }

    /// A connection that is there and was not closed by the server.
    fn waiting(&self) -> Option<(Connection, Kept)> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(connection, _)| !connection.client.is_closed());
        idle.pop()
    }

    /// The message of a read.
    fn text(&self, statements: &[String], kept: &mut Kept) -> String {
        let mut text = include_str!("../../sql/postgresql/query/begin.sql").trim_end().to_owned();
        for sql in statements {
            text.push_str(";\n");
            if self.keeps_nothing.load(Ordering::Relaxed) {
                text.push_str(sql.trim_end());
            } else {
                text.push_str(&kept.call(sql.trim_end()));
            }
        }
        text.push_str(";\nCOMMIT");
        text
    }

    /// What a session was told to keep is not in it, or is in it already: it is a pooler's. Or the tables are others since.
    fn is_of_what_is_kept(&self, error: &tokio_postgres::Error) -> bool {
        let Some(code) = error.code() else { return false };
        let is_anothers = [&SqlState::INVALID_SQL_STATEMENT_NAME, &SqlState::DUPLICATE_PSTATEMENT].contains(&code);
        self.keeps_nothing.fetch_or(is_anothers, Ordering::Relaxed);
        is_anothers || *code == SqlState::FEATURE_NOT_SUPPORTED
    }

    /// A connection of its own. Transient if the server does not let us in within 15 s.
    pub(crate) async fn connect(&self) -> Result<Connection, DatabaseError> {
        tokio::time::timeout(CONNECTED_WITHIN, self.let_in()).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn let_in(&self) -> Result<Connection, DatabaseError> {
        let mut config = self.config.clone();
        // A server that wants one says so where there is none, with a code, as it does for a wrong one.
        config.password(self.password.get().unwrap_or_default().expose_secret());
        match &self.tls {
            Tls::Off => Ok(driven(config.connect(NoTls).await?)),
            // The file is read each time: a renewed one needs no restart.
            Tls::Verify { ca_file } => {
                let trust = tls::trusting(ca_file.as_deref())?.with_no_client_auth();
                Ok(driven(config.connect(MakeRustlsConnect::new(trust)).await?))
            }
        }
    }
}

fn silent() -> DatabaseError {
    let message =
        format!("the database accepts connections and lets nobody in within {} s", CONNECTED_WITHIN.as_secs());
    DatabaseError { class: Class::Transient, message }
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
    text: &str,
    each: &mut (dyn FnMut(usize, Row) + Send),
) -> Result<(), tokio_postgres::Error> {
    let mut messages = std::pin::pin!(client.simple_query_raw(text).await?);
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
