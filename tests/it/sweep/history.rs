//! `capture = "history"`: Bugzilla's tables alone, with nothing but SELECT.

use super::{OFTEN, ids, ids_up_to_now, play, running, save, wait_for_a_sweep, wait_for_ids};
use crate::services::MariaDb;

const HISTORY: &str = "capture = \"history\"";

#[test]
fn history_alone_tells_what_the_binlog_tells_under_the_same_ids() {
    let bugzilla = MariaDb::shared().database();
    let binlog = running(&bugzilla, "");
    let history = running(&bugzilla, HISTORY);
    let life =
        ["01_", "02_", "03_", "04_", "05_", "06_", "07_", "08_", "09_", "10_", "11_", "12_", "13_", "14_", "15_"];
    play(&bugzilla, &life);
    let mut expected = ids_up_to_now(&bugzilla, &binlog);
    let mut told = wait_for_ids(&history, expected.len());
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn over_a_restart_a_late_commit_is_told_and_nothing_twice_and_nothing_from_before_the_start() {
    let bugzilla = MariaDb::shared().database();
    bugzilla.exec(&save(1, 3, 60));
    let mut bugrelay = running(&bugzilla, &format!("{HISTORY}\n{OFTEN}"));
    bugzilla.exec(&(save(1, 3, 0) + &save(1, 4, 0)));
    wait_for_ids(&bugrelay, 4);
    bugrelay.kill9();
    // Of a second that was told already.
    bugzilla.exec(&save(2, 4, 0));
    bugrelay.start();
    wait_for_ids(&bugrelay, 6);
    wait_for_a_sweep(&bugzilla, &bugrelay);
    assert_eq!(ids(&bugrelay).len(), 6);
}

#[test]
fn another_way_in_goes_on_where_the_one_before_stood() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = running(&bugzilla, HISTORY);
    bugzilla.exec(&save(1, 3, 0));
    wait_for_ids(&bugrelay, 2);
    assert!(bugrelay.terminate().success());
    bugzilla.exec(&save(2, 3, 0));
    bugrelay.replace(HISTORY, "capture = \"binlog\"");
    bugrelay.start();
    wait_for_ids(&bugrelay, 4);
    assert_eq!(bugrelay.metric("bugrelay_source_gaps_total{reason=\"another_way\"}"), Some(1.0));
    bugzilla.exec(&save(3, 3, 0));
    wait_for_ids(&bugrelay, 6);
    assert_eq!(ids(&bugrelay).len(), 6);
}
