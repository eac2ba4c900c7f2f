//! The task that reads the binlog stream: asks for it, feeds the reader, notices a dead connection, tells transactions.

use std::time::Duration;

use futures_util::StreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{BinlogStream, BinlogStreamRequest, Error, Sid};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::gtid::GtidSet;
use super::position::Place;
use super::reader::{Closed, Reader};
use super::server::{Server, classify, patiently};
use crate::capture::{CaptureError, ahead};
use crate::changeset::Transaction;
use crate::database::mysql::Account;

/// How often an idle position is told at most.
const IDLE_INTERVAL: Duration = Duration::from_secs(10);
/// So many heartbeats may fail to come before the connection counts as dead.
const MISSED_HEARTBEATS: u32 = 3;

/// Asks the server for its log behind `from`.
pub(super) async fn request(
    server: Server,
    from: &Place,
    replica_id: u32,
    heartbeat: Duration,
) -> Result<BinlogStream, CaptureError> {
    let Server { mut conn, settings } = server;
    let period = heartbeat.as_nanos();
    patiently(conn.query_drop(format!("SET @master_heartbeat_period = {period}, @source_heartbeat_period = {period}")))
        .await?;
    let request = BinlogStreamRequest::new(replica_id).with_hostname(b"bugrelay");
    if settings.is_mariadb() {
        // 4: MariaDB sends its own events as they are, GTIDs among them, and not disguised as old ones.
        patiently(conn.query_drop("SET @mariadb_slave_capability = 4")).await?;
    }
    let sids;
    let request = match &from.gtids {
        gtids if gtids.is_empty() => request.with_filename(from.file.name.as_bytes()).with_pos(from.file.pos),
        GtidSet::MariaDb(_) => {
            patiently(conn.exec_drop("SET @slave_connect_state = ?", (from.gtids.to_string(),))).await?;
            request
        }
        GtidSet::MySql(_) => {
            sids = from.gtids.to_string();
            let parsed: Result<Vec<Sid<'_>>, _> = sids.split(',').map(str::parse).collect();
            let parsed =
                parsed.map_err(|_| CaptureError::misconfigured("the stored GTID set cannot be sent to the server"))?;
            request.with_gtid().with_gtid_set(parsed)
        }
    };
    patiently(conn.get_binlog_stream(request)).await
}

/// What the task needs beside the stream.
pub(super) struct Reading {
    pub(super) reader: Reader,
    pub(super) account: Account,
    pub(super) database: String,
    pub(super) heartbeat: Duration,
    /// Nobody knows yet where this stream begins: tell it first.
    pub(super) tell_start: bool,
}

/// Reads until the stream fails or nobody listens any more. `begun` is told when the server sends, dropped if it does not.
pub(super) async fn run(mut stream: BinlogStream, reading: Reading, begun: oneshot::Sender<()>, out: ahead::Sender) {
    let error = tokio::select! {
        error = read(&mut stream, reading, begun, &out) => error,
        () = out.closed() => return,
    };
    if let Some(error) = error {
        // A full channel is waited for: the error comes behind the transactions that were read before it.
        let _nobody_listens = out.send(Err(error)).await;
    }
}

/// `None`: nobody listens.
async fn read(
    stream: &mut BinlogStream,
    mut reading: Reading,
    begun: oneshot::Sender<()>,
    out: &ahead::Sender,
) -> Option<CaptureError> {
    let silence = reading.heartbeat * MISSED_HEARTBEATS;
    let mut told_at = Instant::now();
    let mut committed_at = 0;
    let mut begun = Some(begun);
    loop {
        let event = match tokio::time::timeout(silence, stream.next()).await {
            Ok(Some(Ok(event))) => event,
            Ok(end) => return Some(ended(end.and_then(Result::err))),
            Err(_) => {
                return Some(CaptureError::transient(format!(
                    "the database sent nothing for {} s, not even a heartbeat: the connection is dead",
                    silence.as_secs()
                )));
            }
        };
        let closed = match reading.take(&event).await {
            Ok(closed) => closed,
            Err(error) => return Some(error),
        };
        if reading.reader.format_seen
            && let Some(begun) = begun.take()
        {
            // Nobody waits any more: `out` will say so.
            let _gone = begun.send(());
        }
        let mut rows = None;
        if let Some(closed) = closed {
            committed_at = i64::from(closed.committed_at);
            rows = Some(closed.rows).filter(|rows| !rows.is_empty());
        }
        let begins = reading.tell_start && reading.reader.format_seen;
        // Heartbeats come even when nothing else does, so that this is looked at often enough.
        let idle = reading.reader.moved && told_at.elapsed() >= IDLE_INTERVAL;
        if rows.is_some() || begins || idle {
            let position = match reading.reader.position() {
                Ok(position) => position,
                Err(error) => return Some(error),
            };
            let transaction = Transaction { position, committed_at, rows: rows.unwrap_or_default() };
            if !out.send(Ok(transaction)).await {
                return None;
            }
            (reading.tell_start, reading.reader.moved) = (reading.tell_start && !begins, false);
            told_at = Instant::now();
        }
    }
}

impl Reading {
    /// One event, and the columns anew when it changes a definition.
    async fn take(&mut self, event: &mysql_async::binlog::events::Event) -> Result<Option<Closed>, CaptureError> {
        let closed = self.reader.event(event)?;
        if !self.reader.changed.is_empty() {
            // The stream's own connection answers no questions.
            let mut server = Server::connect(&self.account).await?;
            let snapshot = server.columns(&self.database).await?;
            self.reader.columns_read(snapshot)?;
            tracing::info!("a watched table was altered: its columns were read anew");
        }
        Ok(closed)
    }
}

fn ended(error: Option<Error>) -> CaptureError {
    match error {
        Some(error) => classify(&error),
        None => CaptureError::transient("the database ended the binlog stream: it is shutting down"),
    }
}
