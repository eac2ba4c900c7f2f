//! What is told from Bugzilla's history before the source is read on: everything since a start in the past, or what a gap swallowed.
//!
//! The source was opened at its present end before, so that nothing falls between the two. It waits meanwhile, for the messages of
//! a bug leave in the order of its saves. In a zone that is not Bugzilla's the span would be another, and what is left out of it would count
//! as told: that is waited for as well. A clock that is merely off is not, for it dates the rows as it dates the span.

use async_trait::async_trait;

use super::intake::Lost;
use super::sweep::{Found, Listener, SweepError};
use super::{Pipeline, pause};
use crate::backoff::Reconnect;
use crate::capture::history::{Clock, Fit};
use crate::changeset::Position;
use crate::queue::{Checkpoint, SweepMark};

/// A transaction lasts no longer, in seconds. What it dates earlier is imported, and stands among what was told long ago.
const TRANSACTION_MAX: i64 = 24 * 3_600;

/// A clock that rounds is half a second ahead: a save that bears the next second may have been committed before the source was open.
const ROUNDED: i64 = 1;

/// The pipeline, at a checkpoint.
struct Behind<'a> {
    pipeline: &'a Pipeline,
    stored: &'a Checkpoint,
}

#[async_trait]
impl Listener for Behind<'_> {
    async fn tell(&self, found: Found) -> Result<usize, SweepError> {
        Ok(self.pipeline.tell_found(found, self.stored).await)
    }
}

impl Pipeline {
    /// Where the source is opened: where the last run stood; on a fresh store at the start, if the source can begin there by itself.
    pub(super) async fn first_position(&self, stored: Option<&Checkpoint>) -> Option<Position> {
        if let Some(stored) = stored {
            return Some(stored.position.clone());
        }
        let start = self.sweep.start.filter(|_| !self.from_now)?;
        let position = self.source.position_at(start)?;
        // The start may be written in a zone that is not Bugzilla's.
        self.sweep.now(Clock::is_in).await;
        self.set_mark(SweepMark { start, until: start, first: None }).await;
        Some(position)
    }

    /// The source begins anew at its present end, behind `stored` if it had been read before. What lies between is told first.
    pub(super) async fn begin_anew(&self, stored: Option<&Checkpoint>) {
        let known = self.mark().await.filter(|_| stored.is_some());
        let start = self.sweep.start.filter(|_| !self.from_now);
        // The start may be written in a zone that is not Bugzilla's; without one it is now in any zone.
        let fits: Fit = if known.is_none() && start.is_some() { Clock::is_in } else { |_, _| Ok(()) };
        let now = self.sweep.now(fits).await.saturating_add(ROUNDED);
        let mark = match (known, start) {
            (Some(mark), _) => {
                tracing::warn!(
                    since = mark.until,
                    "the gap is repaired from Bugzilla's history; the source waits for it"
                );
                SweepMark { first: Some(now), ..mark }
            }
            (None, Some(start)) if start < now => {
                tracing::info!(since = start, "everything since the configured start is told first");
                SweepMark { start, until: start, first: Some(now) }
            }
            (None, _) => SweepMark { start: now, until: now, first: None },
        };
        self.set_mark(mark).await;
    }

    /// What is dated since then is lost to the source and may be older than all that is to be looked at: it is told first, too. Written down
    /// before the source begins anew, and whatever becomes of it then.
    pub(super) async fn lose(&self, Lost { since, noted }: Lost) {
        if let Some(mark) = self.mark().await {
            let now = self.sweep.now(Clock::is_in).await;
            let since = since.to_epoch(self.sweep.history.zone()).max(now.saturating_sub(TRANSACTION_MAX));
            // Also what bears a time from before the start: it was committed after it.
            let (start, until) = (mark.start.min(since), mark.until.min(since));
            let first = mark.first.max(Some(now.saturating_add(ROUNDED)));
            self.set_mark(SweepMark { start, until, first }).await;
        }
        // The source may have been given up meanwhile.
        let _ = noted.send(());
    }

    /// Tells what is to be told first, if there is something. Waits for the source to be open: another server's history is not read.
    pub(super) async fn tell_first(&self, stored: &Checkpoint) {
        let mut reconnect = Reconnect::default();
        while let Some((mark, until)) = self.mark().await.and_then(|mark| Some((mark, mark.first?))) {
            self.progress.opened().await;
            match self.tell_history(mark, until, stored).await {
                Ok(messages) => tracing::info!(messages, "Bugzilla's history is told; the source is read on"),
                Err(error) => {
                    tracing::warn!(%error, "changes wait: Bugzilla's history cannot be told");
                    pause(error.class(), &mut reconnect).await;
                }
            }
        }
    }

    async fn tell_history(&self, mark: SweepMark, until: i64, stored: &Checkpoint) -> Result<usize, SweepError> {
        self.sweep.fit_clock(Clock::is_in).await?;
        self.sweep.over(&*self.queue, mark, until, &Behind { pipeline: self, stored }).await
    }

    /// A store of an older version has no mark: all that its checkpoint stands behind was told.
    pub(super) async fn mark_older_store(&self, stored: &Checkpoint) {
        if self.mark().await.is_none() {
            let start = stored.committed_at.saturating_add(1);
            self.set_mark(SweepMark { start, until: start, first: None }).await;
        }
    }

    async fn mark(&self) -> Option<SweepMark> {
        self.patiently(|| self.queue.swept()).await
    }

    async fn set_mark(&self, mark: SweepMark) {
        self.patiently(|| self.queue.set_swept(mark)).await;
    }
}
