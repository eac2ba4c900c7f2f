//! The sweep: compares Bugzilla's history with what was told, now and then, and hands over what the way in did not deliver.
//!
//! It reads in a task of its own and judges nothing: the pipeline asks the ledger once more, builds and stores what is handed over
//! when the way in gives it time. It looks only behind the way in, whose saves it must not overtake.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::progress::{Progress, now_ms};
use super::{pause, sift};
use crate::backoff::Reconnect;
use crate::bugzilla::LocalTime;
use crate::capture::history::{Clock, ClockFault, Cursor, Fit, History, Page, Span};
use crate::capture::identity::Admission;
use crate::changeset::{ChangeSet, group};
use crate::failure::Class;
use crate::queue::{Queue, QueueError, SweepMark};

/// Saves younger than this are left to the way in, in seconds.
const BEHIND: i64 = 10;

/// How often it is looked whether there is something to sweep by now.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a sweep needs, and how it goes about it.
#[derive(Clone)]
pub struct Sweep {
    /// Bugzilla's history.
    pub history: History,
    /// From one to the next.
    pub interval: Duration,
    /// How late a save may be committed after the second that it bears.
    pub window: Duration,
    /// Where a fresh store begins, in seconds since 1970; none: now.
    pub start: Option<i64>,
}

/// Change sets that the ledger does not know, with the times of their saves in milliseconds.
pub(super) type Found = Vec<(ChangeSet, i64)>;

/// Handed over to the pipeline, which answers how many messages were stored.
pub(super) struct Handed {
    pub(super) found: Found,
    pub(super) stored: oneshot::Sender<usize>,
}

/// Sweeps now and then until nobody takes any more.
pub(super) struct Sweeper {
    pub(super) sweep: Sweep,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) progress: Arc<Progress>,
    /// Another server's history may be that of another Bugzilla.
    pub(super) admission: Arc<Admission>,
    pub(super) handed: mpsc::Sender<Handed>,
}

