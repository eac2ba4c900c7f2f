//! Rows of one transaction -> change sets: the rows with the same bug, user and second.

use std::collections::HashMap;

use super::{ChangeSet, ChangeSetId, DuplicateChange, RowChange};
use crate::bugzilla::{BugId, LocalTime, UserId};

/// The change sets of one transaction's rows: bugs in the order in which the transaction first wrote to
/// them, the change sets of a bug by time.
///
/// A row of duplicates names neither user nor time; it belongs to the last change set of its bug in
/// the same transaction (Bugzilla always writes a comment or a changed status beside it). Without
/// any, the bug itself is being deleted or repaired by hand, and nobody's save is told.
pub fn group(rows: &[RowChange]) -> Vec<ChangeSet> {
    let mut sets: Vec<ChangeSet> = Vec::new();
    let mut place: HashMap<ChangeSetId, usize> = HashMap::new();
    let mut bugs: HashMap<BugId, usize> = HashMap::new();
    let mut duplicates: Vec<(BugId, DuplicateChange)> = Vec::new();
    for row in rows {
        let mut set = |bug: BugId, who: UserId, at: LocalTime| {
            let order = bugs.len();
            bugs.entry(bug).or_insert(order);
            let id = ChangeSetId { who, at, bug };
            *place.entry(id).or_insert_with(|| {
                sets.push(ChangeSet::new(id));
                sets.len() - 1
            })
        };
        match *row {
            RowChange::BugCreated { bug, reporter, at } => {
                let index = set(bug, reporter, at);
                sets[index].created = true;
            }
            RowChange::CommentAdded { comment, bug, who, at } => {
                let index = set(bug, who, at);
                sets[index].comments.push(comment);
            }
            RowChange::AttachmentAdded { attachment, bug, who, at } => {
                let index = set(bug, who, at);
                sets[index].attachments.push(attachment);
            }
            RowChange::Activity { bug, who, at, row } => {
                let index = set(bug, who, at);
                sets[index].activity.push(row);
            }
            RowChange::DuplicateMarked { bug, of } => {
                duplicates.push((bug, DuplicateChange { removed: None, added: Some(of) }));
            }
            RowChange::DuplicateUnmarked { bug, of } => {
                duplicates.push((bug, DuplicateChange { removed: Some(of), added: None }));
            }
        }
    }
    for set in &mut sets {
        set.comments.sort_unstable();
        set.attachments.sort_unstable();
        set.activity.sort_unstable_by_key(|row| row.id);
    }
    sets.sort_by_key(|set| (bugs[&set.id.bug], set.id.at));
    attach_duplicates(&mut sets, duplicates);
    sets
}

fn attach_duplicates(sets: &mut [ChangeSet], changes: Vec<(BugId, DuplicateChange)>) {
    for (bug, change) in changes {
        let Some(set) = sets.iter_mut().rev().find(|set| set.id.bug == bug) else { continue };
        let told = set.duplicate.get_or_insert_default();
        if change.removed.is_some() && told.added == change.removed {
            // It was marked within this very transaction.
            told.added = None;
        } else {
            told.removed = told.removed.or(change.removed);
        }
        told.added = change.added.or(told.added);
    }
    for set in sets {
        // Bugzilla deletes and inserts again: the same bug on both sides is no change.
        set.duplicate = set.duplicate.filter(|change| change.removed != change.added);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ActivityRow;
    use super::*;
    use crate::bugzilla::{ActivityId, CommentId, FieldId};

    fn at(second: u8) -> LocalTime {
        LocalTime::new(2026, 11, 22, 5, 0, second).unwrap()
    }

    fn comment(id: i64, bug: i64, who: i64, second: u8) -> RowChange {
        RowChange::CommentAdded { comment: CommentId(id), bug: BugId(bug), who: UserId(who), at: at(second) }
    }

    fn activity(id: i64, bug: i64, who: i64, second: u8) -> RowChange {
        let row = ActivityRow { id: ActivityId(id), field: FieldId(9), attachment: None, comment: None };
        RowChange::Activity { bug: BugId(bug), who: UserId(who), at: at(second), row }
    }

    fn grouped(rows: Vec<RowChange>) -> Vec<ChangeSet> {
        group(&rows)
    }

    #[test]
    fn rows_of_one_bug_user_and_second_are_one_change_set() {
        let sets = grouped(vec![comment(1, 7, 2, 5), activity(9, 7, 2, 5), activity(8, 7, 2, 5)]);
        assert_eq!(sets.len(), 1);
        assert_eq!(sets[0].comments, [CommentId(1)]);
        assert_eq!(sets[0].activity.iter().map(|row| row.id.0).collect::<Vec<_>>(), [8, 9]);
    }

    #[test]
    fn another_user_second_or_bug_is_another_change_set() {
        let sets = grouped(vec![comment(1, 7, 2, 5), comment(2, 7, 3, 5), comment(3, 7, 2, 4), comment(4, 8, 2, 5)]);
        let told: Vec<_> = sets.iter().map(|s| (s.id.bug.0, s.id.who.0, s.comments[0].0)).collect();
        assert_eq!(told, [(7, 2, 3), (7, 2, 1), (7, 3, 2), (8, 2, 4)]);
    }

    #[test]
    fn a_duplicate_belongs_to_the_save_beside_it() {
        let marked = RowChange::DuplicateMarked { bug: BugId(7), of: BugId(1) };
        let sets = grouped(vec![comment(1, 7, 2, 5), marked, comment(2, 1, 2, 5)]);
        assert_eq!(sets[0].duplicate, Some(DuplicateChange { removed: None, added: Some(BugId(1)) }));
        assert_eq!(sets[1].duplicate, None);
    }

    #[test]
    fn deleting_and_inserting_the_same_duplicate_is_no_change() {
        let rows = vec![
            comment(1, 7, 2, 5),
            RowChange::DuplicateUnmarked { bug: BugId(7), of: BugId(1) },
            RowChange::DuplicateMarked { bug: BugId(7), of: BugId(1) },
        ];
        assert_eq!(grouped(rows)[0].duplicate, None);
    }

    #[test]
    fn only_what_became_of_a_duplicate_in_the_end_is_told() {
        let rows = vec![
            comment(1, 7, 2, 5),
            RowChange::DuplicateUnmarked { bug: BugId(7), of: BugId(1) },
            RowChange::DuplicateMarked { bug: BugId(7), of: BugId(2) },
            RowChange::DuplicateUnmarked { bug: BugId(7), of: BugId(2) },
        ];
        assert_eq!(grouped(rows)[0].duplicate, Some(DuplicateChange { removed: Some(BugId(1)), added: None }));
    }

    #[test]
    fn a_duplicate_without_anybodys_save_is_not_told() {
        assert!(grouped(vec![RowChange::DuplicateUnmarked { bug: BugId(7), of: BugId(1) }]).is_empty());
    }
}
