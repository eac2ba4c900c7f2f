//! Queue × connectors: judgement, deadline, outcome, backlog, backoff, parking; written once for all connectors.
//!
//! Each connector has a worker of its own, and only the store between it and the others. A worker goes round: read the oldest
//! entries, judge them once more, mark them as begun, hand them over, record what became of them. While a batch is on its way the
//! next one is read, and while it is recorded the next one is judged. It knows no bus and no database; what a failure means
//! is said by its class.

mod ahead;
mod gate;
mod hold;
mod journal;
mod judge;
mod meter;
mod outcome;
mod recheck;
mod retry;
mod screen;
mod served;
mod worker;

pub use gate::{Gate, GateError, NoBugzilla, hidden, no_longer_public};
pub use journal::{Fate, Journal, Line};
pub use judge::Judge;
pub use outcome::{Oversize, Verdict, verdict};
pub use recheck::recheck;
pub use served::Served;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use self::meter::Meter;
use self::screen::Screen;
use self::worker::{Pace, Worker};
use crate::backoff::Schedule;
use crate::connector::Connector;
use crate::metrics::Metrics;
use crate::queue::{Filter, Queue};
use crate::shutdown::Shutdown;

/// What all workers share.
pub struct Delivery {
    /// Where messages wait.
    pub queue: Arc<dyn Queue>,
    /// What is public at this moment.
    pub gate: Arc<dyn Gate>,
    /// Where deliveries are counted.
    pub metrics: Metrics,
    /// Ends the workers, each after the batch that it has in flight.
    pub shutdown: Shutdown,
    journal: Journal,
    news: watch::Sender<()>,
}

/// How one connector is served: a part of its configuration.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it wants. The queue filters what it stores; here it decides about what became private since.
    pub filter: Filter,
    /// Most messages handed over at once.
    pub batch: usize,
    /// How long one attempt of a batch may take.
    pub timeout: Duration,
    /// When to try again.
    pub schedule: Schedule,
    /// What becomes of what is too large for its bus.
    pub oversize: Oversize,
}

impl Policy {
    /// Whether none of Bugzilla's messages come this way.
    fn is_of_relay_alone(&self) -> bool {
        self.filter.targets == ["relay"]
    }
}

/// The way to one connector's worker.
#[derive(Clone, Debug)]
pub struct Handle {
    retry: Arc<Notify>,
    shutdown: Shutdown,
    ended: CancellationToken,
}

impl Delivery {
    /// No worker yet.
    pub fn new(queue: Arc<dyn Queue>, gate: Arc<dyn Gate>, metrics: Metrics, shutdown: Shutdown) -> Self {
        Delivery { queue, gate, metrics, shutdown, journal: Journal::default(), news: watch::Sender::new(()) }
    }

    /// Starts the worker of a connector that the queue knows as a subscriber of this name.
    pub fn spawn(&self, name: &str, connector: Box<dyn Connector>, policy: Policy) -> Handle {
        let retry = Arc::new(Notify::new());
        let shutdown = self.shutdown.part();
        let screen = Screen {
            connector: name.to_owned(),
            queue: Arc::clone(&self.queue),
            gate: Arc::clone(&self.gate),
            drops_private: !policy.filter.wants_private(),
            redacted: self.metrics.pipeline.redacted.with_label_values(&["became_private"]),
        };
        let worker = Worker {
            name: name.to_owned(),
            connector,
            policy,
            queue: Arc::clone(&self.queue),
            screen: Arc::new(screen),
            meter: Meter::new(&self.metrics, name),
            journal: self.journal.clone(),
            shortened: self.metrics.pipeline.redacted.with_label_values(&["oversize"]),
            news: self.news.subscribe(),
            retry: Arc::clone(&retry),
            shutdown: shutdown.clone(),
            pace: Pace::default(),
        };
        let ended = CancellationToken::new();
        let end = ended.clone().drop_guard();
        shutdown.spawn(async move {
            let _end = end;
            worker.run().await;
        });
        Handle { retry, shutdown, ended }
    }

    /// What became of the latest attempts of all its connectors.
    pub fn journal(&self) -> Journal {
        self.journal.clone()
    }

    /// Whoever puts messages into the queue sends here afterwards: the workers look at once.
    pub fn news(&self) -> watch::Sender<()> {
        self.news.clone()
    }
}

impl Handle {
    /// Ends the wait after a failure. If an attempt is under way just now, the wait after that one.
    pub fn retry_now(&self) {
        self.retry.notify_one();
    }

    /// Stops the worker after the batch that it has in flight; when this returns, what became of that one is recorded, and its
    /// connection closed. What waits stays in the queue.
    pub async fn stop(&self) {
        self.shutdown.request();
        self.ended.cancelled().await;
    }
}
