//! Whatever is wrong with what is ours, Bugzilla's writes succeed, and soon.

use std::time::{Duration, Instant};

use super::{bugzilla, comment, next, open, waiting, web};

#[tokio::test]
async fn bugzilla_writes_whatever_is_missing_of_ours() {
    for broken in [
        "ALTER TABLE bugrelay.trigger_queue RENAME TO gone",
        "ALTER TABLE bugrelay.trigger_queue DROP COLUMN who",
        "DROP SEQUENCE bugrelay.trigger_valve",
        "ALTER SEQUENCE bugrelay.trigger_queue_id RENAME TO gone",
        "DROP FUNCTION bugrelay.trigger_leave",
        "ALTER TABLE bugrelay.trigger_queue OWNER TO postgres",
        "REVOKE USAGE ON SCHEMA bugrelay FROM bugrelay_owner",
        "ALTER TABLE bugs RENAME COLUMN creation_ts TO created",
        "ALTER TABLE longdescs RENAME COLUMN comment_id TO id",
    ] {
        let bugzilla = bugzilla();
        let web = web(&bugzilla.web_url()).await;
        bugzilla.exec(broken);
        web.batch_execute(&comment("written")).await.unwrap_or_else(|error| panic!("{broken}: {error}"));
        let written = bugzilla.exec("SELECT count(*) FROM longdescs WHERE thetext = 'written'");
        assert_eq!(written, "1\n", "{broken}");
    }
}

#[tokio::test]
async fn a_locked_queue_delays_a_write_by_a_moment_and_fails_none() {
    let bugzilla = bugzilla();
    let web = web(&bugzilla.web_url()).await;
    let lock = super::web(&bugzilla.administrator_url()).await;
    lock.batch_execute("BEGIN; LOCK TABLE bugrelay.trigger_queue IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let begun = Instant::now();
    web.batch_execute(&comment("written")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    lock.batch_execute("ROLLBACK").await.unwrap();
    web.batch_execute(&comment("free")).await.unwrap();
    assert!(waiting(&bugzilla) > 0);
}

#[tokio::test]
async fn our_reading_and_deleting_lets_bugzilla_write() {
    let bugzilla = bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let web = web(&bugzilla.web_url()).await;
    web.batch_execute("SET lock_timeout = '1ms'").await.unwrap();
    for _ in 0..200 {
        web.batch_execute(&comment("written")).await.unwrap();
        let save = next(capture.as_mut()).await;
        capture.acknowledge(&save.position).await.unwrap();
    }
    assert_eq!(waiting(&bugzilla), 0);
}

#[tokio::test]
async fn an_upgrade_may_change_the_type_of_every_column_that_the_triggers_read() {
    let bugzilla = bugzilla();
    for (table, column) in
        [("bugs", "creation_ts"), ("bugs", "delta_ts"), ("longdescs", "bug_when"), ("attachments", "creation_ts")]
    {
        bugzilla.exec(&format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE timestamp(3)"));
    }
    bugzilla.exec(&comment("written"));
    assert_eq!(waiting(&bugzilla), 2);
}

#[tokio::test]
async fn nothing_is_left_where_nothing_is_news_and_never_any_content() {
    let bugzilla = bugzilla();
    bugzilla.exec(
        "UPDATE bugs SET lastdiffed = now() WHERE bug_id = 1; UPDATE longdescs SET isprivate = 1 WHERE bug_id = 1",
    );
    assert_eq!(waiting(&bugzilla), 0);
    bugzilla.exec(&comment("a secret"));
    let columns = bugzilla.exec("SELECT to_jsonb(q) FROM bugrelay.trigger_queue q");
    assert!(columns.lines().count() == 2 && !columns.contains("secret"), "{columns}");
}
