//! Which column is which, when the log does not say: a copy of information_schema for the watched tables that moves with the stream.
//!
//! The log holds columns by place. Names read now are right for the rows behind the last change of the definition, and perhaps wrong for
//! those before it. So the copy is kept in the position, is read anew at each change, and is checked against the
//! types in the log before any use. Where both do not fit, nothing is guessed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::table_map::{TableMap, family_of};
use crate::bugzilla::WatchedTable;
use crate::capture::CaptureError;

/// The columns of one table at one time. Short, for it is stored with every position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableColumns {
    /// The names up to the last needed one: those behind it are never looked up.
    names: Vec<String>,
    /// The families of all columns' types, a letter each.
    types: String,
}

/// What the server says of the watched tables at one moment; a table that is missing does not exist.
pub(super) type Snapshot = BTreeMap<String, TableColumns>;

/// The columns in force, by table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Columns(BTreeMap<String, Version>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    /// As last read from the server.
    now: TableColumns,
    /// As in force before the definition began to change, until a table map fits `now`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<TableColumns>,
}

/// How a statement changed a table's definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Columns were added behind the others, or nothing that concerns columns.
    Appended,
    /// Columns may be anywhere now, or the table is a new one.
    Moved,
}

impl TableColumns {
    /// From all columns of a table in order: name and `data_type`.
    pub(super) fn new(table: WatchedTable, columns: &[(String, String)]) -> Self {
        let is_needed =
            |(name, _): &(String, String)| table.columns().iter().any(|needed| name.eq_ignore_ascii_case(needed));
        let used = columns.iter().rposition(is_needed).map_or(0, |last| last + 1);
        TableColumns {
            names: columns.iter().take(used).map(|(name, _)| name.clone()).collect(),
            types: columns.iter().map(|(_, data_type)| family_of(data_type)).collect(),
        }
    }

    /// The first needed column that the table does not have.
    pub(super) fn missing(&self, table: WatchedTable) -> Option<&'static str> {
        let has = |needed: &str| self.names.iter().any(|name| name.eq_ignore_ascii_case(needed));
        table.columns().iter().copied().find(|needed| !has(needed))
    }
}

impl Columns {
    /// All tables as they are now, nothing pending.
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Columns(snapshot.into_iter().map(|(table, now)| (table, Version { now, before: None })).collect())
    }

    /// After a change of the definition of `tables`: what the server has by now.
    pub(super) fn changed(&mut self, tables: &[(WatchedTable, Change)], mut snapshot: Snapshot) {
        for (table, change) in tables {
            let known = self.0.remove(table.name());
            let Some(now) = snapshot.remove(table.name()) else { continue };
            let before = known
                .filter(|_| *change == Change::Appended)
                // Of several changes in a row, the first one's `before` is the last that is known for sure. A version without `before` was
                // confirmed, by a table map or by having been read where the stream stood.
                .map(|version| version.before.unwrap_or(version.now));
            self.0.insert(table.name().to_owned(), Version { now, before });
        }
    }

    /// The names of the columns of a table as it was when the rows behind `map` were written; `None` if that is not known.
    pub(super) fn names(&mut self, table: WatchedTable, map: &TableMap<'_>) -> Option<Vec<String>> {
        let version = self.0.get_mut(table.name())?;
        let logged = map.families();
        if fits(version.now.types.as_bytes(), logged.as_bytes()) {
            version.before = None;
            return Some(version.now.names.clone());
        }
        // The server is further than the stream: more changes follow, and the definition in between was never seen. Since all of them so
        // far only added columns behind the others (`before` is gone otherwise), what the table had before is still where it was; a
        // later change may have moved it, but then `now` and `before` part ways where it did. So the run that both share is sure,
        // if the log agrees with it and it reaches to the last column that we need.
        let before = version.before.as_ref()?;
        let shared = before.names.iter().zip(&version.now.names).take_while(|(before, now)| before == now).count();
        let run_fits = |types: &str| match (types.as_bytes().get(..shared), logged.as_bytes().get(..shared)) {
            (Some(known), Some(logged)) => fits(known, logged),
            _ => false,
        };
        let run = TableColumns { names: before.names[..shared].to_vec(), types: String::new() };
        (run.missing(table).is_none() && run_fits(&before.types) && run_fits(&version.now.types)).then_some(run.names)
    }
}

fn fits(known: &[u8], logged: &[u8]) -> bool {
    known.len() == logged.len() && known.iter().zip(logged).all(|(known, logged)| *known == b'?' || known == logged)
}

const FULL_METADATA: &str = "SET GLOBAL binlog_row_metadata = 'FULL' so that the log names its columns from now on, \
    and let bugrelay begin anew from the present end: the history tables tell what was missed";

/// The log is about columns that nobody knows any more.
pub(super) fn unknown(table: WatchedTable) -> CaptureError {
    CaptureError::misconfigured(format!(
        "the columns of table {} were altered more than once since the stored position, and those in force between are not known; {FULL_METADATA}",
        table.name()
    ))
}

/// The log has no such column, or one of another kind.
pub(super) fn unfit(table: WatchedTable, column: &str) -> CaptureError {
    CaptureError::misconfigured(format!(
        "column {column} of table {} is missing in the binlog or is not of the type that Bugzilla gives it; \
         is this database a Bugzilla 4.4 or later? If it is just being upgraded, this passes",
        table.name()
    ))
}
