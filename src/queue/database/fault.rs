//! What can go wrong with the store in the database, classified once.

use super::QueueError;
use crate::database::SessionError;
use crate::failure::Class;

/// Why a piece of work on the store failed. Its texts name settings and codes, never a stored value.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// `max_megabytes` is reached.
    #[error("{0}")]
    Limit(String),
    /// Another process leads, or has come in between.
    #[error("another bugrelay leads")]
    Deposed,
    /// Another process leads, and this one stands by.
    #[error("another bugrelay leads, this one stands by")]
    StandsBy,
    /// Not ours to use as it is.
    #[error("{0}")]
    Unusable(String),
    /// Not a matter of the server.
    #[error("{0}")]
    Other(String),
    /// What the server said, or that it is gone.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Fault {
    /// The session cannot be asked anything more.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Fault::Session(SessionError { code: None, .. }))
    }

    /// Whether it will be the same until somebody changes something.
    pub(super) fn class(&self) -> Class {
        match self {
            Fault::Session(error) => error.class,
            Fault::Unusable(_) => Class::Misconfigured,
            _ => Class::Transient,
        }
    }

    /// A right is missing.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.code(), Some("1044" | "1142" | "1143" | "1227" | "42501"))
    }

    fn code(&self) -> Option<&str> {
        match self {
            Fault::Session(error) => error.code.as_deref(),
            _ => None,
        }
    }

    /// As the callers of the queue know it. Deadlocks, locks that are waited for too long, and a server that restarts, fails over or may
    /// only be read are all the same to them: nothing was stored, and it is tried again.
    pub(super) fn of(self, store: &str) -> QueueError {
        let store = store.to_owned();
        match self.code() {
            Some("1021" | "1114" | "53100") => {
                return QueueError::Full { store, reason: "no space is left on the database's disk".to_owned() };
            }
            Some("1290" | "1792" | "1836" | "25006") => {
                let reason =
                    format!("{self}; the database takes no writes now, as a replica does: is it failing over?");
                return QueueError::Failed { store, reason };
            }
            _ => {}
        }
        if self.is_denied() {
            let reason = format!("{self}; grant what the file grants.sql of your database lists for the store");
            return QueueError::Failed { store, reason };
        }
        match self {
            Fault::Limit(reason) => QueueError::Full { store, reason },
            Fault::Deposed => QueueError::Deposed { store },
            Fault::StandsBy => QueueError::StandsBy { store },
            Fault::Unusable(reason) => QueueError::Unusable { store, reason },
            Fault::Other(reason) => QueueError::Failed { store, reason },
            Fault::Session(error) => QueueError::Failed { store, reason: error.said },
        }
    }
}
