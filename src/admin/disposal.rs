//! `/api/backlog/NAME/skip`, `/drop` and `/api/parked/NAME/retry`, `/drop`: what an operator does with messages of one connector.
//!
//! Done in short steps, to the end though whoever asked may have gone, and then one line in the log says who, what, which and how many.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::answer::{Refusal, json};
use super::{Admin, connectors};
use crate::queue::{BacklogStats, Disposal};

/// Spans that may be named at once.
const SPANS_MAX: usize = 1_000;

/// Characters of a reason.
const REASON_MAX: usize = 200;

/// Which messages are meant, as the API takes it: `sequences`, or `all`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Those of these sequences; what is not there is passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<Span>,
    /// All that are there now.
    #[serde(default)]
    pub all: bool,
    /// Why they are skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Sequences that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// What a disposal came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Disposed {
    /// Whose.
    pub connector: String,
    /// How many there were.
    pub messages: u64,
}

type Asked = (State<Admin>, ConnectInfo<SocketAddr>, Path<String>);

pub(super) async fn skip(asked: Asked, body: Bytes) -> Result<Response, Refusal> {
    let choice = choice(&body)?;
    let reason = match choice.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) if reason.chars().count() > REASON_MAX => {
            return Err(refuse(format!("reason: it is longer than {REASON_MAX} characters")));
        }
        Some(reason) => format!("skipped by hand: {reason}"),
        None => "skipped by hand".to_owned(),
    };
    dispose(asked, "skip", choice, Disposal::Skip(reason)).await
}

pub(super) async fn drop_waiting(asked: Asked, body: Bytes) -> Result<Response, Refusal> {
    dispose(asked, "drop", without_reason(&body)?, Disposal::Drop).await
}

pub(super) async fn retry_parked(asked: Asked, body: Bytes) -> Result<Response, Refusal> {
    dispose(asked, "retry_parked", without_reason(&body)?, Disposal::Retry).await
}

pub(super) async fn drop_parked(asked: Asked, body: Bytes) -> Result<Response, Refusal> {
    dispose(asked, "drop_parked", without_reason(&body)?, Disposal::DropParked).await
}

async fn dispose(asked: Asked, action: &'static str, choice: Choice, disposal: Disposal) -> Result<Response, Refusal> {
    let (State(admin), ConnectInfo(peer), Path(name)) = asked;
    let stats = connectors::find(&admin, &name).await?;
    let sequences = spans(&choice, admin.queue.stats().await?.last_sequence)?;
    // A task of its own: whoever asked may go, and what is begun is finished and told.
    let work = tokio::spawn(async move {
        let (messages, result) = steps(&admin, &name, &disposal, &sequences).await;
        let first = sequences.iter().map(|span| *span.start()).min();
        let last = sequences.iter().map(|span| *span.end()).max();
        tracing::info!(%peer, action, connector = name, first, last, messages, "messages of a connector were disposed of by the admin API");
        if messages > 0 {
            wake(&admin, &stats);
        }
        result.map(|()| Disposed { connector: name, messages })
    });
    let failed = |error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}; please report this"));
    json(&work.await.map_err(failed)??)
}

/// How many there were, and what ended it before its time.
async fn steps(
    admin: &Admin,
    name: &str,
    disposal: &Disposal,
    sequences: &[RangeInclusive<i64>],
) -> (u64, Result<(), Refusal>) {
    let mut messages = 0;
    while !admin.shutdown.is_requested() {
        match admin.queue.dispose(name, disposal.clone(), sequences.to_vec()).await {
            Ok(0) => return (messages, Ok(())),
            Ok(step) => messages += step,
            Err(error) => {
                let text = format!("{error}; {messages} messages were done with before");
                return (messages, Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, text)));
            }
        }
    }
    let text = format!("bugrelay is being stopped; {messages} messages were done with before");
    (messages, Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, text)))
}

/// What holds a connector up may be gone, or something new waits at its head: it looks at once.
fn wake(admin: &Admin, stats: &BacklogStats) {
    if stats.standing.attempts > 0
        && let Some(Some(handle)) = admin.connectors.get(&stats.connector)
    {
        handle.retry_now();
    }
    admin.news.send_replace(());
}

fn choice(body: &[u8]) -> Result<Choice, Refusal> {
    serde_json::from_slice(body).map_err(|error| refuse(format!("the choice is not understood: {error}")))
}

fn without_reason(body: &[u8]) -> Result<Choice, Refusal> {
    let choice = choice(body)?;
    if choice.reason.is_some() {
        return Err(refuse("reason: only what is skipped has one".to_owned()));
    }
    Ok(choice)
}

/// The sequences that are meant; nothing that comes later is.
fn spans(choice: &Choice, last_sequence: i64) -> Result<Vec<RangeInclusive<i64>>, Refusal> {
    let spans = &choice.sequences;
    if choice.all != spans.is_empty() {
        return Err(refuse(
            "write either {\"all\": true} or {\"sequences\": [{\"first\": 7, \"last\": 9}]}".to_owned(),
        ));
    }
    if spans.len() > SPANS_MAX {
        return Err(refuse(format!("sequences: at most {SPANS_MAX} spans at once")));
    }
    if let Some(Span { first, last }) = spans.iter().find(|span| span.last < span.first) {
        return Err(refuse(format!("sequences: {last} is before {first}")));
    }
    let named = spans.iter().map(|span| span.first..=span.last.min(last_sequence));
    Ok(named.chain(choice.all.then_some(0..=last_sequence)).collect())
}

fn refuse(what: String) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_means_what_is_there_now_and_nothing_that_comes_later() {
        let all = Choice { all: true, ..Choice::default() };
        assert_eq!(spans(&all, 9).ok(), Some(vec![0..=9]));
        let some = Choice { sequences: vec![Span { first: 7, last: 99 }], ..Choice::default() };
        assert_eq!(spans(&some, 9).ok(), Some(vec![7..=9]));
    }

    #[test]
    fn a_choice_that_says_nothing_or_twice_is_refused() {
        let sequences = vec![Span { first: 7, last: 7 }];
        for wrong in [
            Choice::default(),
            Choice { all: true, sequences, ..Choice::default() },
            Choice { sequences: vec![Span { first: 7, last: 6 }], ..Choice::default() },
            Choice { sequences: vec![Span { first: 7, last: 7 }; SPANS_MAX + 1], ..Choice::default() },
        ] {
            assert_eq!(spans(&wrong, 9).err().map(|Refusal(status, _)| status), Some(StatusCode::BAD_REQUEST));
        }
    }
}
