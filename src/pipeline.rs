//! The loop capture -> change sets -> snapshot -> messages -> queue. Connects only; decides nothing.
//!
//! Transactions are taken as many at a time as have come: one at a time while Bugzilla is quiet, thousands while catching
//! up, so that a read of the tables and a sync of the store serve all of them. The position behind them is stored in the
//! same transaction as their messages, and the source is acknowledged after that.

mod housekeeping;
mod intake;
mod objects;
mod progress;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc, watch};

pub use self::housekeeping::purge;
pub use self::progress::Progress;

use self::intake::{Captured, Intake};
use crate::backoff::Reconnect;
use crate::capture::Source;
use crate::changeset::{ChangeSet, Kind, Position, group};
use crate::failure::Class;
use crate::message::{Builder, Envelope, Message, Wording};
use crate::metrics::{Metrics, PipelineMetrics};
use crate::queue::{Checkpoint, Queue, QueueError};
use crate::shutdown::Shutdown;
use crate::snapshot::{Reader, Request};
use crate::visibility::{Reason, Rules};

/// Transactions taken at a time, at the most.
const TRANSACTIONS_MAX: usize = 500;

/// Change sets built and stored at a time, at the most: a transaction of more is stored in parts, each of which can be
/// repeated after a crash, for the ledger knows what was told.
const CHANGE_SETS_MAX: usize = 500;

/// The label `target`; see [`crate::changeset::Subject::target`].
const TARGETS: [&str; 3] = ["bug", "comment", "attachment"];

/// How long something that only a person can mend is left alone.
const MISCONFIGURED_RETRY: Duration = Duration::from_secs(10);

/// The capture's side of the queue.
pub struct Pipeline {
    /// Where changes come from.
    pub source: Arc<dyn Source>,
    /// Bugzilla's tables.
    pub reader: Arc<dyn Reader>,
    /// The store.
    pub queue: Arc<dyn Queue>,
    /// How messages are worded.
    pub wording: Wording,
    /// What the site adds to the rules of visibility.
    pub rules: Rules,
    /// What was done.
    pub metrics: Metrics,
    /// How far it is.
    pub progress: Arc<Progress>,
    /// Told after every put.
    pub news: watch::Sender<()>,
    /// Live listeners get what was stored.
    pub tail: broadcast::Sender<Arc<Envelope>>,
    /// When to stop.
    pub shutdown: Shutdown,
    /// Forget where the last run stood and begin at the source's present end.
    pub from_now: bool,
}

impl Pipeline {
    /// Runs until shutdown is requested. What was taken and is not stored by then is taken again by the next run.
    pub async fn run(self) {
        tokio::select! {
            () = self.shutdown.requested() => {}
            () = self.flow() => {}
        }
    }

    async fn flow(&self) {
        self.begin_metrics();
        let mut reconnect = Reconnect::default();
        let stored = loop {
            match self.queue.checkpoint().await {
                Ok(stored) => break stored,
                Err(error) => wait_for_store(&error, &mut reconnect).await,
            }
        };
        let from = stored.filter(|_| !self.from_now).map(|checkpoint| checkpoint.position);
        let (taken, mut captured) = mpsc::channel(TRANSACTIONS_MAX);
        let (acknowledged, acknowledgements) = watch::channel(None);
        let intake = Intake {
            source: Arc::clone(&self.source),
            metrics: self.metrics.source.clone(),
            progress: Arc::clone(&self.progress),
            taken,
            acknowledgements,
            is_stored: from.is_some(),
        };
        // Ends with this future: the other end of its channel is gone then.
        let reading = tokio::spawn(intake.run(from.clone()));
        let mut position = from;
        let mut batch: Vec<Captured> = Vec::new();
        while captured.recv_many(&mut batch, TRANSACTIONS_MAX).await > 0 {
            position = self.store(position, &mut batch).await;
            acknowledged.send_replace(position.clone());
        }
        if let Err(error) = reading.await {
            tracing::error!(%error, "the task that reads changes ended by itself");
        }
    }

    /// Every series is there from the start, at 0: a rate over a counter that appears with its first value is wrong.
    fn begin_metrics(&self) {
        let PipelineMetrics { messages, redacted, .. } = &self.metrics.pipeline;
        for reason in Reason::ALL {
            redacted.with_label_values(&[reason.as_str()]);
        }
        for stage in ["read", "build", "store"] {
            self.metrics.pipeline.stage_seconds.with_label_values(&[stage]);
        }
        for target in TARGETS {
            for action in [Kind::Create, Kind::Modify] {
                for visibility in ["public", "private"] {
                    messages.with_label_values(&[target, action.as_str(), visibility]);
                }
            }
        }
    }

