//! The loop capture -> change sets -> snapshot -> messages -> queue. Connects only; decides nothing.
//!
//! Transactions are taken as many at a time as have come: one at a time while Bugzilla is quiet, thousands while catching
//! up, so that a read of the tables and a sync of the store serve all of them. The position behind them is stored in the
//! same transaction as their messages, and the source is acknowledged after that. What the sweep finds is stored between them: the
//! source comes first, and what was found waits for one batch of it at the most.

mod adoption;
mod editor;
mod first;
mod housekeeping;
mod intake;
mod objects;
mod parts;
mod progress;
mod replay;
mod sift;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};

pub use self::adoption::adopt;
pub use self::editor::Editor;
pub use self::housekeeping::purge;
pub use self::progress::Progress;
pub use self::replay::{Broken, Order, Replay, ReplayError, Replayed};
pub use self::sweep::Sweep;

use self::editor::Edited;
use self::intake::{Captured, Intake};
use self::sweep::{Found, Handed, Sweeper};
use crate::backoff::Reconnect;
use crate::capture::Source;
use crate::capture::identity::{Admission, Guard, Server};
use crate::changeset::{ChangeSet, Kind, group};
use crate::failure::Class;
use crate::message::{Envelope, Message};
use crate::metrics::{Metrics, PipelineMetrics};
use crate::queue::{Checkpoint, Queue, QueueError};
use crate::shutdown::{Cause, Shutdown};
use crate::visibility::Reason;

/// Transactions taken at a time, at the most.
const TRANSACTIONS_MAX: usize = 500;

/// Change sets built and stored at a time, at the most: a transaction of more is stored in parts, each of which can be
/// repeated after a crash, for the ledger knows what was told.
const CHANGE_SETS_MAX: usize = 500;

/// The same in what they hold, beyond which no other is added: see [`ChangeSet::size`].
const SIZE_MAX: usize = 4_000;

/// The label `target`; see [`crate::changeset::Subject::target`].
const TARGETS: [&str; 3] = ["bug", "comment", "attachment"];

/// How long something that only a person can mend is left alone.
const MISCONFIGURED_RETRY: Duration = Duration::from_secs(10);

