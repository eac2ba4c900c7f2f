//! The binlog capture on real servers, MariaDB and MySQL: SQL in, rows out.

// Clippy's leave for tests does not reach what they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "binlog/columns.rs"]
mod columns;
#[path = "binlog/mysql.rs"]
mod mysql;
#[path = "binlog/refusals.rs"]
mod refusals;
#[path = "binlog/resuming.rs"]
mod resuming;
#[path = "binlog/saves.rs"]
mod saves;
#[path = "binlog/server.rs"]
mod server;
#[path = "binlog/xa.rs"]
mod xa;

use std::sync::LazyLock;
use std::time::Duration;

use bugrelay::capture::{Capture, CaptureError, Source};
use bugrelay::changeset::{Position, RowChange, Transaction};

use crate::services::{MariaDb, MySql, Mysqld};
use server::Site;

/// Longest that anything may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server that most tests share, with MariaDB's defaults: no names of columns in the log.
static PLAIN: LazyLock<Mysqld> = LazyLock::new(|| MariaDb::start(&[]));

/// The other one: compressed events that name their columns.
static COMPRESSED: LazyLock<Mysqld> = LazyLock::new(|| {
    MariaDb::start(&["--log-bin-compress=ON", "--log-bin-compress-min-len=10", "--binlog-row-metadata=FULL"])
});

/// MySQL as 8.0 is by default: positions of files, no names of columns.
static MYSQL: LazyLock<&Mysqld> = LazyLock::new(MySql::plain);

/// MySQL with all that it can put into its log: GTIDs, compressed transactions, names of columns.
static MYSQL_FULL: LazyLock<&Mysqld> = LazyLock::new(MySql::full);

/// Runs sentences on one server.
macro_rules! on_server {
    ($module:ident $server:ident: $($sentence:ident)*) => {
        mod $module {$(
            #[tokio::test]
            async fn $sentence() {
                super::$sentence(&super::super::$server).await;
            }
        )*}
    };
}
use on_server;

/// Runs sentences on a server of each kind.
macro_rules! on_each_server {
    ($($sentence:ident)*) => {
        super::on_server! { mariadb PLAIN: $($sentence)* }
        super::on_server! { mariadb_compressed COMPRESSED: $($sentence)* }
        super::on_server! { mysql MYSQL: $($sentence)* }
        super::on_server! { mysql_full MYSQL_FULL: $($sentence)* }
    };
}
use on_each_server;

/// Opens, and takes the first transaction when there is no position.
async fn open(site: &Site, from: Option<&Position>) -> (Box<dyn Capture>, Position) {
    let mut capture = site.source().open(from).await.expect("the server is fit");
    if let Some(position) = from {
        return (capture, position.clone());
    }
    let first = next(&mut *capture).await.expect("it tells where it begins");
    assert!(first.rows.is_empty());
    (capture, first.position)
}

async fn next(capture: &mut dyn Capture) -> Result<Transaction, CaptureError> {
    tokio::time::timeout(PATIENCE, capture.next()).await.expect("something happens in time")
}

/// The next so many saves, and the position behind them.
async fn saves(capture: &mut dyn Capture, count: usize) -> (Vec<String>, Position) {
    let mut told = Vec::new();
    loop {
        let transaction = next(capture).await.expect("the capture goes on");
        if !transaction.rows.is_empty() {
            assert!(transaction.committed_at > 1_700_000_000, "commits have a time");
            told.push(transaction.rows.iter().map(word).collect::<Vec<_>>().join(", "));
        }
        if told.len() == count {
            return (told, transaction.position);
        }
    }
}

/// The error that ends the capture.
async fn failure(capture: &mut dyn Capture) -> CaptureError {
    loop {
        if let Err(error) = next(capture).await {
            return error;
        }
    }
}

async fn refused(site: &Site, from: Option<&Position>) -> CaptureError {
    match site.source().open(from).await {
        Ok(mut capture) => failure(&mut *capture).await,
        Err(error) => error,
    }
}

/// A row in a few words; the time where it is not the usual one.
fn word(row: &RowChange) -> String {
    let time = |at: &bugrelay::bugzilla::LocalTime| match at.to_sql().as_str() {
        "2026-11-22 05:32:10" => String::new(),
        other => format!(" at {other}"),
    };
    match row {
        RowChange::BugCreated { bug, reporter, at } => format!("bug {bug} by {reporter}{}", time(at)),
        RowChange::CommentAdded { comment, bug, who, at } => format!("comment {comment} on {bug} by {who}{}", time(at)),
        RowChange::AttachmentAdded { attachment, bug, who, at } => {
            format!("attachment {attachment} on {bug} by {who}{}", time(at))
        }
        RowChange::Activity { bug, who, at, row } => {
            let of = |name: &str, id: Option<i64>| id.map(|id| format!(" {name} {id}")).unwrap_or_default();
            let (attachment, comment) = (row.attachment.map(|id| id.0), row.comment.map(|id| id.0));
            let about = of("attachment", attachment) + &of("comment", comment);
            format!("field {} of {bug} by {who} id {}{about}{}", row.field, row.id, time(at))
        }
        RowChange::DuplicateMarked { bug, of } => format!("{bug} duplicates {of}"),
        RowChange::DuplicateUnmarked { bug, of } => format!("{bug} no longer duplicates {of}"),
    }
}

/// SQL that adds a comment.
fn comment(id: u32) -> String {
    format!(
        "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES ({id}, 7, 3, '2026-11-22 05:32:10', 'text of a comment');"
    )
}

fn comment_told(id: u32) -> String {
    format!("comment {id} on 7 by 3")
}
