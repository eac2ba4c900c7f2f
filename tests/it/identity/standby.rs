//! A standby, or a replica that is only read, as the source: what works there works, and what does not is said with its reason.

use super::{PATIENCE, running, save};
use crate::services::{Bugrelay, MariaDb, Postgres, poll};

#[test]
fn history_is_read_from_a_postgresql_standby_and_what_else_is_asked_of_one_says_why_not() {
    let primary = Postgres::start(None);
    let bugzilla = primary.database();
    bugzilla.install_triggers();
    bugzilla.publish();
    let standby = Postgres::standby_of(&primary);
    let url = standby.existing(&bugzilla.name).bugrelay_url();
    for capture in ["triggers", "logical"] {
        let check = Bugrelay::configured(&url, &format!("capture = \"{capture}\""), "").verb(&["check"]);
        assert_eq!(check.code, 78, "{capture}: {}", check.out);
        let line = check.out.lines().find(|line| line.contains("standby: ")).unwrap_or(&check.out);
        assert!(line.starts_with("ERROR") && line.contains("is a standby"), "{capture}: {line}");
    }
    let bugrelay = running(&url, "capture = \"history\"");
    bugzilla.exec(&save(1));
    assert!(bugrelay.wait_for(1)[0].contains("comment.create"));
}

#[test]
fn a_mariadb_replica_is_read_by_its_binlog_and_triggers_say_why_not() {
    let primary = MariaDb::start(&[]);
    let mut replica = MariaDb::start(&["--server-id=2", "--log-slave-updates", "--read-only"]);
    replica.follow(&primary);
    let bugzilla = primary.database();
    let has_all = || replica.exec("SELECT @@gtid_slave_pos") == primary.exec("SELECT @@gtid_binlog_pos");
    assert!(poll(PATIENCE, has_all), "{}", replica.exec("SHOW SLAVE STATUS"));
    let url = replica.existing(&bugzilla.name).bugrelay_url();
    let bugrelay = running(&url, "");
    bugzilla.exec(&save(1));
    assert!(bugrelay.wait_for(1)[0].contains("comment.create"));
    let check = Bugrelay::configured(&url, "capture = \"triggers\"", "").verb(&["check"]);
    let line = check.out.lines().find(|line| line.contains("read_only: ")).unwrap_or(&check.out);
    assert!(check.code == 78 && line.starts_with("ERROR") && line.contains("on the primary alone"), "{line}");

    // Nothing would come, without a word.
    replica.restart_with(&["--server-id=2", "--read-only"]);
    let check = bugrelay.verb(&["check"]);
    let line = check.out.lines().find(|line| line.contains("log_slave_updates: ")).unwrap_or(&check.out);
    assert!(check.code == 78 && line.starts_with("ERROR") && line.contains("nothing of what it replicates"), "{line}");
}
