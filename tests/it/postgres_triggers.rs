//! The triggers on PostgreSQL: what they leave is told once and whole, and whatever is wrong with them, Bugzilla's writes succeed.

mod installing;
mod pooled;
mod reading;
mod running;
mod writing;

use std::time::Duration;

use bugrelay::capture::triggers::Triggers;
use bugrelay::capture::triggers::postgresql::PostgresqlQueue;
use bugrelay::capture::{Capture, ROWS_MAX, Source as _};
use bugrelay::changeset::{Position, RowChange, Transaction};
use bugrelay::database::postgresql::Postgresql;
use bugrelay::tls::Tls;
use tokio_postgres::{Client, NoTls};

use crate::services::{Postgres, PostgresDatabase};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Bugzilla with triggers.
fn bugzilla() -> PostgresDatabase<'static> {
    let database = Postgres::shared().database();
    database.install_triggers();
    database
}

fn source(database: &PostgresDatabase) -> Triggers<PostgresqlQueue> {
    source_at(&database.bugrelay_url())
}

fn source_at(url: &str) -> Triggers<PostgresqlQueue> {
    let server = Postgresql::new(url.parse().unwrap(), Tls::Off);
    Triggers::new(PostgresqlQueue::new(server, "bugrelay"), ROWS_MAX, None)
}

/// From now on; gives the position of now as well.
async fn open(database: &PostgresDatabase<'_>) -> (Box<dyn Capture>, Position) {
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
async fn web(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A comment on bug 1, as a save of its own or within one.
fn comment(text: &str) -> String {
    format!(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 1, LOCALTIMESTAMP(0), '{text}'); \
         UPDATE bugs SET delta_ts = clock_timestamp() WHERE bug_id = 1;"
    )
}

/// How many comments a transaction tells.
fn comments(transaction: &Transaction) -> usize {
    transaction.rows.iter().filter(|row| matches!(row, RowChange::CommentAdded { .. })).count()
}

/// Rows that wait in the queue.
fn waiting(database: &PostgresDatabase) -> usize {
    database.exec("SELECT count(*) FROM bugrelay.trigger_queue").trim().parse().unwrap()
}
