//! The ground that the other tests stand on: the private servers and the Bugzilla in them.

use crate::services::{Database, MariaDb, MySql};

fn resolution(bugzilla: &Database, bug: u32) -> String {
    bugzilla.exec(&format!("SELECT resolution FROM bugs WHERE bug_id = {bug}")).trim_end().to_owned()
}

#[test]
fn every_action_of_bugzillas_life_can_be_played_in_order() {
    let bugzilla = MariaDb::shared().database();
    for action in 1..=15 {
        bugzilla.play(&format!("{action:02}_"));
    }
    assert_eq!(bugzilla.exec("SELECT COUNT(*) FROM bugs"), "8\n");
    assert_eq!((resolution(&bugzilla, 2).as_str(), resolution(&bugzilla, 7).as_str()), ("DUPLICATE", "FIXED"));
}

#[test]
fn databases_of_one_server_do_not_meet() {
    let (one, other) = (MariaDb::shared().database(), MariaDb::shared().database());
    one.exec("UPDATE bugs SET short_desc = 'mine' WHERE bug_id = 1");
    assert_eq!(other.exec("SELECT short_desc FROM bugs WHERE bug_id = 1"), "The spout drips\n");
}

#[tokio::test]
async fn bugrelays_account_reads_what_it_needs_but_no_passwords_and_no_mails() {
    use mysql_async::prelude::Queryable as _;
    for server in [MariaDb::shared(), MySql::plain()] {
        let bugzilla = server.database();
        let mut connection = mysql_async::Conn::from_url(bugzilla.bugrelay_url()).await.unwrap();
        let login: Option<String> =
            connection.query_first("SELECT login_name FROM profiles WHERE userid = 2").await.unwrap();
        assert_eq!(login.as_deref(), Some("alice@example.org"));
        let platform: Option<String> =
            connection.query_first("SELECT value FROM bug_cf_platforms LIMIT 1").await.unwrap();
        assert_eq!(platform.as_deref(), Some("gas"));
        for denied in [
            "SELECT cryptpassword FROM profiles",
            "SELECT * FROM mail_staging",
            "SELECT * FROM attach_data",
            "UPDATE bugs SET priority = ''",
        ] {
            assert!(connection.query_drop(denied).await.is_err(), "{denied}");
        }
    }
}

#[test]
fn what_was_committed_survives_a_kill_and_a_restart_of_the_server() {
    let mut server = MariaDb::start(&["--innodb-flush-log-at-trx-commit=1"]);
    server.exec("CREATE DATABASE d; CREATE TABLE d.t (n int); INSERT INTO d.t VALUES (1)");
    server.kill9();
    server.start_again();
    server.restart();
    assert_eq!(server.exec("SELECT n FROM d.t"), "1\n");
}

#[test]
fn a_server_that_hangs_goes_on_when_it_is_told_to() {
    let server = MariaDb::start(&["--binlog-row-image=MINIMAL"]);
    server.stop();
    server.cont();
    assert_eq!(server.exec("SELECT @@binlog_row_image"), "MINIMAL\n");
}
