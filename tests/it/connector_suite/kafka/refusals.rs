//! What a broker, or the client before it, refuses of a batch: it alone is parked, whatever surrounds it.

use bugrelay::connector::kafka::KafkaConnector;
use bugrelay::connector::{Connector as _, Outcomes, SendError};
use bugrelay::failure::Class;
use bugrelay::message::Envelope;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::{PATIENCE, assert_sent, bodies, connector, deliver, envelope, send, sized, to};
use crate::services::Kafka;

/// The topic takes less than this, and librdkafka takes more.
const TOO_LARGE: usize = 5_000;
/// Beyond librdkafka's own limit.
const FAR_TOO_LARGE: usize = 1_100_000;

async fn small_topic(kafka: &Kafka, name: &str) {
    kafka.topic(name, 1, 1, &[("max.message.bytes", "3000")]).await;
}

fn transactional(kafka: &Kafka, topic: &str) -> String {
    format!("{}transactional_id = \"bugrelay-{topic}\"", to(&kafka.servers(), topic))
}

/// Again and again what waits, as delivery does it, without its waits; the numbers of what was parked.
async fn drain(connector: &mut KafkaConnector, mut waiting: Vec<Envelope>) -> Vec<i64> {
    let mut parked = vec![];
    for _ in 0..12 {
        let outcomes = deliver(connector, &waiting).await;
        let mut left = vec![];
        for (envelope, outcome) in waiting.into_iter().zip(outcomes) {
            match outcome {
                Ok(_) => {}
                Err(error) if error.class == Class::Poison => parked.push(envelope.sequence),
                Err(error) => {
                    assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false), "{error}");
                    left.push(envelope);
                }
            }
        }
        waiting = left;
        if waiting.is_empty() {
            return parked;
        }
    }
    panic!("{} still wait", waiting.len());
}

fn sizes(kafka: &Kafka, topic: &str) -> Vec<usize> {
    kafka.read(topic, true).iter().map(|record| record.body.len()).collect()
}

#[tokio::test]
async fn a_message_that_the_broker_refuses_takes_none_of_its_transaction_with_it() {
    let kafka = Kafka::shared();
    small_topic(kafka, "transaction-small").await;
    let mut connector = connector(&transactional(kafka, "transaction-small"), PATIENCE);
    let batch = vec![sized(1, 101), sized(2, TOO_LARGE)];
    assert_eq!(drain(&mut connector, batch).await, [2]);
    let batch = vec![sized(3, 103), sized(4, FAR_TOO_LARGE), sized(5, 105), sized(6, TOO_LARGE), sized(7, 107)];
    assert_eq!(drain(&mut connector, batch).await, [4, 6]);
    assert_eq!(sizes(kafka, "transaction-small"), [101, 103, 105, 107], "each of the others once, in order");
}

#[tokio::test]
async fn a_crash_makes_no_message_sent_that_the_client_refused() {
    let kafka = Kafka::shared();
    small_topic(kafka, "transaction-crash").await;
    let batch = vec![sized(1, 101), sized(2, FAR_TOO_LARGE), sized(3, 103)];
    for _ in 0..3 {
        // It dies before what it did is noted, wherever it is.
        let outcomes = Outcomes::new(batch.len());
        connector(&transactional(kafka, "transaction-crash"), PATIENCE).send(&batch, &outcomes).await;
    }
    let mut last = connector(&transactional(kafka, "transaction-crash"), PATIENCE);
    assert_eq!(drain(&mut last, batch).await, [2]);
    assert_eq!(sizes(kafka, "transaction-crash"), [101, 103]);
}

