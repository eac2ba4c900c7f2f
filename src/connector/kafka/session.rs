//! One producer: opened, proven by the brokers' first answer, handed records, closed. Knows no batch and never tries again.
//!
//! Whatever blocks runs on threads that may, the end of the producer too. A session that failed is dropped and never used
//! again: the next one connects anew, and reads certificates anew.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::super::SendError;
use super::failure;

/// The first wait for an answer; brokers that refuse us say so earlier.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Before it is asked again for a topic that is not there.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// librdkafka's producer, with its own thread for reports.
pub(super) type Producer = ThreadedProducer<Watch>;

/// See the module.
pub(super) struct Session {
    /// `None` only while it is dropped.
    producer: Option<Arc<Producer>>,
    servers: String,
    work: TaskTracker,
}

/// What the brokers answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Brokers in the cluster.
    pub(super) brokers: usize,
    /// Partitions of the topic.
    pub(super) partitions: usize,
}

/// What librdkafka tells beside the calls: delivery reports, and trouble with connections.
#[derive(Debug, Default)]
pub(super) struct Watch {
    reports: Mutex<Vec<Report>>,
    news: Notify,
    trouble: Mutex<Trouble>,
}

/// The fate of the record with this index of its batch.
pub(super) type Report = (usize, Result<(), Code>);

#[derive(Debug, Default)]
struct Trouble {
    last: Option<(Code, String)>,
    /// No broker was left at some moment.
    all_down: bool,
}

impl Session {
    /// A producer that has not connected yet. `work` counts all that it blocks threads with, its end too.
    pub(super) async fn open(client: ClientConfig, servers: &str, work: &TaskTracker) -> Result<Self, SendError> {
        let (servers, tracker) = (servers.to_owned(), work.clone());
        let opened = work.spawn_blocking(move || {
            let producer: Producer = client.create_with_context(Watch::default()).map_err(|error| {
                let reason = if let KafkaError::ClientCreation(reason) = error { reason } else { String::new() };
                SendError::misconfigured(format!("librdkafka cannot begin: {reason}; correct the connector's keys"))
            })?;
            Ok(Session { producer: Some(Arc::new(producer)), servers, work: tracker })
        });
        opened.await.map_err(|_| panicked())?
    }

    /// Waits until the brokers tell of these topics; missing ones may still appear for a while (`propagation`).
    pub(super) async fn prove(
        &self,
        topics: &BTreeSet<String>,
        deadline: Instant,
        propagation: Duration,
    ) -> Result<Seen, SendError> {
        let mut seen = Seen::default();
        for topic in topics {
            seen = self.prove_topic(topic, deadline, propagation).await?;
        }
        Ok(seen)
    }

