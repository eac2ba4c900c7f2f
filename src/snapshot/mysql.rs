//! Bugzilla's tables on MySQL and MariaDB. What is read, and what is made of it, is `sql`'s.
//!
//! All statements of a read travel together: `START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT ...; COMMIT`.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, Value};

use super::sql::{Database, Row, SqlReader, Statement};
use super::{Reader, SnapshotError};
use crate::failure::Class;
use crate::tls;

/// Connections at the most: one for the pipeline and one for each of a few connectors at a time.
const CONNECTIONS_MAX: usize = 4;

/// Reads the database that `opts` names. Connects when it is first asked.
pub fn reader(opts: Opts) -> impl Reader {
    SqlReader::new(Mysql::new(opts))
}

struct Mysql {
    opts: Opts,
    /// Made anew when the server goes silent: what hangs would be waited for before it is given back.
    pool: Mutex<Pool>,
}

impl Mysql {
    fn new(opts: Opts) -> Self {
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
    const COLUMNS: &'static str = include_str!("../../sql/mysql/query/snapshot_layout.sql");

    /// The connection goes back if all went well; else it sits in a broken transaction, and is closed.
    async fn run(
        &self,
        statements: &[(Statement, String)],
        each: &mut (dyn for<'a> FnMut(&'a Statement, Row) + Send),
    ) -> Result<(), SnapshotError> {
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
    statements: &[(Statement, String)],
    each: &mut (dyn for<'a> FnMut(&'a Statement, Row) + Send),
) -> mysql_async::Result<()> {
    let mut text = String::from("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    for (_, sql) in statements {
        text.push_str(";\n");
        text.push_str(sql.trim_end());
    }
    text.push_str(";\nCOMMIT");
    let mut result = conn.query_iter(text).await?;
    // The first set is START TRANSACTION's, the last COMMIT's.
    let _: Vec<mysql_async::Row> = result.collect().await?;
    for (statement, _) in statements {
        while let Some(row) = result.next().await? {
            each(statement, row.unwrap_raw().into_iter().map(text_of).collect());
        }
    }
    result.drop_result().await
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

impl From<mysql_async::Error> for SnapshotError {
    /// Access refused, and TLS that cannot be had, are for somebody to mend. A missing table or column is one too, but nearly always one of a Bugzilla that is
    /// being upgraded: it is waited for. All else is a server that is away.
    fn from(error: mysql_async::Error) -> Self {
        if let Some(refusal) = tls::refusal(&error) {
            return SnapshotError { class: Class::Misconfigured, message: format!("{refusal}: {error}") };
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
            1054 | 1146 | 1049 => {
                (Class::Transient, "Bugzilla's tables are not as they should be (is it being upgraded?)")
            }
            _ => (Class::Transient, "Bugzilla's tables could not be read"),
        };
        SnapshotError { class, message: format!("{what}: {error}") }
    }
}
