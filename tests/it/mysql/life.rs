//! Bugzilla's life, on the MySQL servers of the tests and each way that they log; or on one that somebody else runs as it is set up:
//! `BUGRELAY_TEST_MYSQL=mysql://root@127.0.0.1:PORT`.

use std::sync::atomic::{AtomicU32, Ordering};

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, Row};
use serde_json::Value;
use url::Url;

use crate::services::{Bugrelay, MySql, sample};

const BUGZILLA: [&str; 2] =
    [include_str!("../../../sql/sample/schema.mysql.sql"), include_str!("../../../sql/sample/site.sql")];
const GRANTS: &str = include_str!("../../../sql/mysql/grants.sql");

/// Told last: nothing more may come before it. Known by its change set.
const LAST_WORD: &str = "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) \
                         SELECT 1, 1, '2037-01-01 00:00:00', id, '', '' FROM fielddefs WHERE name = 'priority'";
const LAST_WORD_ID: &str = "\"change_set\":\"1.2114380800.1\"";

/// A Bugzilla in a database of its own, with an account of its own for bugrelay. Both stay: the server is for tests.
struct Site {
    root: Conn,
    /// As bugrelay connects.
    url: String,
}

impl Site {
    async fn new(address: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("life_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let root = OptsBuilder::from_opts(Opts::from_url(address).unwrap()).prefer_socket(false);
        let mut conn = Conn::new(root.clone()).await.expect("root may connect");
        let create = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci");
        conn.query_drop(create).await.unwrap();
        conn.disconnect().await.unwrap();
        let mut site =
            Site { root: Conn::new(root.db_name(Some(name.clone()))).await.unwrap(), url: account(address, &name) };
        for sql in BUGZILLA {
            site.exec(sql).await;
        }
        let grants = GRANTS.replace("'bugrelay'@", &format!("'{name}'@")).replace("change me", "relay");
        let grants = grants.replace("ON bugs.", &format!("ON {name}.")).replace("'bugs'", &format!("'{name}'"));
        // It prints the grants for this site's custom fields.
        for further in site.exec(&grants).await {
            // The first row of all is theirs, and so is the rest: nothing else prints.
            let further: String = mysql_async::from_row(further);
            site.exec(&further.replace("'bugrelay'@", &format!("'{name}'@"))).await;
        }
        site
    }

    /// Runs statements as root; gives all rows that they print.
    async fn exec(&mut self, sql: &str) -> Vec<Row> {
        let mut result = self.root.query_iter(sql).await.unwrap();
        let mut rows = Vec::new();
        while !result.is_empty() {
            rows.extend(result.collect::<Row>().await.unwrap());
        }
        rows
    }
}

/// Where root connects to each server.
fn servers() -> Vec<String> {
    match std::env::var("BUGRELAY_TEST_MYSQL") {
        Ok(address) => vec![address],
        Err(_) => {
            let ours = [MySql::plain(), MySql::full()];
            ours.map(|server| format!("mysql://root@127.0.0.1:{}", server.port())).into()
        }
    }
}

/// The server's address with bugrelay's account and database.
fn account(root: &str, name: &str) -> String {
    let mut url = Url::parse(root).unwrap();
    url.set_username(name).unwrap();
    url.set_password(Some("relay")).unwrap();
    url.set_path(name);
    url.set_query(None);
    url.into()
}

/// What an action says that it leaves: `comment.create public`, ...
fn promised(action: &str) -> Vec<String> {
    let line = action.lines().find_map(|line| line.strip_prefix("-- leaves: ")).expect("it says what leaves");
    if line == "nothing" { vec![] } else { line.split(", ").map(ToOwned::to_owned).collect() }
}

/// The same of a message.
fn told(line: &str) -> String {
    let message: Value = serde_json::from_str(line).unwrap();
    let is_public = message.as_object().unwrap().len() == 2;
    let key = message["event"]["routing_key"].as_str().expect("a routing key").split(':').next().unwrap();
    format!("{key} {}", if is_public { "public" } else { "private" })
}

/// What left until the last word.
async fn all_told(site: &mut Site, bugrelay: &Bugrelay) -> Vec<String> {
    site.exec(LAST_WORD).await;
    let mut lines = vec![];
    while !lines.last().is_some_and(|line: &String| line.contains(LAST_WORD_ID)) {
        lines = bugrelay.wait_for(lines.len() + 1);
    }
    lines.pop();
    assert!(lines.iter().all(|line| !line.contains("hush")), "nothing secret left");
    lines.iter().map(|line| told(line)).collect()
}

/// Plays the life in a session that begins with `session`; bugrelay is down while the actions `away` are played.
async fn live(site: &mut Site, session: &str, away: std::ops::Range<usize>) {
    site.exec(session).await;
    let mut bugrelay = Bugrelay::running(&site.url);
    let mut expected = Vec::new();
    for (number, action) in sample::life().iter().enumerate() {
        if !away.is_empty() && number == away.start {
            assert!(bugrelay.terminate().success());
        }
        if !away.is_empty() && number == away.end {
            bugrelay.start();
            bugrelay.wait_until_ready();
        }
        // Two actions of one second are told as private where one of them hides or opens the bug: each has its own.
        let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(600 - 10 * i64::try_from(number).unwrap());
        let action = sample::read_at(action, time);
        site.exec(&action).await;
        expected.extend(promised(&action));
        if !away.contains(&number) {
            bugrelay.wait_for(expected.len());
        }
    }
    let told = all_told(site, &bugrelay).await;
    if away.is_empty() {
        assert_eq!(told, expected);
    } else {
        // What was hidden meanwhile may be held back; the events are the same.
        let bare = |all: &[String]| all.iter().map(|one| one.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(bare(&told), bare(&expected));
        assert!(told.iter().zip(&expected).all(|(told, expected)| told == expected || told.ends_with(" private")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_documented_grants_check_finds_nothing_that_forbids_to_run() {
    for server in servers() {
        let site = Site::new(&server).await;
        let ended = Bugrelay::configured(&site.url, "", "").verb(&["check"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_of_bugzillas_life_leaves_what_it_says() {
    for server in servers() {
        live(&mut Site::new(&server).await, "DO 0", 0..0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_of_life_loses_and_repeats_nothing() {
    for server in servers() {
        live(&mut Site::new(&server).await, "DO 0", 5..9).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_transactions_are_told_like_others() {
    for server in servers() {
        live(&mut Site::new(&server).await, "SET SESSION binlog_transaction_compression = ON", 5..9).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_come_and_transactions_that_never_were_do_no_harm() {
    for server in servers() {
        let mut site = Site::new(&server).await;
        let bugrelay = Bugrelay::running(&site.url);
        let comment = "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, UTC_TIMESTAMP(), 'Tea?')";
        site.exec(&format!("BEGIN; {comment}; ROLLBACK")).await;
        site.exec("ALTER TABLE bugs ADD COLUMN cf_new varchar(64) NOT NULL DEFAULT ''").await;
        site.exec(&format!("BEGIN; {comment}; SAVEPOINT a; {comment}; ROLLBACK TO a; COMMIT")).await;
        // The server keeps names of XA transactions for all databases.
        let xa = format!("'{}'", Url::parse(&site.url).unwrap().username());
        site.exec(&format!("XA START {xa}; {comment}; XA END {xa}; XA PREPARE {xa}; XA ROLLBACK {xa}")).await;
        site.exec(&format!("XA START {xa}; {comment}; XA END {xa}; XA PREPARE {xa}; XA COMMIT {xa}")).await;
        assert_eq!(all_told(&mut site, &bugrelay).await, ["comment.create public"; 2]);
    }
}
