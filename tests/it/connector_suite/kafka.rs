//! The Kafka connector on a real Apache Kafka: where records land, what is refused, and what it says to the operator.

mod faults;
mod refusals;
mod transactions;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bugrelay::connector::kafka::{KafkaConfig, KafkaConnector};
use bugrelay::connector::{Connector, Kind, Outcome, SendError};
use bugrelay::failure::Class;
use bugrelay::message::{Body, Endpoint, Envelope, Origin};

use super::{Bus, bodies, conforms, deliver, envelope, send};
use crate::services::{Kafka, Record};

/// Longer than a broker takes to come back on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The keys of a connector, and how it is built from them.
fn connector(keys: &str, timeout: Duration) -> KafkaConnector {
    KafkaConnector::new(toml::from_str::<KafkaConfig>(keys).unwrap(), timeout)
}

fn to(servers: &str, topic: &str) -> String {
    format!("bootstrap_servers = \"{servers}\"\ntopic = \"{topic}\"\n")
}

fn assert_sent(outcomes: &[Outcome]) {
    let failure = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
    assert!(failure.is_none(), "{}", failure.unwrap());
}

/// The first envelope's failure.
async fn refusal(keys: &str) -> SendError {
    send(&mut connector(keys, PATIENCE), 1..=2).await.swap_remove(0).unwrap_err()
}

fn sized(number: i64, bytes: usize) -> Envelope {
    Envelope { body: Body { bytes: vec![b'x'; bytes].into(), event_bytes: None }, ..envelope(number) }
}

/// A topic of one partition on a broker that goes down and comes back.
struct Broker(Mutex<Kafka>);

#[async_trait]
impl Bus for Broker {
    fn connector(&self) -> Box<dyn Connector> {
        Box::new(connector(&to(&self.0.lock().unwrap().servers(), "suite"), PATIENCE))
    }
    async fn arrived(&self) -> Vec<String> {
        self.0.lock().unwrap().read("suite", false).into_iter().map(|record| record.body).collect()
    }
    async fn break_down(&self) {
        self.0.lock().unwrap().shut_down(0);
    }
    async fn mend(&self) {
        self.0.lock().unwrap().start_again(0);
    }
}

#[tokio::test]
async fn the_kafka_connector_conforms() {
    let kafka = Kafka::start(1);
    kafka.topic("suite", 1, 1, &[]).await;
    conforms(&Broker(Mutex::new(kafka))).await;
}

