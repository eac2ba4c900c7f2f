//! Transactions: whoever reads what is committed sees every message once, wherever a sender was cut off.

use std::ops::RangeInclusive;
use std::time::Duration;

use bugrelay::bugzilla::{BugId, CommentId};
use bugrelay::changeset::Subject;
use bugrelay::connector::kafka::KafkaConnector;
use bugrelay::connector::{Arrival, Connector as _, Outcomes};
use bugrelay::failure::Class;
use bugrelay::message::Envelope;

use super::{PATIENCE, bodies, connector, deliver, envelope, to};
use crate::services::Kafka;

fn keys(kafka: &Kafka, topic: &str) -> String {
    format!("{}transactional_id = \"bugrelay-{topic}\"", to(&kafka.servers(), topic))
}

fn committed(kafka: &Kafka, topic: &str) -> Vec<String> {
    kafka.read(topic, true).into_iter().map(|record| record.body).collect()
}

/// Again while it fails for now, as delivery does: brokers that make room for their first transaction ask for patience, and
/// what still runs of a sender that was cut off may throw the next one out.
async fn send_all(connector: &mut KafkaConnector, numbers: RangeInclusive<i64>) {
    send_batch(connector, &numbers.map(envelope).collect::<Vec<_>>()).await;
}

/// Says of each whether it was sent now.
async fn send_batch(connector: &mut KafkaConnector, batch: &[Envelope]) -> Vec<Arrival> {
    for _ in 0..5 {
        match deliver(connector, batch).await.into_iter().collect::<Result<_, _>>() {
            Ok(arrivals) => return arrivals,
            Err(error) => assert_eq!(error.class, Class::Transient, "{error}"),
        }
    }
    panic!("it does not mend itself");
}

#[tokio::test]
async fn a_batch_that_arrived_before_a_crash_is_not_sent_again() {
    let kafka = Kafka::shared();
    kafka.topic("once", 1, 1, &[]).await;
    let mut first = connector(&keys(kafka, "once"), PATIENCE);
    send_all(&mut first, 1..=50).await;
    send_all(&mut first, 51..=100).await;
    // It died before it could note what was sent.
    let mut second = connector(&keys(kafka, "once"), PATIENCE);
    let arrivals = send_batch(&mut second, &(51..=120).map(envelope).collect::<Vec<_>>()).await;
    let known = arrivals.iter().filter(|arrival| **arrival == Arrival::Before).count();
    assert_eq!(known, 50, "what is known to have arrived is not taken for a possible duplicate");
    assert_eq!(committed(kafka, "once"), bodies(1..=120));
}

#[tokio::test]
async fn a_sender_that_is_cut_off_anywhere_is_seen_once_or_not_at_all() {
    let kafka = Kafka::shared();
    kafka.topic("cut", 1, 1, &[]).await;
    let mut expected = 0;
    for round in 0..12_u64 {
        let batch: Vec<Envelope> = (expected + 1..=expected + 40).map(envelope).collect();
        let mut cut = connector(&keys(kafka, "cut"), PATIENCE);
        let outcomes = Outcomes::new(batch.len());
        // From before the first answer to after the commit.
        let limit = Duration::from_millis(20 + round * 40);
        let _ = tokio::time::timeout(limit, cut.send(&batch, &outcomes)).await;
        send_all(&mut connector(&keys(kafka, "cut"), PATIENCE), expected + 1..=expected + 40).await;
        expected += 40;
    }
    assert_eq!(committed(kafka, "cut"), bodies(1..=expected));
}

#[tokio::test]
async fn a_batch_that_arrived_is_known_again_in_smaller_ones_and_without_its_ends() {
    let kafka = Kafka::shared();
    // The topics differ at both ends of the batch.
    for topic in ["again.bug.create", "again.bug.modify", "again.comment.create"] {
        kafka.topic(topic, 1, 1, &[]).await;
    }
    let keys = format!(
        "bootstrap_servers = \"{}\"\ntopic_template = \"again.{{target}}.{{action}}\"\ntransactional_id = \"again\"",
        kafka.servers()
    );
    let of = |number: i64, key: &str| Envelope { routing_key: key.into(), ..envelope(number) };
    let mut batch: Vec<Envelope> = (1..=30).map(|number| of(number, "bug.modify")).collect();
    batch[0] = of(1, "bug.create");
    let origin = Subject::Comment(BugId(30), CommentId(30)).into();
    batch[29] = Envelope { origin, ..of(30, "comment.create") };
    send_batch(&mut connector(&keys, PATIENCE), &batch).await;
    let mut smaller = connector(&keys, PATIENCE);
    for part in batch.chunks(10) {
        send_batch(&mut smaller, part).await;
    }
    for part in [&batch[1..], &batch[..29], &batch[10..20]] {
        let arrivals = send_batch(&mut connector(&keys, PATIENCE), part).await;
        assert!(arrivals.iter().all(|arrival| *arrival == Arrival::Before));
    }
    assert_eq!(committed(kafka, "again.bug.create"), bodies(1..=1));
    assert_eq!(committed(kafka, "again.bug.modify"), bodies(2..=29));
    assert_eq!(committed(kafka, "again.comment.create"), bodies(30..=30));
}

#[tokio::test]
async fn a_message_that_was_set_aside_and_put_back_between_others_that_arrived_is_sent() {
    let kafka = Kafka::shared();
    kafka.topic("back", 1, 1, &[]).await;
    let batch: Vec<Envelope> = (1..=6).map(envelope).collect();
    let without_four: Vec<Envelope> = batch.iter().filter(|envelope| envelope.sequence != 4).cloned().collect();
    send_batch(&mut connector(&keys(kafka, "back"), PATIENCE), &without_four).await;
    // It died before it could note what was sent, and somebody had the fourth tried again.
    let mut second = connector(&keys(kafka, "back"), PATIENCE);
    for part in batch.chunks(2) {
        send_batch(&mut second, part).await;
    }
    let expected: Vec<String> = [1..=3, 5..=6, 4..=4].into_iter().flat_map(bodies).collect();
    assert_eq!(committed(kafka, "back"), expected);
}
