//! What an error of PostgreSQL means to an operator. Knows codes, and passes on no text that could hold a value of a row.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::database::DatabaseError;
use crate::failure::Class;
use crate::tls::{self, TlsError};

impl From<Error> for DatabaseError {
    /// Access refused, and TLS that cannot be had, are for somebody to mend. A missing table or column is one too, but nearly always
    /// one of a Bugzilla that is being upgraded: it is waited for. All else is a server that is away or busy.
    fn from(error: Error) -> Self {
        match error.as_db_error() {
            Some(refusal) => refused(refusal),
            None => lost(&error),
        }
    }
}

impl From<TlsError> for DatabaseError {
    fn from(error: TlsError) -> Self {
        DatabaseError { class: Class::Misconfigured, message: format!("the database cannot be trusted: {error}") }
    }
}

fn refused(error: &DbError) -> DatabaseError {
    let code = error.code();
    // The classes of codes are their first two characters.
    let (class, what) = match (code.code().get(..2).unwrap_or_default(), code) {
        ("28", _) | (_, &SqlState::INSUFFICIENT_PRIVILEGE) => (
            Class::Misconfigured,
            "the database refuses to let Bugzilla's tables be read (see sql/postgresql/grants.sql)",
        ),
        ("3D" | "3F", _) | (_, &SqlState::UNDEFINED_TABLE | &SqlState::UNDEFINED_COLUMN) => (
            Class::Transient,
            "Bugzilla's tables are not as they should be (is it being upgraded, or its schema not in the account's search_path? If not, see `bugrelay check`)",
        ),
        (_, &SqlState::LOCK_NOT_AVAILABLE) => {
            (Class::Transient, "Bugzilla's tables are locked (is it being upgraded?)")
        }
        _ => (Class::Transient, "Bugzilla's tables could not be read"),
    };
    // A data exception quotes the data.
    let said = if code.code().starts_with("22") { "a value cannot be read" } else { error.message() };
    DatabaseError { class, message: format!("{what}: {said} ({})", code.code()) }
}

fn lost(error: &Error) -> DatabaseError {
    let cause = error.source();
    let said = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    let (class, what) = match tls::refusal(error) {
        Some(refusal) => (Class::Misconfigured, refusal),
        // The library has no better sign of it.
        None if error.to_string().contains("TLS") => (
            Class::Misconfigured,
            "the database offers no TLS (set it up there, or write tls = \"off\" where nobody can listen)",
        ),
        _ => (Class::Transient, "the database cannot be reached"),
    };
    DatabaseError { class, message: format!("{what}: {said}") }
}
