//! Changes that the binlog does not have (any more).

use super::{
    OFTEN, PATIENCE, a_second_passes, ids, ids_up_to_now, log, play, running, save, swallowed, wait_for_a_sweep,
    wait_for_ids,
};
use crate::services::{Bugrelay, MariaDb, Mysqld, poll};

const SWEPT: &str = "bugrelay_swept_total";

/// Until the server has nothing left but the file that it writes. It is late to notice that nobody reads the others.
pub(super) fn purge(server: &Mysqld) {
    let purged = poll(PATIENCE, || {
        server.exec("FLUSH BINARY LOGS");
        let files = server.exec("SHOW BINARY LOGS");
        let newest = files.lines().last().and_then(|line| line.split('\t').next()).unwrap().to_owned();
        server.exec(&format!("PURGE BINARY LOGS TO '{newest}'"));
        server.exec("SHOW BINARY LOGS").lines().count() == 1
    });
    assert!(purged, "{}", server.exec("SHOW BINARY LOGS"));
}

#[test]
fn a_purged_binlog_is_repaired_under_the_ids_that_it_would_have_given_and_in_order() {
    let server = MariaDb::start(&[]);
    let bugzilla = server.database();
    let mut witness = running(&bugzilla, "");
    let mut bugrelay = running(&bugzilla, OFTEN);
    bugzilla.exec(&save(1, 3, 0));
    wait_for_ids(&bugrelay, 2);
    assert!(bugrelay.terminate().success());
    play(&bugzilla, &["01_", "02_", "03_", "04_", "05_", "06_", "11_", "14_"]);
    let mut told = ids_up_to_now(&bugzilla, &witness);
    assert!(witness.terminate().success());
    purge(&server);
    bugrelay.start();
    let mut repaired = wait_for_ids(&bugrelay, told.len());
    assert_eq!(bugrelay.metric("bugrelay_source_gaps_total{reason=\"purged\"}"), Some(1.0));
    let swept = || bugrelay.metric(SWEPT);
    assert!(poll(PATIENCE, || swept() == Some((told.len() - 2) as f64)), "{:?}", swept());
    // Saves of one second on several bugs may come in another order; those of a bug do not.
    assert_eq!(repaired[..6], told[..6]);
    repaired.sort();
    told.sort();
    assert_eq!(repaired, told);
    bugzilla.exec(&save(2, 3, 0));
    wait_for_ids(&bugrelay, told.len() + 2);
    wait_for_a_sweep(&bugzilla, &bugrelay);
    assert_eq!(ids(&bugrelay).len(), told.len() + 2, "nothing is told twice");
}

#[test]
fn a_swallowed_change_is_found_once_however_late_it_is_committed_and_whoever_shares_its_second() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = running(&bugzilla, &format!("{OFTEN}\nstart = \"2026-02-01T00:00:00Z\""));
    // What is saved before that is told with the past.
    assert!(poll(PATIENCE, || bugrelay.log().contains("the source is read on")), "{}", log(&bugrelay));
    bugzilla.exec(&save(1, 3, 0));
    bugzilla.exec(&swallowed(&save(1, 3, 0)));
    wait_for_ids(&bugrelay, 4);
    assert!(poll(PATIENCE, || bugrelay.metric(SWEPT) == Some(2.0)), "{}", log(&bugrelay));
    wait_for_a_sweep(&bugzilla, &bugrelay);
    // Behind the mark by now, as a commit that took its time; and two users in one second.
    bugzilla.exec(&swallowed(&(save(2, 3, 600) + &save(2, 4, 600) + &save(3, 4, 601))));
    wait_for_ids(&bugrelay, 10);
    wait_for_a_sweep(&bugzilla, &bugrelay);
    assert_eq!(ids(&bugrelay).len(), 10);
    assert_eq!(bugrelay.metric(SWEPT), Some(8.0));
    assert!(poll(PATIENCE, || bugrelay.log().contains("the sweep told what the way in did not deliver")));
}

#[test]
fn what_the_sweep_finds_is_judged_by_what_was_public_then_and_is_now() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = running(&bugzilla, OFTEN);
    // Of a bug that is secret all the time, of one that becomes secret later, and of one that was secret then.
    let group = "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)";
    let field = "(SELECT id FROM fielddefs WHERE name = 'bug_group')";
    let secret_then = format!(
        "INSERT INTO bug_group_map (bug_id, group_id) VALUES (2, 3); {group} VALUES (2, 4, LOCALTIMESTAMP(0), {field}, '', 'cellar');"
    );
    let hidden_later = secret_then.replace("(2, ", "(1, ");
    a_second_passes(&bugzilla);
    bugzilla.exec(&swallowed(&(save(5, 4, 0) + &save(1, 3, 0) + &secret_then)));
    a_second_passes(&bugzilla);
    bugzilla.exec(&swallowed(&(save(2, 4, 0) + &save(3, 4, 0) + &hidden_later)));
    a_second_passes(&bugzilla);
    let opened = format!(
        "DELETE FROM bug_group_map WHERE bug_id = 2; {group} VALUES (2, 4, LOCALTIMESTAMP(0), {field}, 'cellar', '');"
    );
    bugzilla.exec(&swallowed(&opened));
    wait_for_ids(&bugrelay, 11);
    wait_for_a_sweep(&bugzilla, &bugrelay);
    let told = bugrelay.wait_for(11);
    let public: Vec<&String> = told.iter().filter(|line| line.contains("\"bug\":{\"id\"")).collect();
    let is_allowed = |line: &&String| line.contains("\"bug_id\":3,") || line.contains("\"field\":\"is_private\"");
    assert_eq!((told.len(), public.len()), (11, 3), "{told:#?}");
    assert!(public.iter().all(is_allowed), "{public:#?}");
    assert!(bugrelay.terminate().success());
}

#[test]
fn the_sweep_goes_on_while_the_binlog_cannot_be_read() {
    let server = MariaDb::start(&[]);
    let bugzilla = server.database();
    let mut bugrelay: Bugrelay = running(&bugzilla, OFTEN);
    server.exec("SET GLOBAL binlog_format = 'STATEMENT'");
    assert!(bugrelay.terminate().success());
    bugrelay.start();
    assert!(poll(PATIENCE, || bugrelay.metric("bugrelay_source_connected") == Some(0.0)));
    a_second_passes(&bugzilla);
    bugzilla.exec(&save(1, 3, 0));
    wait_for_ids(&bugrelay, 2);
    server.exec("SET GLOBAL binlog_format = 'ROW'");
    assert!(poll(PATIENCE, || bugrelay.metric("bugrelay_source_connected") == Some(1.0)), "{}", log(&bugrelay));
    bugzilla.exec(&save(1, 3, 0));
    wait_for_ids(&bugrelay, 4);
    wait_for_a_sweep(&bugzilla, &bugrelay);
    assert_eq!(ids(&bugrelay).len(), 4, "what the sweep told is not told again");
}
