//! `/api/backlog/NAME`: what waits for one connector, a page at a time. Reads only.
//!
//! With `bodies=true` the messages themselves, judged once more: of what is not public any more the event alone. Without, no body
//! is read.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::answer::{Refusal, json, rfc3339};
use super::{Admin, connectors};
use crate::delivery::no_longer_public;
use crate::message::Body;
use crate::queue::{Page, Waiting};

/// Entries of a page, by default and at the most; with their bodies fewer, and no more than the queue reads at once.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;
const PAGE_WITH_BODIES_MAX: usize = 100;

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
    /// `bug`, `comment`, `attachment`.
    pub target: String,
    /// `create`, `modify`.
    pub action: String,
    /// The bug that it is about, or about a part of.
    pub bug: i64,
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

#[derive(Default)]
struct Wish {
    after: i64,
    limit: Option<usize>,
    bodies: bool,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let wish = wish(query.as_deref().unwrap_or_default())?;
    connectors::find(&admin, &name).await?;
    let most = if wish.bodies { PAGE_WITH_BODIES_MAX } else { PAGE_MAX };
    let limit = wish.limit.unwrap_or(PAGE).clamp(1, most);
    let Page { entries, next } = if wish.bodies {
        with_bodies(&admin, &name, wish.after, limit).await?
    } else {
        let page = admin.queue.backlog(&name, wish.after, limit).await?;
        Page { entries: page.entries.into_iter().map(|waiting| view(waiting, None)).collect(), next: page.next }
    };
    json(&BacklogPage { connector: name, entries, next })
}

/// What cannot be judged is not shown.
async fn with_bodies(admin: &Admin, name: &str, after: i64, limit: usize) -> Result<Page<EntryView>, Refusal> {
    let Page { mut entries, next } = admin.queue.backlog_bodies(name, after, limit).await?;
    let closed = no_longer_public(&*admin.gate, &entries).await.map_err(|error| {
        let text = format!("the messages themselves are not shown now: {}; ask without bodies", error.message);
        Refusal(StatusCode::SERVICE_UNAVAILABLE, text)
    })?;
    for envelope in entries.iter_mut().map(|entry| &mut entry.envelope) {
        if closed.contains(&envelope.sequence) {
            envelope.body = envelope.body.redacted();
        }
    }
    let entries = entries.iter().map(|entry| view(entry.into(), Some(&entry.envelope.body))).collect();
    Ok(Page { entries, next })
}

fn view(waiting: Waiting, body: Option<&Body>) -> EntryView {
    let (target, action) = waiting.routing_key.split_once('.').unwrap_or_default();
    EntryView {
        sequence: waiting.sequence,
        message_id: waiting.id.to_string(),
        target: target.to_owned(),
        action: action.to_owned(),
        bug: waiting.subject.bug().0,
        committed_at: rfc3339(waiting.committed_at_ms),
        attempts: waiting.attempts,
        bytes: waiting.bytes,
        perhaps_sent: waiting.perhaps_sent,
        body: body.and_then(raw),
    }
}

/// The bytes as they are; what is no JSON is not shown.
fn raw(body: &Body) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(body.bytes.to_vec()).ok()?).ok()
}

fn wish(query: &str) -> Result<Wish, Refusal> {
    let mut wish = Wish::default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let understood = match key.as_ref() {
            "after" => value.parse().map(|after| wish.after = after).is_ok(),
            "limit" => value.parse().map(|limit| wish.limit = Some(limit)).is_ok(),
            "bodies" => value.parse().map(|bodies| wish.bodies = bodies).is_ok(),
            _ => false,
        };
        if !understood {
            let text = "write ?after=SEQUENCE&limit=NUMBER&bodies=true, or some of it".to_owned();
            return Err(Refusal(StatusCode::BAD_REQUEST, text));
        }
    }
    Ok(wish)
}
