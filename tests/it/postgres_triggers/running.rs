//! `bugrelay run` on triggers: what operators see when connections, grants and the server come and go.

use bugrelay::capture::Source as _;

use crate::services::{Bugrelay, Postgres, poll};

use super::{PATIENCE, bugzilla, comment, source, waiting, web};

#[test]
fn a_save_leaves_and_the_queue_is_empty_then() {
    let database = bugzilla();
    let bugrelay = Bugrelay::running(&database.bugrelay_url());
    database.exec(&comment("one"));
    assert!(bugrelay.wait_for(1)[0].contains("comment.create"));
    assert!(poll(PATIENCE, || waiting(&database) == 0));
    assert!(poll(PATIENCE, || bugrelay.metric("bugrelay_trigger_queue_rows") == Some(0.0)));
    assert_eq!(bugrelay.metric("bugrelay_trigger_queue_oldest_age_seconds"), Some(0.0));
}

#[test]
fn what_was_stored_and_not_deleted_before_a_crash_is_not_told_twice() {
    let database = bugzilla();
    let mut bugrelay = Bugrelay::running(&database.bugrelay_url());
    database.exec(&format!("REVOKE DELETE ON bugrelay.trigger_queue FROM {}", database.name));
    database.exec(&comment("one"));
    bugrelay.wait_for(1);
    assert!(poll(PATIENCE, || bugrelay.log().contains("may not use the trigger queue")), "{}", bugrelay.log());
    bugrelay.kill9();
    assert!(waiting(&database) > 0);
    database.install_triggers();
    bugrelay.start();
    bugrelay.wait_until_ready();
    database.exec(&comment("two"));
    assert!(poll(PATIENCE, || waiting(&database) == 0));
    // Not what left: a delivery that the crash cut off is repeated, with the same id.
    let stored = r#"bugrelay_messages_total{action="create",target="comment",visibility="public"}"#;
    assert_eq!(bugrelay.metric(stored), Some(1.0), "the first is not told again");
}

#[test]
fn a_killed_listener_loses_nothing() {
    let database = bugzilla();
    let bugrelay = Bugrelay::running(&database.bugrelay_url());
    for number in 1..=3 {
        database.exec(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
            database.name
        ));
        database.exec(&comment("one"));
        bugrelay.wait_for(number);
    }
    assert_eq!(bugrelay.lines().len(), 3);
}

#[test]
fn without_notify_it_is_looked_now_and_then() {
    let database = bugzilla();
    database
        .exec(&Bugrelay::configured(&database.bugrelay_url(), "", "").verb(&["triggers", "sql", "--no-notify"]).out);
    let bugrelay = Bugrelay::running(&database.bugrelay_url());
    database.exec(&comment("one"));
    bugrelay.wait_for(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_more_can_be_taken_the_session_stays_and_no_second_bugrelay_gets_the_queue() {
    let database = bugzilla();
    let bugrelay = Bugrelay::running(&database.bugrelay_url());
    // Who has the lock, and since when it has said nothing, in seconds.
    let reader = || {
        let told = database.exec(&format!(
            "SELECT pid || ' ' || extract(epoch FROM clock_timestamp() - state_change)::int FROM pg_locks JOIN pg_stat_activity USING (pid) \
             WHERE locktype = 'advisory' AND granted AND usename = '{}'",
            database.name
        ));
        let (process, silent) = told.trim().split_once(' ')?;
        Some((process.to_owned(), silent.parse::<u32>().unwrap()))
    };
    let (process, _) = reader().expect("it has the lock");
    // Objects cannot be read, and after a while nothing more is taken from the queue.
    let upgrade = web(&database.web_url()).await;
    upgrade.batch_execute("BEGIN; LOCK TABLE keyworddefs").await.unwrap();
    database.exec(&format!("DO $$ BEGIN FOR n IN 1..1500 LOOP {} COMMIT; END LOOP; END $$", comment("one")));
    assert!(poll(PATIENCE, || reader().is_some_and(|(_, silent)| silent >= 2)), "it goes on taking");
    let speaks = || reader().is_some_and(|(speaker, silent)| speaker == process && silent <= 1);
    assert!(poll(PATIENCE, speaks), "it says nothing any more: {:?}", reader());
    let error = source(&database).open(None).await.err().expect("it is refused").to_string();
    assert!(error.contains("another bugrelay"), "{error}");
    upgrade.batch_execute("ROLLBACK").await.unwrap();
    bugrelay.wait_for(1500);
    assert!(poll(PATIENCE, || waiting(&database) == 0));
    assert_eq!(reader().map(|(process, _)| process), Some(process), "in the same session");
}

#[test]
fn a_restarted_server_is_read_on() {
    let mut server = Postgres::start(None);
    let (mut bugrelay, url) = {
        let database = server.database();
        database.install_triggers();
        let bugrelay = Bugrelay::running(&database.bugrelay_url());
        database.exec(&comment("before"));
        bugrelay.wait_for(1);
        (bugrelay, database.name.clone())
    };
    server.shut_down();
    assert!(poll(PATIENCE, || bugrelay.metric("bugrelay_source_connected") == Some(0.0)));
    server.start_again();
    server.exec_in(&url, &comment("after"));
    bugrelay.wait_for(2);
    assert!(bugrelay.terminate().success());
}

#[test]
fn a_bugzilla_without_triggers_is_waited_for_and_the_log_says_what_to_do() {
    let database = Postgres::shared().database();
    let mut bugrelay = Bugrelay::configured(&database.bugrelay_url(), "", "");
    bugrelay.start();
    assert!(poll(PATIENCE, || bugrelay.log().contains("bugrelay triggers install")), "{}", bugrelay.log());
    database.install_triggers();
    bugrelay.wait_until_ready();
}
