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
    /// Its content cannot be trusted; says what was found.
    #[error("{0}")]
    Damaged(String),
    /// It was set aside there before, and nobody has said how to go on.
    #[error("set aside as {0}")]
    Aside(String),
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

    /// What is wrong with the file, if it cannot be trusted any more.
    pub(super) fn damage(&self) -> Option<String> {
        match self {
            Fault::Damaged(found) => Some(found.clone()),
            _ => self
                .sqlite()
                .filter(|e| matches!(e.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
                .map(|_| self.to_string()),
        }
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
        if let Some(found) = self.damage() {
            return QueueError::Unusable { store, reason: format!("it is damaged, or none of bugrelay's ({found})") };
        }
        match self.sqlite().map(|e| e.code) {
            _ if full => QueueError::Full { store, reason: "no space is left on its disk".to_owned() },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => QueueError::Unusable {
                store,
                reason: format!("{self}; bugrelay must be able to write it and its directory"),
            },
            _ => match self {
                Fault::InUse => QueueError::InUse { store },
                Fault::Limit(reason) => QueueError::Full { store, reason },
                Fault::Crowded(_) => QueueError::Full { store, reason: self.to_string() },
                Fault::Unusable(reason) | Fault::Damaged(reason) => QueueError::Unusable { store, reason },
                Fault::Aside(aside) => {
                    let found = format!("was damaged, and is set aside as {aside}");
                    QueueError::Damaged { store, found, known: String::new() }
                }
                Fault::Lost(what) => QueueError::Lost { store, what },
                Fault::Other(reason) => QueueError::Failed { store, reason },
                Fault::Sqlite(error) => QueueError::Failed { store, reason: error.to_string() },
            },
        }
    }
}
