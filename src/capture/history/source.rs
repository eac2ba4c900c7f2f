//! History alone as a way in, where nothing but SELECT is granted: looks every few seconds, and tells each row once.
//!
//! A save may be committed later than the second that it bears: the window behind the newest is looked at each time, and what was
//! seen in it is remembered. Over a restart that memory is gone, and the ledger of the store takes its place. Each look asks the clocks
//! first: in another zone it would begin hours too late, and what came between would never be looked at.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::page::{Cursor, Save, Span};
use super::{Clock, Fit, History};
use crate::bugzilla::LocalTime;
use crate::capture::{Capture, CaptureError, Finding, Gap, Severity, Source};
use crate::changeset::{Position, RowChange, Transaction};
use crate::failure::Class;

/// From one look to the next, at the most.
const POLL: Duration = Duration::from_secs(5);

/// Bugzilla's history tables as a [`Source`].
pub struct HistorySource {
    history: History,
    window: Duration,
    poll: Duration,
}

impl HistorySource {
    /// `window`: how late a save may be committed after the second that it bears; `interval`: how often it is looked at least.
    pub fn new(history: History, window: Duration, interval: Duration) -> Self {
        HistorySource { history, window, poll: interval.min(POLL) }
    }
}

/// What a position says: the JSON is ours alone. Both in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The time of the newest save told: what is dated earlier, and not late, was told.
    history_until: i64,
    /// Nothing before it is told.
    since: i64,
}

impl Place {
    fn parse(position: &Position) -> Result<Self, CaptureError> {
        serde_json::from_str(&position.0).map_err(|_| {
            let message =
                "the stored position was issued by another way in: somebody has changed `capture` in the configuration";
            CaptureError::gap(Gap::AnotherWay, message)
        })
    }

    fn position(self) -> Result<Position, CaptureError> {
        serde_json::to_string(&self).map(Position).map_err(|error| CaptureError::transient(error.to_string()))
    }
}

#[async_trait]
impl Source for HistorySource {
    async fn open(&self, from: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError> {
        let place = from.map(Place::parse).transpose()?;
        // Who goes on does not wait for a time from the future to pass: it is told already.
        let fits: Fit = if from.is_some() { Clock::is_shown_in } else { Clock::is_in };
        let now = self.history.fit_clock(fits).await??.now;
        // The second that runs is told: nobody knows which of its saves came before.
        let place = place.unwrap_or(Place { history_until: now, since: now });
        let mut capture = HistoryCapture {
            history: self.history.clone(),
            window: i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX),
            poll: self.poll,
            place,
            seen: HashMap::new(),
            ready: VecDeque::new(),
            walk: None,
            next_look: Instant::now(),
        };
        capture.ready.push_back(capture.transaction(place.history_until, vec![])?);
        Ok(Box::new(capture))
    }

    async fn check(&self) -> Vec<Finding> {
        match self.history.now().await {
            Ok(_) => vec![Finding {
                id: "connection".into(),
                severity: Severity::Good,
                message: "the database answers".to_owned(),
                remedy: None,
            }],
            Err(error) => {
                let severity =
                    if error.class == Class::Misconfigured { Severity::Error } else { Severity::Unavailable };
                vec![Finding { id: "connection".into(), severity, message: error.message, remedy: None }]
            }
        }
    }

    fn may_merge(&self) -> bool {
        true
    }

    fn position_at(&self, second: i64) -> Option<Position> {
        Place { history_until: second, since: second }.position().ok()
    }
}

/// One look after the other.
struct HistoryCapture {
    history: History,
    /// In seconds.
    window: i64,
    poll: Duration,
    place: Place,
    /// Rows told, or to be told, and their times.
    seen: HashMap<RowChange, LocalTime>,
    ready: VecDeque<Transaction>,
    walk: Option<Walk>,
    next_look: Instant,
}

/// A look under way.
struct Walk {
    span: Span,
    cursor: Cursor,
    /// When it began, by the database's clock.
    now: i64,
}

#[async_trait]
impl Capture for HistoryCapture {
    /// Nothing is changed between an answer of the database and the end of the step that uses it: it may be dropped anywhere.
    async fn next(&mut self) -> Result<Transaction, CaptureError> {
        loop {
            if let Some(transaction) = self.ready.pop_front() {
                return Ok(transaction);
            }
            let Some(walk) = &self.walk else {
                tokio::time::sleep_until(self.next_look).await;
                let now = self.history.fit_clock(Clock::is_shown_in).await??.now;
                self.walk = Some(self.look(now));
                continue;
            };
            let page = self.history.page(&walk.span, walk.cursor).await?;
            let now = walk.now;
            for save in page.saves {
                self.take(save, now)?;
            }
            let forgotten = self.forgotten();
            self.seen.retain(|_, at| *at >= forgotten);
            match (page.next, &mut self.walk) {
                (Some(next), Some(walk)) => walk.cursor = next,
                _ => {
                    self.walk = None;
                    self.next_look = Instant::now() + self.poll;
                }
            }
        }
    }

    /// Bugzilla keeps its history anyway.
    async fn acknowledge(&mut self, _position: &Position) -> Result<(), CaptureError> {
        Ok(())
    }
}

impl HistoryCapture {
    /// Without an end: a clock that is ahead dates rows into the future.
    fn look(&self, now: i64) -> Walk {
        let from = self.history.since(self.place.history_until.saturating_sub(self.window));
        let since = LocalTime::of_epoch(self.place.since, self.history.zone());
        let span = Span { from: from.max(since), to: None, bugs: vec![] };
        Walk { cursor: span.begin(), span, now }
    }

    /// What of a save is news.
    fn take(&mut self, save: Save, now: i64) -> Result<(), CaptureError> {
        let at = save.id.at;
        // A mark of a duplicate has no id of its own: it is news with the rows beside it.
        let is_mark = |row: &RowChange| matches!(row, RowChange::DuplicateMarked { .. });
        let is_news = |row: &RowChange| !is_mark(row) && !self.seen.contains_key(row);
        if !save.rows.iter().any(is_news) {
            return Ok(());
        }
        let rows: Vec<RowChange> = save.rows.into_iter().filter(|row| is_mark(row) || is_news(row)).collect();
        self.seen.extend(rows.iter().filter(|row| !is_mark(row)).map(|row| (row.clone(), at)));
        let saved_at = at.to_epoch(self.history.zone());
        // A row from the future does not move the present.
        self.place.history_until = self.place.history_until.max(saved_at.min(now));
        let transaction = self.transaction(saved_at.min(now), rows)?;
        self.ready.push_back(transaction);
        Ok(())
    }

    /// What is older is not looked at again, be it that the zone repeats an hour: not all of a long absence is held in memory.
    fn forgotten(&self) -> LocalTime {
        self.history.since(self.place.history_until.saturating_sub(self.window)).an_hour_before()
    }

    fn transaction(&self, committed_at: i64, rows: Vec<RowChange>) -> Result<Transaction, CaptureError> {
        Ok(Transaction { position: self.place.position()?, committed_at, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written_and_one_of_another_way_is_a_gap() {
        let place = Place { history_until: 1_795_323_600, since: 1_795_320_000 };
        assert_eq!(Place::parse(&place.position().unwrap()).unwrap(), place);
        let other = Position(r#"{"server":"1","at":{"gtid":"0-1-9"},"columns":{}}"#.to_owned());
        assert_eq!(Place::parse(&other).unwrap_err().gap, Some(Gap::AnotherWay));
    }
}
