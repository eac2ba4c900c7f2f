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
use crate::queue::{BacklogStats, DISPOSED_MAX, Disposal, Parked, Queue, READ_BYTES_MAX, Waiting};
use crate::shutdown::Shutdown;

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
    let disposal = skipped(choice.reason.as_deref())?;
    answer(asked, &choice, disposal).await
}

/// Setting aside for this reason.
pub(super) fn skipped(reason: Option<&str>) -> Result<Disposal, Refusal> {
    let reason = match reason.map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) if reason.chars().count() > REASON_MAX => {
            return Err(refuse(format!("reason: it is longer than {REASON_MAX} characters")));
        }
        Some(reason) => format!("skipped by hand: {reason}"),
        None => "skipped by hand".to_owned(),
    };
    Ok(Disposal::Skip(reason))
}

pub(super) async fn drop_waiting(asked: Asked, body: Bytes) -> Result<Response, Refusal> {
    answer(asked, &without_reason(&body)?, Disposal::Drop).await
}

pub(super) async fn retry_parked(asked: Asked, body: Bytes) -> Result<Response, Refusal> {
    answer(asked, &without_reason(&body)?, Disposal::Retry).await
}

pub(super) async fn drop_parked(asked: Asked, body: Bytes) -> Result<Response, Refusal> {
    answer(asked, &without_reason(&body)?, Disposal::DropParked).await
}

async fn answer(asked: Asked, choice: &Choice, disposal: Disposal) -> Result<Response, Refusal> {
    let (State(admin), ConnectInfo(peer), Path(name)) = asked;
    json(&dispose(admin, peer, name, choice, disposal).await?)
}

/// Does it with those that are meant, to the end.
pub(super) async fn dispose(
    admin: Admin,
    peer: SocketAddr,
    name: String,
    choice: &Choice,
    disposal: Disposal,
) -> Result<Disposed, Refusal> {
    let action = match &disposal {
        Disposal::Skip(_) => "skip",
        Disposal::Drop => "drop",
        Disposal::Retry => "retry_parked",
        Disposal::DropParked => "drop_parked",
    };
    let stats = connectors::find(&admin, &name).await?;
    let sequences = spans(choice, admin.queue.stats().await?.last_sequence)?;
    // A task of its own: whoever asked may go, and what is begun is finished and told.
    let work = tokio::spawn(async move {
        let order = Order { queue: &*admin.queue, shutdown: &admin.shutdown, connector: &name, sequences: &sequences };
        let (messages, result) = match disposal {
            Disposal::Retry => order.put_back().await,
            disposal => order.until_none_is_left(&disposal).await,
        };
        let first = sequences.iter().map(|span| *span.start()).min();
        let last = sequences.iter().map(|span| *span.end()).max();
        tracing::info!(%peer, action, connector = name, first, last, messages, "messages of a connector were disposed of by the admin API");
        if messages > 0 {
            wake(&admin, &stats);
        }
        result.map(|()| Disposed { connector: name, messages })
    });
    let failed = |error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}; please report this"));
    work.await.map_err(failed)?
}

/// What is to be done to the end, in the store's steps.
struct Order<'a> {
    queue: &'a dyn Queue,
    shutdown: &'a Shutdown,
    connector: &'a str,
    sequences: &'a [RangeInclusive<i64>],
}

/// How many messages there were, and what ended it before its time.
type Done = (u64, Result<(), Refusal>);

