//! The load: saves as Bugzilla writes them, made by the server itself, or at a steady rate by a client.

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable as _;

use crate::services::Database;

/// Bugs that the saves go round.
const BUGS: usize = 1_000;

pub(crate) struct Load<'a> {
    bugzilla: &'a Database<'a>,
}

impl<'a> Load<'a> {
    /// Bugs to save to, and the procedure that does it.
    pub(crate) fn prepare(bugzilla: &'a Database<'a>) -> Self {
        bugzilla.exec(&format!(
            "INSERT INTO bugs (bug_id, assigned_to, bug_file_loc, bug_severity, bug_status, creation_ts, delta_ts, short_desc, op_sys, priority,
                               product_id, rep_platform, reporter, version, component_id, status_whiteboard, everconfirmed, cf_recipe)
             SELECT 10000 + seq, 3, '', 'normal', 'CONFIRMED', NOW(), NOW(), CONCAT('bug number ', seq, ' does something wrong in the north bridge'),
                    'All', '---', 1, 'All', 2, 'unspecified', 1, '', 1, '' FROM seq_0_to_{}", BUGS - 1
        ));
        bugzilla.exec(
            "DELIMITER //
             CREATE PROCEDURE backlog(IN n INT)
             BEGIN
               DECLARE i INT DEFAULT 0;
               DECLARE status_field, priority_field INT;
               SELECT id INTO status_field FROM fielddefs WHERE name = 'bug_status';
               SELECT id INTO priority_field FROM fielddefs WHERE name = 'priority';
               WHILE i < n DO
                 START TRANSACTION;
                 UPDATE bugs SET bug_status = IF(bug_status = 'CONFIRMED', 'IN_PROGRESS', 'CONFIRMED'), delta_ts = NOW() WHERE bug_id = 10000 + i % 1000;
                 INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) VALUES (10000 + i % 1000, 2 + i % 3, NOW(), status_field, 'IN_PROGRESS', 'CONFIRMED');
                 INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) VALUES (10000 + i % 1000, 2 + i % 3, NOW(), priority_field, 'High', '---');
                 INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (10000 + i % 1000, 2 + i % 3, NOW(), CONCAT('load ', i, '; ', REPEAT('A comment of usual length. ', 8)));
                 COMMIT;
                 SET i = i + 1;
               END WHILE;
             END//",
        );
        Load { bugzilla }
    }

    /// So many saves, as fast as the server makes them.
    pub(crate) fn backlog(&self, saves: usize) {
        self.bugzilla.exec(&format!("CALL backlog({saves})"));
    }

    /// Saves at a steady rate; the moment before each COMMIT.
    pub(crate) fn steady(&self, rate: u32, saves: usize) -> Vec<Instant> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(self.steadily(rate, saves))
    }

    async fn steadily(&self, rate: u32, saves: usize) -> Vec<Instant> {
        let mut bugzilla = mysql_async::Conn::from_url(self.bugzilla.url()).await.expect("a connection");
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
        let mut commits = Vec::with_capacity(saves);
        for sequence in 0..saves {
            ticks.tick().await;
            let bug = 10_000 + sequence % BUGS;
            let comment = "A comment of usual length. ".repeat(8);
            for sql in [
                "START TRANSACTION".to_owned(),
                format!("UPDATE bugs SET bug_status = 'S{sequence}', delta_ts = NOW() WHERE bug_id = {bug}"),
                format!(
                    "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) VALUES ({bug}, 2, NOW(), (SELECT id FROM fielddefs WHERE name = 'bug_status'), 'a', 'b')"
                ),
                format!(
                    "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) VALUES ({bug}, 2, NOW(), (SELECT id FROM fielddefs WHERE name = 'priority'), 'a', 'b')"
                ),
                format!(
                    "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES ({bug}, 2, NOW(), 'seq={sequence}; {comment}')"
                ),
            ] {
                bugzilla.query_drop(sql).await.expect("the save");
            }
            commits.push(Instant::now());
            bugzilla.query_drop("COMMIT").await.expect("the commit");
        }
        commits
    }
}
