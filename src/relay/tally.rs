//! Counts what comes, and says in the log what is refused: a line for each reason now and then, however much there is of it.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::message::Endpoint;
use crate::metrics::RelayMetrics;

/// From one line about a reason to the next.
const QUIET: Duration = Duration::from_secs(10);

/// Why a message is not taken. The texts are for whoever sent it and hold nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it is not the two frames that fedmsg sends, topic and body")]
    Frames,
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is no topic; one is letters, digits, . _ and -, a letter first, at most 200 bytes")]
    NoTopic,
    #[error("its topic is not among those that are allowed; see `topics` in [relay]")]
    Topic,
    #[error("it could be taken for one of Bugzilla's own messages, by its topic or by its shape")]
    Poses,
    #[error("{0}")]
    NotJson(String),
    #[error("it goes deeper than 64 levels")]
    TooDeep,
    #[error("it is larger than {0} bytes; see `max_message_bytes` in [relay]")]
    TooLarge(usize),
    #[error("there is no room for it now: the store, or what waits for it, is full")]
    Full,
    #[error("more come than are taken")]
    TooMany,
    #[error("its sender is not known: it has no token, or a wrong one")]
    Unknown,
    #[error("it was not whole in time")]
    Slow,
    #[error("{0}")]
    Protocol(String),
    #[error("more are connected than may be; see `max_connections` in [relay]")]
    Connections,
    #[error("this instance stands by: the port must lead to the one that leads")]
    StandsBy,
    #[error("under its Idempotency-Key another body was stored")]
    Conflict,
    #[error("the store failed")]
    Failed,
}

impl Refusal {
    /// The metric's word.
    fn result(&self) -> &'static str {
        match self {
            Refusal::Frames => "frames",
            Refusal::NotUtf8 => "not_utf8",
            Refusal::NoTopic | Refusal::Topic => "topic",
            Refusal::Poses => "poses",
            Refusal::NotJson(_) => "not_json",
            Refusal::TooDeep => "too_deep",
            Refusal::TooLarge(_) => "too_large",
            Refusal::Full => "full",
            Refusal::TooMany => "too_many",
            Refusal::Unknown => "unknown_client",
            Refusal::Slow => "slow",
            Refusal::Protocol(_) => "protocol",
            Refusal::Connections => "connections",
            Refusal::StandsBy => "standby",
            Refusal::Conflict => "conflict",
            Refusal::Failed => "failed",
        }
    }
}

/// Each word that `result` can be.
const RESULTS: [&str; 18] = [
    "stored",
    "repeated",
    "frames",
    "not_utf8",
    "topic",
    "poses",
    "not_json",
    "too_deep",
    "too_large",
    "full",
    "too_many",
    "unknown_client",
    "slow",
    "protocol",
    "connections",
    "standby",
    "conflict",
    "failed",
];

/// Of one endpoint.
pub(super) struct Tally {
    endpoint: Endpoint,
    metrics: RelayMetrics,
    /// By reason: when it was said last, and how many came since.
    said: Mutex<HashMap<&'static str, (Instant, u64)>>,
}

impl Tally {
    /// Every series is there from the start, at 0.
    pub(super) fn new(endpoint: Endpoint, metrics: RelayMetrics) -> Self {
        for result in RESULTS {
            metrics.received.with_label_values(&[endpoint.as_str(), result]);
        }
        Tally { endpoint, metrics, said: Mutex::default() }
    }

    /// So many are stored.
    pub(super) fn stored(&self, messages: usize) {
        self.count("stored", messages);
    }

    /// One came again, and had been stored.
    pub(super) fn repeated(&self) {
        self.count("repeated", 1);
    }

    /// One was not taken; from whom.
    pub(super) fn refused(&self, from: &dyn Display, refusal: &Refusal) {
        let (endpoint, result) = (self.endpoint.as_str(), refusal.result());
        self.count(result, 1);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let messages = match said.get_mut(result) {
            Some((last, since)) if now.duration_since(*last) < QUIET => {
                *since += 1;
                return;
            }
            Some((_, since)) => *since + 1,
            None => 1,
        };
        said.insert(result, (now, 0));
        tracing::warn!(endpoint, %from, result, reason = %refusal, messages, "the relay does not take a message");
    }

    fn count(&self, result: &str, messages: usize) {
        let received = self.metrics.received.with_label_values(&[self.endpoint.as_str(), result]);
        received.inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
    }
}