impl Order<'_> {
    /// What is skipped or given up does not come back.
    async fn until_none_is_left(&self, disposal: &Disposal) -> Done {
        let mut messages = 0;
        while !self.shutdown.is_requested() {
            match self.queue.dispose(self.connector, disposal.clone(), self.sequences.to_vec()).await {
                Ok(0) => return (messages, Ok(())),
                Ok(step) => messages += step,
                Err(error) => return broken_off(messages, &error),
            }
        }
        broken_off(messages, &"bugrelay is being stopped")
    }

    /// What is put back may be refused and parked again at once: so each is looked at once, in order.
    async fn put_back(&self) -> Done {
        let (mut messages, mut after) = (0, 0);
        while !self.shutdown.is_requested() {
            let page = match self.queue.parked(self.connector, after, DISPOSED_MAX).await {
                Ok(page) => page,
                Err(error) => return broken_off(messages, &error),
            };
            let Some(last) = page.entries.last().map(|parked| parked.sequence) else { return (messages, Ok(())) };
            let step = self.one_step(&page.entries);
            let Some(end) = step.last().map(|span| *span.end()) else {
                after = last;
                continue;
            };
            match self.queue.dispose(self.connector, Disposal::Retry, step).await {
                Ok(step) => messages += step,
                Err(error) => return broken_off(messages, &error),
            }
            after = end;
        }
        broken_off(messages, &"bugrelay is being stopped")
    }

    /// Of these, the oldest that are meant: as many as the store does at once.
    fn one_step(&self, parked: &[Parked<Waiting>]) -> Vec<RangeInclusive<i64>> {
        let mut bytes = 0;
        let meant = parked.iter().filter(|parked| self.sequences.iter().any(|span| span.contains(&parked.sequence)));
        let fitting = meant.enumerate().take_while(|(n, parked)| {
            // Of one of which something is missing nobody knows.
            bytes += parked.entry.as_ref().map_or(READ_BYTES_MAX, |entry| entry.bytes);
            *n == 0 || bytes <= READ_BYTES_MAX
        });
        fitting.map(|(_, parked)| parked.sequence..=parked.sequence).collect()
    }
}

fn broken_off(messages: u64, why: &dyn std::fmt::Display) -> Done {
    let text = format!("{why}; {messages} messages were done with before");
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
    use std::time::Duration;

    use super::*;
    use crate::bugzilla::{BugId, LocalTime};
    use crate::changeset::{Kind, Position, Subject};
    use crate::message::{Body, Message, MessageId};
    use crate::queue::sqlite::{Settings, SqliteQueue};
    use crate::queue::{Checkpoint, Filter, Settlement, Subscriber};

    fn message(number: i64) -> Message {
        Message {
            id: MessageId::of("https://bugzilla.example.org/", "bug.modify", &number.to_string()),
            subject: Subject::Bug(BugId(number)),
            kind: Kind::Modify,
            change_set: String::new(),
            product: None,
            committed_at_ms: 0,
            saved_at: LocalTime::new(2026, 12, 1, 0, 0, 0).unwrap(),
            facts: vec![],
            withheld: None,
            body: Body { bytes: b"{}".to_vec().into(), event_bytes: None },
        }
    }

    fn parks(sequences: impl IntoIterator<Item = i64>) -> Settlement {
        let parked = sequences.into_iter().map(|sequence| (sequence, "refused".to_owned())).collect();
        Settlement { parked, ..Settlement::default() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_refused_again_at_once_is_put_back_once_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let day = Duration::from_secs(86_400);
        let path = folder.path().join("store.db");
        let settings =
            Settings { path, max_megabytes: 100, sent_retention: day, parked_retention: day, told_retention: day };
        let queue = SqliteQueue::open(settings).unwrap();
        queue.subscribe(vec![Subscriber { connector: "bus".to_owned(), filter: Filter::default() }]).await.unwrap();
        let many = i64::try_from(DISPOSED_MAX).unwrap() * 2 + 500;
        let checkpoint = Checkpoint { position: Position("1".to_owned()), committed_at: 0, server: None };
        queue.put((1..=many).map(message).collect(), checkpoint).await.unwrap();
        queue.settle("bus", parks(1..=many)).await.unwrap();
        let refuse = async {
            loop {
                let batch = queue.next("bus", 500).await.unwrap();
                queue.settle("bus", parks(batch.entries.iter().map(|entry| entry.envelope.sequence))).await.unwrap();
            }
        };
        let sequences = [1..=many - 1];
        let order = Order { queue: &queue, shutdown: &Shutdown::default(), connector: "bus", sequences: &sequences };
        let (messages, result) = tokio::select! {
            done = order.put_back() => done,
            () = refuse => unreachable!(),
            () = tokio::time::sleep(Duration::from_secs(60)) => panic!("it goes on for ever"),
        };
        assert!(result.is_ok() && messages == many.cast_unsigned() - 1, "{messages}");
    }

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
