//! One connector's loop. Knows no other connector; meets them in the store alone.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use prometheus::IntCounter;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::ahead::Ahead;
use super::hold::{Hold, Obstacle};
use super::journal::Journal;
use super::meter::Meter;
use super::outcome::{Oversize, Verdict, verdict};
use super::screen::{Judged, Screen};
use super::{Policy, retry};
use crate::connector::{Connector, Outcomes, SendError};
use crate::failure::Class;
use crate::message::Envelope;
use crate::queue::{Batch, Entry, Queue, QueueError, Settlement, Standing};
use crate::shutdown::{Cause, Shutdown};

/// Looks without having been woken: no wake-up is trusted to come.
const POLL: Duration = Duration::from_secs(5);

/// A judgement that is older when its batch may leave, since the gate or the store took long, is made anew.
const FRESH: Duration = Duration::from_secs(1);

/// Of what a batch has parked so many are told each by itself: scripts may choose what a bus refuses, and how often.
const PARKED_TOLD: usize = 10;

/// See the module.
pub(super) struct Worker {
    pub(super) name: String,
    pub(super) connector: Box<dyn Connector>,
    pub(super) policy: Policy,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) screen: Arc<Screen>,
    pub(super) meter: Meter,
    /// Tells people.
    pub(super) journal: Journal,
    /// Counts what left as its event for its size.
    pub(super) shortened: IntCounter,
    pub(super) news: watch::Receiver<()>,
    pub(super) retry: Arc<Notify>,
    pub(super) shutdown: Shutdown,
    pub(super) pace: Pace,
}

/// What the worker carries from one round to the next.
#[derive(Default)]
pub(super) struct Pace {
    /// Whether the connector's standing, left by an earlier process, was taken up.
    started: bool,
    /// The next attempt after a failure; by the monotonic clock, which nobody sets.
    due: Option<Instant>,
    /// The next batch, judged while the last one was recorded; or what was in the way.
    ahead: Option<Result<Ready, Obstacle>>,
    /// Sequences that the bus found too large, until their events are sent.
    too_large: HashSet<i64>,
    hold: Hold,
}

/// A batch that was judged.
struct Ready {
    judged: Judged,
    /// Its last sequence.
    last: i64,
    /// Whether there are others behind it.
    more: bool,
    /// How the connector stands before it.
    standing: Standing,
    /// How much lies in the backlog of a connector that fails.
    waiting: u64,
}

/// What a look into the queue came to.
enum Look {
    Ready(Ready),
    /// Nothing is to be handed over; `found`: look again at once.
    Over {
        found: bool,
    },
}

impl Ready {
    async fn judge(batch: Batch, waiting: u64, screen: &Screen) -> Result<Self, Obstacle> {
        let Batch { entries, more, standing, .. } = batch;
        let last = entries.last().map_or(0, |entry| entry.envelope.sequence);
        Ok(Ready { judged: screen.judge(entries).await?, last, more, standing, waiting })
    }
}

/// Judges what was read ahead, after the attempt before it and while that one is recorded: the judgement is as late as any other.
/// What is in its way is the next round's obstacle, so that nobody is asked again at once.
async fn prepare(ahead: Ahead, screen: Arc<Screen>, shutdown: Shutdown) -> Option<Result<Ready, Obstacle>> {
    tokio::select! {
        ready = async { Some(Ready::judge(ahead.batch().await?, 0, &screen).await) } => ready,
        () = shutdown.requested() => None,
    }
}

impl Worker {
    /// Until shutdown; what is in flight then is finished and recorded.
    pub(super) async fn run(mut self) {
        loop {
            self.wait_until_due().await;
            if self.shutdown.is_requested() {
                return self.close().await;
            }
            // Before looking: what is put while we look, wakes us afterwards.
            self.news.mark_unchanged();
            match self.round().await {
                Ok(found) => {
                    self.pace.hold.over(&self.name);
                    if !found {
                        self.wait_for_news().await;
                    }
                }
                Err(obstacle) => self.wait_out(&obstacle).await,
            }
        }
    }

