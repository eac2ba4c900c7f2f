//! The Kafka connector: an idempotent producer, acknowledged by all replicas in sync; a batch is pipelined.
//!
//! Key is the bug's id, so that all messages of a bug meet in one partition, in order. Before a new producer is given
//! anything it must have seen the topics: what fails until then was certainly not sent. The client itself tries again
//! only within the deadline; after any failure that is not a message's own it is thrown away.

mod config;
mod failure;
mod flight;
mod record;
mod session;
mod transaction;

pub use self::config::KafkaConfig;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use self::config::propagation;
use self::flight::{Course, Failure};
use self::session::{Seen, Session};
use self::transaction::Ledger;
use super::{Connector, Outcomes, SendError};
use crate::message::Envelope;

/// How long `check` waits for the brokers.
const LOOK: Duration = Duration::from_secs(10);

impl KafkaConfig {
    /// A transaction is no larger than what can be noted of it with it.
    pub(super) fn batch_max(&self) -> Option<usize> {
        self.transactional_id.as_ref().map(|_| transaction::MESSAGES_MAX)
    }

    /// Asks the brokers for the topics. Sends nothing, and fences no producer.
    pub(super) async fn check(&self) -> Result<String, SendError> {
        let (topics, work) = (self.topics.all(), TaskTracker::new());
        let seen = self.look(&topics, &work).await;
        work.close();
        let _ = timeout(LOOK, work.wait()).await;
        let seen = seen?;
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        Ok(format!(
            "{} ({} brokers) has {} ({} partitions); whether we may write shows when something is sent",
            self.bootstrap_servers,
            seen.brokers,
            names.join(", "),
            seen.partitions
        ))
    }

    async fn look(&self, topics: &BTreeSet<String>, work: &TaskTracker) -> Result<Seen, SendError> {
        let mut client = self.producer(LOOK);
        client.remove("transactional.id").remove("transaction.timeout.ms");
        let session = Session::open(client, &self.bootstrap_servers, work).await?;
        // Who looks by hand need not wait for a topic to appear.
        session.prove(topics, Instant::now() + LOOK, Duration::ZERO).await
    }
}

/// See the module. It connects at the first `send`.
pub struct KafkaConnector {
    config: KafkaConfig,
    /// Deadline of one attempt, as delivery has it.
    timeout: Duration,
    /// Proven, and without a failure until now.
    link: Option<Link>,
    /// The broker refused messages together: each goes by itself, until it is seen which one was at fault.
    alone: bool,
    /// It was seen. After a batch that passes, messages go together again.
    found: bool,
    /// What still runs for this session and for earlier ones.
    work: TaskTracker,
}

struct Link {
    session: Session,
    /// With `transactional_id` only.
    ledger: Option<Ledger>,
}

impl KafkaConnector {
    /// Touches nothing yet. `timeout`: the deadline of each `send`.
    pub fn new(config: KafkaConfig, timeout: Duration) -> Self {
        KafkaConnector { config, timeout, link: None, alone: false, found: false, work: TaskTracker::new() }
    }

    /// What is kept of the deadline, so that every outcome is known before it.
    fn reserve(&self) -> Duration {
        (self.timeout / 5).min(Duration::from_secs(1))
    }

    async fn link(&mut self, batch: &[Envelope], deadline: Instant) -> Result<Link, SendError> {
        if let Some(link) = self.link.take().filter(|link| !link.session.is_lost()) {
            return Ok(link);
        }
        let mut client = self.config.producer(self.timeout);
        if self.alone {
            client.set("batch.num.messages", "1");
        }
        let session = Session::open(client, &self.config.bootstrap_servers, &self.work).await?;
        let topics = self.config.topics.needed(batch);
        session.prove(&topics, deadline, propagation(self.timeout)).await?;
        if let Some(first) = batch.first().filter(|_| topics.is_empty()) {
            session.reach(&self.config.topics.of(first), deadline).await?;
        }
        let ledger = match &self.config.transactional_id {
            Some(id) => Some(Ledger::open(&session, &self.config, id, batch, deadline).await?),
            None => None,
        };
        Ok(Link { session, ledger })
    }

    /// One attempt; `by`: when what is not acknowledged is given up.
    async fn attempt(&self, link: &Link, batch: &[Envelope], outcomes: &Outcomes, by: Instant) -> Result<(), Failure> {
        let (grace, topics) = (self.reserve() / 2, &self.config.topics);
        let all_or_nothing = link.ledger.is_some();
        let course = Course { session: &link.session, topics, alone: self.alone, all_or_nothing, by, grace };
        match &link.ledger {
            None => course.send(batch, outcomes).await,
            Some(ledger) => ledger.send(course, batch, outcomes).await,
        }
    }
}

#[async_trait]
impl Connector for KafkaConnector {
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes) {
        let by = Instant::now() + self.timeout.saturating_sub(self.reserve());
        // Taken out: a deadline that drops this future drops the producer, and with it what it still holds.
        let link = match self.link(batch, by).await {
            Ok(link) => link,
            Err(error) => return outcomes.failed_from(0, &error),
        };
        let result = self.attempt(&link, batch, outcomes, by).await;
        self.found |= self.alone && outcomes.hold_poison();
        match result {
            // Without the link: how messages go is a property of the producer.
            Ok(()) if self.found => (self.alone, self.found) = (false, false),
            Ok(()) => self.link = Some(link),
            Err(failure) => self.alone |= failure.refused_together,
        }
    }

    fn fits(&self, envelope: &Envelope) -> bool {
        record::size(envelope) <= self.config.largest_record()
    }

    async fn close(&mut self) -> u64 {
        // Every outcome was known when `send` returned: there is nothing to flush. But threads of librdkafka that still run
        // when the process ends could crash it.
        self.link = None;
        self.work.close();
        self.work.wait().await;
        0
    }
}
