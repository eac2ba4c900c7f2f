//! Bugzilla's own history tables -> saves: what bugs_activity, longdescs, attachments, bugs and the comments of duplicates tell.
//!
//! Knows no content, no position and no ledger: it reads a span of local time in pages, oldest first. Who did not get a save by
//! another way reads it here (the sweep, `start`, replay); [`HistorySource`] is this alone as a way in. What only a deleted row
//! tells (a bug that is no duplicate any more) is not to be seen here, nor which rows were one transaction.

mod clock;
mod page;
mod rows;
mod source;

pub use self::clock::{Clock, ClockFault};
pub use self::page::{Cursor, Page, Save, Span};
pub use self::source::HistorySource;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::rows::Gathering;
use crate::bugzilla::{BugId, LocalTime, Zone};
use crate::capture::CaptureError;
use crate::database::{Database, DatabaseError, Dialect, Row};
use crate::failure::Class;

/// Rows of one table in a page, at the most but for those of one bug in one second.
const PAGE_ROWS: usize = 2_000;

/// A read that takes longer has lost its server without a word. The server's own limit is below it: see [`Database::read`].
const READ_TIMEOUT: Duration = Duration::from_secs(55);

/// No zone is further ahead of UTC, in seconds, with what clocks may be off.
const ANY_ZONE: i64 = 15 * 3_600;

const NEWEST: &str = include_str!("../../sql/standard/query/history_newest.sql");
const MARK: &str = include_str!("../../sql/standard/query/history_mark.sql");

/// The tables, each with the column that has its rows' time (all of them indexed by Bugzilla), and the statement that reads them.
const TABLES: [(&str, &str, &str); 4] = [
    ("bugs", "creation_ts", include_str!("../../sql/standard/query/history_bugs.sql")),
    ("attachments", "creation_ts", include_str!("../../sql/standard/query/history_attachments.sql")),
    ("longdescs", "bug_when", include_str!("../../sql/standard/query/history_comments.sql")),
    ("bugs_activity", "bug_when", include_str!("../../sql/standard/query/history_activity.sql")),
];

/// What is wanted of the clocks: one of [`Clock`]'s judgements.
pub type Fit = fn(&Clock, &Zone) -> Result<(), ClockFault>;

/// Reads the history of one Bugzilla. Plain, short reads by index.
#[derive(Clone)]
pub struct History {
    database: Arc<dyn Database>,
    zone: Zone,
    /// The last look at the clocks.
    last: Arc<Mutex<Option<Clock>>>,
}

impl History {
    /// Connects when it is first asked.
    pub fn new(database: Arc<dyn Database>, zone: Zone) -> Self {
        History { database, zone, last: Arc::default() }
    }

    /// Bugzilla's zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The server's clock, in seconds since 1970.
    pub async fn now(&self) -> Result<i64, DatabaseError> {
        Ok(self.clock().await?.now)
    }