    /// One batch; `false` if there was none. An error leaves everything as it was.
    async fn round(&mut self) -> Result<bool, Obstacle> {
        let ready = match self.pace.ahead.take() {
            Some(ready) => ready?,
            None => match self.look().await? {
                Look::Ready(ready) => ready,
                Look::Over { found } => return Ok(found),
            },
        };
        let Ready { judged, last, more, standing: before, waiting } = ready;
        let Some(Judged { mut wanted, ignored, .. }) = self.begin(judged, &before).await? else { return Ok(true) };
        let mut ahead = self.ahead(last, more, &before);
        let (mut verdict, mut standing, mut delay) = (Verdict::default(), before.clone(), None);
        if !wanted.is_empty() {
            verdict = ahead.during(self.attempt(&mut wanted)).await;
            let (now, jitter) = (SystemTime::now(), fastrand::f64());
            (standing, delay) = retry::after(&before, &verdict, &self.policy.schedule, now, jitter);
        } else if !more {
            // Nothing is left that it could fail with.
            standing = Standing::default();
        }
        self.meter.up.set(i64::from(standing.attempts == 0));
        self.meter.ignored(ignored.len());
        if verdict.sent.len() < wanted.len() {
            // What follows a failure is read anew: it may be the same again. The read ends here, since nobody polls it any more: it
            // could hold what all others read through for as long as the store takes to record this.
            ahead = Ahead::nothing();
        }
        let prepared = prepare(ahead, Arc::clone(&self.screen), self.shutdown.clone());
        let settlement = verdict.settlement(&wanted, ignored, standing.clone());
        ((), self.pace.ahead) = tokio::join!(self.settle(settlement), prepared);
        self.pace.due = delay.map(|delay| Instant::now() + delay);
        self.log(&wanted, &verdict);
        self.log_change(&before, &standing, delay, waiting);
        Ok(true)
    }

    /// Reads and judges the oldest batch, or does what must be done before.
    async fn look(&mut self) -> Result<Look, Obstacle> {
        let batch = self.queue.next(&self.name, self.policy.batch.max(1)).await?;
        if !self.pace.started {
            self.take_up(&batch.standing);
            return Ok(Look::Over { found: true });
        }
        if !batch.broken.is_empty() {
            let left = batch.more || !batch.entries.is_empty();
            let standing = if left { batch.standing } else { Standing::default() };
            self.set_aside(batch.broken, standing).await;
            return Ok(Look::Over { found: true });
        }
        if batch.entries.is_empty() {
            // What it failed with may have been given up.
            self.meter.up.set(i64::from(batch.standing.attempts == 0));
            return Ok(Look::Over { found: false });
        }
        let waiting = self.waiting(&batch.standing).await;
        // A database that hangs is asked for longer than a stop may take, and nothing has begun yet.
        tokio::select! {
            ready = Ready::judge(batch, waiting, &self.screen) => Ok(Look::Ready(ready?)),
            () = self.shutdown.requested() => Ok(Look::Over { found: true }),
        }
    }

    /// The batch behind the one that is handed over now, if that one will probably pass.
    fn ahead(&self, last: i64, more: bool, standing: &Standing) -> Ahead {
        if !more || standing.attempts > 0 {
            return Ahead::nothing();
        }
        Ahead::behind(last, Arc::clone(&self.queue), self.name.clone(), self.policy.batch.max(1))
    }

    /// A connector that was failing when the last process ended is not asked again before its time.
    fn take_up(&mut self, standing: &Standing) {
        self.pace.started = true;
        self.meter.up.set(i64::from(standing.attempts == 0));
        let rest = retry::remaining(standing, &self.policy.schedule, SystemTime::now());
        self.pace.due = rest.map(|rest| Instant::now() + rest);
    }