    /// Waits until the brokers tell anything of a topic, be it that it is not there.
    pub(super) async fn reach(&self, topic: &str, deadline: Instant) -> Result<(), SendError> {
        let mut wait = FIRST_WAIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.ask(topic, wait.min(left)).await? {
                Ok(_) => return Ok(()),
                Err(code) if left.is_zero() || self.is_lost() => return Err(self.explain(code)),
                Err(_) => wait *= 2,
            }
        }
    }

    async fn prove_topic(&self, topic: &str, deadline: Instant, propagation: Duration) -> Result<Seen, SendError> {
        let (started, mut wait) = (Instant::now(), FIRST_WAIT);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.ask(topic, wait.min(left)).await? {
                Ok((seen, None)) => return Ok(seen),
                Ok((_, Some(code))) => {
                    let may_appear = matches!(code, Code::UnknownTopicOrPartition | Code::LeaderNotAvailable);
                    if !may_appear || started.elapsed() >= propagation {
                        return Err(failure::of_nothing_sent(code, &self.place(topic)));
                    }
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Err(code) if left.is_zero() || self.is_lost() => return Err(self.explain(code)),
                Err(_) => wait *= 2,
            }
        }
    }

    /// What the brokers tell of a topic; the inner error: no answer came.
    async fn ask(&self, topic: &str, wait: Duration) -> Result<Result<(Seen, Option<Code>), Code>, SendError> {
        let topic = topic.to_owned();
        self.blocking(move |producer| {
            let answer = producer.client().fetch_metadata(Some(&topic), wait);
            let metadata = answer.map_err(|error| error.rdkafka_error_code().unwrap_or(Code::Fail))?;
            let topic = metadata.topics().first();
            let seen = Seen {
                brokers: metadata.brokers().len(),
                partitions: topic.map_or(0, |topic| topic.partitions().len()),
            };
            Ok((seen, topic.and_then(|topic| topic.error()).map(Code::from)))
        })
        .await
    }

    /// Runs what blocks. The producer lives until it is done, though nobody may wait for it any more.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Producer) -> T + Send + 'static,
    ) -> Result<T, SendError> {
        let producer = self.producer.clone().ok_or_else(|| SendError::transient("the producer is closed"))?;
        self.work.spawn_blocking(move || work(&producer)).await.map_err(|_| panicked())
    }

    /// Puts a record into librdkafka's queue; copies it. Never waits.
    pub(super) fn hand_over(&self, record: BaseRecord<'_, str, [u8], usize>) -> Result<(), Code> {
        let Some(producer) = &self.producer else { return Err(Code::Fail) };
        producer.send(record).map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(Code::Fail))
    }

    /// Whether librdkafka holds no record, reported or not.
    pub(super) fn is_empty(&self) -> bool {
        self.producer.as_ref().is_none_or(|producer| producer.in_flight_count() == 0)
    }

    /// The reports that came since the last call.
    pub(super) fn reports(&self) -> Vec<Report> {
        self.watch().map(|watch| std::mem::take(&mut *lock(&watch.reports))).unwrap_or_default()
    }

    /// Until there are reports again.
    pub(super) async fn news(&self) {
        match self.watch() {
            Some(watch) => watch.news.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Takes back what was not handed to a broker yet; each gets its report.
    pub(super) fn purge_queue(&self) {
        self.purge(PurgeConfig::default().queue());
    }

    /// Gives up on everything; each gets its report.
    pub(super) fn purge_all(&self) {
        self.purge(PurgeConfig::default().queue().inflight());
    }

    fn purge(&self, what: PurgeConfig) {
        if let Some(producer) = &self.producer {
            producer.purge(what.non_blocking());
        }
    }

    /// Whether no broker was left at some moment.
    pub(super) fn is_lost(&self) -> bool {
        self.watch().is_none_or(|watch| lock(&watch.trouble).all_down)
    }

    /// What made the producer useless, if it is.
    pub(super) fn fatal(&self) -> Option<Code> {
        self.producer.as_ref()?.client().fatal_error().map(|(code, _)| code)
    }

    /// Why the brokers do not answer; `code` is what a call said that got no answer.
    pub(super) fn explain(&self, code: Code) -> SendError {
        let trouble = self.watch().and_then(|watch| lock(&watch.trouble).last.clone());
        let (code, reason) = trouble.unwrap_or_else(|| (code, format!("{code:?}")));
        failure::of_connection(code, &reason, &self.servers)
    }

    /// Where a topic is, for error texts.
    pub(super) fn place(&self, topic: &str) -> String {
        format!("{}, topic {topic}", self.servers)
    }

    /// The same for what is about no topic.
    pub(super) fn place_of_transaction(&self) -> String {
        format!("{}, transaction", self.servers)
    }

    fn watch(&self) -> Option<&Arc<Watch>> {
        self.producer.as_ref().map(|producer| producer.context())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of a producer waits for its threads.
        if let (Some(producer), Ok(runtime)) = (self.producer.take(), Handle::try_current()) {
            self.work.spawn_blocking_on(move || drop(producer), &runtime);
        }
    }
}

impl ClientContext for Watch {
    /// Host names and codes; never a message. At level debug: what fails a delivery is told once, by the delivery.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!(facility, text, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        tracing::debug!(?code, reason, "librdkafka has trouble");
        let mut trouble = lock(&self.trouble);
        if code == Code::AllBrokersDown {
            trouble.all_down = true;
            return;
        }
        // A refusal says more than the lost connection that follows it.
        let is_refusal = |code| matches!(code, Code::Authentication | Code::SSL | Code::Fatal);
        if !trouble.last.as_ref().is_some_and(|(last, _)| is_refusal(*last)) || is_refusal(code) {
            trouble.last = Some((code, reason.to_owned()));
        }
    }

    /// Nobody asked for them.
    fn stats_raw(&self, _: &[u8]) {}
}

impl ProducerContext for Watch {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let fate = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(Code::Fail)),
        };
        let mut reports = lock(&self.reports);
        reports.push((index, fate));
        // Who is woken takes all there are: one wake-up for those that come together.
        let is_first = reports.len() == 1;
        drop(reports);
        if is_first {
            self.news.notify_one();
        }
    }
}

impl ConsumerContext for Watch {}

fn panicked() -> SendError {
    SendError::transient("the Kafka client panicked; please report this")
}

/// A panic elsewhere makes a list of reports no less true.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