/// The hash that Java's clients choose a partition by.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ u32::try_from(data.len()).unwrap();
    let mut words = data.chunks_exact(4);
    for word in words.by_ref() {
        let mut k = u32::from_le_bytes(word.try_into().unwrap()).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, &byte| (tail << 8) | u32::from(byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[tokio::test]
async fn a_bugs_messages_land_where_java_clients_put_its_id_in_order() {
    // As Kafka's own tests have them.
    for (text, hash) in [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
    {
        assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
    }
    let kafka = Kafka::shared();
    kafka.topic("keys", 12, 1, &[]).await;
    let mut connector = connector(&to(&kafka.servers(), "keys"), PATIENCE);
    assert_sent(&send(&mut connector, 1..=700).await);
    let records = kafka.read("keys", false);
    assert_eq!(records.len(), 700);
    let mut last: HashMap<&str, i64> = HashMap::new();
    for Record { partition, key, headers, .. } in &records {
        let expected = (murmur2(key.as_bytes()) & 0x7fff_ffff) % 12;
        assert_eq!(u32::try_from(*partition).unwrap(), expected, "bug {key}");
        let sequence = headers.iter().find(|(name, _)| name == "sequence").unwrap().1.parse().unwrap();
        assert!(last.insert(key, sequence).is_none_or(|before| before < sequence), "bug {key}: {sequence} is late");
    }
}

#[tokio::test]
async fn the_properties_travel_as_headers_and_the_body_as_it_is() {
    let kafka = Kafka::shared();
    kafka.topic("bugzilla.bug.modify", 1, 1, &[]).await;
    let keys =
        format!("bootstrap_servers = \"{}\"\ntopic_template = \"bugzilla.{{target}}.{{action}}\"", kafka.servers());
    let public = Envelope { body: Body { event_bytes: Some(3), ..envelope(1).body }, ..envelope(1) };
    let mut connector = connector(&format!("{keys}\ncompression = \"zstd\""), PATIENCE);
    assert_sent(&deliver(&mut connector, &[public.clone(), envelope(2)]).await);
    let records = kafka.read("bugzilla.bug.modify", false);
    let told: HashMap<&str, &str> = records[0].headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let id = public.id.to_string();
    let expected = [
        ("message_id", id.as_str()),
        ("routing_key", "bug.modify"),
        ("bug_id", "2"),
        ("change_set", "1.1.1"),
        ("sequence", "1"),
        ("is_private", "false"),
        ("content_type", "application/json"),
    ];
    assert_eq!(told, HashMap::from(expected));
    assert_eq!(records[1].headers[5], ("is_private".to_owned(), "true".to_owned()));
    assert_eq!(records.iter().map(|record| record.body.clone()).collect::<Vec<_>>(), bodies(1..=2));
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_told_to_that_person_within_the_deadline() {
    let kafka = Kafka::shared();
    kafka.topic("told", 1, 1, &[]).await;
    let sasl = |password: &str| {
        let login = "security_protocol = \"sasl_plaintext\"\nsasl_mechanism = \"PLAIN\"\nsasl_username = \"relay\"";
        format!("{}{login}\nsasl_password = \"{password}\"", to(&kafka.sasl_servers(), "told"))
    };
    let tls = |ca: &str| {
        format!("{}security_protocol = \"ssl\"\nssl_ca_location = \"{ca}\"", to(&kafka.tls_servers(), "told"))
    };
    let told = [
        (to(&kafka.servers(), "missing"), "topic missing: the topic does not exist; create it"),
        (sasl("secret"), "not authorised for the topic"),
        (sasl("hunter2"), "the login is refused"),
        (tls(&kafka.another_ca()), "certificate"),
        (tls("/nowhere/ca.pem"), "ssl.ca.location"),
    ];
    for (keys, text) in told {
        let started = Instant::now();
        let error = refusal(&keys).await;
        assert_eq!(error.class, Class::Misconfigured, "{error}");
        assert!(error.message.contains(text) && !error.message.contains("hunter2"), "{error}");
        assert!(!error.perhaps_delivered, "{error}");
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}: {error}", started.elapsed());
    }
    assert_sent(&send(&mut connector(&tls(&kafka.ca()), PATIENCE), 1..=2).await);
    assert_eq!(kafka.read("told", false).len(), 2, "none of those that were refused");
}

fn relayed(number: i64, topic: &str) -> Envelope {
    Envelope { routing_key: topic.to_owned(), origin: Origin::Relay(Endpoint::Zeromq), ..envelope(number) }
}

#[tokio::test]
async fn a_script_that_chose_a_topic_that_kafka_does_not_have_holds_up_nobody() {
    let kafka = Kafka::shared();
    for topic in ["chosen.bug.modify", "chosen.relay.org.there"] {
        kafka.topic(topic, 1, 1, &[]).await;
    }
    for transactional in ["", "\ntransactional_id = \"chosen\""] {
        let template = "topic_template = \"chosen.{target}.{action}\"";
        let keys = format!("bootstrap_servers = \"{}\"\n{template}{transactional}", kafka.servers());
        let mut connector = connector(&keys, PATIENCE);
        // Alone at first, so that nothing but such a topic is known of the brokers. Who coordinates a transaction is found out first.
        let mut alone = SendError::transient("not sent yet");
        for _ in 0..10 {
            if alone.class == Class::Transient {
                alone = deliver(&mut connector, &[relayed(1, "org.missing")]).await.swap_remove(0).unwrap_err();
            }
        }
        assert_eq!(alone.class, Class::Poison, "{alone}");
        assert!(
            alone.message.contains("topic chosen.relay.org.missing") && alone.message.contains("`targets`"),
            "{alone}"
        );
        let batch =
            [envelope(2), relayed(3, "org.missing"), relayed(4, "org.there"), relayed(5, "org.lost"), envelope(6)];
        let (mut waiting, mut parked) = (batch.to_vec(), vec![]);
        // Of a transaction all others go in the next attempt, or in a later one of a broker that is slow.
        let until = Instant::now() + PATIENCE;
        while !waiting.is_empty() && Instant::now() < until {
            let outcomes = deliver(&mut connector, &waiting).await;
            let is_parked = |outcome: &Outcome| outcome.as_ref().is_err_and(|error| error.class == Class::Poison);
            let failed = waiting.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_err());
            let (poison, left): (Vec<_>, Vec<_>) = failed.partition(|(_, outcome)| is_parked(outcome));
            parked.extend(poison.into_iter().map(|(envelope, _)| envelope.sequence));
            waiting = left.into_iter().map(|(envelope, _)| envelope.clone()).collect();
        }
        assert_eq!((parked, waiting.len()), (vec![3, 5], 0), "{transactional}");
    }
    assert_eq!(kafka.read("chosen.bug.modify", true).len(), 4);
    assert_eq!(kafka.read("chosen.relay.org.there", true).len(), 2);
    let error = deliver(&mut connector(&to(&kafka.servers(), "nowhere"), PATIENCE), &[relayed(1, "org.x")])
        .await
        .swap_remove(0)
        .unwrap_err();
    assert_eq!(error.class, Class::Misconfigured, "no script chose it: {error}");
}

#[tokio::test]
async fn a_broker_that_is_down_certainly_got_nothing_and_is_named() {
    let started = Instant::now();
    let error = refusal(&to("127.0.0.1:9", "any")).await;
    assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false));
    assert!(error.message.contains("no broker answers at 127.0.0.1:9") && error.message.contains("refused"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_message_that_is_too_large_is_poison_and_the_rest_flows() {
    let kafka = Kafka::shared();
    kafka.topic("small", 1, 1, &[("max.message.bytes", "3000")]).await;
    let mut connector = connector(&to(&kafka.servers(), "small"), PATIENCE);
    // The first is larger than the client lets out, the other one than the topic takes.
    let mut waiting: Vec<Envelope> = (1..=40).map(|number| sized(number, 100 + number as usize)).collect();
    waiting[9] = sized(10, 1_100_000);
    waiting[19] = sized(20, 5_000);
    assert_eq!(waiting.iter().filter(|envelope| !connector.fits(envelope)).count(), 1, "what is known beforehand");
    let (mut attempts, mut poison) = (0, vec![]);
    while !waiting.is_empty() {
        attempts += 1;
        assert!(attempts <= 3, "{} still wait", waiting.len());
        let outcomes = deliver(&mut connector, &waiting).await;
        let mut left = vec![];
        for (envelope, outcome) in waiting.into_iter().zip(outcomes) {
            match outcome {
                Ok(_) => {}
                Err(error) if error.class == Class::Poison => {
                    assert!(error.too_large && error.message.contains("max.message.bytes"), "{error}");
                    poison.push(envelope.sequence);
                }
                Err(error) => {
                    assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false), "{error}");
                    left.push(envelope);
                }
            }
        }
        waiting = left;
    }
    assert_eq!(poison, [10, 20]);
    let mut sizes: Vec<usize> = kafka.read("small", false).iter().map(|record| record.body.len()).collect();
    sizes.sort_unstable();
    let expected: Vec<usize> =
        (1..=40).filter(|number| ![10, 20].contains(number)).map(|number| 100 + number).collect();
    assert_eq!(sizes, expected, "each of the others once");
}

#[tokio::test]
async fn check_says_what_it_sees_and_sends_nothing() {
    let kafka = Kafka::shared();
    kafka.topic("seen", 3, 1, &[]).await;
    let check = async |keys: String| {
        let kind = Kind::parse("kafka", toml::from_str(&keys).unwrap()).unwrap().unwrap();
        kind.check().await
    };
    let found = check(to(&kafka.servers(), "seen")).await.unwrap();
    assert!(found.contains("1 brokers") && found.contains("seen (3 partitions)"), "{found}");
    let missing = check(to(&kafka.servers(), "unseen")).await.unwrap_err();
    assert_eq!(missing.class, Class::Misconfigured, "{missing}");
    let away = check(to("127.0.0.1:9", "seen")).await.unwrap_err();
    assert_eq!(away.class, Class::Transient, "{away}");
    assert!(kafka.read("seen", false).is_empty());
}
