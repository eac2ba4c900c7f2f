//! Bugzilla's tables as the server has them that was recognised, and no other. A name may lead elsewhere at any moment, and a lost connection
//! is replaced without a word: only the session that is read by knows where it led.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Admission, instance};
use crate::database::{Database, DatabaseError, Dialect, Row};
use crate::failure::Class;

/// How long a read waits for the server to be recognised.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where what is held before the snapshot ends, if something is.
const HOLD: &str = " IN ACCESS SHARE MODE;\n";

/// A database of which nothing is read but by sessions of the server that is admitted.
pub struct SameServer {
    database: Arc<dyn Database>,
    admission: Arc<Admission>,
}

impl SameServer {
    /// Connects when it is first asked.
    pub fn new(database: Arc<dyn Database>, admission: Arc<Admission>) -> Self {
        SameServer { database, admission }
    }
}

#[async_trait]
impl Database for SameServer {
    fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    async fn read(
        &self,
        statements: &[String],
        each: &mut (dyn FnMut(usize, Row) + Send),
    ) -> Result<(), DatabaseError> {
        let Some(asked) = instance(self.dialect()) else { return self.database.read(statements, each).await };
        let unknown = |message: &str| DatabaseError { class: Class::Transient, message: message.to_owned() };
        // Mostly a moment, after a connection broke.
        let Ok(admitted) = tokio::time::timeout(PATIENCE, self.admission.recognised()).await else {
            return Err(unknown("the database has yet to be recognised as the one that was read before"));
        };
        let mut statements = statements.to_vec();
        let asked = match statements
            .first_mut()
            .and_then(|first| first.rsplit_once(HOLD).map(|(hold, rest)| (hold.to_owned(), rest.to_owned())))
        {
            // PostgreSQL takes its snapshot with the first question: what is to be held, is held before it.
            Some((hold, rest)) => {
                statements[0] = rest;
                format!("{hold}{HOLD}{asked}")
            }
            None => asked.to_owned(),
        };
        statements.insert(0, asked);
        let mut is_the_same = false;
        let mut read = |statement: usize, row: Row| match statement.checked_sub(1) {
            None => is_the_same = row.text(0) == *admitted,
            Some(statement) if is_the_same => each(statement, row),
            Some(_) => {}
        };
        self.database.read(&statements, &mut read).await?;
        if is_the_same {
            return Ok(());
        }
        self.database.abandon();
        self.admission.doubt();
        Err(unknown(
            "another server answers than the one whose changes are read: nothing is read of it before it is recognised",
        ))
    }

    fn abandon(&self) {
        self.database.abandon();
    }
}
