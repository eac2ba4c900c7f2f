//! What PostgreSQL's refusals and its silence mean to an operator. Asks nothing itself.

use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::capture::{CaptureError, Gap};

/// The server answers at once what it need not look for.
pub(super) const ANSWER: Duration = Duration::from_secs(15);

/// A connection may hang for ever.
pub(super) async fn in_time<T>(limit: Duration, asked: impl Future<Output = T>) -> Result<T, CaptureError> {
    tokio::time::timeout(limit, asked).await.map_err(|_| {
        CaptureError::transient(format!("the database did not answer within {} s: connecting anew", limit.as_secs()))
    })
}

/// What a refusal means. The texts are about slots, settings and grants: no row's value is in them.
pub(super) fn explain(error: &Error) -> CaptureError {
    let Some(refusal) = error.as_db_error() else {
        return CaptureError::transient(format!("the connection to the database broke: {error}"));
    };
    let (code, said) = (refusal.code(), refusal.message());
    let told = |what: &str| format!("{what}: {said} ({})", code.code());
    match *code {
        SqlState::INSUFFICIENT_PRIVILEGE => CaptureError::misconfigured(told(
            "the database refuses to let the log be read (see sql/postgresql/logical.sql)",
        )),
        SqlState::OBJECT_IN_USE => {
            CaptureError::transient(told("the slot is being read; is another bugrelay running?"))
        }
        SqlState::QUERY_CANCELED => CaptureError::transient(told(
            "the database ended a look at its log after 5 minutes, or somebody ended it (a long transaction elsewhere makes looks slow; a new slot \
             waits for all transactions that write just then, on the whole server)",
        )),
        SqlState::UNDEFINED_FILE => lost(&told("the server has deleted the log that follows the stored position")),
        SqlState::CONFIGURATION_LIMIT_EXCEEDED => CaptureError::misconfigured(told(
            "the server has no room for a slot; raise max_replication_slots and restart it",
        )),
        _ => CaptureError::transient(told("the database's log could not be read")),
    }
}

/// What follows the stored position is gone.
pub(super) fn lost(why: &str) -> CaptureError {
    CaptureError::gap(
        Gap::SlotLost,
        format!("{why}; a new slot is made at the server's present end, and Bugzilla's history has what lies between"),
    )
}
