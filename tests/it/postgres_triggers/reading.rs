//! What is told: every committed transaction, whole, once, in the order of the commits.

use bugrelay::capture::{Gap, Severity, Source as _};
use bugrelay::changeset::RowChange;
use bugrelay::failure::Class;

use super::{PATIENCE, bugzilla, comment, comments, next, open, source, source_at, waiting, web};
use crate::services::{Mode, Postgres, Proxy};

#[tokio::test]
async fn a_save_is_told_whole_and_forgotten_when_it_is_stored() {
    let bugzilla = bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let web = web(&bugzilla.web_url()).await;
    web.batch_execute(&format!("BEGIN; {} {} COMMIT", comment("one"), comment("two"))).await.unwrap();
    let save = next(capture.as_mut()).await;
    assert_eq!(comments(&save), 2);
    assert!(save.committed_at > 1_700_000_000);
    assert!(waiting(&bugzilla) > 0, "it is kept until it is stored");
    capture.acknowledge(&save.position).await.unwrap();
    assert_eq!(waiting(&bugzilla), 0);
}

#[tokio::test]
async fn a_late_commit_with_lower_ids_is_not_lost() {
    let bugzilla = bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let url = bugzilla.web_url();
    let (slow, fast) = (web(&url).await, web(&url).await);
    slow.batch_execute("BEGIN; INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (2, 1, now(), 'slow')")
        .await
        .unwrap();
    fast.batch_execute(&comment("fast")).await.unwrap();
    let first = next(capture.as_mut()).await;
    capture.acknowledge(&first.position).await.unwrap();
    slow.batch_execute("COMMIT").await.unwrap();
    let second = next(capture.as_mut()).await;
    assert_eq!((comments(&first), comments(&second)), (1, 1));
    capture.acknowledge(&second.position).await.unwrap();
    assert_eq!(waiting(&bugzilla), 0);
}

#[tokio::test]
async fn what_was_open_when_we_began_is_told_when_it_commits() {
    let bugzilla = bugzilla();
    let web = web(&bugzilla.web_url()).await;
    bugzilla.exec(&comment("before"));
    web.batch_execute(&format!("BEGIN; {}", comment("open"))).await.unwrap();
    let (mut capture, _) = open(&bugzilla).await;
    web.batch_execute("COMMIT").await.unwrap();
    assert_eq!(comments(&next(capture.as_mut()).await), 1, "and what was there before is not");
}

#[tokio::test]
async fn what_was_rolled_back_is_not_told_nor_a_part_that_was() {
    let bugzilla = bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let web = web(&bugzilla.web_url()).await;
    web.batch_execute(&format!("BEGIN; {} ROLLBACK", comment("no"))).await.unwrap();
    let parts = format!("BEGIN; {} SAVEPOINT s; {} ROLLBACK TO s; COMMIT", comment("yes"), comment("no"));
    web.batch_execute(&parts).await.unwrap();
    assert_eq!(comments(&next(capture.as_mut()).await), 1);
}

#[tokio::test]
async fn what_was_told_and_not_stored_is_told_again_from_the_stored_position() {
    let bugzilla = bugzilla();
    let (mut capture, start) = open(&bugzilla).await;
    bugzilla.exec(&comment("one"));
    let told = next(capture.as_mut()).await;
    drop(capture);
    for from in [&start, &told.position] {
        let mut again = source(&bugzilla).open(Some(from)).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(next(again.as_mut()).await.rows, told.rows);
    }
}

#[tokio::test]
async fn thousands_that_waited_come_in_their_order_and_the_queue_is_empty_then() {
    let bugzilla = bugzilla();
    let (capture, start) = open(&bugzilla).await;
    drop(capture);
    bugzilla.exec(&format!("DO $$ BEGIN FOR n IN 1..6000 LOOP {} COMMIT; END LOOP; END $$", comment("one")));
    let mut capture = source(&bugzilla).open(Some(&start)).await.unwrap_or_else(|error| panic!("{error}"));
    let mut last = 0;
    for _ in 0..6000 {
        let save = next(capture.as_mut()).await;
        let [RowChange::CommentAdded { comment, .. }] = save.rows[..] else { panic!("{save:?}") };
        assert!(comment.0 > last, "{comment} after {last}");
        last = comment.0;
        capture.acknowledge(&save.position).await.unwrap();
    }
    assert_eq!(waiting(&bugzilla), 0);
}

