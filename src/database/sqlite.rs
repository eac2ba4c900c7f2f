//! SQLite: a Bugzilla in one file. Calls block, so each runs on a thread for such; a read is one deferred transaction, in which nothing
//! is written.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{Semaphore, mpsc};

use super::{CONNECTIONS_MAX, Database, DatabaseError, Dialect, Row};
use crate::failure::Class;

/// How long somebody else's lock on the file is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// How long a read may take.
const READ_MAX: Duration = Duration::from_secs(50);

/// After so many steps of SQLite's machine it is asked whether to go on.
const STEPS: i32 = 10_000;

/// Rows on their way from the reading thread.
const ROWS_IN_FLIGHT: usize = 16;

/// The file that a configuration names.
pub struct Sqlite {
    path: PathBuf,
    /// Connections that nobody uses now, and whose last read went well.
    idle: Arc<Mutex<Vec<Connection>>>,
    /// For as many reads at a time.
    room: Semaphore,
}

impl Sqlite {
    /// Opens the file when it is first asked.
    pub fn new(path: PathBuf) -> Self {
        Sqlite { path, idle: Arc::default(), room: Semaphore::new(CONNECTIONS_MAX) }
    }
}

#[async_trait]
impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn read(
        &self,
        statements: &[String],
        each: &mut (dyn FnMut(usize, Row) + Send),
    ) -> Result<(), DatabaseError> {
        let _room = self.room.acquire().await;
        let (rows, mut came) = mpsc::channel(ROWS_IN_FLIGHT);
        let (path, idle, statements) = (self.path.clone(), Arc::clone(&self.idle), statements.to_vec());
        let reading = tokio::task::spawn_blocking(move || {
            let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match waiting {
                Some(connection) => connection,
                None => open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
            };
            run_on(&mut connection, &statements, &rows)?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(())
        });
        while let Some((index, row)) = came.recv().await {
            each(index, row);
        }
        reading.await.unwrap_or_else(|error| {
            Err(DatabaseError { class: Class::Transient, message: format!("the read broke off: {error}") })
        })
    }

    fn abandon(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A connection to a file that is there. It waits a few seconds for locks, and knows how a Bugzilla compares texts.
pub fn open(path: &Path, flags: OpenFlags) -> Result<Connection, DatabaseError> {
    if !path.is_file() {
        let message =
            format!("Bugzilla's database {} is not there; name its file in [bugzilla] database", path.display());
        return Err(DatabaseError { class: Class::Misconfigured, message });
    }
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    // Bugzilla compares names by an order of its own, and its columns ask for it by this name.
    connection.create_collation("bugzilla", |a, b| a.to_lowercase().cmp(&b.to_lowercase()))?;
    Ok(connection)
}

fn run_on(
    connection: &mut Connection,
    statements: &[String],
    rows: &mpsc::Sender<(usize, Row)>,
) -> Result<(), DatabaseError> {
    let (since, reader) = (Instant::now(), rows.clone());
    let is_in_vain = move || reader.is_closed() || since.elapsed() > READ_MAX;
    connection.progress_handler(STEPS, Some(is_in_vain))?;
    let transaction = connection.transaction()?;
    for (index, sql) in statements.iter().enumerate() {
        let mut statement = transaction.prepare(sql)?;
        let columns = statement.column_count();
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let texts = (0..columns).map(|column| row.get_ref(column).map(text_of)).collect::<Result<Vec<_>, _>>()?;
            if rows.blocking_send((index, texts.into_iter().collect())).is_err() {
                let message = "the read was given up".to_owned();
                return Err(DatabaseError { class: Class::Transient, message });
            }
        }
    }
    transaction.commit()?;
    connection.progress_handler(0, None::<fn() -> bool>)?;
    Ok(())
}

/// All values come as text, or as null.
pub(crate) fn text_of(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

impl From<rusqlite::Error> for DatabaseError {
    /// What cannot be opened is for somebody to mend. A missing table or column is nearly always one of a Bugzilla that is being
    /// upgraded: it is waited for, and so is a file in use.
    fn from(error: rusqlite::Error) -> Self {
        let (class, what) = match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => (
                Class::Misconfigured,
                "the database's file cannot be opened by this account (it must own the file, or share its group; the folder too)",
            ),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                (Class::Misconfigured, "the database's file is none of SQLite, or damaged")
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                (Class::Transient, "the database's file is in use")
            }
            Some(ErrorCode::Unknown) => {
                (Class::Transient, "Bugzilla's tables are not as they should be (is it being upgraded?)")
            }
            _ => (Class::Transient, "Bugzilla's tables could not be read"),
        };
        // The statement is long, and the operator's are the tables.
        let said = match error {
            rusqlite::Error::SqlInputError { msg, .. } | rusqlite::Error::SqliteFailure(_, Some(msg)) => msg,
            other => other.to_string(),
        };
        DatabaseError { class, message: format!("{what}: {said}") }
    }
}
