//! The task that reads the source: reconnects for ever, and hands over what it reads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;

use super::pause;
use super::progress::{Progress, now_ms};
use crate::backoff::Reconnect;
use crate::capture::{Capture, CaptureError, Gap, Source};
use crate::changeset::{Position, Transaction};
use crate::failure::Class;
use crate::metrics::SourceMetrics;

/// A transaction, and when it was committed as nearly as can be told.
pub(super) struct Captured {
    pub(super) transaction: Transaction,
    pub(super) committed_at_ms: i64,
    /// The first behind no position: the source was opened at its present end.
    pub(super) begins_anew: bool,
    /// Its rows' share of [`ROWS_MAX`].
    _room: OwnedSemaphorePermit,
}

/// Rows read ahead, at the most, about 100 bytes each; a transaction of more is taken alone.
const ROWS_MAX: u32 = 20_000;

/// A gap that comes sooner after another waits, longer each time.
const GAPS_APART: Duration = Duration::from_secs(60);

/// Sources date commits to the second. One read within this time of its date was read as it was committed.
const LIVE_MS: i64 = 1_500;

pub(super) struct Intake {
    pub(super) source: Arc<dyn Source>,
    pub(super) metrics: SourceMetrics,
    pub(super) progress: Arc<Progress>,
    pub(super) taken: mpsc::Sender<Captured>,
    pub(super) acknowledgements: watch::Receiver<Option<Position>>,
    /// The position to begin at is the store's: from the first moment on nothing is lost.
    pub(super) is_stored: bool,
    /// When the last one was committed, in milliseconds, as far as anybody knows.
    pub(super) known_ms: Option<i64>,
}

impl Intake {
    /// Runs until nobody takes any more.
    pub(super) async fn run(mut self, mut position: Option<Position>) {
        let mut reconnect = Reconnect::default();
        let (mut gaps, mut last_gap) = (Reconnect::default(), None::<Instant>);
        let mut last_error = String::new();
        let mut counted: Option<(Gap, Option<Position>)> = None;
        for gap in Gap::ALL {
            self.metrics.gaps.with_label_values(&[gap.as_str()]);
        }
        let taken = self.taken.clone();
        let room = Arc::new(Semaphore::new(ROWS_MAX as usize));
        loop {
            let error = tokio::select! {
                () = taken.closed() => return,
                error = self.read(&room, &mut position, &mut reconnect, &mut last_error) => error,
            };
            self.metrics.connected.set(0);
            self.progress.connected(false);
            if error.gap.is_some_and(|gap| !gap.can_be_swept()) {
                self.progress.refused();
            }
            // Once for a position, however often it is met.
            let gap = error.gap.map(|gap| (gap, position.clone()));
            if let Some((gap, _)) = gap.as_ref().filter(|_| gap != counted) {
                self.metrics.gaps.with_label_values(&[gap.as_str()]).inc();
            }
            let can_be_swept = error.gap.is_some_and(Gap::can_be_swept) && position.is_some();
            counted = gap.or(counted);
            if can_be_swept {
                tracing::error!(%error, "changes are lost to this way in: it goes on at its present end, and Bugzilla's history tells them");
                position = None;
                if last_gap.replace(Instant::now()).is_none_or(|gap| gap.elapsed() > GAPS_APART) {
                    gaps.reset();
                    continue;
                }
                // Each gap has the history read: one that comes again at once must not do so all the time.
                tokio::select! {
                    () = taken.closed() => return,
                    () = pause(Class::Transient, &mut gaps) => continue,
                }
            }
            // Said once, and again when it changes: not at every attempt.
            if error.message != last_error {
                tracing::error!(class = error.class.as_str(), %error, "the change source is not read");
                last_error = error.message;
            }
            tokio::select! {
                () = taken.closed() => return,
                () = pause(error.class, &mut reconnect) => {}
            }
        }
    }

    /// Reads until it fails; `position` follows what was handed over.
    async fn read(
        &mut self,
        room: &Arc<Semaphore>,
        position: &mut Option<Position>,
        reconnect: &mut Reconnect,
        last_error: &mut String,
    ) -> CaptureError {
        let mut capture = match self.source.open(position.as_ref()).await {
            Ok(capture) => capture,
            Err(error) => return error,
        };
        tracing::info!(resumed = position.is_some(), "the change source is open");
        self.metrics.connected.set(1);
        if self.is_stored {
            self.progress.resumed();
        }
        self.progress.connected(true);
        let mut begins_anew = position.is_none();
        loop {
            let transaction = tokio::select! {
                transaction = capture.next() => transaction,
                Ok(()) = self.acknowledgements.changed() => {
                    match self.acknowledge(capture.as_mut()).await {
                        Ok(()) => continue,
                        Err(error) => return error,
                    }
                }
            };
            let transaction = match transaction {
                Ok(transaction) => transaction,
                Err(error) => return error,
            };
            reconnect.reset();
            last_error.clear();
            self.progress.taken();
            *position = Some(transaction.position.clone());
            // Behind no position it is the present.
            let known_ms = self.known_ms.filter(|_| !begins_anew);
            let committed_at_ms = commit_time_ms(transaction.committed_at, known_ms, now_ms());
            self.known_ms = Some(committed_at_ms);
            let rows = u32::try_from(transaction.rows.len()).unwrap_or(ROWS_MAX).min(ROWS_MAX);
            let Ok(room) = Arc::clone(room).acquire_many_owned(rows).await else {
                return CaptureError::transient("stopping");
            };
            if self.taken.send(Captured { transaction, committed_at_ms, begins_anew, _room: room }).await.is_err() {
                return CaptureError::transient("stopping");
            }
            begins_anew = false;
        }
    }

    async fn acknowledge(&mut self, capture: &mut dyn Capture) -> Result<(), CaptureError> {
        let position = self.acknowledgements.borrow_and_update().clone();
        match position {
            Some(position) => capture.acknowledge(&position).await,
            None => Ok(()),
        }
    }
}

/// The source's date where it is old, else the moment of reading: its dates are whole seconds. Undated, it is as old as the one
/// before: were it taken for new, a source that catches up would seem to be at its end.
fn commit_time_ms(committed_at: i64, known_ms: Option<i64>, now_ms: i64) -> i64 {
    if committed_at <= 0 {
        return known_ms.unwrap_or(now_ms);
    }
    let dated = committed_at.saturating_mul(1000);
    if (now_ms - dated).abs() < LIVE_MS { now_ms } else { dated }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bears_no_date_is_as_old_as_what_came_before_it() {
        assert_eq!(commit_time_ms(0, Some(7_000), 900_000), 7_000);
        assert_eq!(commit_time_ms(0, None, 900_000), 900_000);
    }

    #[test]
    fn a_commit_of_this_moment_was_read_as_it_was_committed() {
        assert_eq!(commit_time_ms(899, Some(7_000), 900_000), 900_000);
        assert_eq!(commit_time_ms(800, Some(7_000), 900_000), 800_000);
    }
}
