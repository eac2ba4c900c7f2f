//! A `time_zone` that is not Bugzilla's: Bugzilla's history is not told before it is mended, and nothing of it is skipped. A clock that was
//! ahead costs nothing either.

use super::gaps::purge;
use super::{PATIENCE, a_second_passes, ids, ids_up_to_now, log, rows, running, save, wait_for_ids};
use crate::services::{Bugrelay, Database, MariaDb, Mysqld, poll};

/// The zone of the server below, and others. The window is short: what lies behind it is not found by chance.
const OURS: &str = "time_zone = \"Europe/Istanbul\"\nlate_commit_window_seconds = 1";
const WRONG: [&str; 2] = ["UTC", "Asia/Tokyo"];

fn server() -> Mysqld {
    MariaDb::start(&["--default-time-zone=+03:00"])
}

/// Has it run with another zone, and stops it when it has said that it waits.
fn waits(bugrelay: &mut Bugrelay, bugzilla: &Database, zone: &str) {
    let told = if bugrelay.path("store.db").exists() { ids(bugrelay) } else { vec![] };
    bugrelay.replace("Europe/Istanbul", zone);
    let said = bugrelay.log().len();
    bugrelay.start();
    let waits = || bugrelay.log()[said..].contains("Bugzilla's times are not in that zone");
    assert!(poll(PATIENCE, waits), "{zone}: {}", log(bugrelay));
    (0..3).for_each(|_| a_second_passes(bugzilla));
    assert!(bugrelay.terminate().success());
    assert_eq!(ids(bugrelay), told, "{zone}: {}", log(bugrelay));
    bugrelay.replace(zone, "Europe/Istanbul");
}

#[test]
fn a_gap_in_a_wrong_zone_is_told_when_the_zone_is_mended_and_nothing_of_it_is_skipped() {
    let server = server();
    let bugzilla = server.database();
    let mut bugrelay = running(&bugzilla, OURS);
    bugzilla.exec(&save(1, 3, 0));
    wait_for_ids(&bugrelay, 2);
    assert!(bugrelay.terminate().success());
    // A fresh store begins with the next second.
    (0..2).for_each(|_| a_second_passes(&bugzilla));
    bugzilla.exec(&save(2, 3, 0));
    purge(&server);
    for zone in WRONG {
        waits(&mut bugrelay, &bugzilla, zone);
        a_second_passes(&bugzilla);
        bugzilla.exec(&save(2, 3, 0));
    }
    // The configuration is right by now, and the server is not.
    server.exec("SET GLOBAL time_zone = '+09:00'");
    let said = bugrelay.log().len();
    bugrelay.start();
    let waits = || bugrelay.log()[said..].contains("changes wait: Bugzilla's history cannot be told");
    assert!(poll(PATIENCE, waits), "{}", log(&bugrelay));
    server.exec("SET GLOBAL time_zone = '+03:00'");
    bugzilla.exec(&save(1, 4, 0));
    assert_eq!(wait_for_ids(&bugrelay, 10).len(), 10, "{}", log(&bugrelay));
    assert_eq!(bugrelay.metric("bugrelay_source_gaps_total{reason=\"purged\"}"), Some(0.0), "it is known already");
}

#[test]
fn a_start_in_the_past_in_a_wrong_zone_is_told_when_the_zone_is_mended_and_nothing_of_it_is_skipped() {
    let server = server();
    let bugzilla = server.database();
    bugzilla.exec(&save(2, 3, 0));
    let mut bugrelay =
        Bugrelay::configured(&bugzilla.bugrelay_url(), &format!("{OURS}\nstart = 2026-01-09T12:00:00"), "");
    for zone in WRONG {
        waits(&mut bugrelay, &bugzilla, zone);
    }
    bugrelay.start();
    bugrelay.wait_until_ready();
    ids_up_to_now(&bugzilla, &bugrelay);
    let told = bugrelay.messages();
    assert_eq!(told[0]["event"]["time"], "2026-01-09T09:00:00", "as Bugzilla's zone has it");
    let of_the_gap = |message: &&serde_json::Value| {
        message["event"]["bug_id"] == 2 && message["event"]["change_set"].as_str().unwrap().starts_with("3.")
    };
    assert_eq!(told.iter().filter(of_the_gap).count(), 2);
}

#[test]
fn history_alone_waits_for_the_right_zone() {
    let server = server();
    let bugzilla = server.database();
    bugzilla.exec(&save(1, 3, 3_600));
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), &format!("{OURS}\ncapture = \"history\""), "");
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugzilla.exec(&save(1, 4, 0));
    wait_for_ids(&bugrelay, 2);
    assert!(bugrelay.terminate().success());
    for zone in WRONG {
        waits(&mut bugrelay, &bugzilla, zone);
        bugzilla.exec(&save(2, 3, 0));
    }
    bugrelay.start();
    assert_eq!(wait_for_ids(&bugrelay, 6).len(), 6, "nothing from before the beginning");
}

#[test]
fn a_mark_that_a_clock_left_ahead_keeps_nothing_of_a_gap_from_being_told() {
    let server = MariaDb::start(&[]);
    let bugzilla = server.database();
    let mut bugrelay = running(&bugzilla, "");
    bugzilla.exec(&save(1, 3, 0));
    wait_for_ids(&bugrelay, 2);
    assert!(bugrelay.terminate().success());
    // A fresh store begins with the next second.
    (0..2).for_each(|_| a_second_passes(&bugzilla));
    bugzilla.exec(&save(2, 3, 0));
    purge(&server);
    let store = rusqlite::Connection::open(bugrelay.path("store.db")).unwrap();
    assert_eq!(store.execute("UPDATE state SET swept_until = swept_until + 7200", []).unwrap(), 1);
    drop(store);
    bugrelay.start();
    wait_for_ids(&bugrelay, 4);
    let mark = rows(&bugrelay.path("store.db"), "SELECT CAST(sweep_first IS NULL AS TEXT) FROM state");
    assert_eq!(mark, ["1"]);
}
