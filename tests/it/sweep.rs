//! What the way in did not deliver is told from Bugzilla's history: once, under the same ids, and judged as everything else.

mod foreign;
mod gaps;
mod history;
mod large;
mod replay;
mod restored;
mod start;
mod zone;

use std::path::Path;
use std::time::Duration;

use crate::services::{Bugrelay, Database, poll};

/// Saves are left to the way in until it was silent for 60 s, and swept every 5.
const PATIENCE: Duration = Duration::from_secs(120);

/// As often as it can be.
const OFTEN: &str = "sweep_interval_seconds = 5";

/// A save: a comment and a changed field, by a user, so many seconds ago.
fn save(bug: u32, who: u32, ago: u32) -> String {
    format!(
        "SET @now = LOCALTIMESTAMP(0) - INTERVAL {ago} SECOND; BEGIN; \
         INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES ({bug}, {who}, @now, 'Said {ago} s ago.'); \
         INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES ({bug}, {who}, @now, 13, 'a', 'b'); \
         COMMIT;"
    )
}

/// The same, and the server's log does not have it.
fn swallowed(sql: &str) -> String {
    format!("SET sql_log_bin = 0; {sql} SET sql_log_bin = 1;")
}

/// The ids of all that was put into the store, in order: of those that stay the same whoever tells it.
fn ids(bugrelay: &Bugrelay) -> Vec<String> {
    rows(&bugrelay.path("store.db"), "SELECT hex(message_id) FROM message ORDER BY sequence")
}

fn rows(store: &Path, sql: &str) -> Vec<String> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = rusqlite::Connection::open_with_flags(store, flags).unwrap();
    let mut statement = store.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Waits until as many messages were stored as that.
fn wait_for_ids(bugrelay: &Bugrelay, count: usize) -> Vec<String> {
    assert!(
        poll(PATIENCE, || ids(bugrelay).len() >= count),
        "{} of {count} came:\n{}",
        ids(bugrelay).len(),
        log(bugrelay)
    );
    ids(bugrelay)
}

/// Waits until everything that was saved up to now was looked at by a sweep that began after it. What is told first, of the past, moves the
/// mark a little ahead.
fn wait_for_a_sweep(bugzilla: &Database, bugrelay: &Bugrelay) {
    let until = || rows(&bugrelay.path("store.db"), "SELECT CAST(swept_until AS TEXT) FROM state").remove(0);
    let swept = || until().parse::<i64>().unwrap();
    let now = bugzilla.exec("SELECT UNIX_TIMESTAMP()").trim().parse::<i64>().unwrap().max(swept());
    let is_past = || swept() > now;
    assert!(poll(PATIENCE, is_past), "swept until {}, and it is {now}:\n{}", until(), log(bugrelay));
}

/// Plays actions of Bugzilla's life, each in a second of its own: two saves of a user in one second may be told as one.
fn play(bugzilla: &Database, actions: &[&str]) {
    for action in actions {
        a_second_passes(bugzilla);
        bugzilla.play(action);
    }
}

fn a_second_passes(bugzilla: &Database) {
    let now = bugzilla.exec("SELECT LOCALTIMESTAMP(0)");
    assert!(poll(PATIENCE, || bugzilla.exec("SELECT LOCALTIMESTAMP(0)") > now));
}

/// A last save, and the ids of all that was told when it was.
fn ids_up_to_now(bugzilla: &Database, bugrelay: &Bugrelay) -> Vec<String> {
    bugzilla.exec(&save(3, 6, 0));
    let is_last = |line: &String| line.contains("\"bug.modify\"") && line.contains("\"bug_id\":3,\"change_set\":\"6.");
    assert!(poll(PATIENCE, || bugrelay.lines().iter().any(is_last)), "{}", log(bugrelay));
    ids(bugrelay)
}

/// Without what is said of every transaction.
fn log(bugrelay: &Bugrelay) -> String {
    let log = bugrelay.log();
    let lines: Vec<&str> =
        log.lines().filter(|line| !line.contains("TRACE") && !line.contains("\"level\":\"TRACE")).collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

fn running(bugzilla: &Database, settings: &str) -> Bugrelay {
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), settings, "");
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay
}
