//! Logical decoding on a real PostgreSQL: SQL in, rows out.

// Clippy's leave for tests does not reach what they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "logical/fitness.rs"]
mod fitness;
#[path = "logical/gaps.rs"]
mod gaps;
#[path = "logical/running.rs"]
mod running;
#[path = "logical/saves.rs"]
mod saves;
#[path = "logical/site.rs"]
mod site;

use std::time::Duration;

use bugrelay::capture::{Capture, CaptureError, Source};
use bugrelay::changeset::{Position, RowChange, Transaction};

use site::Site;

/// Longest that anything may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens, and takes the first transaction when there is no position.
async fn open(site: &Site, from: Option<&Position>) -> (Box<dyn Capture>, Position) {
    let mut capture = site.source().open(from).await.unwrap_or_else(|error| panic!("{error}"));
    if let Some(position) = from {
        return (capture, position.clone());
    }
    let first = next(&mut *capture).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(first.rows.is_empty());
    (capture, first.position)
}

async fn next(capture: &mut dyn Capture) -> Result<Transaction, CaptureError> {
    tokio::time::timeout(PATIENCE, capture.next()).await.expect("something happens in time")
}

/// The next so many saves, and the position behind them. Nothing is acknowledged.
async fn saves(capture: &mut dyn Capture, count: usize) -> (Vec<String>, Position) {
    let mut told = Vec::new();
    loop {
        let transaction = next(capture).await.unwrap_or_else(|error| panic!("{error}"));
        if !transaction.rows.is_empty() {
            assert!(transaction.committed_at > 1_700_000_000, "commits have a time");
            told.push(transaction.rows.iter().map(word).collect::<Vec<_>>().join(", "));
        }
        if told.len() == count {
            return (told, transaction.position);
        }
    }
}

/// The error that ends the capture, or forbids to begin.
async fn failure(site: &Site, from: Option<&Position>) -> CaptureError {
    match site.source().open(from).await {
        Ok(mut capture) => broken(&mut *capture).await,
        Err(error) => error,
    }
}

/// The error that ends an open one.
async fn broken(capture: &mut dyn Capture) -> CaptureError {
    loop {
        if let Err(error) = next(capture).await {
            return error;
        }
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
            format!("field {} of {bug} by {who}{about}{}", row.field, time(at))
        }
        RowChange::DuplicateMarked { bug, of } => format!("{bug} duplicates {of}"),
        RowChange::DuplicateUnmarked { bug, of } => format!("{bug} no longer duplicates {of}"),
    }
}

/// SQL that adds a comment to bug 1.
fn comment(id: u32) -> String {
    format!(
        "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES ({id}, 1, 3, '2026-11-22 05:32:10', 'text of a comment');"
    )
}

fn comment_told(id: u32) -> String {
    format!("comment {id} on 1 by 3")
}
