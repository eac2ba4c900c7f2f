//! Bugzilla's tables on MySQL and MariaDB: one round trip per read, in one consistent snapshot.
//!
//! All statements of a read travel together: `START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT ...; COMMIT`.
//! The statements are in `sql/mysql/query`; only lists of integers and names of custom fields are put into them.

mod assemble;
mod layout;
mod query;

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, Row};
use tokio::sync::Mutex;

use self::assemble::assemble;
use self::layout::Layout;
use self::query::{Statement, judgement, reading};
use super::numbering::Numbering;
use super::{Privacy, Reader, Request, Snapshot, SnapshotError};
use crate::changeset::Subject;
use crate::failure::Class;

/// Connections at the most: one for the pipeline and one for each of a few connectors at a time.
const CONNECTIONS_MAX: usize = 4;

/// A read that takes longer has lost its server without a word. The server's own limit (`session_limits.sql`) is below it.
const READ_TIMEOUT: Duration = Duration::from_secs(55);

/// The same for a judgement, which is small.
const JUDGEMENT_TIMEOUT: Duration = Duration::from_secs(9);

/// How often a read begins anew because the site's fields or comments changed under it.
const ATTEMPTS_MAX: usize = 4;

/// Reads a Bugzilla database on a MySQL or MariaDB server.
pub struct MysqlReader {
    opts: Opts,
    /// Made anew when the server goes silent: what hangs would be waited for before it is given back.
    pool: std::sync::Mutex<Pool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    layout: Option<Layout>,
    numbering: Numbering,
}

impl MysqlReader {
    /// For the database that `opts` names. Connects when it is first asked.
    pub fn new(opts: Opts) -> Self {
        let constraints = PoolConstraints::new(0, CONNECTIONS_MAX).unwrap_or_default();
        // Nothing is left behind in a session: every read ends its transaction, and a failed one its connection.
        let pool = PoolOpts::default().with_constraints(constraints).with_reset_connection(false);
        let limits = vec![include_str!("../../sql/mysql/query/session_limits.sql").to_owned()];
        let opts: Opts = OptsBuilder::from_opts(opts).pool_opts(pool).setup(limits).into();
        let pool = std::sync::Mutex::new(Pool::new(opts.clone()));
        MysqlReader { opts, pool, state: Mutex::default() }
    }

    async fn connect(&self) -> Result<Conn, SnapshotError> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        pool.get_conn().await.map_err(SnapshotError::from)
    }

    /// Gives up a read that its server does not answer, and the connections with it.
    async fn answered<T>(
        &self,
        limit: Duration,
        read: impl Future<Output = Result<T, SnapshotError>>,
    ) -> Result<T, SnapshotError> {
        tokio::time::timeout(limit, read).await.unwrap_or_else(|_| {
            *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Pool::new(self.opts.clone());
            let message = format!("the database did not answer within {} s", limit.as_secs());
            Err(SnapshotError { class: Class::Transient, message })
        })
    }
}

#[async_trait]
impl Reader for MysqlReader {
    async fn read(&self, request: &Request) -> Result<Snapshot, SnapshotError> {
        self.answered(READ_TIMEOUT, self.read_snapshot(request)).await
    }

    async fn privacy(&self, subjects: &[Subject]) -> Result<Vec<Privacy>, SnapshotError> {
        self.answered(JUDGEMENT_TIMEOUT, self.read_privacy(subjects)).await
    }
}

impl MysqlReader {
    async fn read_snapshot(&self, request: &Request) -> Result<Snapshot, SnapshotError> {
        let mut state = self.state.lock().await;
        let state = &mut *state;
        let mut conn = self.connect().await?;
        for _ in 0..ATTEMPTS_MAX {
            let layout = match state.layout.take() {
                Some(layout) => layout,
                None => Layout::read(&mut conn).await?,
            };
            let unknown = state.numbering.unknown(&request.comments);
            let mut results = Results::new();
            let keep = |statement: &Statement, row| match statement {
                Statement::Numbering => assemble::learn(&row, &mut state.numbering),
                _ => add(&mut results, statement, row),
            };
            conn = run(conn, &reading(request, &layout, &unknown), keep).await?;
            state.numbering.learnt();
            let (snapshot, complete) = assemble(results, request, &layout, &state.numbering);
            if !layout.fits(&snapshot.fields) {
                continue;
            }
            state.layout = Some(layout);
            if complete {
                return Ok(snapshot);
            }
        }
        Err(SnapshotError {
            class: Class::Transient,
            message: "Bugzilla's fields changed again and again while they were read".to_owned(),
        })
    }

    async fn read_privacy(&self, subjects: &[Subject]) -> Result<Vec<Privacy>, SnapshotError> {
        let mut results = Results::new();
        run(self.connect().await?, &judgement(subjects), |statement, row| add(&mut results, statement, row)).await?;
        Ok(assemble::privacy(&results, subjects))
    }
}

/// The rows of each statement.
type Results = HashMap<Statement, Vec<Row>>;

fn add(results: &mut Results, statement: &Statement, row: Row) {
    match results.get_mut(statement) {
        Some(rows) => rows.push(row),
        None => drop(results.insert(statement.clone(), vec![row])),
    }
}

/// Runs all statements in one snapshot and one round trip, and hands over each row as it comes. The connection comes back
/// if all went well; else it sits in a broken transaction, and is closed.
async fn run(
    mut conn: Conn,
    statements: &[(Statement, String)],
    each: impl FnMut(&Statement, Row),
) -> Result<Conn, SnapshotError> {
    match run_on(&mut conn, statements, each).await {
        Ok(()) => Ok(conn),
        Err(error) => {
            drop(conn.disconnect().await);
            Err(error.into())
        }
    }
}

async fn run_on(
    conn: &mut Conn,
    statements: &[(Statement, String)],
    mut each: impl FnMut(&Statement, Row),
) -> mysql_async::Result<()> {
    let mut text = String::from("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    for (_, sql) in statements {
        text.push_str(";\n");
        text.push_str(sql.trim_end());
    }
    text.push_str(";\nCOMMIT");
    let mut result = conn.query_iter(text).await?;
    // The first set is START TRANSACTION's, the last COMMIT's.
    let _: Vec<Row> = result.collect().await?;
    for (statement, _) in statements {
        while let Some(row) = result.next().await? {
            each(statement, row);
        }
    }
    result.drop_result().await
}

impl From<mysql_async::Error> for SnapshotError {
    /// Access refused is for somebody to mend. A missing table or column is one too, but nearly always one of a Bugzilla that is
    /// being upgraded: it is waited for. All else is a server that is away.
    fn from(error: mysql_async::Error) -> Self {
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
