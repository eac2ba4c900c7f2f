//! The triggers on MariaDB and MySQL: what they leave is told once and whole, and whatever can be wrong with them without failing a write fails none.

mod installing;
mod reading;
mod running;
mod writing;

use std::time::Duration;

use bugrelay::capture::triggers::Triggers;
use bugrelay::capture::triggers::mysql::MysqlQueue;
use bugrelay::capture::{Capture, ROWS_MAX, Source as _};
use bugrelay::changeset::{Position, RowChange, Transaction};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};

use crate::services::{Database, MariaDb, MySql, Mysqld};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who makes the server.
struct Make {
    /// One that others use as well.
    shared: fn() -> &'static Mysqld,
    /// One for a test alone, with options.
    start: fn(&[&str]) -> Mysqld,
}

const MARIADB: Make = Make { shared: MariaDb::shared, start: MariaDb::start };
const MYSQL: Make = Make { shared: MySql::plain, start: MySql::start };

impl Make {
    /// A Bugzilla with triggers.
    fn bugzilla(&self) -> Database<'static> {
        let database = (self.shared)().database();
        database.install_triggers();
        database
    }
}

/// Runs sentences on a server of each make.
macro_rules! on_each_make {
    ($($sentence:ident)*) => {
        super::on_make! { mariadb MARIADB: $(#[tokio::test] $sentence)* }
        super::on_make! { mysql MYSQL: $(#[tokio::test] #[ignore = "takes minutes; scripts/test-matrix runs it"] $sentence)* }
    };
}
use on_each_make;

macro_rules! on_make {
    ($module:ident $make:ident: $($(#[$attribute:meta])* $sentence:ident)*) => {
        mod $module {$(
            $(#[$attribute])*
            async fn $sentence() {
                super::$sentence(&super::super::$make).await;
            }
        )*}
    };
}
use on_make;

fn source(database: &Database) -> Triggers<MysqlQueue> {
    Triggers::new(MysqlQueue::new(Opts::from_url(&database.bugrelay_url()).unwrap(), "bugrelay"), ROWS_MAX, None)
}

/// From now on; gives the position of now as well.
async fn open(database: &Database<'_>) -> (Box<dyn Capture>, Position) {
    let mut capture = source(database).open(None).await.unwrap_or_else(|error| panic!("{error}"));
    let start = next(capture.as_mut()).await;
    assert!(start.rows.is_empty());
    (capture, start.position)
}

async fn next(capture: &mut dyn Capture) -> Transaction {
    let next = tokio::time::timeout(PATIENCE, capture.next()).await.expect("a transaction comes");
    next.unwrap_or_else(|error| panic!("{error}"))
}

/// A session of Bugzilla's.
struct Web(Conn);

impl Web {
    async fn new(database: &Database<'_>) -> Self {
        Web(Conn::new(Opts::from_url(&database.url()).unwrap()).await.unwrap())
    }

    async fn run(&mut self, sql: &str) {
        self.try_run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn try_run(&mut self, sql: &str) -> mysql_async::Result<()> {
        self.0.query_iter(sql).await?.drop_result().await
    }
}

/// A comment of a second of its own on a bug, as a save or within one.
fn comment(bug: u32, second: u32) -> String {
    let at = format!("'2026-11-22 05:00:00' + INTERVAL {second} SECOND");
    format!(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES ({bug}, 1, {at}, 'a secret'); \
         UPDATE bugs SET delta_ts = {at} WHERE bug_id = {bug};"
    )
}

/// How many comments a transaction tells.
fn comments(transaction: &Transaction) -> usize {
    transaction.rows.iter().filter(|row| matches!(row, RowChange::CommentAdded { .. })).count()
}

/// Rows that wait in the queue.
fn waiting(database: &Database) -> usize {
    database.exec(&format!("SELECT count(*) FROM {}", queue(database))).trim().parse().unwrap()
}

fn queue(database: &Database) -> String {
    format!("bugrelay.trigger_queue_{}", database.name)
}

fn valve(database: &Database) -> String {
    format!("bugrelay.trigger_valve_{}", database.name)
}