    /// Builds and stores what a batch of transactions tells; returns the position behind it.
    async fn store(&self, mut position: Option<Position>, batch: &mut Vec<Captured>) -> Option<Position> {
        let count = batch.len();
        let mut sets: Vec<(ChangeSet, i64)> = Vec::new();
        let mut committed_at_ms = 0;
        for captured in batch.drain(..) {
            for set in group(&captured.transaction) {
                if sets.len() == CHANGE_SETS_MAX {
                    self.put(&mut sets, position.clone(), committed_at_ms).await;
                }
                sets.push((set, captured.committed_at_ms));
            }
            committed_at_ms = captured.committed_at_ms;
            position = Some(captured.transaction.position);
            if sets.len() >= CHANGE_SETS_MAX {
                self.put(&mut sets, position.clone(), committed_at_ms).await;
            }
        }
        self.put(&mut sets, position.clone(), committed_at_ms).await;
        self.progress.stored(count, committed_at_ms);
        position
    }

    async fn put(&self, sets: &mut Vec<(ChangeSet, i64)>, position: Option<Position>, committed_at_ms: i64) {
        // Without a position nothing can have come before: the source tells its first one at once.
        let Some(position) = position else { return };
        let messages = self.build(sets).await;
        sets.clear();
        let checkpoint = Checkpoint { position, committed_at: committed_at_ms / 1000 };
        let mut reconnect = Reconnect::default();
        let storing = self.stage("store");
        let envelopes = loop {
            match self.queue.put(messages.clone(), checkpoint.clone()).await {
                Ok(envelopes) => break envelopes,
                Err(error) => wait_for_store(&error, &mut reconnect).await,
            }
        };
        drop(storing);
        if !envelopes.is_empty() {
            self.news.send_replace(());
        }
        if self.tail.receiver_count() > 0 {
            for envelope in envelopes {
                // Nobody listening any more is no failure.
                let _ = self.tail.send(Arc::new(envelope));
            }
        }
    }

    fn stage(&self, name: &'static str) -> Stage<'_> {
        Stage { metrics: &self.metrics.pipeline, name, begun: Instant::now() }
    }

    async fn build(&self, sets: &[(ChangeSet, i64)]) -> Vec<Message> {
        if sets.is_empty() {
            return vec![];
        }
        let request = Request::of(sets.iter().map(|(set, _)| set));
        let reading = self.stage("read");
        let newest = sets.iter().map(|&(_, committed_at_ms)| committed_at_ms).max().unwrap_or_default();
        let snapshot = objects::read(&self.reader, &request, newest).await;
        drop(reading);
        let _building = self.stage("build");
        let mut builder = Builder::new(&self.wording, &self.rules, &snapshot);
        let mut messages = Vec::new();
        let PipelineMetrics { change_sets, messages: counted, redacted, .. } = &self.metrics.pipeline;
        for (set, committed_at_ms) in sets {
            change_sets.inc();
            for (message, reason) in builder.build(set, *committed_at_ms) {
                let visibility = if message.body.is_private() { "private" } else { "public" };
                counted.with_label_values(&[message.subject.target(), message.kind.as_str(), visibility]).inc();
                if let Some(reason) = reason {
                    redacted.with_label_values(&[reason.as_str()]).inc();
                }
                messages.push(message);
            }
        }
        messages
    }
}

/// Counts the time from its making to its end.
struct Stage<'a> {
    metrics: &'a PipelineMetrics,
    name: &'static str,
    begun: Instant,
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.metrics.stage_seconds.with_label_values(&[self.name]).inc_by(self.begun.elapsed().as_secs_f64());
    }
}

/// A full or failing store pauses the capture and heals by itself.
async fn wait_for_store(error: &QueueError, reconnect: &mut Reconnect) {
    tracing::error!(%error, "capture waits for the store");
    tokio::time::sleep(reconnect.next_delay()).await;
}

async fn pause(class: Class, reconnect: &mut Reconnect) {
    let delay = if class == Class::Misconfigured { MISCONFIGURED_RETRY } else { reconnect.next_delay() };
    tokio::time::sleep(delay).await;
}
