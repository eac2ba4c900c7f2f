//! `/api/replay`: saves of the past, told again to some connectors.
//!
//! One at a time, as long as whoever asked waits for the answer. One line in the log says who ordered what, and what it came to.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::answer::{Refusal, json};
use crate::bugzilla::{BugId, moment};
use crate::pipeline::{Broken, Order, Replayed};

/// What is to be told again, as the API takes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayOrder {
    /// The first second: RFC 3339, or without an offset in Bugzilla's zone.
    pub since: String,
    /// The last one; none: until now.
    pub until: Option<String>,
    /// Of these bugs alone; empty: of all.
    #[serde(default)]
    pub bugs: Vec<i64>,
    /// To these connectors alone; empty: to all that are enabled.
    #[serde(default)]
    pub connectors: Vec<String>,
    /// Count, and store nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a replay came to, as the API tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplayView {
    /// Nothing was stored.
    pub dry_run: bool,
    /// To whom.
    pub connectors: Vec<String>,
    /// Saves found.
    pub saves: u64,
    /// Messages by routing key.
    pub messages: BTreeMap<String, u64>,
    /// Those of them that are their event alone.
    pub private: u64,
}

pub(super) async fn replay(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let wanted: ReplayOrder =
        serde_json::from_slice(&body).map_err(|error| refuse(format!("the order is not understood: {error}")))?;
    let Some(replay) = &admin.replay else {
        return Err(Refusal(StatusCode::CONFLICT, "there is no [bugzilla] whose saves could be told again".to_owned()));
    };
    let order = order(&admin, &wanted)?;
    if let Some(refusal) = admin.admission.refusal() {
        return Err(Refusal(StatusCode::CONFLICT, refusal.message.clone()));
    }
    let Ok(_alone) = admin.replaying.try_acquire() else {
        return Err(Refusal(StatusCode::CONFLICT, "another replay is running; wait for it".to_owned()));
    };
    tracing::info!(%peer, since = order.since, until = order.until, bugs = order.bugs.len(), connectors = order.connectors.join(","),
        dry_run = order.dry_run, "a replay was ordered by the admin API");
    // Of a dry run nothing is stored that one could go on behind.
    let told = |broken: Broken| if order.dry_run { broken.why.to_string() } else { broken.to_string() };
    let replayed = replay.run(&order).await;
    let Replayed { saves, messages, private } =
        replayed.map_err(|broken| Refusal(StatusCode::SERVICE_UNAVAILABLE, told(broken)))?;
    let count: u64 = messages.values().sum();
    tracing::info!(%peer, saves, messages = count, private, dry_run = order.dry_run, "the replay is done");
    json(&ReplayView { dry_run: order.dry_run, connectors: order.connectors, saves, messages, private })
}

fn order(admin: &Admin, wanted: &ReplayOrder) -> Result<Order, Refusal> {
    let time = |what: &str, text: &str| {
        moment(text, &admin.zone)
            .ok_or_else(|| refuse(format!("{what}: {text:?} is no time; write 2026-11-01T00:00:00Z")))
    };
    let enabled = admin.connectors.enabled();
    if let Some(unknown) = wanted.connectors.iter().find(|name| !enabled.contains(name)) {
        return Err(refuse(format!("{unknown:?} is no enabled connector; enabled are {}", enabled.join(", "))));
    }
    let order = Order {
        since: time("since", &wanted.since)?,
        until: wanted.until.as_deref().map(|until| time("until", until)).transpose()?,
        bugs: wanted.bugs.iter().copied().map(BugId).collect(),
        connectors: if wanted.connectors.is_empty() { enabled } else { wanted.connectors.clone() },
        dry_run: wanted.dry_run,
    };
    if order.until.is_some_and(|until| until < order.since) {
        return Err(refuse("until is before since".to_owned()));
    }
    Ok(order)
}

fn refuse(what: String) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, what)
}
