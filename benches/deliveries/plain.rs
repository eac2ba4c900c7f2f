//! The ceiling: the same bodies, keys and headers, given to the same client library by a loop that stores nothing, judges nothing and
//! remembers nothing.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bugrelay::bugzilla::BugId;
use bugrelay::changeset::Subject;
use bugrelay::connector::{Kind, Outcomes};
use bugrelay::message::{Body, Envelope, MessageId};
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use tokio::runtime::Runtime;

use crate::bus::{Bus, Place};
use crate::{Plan, process};

/// For all of it.
const LIMIT: Duration = Duration::from_secs(300);

/// What a connector would be handed for these bodies.
pub(crate) fn envelopes(bodies: &[String]) -> Vec<Envelope> {
    let envelope = |(sequence, body): (i64, &String)| {
        let read: serde_json::Value = serde_json::from_str(body).expect("a line is JSON");
        let event = |key: &str| read["event"][key].as_str().expect("a text").to_owned();
        let routing_key = event("routing_key");
        Envelope {
            sequence,
            id: MessageId::of("https://bugs.example.org/", &routing_key, &sequence.to_string()),
            origin: Subject::Bug(BugId(read["event"]["bug_id"].as_i64().expect("a number"))).into(),
            change_set: event("change_set"),
            routing_key,
            committed_at_ms: 1_700_000_000_000,
            body: Body { bytes: body.as_bytes().into(), event_bytes: Some(0) },
        }
    };
    (1..).zip(bodies).map(envelope).collect()
}

/// Prints what it took, in this process, and which part of its speed `ours` is.
pub(crate) fn measure(runtime: &Runtime, bus: &Bus, plan: &Plan, envelopes: &[Envelope], ours: f64) {
    let cpu = || process::cpu_seconds(std::process::id());
    let (begun, before) = (Instant::now(), cpu());
    send(runtime, bus, plan.batch, envelopes);
    let wall = begun.elapsed().as_secs_f64();
    let rate = envelopes.len() as f64 / wall;
    println!(
        "  plain loop: {rate:.0} messages/s ({wall:.1} s), {:.1} CPU s; ours is {:.2} of it",
        cpu() - before,
        ours / rate
    );
}

/// All of them, until the last is acknowledged.
pub(crate) fn send(runtime: &Runtime, bus: &Bus, batch: usize, envelopes: &[Envelope]) {
    match bus {
        Bus::File => file(batch, envelopes),
        Bus::Kafka(kafka) => self::kafka(&kafka.servers(), Place::Plain.name(), envelopes),
        Bus::Rabbit(_) => {
            let (kind, keys) = bus.keys(Place::Plain).expect("a broker has keys");
            let keys = toml::from_str(&keys).expect("they are TOML");
            let kind = Kind::parse(kind, keys).expect("a type").unwrap_or_else(|error| panic!("{error}"));
            runtime.block_on(connector(&kind, batch, envelopes));
        }
    }
}

/// A line each, a sync for each batch.
fn file(batch: usize, envelopes: &[Envelope]) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for batch in envelopes.chunks(batch) {
        let lines: Vec<u8> = batch.iter().flat_map(|envelope| [&*envelope.body.bytes, b"\n"].concat()).collect();
        file.write_all(&lines).expect("it is written");
        file.as_file().sync_data().expect("it is synced");
    }
}

/// STOMP has no other client here: ours, without what drives it.
async fn connector(kind: &Kind, batch: usize, envelopes: &[Envelope]) {
    let mut connector = kind.build(LIMIT);
    for batch in envelopes.chunks(batch) {
        let outcomes = Outcomes::new(batch.len());
        connector.send(batch, &outcomes).await;
        assert!(outcomes.take().into_iter().all(|outcome| matches!(outcome, Some(Ok(_)))), "something was not sent");
    }
    connector.close().await;
}

/// As fast as librdkafka's queue takes them; until the last is acknowledged. Its settings are those of the connector.
fn kafka(servers: &str, topic: &str, envelopes: &[Envelope]) {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", servers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.kbytes", "16384")
        .set("linger.ms", "1")
        .set("socket.nagle.disable", "true");
    let context = Acknowledged(Arc::clone(&acknowledged));
    let producer: ThreadedProducer<Acknowledged> = client.create_with_context(context).expect("a producer");
    for envelope in envelopes {
        let (key, properties) = (envelope.lane().to_string(), envelope.properties());
        let headers = properties.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
            headers.insert(Header { key: name, value: Some(value) })
        });
        let mut record = BaseRecord::to(topic).key(&key).payload(&*envelope.body.bytes).headers(headers);
        while let Err((error, back)) = producer.send(record) {
            let code = error.rdkafka_error_code();
            assert_eq!(code, Some(rdkafka::types::RDKafkaErrorCode::QueueFull), "{error}");
            record = back;
            process::nap();
        }
    }
    producer.flush(LIMIT).expect("all is reported");
    assert_eq!(acknowledged.load(Ordering::Relaxed), envelopes.len(), "something was not sent");
}

/// Counts delivery reports that say yes.
struct Acknowledged(Arc<AtomicUsize>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
    }
}
