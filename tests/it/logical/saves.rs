//! What Bugzilla writes, and what is told of it.

use super::{Site, comment, comment_told, open, saves};

#[tokio::test]
async fn every_save_is_told_once_and_in_order() {
    let site = Site::new();
    let (mut capture, _) = open(&site, None).await;
    let now = "'2026-11-22 05:32:10'";
    site.run(&format!(
        "BEGIN; INSERT INTO bugs (bug_id, assigned_to, bug_file_loc, bug_severity, bug_status, short_desc, op_sys, priority, product_id, rep_platform,
           reporter, version, component_id, delta_ts, everconfirmed) VALUES (100, 3, repeat('x', 70000), 'normal', 'CONFIRMED', 'a bug', 'All', '---', 1, 'All', 3, '1.0', 1, {now}, 1);
         UPDATE bugs SET creation_ts = {now}, delta_ts = {now} WHERE bug_id = 100;
         INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (170, 100, 3, {now}, ''); COMMIT;
         BEGIN; UPDATE bugs SET short_desc = 'x', delta_ts = {now} WHERE bug_id = 100;
         INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added) VALUES (100, 4, {now}, 19, 'x'), (1, 4, {now}, 20, 'y'); COMMIT;
         BEGIN; INSERT INTO attachments (attach_id, bug_id, creation_ts, modification_time, description, mimetype, filename, submitter_id)
           VALUES (105, 100, {now}, {now}, 'd', 'text/plain', 'f', 4);
         INSERT INTO attach_data VALUES (105, repeat('z', 100000)::bytea);
         INSERT INTO bugs_activity (bug_id, attach_id, who, bug_when, fieldid, comment_id) VALUES (100, 105, 4, {now}, 21, 170); COMMIT;
         INSERT INTO duplicates (dupe, dupe_of) VALUES (100, 2);
         UPDATE duplicates SET dupe_of = 3 WHERE dupe = 100;
         DELETE FROM duplicates WHERE dupe = 100;
         UPDATE longdescs SET isprivate = 1; DELETE FROM bugs WHERE bug_id = 100;
         {}",
        comment(171)
    ));
    let (told, _) = saves(&mut *capture, 7).await;
    assert_eq!(
        told,
        [
            "bug 100 by 3, comment 170 on 100 by 3",
            "field 19 of 100 by 4, field 20 of 1 by 4",
            "attachment 105 on 100 by 4, field 21 of 100 by 4 attachment 105 comment 170",
            "100 duplicates 2",
            "100 no longer duplicates 2, 100 duplicates 3",
            "100 no longer duplicates 3",
            "comment 171 on 1 by 3",
        ]
    );
}

#[tokio::test]
async fn what_was_rolled_back_is_never_told() {
    let site = Site::new();
    let (mut capture, _) = open(&site, None).await;
    site.run(&format!(
        "BEGIN; {} ROLLBACK; BEGIN; {} SAVEPOINT a; {} ROLLBACK TO a; {} COMMIT; {}",
        comment(101),
        comment(102),
        comment(103),
        comment(104),
        comment(105)
    ));
    let told = saves(&mut *capture, 2).await.0;
    assert_eq!(told, [comment_told(102) + ", " + &comment_told(104), comment_told(105)]);
}

#[tokio::test]
async fn a_prepared_transaction_is_told_at_its_commit_and_never_when_it_is_rolled_back() {
    let site = Site::new();
    let (mut capture, position) = open(&site, None).await;
    let names = [1, 2].map(|number| format!("{}_{number}", site.name()));
    for (name, id) in names.iter().zip([101, 102]) {
        site.run(&format!("BEGIN; {} PREPARE TRANSACTION '{name}'", comment(id)));
    }
    site.run(&comment(103));
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(103)]);
    drop(capture);
    // Through a restart of ours as well.
    let (mut capture, _) = open(&site, Some(&position)).await;
    site.run(&format!("COMMIT PREPARED '{}'; ", names[0]));
    site.run(&format!("ROLLBACK PREPARED '{}'", names[1]));
    site.run(&comment(104));
    assert_eq!(saves(&mut *capture, 3).await.0, [103, 101, 104].map(comment_told));
}