    /// What the store does not have whole can never be sent, and must not keep the rest waiting.
    async fn set_aside(&mut self, broken: Vec<(i64, String)>, standing: Standing) {
        for (sequence, reason) in &broken {
            tracing::error!(connector = self.name, sequence, reason, "parked: a message that waited is not whole");
        }
        self.settle(Settlement { parked: broken, standing, ..Settlement::default() }).await;
    }

    /// Marks what is wanted as begun; `None` if the connector was paused or a stop was requested meanwhile. What was judged too long ago by then is judged
    /// anew, and that judgement may be as old as a slow gate makes it, lest nothing ever leaves.
    async fn begin(&mut self, judged: Judged, standing: &Standing) -> Result<Option<Judged>, Obstacle> {
        if judged.wanted.is_empty() {
            return Ok(Some(judged));
        }
        let Judged { wanted, mut ignored, at } = judged;
        let sequences: Vec<i64> = wanted.iter().map(|entry| entry.envelope.sequence).collect();
        if !self.queue.begin(&self.name, sequences.clone()).await? {
            return Ok(None);
        }
        if at.elapsed() <= FRESH {
            return Ok(Some(Judged { wanted, ignored, at }));
        }
        // Nothing was handed over: a stop need not wait for a database that hangs.
        let again = tokio::select! {
            again = self.screen.judge(wanted) => again.and_then(Judged::in_time).map(Some),
            () = self.shutdown.requested() => Ok(None),
        };
        if let Ok(Some(again)) = again {
            ignored.extend(again.ignored);
            return Ok(Some(Judged { ignored, ..again }));
        }
        // The mark would count what is sent later as a possible duplicate.
        let (withheld, standing) = ([sequences, ignored].concat(), standing.clone());
        self.settle(Settlement { withheld, standing, ..Settlement::default() }).await;
        again
    }

    /// Hands over once, within the deadline. Whatever the connector does, the worker goes on.
    async fn attempt(&mut self, entries: &mut [Entry]) -> Verdict {
        self.fit(entries);
        let envelopes: Vec<Envelope> = entries.iter().map(|entry| entry.envelope.clone()).collect();
        let outcomes = Outcomes::new(envelopes.len());
        let started = Instant::now();
        let send = AssertUnwindSafe(self.connector.send(&envelopes, &outcomes)).catch_unwind();
        let silence = match tokio::time::timeout(self.policy.timeout, send).await {
            Ok(Ok(())) => "the connector did not say what became of a message; please report this".to_owned(),
            Ok(Err(_)) => "the connector panicked; please report this".to_owned(),
            Err(_) => format!(
                "no answer within {} s; see whether the bus is overloaded or unreachable, or raise `timeout_seconds`",
                self.policy.timeout.as_secs_f64()
            ),
        };
        self.meter.dropped(outcomes.copies_dropped());
        let (silence, relay_alone) = (SendError::unanswered(silence), self.policy.is_of_relay_alone());
        let verdict = verdict(entries, outcomes.take(), silence, self.policy.oversize, relay_alone);
        self.meter.attempt(entries, &verdict, started.elapsed());
        self.journal.attempt(&self.name, entries, &verdict);
        let sequence = |&index: &usize| entries[index].envelope.sequence;
        let done = verdict.sent.iter().filter(|index| self.pace.too_large.remove(&sequence(index))).count();
        if done > 0 {
            self.shortened.inc_by(u64::try_from(done).unwrap_or(u64::MAX));
            tracing::info!(
                connector = self.name,
                messages = done,
                "too large for the bus: their events were sent alone"
            );
        }
        self.pace.too_large.extend(verdict.shortened.iter().map(sequence));
        verdict
    }

    /// Leaves the event alone of those that are known to be too large, if that is wanted.
    fn fit(&mut self, entries: &mut [Entry]) {
        if self.policy.oversize == Oversize::Park {
            return;
        }
        for envelope in entries.iter_mut().map(|entry| &mut entry.envelope).filter(|e| e.body.is_reducible()) {
            if self.pace.too_large.contains(&envelope.sequence) || !self.connector.fits(envelope) {
                self.pace.too_large.insert(envelope.sequence);
                envelope.body = envelope.body.redacted();
            }
        }
    }

