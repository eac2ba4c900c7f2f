//! The loop capture -> change sets -> snapshot -> messages -> queue. Connects only; decides nothing.
//!
//! Transactions are taken as many at a time as have come: one at a time while Bugzilla is quiet, thousands while catching
//! up, so that a read of the tables and a sync of the store serve all of them. The position behind them is stored in the
//! same transaction as their messages, and the source is acknowledged after that.

mod housekeeping;
mod intake;
mod objects;
mod parts;
mod progress;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc, watch};

pub use self::housekeeping::purge;
pub use self::progress::Progress;

use self::intake::{Captured, Intake};
use crate::backoff::Reconnect;
use crate::capture::Source;
use crate::changeset::{ChangeSet, Kind, group};
use crate::failure::Class;
use crate::message::{Builder, Envelope, Message, MessageId, Wording};
use crate::metrics::{Metrics, PipelineMetrics};
use crate::queue::{Checkpoint, Queue, QueueError};
use crate::shutdown::{Cause, Shutdown};
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
        let from = stored.filter(|_| !self.from_now);
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
        let reading = tokio::spawn(intake.run(from.as_ref().map(|from| from.position.clone())));
        let mut stored = from;
        let mut batch: Vec<Captured> = Vec::new();
        while captured.recv_many(&mut batch, TRANSACTIONS_MAX).await > 0 {
            self.store(&mut stored, &mut batch).await;
            acknowledged.send_replace(stored.as_ref().map(|stored| stored.position.clone()));
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

    /// Builds and stores what a batch of transactions tells; `stored` follows the checkpoint in the store.
    async fn store(&self, stored: &mut Option<Checkpoint>, batch: &mut Vec<Captured>) {
        let count = batch.len();
        let mut sets: Vec<(ChangeSet, i64)> = Vec::new();
        let mut behind = stored.clone();
        let mut last_ms = 0;
        for Captured { transaction, committed_at_ms, .. } in batch.drain(..) {
            for set in group(&transaction) {
                if sets.len() >= CHANGE_SETS_MAX {
                    self.put(&mut sets, behind.as_ref(), stored).await;
                }
                sets.push((set, committed_at_ms));
            }
            last_ms = committed_at_ms;
            behind = Some(Checkpoint { position: transaction.position, committed_at: committed_at_ms / 1000 });
            // The very first position is stored at once: nothing can be stored in parts before there is one.
            if sets.len() >= CHANGE_SETS_MAX || stored.is_none() {
                self.put(&mut sets, behind.as_ref(), stored).await;
            }
        }
        self.put(&mut sets, behind.as_ref(), stored).await;
        self.progress.stored(count, last_ms);
    }

    /// Stores what these tell, and the checkpoint `behind` them with the last of it: what comes before is repeated after a
    /// crash, and the ledger knows it then.
    async fn put(
        &self,
        sets: &mut Vec<(ChangeSet, i64)>,
        behind: Option<&Checkpoint>,
        stored: &mut Option<Checkpoint>,
    ) {
        // Without a position nothing can have come before: the source tells its first one at once.
        let Some(behind) = behind else { return };
        let (messages, reasons) = self.build(sets).await;
        sets.clear();
        let mut parts = parts::of(messages).into_iter().peekable();
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none();
            let checkpoint = stored.as_ref().filter(|_| !is_last).unwrap_or(behind);
            self.put_part(part, checkpoint, &reasons).await;
        }
        *stored = Some(behind.clone());
    }

    async fn put_part(&self, messages: Vec<Message>, checkpoint: &Checkpoint, reasons: &HashMap<MessageId, Reason>) {
        let mut reconnect = Reconnect::default();
        let storing = self.stage("store");
        let envelopes = loop {
            match self.queue.put(messages.clone(), checkpoint.clone()).await {
                Ok(envelopes) => break envelopes,
                Err(error) => {
                    if matches!(error, QueueError::Lost { .. }) {
                        self.shutdown.give_up(Cause::Store);
                    }
                    wait_for_store(&error, &mut reconnect).await;
                }
            }
        };
        drop(storing);
        if !envelopes.is_empty() {
            self.news.send_replace(());
        }
        self.count(&envelopes, reasons);
        if self.tail.receiver_count() > 0 {
            for envelope in envelopes {
                // Nobody listening any more is no failure.
                let _ = self.tail.send(Arc::new(envelope));
            }
        }
    }

    /// What was stored, and not what was built: the ledger leaves out what was told before.
    fn count(&self, stored: &[Envelope], reasons: &HashMap<MessageId, Reason>) {
        let PipelineMetrics { messages, redacted, .. } = &self.metrics.pipeline;
        for envelope in stored {
            let (target, action) = envelope.routing_key.split_once('.').unwrap_or_default();
            let visibility = if envelope.body.is_private() { "private" } else { "public" };
            messages.with_label_values(&[target, action, visibility]).inc();
            if let Some(reason) = reasons.get(&envelope.id) {
                redacted.with_label_values(&[reason.as_str()]).inc();
            }
        }
    }

    fn stage(&self, name: &'static str) -> Stage<'_> {
        Stage { metrics: &self.metrics.pipeline, name, begun: Instant::now() }
    }

    /// The messages, and why some of them are their event alone.
    async fn build(&self, sets: &[(ChangeSet, i64)]) -> (Vec<Message>, HashMap<MessageId, Reason>) {
        let (mut messages, mut reasons) = (Vec::new(), HashMap::new());
        if sets.is_empty() {
            return (messages, reasons);
        }
        let request = Request::of(sets.iter().map(|(set, _)| set));
        let reading = self.stage("read");
        let newest = sets.iter().map(|&(_, committed_at_ms)| committed_at_ms).max().unwrap_or_default();
        let snapshot = objects::read(&self.reader, &request, newest).await;
        drop(reading);
        let _building = self.stage("build");
        let mut builder = Builder::new(&self.wording, &self.rules, &snapshot);
        for (set, committed_at_ms) in sets {
            self.metrics.pipeline.change_sets.inc();
            for (message, reason) in builder.build(set, *committed_at_ms) {
                if let Some(reason) = reason {
                    reasons.insert(message.id, reason);
                }
                messages.push(message);
            }
        }
        (messages, reasons)
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