/// Why a sweep did not come to its end; it begins again where it broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum SweepError {
    #[error(transparent)]
    Database(#[from] crate::database::DatabaseError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// What was read may be another server's.
    #[error("the change source broke off meanwhile")]
    Unsettled,
    /// The times of the history mean something else than the configuration says: what they span is not known.
    #[error("{0}; `bugrelay check` has the line that mends it")]
    Clock(#[from] ClockFault),
    /// Nobody takes what is found.
    #[error("stopping")]
    Stopping,
}

impl SweepError {
    /// How soon it may be over.
    pub(super) fn class(&self) -> Class {
        match self {
            SweepError::Database(error) => error.class,
            SweepError::Clock(_) => Class::Misconfigured,
            SweepError::Queue(_) | SweepError::Unsettled | SweepError::Stopping => Class::Transient,
        }
    }
}

/// Who tells what was found.
#[async_trait]
pub(super) trait Listener: Send + Sync {
    /// Gives how many messages were stored.
    async fn tell(&self, found: Found) -> Result<usize, SweepError>;
}

impl Sweeper {
    pub(super) async fn run(self) {
        let mut due = Instant::now();
        loop {
            tokio::select! {
                () = self.handed.closed() => return,
                () = tokio::time::sleep_until(due) => {}
            }
            due = match self.sweep_once().await {
                Ok(true) => Instant::now() + self.sweep.interval,
                Ok(false) => Instant::now() + PATIENCE,
                Err(SweepError::Stopping) => return,
                Err(error) => {
                    tracing::warn!(%error, "Bugzilla's history was not swept; it is tried again");
                    Instant::now() + self.sweep.interval
                }
            };
        }
    }

    /// `false`: there is nothing yet that the sweep may look at.
    async fn sweep_once(&self) -> Result<bool, SweepError> {
        let Some(mark) = self.queue.swept().await?.filter(|mark| mark.first.is_none()) else { return Ok(false) };
        let Some(bound) = self.settled_until() else { return Ok(false) };
        let clock = self.sweep.fit_clock(Clock::check).await?;
        let until = bound.min(clock.now).saturating_sub(BEHIND);
        if until < mark.start {
            return Ok(false);
        }
        let stored = self.sweep.over(&*self.queue, mark, until, self).await?;
        if stored > 0 {
            let since = mark.until;
            tracing::warn!(messages = stored, since, until, "the sweep told what the way in did not deliver");
        }
        Ok(true)
    }
}

impl Sweeper {
    /// The last second that may be looked at; none: nobody knows, or the server is none of ours.
    fn settled_until(&self) -> Option<i64> {
        self.progress.settled_until(now_ms(), self.sweep.interval).filter(|_| self.admission.is_admitted())
    }
}

#[async_trait]
impl Listener for Sweeper {
    async fn tell(&self, found: Found) -> Result<usize, SweepError> {
        // The name may lead to another server by now, which the source alone can tell.
        if self.settled_until().is_none() {
            return Err(SweepError::Unsettled);
        }
        let (stored, answer) = oneshot::channel();
        self.handed.send(Handed { found, stored }).await.map_err(|_| SweepError::Stopping)?;
        answer.await.map_err(|_| SweepError::Stopping)
    }
}

impl Sweep {
    /// Tells everything from the mark (less the window) up to and with the second `until`, and moves the mark as it goes. A mark that is
    /// ahead, as a clock leaves it that was, is no reason not to look at the window behind `until`.
    pub(super) async fn over(
        &self,
        queue: &dyn Queue,
        mark: SweepMark,
        until: i64,
        listener: &dyn Listener,
    ) -> Result<usize, SweepError> {
        let zone = self.history.zone().clone();
        let window = i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX);
        let from = self
            .history
            .since(mark.until.min(until).saturating_sub(window))
            .max(LocalTime::of_epoch(mark.start, &zone));
        let to = Some(LocalTime::of_epoch(until, &zone).a_second_later());
        let span = Span { from, to, bugs: vec![] };
        let mut cursor = Some(span.begin()).filter(|_| !span.is_empty());
        let mut stored = 0;
        while let Some(place) = cursor {
            let page = self.history.page(&span, place).await?;
            cursor = page.next;
            let found = sift::untold(queue, self.change_sets(&page)).await?;
            if !found.is_empty() {
                stored += listener.tell(found).await?;
            }
            if let Some(Cursor { at, .. }) = cursor.filter(|cursor| cursor.at > place.at) {
                // A restart goes on from here, less the window once more. Never back: an hour may be repeated.
                let reached = at.to_epoch(&zone).saturating_sub(1).min(until);
                self.reached(queue, SweepMark { until: reached.max(mark.until), ..mark }).await?;
            }
        }
        if mark.first.is_some() {
            queue.set_swept(SweepMark { until: until.max(mark.until), first: None, ..mark }).await?;
        } else if !span.is_empty() {
            queue.swept_on(until).await?;
        }
        Ok(stored)
    }

    /// What is told first is the pipeline's own mark. The sweep beside it moves on only if no gap was found since it looked.
    async fn reached(&self, queue: &dyn Queue, mark: SweepMark) -> Result<(), QueueError> {
        match mark.first {
            Some(_) => queue.set_swept(mark).await,
            None => queue.swept_on(mark.until).await,
        }
    }

    /// Each save by itself: its rows are taken for one commit.
    pub(super) fn change_sets(&self, page: &Page) -> Found {
        let zone = self.history.zone();
        let sets = |save: &crate::capture::history::Save| {
            let saved_at_ms = save.id.at.to_epoch(zone).saturating_mul(1000);
            group(&save.rows).map(move |set| (set, saved_at_ms)).collect::<Vec<_>>()
        };
        page.saves.iter().flat_map(sets).collect()
    }

    /// The database's clock, however long it takes to be told, and to be fit.
    pub(super) async fn now(&self, fits: Fit) -> i64 {
        let mut reconnect = Reconnect::default();
        loop {
            match self.fit_clock(fits).await {
                Ok(clock) => return clock.now,
                Err(error) => {
                    let class = error.class();
                    tracing::warn!(class = class.as_str(), %error, "capture waits for the database's clock");
                    pause(class, &mut reconnect).await;
                }
            }
        }
    }

    /// The database's clock, if it is fit.
    pub(super) async fn fit_clock(&self, fits: Fit) -> Result<Clock, SweepError> {
        Ok(self.history.fit_clock(fits).await??)
    }
}