#[tokio::test]
async fn a_bug_that_is_filed_by_a_later_transaction_is_told_then_through_a_restart() {
    let site = Site::new();
    let bug = |id: u32| {
        format!(
            "INSERT INTO bugs (bug_id, assigned_to, bug_file_loc, bug_severity, bug_status, short_desc, op_sys, priority, product_id, rep_platform,
             reporter, version, component_id, delta_ts, everconfirmed) VALUES ({id}, 3, '', 'normal', 'CONFIRMED', 'a bug', 'All', '---', 1, 'All', 3, '1.0', 1, NOW(), 1);"
        )
    };
    let file = |id: u32| format!("UPDATE bugs SET creation_ts = '2026-11-22 05:32:10' WHERE bug_id = {id};");
    // Before there is a slot.
    site.run(&bug(100));
    let (mut capture, _) = open(&site, None).await;
    site.run(&(bug(101) + &comment(100)));
    let (_, position) = saves(&mut *capture, 1).await;
    drop(capture);
    let (mut capture, _) = open(&site, Some(&position)).await;
    site.run(&(file(101) + &file(100) + &file(1) + &comment(102)));
    assert_eq!(saves(&mut *capture, 3).await.0, ["bug 101 by 3", "bug 100 by 3", &comment_told(102)]);
}

#[tokio::test]
async fn without_the_old_rows_of_duplicates_a_mark_is_told_and_its_end_is_not() {
    let site = Site::new();
    site.run("ALTER TABLE duplicates REPLICA IDENTITY DEFAULT");
    let (mut capture, _) = open(&site, None).await;
    site.run("INSERT INTO duplicates (dupe, dupe_of) VALUES (4, 2); DELETE FROM duplicates WHERE dupe = 4;");
    site.run(&comment(101));
    assert_eq!(saves(&mut *capture, 2).await.0, ["4 duplicates 2".to_owned(), comment_told(101)]);
}

#[tokio::test]
async fn a_transaction_of_thousands_of_rows_is_whole_and_looks_are_short_beside_it() {
    let site = Site::new();
    let (mut capture, _) = open(&site, None).await;
    let rows = |first: u32, last: u32| {
        format!(
            "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext)
             SELECT n, 1, 3, '2026-11-22 05:32:10', repeat('t', 200) FROM generate_series({first}, {last}) n;"
        )
    };
    site.run(&rows(1_000, 20_999));
    let large = loop {
        let transaction = super::next(&mut *capture).await.unwrap();
        if !transaction.rows.is_empty() {
            break transaction;
        }
    };
    assert_eq!(large.rows.len(), 20_000);
    // Nothing is acknowledged: what the slot gives again is passed over, however much it is.
    let singles: String = (30_000..33_000).map(comment).collect();
    site.run(&format!("DO $$ BEGIN {} END $$", "COMMIT; ".to_owned() + &singles.replace(';', "; COMMIT;")));
    let (told, _) = saves(&mut *capture, 3_000).await;
    assert_eq!(told, (30_000..33_000).map(comment_told).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_is_no_save_but_the_server_may_forget_it() {
    let site = Site::new();
    let (mut capture, first) = open(&site, None).await;
    site.run("UPDATE profiles SET realname = 'somebody'; CREATE TABLE other AS SELECT generate_series(1, 1000) AS n");
    let idle = super::next(&mut *capture).await.unwrap();
    assert!(idle.rows.is_empty());
    assert_ne!(idle.position, first);
    let before = site.slot("confirmed_flush_lsn");
    capture.acknowledge(&idle.position).await.unwrap();
    let advanced = crate::services::poll(super::PATIENCE, || site.slot("confirmed_flush_lsn") != before);
    assert!(advanced, "the slot stays at {before}");
}
