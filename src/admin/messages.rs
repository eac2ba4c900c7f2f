//! `/api/bugs/ID` and `/api/messages/ID`: what became of a bug's changes, and of a message, as far as the store still knows. Reads only.

use std::collections::HashMap;
use std::time::Instant;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Admin;
use super::answer::{Refusal, json, rfc3339};
use super::backlog::{judge, raw};
use super::log::AttemptView;
use super::paging::{LOOKING, Paging, Wanted};
use crate::bugzilla::BugId;
use crate::changeset::Subject;
use crate::delivery::{Journal, hidden};
use crate::message::MessageId;
use crate::queue::{Entry, Page, Sought, Trace};
use crate::visibility::Reason;

/// Some messages that were put, and what became of each.
#[derive(Debug, Serialize, Deserialize)]
pub struct TracePage {
    /// In order of sequence.
    pub messages: Vec<TraceView>,
    /// Ask for what follows with `after` this; `None`: that was all. There may be a `next` and no message: it was looked long enough.
    pub next: Option<i64>,
}

/// One message that was put.
#[derive(Debug, Serialize, Deserialize)]
pub struct TraceView {
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
    /// The save that it was grouped into.
    pub change_set: String,
    /// When that was committed, RFC 3339.
    pub committed_at: String,
    /// When it was captured, judged and stored, RFC 3339.
    pub stored_at: String,
    /// Whether it was judged private then, so that it is its event alone; `None`: an older version stored it.
    pub private: Option<bool>,
    /// Which rule said so: a `reason` of `bugrelay_redacted_total`; `None`: it was public, or an older version stored it.
    #[serde(default)]
    pub reason: Option<String>,
    /// What the rules say now; only with bodies. `None` of what was relayed, which no rule judges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<JudgementView>,
    /// Of its body; `None`: nobody waits for it any more.
    pub bytes: Option<usize>,
    /// What became of it for each connector that the store knows, by name.
    pub connectors: Vec<FateView>,
    /// As it would leave now; only if asked for, and if somebody waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
}

/// What became of a message for one connector.
#[derive(Debug, Serialize, Deserialize)]
pub struct FateView {
    /// Which.
    pub connector: String,
    /// Where it is.
    pub state: FateState,
    /// Attempts that failed.
    pub attempts: u32,
    /// It was handed over, and nobody knows whether it arrived.
    pub perhaps_sent: bool,
    /// Why it is parked.
    pub reason: Option<String>,
    /// What attempts came to, the oldest first; as far as this process remembers.
    #[serde(default)]
    pub log: Vec<AttemptView>,
}

/// What the rules say of a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JudgementView {
    /// Its event alone may be told.
    pub private: bool,
    /// Which rule says so; `None`: it is public.
    pub reason: Option<String>,
}

/// Where a message is, as seen by one connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FateState {
    /// It waits to be sent.
    Waiting,
    /// It is set aside.
    Parked,
    /// It was sent, or it was never meant for it, or was given up: that is not kept.
    Done,
}

pub(super) async fn of_bug(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    json(&traces(&admin, bug(&id)?, &Paging::parse(query.as_deref())?).await?)
}

/// The bug of this id.
pub(super) fn bug(id: &str) -> Result<Sought, Refusal> {
    let bug = id.parse().map_err(|_| refuse(format!("{id:?} is no bug's id; write a number")))?;
    Ok(Sought::Bug(BugId(bug)))
}

pub(super) async fn of_id(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    json(&traces(&admin, message(&id)?, &Paging::parse(query.as_deref())?).await?)
}

/// The message of this id.
pub(super) fn message(id: &str) -> Result<Sought, Refusal> {
    let uuid = Uuid::parse_str(id).map_err(|_| refuse(format!("{id:?} is no message's id; write its `message_id`")))?;
    Ok(Sought::Message(MessageId(uuid)))
}