    /// What the clocks show, and the newest save. A file has no clock but this machine's.
    pub async fn clock(&self) -> Result<Clock, DatabaseError> {
        let here = jiff::Timestamp::now().as_second();
        let before = LocalTime::of_epoch(here + ANY_ZONE, &Zone::utc()).to_sql();
        let mut statements = vec![NEWEST.replace("{before}", &before)];
        statements.extend(match self.database.dialect() {
            Dialect::Mysql => Some(include_str!("../../sql/mysql/query/history_clock.sql").to_owned()),
            Dialect::Postgresql => Some(include_str!("../../sql/postgresql/query/history_clock.sql").to_owned()),
            Dialect::Sqlite => None,
        });
        let shown = LocalTime::of_epoch(here, &self.zone);
        let called = self.zone.name().to_owned();
        let mut clock = Clock { now: here, here, shown, called, newest: None, witnessed: false };
        let mut told = statements.len() == 1;
        self.read(&statements, &mut |statement, row| match (statement, row.time(0), row.time(1)) {
            (0, newest, _) => clock.newest = newest,
            (_, Some(utc), Some(shown)) => {
                (clock.now, clock.shown, clock.called) = (utc.to_epoch(&Zone::utc()), shown, row.text(2));
                told = true;
            }
            _ => {}
        })
        .await?;
        let silence = || DatabaseError {
            class: Class::Transient,
            message: "the database does not say what time it is".to_owned(),
        };
        if !told {
            return Err(silence());
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &*last {
            clock = clock.after(last, &self.zone);
        }
        *last = Some(clock.clone());
        Ok(clock)
    }

    /// The same, if it is fit for what somebody wants of it; see [`Clock::check`] and what follows it there.
    pub async fn fit_clock(&self, fits: Fit) -> Result<Result<Clock, ClockFault>, DatabaseError> {
        let clock = self.clock().await?;
        let verdict = fits(&clock, &self.zone);
        if verdict.is_err() {
            // A session keeps the zone that it began with: whether it was mended is seen by a new one.
            self.database.abandon();
        }
        Ok(verdict.map(|()| clock))
    }

    /// Where to begin to see everything since a moment (seconds since 1970): an hour earlier where the zone repeats one.
    pub fn since(&self, second: i64) -> LocalTime {
        let local = LocalTime::of_epoch(second, &self.zone);
        let is_near = [second, second + 3_600].map(|second| LocalTime::of_epoch(second, &self.zone));
        if is_near.iter().any(|time| time.is_repeated(&self.zone)) { local.an_hour_before() } else { local }
    }

    /// The next page of a span. No save is torn apart, and all saves of a second but a crowded one come in one page.
    pub async fn page(&self, span: &Span, cursor: Cursor) -> Result<Page, DatabaseError> {
        if let Some(after) = cursor.after {
            return self.crowded_second(span, cursor.at, after).await;
        }
        let rest = span.between(cursor.at, None);
        match self.mark(&rest, None).await?.map(|mark| mark.time(0)) {
            None => self.rows(&rest, None).await,
            Some(Some(mark)) if mark > cursor.at => {
                let next = Cursor { at: mark, after: None };
                self.rows(&span.between(cursor.at, Some(mark)), Some(next)).await
            }
            Some(_) => self.crowded_second(span, cursor.at, BugId(0)).await,
        }
    }

    /// A second with more rows than a page has: some bugs of it.
    async fn crowded_second(&self, span: &Span, at: LocalTime, after: BugId) -> Result<Page, DatabaseError> {
        let rest = span.second(at, after, None);
        match self.mark(&rest, Some("bug_id")).await? {
            Some(mark) => {
                let last = BugId(mark.int(0));
                let next = Cursor { at, after: Some(last) };
                self.rows(&span.second(at, after, Some(last)), Some(next)).await
            }
            None => {
                let next = Cursor { at: at.a_second_later(), after: None };
                let is_over = span.to.is_some_and(|to| next.at >= to);
                self.rows(&rest, (!is_over).then_some(next)).await
            }
        }
    }

    /// The smallest of the tables' marks: up to there a page has no more than its rows of any table.
    async fn mark(&self, range: &str, column: Option<&str>) -> Result<Option<Row>, DatabaseError> {
        let statement = |(table, time, _): &(&str, &str, &str)| {
            let sql = MARK.replace("{table}", table).replace("{rows}", &PAGE_ROWS.to_string());
            sql.replace("{column}", column.unwrap_or(time)).replace("{range}", &Span::of_column(range, time))
        };
        let mut marks = Vec::new();
        self.read(&TABLES.iter().map(statement).collect::<Vec<_>>(), &mut |_, row| marks.push(row)).await?;
        Ok(marks.into_iter().min_by_key(|mark| (column.map(|_| mark.int(0)), mark.time(0))))
    }

    async fn rows(&self, range: &str, next: Option<Cursor>) -> Result<Page, DatabaseError> {
        let statement = |(_, time, sql): &(&str, &str, &str)| sql.replace("{range}", &Span::of_column(range, time));
        let mut gathering = Gathering::default();
        let statements: Vec<String> = TABLES.iter().map(statement).collect();
        self.read(&statements, &mut |table, row| gathering.add(table, &row)).await?;
        Ok(Page { saves: gathering.into_saves(), next })
    }

    async fn read(
        &self,
        statements: &[String],
        each: &mut (dyn FnMut(usize, Row) + Send),
    ) -> Result<(), DatabaseError> {
        let answered = tokio::time::timeout(READ_TIMEOUT, self.database.read(statements, each)).await;
        answered.unwrap_or_else(|_| {
            self.database.abandon();
            let message = format!("the database did not answer within {} s", READ_TIMEOUT.as_secs());
            Err(DatabaseError { class: Class::Transient, message })
        })
    }
}

impl From<ClockFault> for CaptureError {
    fn from(fault: ClockFault) -> Self {
        CaptureError::misconfigured(format!("{fault}; `bugrelay check` has the line that mends it"))
    }
}

impl From<DatabaseError> for CaptureError {
    fn from(DatabaseError { class, message }: DatabaseError) -> Self {
        CaptureError { class, message, gap: None, since: None }
    }
}