#[tokio::test]
async fn a_transaction_larger_than_any_look_comes_whole_and_others_that_ended_before_it_come_first() {
    let bugzilla = bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let web = web(&bugzilla.web_url()).await;
    let many = |count| {
        format!(
            "INSERT INTO longdescs (bug_id, who, bug_when, thetext) SELECT 2, 1, now(), 'many' FROM generate_series(1, {count})"
        )
    };
    web.batch_execute(&format!("BEGIN; {}", many(12_000))).await.unwrap();
    bugzilla.exec(&format!("BEGIN; {} COMMIT", comment("small")));
    web.batch_execute(&format!("{}; COMMIT", many(1))).await.unwrap();
    let mut told = vec![];
    for _ in 0..2 {
        let transaction = next(capture.as_mut()).await;
        capture.acknowledge(&transaction.position).await.unwrap();
        told.push(comments(&transaction));
    }
    assert_eq!(told, [1, 12_001]);
    assert_eq!(waiting(&bugzilla), 0);
}

#[tokio::test]
async fn a_full_queue_takes_no_more_and_is_a_gap_until_somebody_begins_anew() {
    let bugzilla = bugzilla();
    let (capture, start) = open(&bugzilla).await;
    drop(capture);
    bugzilla.exec("SELECT setval('bugrelay.trigger_valve', (SELECT last_value + 3 FROM bugrelay.trigger_queue_id))");
    for _ in 0..5 {
        bugzilla.exec(&comment("one"));
    }
    assert!(waiting(&bugzilla) <= 4);
    for _ in 0..2 {
        let error = source(&bugzilla).open(Some(&start)).await.err().unwrap();
        assert_eq!(error.gap, Some(Gap::QueueFull), "{error}");
    }
    let (mut capture, _) = open(&bugzilla).await;
    bugzilla.exec(&comment("after"));
    assert_eq!(comments(&next(capture.as_mut()).await), 1);
}

#[tokio::test]
async fn triggers_that_were_removed_and_installed_again_are_a_gap_and_so_are_those_of_another_database() {
    let bugzilla = bugzilla();
    let (capture, start) = open(&bugzilla).await;
    drop(capture);
    bugzilla.remove_triggers();
    bugzilla.install_triggers();
    let gap = source(&bugzilla).open(Some(&start)).await.err().unwrap().gap;
    assert_eq!(gap, Some(Gap::TriggersLost));
    let gap = source(&super::bugzilla()).open(Some(&start)).await.err().unwrap().gap;
    assert_eq!(gap, Some(Gap::TriggersLost));
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let bugzilla = bugzilla();
    let port = Postgres::shared().port();
    let proxy = Proxy::before(port).await;
    proxy.set(Mode::Hang);
    let url = bugzilla.bugrelay_url().replace(&format!(":{port}/"), &format!(":{}/", proxy.port()));
    let findings = tokio::time::timeout(PATIENCE, source_at(&url).check()).await.expect("it does not hang");
    assert_eq!(findings[0].severity, Severity::Unavailable, "{findings:?}");
    assert!(findings[0].message.contains("within 15 s"), "{findings:?}");
}

#[tokio::test]
async fn a_second_bugrelay_is_refused_and_the_first_loses_nothing() {
    let bugzilla = bugzilla();
    let (mut capture, start) = open(&bugzilla).await;
    bugzilla.exec(&comment("one"));
    for from in [None, Some(&start)] {
        let error = source(&bugzilla).open(from).await.err().expect("it is refused");
        assert_eq!((error.class, error.gap), (Class::Transient, None), "{error}");
        assert!(error.to_string().contains("another bugrelay"), "{error}");
    }
    assert_eq!(comments(&next(capture.as_mut()).await), 1);
}

#[tokio::test]
async fn a_late_acknowledgement_from_before_a_gap_deletes_nothing() {
    let bugzilla = bugzilla();
    let (mut before, _) = open(&bugzilla).await;
    bugzilla.exec(&comment("before"));
    let stored = next(before.as_mut()).await;
    drop(before);
    let (mut capture, _) = open(&bugzilla).await;
    bugzilla.exec(&comment("after"));
    next(capture.as_mut()).await;
    capture.acknowledge(&stored.position).await.unwrap();
    assert!(waiting(&bugzilla) > 0, "what is not stored yet is still there");
}
