//! A transaction of more rows than are held: Bugzilla's history tells it from the oldest second of its rows on, and what else was lost with it.

use std::time::Duration;

use bugrelay::app::App;
use bugrelay::config::Config;
use bugrelay::shutdown::Shutdown;
use tokio_postgres::NoTls;

use super::{PATIENCE, ids, rows, save, wait_for_ids};
use crate::services::{Bugrelay, MariaDb, Postgres, PostgresDatabase, poll};

/// Rows that are held here, at the most.
const HELD: usize = 50;

/// What is dated before the mark is not found by chance, and nothing is from before the start.
fn settings() -> String {
    let start = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2);
    format!("late_commit_window_seconds = 1\nstart = \"{start}\"")
}

/// A comment that bears the beginning of its transaction ten minutes ago, and very many rows that tell nothing.
fn large(numbers: &str) -> String {
    format!(
        "BEGIN; INSERT INTO longdescs (bug_id, who, bug_when, thetext) \
         VALUES (3, 3, LOCALTIMESTAMP(0) - INTERVAL '600' SECOND, 'Said at the beginning.'); \
         INSERT INTO duplicates (dupe, dupe_of) SELECT n, n FROM {numbers}; COMMIT;"
    )
}

/// bugrelay in this process, as it is configured but for what it holds.
struct Holding(Shutdown);

impl Holding {
    async fn of(bugrelay: &Bugrelay) -> Self {
        let mut config = Config::load(Some(&bugrelay.path("bugrelay.toml")), std::iter::empty()).unwrap();
        config.bugzilla.as_mut().unwrap().rows_max = HELD;
        Holding(App::build(config, false, None).await.unwrap().spawn(None))
    }

    async fn stop(self) {
        self.0.request();
        self.0.finished(Duration::from_secs(10)).await;
    }
}

/// Away while others save late and the large one is committed; gives who was away.
async fn is_told(url: &str, capture: &str, exec: impl Fn(&str), numbers: &str) {
    let bugrelay = Bugrelay::configured(url, &format!("{}\ncapture = \"{capture}\"", settings()), "");
    let first = Holding::of(&bugrelay).await;
    exec(&save(1, 3, 0));
    wait_for_ids(&bugrelay, 2);
    first.stop().await;
    exec(&save(2, 4, 500));
    exec(&large(numbers));
    let second = Holding::of(&bugrelay).await;
    wait_for_ids(&bugrelay, 5);
    let gap = "bugrelay_source_gaps_total{reason=\"too_large\"}";
    assert_eq!(bugrelay.metric(gap), Some(1.0), "{capture}");
    exec(&save(1, 4, 0));
    assert_eq!(wait_for_ids(&bugrelay, 7).len(), 7, "{capture}");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_of_more_rows_than_are_held_is_told_from_its_oldest_second_on_mariadb() {
    for capture in ["binlog", "triggers"] {
        let bugzilla = MariaDb::shared().database();
        bugzilla.install_triggers();
        let exec = |sql: &str| drop(bugzilla.exec(&format!("SET foreign_key_checks = 0; {sql}")));
        is_told(&bugzilla.bugrelay_url(), capture, exec, "(SELECT seq AS n FROM seq_1001_to_7000) AS numbers").await;
    }
}

/// Duplicates of bugs that are not there may be written.
fn postgres() -> PostgresDatabase<'static> {
    let bugzilla = Postgres::shared().database();
    bugzilla.install_triggers();
    bugzilla.publish();
    bugzilla
        .exec("ALTER TABLE duplicates DROP CONSTRAINT duplicates_dupe_fkey, DROP CONSTRAINT duplicates_dupe_of_fkey");
    bugzilla
}

const NUMBERS: &str = "generate_series(1001, 7000) AS numbers (n)";

/// A save as [`save`] says it, in PostgreSQL's words.
fn translated(sql: &str) -> String {
    let Some((ago, rest)) =
        sql.strip_prefix("SET @now = LOCALTIMESTAMP(0) - INTERVAL ").and_then(|sql| sql.split_once(" SECOND; "))
    else {
        return sql.to_owned();
    };
    rest.replace("@now", &format!("LOCALTIMESTAMP(0) - INTERVAL '{ago}' SECOND"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_of_more_rows_than_are_held_is_told_from_its_oldest_second_on_postgresql() {
    for capture in ["logical", "triggers"] {
        let bugzilla = postgres();
        let exec = |sql: &str| drop(bugzilla.exec(&translated(sql)));
        is_told(&bugzilla.bugrelay_url(), capture, exec, NUMBERS).await;
        bugzilla.drop_slots();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_queue_forgets_with_a_transaction_that_is_too_large_is_told_after_a_crash_between() {
    let bugzilla = postgres();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), &settings(), "");
    let first = Holding::of(&bugrelay).await;
    bugzilla.exec(&translated(&save(1, 3, 0)));
    wait_for_ids(&bugrelay, 2);
    first.stop().await;
    bugzilla.exec(&translated(&save(2, 4, 500)));
    bugzilla.exec(&large(NUMBERS));
    // Whoever forgets the queue waits for this one.
    let (web, connection) = tokio_postgres::connect(&bugzilla.administrator_url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    web.batch_execute("BEGIN; SELECT id FROM bugrelay.trigger_queue FOR UPDATE").await.unwrap();
    let second = Holding::of(&bugrelay).await;
    let is_noted =
        || rows(&bugrelay.path("store.db"), "SELECT CAST(sweep_first IS NOT NULL AS TEXT) FROM state") == ["1"];
    assert!(poll(PATIENCE, is_noted));
    second.stop().await;
    // What it would have come to, just before the process is gone.
    web.batch_execute("DELETE FROM bugrelay.trigger_queue; COMMIT").await.unwrap();
    assert_eq!(ids(&bugrelay).len(), 2);
    bugrelay.start();
    assert_eq!(wait_for_ids(&bugrelay, 5).len(), 5);
}
