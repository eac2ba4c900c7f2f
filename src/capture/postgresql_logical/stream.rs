//! When the slot is looked at, how far, and when it is advanced.
//!
//! Each look makes the server decode again from the slot's beginning, so looks are short, are left out while the log does not grow, and what
//! was told is acknowledged before the next one if whoever stores it is quick enough. What is told twice all the same is passed over.

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use prometheus::IntGauge;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::types::PgLsn;

use super::position::Stored;
use super::reader::Reader;
use super::slot::Slot;
use crate::capture::CaptureError;
use crate::capture::ahead::Sender;
use crate::changeset::Transaction;
use crate::database::postgresql::Session;

/// Between two looks while something comes, and at the most while nothing does.
const BUSY: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_millis(500);

/// The pause is so many times the look at least: where a long transaction makes every look slow, the server has most of its time for others.
const REST: u32 = 4;

/// See `sql/postgresql/query/logical_session.sql`: a third of what the server allows.
const SILENT_MAX: Duration = Duration::from_secs(3);

/// Messages of one look, but the last transaction is whole.
const MESSAGES: i32 = 2_000;

/// Of the log in one look, bytes: what others write is read through as well, and the server's answer must come in time.
const LOG_BYTES: u64 = 64 << 20;

/// How long the next look waits for the last one's acknowledgement.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(1);

/// How often at the most it is told how far we are when nothing of ours comes: the server keeps its log from there.
const PROGRESS: Duration = Duration::from_secs(10);

/// A slot that is read.
pub(super) struct Stream {
    pub(super) session: Session,
    pub(super) slot: String,
    pub(super) database: String,
    pub(super) reader: Reader,
    pub(super) retained_bytes: Option<IntGauge>,
}

/// What there is to know between two looks.
struct Course {
    /// The last position told.
    told: PgLsn,
    told_at: Instant,
    /// Messages looked at that the slot will give again until they are acknowledged.
    outstanding: i32,
    pause: Duration,
}

impl Stream {
    /// Runs until it fails, or nobody listens any more.
    pub(super) async fn run(mut self, tell_start: bool, acknowledged: watch::Receiver<PgLsn>, sender: Sender) {
        if let Err(error) = self.flow(tell_start, acknowledged, &sender).await {
            // Nobody listening any more is no failure.
            let _ = sender.send(Err(error)).await;
        }
    }

    async fn flow(
        &mut self,
        tell_start: bool,
        mut acknowledged: watch::Receiver<PgLsn>,
        sender: &Sender,
    ) -> Result<(), CaptureError> {
        if tell_start && !sender.send(Ok(nothing(self.reader.at(), 0)?)).await {
            return Ok(());
        }
        let mut course = Course { told: self.reader.at().lsn, told_at: Instant::now(), outstanding: 0, pause: BUSY };
        loop {
            let stored = *acknowledged.borrow_and_update();
            let began = Instant::now();
            let (transactions, more) = self.look(stored, &mut course).await?;
            let rest = began.elapsed() * REST;
            course.pause = if transactions.is_empty() { (course.pause * 2).min(IDLE) } else { BUSY };
            for transaction in transactions {
                let is_taken = tokio::select! {
                    is_taken = sender.send(Ok(transaction)) => is_taken,
                    never = self.stay() => match never {},
                };
                if !is_taken {
                    return Ok(());
                }
            }
            if !more {
                let _ = timeout(course.pause.max(rest), self.stay()).await;
            } else if course.outstanding > 0 {
                // Late or never: the next look is then as much longer.
                let told = course.told;
                let _ = timeout(ACKNOWLEDGED_WITHIN, acknowledged.wait_for(|stored| *stored >= told)).await;
            }
            if acknowledged.has_changed().is_err() {
                return Ok(());
            }
        }
    }

    /// A session that says nothing for long is taken for one whose process is frozen, and ended by the server.
    async fn stay(&self) -> Infallible {
        loop {
            sleep(SILENT_MAX).await;
            // If it fails, the next look says why.
            let _ = self.session.connection.client.simple_query("").await;
        }
    }

    /// Advances the slot to what is `stored`, and gives what is new; and whether there is more at once.
    async fn look(&mut self, stored: PgLsn, course: &mut Course) -> Result<(Vec<Transaction>, bool), CaptureError> {
        let slot = Slot { client: &self.session.connection.client, name: &self.slot };
        let looked_at = Timestamp::now().as_second();
        let state = slot.state().await?;
        if state.process != self.session.process {
            return Err(self.session.taken_apart(state.process, &self.slot).await.into());
        }
        let found = state.holds(&slot, &self.database, self.reader.at())?;
        if let Some(gauge) = &self.retained_bytes {
            gauge.set(found.retained);
        }
        if stored > found.confirmed {
            slot.advance(stored).await?;
        }
        if stored >= course.told {
            course.outstanding = 0;
        }
        let begin = self.reader.at().lsn;
        if state.flushed <= begin {
            return Ok((Vec::new(), false));
        }
        let upto = state.flushed.min(PgLsn::from(u64::from(begin).saturating_add(LOG_BYTES)));
        let messages = MESSAGES.saturating_add(course.outstanding);
        let mut look = self.reader.look();
        let count = slot.peek(upto, messages, &mut look).await?;
        let mut transactions = look.transactions;
        let is_cut = count >= messages;
        if !is_cut {
            self.reader.pass(upto);
        }
        course.outstanding = count;
        let at = self.reader.at();
        if let Some(last) = transactions.last_mut() {
            // What came behind it was none of ours.
            last.position = at.to_position()?;
        } else if course.is_progress_due(at.lsn) {
            // At the end, all that was committed before this look was seen; while catching up nobody knows of when it was.
            let is_at_end = !is_cut && upto == state.flushed;
            transactions.push(nothing(at, if is_at_end { looked_at } else { 0 })?);
        }
        if !transactions.is_empty() {
            (course.told, course.told_at) = (at.lsn, Instant::now());
        }
        Ok((transactions, is_cut || upto < state.flushed))
    }
}

impl Course {
    fn is_progress_due(&self, at: PgLsn) -> bool {
        let far = u64::from(at).saturating_sub(u64::from(self.told));
        far > 0 && (self.told_at.elapsed() >= PROGRESS || far >= LOG_BYTES || self.outstanding >= MESSAGES)
    }
}

/// A transaction with no rows: how far we are.
fn nothing(at: &Stored, committed_at: i64) -> Result<Transaction, CaptureError> {
    Ok(Transaction { position: at.to_position()?, committed_at, rows: vec![] })
}
