//! Bugzilla's server, or its file: connections, statements, and what its errors mean to an operator. Knows no table.
//!
//! What is the same for all servers is said in standard SQL with names in double quotes (`sql/standard`), and is sent by whoever means it.

pub mod mysql;
pub mod postgresql;
mod row;
mod session;
pub mod sqlite;

use async_trait::async_trait;

pub use self::row::Row;
pub use self::session::{Server, Session, SessionError};
use crate::failure::Class;

/// Connections at the most: one for the pipeline and one for each of a few connectors at a time.
const CONNECTIONS_MAX: usize = 4;

/// A server that understands standard SQL.
///
/// *Parallel calls*: any; each takes a connection of its own. *Dropped halfway*: the connection is not used again. *Errors*: nothing was
/// changed, call again.
#[async_trait]
pub trait Database: Send + Sync {
    /// Whose SQL it speaks besides.
    fn dialect(&self) -> Dialect;

    /// Runs all statements in one snapshot of committed data and one round trip, and hands over each row as it comes, with the
    /// index of its statement: those of the first statement first. The server itself ends a statement after 50 s.
    async fn read(&self, statements: &[String], each: &mut (dyn FnMut(usize, Row) + Send))
    -> Result<(), DatabaseError>;

    /// The server went silent: no connection that is open now is used again.
    fn abandon(&self);
}

/// What differs between servers beyond the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgresql,
    /// SQLite.
    Sqlite,
}

/// Why the server did not answer. The text says what, where and how to mend it, and holds no row value.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DatabaseError {
    /// Transient: lost connection, tables being upgraded. Misconfigured: missing grant.
    pub class: Class,
    /// For the operator.
    pub message: String,
}
