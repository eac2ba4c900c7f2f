//! The open capture: looks at the queue, hands over whole transactions, and deletes their rows when they are stored.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::position::Stored;
use super::refusal::{interruption, shut};
use super::table::{Level, QueueTable, VALVE_ROWS};
use super::window::{Whole, whole};
use crate::capture::{Capture, CaptureError, ROWS_MAX};
use crate::changeset::{Position, Transaction};
use crate::metrics::SourceMetrics;

/// Rows asked for in one look, beside those that were handed over and are still there.
const LOOK_ROWS: usize = 5_000;

/// Rows handed over and not yet stored, above which nothing more is read.
const HELD_ROWS_MAX: usize = 20_000;

/// How often it is asked how full the queue is.
const LEVEL_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is asked whether the triggers are still there.
const INSPECTION_INTERVAL: Duration = Duration::from_secs(60);

/// A session that says nothing for long is taken for one whose process is frozen: a third of what `trigger_session.sql` allows.
const SILENT_MAX: Duration = Duration::from_secs(3);

/// The queue, read.
pub(super) struct TriggerCapture {
    table: Box<dyn QueueTable>,
    /// The position of the last transaction handed over.
    at: Stored,
    /// The first transaction has no rows: it tells where we begin.
    tell_start: bool,
    ready: VecDeque<Whole>,
    /// Handed over and not yet deleted, each with its number.
    held: VecDeque<(u64, Vec<i64>)>,
    /// The rows of `held` and of `ready`.
    known: HashSet<i64>,
    /// Rows of the next look: more while a transaction does not fit into one.
    look: usize,
    /// Rows of transactions that are not whole, at the most.
    rows_max: usize,
    measured: Option<Instant>,
    inspected: Instant,
    metrics: Option<SourceMetrics>,
}

impl TriggerCapture {
    pub(super) fn new(
        table: Box<dyn QueueTable>,
        at: Stored,
        tell_start: bool,
        rows_max: usize,
        metrics: Option<SourceMetrics>,
    ) -> Self {
        TriggerCapture {
            table,
            at,
            tell_start,
            ready: VecDeque::new(),
            held: VecDeque::new(),
            known: HashSet::new(),
            look: LOOK_ROWS,
            rows_max,
            measured: None,
            inspected: Instant::now(),
            metrics,
        }
    }

    /// Nothing waits between the first line and the last: a dropped `next` loses nothing.
    fn hand_over(&mut self, whole: Whole) -> Result<Transaction, CaptureError> {
        self.at.handed += 1;
        self.held.push_back((self.at.handed, whole.ids));
        Ok(Transaction { position: self.at.to_position()?, committed_at: whole.written_at, rows: whole.rows })
    }

    /// Takes in what has come and is whole.
    async fn read(&mut self) -> Result<(), CaptureError> {
        let limit = self.look + self.known.len();
        let mut look = self.table.first(limit).await?;
        let is_all = look.len() < limit;
        let last = look.last().map_or(0, |row| row.id);
        look.retain(|row| !self.known.contains(&row.id));
        let mut unfinished = BTreeSet::new();
        if !is_all {
            let transactions: BTreeSet<i64> = look.iter().map(|row| row.transaction).collect();
            let transactions: Vec<i64> = transactions.into_iter().collect();
            unfinished = self.table.behind(last, &transactions).await?;
        }
        let waiting = look.iter().filter(|row| unfinished.contains(&row.transaction)).count();
        if waiting > self.rows_max {
            // Whoever begins anew forgets all of the queue: of what others saved meanwhile the oldest counts as well, and what lies behind this
            // look was written later.
            return Err(CaptureError::too_large(self.rows_max, look.iter().filter_map(|row| row.change.as_ref())));
        }
        let whole = whole(look, &unfinished);
        // However large a transaction is, a look at last holds all of it, and soon: the memory of looks in vain is not all given back.
        self.look = LOOK_ROWS + (8 * waiting).min(ROWS_MAX).max(2 * waiting);
        self.known.extend(whole.iter().flat_map(|whole| whole.ids.iter().copied()));
        self.ready.extend(whole);
        Ok(())
    }

    /// Now and then: how full it is, and whether the triggers are still there.
    async fn watch(&mut self) -> Result<(), CaptureError> {
        if self.measured.is_some_and(|measured| measured.elapsed() < LEVEL_INTERVAL) {
            return Ok(());
        }
        let level = self.table.level().await?;
        self.measured = Some(Instant::now());
        self.tell(level);
        let is_near = level.closed_above - level.newest < VALVE_ROWS / 2;
        if level.is_shut() || (is_near && !self.table.raise_valve(VALVE_ROWS).await?) {
            return Err(shut());
        }
        if self.inspected.elapsed() >= INSPECTION_INTERVAL {
            self.inspected = Instant::now();
            if let Some(error) = interruption(&self.table.inspect().await?) {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The rows between the oldest and the newest id: what is rolled back makes it too high, and never too low.
    fn tell(&self, level: Level) {
        let Some(metrics) = &self.metrics else { return };
        let (rows, age) = level.oldest.map_or((0, 0.0), |(oldest, age)| (level.newest - oldest + 1, age));
        metrics.trigger_queue_rows.set(rows);
        metrics.trigger_queue_oldest_age_seconds.set(age);
    }
}

#[async_trait]
impl Capture for TriggerCapture {
    async fn next(&mut self) -> Result<Transaction, CaptureError> {
        if std::mem::take(&mut self.tell_start) {
            return Ok(Transaction { position: self.at.to_position()?, committed_at: 0, rows: vec![] });
        }
        loop {
            if let Some(whole) = self.ready.pop_front() {
                return self.hand_over(whole);
            }
            self.watch().await?;
            if self.known.len() < HELD_ROWS_MAX {
                self.read().await?;
            }
            if self.ready.is_empty() {
                self.table.wait().await?;
            }
        }
    }

    async fn acknowledge(&mut self, position: &Position) -> Result<(), CaptureError> {
        let stored = Stored::parse(position)?;
        let count = self.held.iter().take_while(|(number, _)| *number <= stored.handed).count();
        let ids: Vec<i64> = self.held.iter().take(count).flat_map(|(_, ids)| ids.iter().copied()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.table.forget(&ids).await?;
        self.held.drain(..count);
        for id in ids {
            self.known.remove(&id);
        }
        Ok(())
    }

    /// The valve stays where it is: what nobody takes must not fill Bugzilla's disk.
    async fn stay(&mut self) -> Infallible {
        loop {
            tokio::time::sleep(SILENT_MAX).await;
            if let Ok(level) = self.table.level().await {
                self.tell(level);
            }
        }
    }
}
