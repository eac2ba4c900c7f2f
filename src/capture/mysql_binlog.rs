//! The binlog of MySQL and MariaDB -> transactions. Asks nothing of Bugzilla but ROW format, and writes nothing.
//!
//! ```text
//! server, findings   is it fit to be read?          resume    is the position one of its, and still there?
//! stream             the task that reads            reader    events -> transactions, with
//! event, statement, table_map, row                  columns   which column is which
//! gtid, position, replay                            where we are, and what was told before
//! ```

mod columns;
mod cursor;
mod event;
mod findings;
mod gtid;
mod position;
mod reader;
mod replay;
mod resume;
mod row;
mod server;
mod statement;
mod stream;
mod table_map;

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::columns::Columns;
pub(super) use self::findings::table_grants;
pub(super) use self::gtid::{GtidSet, mariadb_list};
use self::position::{Place, Start, Stored};
use self::reader::{Reader, Watch};
use self::server::Server;
use self::stream::Reading;
use super::{Capture, CaptureError, Finding, Severity, Source, ahead};
use crate::changeset::{Position, Transaction};
use crate::database::mysql::Account;

/// What the capture must know.
#[derive(Clone, Debug)]
pub struct MysqlBinlogConfig {
    /// Address, account, TLS, and Bugzilla's database (default `bugs`, as Bugzilla's own). Leave `max_allowed_packet` out: the server's is right.
    pub account: Account,
    /// Among all readers of the server's binlog no two may have the same; see [`replica_id`].
    pub server_id: u32,
    /// Our own schema on the server: what is written to it is no progress.
    pub own_schema: String,
    /// How often the server shows that it is alive when nothing happens; after three that fail to come the connection counts as dead.
    pub heartbeat: Duration,
    /// Rows of transactions that are held at the most, see [`super::ROWS_MAX`].
    pub rows_max: usize,
}

/// The default of `server_id`: the same at every start, so that a restarted bugrelay throws out its own half-dead connection, and above the
/// numbers that administrators give; never 0.
pub fn replica_id(base_url: &str, database: &str) -> u32 {
    const ABOVE_HAND_GIVEN: u32 = 1 << 31;
    let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    base_url.bytes().chain([0]).chain(database.bytes()).fold(2_166_136_261, fnv) | ABOVE_HAND_GIVEN
}

/// A server's binlog as a [`Source`].
pub struct MysqlBinlog {
    config: MysqlBinlogConfig,
    database: String,
}

impl MysqlBinlog {
    /// Connects to nothing yet.
    pub fn new(config: MysqlBinlogConfig) -> Self {
        let database = config.account.database().unwrap_or("bugs").to_owned();
        MysqlBinlog { config, database }
    }

    /// Where to begin, and the columns in force there.
    async fn start(&self, server: &mut Server, from: Option<&Position>) -> Result<(Start, Columns), CaptureError> {
        if let Some(position) = from {
            let stored = Stored::parse(position)?;
            let start = resume::resume(server, &stored).await?;
            return Ok((start, stored.columns));
        }
        // Columns that were the same before and after belong to the end that was read between.
        let mut columns = server.columns(&self.database).await?;
        loop {
            let (file, gtids) = server.end().await?;
            let again = server.columns(&self.database).await?;
            if again == columns {
                let place = Place { gtids, file };
                let start = Start { from: place.clone(), place, knows_gtids: server.settings.has_gtids() };
                return Ok((start, Columns::new(columns)));
            }
            columns = again;
        }
    }
}

#[async_trait]
impl Source for MysqlBinlog {
    async fn open(&self, from: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError> {
        let mut server = Server::connect(&self.config.account).await?;
        let findings = findings::inspect(&mut server, &self.database).await?;
        if let Some(error) = findings::refusal(&findings) {
            return Err(error);
        }
        let (start, columns) = self.start(&mut server, from).await?;
        let watch = Watch {
            database: self.database.clone(),
            own_schema: self.config.own_schema.clone(),
            fold_case: server.settings.folds_case(),
            rows_max: self.config.rows_max,
        };
        let identity = server.settings.identity();
        let place = start.from.clone();
        let reading = Reading {
            reader: Reader::new(watch, identity, columns, start)?,
            account: self.config.account.clone(),
            database: self.database.clone(),
            heartbeat: self.config.heartbeat,
            tell_start: from.is_none(),
        };
        let stream = stream::request(server, &place, self.config.server_id, self.config.heartbeat).await?;
        let (sender, transactions) = ahead::channel();
        let (begun, begins) = oneshot::channel();
        // A task of its own: the driver's parser panics on some damaged events, and that must not be our end.
        let task = tokio::spawn(stream::run(stream, reading, begun, sender));
        let mut capture = MysqlCapture { transactions, task };
        // A server refuses a position only in place of the first event.
        if begins.await.is_err() {
            return Err(capture
                .next()
                .await
                .err()
                .unwrap_or_else(|| CaptureError::transient("the binlog ended at once")));
        }
        Ok(Box::new(capture))
    }

    async fn check(&self) -> Vec<Finding> {
        let asked = async {
            let mut server = Server::connect(&self.config.account).await?;
            findings::inspect(&mut server, &self.database).await
        };
        match asked.await {
            Ok(mut findings) => {
                let message = "the database answers".to_owned();
                findings
                    .insert(0, Finding { id: "connection".into(), severity: Severity::Good, message, remedy: None });
                findings
            }
            Err(error) => vec![findings::unreachable(&error)],
        }
    }
}

/// The open stream: a task reads, this waits for what it tells.
struct MysqlCapture {
    transactions: ahead::Receiver,
    task: JoinHandle<()>,
}

#[async_trait]
impl Capture for MysqlCapture {
    async fn next(&mut self) -> Result<Transaction, CaptureError> {
        self.transactions.recv().await.unwrap_or_else(|| {
            Err(CaptureError::transient("the reader of the binlog broke off at an event that it could not take apart"))
        })
    }

    /// The server keeps its log by time, not for us.
    async fn acknowledge(&mut self, _position: &Position) -> Result<(), CaptureError> {
        Ok(())
    }
}

impl Drop for MysqlCapture {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_replica_id_is_the_same_at_every_start_and_differs_between_sites() {
        let id = replica_id("https://bugs.example.org/", "bugs");
        assert_eq!(id, replica_id("https://bugs.example.org/", "bugs"));
        assert_ne!(id, replica_id("https://staging.example.org/", "bugs"));
        assert_ne!(id, replica_id("https://bugs.example.org/", "bugs2"));
        assert_ne!(id, 0);
    }
}
