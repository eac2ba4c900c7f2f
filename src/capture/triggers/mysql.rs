//! The queue on MySQL and MariaDB: plain statements read and delete, each a transaction of its own. Nothing there wakes a reader, so it looks
//! every 50 ms while something comes and every 250 ms while nothing does: four small reads a second, which the server answers from memory.
//! There is no number of a transaction either; `saves` says what takes its place.

mod failure;
mod inspection;
pub mod installation;
mod names;
mod saves;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, ServerError};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use self::failure::{answered, asked, explain};
use self::inspection::Probed;
use self::names::Names;
use self::saves::{Open, Saves, Stamp, Written};
use super::{Level, QueueServer, QueueTable, Queued};
use crate::bugzilla::BugId;
use crate::capture::mysql_binlog::table_grants;
use crate::capture::{CaptureError, Finding};
use crate::database::Row;
use crate::database::mysql::{Account, texts};

/// How often it is looked while something comes, and at the least.
const POLL: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// Rows deleted by one packet and in one transaction.
const FORGET_ROWS: usize = 1_000;

/// Rows looked at together when they are not to be told.
const FORGET_ALL_ROWS: usize = 20_000;

/// A queue on a MySQL or MariaDB server.
pub struct MysqlQueue {
    account: Account,
    names: Names,
}

impl MysqlQueue {
    /// Connects to nothing yet; `schema` is ours, Bugzilla's database is that of the account.
    pub fn new(account: impl Into<Account>, schema: &str) -> Self {
        let account = account.into();
        let names = Names::new(schema, account.database().unwrap_or_default());
        MysqlQueue { account, names }
    }
}

#[async_trait]
impl QueueServer for MysqlQueue {
    async fn connect(&self) -> Result<Box<dyn QueueTable>, CaptureError> {
        let conn = Arc::new(Mutex::new(answered(Conn::new(self.account.opts())).await?));
        let table = MysqlTable { conn, names: self.names.clone(), open: HashMap::new(), pause: POLL[0] };
        table.rows(include_str!("../../../sql/mysql/query/trigger_session.sql")).await?;
        Ok(Box::new(table))
    }
}

/// One session.
struct MysqlTable {
    conn: Arc<Mutex<Conn>>,
    names: Names,
    /// What may go on behind the last look, by connection.
    open: HashMap<i64, Open>,
    pause: Duration,
}

impl MysqlTable {
    /// In a task of its own: a caller that goes away must not leave half an answer in the connection. Each row is taken as it comes: what
    /// the driver holds of one is many times what is kept of it.
    async fn take<T: Default + Send + 'static>(
        &self,
        sql: &str,
        each: fn(&mut T, Row),
    ) -> Result<Result<T, ServerError>, CaptureError> {
        let (sql, conn) = (self.names.fill(sql), Arc::clone(&self.conn));
        finished(tokio::spawn(async move { question(&mut *conn.lock().await, &sql, each).await })).await
    }

    async fn ask(&self, sql: &str) -> Result<Result<Vec<Row>, ServerError>, CaptureError> {
        self.take(sql, Vec::push).await
    }

    /// All rows of some statements.
    async fn rows(&self, sql: &str) -> Result<Vec<Row>, CaptureError> {
        self.ask(sql).await?.map_err(|refusal| explain(&refusal))
    }

    /// The only row of a statement that always has one.
    async fn row(&self, sql: &str) -> Result<Row, CaptureError> {
        let row = self.rows(sql).await?.into_iter().next();
        row.ok_or_else(|| CaptureError::transient("the trigger queue gave no answer"))
    }

    /// See there.
    async fn table_grants(&self) -> Result<Finding, CaptureError> {
        let (database, conn) = (self.names.database().to_owned(), Arc::clone(&self.conn));
        finished(tokio::spawn(async move { table_grants(&mut *conn.lock().await, &database).await })).await
    }
}

/// What a task came to.
async fn finished<T>(task: JoinHandle<Result<T, CaptureError>>) -> Result<T, CaptureError> {
    task.await
        .unwrap_or_else(|error| Err(CaptureError::transient(format!("a question to the queue broke off: {error}"))))
}

/// Asks some statements, and gives what was taken of the rows of all of them.
async fn question<T: Default>(
    conn: &mut Conn,
    sql: &str,
    each: fn(&mut T, Row),
) -> Result<Result<T, ServerError>, CaptureError> {
    // Statements without rows have an answer, too; a procedure has any number of them.
    let mut left = sql.split(';').count();
    let answer = asked(async {
        let mut result = conn.query_iter(sql).await?;
        let mut taken = T::default();
        while left > 0 || !result.is_empty() {
            while let Some(row) = result.next().await? {
                each(&mut taken, texts(row));
            }
            left = left.saturating_sub(1);
        }
        result.drop_result().await?;
        Ok(taken)
    });
    let answer = answer.await?;
    if answer.is_err() {
        // The driver tells an error that came behind some rows again, before it sends the next question.
        let _ = asked(conn.ping()).await?;
    }
    Ok(answer)
}

/// What a look finds.
#[derive(Default)]
struct Look {
    saves: Saves,
    queued: Vec<Queued>,
    /// Some row is of a kind that nobody knows.
    is_foreign: bool,
}

