//! What committed transactions tell, and what they do not.

use mysql_async::prelude::Queryable;

use super::{Site, comment, comment_told, open, saves};
use crate::services::Mysqld;

super::on_each_server! {
    every_save_is_told_once_and_in_order
    tables_of_any_character_set_tell_the_same
    what_was_rolled_back_is_never_told
    what_myisam_keeps_after_a_rollback_is_told
    other_databases_are_passed_over
    rows_without_a_possible_time_are_told_with_the_epoch
    a_statement_of_thousands_of_rows_is_one_transaction
    two_readers_see_the_same
    a_row_told_as_sql_stops_the_capture_with_the_setting_and_without_the_text
    a_row_without_its_columns_stops_the_capture_with_the_setting
}

// MySQL with GTIDs forbids such a transaction.
super::on_server! { mariadb_without_names PLAIN: a_savepoint_behind_a_myisam_write_is_rolled_back_all_the_same }
super::on_server! { mysql_without_gtids MYSQL: a_savepoint_behind_a_myisam_write_is_rolled_back_all_the_same }

/// A day in a Bugzilla, a save in each transaction, and what is told of it.
async fn a_day(site: &Site) {
    let (mut capture, _) = open(site, None).await;
    let now = "'2026-11-22 05:32:10'";
    site.run(&format!(
        "BEGIN; INSERT INTO bugs (bug_id, reporter, short_desc, bug_file_loc, code) VALUES (7, 3, 'a bug', REPEAT('x', 70000), 'y');
         INSERT INTO longdescs (comment_id, bug_id, who, bug_when) VALUES (70, 7, 3, {now});
         UPDATE bugs SET creation_ts = {now} WHERE bug_id = 7; COMMIT;
         BEGIN; UPDATE bugs SET short_desc = 'x', delta_ts = {now} WHERE bug_id = 7;
         INSERT INTO bugs_activity (id, bug_id, who, bug_when, fieldid, added) VALUES (1, 7, 4, {now}, 19, 'x'), (2, 7, 4, {now}, 20, 'y'); COMMIT;
         BEGIN; INSERT INTO attachments (attach_id, bug_id, creation_ts, submitter_id) VALUES (5, 7, {now}, 4);
         INSERT INTO attach_data VALUES (5, REPEAT('z', 100000));
         INSERT INTO bugs_activity (id, bug_id, attach_id, who, bug_when, fieldid, comment_id) VALUES (3, 7, 5, 4, {now}, 21, 4000000000); COMMIT;
         INSERT INTO duplicates (dupe, dupe_of) VALUES (7, 2);
         UPDATE duplicates SET dupe_of = 3 WHERE dupe = 7;
         DELETE FROM duplicates;
         INSERT INTO bugs (bug_id, reporter, creation_ts) VALUES (8, 8388607, {now});
         UPDATE longdescs SET isprivate = 1; DELETE FROM bugs_activity; DELETE FROM bugs;
         {}",
        comment(71)
    ))
    .await;
    let (told, _) = saves(&mut *capture, 8).await;
    assert_eq!(
        told,
        [
            "comment 70 on 7 by 3, bug 7 by 3",
            "field 19 of 7 by 4 id 1, field 20 of 7 by 4 id 2",
            "attachment 5 on 7 by 4, field 21 of 7 by 4 id 3 attachment 5 comment 4000000000",
            "7 duplicates 2",
            "7 no longer duplicates 2, 7 duplicates 3",
            "7 no longer duplicates 3",
            "bug 8 by 8388607",
            "comment 71 on 7 by 3",
        ]
    );
}

async fn every_save_is_told_once_and_in_order(server: &Mysqld) {
    a_day(&Site::new(server)).await;
}

async fn tables_of_any_character_set_tell_the_same(server: &Mysqld) {
    for charset in ["latin1", "utf8mb3", "utf8mb4"] {
        let site = Site::new(server);
        site.run(&format!(
            "ALTER TABLE bugs CONVERT TO CHARACTER SET {charset}; ALTER TABLE longdescs CONVERT TO CHARACTER SET {charset};
             ALTER TABLE bugs_activity CONVERT TO CHARACTER SET {charset}"
        ))
        .await;
        a_day(&site).await;
    }
}

