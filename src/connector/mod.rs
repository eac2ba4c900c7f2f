//! [`Envelope`] -> a bus. A connector sends once: deadline, retry, backlog and metrics are `delivery`'s.

pub mod amqp;
pub mod broker;
pub mod fedmsg;
pub mod file;
pub mod kafka;
pub mod stomp;
pub mod tls;
pub mod webhook;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::failure::Class;
use crate::message::Envelope;

/// The types of connectors that a configuration can name, each with what it has of its own.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Brokers of AMQP 0-9-1.
    Amqp(Box<amqp::AmqpConfig>),
    /// Subscribers of ZeroMQ, as fedmsg has them.
    Fedmsg(fedmsg::FedmsgConfig),
    /// Lines in a file.
    File(file::FileConfig),
    /// Apache Kafka.
    Kafka(kafka::KafkaConfig),
    /// STOMP brokers.
    Stomp(stomp::StompConfig),
    /// Receivers of Standard Webhooks.
    Webhook(webhook::WebhookConfig),
}

impl Kind {
    /// What a configuration may say as `type`.
    pub const NAMES: [&str; 6] = ["amqp", "fedmsg", "file", "kafka", "stomp", "webhook"];

    /// The keys of a type that hold secrets: each may also be given as `X_file` or `X_env`.
    pub fn secrets(name: &str) -> &'static [&'static str] {
        match name {
            "amqp" => &["password"],
            "kafka" => &["sasl_password", "ssl_key_password"],
            "stomp" => &["passcode"],
            "webhook" => &["url", "secret", "previous_secret", "authorization"],
            _ => &[],
        }
    }

    /// From the keys of its own; `None` if there is no such type.
    pub fn parse(name: &str, keys: toml::Table) -> Option<Result<Self, toml::de::Error>> {
        match name {
            "amqp" => Some(keys.try_into().map(Box::new).map(Kind::Amqp)),
            "fedmsg" => Some(keys.try_into().map(Kind::Fedmsg)),
            "file" => Some(keys.try_into().map(Kind::File)),
            "kafka" => Some(keys.try_into().map(Kind::Kafka)),
            "stomp" => Some(keys.try_into().map(Kind::Stomp)),
            "webhook" => Some(keys.try_into().map(Kind::Webhook)),
            _ => None,
        }
    }

    /// The files that its keys name, and whose content decides about its connections: certificates and keys.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Kind::Amqp(config) => config.files(),
            Kind::Fedmsg(config) => config.files(),
            Kind::File(_) => vec![],
            Kind::Kafka(config) => config.files(),
            Kind::Stomp(config) => config.tls.files(),
            Kind::Webhook(config) => config.files(),
        }
    }

    /// Looks whether it could send, and changes nothing; says what was found.
    ///
    /// # Errors
    /// What the first `send` would fail with, as far as that can be seen without sending.
    pub async fn check(&self) -> Result<String, SendError> {
        match self {
            Kind::Amqp(config) => config.check().await,
            Kind::Fedmsg(config) => config.check().await,
            Kind::File(config) => config.check(),
            Kind::Kafka(config) => config.check().await,
            Kind::Stomp(config) => config.check().await,
            Kind::Webhook(config) => config.check().await,
        }
    }

    /// What works and yet should not stay so, and how to mend it: a login that others on the way can read.
    pub fn warning(&self) -> Option<String> {
        match self {
            Kind::Amqp(config) => config.warning(),
            Kind::Kafka(config) => config.warning(),
            Kind::Stomp(config) => config.warning(),
            Kind::Webhook(config) => config.warning(),
            Kind::Fedmsg(_) | Kind::File(_) => None,
        }
    }

    /// What topics begin with that are Bugzilla's messages' own on its bus: nothing that is relayed may have one.
    pub fn reserved_topics(&self) -> Vec<String> {
        match self {
            Kind::Amqp(config) => config.reserved_topics(),
            Kind::Fedmsg(config) => vec![config.reserved_topics()],
            // There `{target}` is `relay`, or header and shape tell.
            Kind::File(_) | Kind::Kafka(_) | Kind::Stomp(_) | Kind::Webhook(_) => vec![],
        }
    }

    /// Most envelopes that one `send` takes; `None`: any number.
    pub fn batch_max(&self) -> Option<usize> {
        match self {
            Kind::Kafka(config) => config.batch_max(),
            Kind::Amqp(_) | Kind::Fedmsg(_) | Kind::File(_) | Kind::Stomp(_) | Kind::Webhook(_) => None,
        }
    }

    /// Builds it; it connects when it first sends. `timeout`: the deadline of each `send`.
    pub fn build(&self, timeout: Duration) -> Box<dyn Connector> {
        match self {
            Kind::Amqp(config) => Box::new(amqp::AmqpConnector::new((**config).clone(), timeout)),
            Kind::Fedmsg(config) => Box::new(fedmsg::FedmsgConnector::new(config.clone(), timeout)),
            Kind::File(config) => Box::new(file::FileConnector::new(config.clone())),
            Kind::Kafka(config) => Box::new(kafka::KafkaConnector::new(config.clone(), timeout)),
            Kind::Stomp(config) => Box::new(stomp::StompConnector::new(config.clone())),
            Kind::Webhook(config) => Box::new(webhook::WebhookConnector::new(config.clone(), timeout)),
        }
    }
}

