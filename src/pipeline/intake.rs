//! The task that reads the source: reconnects for ever, and hands over what it reads. Which server it is, is asked before and now and then.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::pause;
use super::progress::{Progress, now_ms};
use crate::backoff::Reconnect;
use crate::bugzilla::LocalTime;
use crate::capture::identity::{Admission, Found, Guard, Refusal, Server, Verdict};
use crate::capture::{Capture, CaptureError, Gap, Source};
use crate::changeset::{Position, Transaction};
use crate::failure::Class;
use crate::metrics::SourceMetrics;
use crate::queue::Queue;

/// A transaction, and when it was committed as nearly as can be told.
pub(super) struct Captured {
    pub(super) transaction: Transaction,
    pub(super) committed_at_ms: i64,
    /// The server that it came from, as the checkpoint stores it.
    pub(super) server: Arc<str>,
    /// The first behind no position: the source was opened at its present end.
    pub(super) begins_anew: bool,
    /// Its rows' share of [`ROWS_MAX`].
    _room: OwnedSemaphorePermit,
}

/// Rows dated since then are lost to the source, as [`CaptureError::since`] says. Answered when it is written down that they are to be told.
pub(super) struct Lost {
    pub(super) since: LocalTime,
    pub(super) noted: oneshot::Sender<()>,
}

/// Rows read ahead, at the most, about 100 bytes each; a transaction of more is taken alone.
const ROWS_MAX: u32 = 20_000;

/// A gap that comes sooner after another waits, longer each time.
const GAPS_APART: Duration = Duration::from_secs(60);

/// Sources date commits to the second. One read within this time of its date was read as it was committed.
const LIVE_MS: i64 = 1_500;

/// How often it is asked whether the server is still the same, and how far its history goes.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

pub(super) struct Intake {
    pub(super) source: Arc<dyn Source>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) guard: Arc<Guard>,
    pub(super) admission: Arc<Admission>,
    /// The server that the position is of.
    pub(super) known: Option<Server>,
    pub(super) metrics: SourceMetrics,
    pub(super) progress: Arc<Progress>,
    pub(super) taken: mpsc::Sender<Captured>,
    pub(super) losses: mpsc::Sender<Lost>,
    pub(super) acknowledgements: watch::Receiver<Option<Position>>,
    /// The position to begin at is the store's: from the first moment on nothing is lost.
    pub(super) is_stored: bool,
    /// When the last one was committed, in milliseconds, as far as anybody knows.
    pub(super) known_ms: Option<i64>,
    /// Nothing was sent by this process yet: what a store on the same server lost before, nobody knows.
    pub(super) is_first: bool,
}

/// Why the source is not read (any more).
enum Stop {
    Error(CaptureError),
    /// The server may be a copy.
    Refused(Arc<Refusal>),
}

impl From<CaptureError> for Stop {
    fn from(error: CaptureError) -> Self {
        Stop::Error(error)
    }
}

fn refused(known: Option<Server>, found: &Found, why: &str) -> Stop {
    Stop::Refused(Arc::new(Refusal::new(known, found.server.clone(), why)))
}

