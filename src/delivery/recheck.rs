//! The task that judges what lies in the store: whatever waits long, for whomever, is not judged by any attempt to send it.
//!
//! Parked messages, and those of connectors that are paused, disabled, gone or failing, are cut down here to their events
//! when they are not public any more. Nothing is sent, and no worker relies on it: each judges its batch itself.

use std::sync::Arc;
use std::time::Duration;

use super::Gate;
use super::gate::closed;
use super::hold::Obstacle;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::shutdown::Shutdown;

/// How often, and how soon after the start: a bug may have become private while nobody looked.
const INTERVAL: Duration = Duration::from_secs(3600);
const FIRST: Duration = Duration::from_secs(60);

/// Messages judged by one read of the database, and the pause between two reads: it is Bugzilla's.
const AT_ONCE: usize = 500;
const PAUSE: Duration = Duration::from_millis(200);

/// After a read that failed; it goes on where it was.
const AGAIN: Duration = Duration::from_secs(60);

/// Judges all that carries more than its event, again and again, until shutdown is requested.
pub async fn recheck(queue: Arc<dyn Queue>, gate: Arc<dyn Gate>, metrics: Metrics, shutdown: Shutdown) {
    let rounds = async {
        tokio::time::sleep(FIRST).await;
        let (mut after, mut failing) = (0, false);
        loop {
            let judged = judge_next(after, &*queue, &*gate, &metrics).await;
            if let Err(error) = &judged
                && !failing
            {
                tracing::warn!(%error, "what lies in the store cannot be judged now; it is tried again every minute");
            }
            failing = judged.is_err();
            let delay = match judged {
                Ok(Some(last)) => {
                    after = last;
                    PAUSE
                }
                Ok(None) => {
                    after = 0;
                    INTERVAL
                }
                Err(_) => AGAIN,
            };
            tokio::time::sleep(delay).await;
        }
    };
    tokio::select! {
        () = shutdown.requested() => {}
        () = rounds => {}
    }
}

/// Judges some of what lies behind the sequence `after`; gives the last of them, or `None` if there is nothing.
async fn judge_next(
    after: i64,
    queue: &dyn Queue,
    gate: &dyn Gate,
    metrics: &Metrics,
) -> Result<Option<i64>, Obstacle> {
    let bodies = queue.public_bodies(after, AT_ONCE).await?;
    let Some(&(last, _)) = bodies.last() else { return Ok(None) };
    let closed = closed(gate, bodies.iter().map(|(_, subject)| *subject)).await?;
    let private: Vec<i64> =
        bodies.into_iter().filter(|(_, subject)| closed.contains(subject)).map(|(sequence, _)| sequence).collect();
    if !private.is_empty() {
        let messages = private.len();
        queue.redact(private).await?;
        let redacted = metrics.pipeline.redacted.with_label_values(&["became_private"]);
        redacted.inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
        tracing::info!(messages, "became private while they lay in the store: only their events are kept");
    }
    Ok(Some(last))
}
