//! `bugrelay run` on triggers: what operators see when connections, grants and the server come and go.

use super::{Make, PATIENCE, comment, queue, waiting};
use crate::services::{Bugrelay, Database, poll};

super::on_each_make! {
    a_save_leaves_on_a_server_without_a_binlog_and_the_queue_is_empty_then
    what_was_stored_and_not_deleted_before_a_crash_is_not_told_twice
    a_restarted_server_is_read_on
}

fn running(database: &Database) -> Bugrelay {
    let mut bugrelay = Bugrelay::configured(&database.bugrelay_url(), "capture = \"triggers\"", "");
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay
}

async fn a_save_leaves_on_a_server_without_a_binlog_and_the_queue_is_empty_then(make: &Make) {
    let server = (make.start)(&["--skip-log-bin"]);
    let database = server.database();
    database.install_triggers();
    server.exec("REVOKE REPLICATION SLAVE, REPLICATION CLIENT ON *.* FROM bugrelay");
    let bugrelay = running(&database);
    database.exec(&comment(1, 1));
    assert!(bugrelay.wait_for(1)[0].contains("comment.create"));
    assert!(poll(PATIENCE, || waiting(&database) == 0));
    assert!(poll(PATIENCE, || bugrelay.metric("bugrelay_trigger_queue_rows") == Some(0.0)));
}

async fn what_was_stored_and_not_deleted_before_a_crash_is_not_told_twice(make: &Make) {
    let database = make.bugzilla();
    let mut bugrelay = running(&database);
    database.exec(&format!("REVOKE DELETE ON {} FROM bugrelay", queue(&database)));
    database.exec(&comment(1, 1));
    bugrelay.wait_for(1);
    assert!(poll(PATIENCE, || bugrelay.log().contains("may not use the trigger queue")), "{}", bugrelay.log());
    bugrelay.kill9();
    assert!(waiting(&database) > 0);
    database.install_triggers();
    bugrelay.start();
    bugrelay.wait_until_ready();
    database.exec(&comment(1, 2));
    assert!(poll(PATIENCE, || waiting(&database) == 0));
    // Not what left: a delivery that the crash cut off is repeated, with the same id.
    let stored = r#"bugrelay_messages_total{action="create",target="comment",visibility="public"}"#;
    assert_eq!(bugrelay.metric(stored), Some(1.0), "the first is not told again");
}

async fn a_restarted_server_is_read_on(make: &Make) {
    let mut server = (make.start)(&[]);
    let (bugrelay, name) = {
        let database = server.database();
        database.install_triggers();
        let bugrelay = running(&database);
        database.exec(&comment(1, 1));
        bugrelay.wait_for(1);
        (bugrelay, database.name.clone())
    };
    server.restart();
    server.exec(&format!("USE {name}; {}", comment(1, 2)));
    bugrelay.wait_for(2);
}
