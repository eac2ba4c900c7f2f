//! MySQL and MariaDB. All statements of a read travel together: `START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT ...; COMMIT`.

mod session;

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, Value};

use super::{CONNECTIONS_MAX, Database, DatabaseError, Dialect, Row};
use crate::failure::Class;
use crate::tls;

/// The database that some options name.
pub struct Mysql {
    opts: Opts,
    /// Made anew when the server goes silent: what hangs would be waited for before it is given back.
    pool: Mutex<Pool>,
}

impl Mysql {
    /// Connects when it is first asked.
    pub fn new(opts: Opts) -> Self {
        let constraints = PoolConstraints::new(0, CONNECTIONS_MAX).unwrap_or_default();
        // Nothing is left behind in a session: every read ends its transaction, and a failed one its connection.
        let pool = PoolOpts::default().with_constraints(constraints).with_reset_connection(false);
        let session = vec![include_str!("../../sql/mysql/query/session.sql").to_owned()];
        let opts: Opts = OptsBuilder::from_opts(opts).pool_opts(pool).setup(session).into();
        let pool = Mutex::new(Pool::new(opts.clone()));
        Mysql { opts, pool }
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
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut conn = pool.get_conn().await?;
        match run_on(&mut conn, statements, each).await {
            Ok(()) => Ok(()),
            Err(error) => {
                drop(conn.disconnect().await);
                Err(error.into())
            }
        }
    }

    fn abandon(&self) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Pool::new(self.opts.clone());
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
