//! Bugzilla's life on MySQL, each way that it logs.

use serde_json::Value;

use crate::services::{Bugrelay, Database, MySql, sample};

/// Told last: nothing more may come before it. Known by its change set.
const LAST_WORD: &str = "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) \
                         SELECT 1, 1, '2037-01-01 00:00:00', id, '', '' FROM fielddefs WHERE name = 'priority'";
const LAST_WORD_ID: &str = "\"change_set\":\"1.2114380800.1\"";

/// A Bugzilla on each server.
fn sites() -> [Database<'static>; 2] {
    [MySql::plain().database(), MySql::full().database()]
}

/// What an action says that it leaves: `comment.create public`, ...
fn promised(action: &str) -> Vec<String> {
    let line = action.lines().find_map(|line| line.strip_prefix("-- leaves: ")).expect("it says what leaves");
    if line == "nothing" { vec![] } else { line.split(", ").map(ToOwned::to_owned).collect() }
}

/// The same of a message.
fn told(line: &str) -> String {
    let message: Value = serde_json::from_str(line).unwrap();
    let is_public = message.as_object().unwrap().len() == 2;
    let key = message["event"]["routing_key"].as_str().expect("a routing key").split(':').next().unwrap();
    format!("{key} {}", if is_public { "public" } else { "private" })
}

/// What left until the last word.
fn all_told(site: &Database, bugrelay: &Bugrelay) -> Vec<String> {
    site.exec(LAST_WORD);
    let mut lines = vec![];
    while !lines.last().is_some_and(|line: &String| line.contains(LAST_WORD_ID)) {
        lines = bugrelay.wait_for(lines.len() + 1);
    }
    lines.pop();
    assert!(lines.iter().all(|line| !line.contains("hush")), "nothing secret left");
    lines.iter().map(|line| told(line)).collect()
}

/// Plays the life in sessions that begin with `session`; bugrelay is down while the actions `away` are played.
fn live(site: &Database, session: &str, away: std::ops::Range<usize>) {
    let mut bugrelay = Bugrelay::running(&site.bugrelay_url());
    let mut expected = Vec::new();
    for (number, action) in sample::life().iter().enumerate() {
        if !away.is_empty() && number == away.start {
            assert!(bugrelay.terminate().success());
        }
        if !away.is_empty() && number == away.end {
            bugrelay.start();
            bugrelay.wait_until_ready();
        }
        // Two actions of one second are told as private where one of them hides or opens the bug: each has its own.
        let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(600 - 10 * i64::try_from(number).unwrap());
        let action = sample::read_at(action, time);
        site.exec(&format!("{session};\n{action}"));
        expected.extend(promised(&action));
        if !away.contains(&number) {
            bugrelay.wait_for(expected.len());
        }
    }
    let told = all_told(site, &bugrelay);
    if away.is_empty() {
        assert_eq!(told, expected);
    } else {
        // What was hidden meanwhile may be held back; the events are the same.
        let bare = |all: &[String]| all.iter().map(|one| one.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(bare(&told), bare(&expected));
        assert!(told.iter().zip(&expected).all(|(told, expected)| told == expected || told.ends_with(" private")));
    }
}

#[test]
fn with_the_documented_grants_check_finds_nothing_that_forbids_to_run() {
    for site in sites() {
        let ended = Bugrelay::configured(&site.bugrelay_url(), "", "").verb(&["check"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    }
}

#[test]
fn every_action_of_bugzillas_life_leaves_what_it_says() {
    for site in sites() {
        live(&site, "DO 0", 0..0);
    }
}

#[test]
fn a_restart_in_the_middle_of_life_loses_and_repeats_nothing() {
    for site in sites() {
        live(&site, "DO 0", 5..9);
    }
}

#[test]
fn compressed_transactions_are_told_like_others() {
    for site in sites() {
        live(&site, "SET SESSION binlog_transaction_compression = ON", 5..9);
    }
}

#[test]
fn columns_that_come_and_transactions_that_never_were_do_no_harm() {
    for site in sites() {
        let bugrelay = Bugrelay::running(&site.bugrelay_url());
        let comment = "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, UTC_TIMESTAMP(), 'Tea?')";
        site.exec(&format!("BEGIN; {comment}; ROLLBACK"));
        site.exec("ALTER TABLE bugs ADD COLUMN cf_new varchar(64) NOT NULL DEFAULT ''");
        site.exec(&format!("BEGIN; {comment}; SAVEPOINT a; {comment}; ROLLBACK TO a; COMMIT"));
        // The server keeps names of XA transactions for all databases.
        let xa = format!("'{}'", site.name);
        site.exec(&format!("XA START {xa}; {comment}; XA END {xa}; XA PREPARE {xa}; XA ROLLBACK {xa}"));
        site.exec(&format!("XA START {xa}; {comment}; XA END {xa}; XA PREPARE {xa}; XA COMMIT {xa}"));
        assert_eq!(all_told(&site, &bugrelay), ["comment.create public"; 2]);
    }
}