/// A server before it is read.
struct Recognised {
    found: Found,
    /// It is not where the position was issued, or nobody knows where that was: what it answers to the position decides.
    is_elsewhere: bool,
    is_failover: bool,
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
            let stop = tokio::select! {
                () = taken.closed() => return,
                stop = self.read(&room, &mut position, &mut reconnect, &mut last_error) => stop,
            };
            self.metrics.connected.set(0);
            self.progress.connected(false);
            let (error, is_refused) = self.explain(stop);
            // Once for a position, however often it is met.
            let gap = error.gap.map(|gap| (gap, position.clone()));
            if let Some((gap, _)) = gap.as_ref().filter(|_| gap != counted) {
                self.metrics.gaps.with_label_values(&[gap.as_str()]).inc();
            }
            let can_be_swept = error.gap.is_some() && position.is_some() && !is_refused;
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
                server = self.admission.adopted() => self.known = Some(server),
                () = pause(error.class, &mut reconnect) => {}
            }
        }
    }

    /// Waits until it is written down that what is dated since then is to be told: a source that begins anew may forget it.
    async fn note(&mut self, since: LocalTime) -> Result<(), CaptureError> {
        let (noted, answer) = oneshot::channel();
        let losses = self.losses.clone();
        let noting = async move {
            losses.send(Lost { since, noted }).await.map_err(|_| stopping())?;
            answer.await.map_err(|_| stopping())
        };
        self.looking(noting).await
    }

    /// Waits for the pipeline, which may wait itself until it is known who answers.
    async fn looking<T>(&mut self, waiting: impl Future<Output = Result<T, CaptureError>>) -> Result<T, CaptureError> {
        let mut waiting = pin!(waiting);
        loop {
            tokio::select! {
                done = &mut waiting => return done,
                () = self.admission.doubted() => {}
            }
            self.look_again().await?;
        }
    }

    /// Whoever sends hears of a server that is refused.
    fn explain(&self, stop: Stop) -> (CaptureError, bool) {
        match stop {
            Stop::Error(error) => (error, false),
            Stop::Refused(refusal) => {
                self.metrics.refused.set(1);
                let error = CaptureError::gap(Gap::ForeignServer, refusal.message.clone());
                self.admission.refuse(refusal);
                (error, true)
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
    ) -> Stop {
        let opened = match self.recognise(position).await {
            Ok(recognised) => self.open(recognised, position.as_ref()).await,
            Err(stop) => Err(stop),
        };
        let mut capture = match opened {
            Ok(capture) => capture,
            Err(stop) => return stop,
        };
        let capture = capture.as_mut();
        let mut error = self.flow(capture, room, position, reconnect, last_error).await;
        // The source counts as open and its server as known until this is done: whoever writes it down waits for both. So long nobody else
        // gets what is ours there.
        if let Some(since) = error.since
            && let Err(other) = beside(capture, self.note(since)).await
        {
            error = other;
        }
        // Whoever answers to the name from now on may be another.
        self.admission.forget();
        error.into()
    }

    /// Asks the server who it is, before anything of it is read.
    async fn recognise(&mut self, position: &mut Option<Position>) -> Result<Recognised, Stop> {
        let found = self.guard.look_anew().await.map_err(CaptureError::from)?;
        let mut recognised = Recognised { found, is_elsewhere: position.is_some(), is_failover: false };
        if let Some(known) = self.known.clone() {
            let found = &recognised.found;
            recognised.is_elsewhere = found.server.is_elsewhere(&known);
            let verdict = found.judge(&known);
            let is_another = matches!(verdict, Verdict::Failover | Verdict::Adopted | Verdict::Restored(..));
            if self.is_first && is_another {
                let failed =
                    |error| CaptureError::transient(format!("what waits cannot be marked as perhaps sent: {error}"));
                self.queue.doubt().await.map_err(failed)?;
                self.is_first = false;
            }
            match verdict {
                Verdict::Known => {}
                Verdict::Failover => recognised.is_failover = true,
                Verdict::Adopted => {
                    tracing::info!(server = %found.server, "the server was adopted: it is read from its present end, behind what its history tells");
                    *position = None;
                }
                Verdict::Behind(why) => {
                    let message = format!(
                        "the server is a replica that does not have yet what was read: {why}; it is waited for"
                    );
                    return Err(CaptureError::transient(message).into());
                }
                // Nothing was read of it that could be lost.
                Verdict::Restored(..) if position.is_none() => {}
                Verdict::Restored(gap, why) => {
                    self.known = Some(found.server.clone());
                    let message =
                        format!("{} was restored from a backup, or lost the end of its log: {why}", found.server);
                    return Err(CaptureError::gap(gap, message).into());
                }
                Verdict::Copy(why) => {
                    return Err(refused(Some(known), found, &why));
                }
            }
        }
        if !recognised.is_elsewhere {
            self.admit(&recognised.found);
        }
        Ok(recognised)
    }

    /// Opens the source there. One that is elsewhere is the right one if it goes on from the position.
    async fn open(&mut self, recognised: Recognised, position: Option<&Position>) -> Result<Box<dyn Capture>, Stop> {
        let Recognised { found, is_elsewhere, is_failover } = recognised;
        let capture = self.source.open(position).await.map_err(|error| {
            if is_elsewhere && error.gap.is_some_and(Gap::is_of_another_history) {
                return refused(self.known.clone(), &found, &error.message);
            }
            Stop::Error(error)
        })?;
        if is_failover {
            let from = self.known.as_ref().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(%from, to = %found.server, "another server of the same history has taken over: going on there");
            self.metrics.failovers.inc();
        }
        self.admit(&found);
        self.known = Some(found.server);
        tracing::info!(resumed = position.is_some(), "the change source is open");
        self.metrics.connected.set(1);
        if self.is_stored {
            self.progress.resumed();
        }
        self.progress.connected(true);
        Ok(capture)
    }

    fn admit(&mut self, found: &Found) {
        self.is_first = false;
        self.metrics.refused.set(0);
        self.admission.admit(&found.instance);
    }

    /// Hands over what an open source yields.
    async fn flow(
        &mut self,
        capture: &mut dyn Capture,
        room: &Arc<Semaphore>,
        position: &mut Option<Position>,
        reconnect: &mut Reconnect,
        last_error: &mut String,
    ) -> CaptureError {
        let mut begins_anew = position.is_none();
        let mut server: Arc<str> = self.known.as_ref().map(Server::to_text).unwrap_or_default().into();
        let mut look_at = Instant::now() + LOOK_INTERVAL;
        loop {
            let transaction = tokio::select! {
                transaction = capture.next() => transaction,
                Ok(()) = self.acknowledgements.changed() => {
                    match self.acknowledge(capture).await {
                        Ok(()) => continue,
                        Err(error) => return error,
                    }
                }
                () = time_to_look(look_at, &self.admission) => {
                    look_at = Instant::now() + LOOK_INTERVAL;
                    match beside(capture, self.look_again()).await {
                        Ok(now) => server = now.into(),
                        Err(error) => return error,
                    }
                    continue;
                }
            };
            let transaction = match transaction {
                Ok(transaction) => transaction,
                Err(error) => return error,
            };
            reconnect.reset();
            last_error.clear();
            // Behind no position it is the present.
            let known_ms = self.known_ms.filter(|_| !begins_anew);
            let committed_at_ms = commit_time_ms(transaction.committed_at, known_ms, now_ms());
            self.known_ms = Some(committed_at_ms);
            let rows = u32::try_from(transaction.rows.len()).unwrap_or(ROWS_MAX).min(ROWS_MAX);
            let (room, taken) = (Arc::clone(room), self.taken.clone());
            let place = async move {
                let room = room.acquire_many_owned(rows).await.map_err(|_| stopping())?;
                Ok((room, taken.reserve_owned().await.map_err(|_| stopping())?))
            };
            let (_room, place) = match beside(capture, self.looking(place)).await {
                Ok(found) => found,
                Err(error) => return error,
            };
            self.progress.taken();
            *position = Some(transaction.position.clone());
            let server = Arc::clone(&server);
            place.send(Captured { transaction, committed_at_ms, server, begins_anew, _room });
            begins_anew = false;
        }
    }

    /// Whether the same server still answers behind the name; gives what is stored of it.
    async fn look_again(&mut self) -> Result<String, CaptureError> {
        let known = self.known.as_ref();
        match self.guard.look_anew().await {
            Ok(found) if known.is_none_or(|known| found.judge(known) == Verdict::Known) => {
                self.admit(&found);
                self.known = Some(found.server);
            }
            Ok(found) => {
                let message = format!(
                    "{} answers now, and not the server that was read until now: connecting anew",
                    found.server
                );
                return Err(CaptureError::transient(message));
            }
            // The source says by itself when the server is away.
            Err(error) => tracing::debug!(%error, "the server does not say who it is"),
        }
        Ok(self.known.as_ref().map(Server::to_text).unwrap_or_default())
    }

    async fn acknowledge(&mut self, capture: &mut dyn Capture) -> Result<(), CaptureError> {
        let position = self.acknowledgements.borrow_and_update().clone();
        match position {
            Some(position) => capture.acknowledge(&position).await,
            None => Ok(()),
        }
    }
}

/// Nobody takes any more.
fn stopping() -> CaptureError {
    CaptureError::transient("stopping")
}

/// Returns at that time, or when another server answered somebody.
async fn time_to_look(at: Instant, admission: &Admission) {
    tokio::select! {
        () = tokio::time::sleep_until(at) => {}
        () = admission.doubted() => {}
    }
}

/// Does this while nothing is taken from the source, however long it takes.
async fn beside<T>(capture: &mut dyn Capture, what: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = what => done,
        never = capture.stay() => match never {},
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
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::capture::Finding;
    use crate::database::sqlite::Sqlite;
    use crate::metrics::Metrics;
    use crate::queue::sqlite::{Settings, SqliteQueue};

    /// A source of one transaction that is too large; says whether somebody has it open.
    #[derive(Clone, Default)]
    struct TooLarge(Arc<AtomicBool>);

    struct Open(TooLarge);

    #[async_trait]
    impl Source for TooLarge {
        async fn open(&self, _: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError> {
            self.0.store(true, Ordering::SeqCst);
            Ok(Box::new(Open(self.clone())))
        }

        async fn check(&self) -> Vec<Finding> {
            vec![]
        }
    }

    #[async_trait]
    impl Capture for Open {
        async fn next(&mut self) -> Result<Transaction, CaptureError> {
            let since = LocalTime::new(2026, 11, 22, 5, 0, 0);
            Err(CaptureError { since, ..CaptureError::gap(Gap::TooLarge, "too large") })
        }

        async fn acknowledge(&mut self, _: &Position) -> Result<(), CaptureError> {
            Ok(())
        }
    }

    impl Drop for Open {
        fn drop(&mut self) {
            self.0.0.store(false, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn a_source_is_ours_until_it_is_written_down_what_is_lost_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let day = Duration::from_secs(86_400);
        let path = folder.path().join("store.db");
        let kept = Settings { path, max_megabytes: 1, sent_retention: day, parked_retention: day, told_retention: day };
        let database = Arc::new(Sqlite::new(folder.path().join("bugs")));
        let source = TooLarge::default();
        let (taken, _captured) = mpsc::channel(1);
        let (losses, mut lost) = mpsc::channel(1);
        let (_acknowledged, acknowledgements) = watch::channel(None);
        let intake = Intake {
            source: Arc::new(source.clone()),
            queue: Arc::new(SqliteQueue::open(kept).unwrap()),
            guard: Arc::new(Guard::new(database, "file".to_owned(), "bugs".to_owned())),
            admission: Arc::default(),
            known: None,
            metrics: Metrics::new("0").unwrap().source,
            progress: Arc::default(),
            taken,
            losses,
            acknowledgements,
            is_stored: true,
            known_ms: None,
            is_first: true,
        };
        let reading = tokio::spawn(intake.run(Some(Position("here".to_owned()))));
        let Lost { noted, .. } = lost.recv().await.unwrap();
        // Whoever waits for it has a turn, if it would let go.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(source.0.load(Ordering::SeqCst), "another could open it");
        noted.send(()).unwrap();
        // It is opened anew, and begins with the same.
        lost.recv().await.unwrap();
        reading.abort();
    }

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
