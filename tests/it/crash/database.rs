//! The database restarted, killed, hanging, cut off, away at the start.

use std::time::{Duration, Instant};

use super::load::Load;
use super::oracle::Committed;
use crate::services::{Bugrelay, MariaDb, Mysqld, poll};

const CONNECTED: &str = "bugrelay_source_connected";

/// What a careful administrator sets: what was committed survives a crash.
pub(super) const DURABLE: [&str; 2] = ["--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"];

/// Lets time pass: that nothing happens in it is what is tested.
pub(super) fn pass(time: Duration) {
    let end = Instant::now() + time;
    poll(time, || Instant::now() >= end);
}

fn wait_for_connection(bugrelay: &Bugrelay, connected: f64) {
    let seen = poll(Duration::from_secs(40), || bugrelay.metric(CONNECTED) == Some(connected));
    assert!(seen, "source_connected does not become {connected}:\n{}", super::oracle::end_of(&bugrelay.log()));
}

/// What was saved until now has left, once.
fn everything_left_once(server: &Mysqld, name: &str, bugrelay: &Bugrelay, load: &Load, after: &str) {
    load.wait_for(20);
    load.pause();
    let repeated = Committed::read(server, name).wait_for(bugrelay);
    assert_eq!(repeated, 0, "after the database {after}");
    wait_for_connection(bugrelay, 1.0);
    load.resume();
    load.wait_for(20);
}

#[test]
fn a_database_that_is_restarted_killed_stopped_or_cuts_connections_loses_and_repeats_nothing() {
    let mut server = MariaDb::start(&DURABLE);
    let (name, url, our_url) = {
        let bugzilla = server.database();
        (bugzilla.name.clone(), bugzilla.url(), bugzilla.bugrelay_url())
    };
    let bugrelay = Bugrelay::running(&our_url);
    let load = Load::start(url);
    load.wait_for(20);

    server.shut_down();
    wait_for_connection(&bugrelay, 0.0);
    server.start_again();
    everything_left_once(&server, &name, &bugrelay, &load, "was restarted");

    server.kill9();
    wait_for_connection(&bugrelay, 0.0);
    server.start_again();
    everything_left_once(&server, &name, &bugrelay, &load, "was killed");

    server.stop();
    pass(Duration::from_secs(3));
    server.cont();
    everything_left_once(&server, &name, &bugrelay, &load, "hung");

    let ours = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE user = 'bugrelay'";
    for _ in 0..3 {
        load.wait_for(10);
        let kills = server.exec(ours);
        // One that ended meanwhile is no failure.
        server.exec(&format!(
            "DELIMITER //\nBEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; {kills} END//"
        ));
    }
    everything_left_once(&server, &name, &bugrelay, &load, "killed our connections");
}

#[test]
fn a_database_that_is_away_at_the_start_is_waited_for() {
    let mut server = MariaDb::start(&DURABLE);
    let (name, url, our_url) = {
        let bugzilla = server.database();
        (bugzilla.name.clone(), bugzilla.url(), bugzilla.bugrelay_url())
    };
    server.shut_down();
    let mut bugrelay = Bugrelay::configured(&our_url, "", "");
    bugrelay.start();
    assert!(poll(Duration::from_secs(10), || bugrelay.get("/livez").starts_with("HTTP/1.1 200")), "it is alive");
    pass(Duration::from_secs(1));
    assert!(bugrelay.get("/readyz").starts_with("HTTP/1.1 503"), "it is not ready");
    assert!(!bugrelay.has_ended(), "it waits");
    server.start_again();
    bugrelay.wait_until_ready();
    let load = Load::start(url);
    load.wait_for(10);
    load.finish();
    assert_eq!(Committed::read(&server, &name).wait_for(&bugrelay), 0);
}

#[test]
fn a_bugzilla_that_is_being_installed_is_waited_for() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let (name, create) = (&bugzilla.name, format!("CREATE DATABASE {} CHARACTER SET utf8mb4", bugzilla.name));
    server.exec(&format!("DROP DATABASE {name}"));
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    bugrelay.start();
    assert!(poll(Duration::from_secs(10), || bugrelay.get("/readyz").starts_with("HTTP/1.1 503")));
    server.exec(&create);
    pass(Duration::from_secs(1));
    assert!(bugrelay.get("/readyz").starts_with("HTTP/1.1 503"), "no tables, and nothing to read");
    bugzilla.install();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    load.wait_for(10);
    load.finish();
    // It may have begun in the middle of the installation: then it tells of the site's own bugs too.
    let of_load = |line: &String| line.contains("seq=") || line.contains("\"added\":\"w=");
    let lines = || bugrelay.lines().into_iter().filter(of_load).collect();
    assert_eq!(Committed::read(server, name).wait_for_in(&bugrelay, lines), 0);
}
