//! Which server it is that is read: another one that continues the first is gone on with, one that does not is told from its history, and a
//! copy elsewhere is told nothing of, and nothing is sent for it.

mod check;
mod copy;
mod failover;
mod restored;
mod standby;
mod switched;

use std::sync::LazyLock;
use std::time::Duration;

use crate::services::{Bugrelay, MariaDb, Mysqld, Postgres, poll};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where copies lie: servers of their own, set up as production's are. Their logs are shorter.
static STAGING: LazyLock<Mysqld> = LazyLock::new(|| MariaDb::start(&[]));
static STAGING_POSTGRES: LazyLock<Postgres> = LazyLock::new(Postgres::start_as_another);

/// Configured with a token, and running.
fn running(url: &str, bugzilla: &str) -> Bugrelay {
    let mut bugrelay = Bugrelay::configured(url, bugzilla, "");
    std::fs::write(bugrelay.path("token"), "open sesame\n").unwrap();
    bugrelay.replace("[admin]", &format!("[admin]\ntoken_file = \"{}\"", bugrelay.path("token").display()));
    bugrelay.start_with(&["run"]);
    bugrelay.wait_until_ready();
    bugrelay
}

/// A save with a comment, on any server. Of two within a second on one bug the history cannot tell.
fn save(bug: u32) -> String {
    save_at(bug, "LOCALTIMESTAMP(0)")
}

/// The save that was just made there, as a copy of that database has it: the same second as well. What is saved from now on bears a
/// second behind the one in which a store that was fresh begins.
fn copy_of_the_last(bug: u32, exec: impl Fn(&str) -> String) -> String {
    let fresh = "SELECT count(*) FROM longdescs WHERE bug_when > LOCALTIMESTAMP(0) - INTERVAL '2' SECOND";
    assert!(poll(PATIENCE, || exec(fresh).trim() == "0"));
    save_at(bug, &format!("'{}'", exec("SELECT max(bug_when) FROM longdescs").trim()))
}

fn save_at(bug: u32, second: &str) -> String {
    format!("INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES ({bug}, 3, {second}, 'Said.');")
}

fn wait_for_metric(bugrelay: &Bugrelay, name: &str, value: f64) {
    let is_there = poll(PATIENCE, || bugrelay.metric(name) == Some(value));
    assert!(is_there, "{name} is {:?}, not {value}:\n{}", bugrelay.metric(name), bugrelay.log());
}

fn wait_for_log(bugrelay: &Bugrelay, words: &str) {
    assert!(poll(PATIENCE, || bugrelay.log().contains(words)), "not in the log: {words}\n{}", bugrelay.log());
}

fn gaps(bugrelay: &Bugrelay, reason: &str) -> f64 {
    bugrelay.metric(&format!("bugrelay_source_gaps_total{{reason=\"{reason}\"}}")).unwrap_or(f64::NAN)
}

/// What a verb says, when all is well.
fn said(bugrelay: &Bugrelay, arguments: &[&str]) -> String {
    let ended = bugrelay.verb(arguments);
    assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.err);
    ended.out
}