/// What is known of them.
pub(super) async fn traces(admin: &Admin, sought: Sought, paging: &Paging) -> Result<TracePage, Refusal> {
    if paging.wanted != Wanted::default() {
        return Err(refuse("bug, target and action narrow the lists of a connector alone".to_owned()));
    }
    let Paging { mut after, limit, bodies, .. } = *paging;
    let since = Instant::now();
    let page = loop {
        let page = admin.queue.traces(sought, after, limit).await?;
        match page.next {
            Some(next) if page.entries.is_empty() && since.elapsed() < LOOKING => after = next,
            _ => break page,
        }
    };
    let stats = admin.queue.stats().await?;
    let known: Vec<String> = stats.backlogs.into_iter().map(|backlog| backlog.connector).collect();
    let mut judgements = if bodies { judgements(admin, &page.entries).await? } else { HashMap::new() };
    let mut messages = Vec::with_capacity(page.entries.len());
    for trace in page.entries {
        let body = if bodies { body(admin, &trace).await? } else { None };
        let now = judgements.remove(&trace.sequence);
        messages.push(TraceView { body, now, ..view(trace, &known, &admin.journal) });
    }
    Ok(TracePage { messages, next: page.next })
}

/// What the rules say now of those that are Bugzilla's, by sequence.
async fn judgements(admin: &Admin, traces: &[Trace]) -> Result<HashMap<i64, JudgementView>, Refusal> {
    let subjects: Vec<(i64, Subject)> =
        traces.iter().filter_map(|trace| Some((trace.sequence, trace.origin.subject()?))).collect();
    if subjects.is_empty() {
        return Ok(HashMap::new());
    }
    let asked: Vec<Subject> = subjects.iter().map(|(_, subject)| *subject).collect();
    let reasons = hidden(&*admin.gate, &asked).await.map_err(|error| {
        let text = format!("the messages themselves are not shown now: {}; ask without bodies", error.message);
        Refusal(StatusCode::SERVICE_UNAVAILABLE, text)
    })?;
    let view = |reason: Option<Reason>| JudgementView { private: reason.is_some(), reason: reason.map(word) };
    Ok(subjects.into_iter().zip(reasons).map(|((sequence, _), reason)| (sequence, view(reason))).collect())
}

fn word(reason: Reason) -> String {
    reason.as_str().to_owned()
}

/// The body of one of which somebody keeps it, judged.
async fn body(admin: &Admin, trace: &Trace) -> Result<Option<Box<RawValue>>, Refusal> {
    let Some(held) = trace.held.first() else { return Ok(None) };
    let (connector, before) = (&held.connector, trace.sequence - 1);
    let entry: Option<Entry> = if held.parked.is_some() {
        let Page { mut entries, .. } = admin.queue.parked_bodies(connector, before, 1).await?;
        entries.pop().and_then(|parked| parked.entry)
    } else {
        admin.queue.backlog_bodies(connector, before, 1).await?.entries.pop()
    };
    // It may have left meanwhile.
    let Some(mut entry) = entry.filter(|entry| entry.envelope.sequence == trace.sequence) else { return Ok(None) };
    judge(admin, vec![&mut entry]).await?;
    Ok(raw(&entry.envelope.body))
}

/// Without what is only told if asked for.
fn view(trace: Trace, known: &[String], journal: &Journal) -> TraceView {
    let attempts = journal.of(trace.sequence);
    let log = |connector: &String| {
        let own = attempts.iter().filter(|line| *line.connector == **connector);
        own.cloned().map(AttemptView::from).collect()
    };
    let fate = |connector: &String| match trace.held.iter().find(|held| held.connector == *connector) {
        Some(held) => FateView {
            connector: connector.clone(),
            state: if held.parked.is_some() { FateState::Parked } else { FateState::Waiting },
            attempts: held.attempts,
            perhaps_sent: held.perhaps_sent,
            reason: held.parked.clone(),
            log: log(connector),
        },
        None => FateView {
            connector: connector.clone(),
            state: FateState::Done,
            attempts: 0,
            perhaps_sent: false,
            reason: None,
            log: log(connector),
        },
    };
    TraceView {
        sequence: trace.sequence,
        message_id: trace.id.to_string(),
        target: trace.origin.target().to_owned(),
        action: trace.origin.action(&trace.routing_key).to_owned(),
        bug: trace.origin.bug().map(|bug| bug.0),
        change_set: trace.change_set.clone(),
        committed_at: rfc3339(trace.committed_at_ms),
        stored_at: rfc3339(trace.put_at_ms),
        private: trace.private,
        reason: trace.reason.map(word),
        now: None,
        bytes: trace.bytes,
        connectors: known.iter().map(fate).collect(),
        body: None,
    }
}

fn refuse(what: String) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, what)
}
