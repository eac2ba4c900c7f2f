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
use tokio::sync::watch;
use tokio_postgres::types::PgLsn;
use tokio_util::task::AbortOnDropHandle;

use self::findings::Inspection;
use self::position::Stored;
use self::reader::Reader;
use self::refusal::explain;
use self::server::Server;
use self::slot::{Slot, State};
use self::stream::Stream;
use super::{Capture, CaptureError, Finding, Gap, Severity, Source, ahead};
use crate::changeset::{Position, Transaction};
use crate::database::postgresql::{Postgresql, Session};

/// What the capture must know.
pub struct PostgresqlLogicalConfig {
    /// Bugzilla's database. A direct connection: a pooler that switches servers would do harm.
    pub server: Postgresql,
    /// The operator's consent to a slot on a server that may fill its disk for it.
    pub allow_unlimited_wal: bool,
    /// Follows what the server keeps for us, bytes.
    pub retained_bytes: Option<IntGauge>,
    /// Rows of a transaction that are held at the most, see [`super::ROWS_MAX`].
    pub rows_max: usize,
}

/// A server's log as a [`Source`].
pub struct PostgresqlLogical {
    server: Postgresql,
    database: String,
    slot: String,
    allow_unlimited_wal: bool,
    retained_bytes: Option<IntGauge>,
    rows_max: usize,
}

impl PostgresqlLogical {
    /// Connects to nothing yet.
    pub fn new(config: PostgresqlLogicalConfig) -> Self {
        let database = config.server.database().unwrap_or("bugs").to_owned();
        PostgresqlLogical {
            slot: slot::name(&database),
            database,
            server: config.server,
            allow_unlimited_wal: config.allow_unlimited_wal,
            retained_bytes: config.retained_bytes,
            rows_max: config.rows_max,
        }
    }

    async fn connect(&self) -> Result<Session, CaptureError> {
        let session = self.server.session().await?;
        let settings = include_str!("../../sql/postgresql/query/logical_session.sql");
        session.connection.client.batch_execute(settings).await.map_err(|error| explain(&error))?;
        Ok(session)
    }

    async fn inspect(&self, session: &Session) -> Result<Inspection, CaptureError> {
        Inspection::of(&self.slot_of(session), &self.database, self.allow_unlimited_wal).await
    }

    fn slot_of<'a>(&'a self, session: &'a Session) -> Slot<'a> {
        Slot { client: &session.connection.client, name: &self.slot }
    }

    /// Keeps other bugrelays from the slot: between two looks the server does not know that it is read.
    async fn claim(&self, session: &Session) -> Result<(), CaptureError> {
        let locked = refusal::in_time(refusal::ANSWER, session.lock(&self.slot)).await?;
        let Some(holder) = locked.map_err(|error| explain(&error))? else { return Ok(()) };
        Err(CaptureError::transient(format!(
            "another bugrelay reads the slot {}; stop one of them; {holder}",
            self.slot
        )))
    }

    /// A new slot at the present end of the log. One that is there already held what nobody asks for any more.
    async fn begin(&self, session: &Session, inspected: &Inspection) -> Result<Stored, CaptureError> {
        let Inspection { server, slot: state, publication, .. } = inspected;
        let slot = self.slot_of(session);
        if server.keeps_without_limit() && !self.allow_unlimited_wal {
            return Err(CaptureError::misconfigured(
                "max_slot_wal_keep_size is -1: without a limit a bugrelay that is away would fill the server's disk, so no slot is made; \
                 ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf(), or [bugzilla] allow_unlimited_wal = true",
            ));
        }
        if publication.is_none() {
            let schema = server.schema.as_deref().unwrap_or_default();
            publication::make(&session.connection.client, schema).await?;
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
        let unfiled: BTreeSet<i64> = server::unfiled(&session.connection.client).await?;
        Ok(Stored::new(server.system.clone(), server.timeline, lsn, unfiled))
    }

    /// A stored position, if the server has what follows it.
    fn resume(&self, session: &Session, inspected: &Inspection, from: &Position) -> Result<Stored, CaptureError> {
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
            state.holds(&self.slot_of(session), &self.database, &stored)?;
        }
        Ok(Stored { timeline: server.timeline, ..stored })
    }
}

#[async_trait]
impl Source for PostgresqlLogical {
    async fn open(&self, from: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError> {
        let session = self.connect().await?;
        let inspected = self.inspect(&session).await?;
        if let Some(error) = inspected.refusal() {
            return Err(error);
        }
        self.claim(&session).await?;
        let at = match from {
            Some(position) => self.resume(&session, &inspected, position)?,
            None => self.begin(&session, &inspected).await?,
        };
        let Server { schema, .. } = inspected.server;
        let (sender, transactions) = ahead::channel();
        // What is stored needs not be told again.
        let (acknowledged, acknowledgements) = watch::channel(at.lsn);
        let stream = Stream {
            session,
            slot: self.slot.clone(),
            database: self.database.clone(),
            reader: Reader::new(schema.unwrap_or_default(), at, self.rows_max),
            retained_bytes: self.retained_bytes.clone(),
        };
        // A task of its own: whoever waits for the next transaction may give up at any time, in the middle of a look.
        let task = tokio::spawn(stream.run(from.is_none(), acknowledgements, sender));
        Ok(Box::new(LogicalCapture { transactions, acknowledged, _task: AbortOnDropHandle::new(task) }))
    }

    async fn check(&self) -> Vec<Finding> {
        let asked = async {
            let session = self.connect().await?;
            self.inspect(&session).await
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
    transactions: ahead::Receiver,
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
