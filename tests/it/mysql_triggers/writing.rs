//! Whatever is wrong with what is ours, Bugzilla's writes succeed, at once; and what no trigger can prevent is found before.

use std::time::{Duration, Instant};

use bugrelay::capture::{Severity, Source as _};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};

use super::{Make, Web, comment, next, open, queue, source, valve, waiting};
use crate::services::{Bugrelay, Database};

super::on_each_make! {
    bugzilla_writes_whatever_is_missing_of_ours_and_check_names_it
    a_missing_account_of_the_triggers_fails_writes_and_check_says_how_to_mend_it
    our_reading_and_deleting_holds_up_no_write
    whoever_locks_the_queue_holds_up_bugzilla_and_check_warns_of_it_before
    the_session_that_writes_may_have_any_mode_zone_and_character_set
    bugzilla_is_still_told_the_number_of_its_own_row
    nothing_is_left_where_nothing_is_news_and_never_any_content
}

const DEFINER: &str = "bugrelay_triggers@localhost";

/// The words of all that `triggers check` holds against it.
fn faults(database: &Database) -> String {
    let checked =
        Bugrelay::configured(&database.bugrelay_url(), "capture = \"triggers\"", "").verb(&["triggers", "check"]);
    assert_eq!(checked.code, 78, "{}", checked.out);
    checked.out
}

async fn bugzilla_writes_whatever_is_missing_of_ours_and_check_names_it(make: &Make) {
    for (broken, finding) in [
        ("RENAME TABLE {queue} TO {queue}_gone", "trigger_queue"),
        ("RENAME TABLE {valve} TO {valve}_gone", "trigger_queue"),
        ("ALTER TABLE {queue} DROP COLUMN who", "Unknown column 'who'"),
        ("REVOKE INSERT ON {queue} FROM {definer}", "INSERT command denied"),
        ("REVOKE DELETE ON {queue} FROM {definer}", "DELETE command denied"),
        ("REVOKE SELECT (id) ON {queue} FROM {definer}", "SELECT command denied"),
        ("REVOKE SELECT ON {valve} FROM {definer}", "SELECT command denied"),
        ("REVOKE SELECT (who) ON longdescs FROM {definer}", "column 'who'"),
        ("ALTER TABLE bugs CHANGE creation_ts created datetime", "Unknown column 'creation_ts'"),
        ("ALTER TABLE longdescs CHANGE comment_id id int NOT NULL AUTO_INCREMENT", "Unknown column 'comment_id'"),
    ] {
        let bugzilla = make.bugzilla();
        let mut web = Web::new(&bugzilla).await;
        let put = |text: &str| {
            text.replace("{queue}", &queue(&bugzilla))
                .replace("{valve}", &valve(&bugzilla))
                .replace("{definer}", DEFINER)
        };
        bugzilla.exec(&put(broken));
        web.run(&comment(1, 1)).await;
        let written = bugzilla.exec("SELECT count(*) FROM longdescs WHERE thetext = 'a secret'");
        assert_eq!(written, "1\n", "{broken}");
        assert!(faults(&bugzilla).contains(finding), "{broken}: {}", faults(&bugzilla));
    }
}

async fn a_missing_account_of_the_triggers_fails_writes_and_check_says_how_to_mend_it(make: &Make) {
    let server = (make.start)(&[]);
    let bugzilla = server.database();
    bugzilla.install_triggers();
    let mut web = Web::new(&bugzilla).await;
    bugzilla.exec(&format!("DROP USER {DEFINER}"));
    let error = web.try_run(&comment(1, 1)).await.unwrap_err().to_string();
    assert!(error.contains("1449"), "{error}");
    let findings = source(&bugzilla).check().await;
    let finding = findings.iter().find(|finding| finding.id == "trigger_definer").expect("it is found");
    assert_eq!(finding.severity, Severity::Error);
    bugzilla.exec(finding.remedy.as_deref().unwrap());
    web.run(&comment(1, 1)).await;
    assert_eq!(waiting(&bugzilla), 2);
}

