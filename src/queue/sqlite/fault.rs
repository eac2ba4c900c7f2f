//! What can go wrong in the store, classified once.

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use super::QueueError;

/// Why a piece of work on the store failed. Its texts name files, settings and codes, never a stored value.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// `max_megabytes` is reached.
    #[error("{0}")]
    Limit(String),
    /// The disk has no room for the reserve that must be held while the store grows.
    #[error("its disk has no room for a reserve of {0} bytes")]
    Crowded(u64),
    /// Another process has it.
    #[error("in use")]
    InUse,
    /// Not ours to use as it is.
    #[error("{0}")]
    Unusable(String),
    /// The file is not the one that was opened; says what happened to it.
    #[error("{0}")]
    Lost(&'static str),
    /// Not a matter of SQLite.
    #[error("{0}")]
    Other(String),
    /// What SQLite said.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl Fault {
    /// The disk has no room.
    pub(super) fn is_disk_full(&self) -> bool {
        self.sqlite().is_some_and(|e| e.code == ErrorCode::DiskFull || e.extended_code == SQLITE_IOERR_SHMSIZE)
    }

    /// The system failed to read, write or sync: what was written before may not be on disk either.
    pub(super) fn is_input_output(&self) -> bool {
        self.sqlite().is_some_and(|e| e.code == ErrorCode::SystemIoFailure)
    }

    fn sqlite(&self) -> Option<&rusqlite::ffi::Error> {
        match self {
            Fault::Sqlite(error) => error.sqlite_error(),
            _ => None,
        }
    }

    /// As the callers of the queue know it.
    pub(super) fn of(self, store: &str) -> QueueError {
        let (store, full) = (store.to_owned(), self.is_disk_full());
        match self.sqlite().map(|e| e.code) {
            _ if full => QueueError::Full { store, reason: "no space is left on its disk".to_owned() },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                QueueError::Unusable { store, reason: damaged(&self.to_string()) }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => QueueError::Unusable {
                store,
                reason: format!("{self}; bugrelay must be able to write it and its directory"),
            },
            _ => match self {
                Fault::InUse => QueueError::InUse { store },
                Fault::Limit(reason) => QueueError::Full { store, reason },
                Fault::Crowded(_) => QueueError::Full { store, reason: self.to_string() },
                Fault::Unusable(reason) => QueueError::Unusable { store, reason },
                Fault::Lost(what) => QueueError::Lost { store, what },
                Fault::Other(reason) => QueueError::Failed { store, reason },
                Fault::Sqlite(error) => QueueError::Failed { store, reason: error.to_string() },
            },
        }
    }
}

/// What to do about a file that cannot be trusted.
pub(super) fn damaged(found: &str) -> String {
    format!(
        "it is damaged ({found}); stop bugrelay, move the file and its -wal away, and start again: it goes on from then, \
         what waited in the store is not sent"
    )
}
