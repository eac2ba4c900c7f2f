//! The load: saves as Bugzilla writes them, made by the server itself, or by a client, at a steady rate or flat out.

#![allow(dead_code, reason = "shared by the benches: not each of them needs all of it")]

use std::time::{Duration, Instant};

use crate::services::{Database, PostgresDatabase};
use crate::session::Session;

/// Bugs that the saves go round.
const BUGS: usize = 1_000;

/// Saves in a second that are dated by [`Load::backlog_of_the_past`]: fewer than bugs, so that no user saves a bug twice in a second.
pub(crate) const DATED_EACH_SECOND: usize = 100;

/// A database with the Bugzilla of `tests/bugzilla`.
pub(crate) trait Bugzilla: Sync {
    /// Runs statements as the administrator.
    fn run(&self, sql: &str);
    /// The bugs to save to, and the procedure `backlog`, in the server's words.
    fn preparation(&self) -> &'static str;
    /// The URL of an account that may do what Bugzilla does. Asked for once.
    fn account(&self) -> String;
}

impl Bugzilla for Database<'_> {
    fn run(&self, sql: &str) {
        self.exec(sql);
    }

    fn preparation(&self) -> &'static str {
        include_str!("load/mariadb.sql")
    }

    fn account(&self) -> String {
        self.url()
    }
}

impl Bugzilla for PostgresDatabase<'_> {
    fn run(&self, sql: &str) {
        self.exec(sql);
    }

    fn preparation(&self) -> &'static str {
        include_str!("load/postgresql.sql")
    }

    fn account(&self) -> String {
        self.web_url()
    }
}

/// When a client made a save.
pub(crate) struct Save {
    pub(crate) begun: Instant,
    /// The moment before COMMIT was sent.
    pub(crate) commit: Instant,
    pub(crate) done: Instant,
}

pub(crate) struct Load<'a> {
    bugzilla: &'a dyn Bugzilla,
    account: String,
}

impl<'a> Load<'a> {
    /// Once for each database.
    pub(crate) fn prepare(bugzilla: &'a dyn Bugzilla) -> Self {
        bugzilla.run(bugzilla.preparation());
        Load { bugzilla, account: bugzilla.account() }
    }

    /// So many saves, as fast as the server makes them.
    pub(crate) fn backlog(&self, saves: usize) {
        self.bugzilla.run(&format!("CALL backlog({saves}, NULL)"));
    }

    /// The same, dated as though they had been made at a hundred a second, beginning so many seconds ago: some ways in take for one
    /// save what one user does to one bug in one second.
    pub(crate) fn backlog_of_the_past(&self, saves: usize, seconds_ago: usize) {
        self.bugzilla.run(&format!("CALL backlog({saves}, LOCALTIMESTAMP(0) - INTERVAL '{seconds_ago}' SECOND)"));
    }

    /// Saves of one session at a steady rate, the next never before the last is done.
    pub(crate) fn steady(&self, rate: u32, saves: usize) -> Vec<Save> {
        run(self.saves(Some(rate), saves))
    }

    /// Saves of one session, one right after the other.
    pub(crate) fn flat_out(&self, saves: usize) -> Vec<Save> {
        run(self.saves(None, saves))
    }

    async fn saves(&self, rate: Option<u32>, saves: usize) -> Vec<Save> {
        let mut session = Session::open(&self.account).await;
        let mut ticks = rate.map(|rate| tokio::time::interval(Duration::from_secs(1) / rate));
        let mut made = Vec::with_capacity(saves);
        for sequence in 0..saves {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            let statements = statements(sequence);
            let begun = Instant::now();
            for sql in &statements {
                session.run(sql).await;
            }
            let commit = Instant::now();
            session.run("COMMIT").await;
            made.push(Save { begun, commit, done: Instant::now() });
        }
        made
    }
}

/// What both servers understand, but for its COMMIT.
fn statements(sequence: usize) -> [String; 5] {
    let bug = 10_000 + sequence % BUGS;
    let comment = "A comment of usual length. ".repeat(8);
    let change = |field: &str| {
        format!(
            "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) \
             VALUES ({bug}, 2, LOCALTIMESTAMP(0), (SELECT id FROM fielddefs WHERE name = '{field}'), 'a', 'b')"
        )
    };
    [
        "START TRANSACTION".to_owned(),
        format!("UPDATE bugs SET bug_status = 'S{sequence}', delta_ts = LOCALTIMESTAMP(0) WHERE bug_id = {bug}"),
        change("bug_status"),
        change("priority"),
        format!(
            "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES ({bug}, 2, LOCALTIMESTAMP(0), 'seq={sequence}; {comment}')"
        ),
    ]
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