async fn our_reading_and_deleting_holds_up_no_write(make: &Make) {
    let bugzilla = make.bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let mut web = Web::new(&bugzilla).await;
    web.run("SET SESSION innodb_lock_wait_timeout = 0, lock_wait_timeout = 1; SET autocommit = 0").await;
    for second in 0..50 {
        // A transaction of Bugzilla's is open while we read and delete what came before.
        web.run(&comment(1, 2 * second)).await;
        web.run("COMMIT").await;
        web.run(&comment(1, 2 * second + 1)).await;
        bugzilla.exec(&format!("SELECT closed_above FROM {} FOR UPDATE NOWAIT", valve(&bugzilla)));
        let save = next(capture.as_mut()).await;
        capture.acknowledge(&save.position).await.unwrap();
        web.run("COMMIT").await;
        let save = next(capture.as_mut()).await;
        capture.acknowledge(&save.position).await.unwrap();
    }
    assert_eq!(waiting(&bugzilla), 0);
    let deadlocks = "SELECT `count` FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'";
    assert_eq!(bugzilla.exec(deadlocks), "0\n");
}

async fn whoever_locks_the_queue_holds_up_bugzilla_and_check_warns_of_it_before(make: &Make) {
    let bugzilla = make.bugzilla();
    let findings = source(&bugzilla).check().await;
    let finding = findings.iter().find(|finding| finding.id == "lock_wait_timeout").expect("it is found");
    assert!(finding.remedy.as_deref().unwrap().contains("SET GLOBAL lock_wait_timeout"));
    let mut web = Web::new(&bugzilla).await;
    web.run("SET SESSION lock_wait_timeout = 1").await;
    let mut lock = Web(Conn::new(Opts::from_url(&bugzilla.administrator_url()).unwrap()).await.unwrap());
    lock.run(&format!("LOCK TABLES {} READ", queue(&bugzilla))).await;
    let begun = Instant::now();
    assert!(web.try_run(&comment(1, 1)).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(10));
}

async fn the_session_that_writes_may_have_any_mode_zone_and_character_set(make: &Make) {
    let bugzilla = make.bugzilla();
    let mut web = Web::new(&bugzilla).await;
    let told = "SELECT kind, bug, at, ABS(written_at - UNIX_TIMESTAMP()) < 60 FROM {queue} ORDER BY id";
    for session in [
        "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES,NO_ZERO_DATE,PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY'",
        "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE'",
        "SET SESSION sql_mode = '', time_zone = '-11:00'",
        "SET NAMES latin1",
    ] {
        web.run(session).await;
        web.run("UPDATE bugs SET delta_ts = '2020-01-01' WHERE bug_id = 1").await;
        bugzilla.exec(&format!("DELETE FROM {}", queue(&bugzilla)));
        web.run(&comment(1, 7)).await;
        let left = bugzilla.exec(&told.replace("{queue}", &queue(&bugzilla)));
        assert_eq!(left, "c\t1\t2026-11-22 05:00:07\t1\nt\t1\t2026-11-22 05:00:07\t1\n", "{session}");
    }
}

async fn bugzilla_is_still_told_the_number_of_its_own_row(make: &Make) {
    let bugzilla = make.bugzilla();
    let mut web = Web::new(&bugzilla).await;
    for _ in 0..3 {
        web.run("INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 1, NOW(), 'x')").await;
        let (told, last): (i64, i64) =
            web.0.query_first("SELECT LAST_INSERT_ID(), MAX(comment_id) FROM longdescs").await.unwrap().unwrap();
        assert_eq!(told, last);
    }
}

async fn nothing_is_left_where_nothing_is_news_and_never_any_content(make: &Make) {
    let bugzilla = make.bugzilla();
    bugzilla.exec(
        "UPDATE bugs SET lastdiffed = NOW() WHERE bug_id = 1; UPDATE longdescs SET isprivate = 1 WHERE bug_id = 1",
    );
    assert_eq!(waiting(&bugzilla), 0);
    bugzilla.exec(&comment(1, 1));
    let rows = bugzilla.exec(&format!("SELECT * FROM {}", queue(&bugzilla)));
    assert!(rows.lines().count() == 2 && !rows.contains("secret"), "{rows}");
}
