//! PostgreSQL's logical decoding -> transactions, over plain SQL: the slot is looked at every moment, in short looks, and advanced when what
//! it told is stored. Of the rows that the server sends ids, users and times alone are read; nothing is written to its tables.
//!
//! ```text
//! server, publication, findings   is it fit to be read, and can it hurt?
//! slot, stream, refusal           asking the server, when, and what its answers mean
//! pgoutput, row, reader           bytes -> messages -> transactions
//! position                        where we are
//! ```

mod findings;
mod pgoutput;
mod position;
mod publication;
mod reader;
mod refusal;
mod row;
mod server;
mod slot;
mod stream;

use std::collections::BTreeSet;

use async_trait::async_trait;
use prometheus::IntGauge;
use tokio::sync::{mpsc, watch};
use tokio_postgres::Config;
use tokio_postgres::types::PgLsn;
use tokio_util::task::AbortOnDropHandle;

use self::findings::Inspection;
use self::position::Stored;
use self::reader::Reader;
use self::refusal::explain;
use self::server::Server;
use self::slot::{Slot, State};
use self::stream::Stream;
use super::{Capture, CaptureError, Finding, Gap, Severity, Source};
use crate::changeset::{Position, Transaction};
use crate::database::postgresql::{Connection, Postgresql};
use crate::tls::Tls;

/// Transactions read ahead of whoever takes them, beside those of one look.
const READ_AHEAD: usize = 64;

/// What the capture must know.
#[derive(Clone, Debug)]
pub struct PostgresqlLogicalConfig {
    /// Address, account and Bugzilla's database. A direct connection: a pooler that switches servers would do harm.
    pub connection: Config,
    /// Decides about TLS, not `connection`.
    pub tls: Tls,
    /// The operator's consent to a slot on a server that may fill its disk for it.
    pub allow_unlimited_wal: bool,
    /// Follows what the server keeps for us, bytes.
    pub retained_bytes: Option<IntGauge>,
}

/// A server's log as a [`Source`].
pub struct PostgresqlLogical {
    server: Postgresql,
    database: String,
    slot: String,
    allow_unlimited_wal: bool,
    retained_bytes: Option<IntGauge>,
}

impl PostgresqlLogical {
    /// Connects to nothing yet.
    pub fn new(config: PostgresqlLogicalConfig) -> Self {
        let database = config.connection.get_dbname().unwrap_or("bugs").to_owned();
        PostgresqlLogical {
            slot: slot::name(&database),
            database,
            server: Postgresql::new(config.connection, config.tls),
            allow_unlimited_wal: config.allow_unlimited_wal,
            retained_bytes: config.retained_bytes,
        }
    }

    async fn connect(&self) -> Result<Connection, CaptureError> {
        let connected = self.server.connect().await;
        let connection =
            connected.map_err(|error| CaptureError { class: error.class, message: error.message, gap: None })?;
        let session = include_str!("../../sql/postgresql/query/logical_session.sql");
        connection.client.batch_execute(session).await.map_err(|error| explain(&error))?;
        Ok(connection)
    }

    async fn inspect(&self, connection: &Connection) -> Result<Inspection, CaptureError> {
        Inspection::of(&self.slot_of(connection), &self.database, self.allow_unlimited_wal).await
    }

    fn slot_of<'a>(&'a self, connection: &'a Connection) -> Slot<'a> {
        Slot { client: &connection.client, name: &self.slot }
    }

    /// Keeps other bugrelays from the slot: between two looks the server does not know that it is read.
    async fn claim(&self, connection: &Connection) -> Result<(), CaptureError> {
        let locked = refusal::in_time(refusal::ANSWER, connection.lock(&self.slot)).await?;
        if locked.map_err(|error| explain(&error))? {
            return Ok(());
        }
        Err(CaptureError::transient(format!("another bugrelay reads the slot {}; stop one of them", self.slot)))
    }

