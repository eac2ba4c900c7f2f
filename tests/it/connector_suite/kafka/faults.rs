//! Brokers that die, hang and come back under a running stream of batches, judged by what a consumer reads in the end.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bugrelay::bugzilla::BugId;
use bugrelay::connector::kafka::KafkaConnector;
use bugrelay::connector::{Connector as _, Outcomes, SendError};
use bugrelay::delivery::{Oversize, verdict};
use bugrelay::failure::Class;
use bugrelay::message::Envelope;
use bugrelay::queue::Entry;

use super::{PATIENCE, connector, envelope, to};
use crate::services::Kafka;

/// A backlog that is sent as delivery does it, without its waits.
struct Stream {
    connector: KafkaConnector,
    waiting: Vec<Entry>,
    next: i64,
    /// What perhaps arrived more than once.
    doubtful: HashSet<i64>,
    failures: Vec<SendError>,
}

impl Stream {
    fn new(connector: KafkaConnector) -> Self {
        Stream { connector, waiting: vec![], next: 1, doubtful: HashSet::new(), failures: vec![] }
    }

    fn add(&mut self, count: i64) {
        let entry = |number| Entry { envelope: envelope(number), perhaps_sent: false, attempts: 0 };
        self.waiting.extend((self.next..self.next + count).map(entry));
        self.next += count;
    }

    /// One attempt of everything that waits.
    async fn attempt(&mut self) {
        let batch: Vec<Envelope> = self.waiting.iter().map(|entry| entry.envelope.clone()).collect();
        let outcomes = Outcomes::new(batch.len());
        self.connector.send(&batch, &outcomes).await;
        let silence = SendError::poison("an envelope without an outcome");
        let verdict = verdict(&self.waiting, outcomes.take(), silence, Oversize::Park, false);
        assert!(verdict.parked.is_empty(), "{:?}", verdict.parked);
        self.doubtful.extend(verdict.perhaps_sent.iter().map(|&index| batch[index].sequence));
        self.waiting = verdict.failed.iter().map(|&index| self.waiting[index].clone()).collect();
        for index in 0..self.waiting.len() {
            self.waiting[index].perhaps_sent |= self.doubtful.contains(&self.waiting[index].envelope.sequence);
        }
        self.failures.extend(verdict.failure);
    }

    async fn drain(&mut self) {
        let deadline = Instant::now() + 3 * PATIENCE;
        while !self.waiting.is_empty() {
            assert!(Instant::now() < deadline, "{} still wait: {:?}", self.waiting.len(), self.failures.last());
            self.attempt().await;
        }
    }

    /// Nothing is lost, nothing unexpected is there, nothing came twice without a doubt, each bug's last word came last.
    fn judge(&self, kafka: &Kafka, topic: &str) {
        let mut times: HashMap<i64, usize> = HashMap::new();
        let mut last: HashMap<BugId, i64> = HashMap::new();
        for record in kafka.read(topic, false) {
            let sequence = record.headers.iter().find(|(name, _)| name == "sequence").unwrap().1.parse().unwrap();
            *times.entry(sequence).or_default() += 1;
            last.insert(BugId(record.key.parse().unwrap()), sequence);
        }
        let lost: Vec<i64> = (1..self.next).filter(|sequence| !times.contains_key(sequence)).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert_eq!(times.len(), usize::try_from(self.next - 1).unwrap(), "unexpected ones");
        let twice: Vec<i64> = times
            .iter()
            .filter(|&(sequence, &n)| n > 1 && !self.doubtful.contains(sequence))
            .map(|(s, _)| *s)
            .collect();
        assert!(twice.is_empty(), "twice without a doubt: {twice:?}");
        for (bug, sequence) in last {
            let expected = (1..self.next).rev().find(|&number| envelope(number).origin.bug().unwrap() == bug).unwrap();
            assert_eq!(sequence, expected, "the last word of bug {bug}");
        }
    }
}

#[tokio::test]
async fn a_broker_that_is_killed_hangs_and_comes_back_loses_nothing_and_keeps_each_bugs_order() {
    let mut kafka = Kafka::start(1);
    kafka.topic("restart", 3, 1, &[]).await;
    let mut stream = Stream::new(connector(&to(&kafka.servers(), "restart"), Duration::from_secs(4)));
    stream.add(300);
    stream.drain().await;
    stream.add(300);
    kafka.kill9(0);
    stream.attempt().await;
    kafka.start_again(0);
    stream.drain().await;

    stream.add(300);
    kafka.stop(0);
    let started = Instant::now();
    stream.attempt().await;
    assert!(started.elapsed() < Duration::from_secs(4), "outcomes are known before the deadline");
    assert_eq!(stream.waiting.len(), 300);
    kafka.cont(0);
    stream.drain().await;
    assert!(stream.failures.iter().all(|failure| failure.class == Class::Transient), "{:?}", stream.failures);
    stream.connector.close().await;
    assert_eq!(kafka.connections(), 0, "of this connector and of those that failed before");
    stream.judge(&kafka, "restart");
}

#[tokio::test]
async fn with_three_brokers_a_killed_leader_costs_nothing_and_too_few_replicas_are_waited_for() {
    let mut kafka = Kafka::start(3);
    kafka.topic("three", 3, 3, &[("min.insync.replicas", "2")]).await;
    let mut stream = Stream::new(connector(&to(&kafka.servers(), "three"), Duration::from_secs(10)));
    stream.add(300);
    stream.drain().await;
    assert!(kafka.leaders("three").contains(&1), "it leads a partition, and is not the controller");
    let mut dead = vec![1];
    kafka.kill9(1);
    stream.add(300);
    stream.drain().await;

    kafka.kill9(2);
    dead.push(2);
    stream.add(300);
    stream.attempt().await;
    assert_eq!(stream.waiting.len(), 300, "one replica is not enough");
    let failure = stream.failures.last().unwrap();
    assert_eq!(failure.class, Class::Transient, "{failure}");

    for node in dead {
        kafka.start_again(node);
    }
    stream.drain().await;
    stream.judge(&kafka, "three");
}
