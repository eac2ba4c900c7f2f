//! What scripts drop -> the queue: fedmsg's publishers by ZeroMQ, anybody by HTTP. Knows no bus and no Bugzilla.
//!
//! A message keeps its topic and its body, byte for byte. It is looked at only to refuse what is malformed, what is outside of the topics
//! that are configured, and what could be taken for Bugzilla's. What is refused is counted and said in the log, and never stored.

mod fedmsg;
mod greetings;
mod http;
mod json;
mod limit;
mod spool;
mod tally;
mod topics;
mod zeromq;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{broadcast, watch};

pub use self::http::{Client, HttpRelay};
pub use self::topics::{Reserved, Topics, is_topic};
pub use self::zeromq::{ZeromqConfig, ZeromqRelay};

use self::tally::Refusal;
use crate::message::{Envelope, MessageId, Relayed};
use crate::metrics::RelayMetrics;
use crate::queue::{Queue, QueueError, Receipt};

/// The way into the queue, the same for both endpoints.
#[derive(Clone)]
pub struct Inbox {
    /// The store.
    pub queue: Arc<dyn Queue>,
    /// Told after every put.
    pub news: watch::Sender<()>,
    /// Live listeners get what was stored.
    pub tail: broadcast::Sender<Arc<Envelope>>,
    /// Topics that are Bugzilla's messages' own.
    pub reserved: Reserved,
    /// Where what comes is counted.
    pub metrics: RelayMetrics,
    /// Set as soon as the store knows who wants what comes: before that it would be nobody's.
    pub is_open: Arc<AtomicBool>,
}

impl Inbox {
    /// Stores these, and has the connectors look.
    async fn put(&self, messages: Vec<Relayed>) -> Result<Vec<Receipt>, QueueError> {
        let receipts = self.queue.put_relayed(messages).await?;
        self.news.send_replace(());
        if self.tail.receiver_count() > 0 {
            for receipt in &receipts {
                if let Receipt::Stored(envelope) = receipt {
                    // Nobody listening any more is no failure.
                    let _ = self.tail.send(Arc::new(envelope.clone()));
                }
            }
        }
        Ok(receipts)
    }
}

/// An id that nobody has.
fn id_of_chance() -> MessageId {
    let mut bytes = [0; 16];
    fastrand::fill(&mut bytes);
    MessageId::of_chance(bytes)
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