/// The capture's side of the queue.
pub struct Pipeline {
    /// Where changes come from.
    pub source: Arc<dyn Source>,
    /// Which server that is.
    pub guard: Arc<Guard>,
    /// Whether it is ours: for those who send.
    pub admission: Arc<Admission>,
    /// What makes messages of them.
    pub editor: Editor,
    /// What finds those that did not come.
    pub sweep: Sweep,
    /// The store.
    pub queue: Arc<dyn Queue>,
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
        let mut stored = self.patiently(|| self.queue.checkpoint()).await;
        let known = stored.as_ref().and_then(|stored| Server::parse(stored.server.as_deref()?));
        stored = stored.filter(|_| !self.from_now);
        let from = self.first_position(stored.as_ref()).await;
        let (taken, mut captured) = mpsc::channel(TRANSACTIONS_MAX);
        let (lost, mut losses) = mpsc::channel(1);
        let (acknowledged, acknowledgements) = watch::channel(None);
        let intake = Intake {
            source: Arc::clone(&self.source),
            queue: Arc::clone(&self.queue),
            guard: Arc::clone(&self.guard),
            admission: Arc::clone(&self.admission),
            known,
            metrics: self.metrics.source.clone(),
            progress: Arc::clone(&self.progress),
            taken,
            losses: lost,
            acknowledgements,
            is_stored: stored.is_some(),
            known_ms: stored.as_ref().map(|stored| stored.committed_at.saturating_mul(1000)),
            is_first: true,
        };
        let (handed, mut swept) = mpsc::channel(1);
        let sweeper = Sweeper {
            sweep: self.sweep.clone(),
            queue: Arc::clone(&self.queue),
            progress: Arc::clone(&self.progress),
            admission: Arc::clone(&self.admission),
            handed,
        };
        // Both end with this future: the other ends of their channels are gone then.
        let mut reading = tokio::spawn(intake.run(from));
        let mut sweeping = tokio::spawn(sweeper.run());
        if let Some(stored) = &stored {
            self.mark_older_store(stored).await;
            self.tell_first(stored).await;
        }
        let mut batch: Vec<Captured> = Vec::new();
        loop {
            tokio::select! {
                biased;
                count = captured.recv_many(&mut batch, TRANSACTIONS_MAX) => {
                    if count == 0 {
                        break;
                    }
                    self.store(&mut stored, &mut batch).await;
                    acknowledged.send_replace(stored.as_ref().map(|stored| stored.position.clone()));
                    // A source under load is always ready.
                    if let Ok(handed) = swept.try_recv() {
                        self.take(handed, stored.as_ref()).await;
                    }
                }
                // Behind all that was read before.
                Some(lost) = losses.recv() => self.lose(lost).await,
                Some(handed) = swept.recv() => self.take(handed, stored.as_ref()).await,
            }
        }
        for (task, what) in [(&mut reading, "reads changes"), (&mut sweeping, "sweeps")] {
            if task.is_finished()
                && let Err(error) = task.await
            {
                tracing::error!(%error, "the task that {what} ended by itself");
            }
        }
    }

    /// Takes what the sweep hands over.
    async fn take(&self, Handed { found, stored: answer }: Handed, stored: Option<&Checkpoint>) {
        let messages = match stored {
            Some(stored) => self.tell_found(found, stored).await,
            None => 0,
        };
        // Who swept may have been stopped meanwhile: what was stored stays stored.
        let _ = answer.send(messages);
    }

    /// Stores what the sweep found and nobody has told by now; gives how many messages that was. The checkpoint stays where it is.
    async fn tell_found(&self, found: Found, stored: &Checkpoint) -> usize {
        let found = self.patiently(|| sift::untold(&*self.queue, found.clone())).await;
        let mut count = 0;
        for sets in found.chunks(CHANGE_SETS_MAX) {
            // What was found stands in the tables: there is nothing to wait for.
            let mut left = self.editor.edit(sets, 0);
            while let Some(mut edited) = left.next().await {
                let parts = parts::of(std::mem::take(&mut edited.messages));
                for part in parts.into_iter().filter(|part| !part.is_empty()) {
                    count += self.put_part(part, stored, &edited).await;
                }
            }
        }
        self.metrics.pipeline.swept.inc_by(count as u64);
        count
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
        let mut size = 0;
        let mut behind = stored.clone();
        let mut last_ms = 0;
        for Captured { transaction, committed_at_ms, server, begins_anew, .. } in batch.drain(..) {
            for set in group(&transaction.rows) {
                if sets.len() >= CHANGE_SETS_MAX || size >= SIZE_MAX {
                    self.put(&mut sets, behind.as_ref(), stored).await;
                    size = 0;
                }
                size += set.size();
                sets.push((set, committed_at_ms));
            }
            last_ms = committed_at_ms;
            if begins_anew {
                if !sets.is_empty() {
                    self.put(&mut sets, behind.as_ref(), stored).await;
                }
                self.begin_anew(stored.as_ref()).await;
            }
            let committed_at = committed_at_ms / 1000;
            behind = Some(Checkpoint { position: transaction.position, committed_at, server: Some(server) });
            // The very first position is stored at once: nothing can be stored in parts before there is one.
            if sets.len() >= CHANGE_SETS_MAX || size >= SIZE_MAX || stored.is_none() || begins_anew {
                self.put(&mut sets, behind.as_ref(), stored).await;
                size = 0;
            }
            if let Some(stored) = stored.as_ref().filter(|_| begins_anew) {
                self.progress.running();
                self.tell_first(stored).await;
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
        self.metrics.pipeline.change_sets.inc_by(sets.len() as u64);
        let mut sets = std::mem::take(sets);
        if self.source.may_merge() {
            sets = self.patiently(|| sift::untold(&*self.queue, sets.clone())).await;
        }
        let newest = sets.iter().map(|&(_, committed_at_ms)| committed_at_ms).max().unwrap_or_default();
        let mut left = self.editor.edit(&sets, newest);
        while let Some(mut edited) = left.next().await {
            let mut parts = parts::of(std::mem::take(&mut edited.messages)).into_iter().peekable();
            while let Some(part) = parts.next() {
                let is_last = parts.peek().is_none() && left.is_done();
                let checkpoint = stored.as_ref().filter(|_| !is_last).unwrap_or(behind);
                self.put_part(part, checkpoint, &edited).await;
            }
        }
        *stored = Some(behind.clone());
    }

    /// Gives how many of the messages were news.
    async fn put_part(&self, messages: Vec<Message>, checkpoint: &Checkpoint, edited: &Edited) -> usize {
        let storing = self.editor.stage("store");
        let envelopes = self.patiently(|| self.queue.put(messages.clone(), checkpoint.clone())).await;
        drop(storing);
        let count = envelopes.len();
        if count > 0 {
            self.news.send_replace(());
        }
        self.count(&envelopes, edited);
        if self.tail.receiver_count() > 0 {
            for envelope in envelopes {
                // Nobody listening any more is no failure.
                let _ = self.tail.send(Arc::new(envelope));
            }
        }
        count
    }

    /// What was stored, and not what was built: the ledger leaves out what was told before.
    fn count(&self, stored: &[Envelope], edited: &Edited) {
        let PipelineMetrics { messages, redacted, .. } = &self.metrics.pipeline;
        for envelope in stored {
            let visibility = if envelope.body.is_private() { "private" } else { "public" };
            messages.with_label_values(&[envelope.target(), envelope.action(), visibility]).inc();
            if let Some(reason) = edited.reasons.get(&envelope.id) {
                redacted.with_label_values(&[reason.as_str()]).inc();
            }
        }
    }

    /// Asks the store until it answers: a full or failing one pauses the capture and heals by itself; one that is gone ends it all.
    async fn patiently<T, F>(&self, mut ask: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        let mut reconnect = Reconnect::default();
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(error) => {
                    if error.is_final() {
                        self.shutdown.give_up(Cause::Store);
                    }
                    tracing::error!(%error, "capture waits for the store");
                    tokio::time::sleep(reconnect.next_delay()).await;
                }
            }
        }
    }
}

async fn pause(class: Class, reconnect: &mut Reconnect) {
    let delay = if class == Class::Misconfigured { MISCONFIGURED_RETRY } else { reconnect.next_delay() };
    tokio::time::sleep(delay).await;
}
