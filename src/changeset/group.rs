//! Rows of one transaction -> change sets: the rows with the same bug, user and second.

use std::collections::HashMap;

use super::{ChangeSet, ChangeSetId, DuplicateChange, RowChange};
use crate::bugzilla::{BugId, LocalTime, UserId};

/// Attachments and comments of one change set, at the most.
const CREATED_MAX: usize = 500;

/// The change sets of one transaction's rows: bugs in the order in which the transaction first wrote to
/// them, the change sets of a bug by time. Those of one bug are in memory at a time.
///
/// A row of duplicates names neither user nor time; it belongs to the last change set of its bug in
/// the same transaction (Bugzilla always writes a comment or a changed status beside it). Without
/// any, the bug itself is being deleted or repaired by hand, and nobody's save is told.
pub fn group(rows: &[RowChange]) -> impl Iterator<Item = ChangeSet> {
    let order = by_bug(rows);
    let mut at = 0;
    let of_next_bug = move || {
        let bug = rows[*order.get(at)? as usize].bug();
        let run = order[at..].iter().take_while(|&&row| rows[row as usize].bug() == bug).count();
        let sets = of_bug(bug, order[at..at + run].iter().map(|&row| &rows[row as usize]));
        at += run;
        Some(sets)
    };
    std::iter::from_fn(of_next_bug).flatten()
}

/// The rows' places: bugs by the first row that says who saved and when, the rows of a bug as they were written. No transaction has
/// more rows than these numbers can count.
fn by_bug(rows: &[RowChange]) -> Vec<u32> {
    let bug = |place: u32| rows[place as usize].bug();
    let mut order: Vec<u32> = (0..u32::MAX).take(rows.len()).collect();
    // Stable, both times.
    order.sort_by_key(|&place| bug(place));
    let mut first = vec![u32::MAX; rows.len()];
    for of_bug in order.chunk_by(|&a, &b| bug(a) == bug(b)) {
        let begins = of_bug.iter().copied().find(|&place| rows[place as usize].save().is_some());
        of_bug.iter().for_each(|&place| first[place as usize] = begins.unwrap_or(u32::MAX));
    }
    order.sort_by_key(|&place| first[place as usize]);
    order
}

/// The change sets of one bug by time, and of one second as they were begun.
fn of_bug<'r>(bug: BugId, rows: impl Iterator<Item = &'r RowChange>) -> Vec<ChangeSet> {
    let mut sets: Vec<ChangeSet> = Vec::new();
    let mut place: HashMap<(UserId, LocalTime), usize> = HashMap::new();
    let mut duplicates: Vec<DuplicateChange> = Vec::new();
    for row in rows {
        let set = row.save().map(|(who, at)| {
            let index = *place.entry((who, at)).or_insert_with(|| {
                sets.push(ChangeSet::new(ChangeSetId { who, at, bug }));
                sets.len() - 1
            });
            &mut sets[index]
        });
        match (row, set) {
            (RowChange::BugCreated { .. }, Some(set)) => set.created = true,
            (RowChange::CommentAdded { comment, .. }, Some(set)) => set.comments.push(*comment),
            (RowChange::AttachmentAdded { attachment, .. }, Some(set)) => set.attachments.push(*attachment),
            (RowChange::Activity { row, .. }, Some(set)) => set.activity.push(*row),
            (RowChange::DuplicateMarked { of, .. }, _) => {
                duplicates.push(DuplicateChange { removed: None, added: Some(*of) });
            }
            (RowChange::DuplicateUnmarked { of, .. }, _) => {
                duplicates.push(DuplicateChange { removed: Some(*of), added: None });
            }
            (_, None) => {}
        }
    }
    for set in &mut sets {
        set.comments.sort_unstable();
        set.attachments.sort_unstable();
        set.activity.sort_unstable_by_key(|row| row.id);
    }
    sets.sort_by_key(|set| set.id.at);
    if let Some(last) = sets.last_mut() {
        last.duplicate = duplicate(duplicates);
    }
    sets.into_iter().flat_map(pieces).collect()
}

/// One that created more than can be read at once is several of the same name: attachments before comments, and the rest with the
/// last of these, as the messages leave.
fn pieces(mut set: ChangeSet) -> Vec<ChangeSet> {
    let mut pieces = Vec::new();
    while set.attachments.len() + set.comments.len() > CREATED_MAX {
        let attachments = set.attachments.drain(..set.attachments.len().min(CREATED_MAX)).collect();
        let piece = ChangeSet { attachments, ..ChangeSet::new(set.id) };
        let room = if piece.attachments.is_empty() { CREATED_MAX.min(set.comments.len() - 1) } else { 0 };
        let comments = set.comments.drain(..room).collect();
        pieces.push(ChangeSet { comments, ..piece });
    }
    pieces.push(set);
    pieces
}

/// What became of a bug's row of duplicates in the end.
fn duplicate(changes: Vec<DuplicateChange>) -> Option<DuplicateChange> {
    let mut told: Option<DuplicateChange> = None;
    for change in changes {
        let told = told.get_or_insert_default();
        if change.removed.is_some() && told.added == change.removed {
            // It was marked within this very transaction.
            told.added = None;
        } else {
            told.removed = told.removed.or(change.removed);
        }
        told.added = change.added.or(told.added);
    }
    // Bugzilla deletes and inserts again: the same bug on both sides is no change.
    told.filter(|change| change.removed != change.added)
}

#[cfg(test)]
mod tests {
    use super::super::ActivityRow;
    use super::*;
    use crate::bugzilla::{ActivityId, AttachmentId, CommentId, FieldId};

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
        group(&rows).collect()
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
    fn a_save_that_created_very_much_is_several_change_sets_of_the_same_name_in_the_order_of_their_messages() {
        let attachment =
            |id| RowChange::AttachmentAdded { attachment: AttachmentId(id), bug: BugId(7), who: UserId(2), at: at(5) };
        let comments = (1..=1_001).map(|id| comment(id, 7, 2, 5));
        let rows = comments.chain((1..=3).map(attachment)).chain([activity(1, 7, 2, 5)]).collect();
        let sets = grouped(rows);
        let told: Vec<_> = sets.iter().map(|s| (s.attachments.len(), s.comments.len(), s.activity.len())).collect();
        assert_eq!(told, [(3, 0, 0), (0, 500, 0), (0, 500, 0), (0, 1, 1)]);
        assert!(sets.iter().all(|set| set.id == sets[0].id));
        assert_eq!(sets[3].comments, [CommentId(1_001)]);
    }

    #[test]
    fn bugs_stay_in_the_order_in_which_they_were_first_saved() {
        let marked = RowChange::DuplicateMarked { bug: BugId(3), of: BugId(1) };
        let sets =
            grouped(vec![marked, comment(1, 7, 2, 5), comment(2, 3, 2, 5), comment(3, 7, 2, 6), comment(4, 1, 2, 5)]);
        assert_eq!(sets.iter().map(|set| set.id.bug.0).collect::<Vec<_>>(), [7, 7, 3, 1]);
        assert!(sets[2].duplicate.is_some());
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
