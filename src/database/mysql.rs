//! MySQL and MariaDB. All statements of a read travel together: `START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT ...; COMMIT`.

mod server;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, Value};
use secrecy::ExposeSecret as _;

use super::{CONNECTIONS_MAX, Database, DatabaseError, Dialect, Row};
use crate::failure::Class;
use crate::secret::Secret;
use crate::tls;

/// A connection that nobody needed for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Where a server is and how to get in: with the password as it is now.
#[derive(Clone, Debug)]
pub struct Account {
    opts: Opts,
    password: Secret,
}

impl Account {
    /// As `opts` says, but for the password.
    pub fn new(opts: Opts, password: Secret) -> Self {
        Account { opts, password }
    }

    /// The database that is meant.
    pub fn database(&self) -> Option<&str> {
        self.opts.db_name()
    }

    /// For one more connection.
    pub fn opts(&self) -> Opts {
        let password = self.password.get().map(|password| password.expose_secret().to_owned());
        // The TLS options are given anew as well: the driver reads their files once for all connections of the same options.
        let tls = self.opts.ssl_opts().cloned();
        OptsBuilder::from_opts(self.opts.clone()).pass(password).ssl_opts(tls).into()
    }
}

impl From<Opts> for Account {
    /// With a password that stays as it is.
    fn from(opts: Opts) -> Self {
        let password = Secret::new(opts.pass().map(Into::into));
        Account { opts, password }
    }
}

/// The database of an account.
pub struct Mysql {
    account: Account,
    pool: Mutex<Connections>,
}

/// Made anew when the server goes silent: what hangs would be waited for before it is given back. And when the password was rotated.
struct Connections {
    pool: Pool,
    rotations: u64,
}

impl Connections {
    fn of(account: &Account) -> Self {
        let rotations = account.password.rotations();
        let constraints = PoolConstraints::new(0, CONNECTIONS_MAX).unwrap_or_default();
        // Nothing is left behind in a session: every read ends its transaction, and a failed one its connection. Without a time to live
        // the driver closes what is given back beyond the lower bound, here each one.
        let pool = PoolOpts::default()
            .with_constraints(constraints)
            .with_inactive_connection_ttl(IDLE_MAX)
            .with_reset_connection(false);
        let session = vec![include_str!("../../sql/mysql/query/session.sql").to_owned()];
        let opts = OptsBuilder::from_opts(account.opts()).pool_opts(pool).setup(session);
        Connections { pool: Pool::new(opts), rotations }
    }
}

impl Mysql {
    /// Connects when it is first asked.
    pub fn new(account: impl Into<Account>) -> Self {
        let account = account.into();
        let pool = Mutex::new(Connections::of(&account));
        Mysql { account, pool }
    }

    fn pool(&self) -> Pool {
        let mut connections = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.rotations != self.account.password.rotations() {
            *connections = Connections::of(&self.account);
        }
        connections.pool.clone()
    }
}

#[async_trait]
impl Database for Mysql {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    /// The connection goes back if all went well; else it sits in a broken transaction, and is closed.
    async fn read(
        &self,
        statements: &[String],
        each: &mut (dyn FnMut(usize, Row) + Send),
    ) -> Result<(), DatabaseError> {
        let mut conn = self.pool().get_conn().await?;
        match run_on(&mut conn, statements, each).await {
            Ok(()) => Ok(()),
            Err(error) => {
                drop(conn.disconnect().await);
                Err(error.into())
            }
        }
    }

    fn abandon(&self) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Connections::of(&self.account);
    }
}

async fn run_on(
    conn: &mut Conn,
    statements: &[String],
    each: &mut (dyn FnMut(usize, Row) + Send),
) -> mysql_async::Result<()> {
    let mut text = String::from("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    for sql in statements {
        text.push_str(";\n");
        text.push_str(sql.trim_end());
    }
    text.push_str(";\nCOMMIT");
    let mut result = conn.query_iter(text).await?;
    // The first set is START TRANSACTION's, the last COMMIT's.
    let _: Vec<mysql_async::Row> = result.collect().await?;
    for index in 0..statements.len() {
        while let Some(row) = result.next().await? {
            each(index, texts(row));
        }
    }
    result.drop_result().await
}

/// A row of a statement that was sent as text.
pub(crate) fn texts(row: mysql_async::Row) -> Row {
    row.unwrap_raw().into_iter().map(text_of).collect()
}

/// All values come as text, or as null.
fn text_of(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::Bytes(bytes)) => Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
        _ => None,
    }
}

impl From<mysql_async::Error> for DatabaseError {
    /// Access refused, and TLS that cannot be had, are for somebody to mend. A missing table or column is one too, but nearly always one of a Bugzilla that is
    /// being upgraded: it is waited for. All else is a server that is away.
    fn from(error: mysql_async::Error) -> Self {
        if let Some(refusal) = tls::refusal(&error) {
            return DatabaseError { class: Class::Misconfigured, message: format!("{refusal}: {error}") };
        }
        if matches!(&error, mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer)) {
            let message = "the database offers no TLS; set it up there, or write tls = \"off\" where nobody can listen";
            return DatabaseError { class: Class::Misconfigured, message: message.to_owned() };
        }
        let code = match &error {
            mysql_async::Error::Server(server) => server.code,
            _ => 0,
        };
        let (class, what) = match code {
            1044 | 1045 | 1142 | 1143 | 1227 => (
                Class::Misconfigured,
                "the database refuses to let Bugzilla's tables be read (see sql/mysql/grants.sql)",
            ),
            1054 | 1146 | 1049 => (
                Class::Transient,
                "Bugzilla's tables are not as they should be (is it being upgraded? If not, see `bugrelay check`)",
            ),
            _ => (Class::Transient, "Bugzilla's tables could not be read"),
        };
        DatabaseError { class, message: format!("{what}: {error}") }
    }
}
