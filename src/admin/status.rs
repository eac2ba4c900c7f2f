//! `/api/status`: the whole at a glance: source, store, connectors. Reads only.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::answer::{Refusal, json, rfc3339};
use super::connectors::{self, ConnectorView};

/// How it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusView {
    /// Of the program.
    pub version: String,
    /// As `/readyz` says it.
    pub ready: bool,
    /// Another instance leads the same store: that one reads the source, delivers, and answers all else.
    pub stands_by: bool,
    /// From where that one is connected to the database, if it can be told.
    pub leader: Option<String>,
    /// Where changes come from.
    pub source: SourceView,
    /// Where messages wait.
    pub store: StoreView,
    /// Every connector that the store knows, by name.
    pub connectors: Vec<ConnectorView>,
}

/// The change source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceView {
    /// The way in: `binlog`, `triggers`, `logical`, `history`; `None`: there is no Bugzilla, it is a relay alone.
    pub capture: Option<String>,
    /// The change stream is open.
    pub connected: bool,
    /// Now minus the commit time of the last save stored; 0 when idle.
    pub lag_seconds: f64,
    /// Where the capture goes on after a restart, in the source's own words; `None`: nothing is stored yet.
    pub position: Option<String>,
    /// When the last save before it was committed, RFC 3339.
    pub committed_at: Option<String>,
    /// Up to when Bugzilla's history was compared with what was told, RFC 3339.
    pub swept_until: Option<String>,
}

/// The store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoreView {
    /// On disk.
    pub bytes: u64,
    /// Messages that some well connector has not sent yet.
    pub main_queue_messages: u64,
    /// The highest sequence that was given out; 0: none was.
    pub last_sequence: i64,
}

pub(super) async fn status(State(admin): State<Admin>) -> Result<Response, Refusal> {
    json(&read(&admin).await?)
}

/// How it stands now.
pub(super) async fn read(admin: &Admin) -> Result<StatusView, Refusal> {
    let (stats, checkpoint, swept) =
        (admin.queue.stats().await?, admin.queue.checkpoint().await?, admin.queue.swept().await?);
    let seconds = |seconds: i64| rfc3339(seconds.saturating_mul(1_000));
    let source = SourceView {
        capture: admin.capture.map(str::to_owned),
        connected: admin.metrics.source.connected.get() == 1,
        lag_seconds: admin.progress.lag_seconds(),
        committed_at: checkpoint.as_ref().map(|checkpoint| seconds(checkpoint.committed_at)),
        position: checkpoint.map(|checkpoint| checkpoint.position.0),
        swept_until: swept.map(|mark| seconds(mark.until)),
    };
    let store = StoreView {
        bytes: stats.store_bytes,
        main_queue_messages: stats.main_queue_messages,
        last_sequence: stats.last_sequence,
    };
    let stands_by = admin.queue.stands_by();
    Ok(StatusView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ready: (admin.progress.is_running() || stands_by) && admin.admission.refusal().is_none(),
        stands_by,
        leader: if stands_by { admin.queue.leader().await } else { None },
        source,
        store,
        connectors: stats.backlogs.into_iter().map(|stats| connectors::view(admin, stats)).collect(),
    })
}
