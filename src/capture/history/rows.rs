//! Rows of the history tables -> saves. Pure.

use std::collections::HashMap;

use super::page::Save;
use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, FieldId, LocalTime, UserId};
use crate::changeset::{ActivityRow, ChangeSetId, RowChange};
use crate::database::Row;

/// Gathers the rows of a page, table by table in the order of [`super::TABLES`].
#[derive(Default)]
pub(super) struct Gathering {
    rows: Vec<(ChangeSetId, RowChange)>,
    duplicates: Vec<Duplicate>,
}

/// A comment that says that its bug became a duplicate.
struct Duplicate {
    save: ChangeSetId,
    of: BugId,
    /// The bug was a duplicate of the same when it was last said.
    said_before: bool,
}

impl Gathering {
    /// A row of the table with this index. One without a time is nobody's save: the statements ask for a time.
    pub(super) fn add(&mut self, table: usize, row: &Row) {
        let added = match table {
            0 => self.bug(row),
            1 => self.attachment(row),
            2 => self.comment(row),
            _ => self.activity(row),
        };
        if added.is_none() {
            tracing::debug!(table, "a row without a time is left out");
        }
    }

    fn bug(&mut self, row: &Row) -> Option<()> {
        let (bug, reporter) = (BugId(row.int(0)), UserId(row.int(1)));
        let at = row.time(2)?;
        self.push(bug, reporter, at, RowChange::BugCreated { bug, reporter, at });
        Some(())
    }

    fn attachment(&mut self, row: &Row) -> Option<()> {
        let (attachment, bug, who) = (AttachmentId(row.int(0)), BugId(row.int(1)), UserId(row.int(2)));
        let at = row.time(3)?;
        self.push(bug, who, at, RowChange::AttachmentAdded { attachment, bug, who, at });
        Some(())
    }

    fn comment(&mut self, row: &Row) -> Option<()> {
        let (comment, bug, who) = (CommentId(row.int(0)), BugId(row.int(1)), UserId(row.int(2)));
        let at = row.time(3)?;
        self.push(bug, who, at, RowChange::CommentAdded { comment, bug, who, at });
        if let Some(of) = row.opt_int(4).map(BugId) {
            let said_before = row.opt_int(5) == Some(of.0);
            self.duplicates.push(Duplicate { save: ChangeSetId { who, at, bug }, of, said_before });
        }
        Some(())
    }

    fn activity(&mut self, row: &Row) -> Option<()> {
        let (id, bug, who) = (ActivityId(row.int(0)), BugId(row.int(1)), UserId(row.int(2)));
        let at = row.time(3)?;
        let field = FieldId(row.int(4));
        let (attachment, comment) = (row.opt_int(5).map(AttachmentId), row.opt_int(6).map(CommentId));
        let row = ActivityRow { id, field, attachment, comment };
        self.push(bug, who, at, RowChange::Activity { bug, who, at, row });
        Some(())
    }

    fn push(&mut self, bug: BugId, who: UserId, at: LocalTime, row: RowChange) {
        self.rows.push((ChangeSetId { who, at, bug }, row));
    }

    /// By time; those of one second in the order in which the tables told of them.
    pub(super) fn into_saves(self) -> Vec<Save> {
        let mut saves: Vec<Save> = Vec::new();
        let mut places: HashMap<ChangeSetId, usize> = HashMap::new();
        for (id, row) in self.rows {
            let place = *places.entry(id).or_insert_with(|| {
                saves.push(Save { id, rows: vec![] });
                saves.len() - 1
            });
            saves[place].rows.push(row);
        }
        for Duplicate { save, of, said_before } in self.duplicates {
            let Some(&place) = places.get(&save) else { continue };
            let rows = &mut saves[place].rows;
            // Said again: it is news only if the bug was reopened between, and then the save changes its status.
            if !said_before || rows.iter().any(is_of_the_bug) {
                rows.push(RowChange::DuplicateMarked { bug: save.bug, of });
            }
        }
        saves.sort_by_key(|save| save.id.at);
        saves
    }
}

fn is_of_the_bug(row: &RowChange) -> bool {
    matches!(row, RowChange::Activity { row: ActivityRow { attachment: None, comment: None, .. }, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENTS: usize = 2;
    const ACTIVITY: usize = 3;

    fn row(columns: &[&str]) -> Row {
        columns.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()
    }

    fn saves(rows: &[(usize, &[&str])]) -> Vec<Save> {
        let mut gathering = Gathering::default();
        rows.iter().for_each(|(table, columns)| gathering.add(*table, &row(columns)));
        gathering.into_saves()
    }

    #[test]
    fn rows_of_one_bug_user_and_second_are_one_save_and_saves_come_by_time() {
        let found = saves(&[
            (COMMENTS, &["8", "1", "3", "2026-11-22 06:00:01", "", ""]),
            (COMMENTS, &["9", "1", "3", "2026-11-22 06:00:00", "", ""]),
            (ACTIVITY, &["70", "1", "3", "2026-11-22 06:00:01", "5", "", ""]),
            (ACTIVITY, &["71", "1", "4", "2026-11-22 06:00:01", "5", "", ""]),
        ]);
        let told: Vec<_> = found.iter().map(|save| (save.id.who.0, save.rows.len())).collect();
        assert_eq!(told, [(3, 1), (3, 2), (4, 1)]);
    }

    #[test]
    fn a_duplicate_is_told_by_its_comment_but_not_again_while_nothing_else_changed() {
        let marks = |rows: &[(usize, &[&str])]| {
            let is_mark = |row: &&RowChange| matches!(row, RowChange::DuplicateMarked { .. });
            saves(rows).iter().flat_map(|save| &save.rows).filter(is_mark).count()
        };
        let at = "2026-11-22 06:00:00";
        assert_eq!(marks(&[(COMMENTS, &["8", "2", "3", at, "1", ""])]), 1);
        assert_eq!(marks(&[(COMMENTS, &["8", "2", "3", at, "7", "1"])]), 1);
        assert_eq!(marks(&[(COMMENTS, &["8", "2", "3", at, "1", "1"])]), 0);
        let reopened_before: &[&str] = &["70", "2", "3", at, "5", "", ""];
        assert_eq!(marks(&[(COMMENTS, &["8", "2", "3", at, "1", "1"]), (ACTIVITY, reopened_before)]), 1);
    }
}