    /// A new slot at the present end of the log. One that is there already held what nobody asks for any more.
    async fn begin(&self, connection: &Connection, inspected: &Inspection) -> Result<Stored, CaptureError> {
        let Inspection { server, slot: state, publication, .. } = inspected;
        let slot = self.slot_of(connection);
        if server.keeps_without_limit() && !self.allow_unlimited_wal {
            return Err(CaptureError::misconfigured(
                "max_slot_wal_keep_size is -1: without a limit a bugrelay that is away would fill the server's disk, so no slot is made; \
                 ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf(), or [bugzilla] allow_unlimited_wal = true",
            ));
        }
        if publication.is_none() {
            let schema = server.schema.as_deref().unwrap_or_default();
            publication::make(&connection.client, schema).await?;
        }
        if let Some(State { found: Some(found), .. }) = state {
            if let Some(reader) = found.reader {
                return Err(CaptureError::transient(format!(
                    "the slot {} is being read by the server's process {reader}; is another bugrelay running?",
                    self.slot
                )));
            }
            slot.drop().await?;
        }
        let lsn = slot.create().await?;
        tracing::info!(slot = self.slot, %lsn, "the slot is made");
        let unfiled: BTreeSet<i64> = server::unfiled(&connection.client).await?;
        Ok(Stored::new(server.system.clone(), server.timeline, lsn, unfiled))
    }

    /// A stored position, if the server has what follows it.
    fn resume(&self, connection: &Connection, inspected: &Inspection, from: &Position) -> Result<Stored, CaptureError> {
        let Inspection { server, slot: state, .. } = inspected;
        let stored = Stored::parse(from)?;
        if stored.system != server.system {
            return Err(CaptureError::gap(
                Gap::ForeignServer,
                format!(
                    "the stored position was not issued by this server: its system identifier is {}, and the position's {}; it was restored \
                     from a dump, or upgraded by pg_upgrade",
                    server.system, stored.system
                ),
            ));
        }
        if let Some(state) = state {
            state.holds(&self.slot_of(connection), &self.database, &stored)?;
        }
        Ok(Stored { timeline: server.timeline, ..stored })
    }
}

#[async_trait]
impl Source for PostgresqlLogical {
    async fn open(&self, from: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError> {
        let connection = self.connect().await?;
        let inspected = self.inspect(&connection).await?;
        if let Some(error) = inspected.refusal() {
            return Err(error);
        }
        self.claim(&connection).await?;
        let at = match from {
            Some(position) => self.resume(&connection, &inspected, position)?,
            None => self.begin(&connection, &inspected).await?,
        };
        let Server { schema, .. } = inspected.server;
        let (sender, transactions) = mpsc::channel(READ_AHEAD);
        // What is stored needs not be told again.
        let (acknowledged, acknowledgements) = watch::channel(at.lsn);
        let stream = Stream {
            connection,
            slot: self.slot.clone(),
            database: self.database.clone(),
            reader: Reader::new(schema.unwrap_or_default(), at),
            retained_bytes: self.retained_bytes.clone(),
        };
        // A task of its own: whoever waits for the next transaction may give up at any time, in the middle of a look.
        let task = tokio::spawn(stream.run(from.is_none(), acknowledgements, sender));
        Ok(Box::new(LogicalCapture { transactions, acknowledged, _task: AbortOnDropHandle::new(task) }))
    }

    async fn check(&self) -> Vec<Finding> {
        let asked = async {
            let connection = self.connect().await?;
            self.inspect(&connection).await
        };
        match asked.await {
            Ok(Inspection { mut findings, .. }) => {
                let message = "the database answers".to_owned();
                findings
                    .insert(0, Finding { id: "connection".into(), severity: Severity::Good, message, remedy: None });
                findings
            }
            Err(error) => vec![findings::unreachable(&error)],
        }
    }
}

/// The open stream: a task looks, this waits for what it tells.
struct LogicalCapture {
    transactions: mpsc::Receiver<Result<Transaction, CaptureError>>,
    acknowledged: watch::Sender<PgLsn>,
    _task: AbortOnDropHandle<()>,
}

#[async_trait]
impl Capture for LogicalCapture {
    async fn next(&mut self) -> Result<Transaction, CaptureError> {
        let told = self.transactions.recv().await;
        told.unwrap_or_else(|| Err(CaptureError::transient("the reader of the slot ended by itself")))
    }

    /// The slot is advanced before the next look.
    async fn acknowledge(&mut self, position: &Position) -> Result<(), CaptureError> {
        self.acknowledged.send_replace(Stored::parse(position)?.lsn);
        Ok(())
    }
}
