//! What is the same for all databases: the statements of a read, and what is made of their rows.
//!
//! The statements are in `sql/standard/query`; only lists of integers and names of custom fields are put into them. How they get to
//! a server, and what its errors mean, is [`Database`]'s business.

mod assemble;
mod layout;
mod numbering;
mod query;
mod statement;
mod survey;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::assemble::assemble;
use self::layout::Layout;
use self::numbering::Numbering;
use self::query::{describing, held, judgement, reading};
use self::statement::Statement;
pub(super) use self::survey::survey;
use super::{Privacy, Reader, Request, Snapshot, SnapshotError};
use crate::changeset::Subject;
use crate::database::{Database, Row};
use crate::failure::Class;

/// A read that takes longer has lost its server without a word. The server's own limit is below it: see [`Database::read`].
const READ_TIMEOUT: Duration = Duration::from_secs(55);

/// The same for a judgement, which is small.
const JUDGEMENT_TIMEOUT: Duration = Duration::from_secs(9);

/// How often a read begins anew because the site's fields or comments changed under it.
const ATTEMPTS_MAX: usize = 4;

/// The layout is looked at anew after so long: an upgrade may change it in a way that no statement fails of.
const LAYOUT_AGE_MAX: Duration = Duration::from_secs(10);

/// Reads a Bugzilla database on any server.
pub(super) struct SqlReader {
    database: Arc<dyn Database>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// With the time when it was read.
    layout: Option<(Layout, Instant)>,
    numbering: Numbering,
    /// How many custom fields the log was told to be without their columns.
    absent: usize,
}

/// The rows of each statement.
type Results = HashMap<Statement, Vec<Row>>;

fn add(results: &mut Results, statement: &Statement, row: Row) {
    match results.get_mut(statement) {
        Some(rows) => rows.push(row),
        None => drop(results.insert(statement.clone(), vec![row])),
    }
}

#[async_trait]
impl Reader for SqlReader {
    async fn read(&self, request: &Request) -> Result<Snapshot, SnapshotError> {
        self.answered(READ_TIMEOUT, self.read_snapshot(request)).await
    }

    async fn privacy(&self, subjects: &[Subject]) -> Result<Vec<Privacy>, SnapshotError> {
        let statements = held(self.database.dialect(), judgement(subjects));
        let results = self.answered(JUDGEMENT_TIMEOUT, self.run(&statements)).await?;
        Ok(assemble::privacy(&results, subjects))
    }
}

impl SqlReader {
    pub(super) fn new(database: Arc<dyn Database>) -> Self {
        SqlReader { database, state: Mutex::default() }
    }

    async fn read_snapshot(&self, request: &Request) -> Result<Snapshot, SnapshotError> {
        let mut state = self.state.lock().await;
        let State { layout: known, numbering, absent } = &mut *state;
        for _ in 0..ATTEMPTS_MAX {
            let (layout, read_at) = match known.take() {
                Some(known) if known.1.elapsed() < LAYOUT_AGE_MAX => known,
                _ => self.look(absent).await?,
            };
            let unknown = numbering.unknown(&request.comments);
            let (mut results, mut bytes) = (Results::new(), 0);
            let bytes_max = request.bytes_max.unwrap_or(usize::MAX);
            let mut keep = |statement: &Statement, row: Row| match statement {
                // Thousands, perhaps: learnt as they come, and not kept.
                Statement::Numbering => assemble::learn(&row, numbering),
                Statement::Counts => assemble::count(&row, numbering),
                _ => {
                    bytes += row.bytes();
                    // What comes behind is read over.
                    if bytes <= bytes_max {
                        add(&mut results, statement, row);
                    }
                }
            };
            let statements = held(self.database.dialect(), reading(request, &layout, &unknown));
            self.run_each(&statements, &mut keep).await?;
            numbering.learnt();
            if bytes > bytes_max {
                *known = Some((layout, read_at));
                return Ok(Snapshot { is_too_much: true, ..Snapshot::default() });
            }
            let (snapshot, complete) = assemble(results, request, &layout, numbering);
            if !layout.fits(&snapshot.fields) {
                continue;
            }
            // A field that is just being made may have its column the next time.
            *known = layout.absent.is_empty().then_some((layout, read_at));
            if complete {
                return Ok(snapshot);
            }
        }
        Err(SnapshotError {
            class: Class::Transient,
            message: "Bugzilla's fields changed again and again while they were read".to_owned(),
        })
    }

    async fn look(&self, absent: &mut usize) -> Result<(Layout, Instant), SnapshotError> {
        let read_at = Instant::now();
        let layout = Layout::of(&self.run(&describing(self.database.dialect())).await?);
        if std::mem::replace(absent, layout.absent.len()) < layout.absent.len() {
            let fields = *absent;
            tracing::warn!(fields, "custom fields without a column or table are left out; `bugrelay check` names them");
        }
        Ok((layout, read_at))
    }

    async fn run(&self, statements: &[(Statement, String)]) -> Result<Results, SnapshotError> {
        let mut results = Results::new();
        self.run_each(statements, &mut |statement, row| add(&mut results, statement, row)).await?;
        Ok(results)
    }

    async fn run_each(
        &self,
        statements: &[(Statement, String)],
        each: &mut (dyn FnMut(&Statement, Row) + Send),
    ) -> Result<(), SnapshotError> {
        let (names, texts): (Vec<_>, Vec<_>) = statements.iter().cloned().unzip();
        let mut each = |index: usize, row| each(&names[index], row);
        Ok(self.database.read(&texts, &mut each).await?)
    }

    /// Gives up a read that its server does not answer, and the connections with it.
    async fn answered<T>(
        &self,
        limit: Duration,
        read: impl Future<Output = Result<T, SnapshotError>>,
    ) -> Result<T, SnapshotError> {
        tokio::time::timeout(limit, read).await.unwrap_or_else(|_| {
            self.database.abandon();
            let message = format!("the database did not answer within {} s", limit.as_secs());
            Err(SnapshotError { class: Class::Transient, message })
        })
    }
}
