//! SIGTERM: nothing new is taken, what is in flight is finished within the grace period, and the exit code is 0.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::database::pass;
use super::load::Load;
use super::oracle::Committed;
use crate::services::{Bugrelay, MariaDb, poll};

const GRACE: &str = "[shutdown]\ngrace_seconds = 2\n";

/// Ends it by SIGTERM, well, within this time.
fn stops_within(bugrelay: &mut Bugrelay, limit: Duration) {
    let began = Instant::now();
    let status = bugrelay.terminate();
    let took = began.elapsed();
    assert!(status.success(), "{status}:\n{}", super::oracle::end_of(&bugrelay.log()));
    assert!(took <= limit, "it took {took:?}:\n{}", super::oracle::end_of(&bugrelay.log()));
}

/// A second connector, of a path of its own.
fn connector(name: &str, path: &Path) -> String {
    format!("[connectors.{name}]\ntype = \"file\"\npath = \"{}\"\nbackoff_seconds = [1]\n", path.display())
}

#[test]
fn a_stop_under_load_repeats_and_loses_nothing() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let load = Load::start(bugzilla.url());
    for _ in 0..6 {
        load.wait_for(25);
        stops_within(&mut bugrelay, Duration::from_secs(5));
        load.wait_for(5);
        bugrelay.start();
        bugrelay.wait_until_ready();
    }
    load.finish();
    assert_eq!(Committed::read(server, &bugzilla.name).wait_for(&bugrelay), 0, "a line was repeated");
}

#[test]
fn a_connector_that_hangs_holds_the_exit_no_longer_than_the_grace_period() {
    let bugzilla = MariaDb::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    // Nobody ever reads from it, so that whoever opens it waits.
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let rest = format!("{GRACE}{}", connector("pipe", &pipe));
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &rest);
    for signals in [1, 2] {
        bugrelay.start();
        bugrelay.wait_until_ready();
        let before = bugrelay.lines().len();
        bugzilla.exec("INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, NOW(), 'for both')");
        bugrelay.wait_for(before + 1);
        for _ in 1..signals {
            bugrelay.signal("TERM");
            pass(Duration::from_millis(300));
        }
        stops_within(&mut bugrelay, Duration::from_secs(4));
    }
    assert_eq!(bugrelay.lines().len(), 2, "what the well one had was not repeated");
}

#[test]
fn a_database_that_is_away_or_hangs_does_not_hold_the_exit() {
    let mut server = MariaDb::start(&[]);
    let (name, our_url) = {
        let bugzilla = server.database();
        (bugzilla.name.clone(), bugzilla.bugrelay_url())
    };
    let folder = tempfile::tempdir().unwrap();
    // Its backlog is judged before every attempt: that waits for the database.
    let rest = connector("broken", &folder.path().join("missing/out.jsonl"));
    let mut bugrelay = Bugrelay::configured(&our_url, "", &rest);
    bugrelay.start();
    bugrelay.wait_until_ready();
    server
        .exec(&format!("INSERT INTO {name}.longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, NOW(), 'waits')"));
    let waits = || bugrelay.metric("bugrelay_backlog_messages{connector=\"broken\"}") == Some(1.0);
    assert!(poll(Duration::from_secs(20), waits));
    server.stop();
    pass(Duration::from_secs(2));
    stops_within(&mut bugrelay, Duration::from_secs(3));
    server.cont();

    bugrelay.start();
    bugrelay.wait_until_ready();
    server.shut_down();
    pass(Duration::from_secs(2));
    stops_within(&mut bugrelay, Duration::from_secs(3));
}
