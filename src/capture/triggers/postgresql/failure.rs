//! What an error of PostgreSQL means to whoever reads the trigger queue. Passes on no text that could hold a value of a row.

use tokio_postgres::error::SqlState;

use crate::capture::CaptureError;
use crate::failure::Class;

/// A right or a table of ours that is missing is for somebody to mend; all else is a server that is away or busy.
pub(super) fn explain(error: &tokio_postgres::Error) -> CaptureError {
    let Some(refusal) = error.as_db_error() else {
        return CaptureError::transient(format!("the trigger queue could not be read: {error}"));
    };
    let code = refusal.code();
    let is_missing = [
        &SqlState::UNDEFINED_TABLE,
        &SqlState::UNDEFINED_FUNCTION,
        &SqlState::UNDEFINED_COLUMN,
        &SqlState::INVALID_SCHEMA_NAME,
    ];
    let (class, what) = if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        (
            Class::Misconfigured,
            "the account may not use the trigger queue; `bugrelay triggers install` grants what it needs",
        )
    } else if is_missing.contains(&code) {
        (Class::Misconfigured, "the triggers are not whole; `bugrelay triggers check` says what is missing")
    } else {
        (Class::Transient, "the trigger queue could not be read")
    };
    // A data exception quotes the data.
    let said = if code.code().starts_with("22") { "a value cannot be read" } else { refusal.message() };
    CaptureError { class, message: format!("{what}: {said} ({})", code.code()), gap: None, since: None }
}
