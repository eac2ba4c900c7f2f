//! The server's name leads to another server while bugrelay runs: what waits is not judged by that one, for it may show what is private by now.

use super::{PATIENCE, running, said, save, wait_for_log, wait_for_metric};
use crate::services::{Bugrelay, Database, MariaDb, Mysqld, Proxy, poll};

const CONNECTED: &str = "bugrelay_source_connected";

/// A message about a bug that was public then and is private now waits before a connector that is paused; and a server that lacks the end of
/// what was read, where the bug is public still.
struct Stage {
    bugzilla: Database<'static>,
    host: Proxy,
    bugrelay: Bugrelay,
    lagging: Mysqld,
}

impl Stage {
    async fn set() -> Self {
        let bugzilla = MariaDb::shared().database();
        let host = Proxy::before(MariaDb::shared().port()).await;
        let url = bugzilla.bugrelay_url();
        let bugrelay =
            running(&url.replace(&format!(":{}/", MariaDb::shared().port()), &format!(":{}/", host.port())), "");
        said(&bugrelay, &["connector", "pause", "out"]);
        bugzilla.exec(&save(1));
        wait_for_metric(&bugrelay, "bugrelay_backlog_messages{connector=\"out\"}", 1.0);
        let lagging = MariaDb::start(&["--server-id=2", "--read-only"]);
        lagging.database_called(&bugzilla.name).exec(&save(1));
        bugzilla.exec("INSERT INTO bug_group_map (bug_id, group_id) VALUES (1, 3)");
        Stage { bugzilla, host, bugrelay, lagging }
    }

    /// Nothing leaves; back at the right server what was private there leaves as its event.
    fn lets_the_right_server_judge(self) {
        said(&self.bugrelay, &["connector", "resume", "out"]);
        // Those who ask who it is, and are told that it is another.
        let asked = self.host.connections() + 3;
        assert!(poll(PATIENCE, || self.host.connections() >= asked), "{}", self.bugrelay.log());
        assert!(self.bugrelay.lines().is_empty(), "{:?}", self.bugrelay.lines());
        self.host.lead_to(MariaDb::shared().port());
        let left = self.bugrelay.wait_for(1);
        assert!(!left[0].contains("\"bug\":{\"id\"") && left[0].contains("\"bug_id\":1,"), "{left:?}");
        self.bugzilla.exec(&save(3));
        assert!(self.bugrelay.wait_for(2)[1].contains("\"bug\":{\"id\""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_took_the_place_of_the_one_that_was_read_judges_nothing_before_it_is_recognised() {
    let stage = Stage::set().await;
    stage.host.lead_to(stage.lagging.port());
    wait_for_log(&stage.bugrelay, "it is waited for");
    stage.lets_the_right_server_judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_elsewhere_while_the_log_is_still_read_has_nothing_judged_there() {
    let stage = Stage::set().await;
    stage.host.lead_new_ones_to(stage.lagging.port());
    // All but the one that reads the log: they are made anew when they are needed.
    let theirs = format!(
        "FROM information_schema.processlist WHERE user = 'bugrelay' AND db = '{}' AND command NOT LIKE 'Binlog Dump%'",
        stage.bugzilla.name
    );
    let kill = stage.bugzilla.exec(&format!("SELECT CONCAT('KILL ', id, ';') {theirs}"));
    stage.bugzilla.exec(&kill);
    assert!(poll(PATIENCE, || stage.bugzilla.exec(&format!("SELECT count(*) {theirs}")).trim() == "0"));
    assert_eq!(stage.bugrelay.metric(CONNECTED), Some(1.0));
    stage.lets_the_right_server_judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_leaves_while_the_log_cannot_be_read_and_the_server_is_the_right_one() {
    let server = MariaDb::start(&[]);
    let bugzilla = server.database();
    let host = Proxy::before(server.port()).await;
    let url = bugzilla.bugrelay_url().replace(&format!(":{}/", server.port()), &format!(":{}/", host.port()));
    let bugrelay = running(&url, "");
    said(&bugrelay, &["connector", "pause", "out"]);
    bugzilla.exec(&save(1));
    wait_for_metric(&bugrelay, "bugrelay_backlog_messages{connector=\"out\"}", 1.0);
    server.exec("SET GLOBAL binlog_format = 'STATEMENT'");
    host.cut();
    wait_for_metric(&bugrelay, CONNECTED, 0.0);
    said(&bugrelay, &["connector", "resume", "out"]);
    assert!(bugrelay.wait_for(1)[0].contains("\"bug\":{\"id\""));
}
