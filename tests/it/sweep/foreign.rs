//! A server that did not issue the position may be a copy of Bugzilla, as for staging: it must not speak on production's buses.

use super::{OFTEN, PATIENCE, a_second_passes, log, running, save, wait_for_ids};
use crate::services::{Bugrelay, MariaDb, poll};

/// More than an interval, and what the sweep leaves to the way in: when a sweep would have told the save.
const SECONDS: u32 = 20;

/// Reads production, and is then led to another server, on which somebody saves.
fn astray(prepare: impl FnOnce(&Bugrelay)) -> Bugrelay {
    let production = MariaDb::shared().database();
    let mut bugrelay = running(&production, OFTEN);
    production.exec(&save(1, 3, 0));
    wait_for_ids(&bugrelay, 2);
    assert!(bugrelay.terminate().success());
    prepare(&bugrelay);
    let server = MariaDb::start(&["--server-id=7"]);
    let staging = server.database();
    bugrelay.replace(&production.bugrelay_url(), &staging.bugrelay_url());
    a_second_passes(&staging);
    staging.exec(&save(1, 3, 0));
    bugrelay.start();
    let gaps = "bugrelay_source_gaps_total{reason=\"foreign_server\"}";
    assert!(poll(PATIENCE, || bugrelay.metric(gaps) == Some(1.0)), "{}", log(&bugrelay));
    (0..SECONDS).for_each(|_| a_second_passes(&staging));
    bugrelay
}

#[test]
fn the_history_of_another_server_is_not_swept() {
    let bugrelay = astray(|_| {});
    assert_eq!(bugrelay.lines().len(), 2, "{}", log(&bugrelay));
}

#[test]
fn a_repair_that_was_broken_off_does_not_go_on_with_another_server() {
    let repair = "UPDATE state SET sweep_first = swept_until + 3600";
    let bugrelay = astray(|bugrelay| {
        let store = rusqlite::Connection::open(bugrelay.path("store.db")).unwrap();
        assert_eq!(store.execute(repair, []).unwrap(), 1);
    });
    assert_eq!(bugrelay.lines().len(), 2, "{}", log(&bugrelay));
}
