//! Rows of pgoutput -> [`RowChange`]s: the needed values alone.
//!
//! Which update files a bug is seen without the old row, which a table tells only with REPLICA IDENTITY FULL: Bugzilla inserts a bug
//! without `creation_ts` and sets it as the last step of the same transaction. Who was inserted so is remembered until then.

use std::collections::BTreeSet;

use super::pgoutput::{Old, Relation, Tuple, Value};
use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, FieldId, LocalTime, UserId, WatchedTable};
use crate::changeset::{ActivityRow, RowChange};

/// Bugs without `creation_ts` remembered, at the most: more are only where rows are written by hand, and of those the oldest are forgotten.
const UNFILED_MAX: usize = 1_000;

/// A watched table, and where its needed columns stand in the rows to come.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) table: WatchedTable,
    /// In the order of [`WatchedTable::columns`].
    places: Vec<usize>,
}

/// Why rows of a table cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowError {
    /// The publication leaves out a needed column.
    Absent(&'static str),
    /// A row is shorter than its table was said to be.
    Damaged,
    /// An id that is no number.
    NotAnId(&'static str),
}

/// The needed values of one row.
#[derive(Clone, Copy)]
struct Image<'a> {
    layout: &'a Layout,
    row: &'a Tuple<'a>,
}

impl Layout {
    /// Where the needed columns are.
    pub(super) fn new(table: WatchedTable, relation: &Relation<'_>) -> Result<Self, RowError> {
        let place = |name: &'static str| {
            relation.columns.iter().position(|column| *column == name).ok_or(RowError::Absent(name))
        };
        let places = table.columns().iter().map(|&name| place(name)).collect::<Result<_, _>>()?;
        Ok(Layout { table, places })
    }

    /// Adds to `news` what a new row tells.
    pub(super) fn inserted(
        &self,
        row: &Tuple<'_>,
        unfiled: &mut BTreeSet<i64>,
        news: &mut Vec<RowChange>,
    ) -> Result<(), RowError> {
        let row = Image { layout: self, row };
        match self.table {
            WatchedTable::Bugs => match row.value("creation_ts")? {
                None => remember(row.id("bug_id")?, unfiled),
                Some(_) => news.push(row.filed()?),
            },
            WatchedTable::Activity => news.push(RowChange::Activity {
                bug: BugId(row.id("bug_id")?),
                who: UserId(row.id("who")?),
                at: row.time("bug_when")?,
                row: ActivityRow {
                    id: ActivityId(row.id("id")?),
                    field: FieldId(row.id("fieldid")?),
                    attachment: row.optional("attach_id")?.map(AttachmentId),
                    comment: row.optional("comment_id")?.map(CommentId),
                },
            }),
            WatchedTable::Comments => news.push(RowChange::CommentAdded {
                comment: CommentId(row.id("comment_id")?),
                bug: BugId(row.id("bug_id")?),
                who: UserId(row.id("who")?),
                at: row.time("bug_when")?,
            }),
            WatchedTable::Attachments => news.push(RowChange::AttachmentAdded {
                attachment: AttachmentId(row.id("attach_id")?),
                bug: BugId(row.id("bug_id")?),
                who: UserId(row.id("submitter_id")?),
                at: row.time("creation_ts")?,
            }),
            WatchedTable::Duplicates => {
                news.push(RowChange::DuplicateMarked { bug: BugId(row.id("dupe")?), of: BugId(row.id("dupe_of")?) });
            }
        }
        Ok(())
    }

    /// The same for a changed row.
    pub(super) fn updated(
        &self,
        old: Option<&Old<'_>>,
        new: &Tuple<'_>,
        unfiled: &mut BTreeSet<i64>,
        news: &mut Vec<RowChange>,
    ) -> Result<(), RowError> {
        match self.table {
            WatchedTable::Bugs => {
                let new = Image { layout: self, row: new };
                let was_unfiled = match old {
                    Some(Old::Row(old)) => Image { layout: self, row: old }.value("creation_ts")?.is_none(),
                    Some(Old::Key(_)) | None => unfiled.contains(&new.id("bug_id")?),
                };
                if was_unfiled && new.value("creation_ts")?.is_some() {
                    unfiled.remove(&new.id("bug_id")?);
                    news.push(new.filed()?);
                }
                Ok(())
            }
            WatchedTable::Duplicates => {
                if let Some(old) = old {
                    self.deleted(old, unfiled, news)?;
                }
                self.inserted(new, unfiled, news)
            }
            WatchedTable::Activity | WatchedTable::Comments | WatchedTable::Attachments => Ok(()),
        }
    }

    /// The same for a row taken out. Of which bug a duplicate was one is in the whole row alone.
    pub(super) fn deleted(
        &self,
        old: &Old<'_>,
        unfiled: &mut BTreeSet<i64>,
        news: &mut Vec<RowChange>,
    ) -> Result<(), RowError> {
        match (self.table, old) {
            (WatchedTable::Duplicates, Old::Row(row)) => {
                let row = Image { layout: self, row };
                news.push(RowChange::DuplicateUnmarked { bug: BugId(row.id("dupe")?), of: BugId(row.id("dupe_of")?) });
            }
            (WatchedTable::Bugs, Old::Key(row) | Old::Row(row)) if !unfiled.is_empty() => {
                unfiled.remove(&Image { layout: self, row }.id("bug_id")?);
            }
            _ => {}
        }
        Ok(())
    }
}

fn remember(bug: i64, unfiled: &mut BTreeSet<i64>) {
    unfiled.insert(bug);
    if unfiled.len() > UNFILED_MAX {
        let forgotten = unfiled.pop_first();
        tracing::warn!(bug = forgotten, "too many bugs without creation_ts: this one will not be told as created");
    }
}

impl<'a> Image<'a> {
    fn value(self, name: &'static str) -> Result<Option<&'a [u8]>, RowError> {
        let place = self.layout.table.columns().iter().position(|column| *column == name);
        let place = place.and_then(|place| self.layout.places.get(place)).ok_or(RowError::Absent(name))?;
        match self.row.0.get(*place) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            // Ids and times are too short to be stored elsewhere.
            Some(Value::Unchanged) | None => Err(RowError::Damaged),
        }
    }

    fn optional(self, name: &'static str) -> Result<Option<i64>, RowError> {
        let Some(text) = self.value(name)? else { return Ok(None) };
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or(RowError::NotAnId(name))
    }

    /// An id that Bugzilla's schema does not let be null; where a site's does, 0, which is nobody and nothing.
    fn id(self, name: &'static str) -> Result<i64, RowError> {
        Ok(self.optional(name)?.unwrap_or_else(|| {
            tracing::warn!(table = self.layout.table.name(), column = name, "a row without an id: read as 0");
            0
        }))
    }

    /// A time that is none (null, `infinity`) is 1970-01-01, as in every other way in: the change keeps its id.
    fn time(self, name: &'static str) -> Result<LocalTime, RowError> {
        let text = self.value(name)?.and_then(|text| std::str::from_utf8(text).ok());
        if let Some(time) = text.and_then(LocalTime::parse) {
            return Ok(time);
        }
        tracing::warn!(
            table = self.layout.table.name(),
            column = name,
            "a row without a possible time: read as 1970-01-01"
        );
        LocalTime::new(1970, 1, 1, 0, 0, 0).ok_or(RowError::Damaged)
    }

    fn filed(self) -> Result<RowChange, RowError> {
        let (bug, reporter) = (BugId(self.id("bug_id")?), UserId(self.id("reporter")?));
        Ok(RowChange::BugCreated { bug, reporter, at: self.time("creation_ts")? })
    }
}