impl Look {
    fn take(&mut self, row: Row) {
        let Some(queued) = Queued::read(&row) else {
            self.is_foreign = true;
            return;
        };
        let stamp = Stamp { who: row.opt_int(5), at: row.time(6) };
        self.queued.push(self.saves.number(Written { queued, bug: BugId(row.int(3)), stamp }));
    }
}

#[async_trait]
impl QueueTable for MysqlTable {
    async fn inspect(&mut self) -> Result<Vec<Finding>, CaptureError> {
        inspection::inspect(self).await
    }

    async fn installation(&mut self) -> Result<String, CaptureError> {
        let made = self.row(include_str!("../../../sql/mysql/query/trigger_installation.sql")).await?.text(0);
        let triggers = Probed::ask(self).await?.map_err(|refusal| explain(&refusal))?;
        Ok(format!("{made},{}", triggers.newest()))
    }

    async fn level(&mut self) -> Result<Level, CaptureError> {
        let row = self.row(include_str!("../../../sql/mysql/query/trigger_level.sql")).await?;
        #[allow(clippy::cast_precision_loss, reason = "seconds")]
        let oldest = row.opt_int(2).map(|id| (id, row.int(3).max(0) as f64));
        Ok(Level { newest: row.int(0), closed_above: row.int(1), oldest })
    }

    async fn raise_valve(&mut self, rows: i64) -> Result<bool, CaptureError> {
        let above = self.level().await?.newest + rows;
        let sql =
            include_str!("../../../sql/mysql/query/trigger_raise_valve.sql").replace("{above}", &above.to_string());
        let stood = match self.ask(&sql).await? {
            Ok(rows) => rows.first().map_or(i64::MAX, |row| row.int(0)),
            // Held by somebody, as where the binlog is written by statement each save holds it: there is time, half of the valve is left.
            Err(refusal) if [1205, 3572].contains(&refusal.code) => {
                self.rows("ROLLBACK").await?;
                return Ok(true);
            }
            Err(refusal) => return Err(explain(&refusal)),
        };
        // Asked afterwards: a row that was refused had drawn its number before.
        Ok(self.level().await?.newest <= stood)
    }

    async fn first(&mut self, limit: usize) -> Result<Vec<Queued>, CaptureError> {
        let sql = include_str!("../../../sql/mysql/query/trigger_first.sql").replace("{limit}", &limit.to_string());
        let look = self.take(&sql, Look::take).await?.map_err(|refusal| explain(&refusal))?;
        if look.is_foreign {
            return Err(CaptureError::misconfigured(
                "the trigger queue has a row of a kind that this version does not know; is its triggers' version newer than bugrelay's?",
            ));
        }
        self.pause = if look.queued.is_empty() { POLL[1].min(self.pause * 2) } else { POLL[0] };
        self.open = look.saves.open;
        Ok(look.queued)
    }

    /// Only what was the last of its connection can go on; it does if what the connection wrote next may be of the same save.
    async fn behind(&mut self, id: i64, transactions: &[i64]) -> Result<BTreeSet<i64>, CaptureError> {
        let asked: BTreeSet<i64> = transactions.iter().copied().collect();
        let open: Vec<(i64, Open)> =
            self.open.iter().filter(|(_, open)| asked.contains(&open.save)).map(|(c, open)| (*c, *open)).collect();
        let mut found = BTreeSet::new();
        for (connection, open) in open {
            let sql = include_str!("../../../sql/mysql/query/trigger_behind.sql");
            let sql = sql.replace("{connection}", &connection.to_string()).replace("{id}", &id.to_string());
            let next = self.rows(&sql).await?;
            let stamp = |row: &Row| Stamp { who: row.opt_int(0), at: row.time(1) };
            if next.first().is_some_and(|row| open.stamp.agrees(stamp(row))) {
                found.insert(open.save);
            }
        }
        Ok(found)
    }

    /// One statement a row, by the whole key: anything wider might look at rows that are not committed, and wait for them.
    async fn forget(&mut self, ids: &[i64]) -> Result<(), CaptureError> {
        let delete = self.names.fill(include_str!("../../../sql/mysql/query/trigger_forget.sql"));
        // The reason for its form need not travel with each row.
        let delete = delete.lines().filter(|line| !line.starts_with("--")).collect::<String>();
        for ids in ids.chunks(FORGET_ROWS) {
            let mut sql = String::from("START TRANSACTION;\n");
            for id in ids {
                sql.push_str(&delete.replace("{id}", &id.to_string()));
                sql.push_str(";\n");
            }
            sql.push_str("COMMIT");
            self.rows(&sql).await?;
        }
        Ok(())
    }

    async fn forget_all(&mut self) -> Result<(), CaptureError> {
        loop {
            let ids: Vec<i64> = self.first(FORGET_ALL_ROWS).await?.iter().map(|row| row.id).collect();
            self.forget(&ids).await?;
            if ids.len() < FORGET_ALL_ROWS {
                return Ok(());
            }
        }
    }

    async fn wait(&mut self) -> Result<(), CaptureError> {
        tokio::time::sleep(self.pause).await;
        Ok(())
    }
}
