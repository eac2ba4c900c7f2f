//! `/api/connectors`: how each connector stands; pausing, resuming, and trying again now.
//!
//! A change of state is one line in the log that says who, what and which. The store keeps it; delivery goes by it.

use std::net::SocketAddr;
use std::time::UNIX_EPOCH;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::answer::{Refusal, json, rfc3339};
use crate::queue::BacklogStats;

/// One connector, as the API tells of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectorView {
    /// Its name in the configuration.
    pub name: String,
    /// What becomes of its messages at present.
    pub state: ConnectorState,
    /// Messages that wait in its backlog.
    pub messages: u64,
    /// Their size.
    pub bytes: u64,
    /// When the save of the oldest was committed, RFC 3339.
    pub oldest: Option<String>,
    /// How long ago that is.
    pub oldest_age_seconds: Option<u64>,
    /// Attempts that failed in a row.
    pub attempts: u32,
    /// When the next is due, RFC 3339.
    pub next_attempt: Option<String>,
    /// How the last failure is answered: `transient` or `misconfigured`.
    pub class: Option<String>,
    /// The last failure, in full.
    pub last_error: Option<String>,
    /// When its bus took something last, RFC 3339; `None`: not since this process began.
    pub last_success: Option<String>,
    /// How long its backlog takes at the rate of the last minute; `None`: there is none, or nothing was sent.
    pub drain_seconds: Option<u64>,
    /// Messages that its bus refused, set aside.
    pub parked: u64,
}

/// What becomes of a connector's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorState {
    /// They leave as they come.
    Well,
    /// The last attempt failed; they wait for the next.
    Backlog,
    /// Somebody paused it: they are collected, and nothing is sent.
    Paused,
    /// Not enabled in the configuration: it gets nothing new.
    Disabled,
    /// Not in the configuration any more.
    Gone,
}

impl ConnectorState {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectorState::Well => "well",
            ConnectorState::Backlog => "backlog",
            ConnectorState::Paused => "paused",
            ConnectorState::Disabled => "disabled",
            ConnectorState::Gone => "gone",
        }
    }
}

/// What a change of state came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changed {
    /// Which.
    pub connector: String,
    /// Whether it was otherwise before.
    pub changed: bool,
}

/// Every connector that the store knows, by name.
pub(super) async fn list(State(admin): State<Admin>) -> Result<Response, Refusal> {
    let stats = admin.queue.stats().await?;
    let views: Vec<ConnectorView> = stats.backlogs.into_iter().map(|stats| view(&admin, stats)).collect();
    json(&views)
}

/// One of them.
pub(super) async fn one(State(admin): State<Admin>, Path(name): Path<String>) -> Result<Response, Refusal> {
    json(&read(&admin, &name).await?)
}

/// How one stands.
pub(super) async fn read(admin: &Admin, name: &str) -> Result<ConnectorView, Refusal> {
    let stats = find(admin, name).await?;
    Ok(view(admin, stats))
}

pub(super) async fn pause(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    json(&hold(&admin, peer, &name, true).await?)
}

pub(super) async fn resume(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    json(&hold(&admin, peer, &name, false).await?)
}

pub(super) async fn retry(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    json(&try_now(&admin, peer, &name).await?)
}

/// Ends its wait after a failure.
pub(super) async fn try_now(admin: &Admin, peer: SocketAddr, name: &str) -> Result<Changed, Refusal> {
    let stats = find(admin, name).await?;
    let conflict = |why: &str| Err(Refusal(StatusCode::CONFLICT, format!("connector {name} {why}")));
    let Some(Some(handle)) = admin.connectors.get(name) else {
        return conflict("is not served: it is disabled, or gone from the configuration");
    };
    if stats.paused {
        return conflict("is paused; resume it, and it goes on by itself");
    }
    let waits = stats.standing.attempts > 0;
    if waits {
        handle.retry_now();
    }
    audit(&peer, "retry", name, waits);
    Ok(Changed { connector: name.to_owned(), changed: waits })
}

/// Pauses it, or lets it go on.
pub(super) async fn hold(admin: &Admin, peer: SocketAddr, name: &str, paused: bool) -> Result<Changed, Refusal> {
    let before = find(admin, name).await?.paused;
    let changed = before != paused;
    if changed {
        admin.queue.pause(name, paused).await?;
        // A worker that waits for news looks at once; one that waits after a failure goes on waiting.
        admin.news.send_replace(());
    }
    audit(&peer, if paused { "pause" } else { "resume" }, name, changed);
    Ok(Changed { connector: name.to_owned(), changed })
}

fn audit(peer: &SocketAddr, action: &str, connector: &str, changed: bool) {
    tracing::info!(%peer, action, connector, changed, "a connector was told by the admin API");
}

/// Refuses a name that neither the configuration nor the store knows. Of those in the configuration nothing is counted.
pub(super) async fn must_be_known(admin: &Admin, name: &str) -> Result<(), Refusal> {
    if admin.connectors.get(name).is_some() { Ok(()) } else { find(admin, name).await.map(drop) }
}

/// One that the configuration or the store knows; the others are nobody's.
pub(super) async fn find(admin: &Admin, name: &str) -> Result<BacklogStats, Refusal> {
    let stats = admin.queue.stats().await?;
    let mut known: Vec<String> = stats.backlogs.iter().map(|stats| stats.connector.clone()).collect();
    if let Some(stats) = stats.backlogs.into_iter().find(|stats| stats.connector == name) {
        return Ok(stats);
    }
    if admin.connectors.get(name).is_some() {
        return Ok(BacklogStats { connector: name.to_owned(), ..BacklogStats::default() });
    }
    known.extend(admin.connectors.names());
    known.sort();
    known.dedup();
    Err(Refusal(StatusCode::NOT_FOUND, format!("there is no such connector; known are {}", known.join(", "))))
}

pub(super) fn view(admin: &Admin, stats: BacklogStats) -> ConnectorView {
    let state = match admin.connectors.get(&stats.connector) {
        None => ConnectorState::Gone,
        // Whoever stands by serves none: the store knows which get messages.
        Some(None) if !(admin.queue.stands_by() && stats.subscribed) => ConnectorState::Disabled,
        Some(_) if stats.paused => ConnectorState::Paused,
        Some(_) if stats.standing.attempts > 0 => ConnectorState::Backlog,
        Some(_) => ConnectorState::Well,
    };
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let age = |ms: i64| u64::try_from((now_ms - ms) / 1000).unwrap_or(0);
    let standing = stats.standing;
    let per_second = admin.journal.per_second(&stats.connector);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    let drain = |messages: u64| (messages as f64 / per_second).ceil() as u64;
    let next_attempt = standing.next_attempt.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    ConnectorView {
        last_success: admin.journal.last_success_ms(&stats.connector).map(rfc3339),
        drain_seconds: (stats.messages > 0 && per_second > 0.0).then(|| drain(stats.messages)),
        name: stats.connector,
        state,
        messages: stats.messages,
        bytes: stats.bytes,
        oldest: stats.oldest_committed_at_ms.map(rfc3339),
        oldest_age_seconds: stats.oldest_committed_at_ms.map(age),
        attempts: standing.attempts,
        next_attempt: next_attempt.map(|since| rfc3339(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))),
        class: standing.class.map(|class| class.as_str().to_owned()),
        last_error: standing.last_error,
        parked: stats.parked,
    }
}
