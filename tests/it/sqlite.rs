//! A Bugzilla on SQLite: its triggers never hinder it, and what they leave is lost by no crash.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::services::{Bugrelay, SqliteBugzilla, poll};

const PATIENCE: Duration = Duration::from_secs(30);

/// A comment of its own number.
fn comment(number: i64) -> String {
    format!(
        "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES ({number}, 1, 2, '2026-11-22 06:00:00', 'Number {number}.')"
    )
}

fn bodies(bugrelay: &Bugrelay) -> Vec<String> {
    let body = |message: &serde_json::Value| message["comment"]["body"].as_str().unwrap().to_owned();
    bugrelay.messages().iter().map(body).collect()
}

fn expected(numbers: std::ops::RangeInclusive<i64>) -> Vec<String> {
    numbers.map(|number| format!("Number {number}.")).collect()
}

#[test]
fn triggers_are_made_looked_at_and_removed_and_what_is_missing_is_named() {
    let bugzilla = SqliteBugzilla::without_triggers();
    let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    let schema = "SELECT name, sql FROM sqlite_master ORDER BY name";
    let before = bugzilla.exec(schema);
    let check = bugrelay.verb(&["check"]);
    assert_eq!(check.code, 78, "{}", check.out);
    assert!(check.out.contains("bugrelay triggers install"), "{}", check.out);
    for _ in 0..2 {
        let installed = bugrelay.verb(&["triggers", "install"]);
        assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    }
    let names = bugzilla.exec("SELECT name FROM sqlite_master WHERE type = 'trigger'");
    assert_eq!(names.lines().count(), 10);
    for name in names.lines() {
        bugzilla.exec(&format!("DROP TRIGGER {name}"));
        let check = bugrelay.verb(&["triggers", "check"]);
        assert_eq!(check.code, 78, "{name}");
        assert!(check.out.contains(&format!("has no trigger {name}\n")), "{}", check.out);
        assert_eq!(bugrelay.verb(&["triggers", "install"]).code, 0);
    }
    assert_eq!(bugrelay.verb(&["triggers", "remove"]).code, 0);
    assert_eq!(bugzilla.exec(schema), before, "nothing is left");
    bugzilla.exec(&bugrelay.verb(&["triggers", "sql"]).out);
    assert_eq!(bugrelay.verb(&["check"]).code, 0);
}

#[test]
fn what_is_saved_while_bugrelay_is_killed_is_told_once_and_in_order() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    for round in 0..4 {
        for number in 1..=10 {
            bugzilla.exec(&comment(100 + round * 10 + number));
        }
        bugrelay.kill9();
        bugrelay.start();
    }
    // The batch in flight at a kill may have left twice, and it may be a large one.
    let told = || {
        let mut seen = BTreeSet::new();
        bodies(&bugrelay).into_iter().filter(|body| seen.insert(body.clone())).collect::<Vec<_>>()
    };
    assert!(poll(PATIENCE, || told().len() >= 40), "{}", bugrelay.log());
    assert_eq!(told(), expected(101..=140));
    let is_empty = || bugzilla.exec("SELECT COUNT(*) FROM bugrelay_queue") == "0\n";
    assert!(poll(PATIENCE, is_empty), "what is stored is taken out of the queue");
}

#[test]
fn a_full_queue_lets_every_save_through_and_is_told_as_a_gap() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    assert!(bugrelay.terminate().success());
    bugzilla.exec("UPDATE bugrelay_state SET closed_above = newest + 1");
    bugzilla.exec(&comment(101));
    bugzilla.exec(&comment(102));
    assert_eq!(bugzilla.exec("SELECT COUNT(*) FROM bugrelay_queue"), "1\n");
    assert_eq!(bugzilla.exec("SELECT COUNT(*) FROM longdescs WHERE comment_id > 100"), "2\n");
    bugrelay.start();
    let gaps = || bugrelay.metric("bugrelay_source_gaps_total{reason=\"queue_full\"}").is_some_and(|gaps| gaps >= 1.0);
    assert!(poll(PATIENCE, gaps), "{}", bugrelay.log());
}

#[test]
fn triggers_that_were_away_for_a_while_are_told_as_a_gap() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    assert!(bugrelay.terminate().success());
    // As checksetup.pl changes a column.
    bugzilla.exec(
        "PRAGMA foreign_keys = OFF; BEGIN EXCLUSIVE; ALTER TABLE duplicates RENAME TO duplicates_old; \
         CREATE TABLE duplicates (dupe_of integer NOT NULL, dupe integer NOT NULL PRIMARY KEY); \
         INSERT INTO duplicates SELECT dupe_of, dupe FROM duplicates_old; DROP TABLE duplicates_old; COMMIT",
    );
    assert_eq!(bugrelay.verb(&["check"]).code, 78);
    assert_eq!(bugrelay.verb(&["triggers", "install"]).code, 0);
    bugrelay.start();
    let gaps =
        || bugrelay.metric("bugrelay_source_gaps_total{reason=\"triggers_lost\"}").is_some_and(|gaps| gaps >= 1.0);
    assert!(poll(PATIENCE, gaps), "{}", bugrelay.log());
}

#[test]
fn a_bugzilla_that_holds_its_file_for_long_is_waited_for_and_waits_for_nobody() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let saving = bugzilla.connect();
    saving.execute_batch(&format!("BEGIN EXCLUSIVE; {}", comment(101))).unwrap();
    // Longer than bugrelay waits for a lock: it has to connect anew.
    assert!(poll(PATIENCE, || bugrelay.metric("bugrelay_source_connected") == Some(0.0)), "{}", bugrelay.log());
    let began = Instant::now();
    saving.execute_batch("COMMIT").unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    bugrelay.wait_for(1);
    assert_eq!(bodies(&bugrelay), expected(101..=101));
}

#[test]
fn comments_of_a_mebibyte_each_are_told_in_bounded_memory() {
    const COMMENTS: usize = 150;
    const MORE_KIB: u64 = 128 << 10;
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let idle = bugrelay.resident_kib();
    bugzilla.exec(&format!(
        "WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < {COMMENTS})
         INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext)
           SELECT 100 + n, 1, 2, datetime('2026-11-22 06:00:00', n || ' seconds'), hex(zeroblob(524288)) FROM n"
    ));
    let told = || bugrelay.metric("bugrelay_deliveries_total{connector=\"out\",outcome=\"sent\"}");
    #[expect(clippy::cast_precision_loss, reason = "few")]
    let is_told = poll(Duration::from_secs(120), || told() == Some(COMMENTS as f64));
    assert!(is_told, "{}", bugrelay.log());
    let more = bugrelay.peak_kib().saturating_sub(idle);
    assert!(more <= MORE_KIB, "{idle} KiB before, {more} KiB more at the most");
    let ids: Vec<i64> =
        bugrelay.messages().iter().map(|message| message["comment"]["comment_id"].as_i64().unwrap()).collect();
    assert!(ids.into_iter().eq(101..=100 + i64::try_from(COMMENTS).unwrap()), "each once, in order");
}
