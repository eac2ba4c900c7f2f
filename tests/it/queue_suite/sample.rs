//! Messages to put, and short ways to say what a test does with them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bugrelay::bugzilla::{BugId, CommentId, LocalTime};
use bugrelay::changeset::{Kind, Position, Subject};
use bugrelay::failure::Class;
use bugrelay::message::{Body, Envelope, Fact, Message, MessageId};
use bugrelay::queue::{Batch, Checkpoint, Filter, Queue, Settlement, Standing, Subscriber};

/// A comment, told in so many bytes; the text names its id, so that it can be searched for.
pub(super) fn comment(id: i64, bytes: usize) -> Message {
    let event = r#"{"event":{"action":"create","target":"comment""#;
    let text = secret(id).repeat(bytes.saturating_sub(event.len() + 30) / secret(id).len() + 1);
    let body = format!(r#"{event},"changes":[]}},"comment":{{"body":"{text}"}}}}"#);
    Message {
        id: MessageId::of("https://bugzilla.example.org/", "comment.create", &id.to_string()),
        subject: Subject::Comment(BugId(id / 3 + 1), CommentId(id)),
        kind: Kind::Create,
        change_set: format!("7.1700000000.{id}"),
        product: Some("Firefox".to_owned()),
        committed_at_ms: 1_700_000_000_000 + id,
        facts: vec![Fact::Comment(CommentId(id))],
        saved_at: saved_at(),
        withheld: None,
        body: Body { bytes: body.into_bytes().into(), event_bytes: Some(event.len()) },
    }
}

/// The second of every save here: that of `committed_at_ms`.
pub(super) fn saved_at() -> LocalTime {
    LocalTime::new(2023, 11, 14, 22, 13, 20).unwrap()
}

/// What stands in the text of a comment, and nowhere else.
pub(super) fn secret(id: i64) -> String {
    format!("<text of {id}>")
}

pub(super) fn comments(ids: impl IntoIterator<Item = i64>) -> Vec<Message> {
    ids.into_iter().map(|id| comment(id, 300)).collect()
}

pub(super) fn at(position: &str) -> Checkpoint {
    // Behind all that is told: what is forgotten, and when, is then a question of the retention alone.
    Checkpoint { position: Position(position.to_owned()), committed_at: 4_000_000_000, server: Some("7/1".into()) }
}

pub(super) fn subscriber(connector: &str) -> Subscriber {
    Subscriber { connector: connector.to_owned(), filter: Filter::default() }
}

pub(super) async fn subscribe(queue: &impl Queue, connectors: &[&str]) {
    queue.subscribe(connectors.iter().map(|name| subscriber(name)).collect()).await.unwrap();
}

pub(super) async fn put(queue: &impl Queue, ids: impl IntoIterator<Item = i64>) -> Vec<i64> {
    sequences(&queue.put(comments(ids), at("p")).await.unwrap())
}

pub(super) fn sequences(envelopes: &[Envelope]) -> Vec<i64> {
    envelopes.iter().map(|envelope| envelope.sequence).collect()
}

/// The sequences that wait for a connector.
pub(super) async fn waiting(queue: &impl Queue, connector: &str) -> Vec<i64> {
    let batch = queue.next(connector, usize::MAX).await.unwrap();
    batch.entries.iter().map(|entry| entry.envelope.sequence).collect()
}

/// Of the entries that wait, those that were perhaps sent.
pub(super) fn perhaps(batch: &Batch) -> Vec<i64> {
    batch.entries.iter().filter(|entry| entry.perhaps_sent).map(|entry| entry.envelope.sequence).collect()
}

pub(super) fn done(sequences: impl IntoIterator<Item = i64>) -> Settlement {
    Settlement { done: sequences.into_iter().collect(), ..Settlement::default() }
}

/// All of these failed, for the first time.
pub(super) fn failed(sequences: impl IntoIterator<Item = i64>) -> Settlement {
    Settlement { failed: sequences.into_iter().collect(), standing: unwell(1), ..Settlement::default() }
}

pub(super) fn unwell(attempts: u32) -> Standing {
    let next_attempt: SystemTime = UNIX_EPOCH + Duration::from_secs(1_700_000_005);
    Standing {
        attempts,
        next_attempt: Some(next_attempt),
        last_error: Some("broker at kafka:9092 refused the connection".to_owned()),
        class: Some(Class::Transient),
    }
}