    /// Until it is stored: sending anything more before that could repeat what is done.
    async fn settle(&mut self, settlement: Settlement) {
        while let Err(error) = self.queue.settle(&self.name, settlement.clone()).await {
            if self.gives_up(&error) {
                return;
            }
            tokio::time::sleep(self.pace.hold.delay(&self.name, &error.into())).await;
        }
    }

    /// Whether the store will never answer again; then the process ends.
    fn gives_up(&self, error: &QueueError) -> bool {
        if error.is_final() {
            tracing::error!(connector = self.name, %error, "the store is gone; bugrelay stops");
            self.shutdown.give_up(Cause::Store);
        }
        error.is_final()
    }

    /// How much lies in the backlog; for the log line of a recovery, so a failing connector alone is asked for it.
    async fn waiting(&mut self, standing: &Standing) -> u64 {
        if standing.attempts == 0 {
            return 0;
        }
        let Ok(stats) = self.queue.stats().await else { return 0 };
        stats.backlogs.iter().find(|backlog| backlog.connector == self.name).map_or(0, |backlog| backlog.messages)
    }

    async fn wait_until_due(&mut self) {
        let Some(due) = self.pace.due.take() else { return };
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = self.retry.notified() => {}
            () = self.shutdown.requested() => {}
        }
    }

    async fn wait_for_news(&mut self) {
        tokio::select! {
            // An error says that nobody will ever wake us again; it comes at once, and must not make the loop spin.
            Ok(()) = self.news.changed() => {}
            () = tokio::time::sleep(POLL) => {}
            () = self.shutdown.requested() => {}
        }
    }

    async fn wait_out(&mut self, obstacle: &Obstacle) {
        let delay = match obstacle {
            Obstacle::Queue(error) if self.gives_up(error) => POLL,
            _ => self.pace.hold.delay(&self.name, obstacle),
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.shutdown.requested() => {}
        }
    }

    async fn close(mut self) {
        let close = AssertUnwindSafe(self.connector.close()).catch_unwind();
        match tokio::time::timeout(self.policy.timeout, close).await {
            Ok(Ok(left)) => self.meter.dropped(left),
            _ => {
                tracing::warn!(
                    connector = self.name,
                    "the connection could not be closed in order; nothing was in flight"
                );
            }
        }
    }

    fn log(&self, entries: &[Entry], verdict: &Verdict) {
        for (index, reason) in verdict.parked.iter().take(PARKED_TOLD) {
            let envelope = &entries[*index].envelope;
            let (message, lane) = (envelope.id, envelope.lane());
            tracing::warn!(connector = self.name, %message, of = %lane, reason, "parked: the bus refuses this message");
        }
        if let more @ 1.. = verdict.parked.len().saturating_sub(PARKED_TOLD) {
            tracing::warn!(
                connector = self.name,
                more,
                "parked: the bus refuses these too; `bugrelay parked list` has them"
            );
        }
    }

    /// One line when a connector begins to fail, fails in another way, or is well again; none for each retry.
    fn log_change(&self, before: &Standing, after: &Standing, delay: Option<Duration>, waiting: u64) {
        let (connector, attempts) = (&self.name, after.attempts);
        let error = after.last_error.as_deref().unwrap_or_default();
        let retry_seconds = delay.unwrap_or_default().as_secs();
        if attempts == 0 && before.attempts > 0 {
            tracing::info!(connector, attempts = before.attempts, waiting, "the connector is well again");
        }
        if attempts == 0 || (before.attempts > 0 && before.class == after.class) {
            return;
        }
        if after.class == Some(Class::Misconfigured) {
            tracing::error!(connector, error, attempts, retry_seconds, class = "misconfigured", "somebody must act");
        } else {
            tracing::warn!(connector, error, attempts, retry_seconds, class = "transient", "the connector fails");
        }
    }
}
