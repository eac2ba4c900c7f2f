//! What may leave of a batch, and as what: its judgement right before the attempt. Hands nothing over.

use std::collections::HashSet;
use std::sync::Arc;

use prometheus::IntCounter;
use tokio::time::Instant;

use super::gate::{GATE_TIMEOUT, Gate, GateError, no_longer_public};
use super::hold::Obstacle;
use crate::queue::{Entry, Queue};

/// One connector's view of the gate.
pub(super) struct Screen {
    pub(super) connector: String,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) gate: Arc<dyn Gate>,
    /// It is not told of what became private.
    pub(super) drops_private: bool,
    pub(super) redacted: IntCounter,
}

/// A batch after the judgement.
pub(super) struct Judged {
    /// May leave, as it is here.
    pub(super) wanted: Vec<Entry>,
    /// Sequences of what is not wanted any more.
    pub(super) ignored: Vec<i64>,
    /// When the gate was asked: a judgement grows old.
    pub(super) at: Instant,
}

impl Judged {
    /// Itself, unless it is older than any answer of the gate: then the process stood still, or the store took long to forget.
    pub(super) fn in_time(self) -> Result<Self, Obstacle> {
        let age = self.at.elapsed();
        if age <= GATE_TIMEOUT {
            return Ok(self);
        }
        let message = format!(
            "the judgement was {} s old before it could be used; see whether the machine or the store's disk stalls",
            age.as_secs()
        );
        Err(GateError { message }.into())
    }
}

impl Screen {
    /// What may leave, as it may leave. The store forgets first what may not.
    pub(super) async fn judge(&self, mut entries: Vec<Entry>) -> Result<Judged, Obstacle> {
        // Also what is its event alone, of which nobody is asked whether it is public. What scripts dropped is not the database's.
        if entries.iter().any(|entry| entry.envelope.origin.subject().is_some()) {
            self.gate.admitted().await?;
        }
        // Its age counts from the question: what the answer says may be that old when it comes.
        let at = Instant::now();
        let closed = no_longer_public(&*self.gate, entries.iter()).await?;
        if !closed.is_empty() {
            self.queue.redact(closed.clone()).await?;
            self.redacted.inc_by(u64::try_from(closed.len()).unwrap_or(u64::MAX));
            let (connector, messages) = (&self.connector, closed.len());
            tracing::info!(connector, messages, "became private: only their events are kept");
        }
        let closed: HashSet<i64> = closed.into_iter().collect();
        for envelope in entries.iter_mut().map(|entry| &mut entry.envelope) {
            if closed.contains(&envelope.sequence) {
                envelope.body = envelope.body.redacted();
            }
        }
        // Also what another connector's judgement redacted: the queue's filter saw it when it was public.
        let (ignored, wanted): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| self.drops_private && entry.envelope.body.is_private());
        Ok(Judged { wanted, ignored: ignored.into_iter().map(|entry| entry.envelope.sequence).collect(), at })
    }
}
