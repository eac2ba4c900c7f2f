//! `bugrelay run`: what ends it, what it waits for, and what its log says.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use super::NOBODY;
use crate::services::{Bugrelay, MariaDb, Mysqld, poll};

/// Longer than it waits between two looks at what only a person can mend.
const MENDED: Duration = Duration::from_secs(40);

fn wait_for_log(bugrelay: &Bugrelay, words: &str) {
    assert!(poll(MENDED, || bugrelay.log().contains(words)), "not in the log: {words}\n{}", bugrelay.log());
}

#[test]
fn a_store_that_cannot_be_used_ends_it_with_73() {
    let bugrelay = Bugrelay::configured(NOBODY, "", "");
    std::fs::create_dir(bugrelay.path("store.db")).unwrap();
    let ended = bugrelay.verb(&["run"]);
    assert_eq!(ended.code, 73, "{}", ended.err);
    assert!(ended.err.contains("store.db"), "{}", ended.err);
}

#[test]
fn a_second_instance_on_the_same_store_ends_with_73() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let ended = bugrelay.verb(&["run"]);
    assert_eq!(ended.code, 73, "{}", ended.err);
    assert!(ended.err.contains("in use by another bugrelay; stop that one"), "{}", ended.err);
}

#[test]
fn an_admin_port_that_is_taken_ends_it_with_1() {
    let bugrelay = Bugrelay::configured(NOBODY, "", "");
    let _taken = TcpListener::bind(("127.0.0.1", bugrelay.port())).unwrap();
    let ended = bugrelay.verb(&["run"]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("cannot be listened on") && ended.err.contains("another bugrelay"), "{}", ended.err);
}

#[test]
fn what_the_server_lacks_is_waited_for_and_heals_without_a_restart() {
    let mut server = MariaDb::start(&["--skip-log-bin"]);
    let url = server.database().bugrelay_url();
    let mut bugrelay = Bugrelay::configured(&url, "", "");
    bugrelay.start();
    wait_for_log(&bugrelay, "put log_bin = binlog under [mysqld]");
    assert!(bugrelay.get("/readyz").starts_with("HTTP/1.1 503"), "{}", bugrelay.get("/readyz"));
    assert!(bugrelay.get("/livez").starts_with("HTTP/1.1 200"));
    assert_eq!(bugrelay.metric("bugrelay_source_connected"), Some(0.0));
    server.restart_with(&["--binlog-format=STATEMENT"]);
    wait_for_log(&bugrelay, "SET GLOBAL binlog_format = 'ROW'");
    server.exec("SET GLOBAL binlog_format = 'ROW'");
    bugrelay.wait_until_ready();
    assert_eq!(bugrelay.metric("bugrelay_source_connected"), Some(1.0));
}

/// Leaves nothing but the newest file. The server keeps what a reader still has open that it does not know to be gone.
fn purge(server: &Mysqld) {
    let readers = server.exec("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'");
    for reader in readers.lines() {
        server.exec(&format!("KILL {reader}"));
    }
    let purged = poll(MENDED, || {
        let files = server.exec("SHOW BINARY LOGS");
        let newest = files.lines().last().unwrap().split('\t').next().unwrap();
        server.exec(&format!("PURGE BINARY LOGS TO '{newest}'"));
        files.lines().count() == 1
    });
    assert!(purged, "{}", server.exec("SHOW BINARY LOGS"));
}

#[test]
fn from_now_tells_nothing_of_what_lies_between() {
    let server = MariaDb::start(&[]);
    let bugzilla = server.database();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    assert!(bugrelay.terminate().success());
    bugzilla.play("01_");
    server.exec("FLUSH BINARY LOGS");
    bugzilla.play("02_");
    server.exec("FLUSH BINARY LOGS");
    purge(&server);
    bugrelay.start_with(&["run", "--from-now"]);
    bugrelay.wait_until_ready();
    bugzilla.play("03_");
    assert!(bugrelay.wait_for(2)[0].contains("Bob Hazel"));
    assert_eq!(bugrelay.metric("bugrelay_swept_total"), Some(0.0));
}

#[test]
fn log_lines_are_json_where_nobody_looks_and_can_be_for_people() {
    let mut bugrelay = Bugrelay::configured(NOBODY, "", "");
    bugrelay.start_with(&["run"]);
    wait_for_log(&bugrelay, "the change source is not read");
    assert_eq!(bugrelay.terminate().code(), Some(0));
    for line in bugrelay.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    let mut bugrelay = Bugrelay::configured(NOBODY, "", "");
    bugrelay.start_with(&["run", "--log-format", "human"]);
    wait_for_log(&bugrelay, "the change source is not read");
    bugrelay.terminate();
    let log = bugrelay.log();
    assert!(log.contains(" INFO ") && log.contains("ERROR ") && !log.contains('{'), "{log}");
    assert!(!log.contains('\u{1b}'), "no colours in a file");
}
