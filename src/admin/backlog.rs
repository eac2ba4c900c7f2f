//! `/api/backlog/NAME`: what waits for one connector, a page at a time. Reads only.
//!
//! With `bodies=true` the messages themselves, judged once more: of what is not public any more the event alone. Without, no body
//! is read.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{Refusal, json, rfc3339};
use super::paging::Paging;
use super::{Admin, connectors};
use crate::delivery::no_longer_public;
use crate::message::Body;
use crate::queue::{Entry, Page, Waiting};

/// Some entries of one connector.
#[derive(Debug, Serialize, Deserialize)]
pub struct BacklogPage {
    /// Which connector's.
    pub connector: String,
    /// In order of sequence.
    pub entries: Vec<EntryView>,
    /// Ask for what follows with `after` this; `None`: that was all.
    pub next: Option<i64>,
}

/// One message that waits for one connector.
#[derive(Debug, Serialize, Deserialize)]
pub struct EntryView {
    /// Its place in the queue.
    pub sequence: i64,
    /// The same on every bus.
    pub message_id: String,
    /// `bug`, `comment`, `attachment`, `relay`.
    pub target: String,
    /// `create`, `modify`; the topic of what was relayed.
    pub action: String,
    /// The bug that it is about, or about a part of; `None`: it was relayed.
    pub bug: Option<i64>,
    /// When its save was committed, RFC 3339.
    pub committed_at: String,
    /// Attempts that failed.
    pub attempts: u32,
    /// Of its body.
    pub bytes: usize,
    /// It was handed over before, and nobody knows whether it arrived.
    pub perhaps_sent: bool,
    /// As it would leave now; only if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    json(&read(&admin, name, &Paging::parse(query.as_deref())?).await?)
}

/// What of it is asked for.
pub(super) async fn read(admin: &Admin, name: String, paging: &Paging) -> Result<BacklogPage, Refusal> {
    connectors::must_be_known(admin, &name).await?;
    let Page { entries, next } = if paging.bodies {
        let page = paging.read(|after, limit| admin.queue.backlog_bodies(&name, after, limit)).await?;
        let Page { mut entries, next } = page;
        judge(admin, entries.iter_mut().collect()).await?;
        Page { entries: entries.iter().map(EntryView::with_body).collect(), next }
    } else {
        let page = paging.read(|after, limit| admin.queue.backlog(&name, after, limit)).await?;
        Page { entries: page.entries.into_iter().map(EntryView::from).collect(), next: page.next }
    };
    Ok(BacklogPage { connector: name, entries, next })
}

/// Leaves of each what may be shown now: all, or the event alone. What cannot be judged is not shown.
pub(super) async fn judge(admin: &Admin, entries: Vec<&mut Entry>) -> Result<(), Refusal> {
    let closed = no_longer_public(&*admin.gate, entries.iter().map(|entry| &**entry)).await.map_err(|error| {
        let text = format!("the messages themselves are not shown now: {}; ask without bodies", error.message);
        Refusal(StatusCode::SERVICE_UNAVAILABLE, text)
    })?;
    for envelope in entries.into_iter().map(|entry| &mut entry.envelope) {
        if closed.contains(&envelope.sequence) {
            envelope.body = envelope.body.redacted();
        }
    }
    Ok(())
}

impl From<Waiting> for EntryView {
    fn from(waiting: Waiting) -> Self {
        EntryView {
            sequence: waiting.sequence,
            message_id: waiting.id.to_string(),
            target: waiting.origin.target().to_owned(),
            action: waiting.origin.action(&waiting.routing_key).to_owned(),
            bug: waiting.origin.bug().map(|bug| bug.0),
            committed_at: rfc3339(waiting.committed_at_ms),
            attempts: waiting.attempts,
            bytes: waiting.bytes,
            perhaps_sent: waiting.perhaps_sent,
            body: None,
        }
    }
}

impl EntryView {
    /// Of an entry that was judged.
    pub(super) fn with_body(entry: &Entry) -> Self {
        EntryView { body: raw(&entry.envelope.body), ..EntryView::from(Waiting::from(entry)) }
    }
}

/// The bytes as they are; what is no JSON is not shown.
pub(super) fn raw(body: &Body) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(body.bytes.to_vec()).ok()?).ok()
}
