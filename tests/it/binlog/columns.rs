//! Columns keep their names, whatever is altered and whenever.

use super::{Site, comment, comment_told, open, refused, saves};
use crate::services::Mysqld;

super::on_each_server! {
    alters_in_mid_stream_do_not_mix_columns_up
    a_table_put_in_the_place_of_another_is_read_with_its_own_columns
    one_alter_while_we_are_down_is_understood
    columns_added_behind_the_others_while_we_are_down_do_no_harm
    a_restart_between_two_alters_loses_no_column
}

super::on_server! { mariadb_without_names PLAIN: columns_that_cannot_be_known_stop_the_capture_and_are_never_guessed }
super::on_server! { mysql_without_names MYSQL: columns_that_cannot_be_known_stop_the_capture_and_are_never_guessed }
super::on_server! { mariadb_with_names COMPRESSED: with_named_columns_any_alters_while_we_are_down_are_understood }
super::on_server! { mysql_with_names MYSQL_FULL: with_named_columns_any_alters_while_we_are_down_are_understood }

async fn alters_in_mid_stream_do_not_mix_columns_up(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    for (id, alter) in [
        (1, "ADD COLUMN w INT NOT NULL DEFAULT 5 FIRST"),
        (2, "ADD COLUMN cf_x VARCHAR(255)"),
        (3, "MODIFY COLUMN who MEDIUMINT NOT NULL AFTER work_time"),
        (4, "DROP COLUMN w"),
        (5, "ADD COLUMN gen INT AS (bug_id + 1) VIRTUAL AFTER bug_id"),
    ] {
        site.run(&format!("ALTER TABLE longdescs {alter}; {}", comment(id))).await;
        assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(id)], "after {alter}");
    }
}

async fn a_table_put_in_the_place_of_another_is_read_with_its_own_columns(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    site.run(&format!(
        "{} CREATE TABLE fresh (x INT, dupe MEDIUMINT, dupe_of MEDIUMINT); RENAME TABLE duplicates TO old, fresh TO duplicates;",
        comment(1)
    ))
    .await;
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(1)]);
    site.run("INSERT INTO duplicates VALUES (1, 2, 3)").await;
    assert_eq!(saves(&mut *capture, 1).await.0, ["2 duplicates 3"]);
}

async fn one_alter_while_we_are_down_is_understood(server: &Mysqld) {
    let site = Site::new(server);
    let (capture, position) = open(&site, None).await;
    drop(capture);
    site.run(&format!(
        "{} ALTER TABLE longdescs ADD COLUMN w INT NOT NULL DEFAULT 5 FIRST; {}",
        comment(1),
        comment(2)
    ))
    .await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    assert_eq!(saves(&mut *capture, 2).await.0, [comment_told(1), comment_told(2)]);
}

async fn columns_added_behind_the_others_while_we_are_down_do_no_harm(server: &Mysqld) {
    let site = Site::new(server);
    let (capture, position) = open(&site, None).await;
    drop(capture);
    site.run(&format!(
        "{} ALTER TABLE longdescs ADD COLUMN v INT; {} ALTER TABLE longdescs ADD COLUMN w INT; {}",
        comment(1),
        comment(2),
        comment(3)
    ))
    .await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    let (told, _) = saves(&mut *capture, 2).await;
    assert_eq!(told, [comment_told(1), comment_told(2)]);
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(3)]);
}

async fn a_restart_between_two_alters_loses_no_column(server: &Mysqld) {
    let site = Site::new(server);
    let (capture, position) = open(&site, None).await;
    drop(capture);
    site.run(&format!(
        "ALTER TABLE longdescs ADD COLUMN v INT; {} {} ALTER TABLE longdescs ADD COLUMN w INT; {}",
        comment(1),
        comment(2),
        comment(3)
    ))
    .await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    let (told, position) = saves(&mut *capture, 1).await;
    assert_eq!(told, [comment_told(1)]);
    drop(capture);
    let (mut capture, _) = open(&site, Some(&position)).await;
    assert_eq!(saves(&mut *capture, 2).await.0, [comment_told(2), comment_told(3)]);
}

async fn columns_that_cannot_be_known_stop_the_capture_and_are_never_guessed(server: &Mysqld) {
    let site = Site::new(server);
    let (capture, position) = open(&site, None).await;
    drop(capture);
    site.run(
        "ALTER TABLE duplicates ADD COLUMN w MEDIUMINT NOT NULL DEFAULT 5 FIRST; INSERT INTO duplicates (dupe, dupe_of) VALUES (2, 1);
         ALTER TABLE duplicates DROP COLUMN w; INSERT INTO duplicates (dupe, dupe_of) VALUES (3, 1);",
    )
    .await;
    let error = refused(&site, Some(&position)).await.to_string();
    assert!(error.contains("duplicates") && error.contains("SET GLOBAL binlog_row_metadata = 'FULL'"), "{error}");
}

async fn with_named_columns_any_alters_while_we_are_down_are_understood(server: &Mysqld) {
    let site = Site::new(server);
    let (capture, position) = open(&site, None).await;
    drop(capture);
    site.run(
        "ALTER TABLE duplicates ADD COLUMN w MEDIUMINT NOT NULL DEFAULT 5 FIRST; INSERT INTO duplicates (dupe, dupe_of) VALUES (2, 1);
         ALTER TABLE duplicates DROP COLUMN w; INSERT INTO duplicates (dupe, dupe_of) VALUES (3, 1);",
    )
    .await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    assert_eq!(saves(&mut *capture, 2).await.0, ["2 duplicates 1", "3 duplicates 1"]);
}