/// One bus.
///
/// *Order*: `send` gets envelopes in the order they must arrive in, at least for each bug. *Parallel calls*: never; one
/// batch at a time. *Outcomes*: each is recorded in [`Outcomes`] as soon as it is known: the broker has taken
/// responsibility (for a file: it is synced), or why not. Whatever has no outcome when `send` returns, or when its
/// deadline drops it, counts as failed transiently and perhaps delivered; so what was certainly not handed over is recorded as
/// failed ([`Outcomes::failed_from`]). *Repetition*: a connector never sends again by itself; the
/// client it uses may, within the deadline. *After a failure* the connector mends itself: the next `send` connects anew.
/// *Shutdown*: `close` after the last `send`.
#[async_trait]
pub trait Connector: Send {
    /// Sends these, in order; stops at the first failure that is not the envelope's own.
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes);

    /// Whether its bus takes a message of this size, as far as that is known without sending it.
    fn fits(&self, _: &Envelope) -> bool {
        true
    }

    /// Flushes and disconnects. Nothing is in flight when it is called. Returns how many copies did not leave, of what counts as sent on a bus
    /// that waits for nobody.
    async fn close(&mut self) -> u64 {
        0
    }
}

/// Why a connector could not send. The text is for the operator and holds nothing of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// What may be done about it.
    pub class: Class,
    /// What, where, how to mend it.
    pub message: String,
    /// The bus may have it all the same: it was handed over, and no answer came.
    pub perhaps_delivered: bool,
    /// It is this message's size that is refused: a shorter one may pass.
    pub too_large: bool,
    /// The bus asks to be left alone for so long, at least.
    pub retry_after: Option<Duration>,
}

impl SendError {
    /// The bus is down, slow or full, and certainly did not take it.
    pub fn transient(message: impl Into<String>) -> Self {
        SendError::of(Class::Transient, message)
    }

    /// It was handed over, and the bus was lost before it answered.
    pub fn unanswered(message: impl Into<String>) -> Self {
        SendError { perhaps_delivered: true, ..SendError::transient(message) }
    }

    /// The bus refuses us until somebody changes something.
    pub fn misconfigured(message: impl Into<String>) -> Self {
        SendError::of(Class::Misconfigured, message)
    }

    /// The bus refuses this one message.
    pub fn poison(message: impl Into<String>) -> Self {
        SendError::of(Class::Poison, message)
    }

    /// The bus refuses this one message for its size.
    pub fn too_large(message: impl Into<String>) -> Self {
        SendError { too_large: true, ..SendError::poison(message) }
    }

    fn of(class: Class, message: impl Into<String>) -> Self {
        SendError { class, message: message.into(), perhaps_delivered: false, too_large: false, retry_after: None }
    }
}

/// Where a connector writes down, while it sends, what became of each envelope of the batch.
///
/// It outlives the `send` that fills it, so that a deadline loses no outcome that was known.
#[derive(Debug, Default)]
pub struct Outcomes {
    of_batch: Mutex<Vec<Option<Outcome>>>,
    copies_dropped: AtomicU64,
}

/// What became of one envelope.
pub type Outcome = Result<Arrival, SendError>;

/// When a bus took responsibility for an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// In this attempt.
    Now,
    /// In an earlier one, of which nobody knew: it was not sent again.
    Before,
}

impl Outcomes {
    /// For a batch of so many.
    pub fn new(batch: usize) -> Self {
        Outcomes { of_batch: Mutex::new(vec![None; batch]), copies_dropped: AtomicU64::new(0) }
    }

    /// The envelope at `index` of the batch was sent.
    pub fn sent(&self, index: usize) {
        self.record(index, Ok(Arrival::Now));
    }

    /// The bus has had the envelope at `index` of the batch since an earlier attempt, and it was not sent again.
    pub fn sent_before(&self, index: usize) {
        self.record(index, Ok(Arrival::Before));
    }

    /// The envelope at `index` of the batch failed.
    pub fn failed(&self, index: usize, error: SendError) {
        self.record(index, Err(error));
    }

    /// Nothing from `index` on that has no outcome yet was handed over, because of this.
    pub fn failed_from(&self, index: usize, error: &SendError) {
        let mut outcomes = self.lock();
        for slot in outcomes.iter_mut().skip(index).filter(|slot| slot.is_none()) {
            *slot = Some(Err(error.clone()));
        }
    }

    /// So many copies of an envelope were not made, for consumers that do not keep up on a bus that waits for nobody.
    pub fn dropped(&self, copies: u64) {
        self.copies_dropped.fetch_add(copies, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn copies_dropped(&self) -> u64 {
        self.copies_dropped.load(Ordering::Relaxed)
    }

    /// Whether an envelope was refused for good.
    pub fn hold_poison(&self) -> bool {
        self.lock().iter().flatten().any(|outcome| outcome.as_ref().is_err_and(|error| error.class == Class::Poison))
    }

    fn record(&self, index: usize, outcome: Outcome) {
        if let Some(slot) = self.lock().get_mut(index) {
            *slot = Some(outcome);
        }
    }

    /// What is known now, in the order of the batch.
    pub fn take(&self) -> Vec<Option<Outcome>> {
        std::mem::take(&mut *self.lock())
    }

    /// A connector that panicked must not take the outcomes with it that it had recorded.
    fn lock(&self) -> MutexGuard<'_, Vec<Option<Outcome>>> {
        self.of_batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