#[tokio::test]
async fn messages_travel_together_again_once_the_one_at_fault_is_found() {
    let kafka = Kafka::shared();
    small_topic(kafka, "together-again").await;
    let mut connector = connector(&to(&kafka.servers(), "together-again"), PATIENCE);
    for round in 0..2 {
        let batch = [sized(10 * round + 1, 101), sized(10 * round + 2, TOO_LARGE), sized(10 * round + 3, 103)];
        let together = deliver(&mut connector, &batch).await.swap_remove(0).unwrap_err();
        assert!(together.message.contains("refused together"), "{together}");
        let alone = deliver(&mut connector, &batch).await;
        assert_eq!(alone[1].as_ref().unwrap_err().class, Class::Poison);
        assert!(alone[0].is_ok() && alone[2].is_ok(), "{alone:?}");
    }
    assert_eq!(sizes(kafka, "together-again"), [101, 103, 101, 103]);
}

#[tokio::test]
async fn a_queue_with_room_for_one_message_parks_none() {
    let kafka = Kafka::shared();
    kafka.topic("room", 1, 1, &[]).await;
    let options = "[options]\n\"queue.buffering.max.messages\" = 1\n\"linger.ms\" = 0";
    let mut narrow = connector(&format!("{}{options}", to(&kafka.servers(), "room")), PATIENCE);
    assert_sent(&send(&mut narrow, 1..=300).await);
    assert_eq!(kafka.read("room", false).into_iter().map(|record| record.body).collect::<Vec<_>>(), bodies(1..=300));
    // Larger than the whole of it is another matter.
    let options = "[options]\n\"queue.buffering.max.kbytes\" = 1\n\"batch.size\" = 500";
    let mut low = connector(&format!("{}{options}", to(&kafka.servers(), "room")), PATIENCE);
    assert_eq!(drain(&mut low, vec![sized(301, 900), sized(302, 2_000), sized(303, 900)]).await, [302]);
}

#[tokio::test]
async fn a_topic_that_takes_no_message_of_now_parks_none_and_calls_a_person() {
    let kafka = Kafka::shared();
    // As with a clock that is wrong: what waited for others to go with is too old.
    kafka.topic("yesterday", 1, 1, &[("message.timestamp.before.max.ms", "0")]).await;
    let keys = format!("{}[options]\n\"linger.ms\" = 50", to(&kafka.servers(), "yesterday"));
    let mut connector = connector(&keys, PATIENCE);
    for outcome in send(&mut connector, 1..=3).await {
        let error = outcome.unwrap_err();
        assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false), "{error}");
    }
    let error = refusal_of_one(&keys).await;
    assert_eq!((error.class, error.perhaps_delivered), (Class::Misconfigured, false), "{error}");
    assert!(error.message.contains("set the clocks right"), "{error}");
}

async fn refusal_of_one(keys: &str) -> SendError {
    send(&mut connector(keys, PATIENCE), 1..=1).await.swap_remove(0).unwrap_err()
}

/// An imitation: a real broker says this of a record by itself only when its own code finds it damaged.
fn broker_that_calls_invalid(topic: &str, times: usize) -> MockCluster<'static, DefaultProducerContext> {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(topic, 1, 1).unwrap();
    mock.request_errors(RDKafkaApiKey::Produce, &vec![RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD; times]);
    mock
}

#[tokio::test]
async fn where_every_message_is_called_invalid_none_is_parked() {
    let mock = broker_that_calls_invalid("all", 50);
    let keys = to(&mock.bootstrap_servers(), "all");
    let mut connector = connector(&keys, PATIENCE);
    for _ in 0..3 {
        for error in send(&mut connector, 1..=3).await.into_iter().map(Result::unwrap_err) {
            assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false), "{error}");
        }
    }
    let error = refusal_of_one(&keys).await;
    assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false), "{error}");
    assert!(error.message.contains("calls it invalid"), "{error}");
}

#[tokio::test]
async fn a_message_that_is_called_invalid_is_parked_once_another_is_taken() {
    // Together, and then by itself.
    let mock = broker_that_calls_invalid("one", 2);
    let mut connector = connector(&to(&mock.bootstrap_servers(), "one"), PATIENCE);
    assert_eq!(drain(&mut connector, (1..=3).map(envelope).collect()).await, [1]);
}
