//! What every connector must do, run over each of them; what one alone does stands beside it.

mod amqp;
mod fedmsg;
mod file;
mod kafka;
pub(crate) mod stomp;
mod webhook;

use std::path::Path;

use crate::scripted::{Behaviour, Script};
use async_trait::async_trait;
use bugrelay::bugzilla::{AttachmentId, BugId, CommentId};
use bugrelay::changeset::Subject;
use bugrelay::connector::{Arrival, Connector, Outcome, Outcomes, SendError};
use bugrelay::failure::Class;
use bugrelay::message::{Body, Envelope, MessageId};

/// A bus, as its consumers and its operator have it.
#[async_trait]
pub(crate) trait Bus: Sync {
    /// A connector to it, not connected yet.
    fn connector(&self) -> Box<dyn Connector>;
    /// The bodies that arrived until now, in order.
    async fn arrived(&self) -> Vec<String>;
    /// Makes it unusable.
    async fn break_down(&self);
    /// Makes it usable again.
    async fn mend(&self);
}

/// The whole suite. A connector's own test calls it with its bus.
pub(crate) async fn conforms(bus: &dyn Bus) {
    let mut connector = bus.connector();
    assert_eq!(send(&mut *connector, 1..=1).await, [Ok(Arrival::Now)]);
    assert!(send(&mut *connector, 2..=600).await.iter().all(Result::is_ok));
    assert_eq!(bus.arrived().await, bodies(1..=600), "all that was accepted arrives once, in order");

    bus.break_down().await;
    for outcome in send(&mut *connector, 601..=610).await {
        let error = outcome.expect_err("accepted by a bus that is down");
        assert_ne!(error.class, Class::Poison, "the bus is at fault, not the message");
        assert!(error.message.len() > 20, "an operator can do nothing with {:?}", error.message);
    }
    bus.mend().await;
    assert!(send(&mut *connector, 601..=610).await.iter().all(Result::is_ok), "it does not mend itself");
    connector.close().await;

    let mut another = bus.connector();
    assert!(send(&mut *another, 611..=620).await.iter().all(Result::is_ok));
    another.close().await;
    assert_eq!(bus.arrived().await, bodies(1..=620));
}

/// One batch; every envelope must get an outcome.
pub(crate) async fn send(connector: &mut dyn Connector, numbers: std::ops::RangeInclusive<i64>) -> Vec<Outcome> {
    let batch: Vec<Envelope> = numbers.map(envelope).collect();
    deliver(connector, &batch).await
}

pub(crate) async fn deliver(connector: &mut dyn Connector, batch: &[Envelope]) -> Vec<Outcome> {
    let outcomes = Outcomes::new(batch.len());
    connector.send(batch, &outcomes).await;
    outcomes.take().into_iter().map(|outcome| outcome.expect("an envelope without an outcome")).collect()
}

pub(crate) fn bodies(numbers: std::ops::RangeInclusive<i64>) -> Vec<String> {
    numbers.map(body).collect()
}

fn body(number: i64) -> String {
    format!(r#"{{"event":{{"number":{number}}}}}"#)
}

pub(crate) fn envelope(number: i64) -> Envelope {
    Envelope {
        sequence: number,
        id: MessageId::of("https://bugzilla.example.org/", "bug.modify", &number.to_string()),
        routing_key: "bug.modify".into(),
        origin: Subject::Bug(BugId(number % 7 + 1)).into(),
        change_set: format!("1.{number}.1"),
        committed_at_ms: 1_700_000_000_000,
        body: Body { bytes: body(number).into_bytes().into(), event_bytes: None },
    }
}

/// What the cases of Bugzilla's life (`tests/case`) tell, as it leaves.
pub(crate) fn messages_of_the_cases() -> Vec<Envelope> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/case");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<String> = files.into_iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let bodies = texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("-- -> "));
    (1..).zip(bodies).map(|(number, body)| told(number, body)).collect()
}

fn told(number: i64, body: &str) -> Envelope {
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    let event = &value["event"];
    let text = |key: &str| event[key].as_str().unwrap().to_owned();
    let is_public = value.as_object().unwrap().len() > 1;
    let body = Body { bytes: body.as_bytes().into(), event_bytes: is_public.then_some(1) };
    let bug = BugId(event["bug_id"].as_i64().unwrap());
    // Of what is not a bug itself the number is in no header.
    let origin = match event["target"].as_str().unwrap() {
        "comment" => Subject::Comment(bug, CommentId(1)),
        "attachment" => Subject::Attachment(bug, AttachmentId(1)),
        _ => Subject::Bug(bug),
    }
    .into();
    Envelope { routing_key: text("routing_key"), change_set: text("change_set"), origin, body, ..envelope(number) }
}

#[async_trait]
impl Bus for Script {
    fn connector(&self) -> Box<dyn Connector> {
        Box::new(Script::connector(self))
    }
    async fn arrived(&self) -> Vec<String> {
        let text = |envelope: &Envelope| String::from_utf8(envelope.body.bytes.to_vec()).unwrap();
        self.seen().arrived.iter().map(text).collect()
    }
    async fn break_down(&self) {
        self.always(Behaviour::Fail(SendError::transient("the script says that it is down")));
    }
    async fn mend(&self) {
        self.always(Behaviour::Accept);
    }
}

#[tokio::test]
async fn the_scripted_connector_conforms() {
    conforms(&Script::new()).await;
}
