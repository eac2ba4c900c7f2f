//! A standby takes over: what it was handed is gone on from.

use super::{PATIENCE, gaps, running, save, wait_for_metric};
use crate::services::{MariaDb, Postgres, poll};

const FAILOVERS: &str = "bugrelay_source_failovers_total";

#[test]
fn a_mariadb_replica_that_takes_over_is_gone_on_with_and_counted() {
    let mut primary = MariaDb::start(&[]);
    let replica = MariaDb::start(&["--server-id=2", "--log-slave-updates", "--read-only"]);
    replica.follow(&primary);
    let bugzilla = primary.database();
    let (name, url) = (bugzilla.name.clone(), bugzilla.bugrelay_url());
    let mut bugrelay = running(&url, "");
    bugzilla.exec(&save(1));
    bugrelay.wait_for(1);
    assert!(bugrelay.terminate().success());
    bugzilla.exec(&save(2));
    let has_all = || replica.exec("SELECT @@gtid_slave_pos") == primary.exec("SELECT @@gtid_binlog_pos");
    assert!(poll(PATIENCE, has_all), "{}", replica.exec("SHOW SLAVE STATUS"));
    primary.kill9();
    replica.exec("STOP SLAVE; SET GLOBAL read_only = OFF");
    let bugzilla = replica.existing(&name);
    bugzilla.exec(&save(3));
    bugrelay.replace(&url, &bugzilla.bugrelay_url());
    bugrelay.start_with(&["run"]);
    let lines = bugrelay.wait_for(3);
    assert!((1..).zip(&lines).all(|(bug, line)| line.contains(&format!("\"bug_id\":{bug},"))), "{lines:?}");
    assert_eq!(bugrelay.metric(FAILOVERS), Some(1.0));
    assert_eq!(["ahead", "foreign_server", "purged"].map(|reason| gaps(&bugrelay, reason)), [0.0; 3]);
    assert!(bugrelay.log().contains("another server of the same history has taken over"), "{}", bugrelay.log());
    // Known from then on.
    assert!(bugrelay.terminate().success());
    bugrelay.start_with(&["run"]);
    bugrelay.wait_until_ready();
    assert_eq!(bugrelay.metric(FAILOVERS), Some(0.0));
}

#[test]
fn a_postgresql_standby_that_is_promoted_is_gone_on_with_and_what_its_triggers_left_is_told() {
    let mut primary = Postgres::start(None);
    let (name, url) = {
        let bugzilla = primary.database();
        bugzilla.install_triggers();
        (bugzilla.name.clone(), bugzilla.bugrelay_url())
    };
    let mut bugrelay = running(&url, "");
    primary.exec_in(&name, &save(1));
    bugrelay.wait_for(1);
    assert!(bugrelay.terminate().success());
    let standby = Postgres::standby_of(&primary);
    primary.exec_in(&name, &save(2));
    let has_it = || standby.exec_in(&name, "SELECT count(*) FROM bugrelay.trigger_queue WHERE bug = 2").trim() != "0";
    assert!(poll(PATIENCE, has_it), "the standby does not follow");
    primary.shut_down();
    standby.exec("SELECT pg_promote()");
    let bugzilla = standby.existing(&name);
    bugzilla.exec(&save(3));
    bugrelay.replace(&url, &bugzilla.bugrelay_url());
    bugrelay.start_with(&["run"]);
    let lines = bugrelay.wait_for(3);
    assert!((1..).zip(&lines).all(|(bug, line)| line.contains(&format!("\"bug_id\":{bug},"))), "{lines:?}");
    assert_eq!(bugrelay.metric(FAILOVERS), Some(1.0));
    assert_eq!(["ahead", "foreign_server", "triggers_lost"].map(|reason| gaps(&bugrelay, reason)), [0.0; 3]);
    wait_for_metric(&bugrelay, "bugrelay_source_refused", 0.0);
}