async fn what_was_rolled_back_is_never_told(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    site.run(&format!(
        "BEGIN; {} ROLLBACK; BEGIN; {} SAVEPOINT a; {} ROLLBACK TO a; {} COMMIT; {}",
        comment(1),
        comment(2),
        comment(3),
        comment(4),
        comment(5)
    ))
    .await;
    assert_eq!(saves(&mut *capture, 2).await.0, [comment_told(2) + ", " + &comment_told(4), comment_told(5)]);
}

async fn a_savepoint_behind_a_myisam_write_is_rolled_back_all_the_same(server: &Mysqld) {
    let site = Site::new(server);
    site.run("CREATE TABLE logincookies (cookie INT) ENGINE = MyISAM").await;
    let (mut capture, _) = open(&site, None).await;
    site.run(&format!(
        "BEGIN; {} SAVEPOINT a; {} INSERT INTO logincookies VALUES (1); ROLLBACK TO a; {} COMMIT;
         BEGIN; {} INSERT INTO logincookies VALUES (1); ROLLBACK; {}",
        comment(1),
        comment(2),
        comment(3),
        comment(4),
        comment(5)
    ))
    .await;
    assert_eq!(saves(&mut *capture, 2).await.0, [comment_told(1) + ", " + &comment_told(3), comment_told(5)]);
}

async fn what_myisam_keeps_after_a_rollback_is_told(server: &Mysqld) {
    let site = Site::new(server);
    site.run("ALTER TABLE longdescs ENGINE = MyISAM").await;
    let (mut capture, _) = open(&site, None).await;
    site.run(&format!("BEGIN; {} INSERT INTO duplicates VALUES (1, 2); ROLLBACK; {}", comment(1), comment(2))).await;
    assert_eq!(saves(&mut *capture, 2).await.0, [comment_told(1), comment_told(2)]);
}

async fn other_databases_are_passed_over(server: &Mysqld) {
    let (site, other) = (Site::new(server), Site::new(server));
    let (mut capture, _) = open(&site, None).await;
    other.run(&comment(1)).await;
    site.run(&format!("BEGIN; INSERT INTO {}.duplicates VALUES (1, 2); {} COMMIT", other.name, comment(2))).await;
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(2)]);
}

async fn rows_without_a_possible_time_are_told_with_the_epoch(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    site.run(
        "SET sql_mode = ''; INSERT INTO longdescs (comment_id, bug_id, who, bug_when) VALUES (1, 7, 3, '0000-00-00')",
    )
    .await;
    assert_eq!(saves(&mut *capture, 1).await.0, ["comment 1 on 7 by 3 at 1970-01-01 00:00:00"]);
}

async fn a_statement_of_thousands_of_rows_is_one_transaction(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    let row = "(7, 3, NOW(), REPEAT('t', 200))";
    site.run(&format!("INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES {}", [row; 20_000].join(", ")))
        .await;
    let transaction = super::next(&mut *capture).await.unwrap();
    assert_eq!(transaction.rows.len(), 20_000);
}

async fn two_readers_see_the_same(server: &Mysqld) {
    let site = Site::new(server);
    let (mut one, _) = open(&site, None).await;
    let (mut two, _) = open(&site, None).await;
    let mut session = site.session().await;
    for id in 1..=20 {
        session.query_drop(comment(id)).await.unwrap();
    }
    let expected: Vec<String> = (1..=20).map(comment_told).collect();
    assert_eq!(saves(&mut *one, 20).await.0, expected);
    assert_eq!(saves(&mut *two, 20).await.0, expected);
}

async fn a_row_told_as_sql_stops_the_capture_with_the_setting_and_without_the_text(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    site.run(&format!(
        "SET SESSION binlog_format = STATEMENT; INSERT INTO profiles (userid) VALUES (1); {}",
        comment(1)
    ))
    .await;
    let error = super::failure(&mut *capture).await.to_string();
    assert!(error.contains("longdescs") && error.contains("binlog_format"), "{error}");
    assert!(!error.contains("text of a comment"), "{error}");
}

async fn a_row_without_its_columns_stops_the_capture_with_the_setting(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    site.run("INSERT INTO duplicates VALUES (1, 2); SET SESSION binlog_row_image = MINIMAL; UPDATE duplicates SET dupe_of = 5").await;
    assert_eq!(saves(&mut *capture, 1).await.0, ["2 duplicates 1"]);
    let error = super::failure(&mut *capture).await.to_string();
    assert!(error.contains("duplicates") && error.contains("binlog_row_image"), "{error}");
}
