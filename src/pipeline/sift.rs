//! Change sets -> what of them was not told before. For ways in that find a row twice, or several saves as one. Pure but for the ledger.

use std::collections::HashSet;

use crate::bugzilla::LocalTime;
use crate::changeset::{ActivityRow, ChangeSet};
use crate::message::Fact;
use crate::queue::{Queue, QueueError};

/// What the ledger does not know, in order; change sets of which nothing is left are left out. A merged message then takes the
/// smallest id that was not told.
pub(super) async fn untold(
    queue: &dyn Queue,
    sets: Vec<(ChangeSet, i64)>,
) -> Result<Vec<(ChangeSet, i64)>, QueueError> {
    if sets.is_empty() {
        return Ok(sets);
    }
    let facts = sets.iter().flat_map(|(set, _)| facts(set)).collect();
    let untold: HashSet<(Fact, LocalTime)> = queue.untold(facts).await?.into_iter().collect();
    Ok(sets.into_iter().filter_map(|(set, committed_at)| Some((rest(set, &untold)?, committed_at))).collect())
}

/// Everything that the messages of a change set can tell of, with its second.
fn facts(set: &ChangeSet) -> impl Iterator<Item = (Fact, LocalTime)> {
    let created = set.created.then_some(Fact::Bug(set.id.bug));
    let duplicate = set.duplicate.and(set.comments.first()).map(|&comment| Fact::Duplicate(comment));
    let comments = set.comments.iter().map(|&comment| Fact::Comment(comment));
    let attachments = set.attachments.iter().map(|&attachment| Fact::Attachment(attachment));
    let facts = created.into_iter().chain(duplicate).chain(comments).chain(attachments).chain(activity(set));
    facts.map(|fact| (fact, set.id.at))
}

fn activity(set: &ChangeSet) -> impl Iterator<Item = Fact> {
    set.activity.iter().map(|row| Fact::Activity(row.id))
}

fn rest(mut set: ChangeSet, untold: &HashSet<(Fact, LocalTime)>) -> Option<ChangeSet> {
    let at = set.id.at;
    let is_untold = |fact| untold.contains(&(fact, at));
    // A duplicate is told with the bug's other changes; without any, by the comment that was written with it.
    let was_told_with_changes = set.activity.iter().any(is_of_the_bug);
    set.created &= is_untold(Fact::Bug(set.id.bug));
    set.attachments.retain(|&attachment| is_untold(Fact::Attachment(attachment)));
    set.activity.retain(|row| is_untold(Fact::Activity(row.id)));
    let witness = set.comments.first().copied();
    let duplicate_is_untold = if was_told_with_changes {
        set.activity.iter().any(is_of_the_bug)
    } else {
        witness.is_some_and(|comment| is_untold(Fact::Duplicate(comment)))
    };
    set.duplicate = set.duplicate.filter(|_| duplicate_is_untold);
    // The ledger keeps it from being told again.
    let witness = witness.filter(|_| set.duplicate.is_some());
    set.comments.retain(|&comment| Some(comment) == witness || is_untold(Fact::Comment(comment)));
    let is_empty = !set.created
        && set.comments.is_empty()
        && set.attachments.is_empty()
        && set.activity.is_empty()
        && set.duplicate.is_none();
    (!is_empty).then_some(set)
}

fn is_of_the_bug(row: &ActivityRow) -> bool {
    row.attachment.is_none() && row.comment.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugzilla::{ActivityId, BugId, CommentId, FieldId, UserId};
    use crate::changeset::{ChangeSetId, DuplicateChange};

    fn set(comments: &[i64], activity: &[i64], duplicate: bool) -> ChangeSet {
        let at = LocalTime::new(2026, 11, 22, 5, 0, 0).unwrap();
        let mut set = ChangeSet::new(ChangeSetId { who: UserId(2), at, bug: BugId(7) });
        set.comments = comments.iter().copied().map(CommentId).collect();
        let row = |id| ActivityRow { id: ActivityId(id), field: FieldId(1), attachment: None, comment: None };
        set.activity = activity.iter().copied().map(row).collect();
        set.duplicate = duplicate.then_some(DuplicateChange { removed: None, added: Some(BugId(1)) });
        set
    }

    fn left(set: ChangeSet, told: &[Fact]) -> Option<ChangeSet> {
        let untold = facts(&set).filter(|(fact, _)| !told.contains(fact)).collect();
        rest(set, &untold)
    }

    #[test]
    fn of_two_saves_of_one_second_the_one_that_was_told_is_taken_out() {
        let told = [Fact::Comment(CommentId(1)), Fact::Activity(ActivityId(5))];
        assert_eq!(left(set(&[1, 2], &[5, 6], false), &told), Some(set(&[2], &[6], false)));
    }

    #[test]
    fn what_was_told_whole_is_gone() {
        let told = [Fact::Comment(CommentId(1)), Fact::Activity(ActivityId(5))];
        assert_eq!(left(set(&[1], &[5], true), &told), None);
        assert_eq!(left(set(&[1], &[], true), &[told[0], Fact::Duplicate(CommentId(1))]), None);
    }

    #[test]
    fn a_duplicate_that_nothing_told_keeps_its_comment() {
        assert_eq!(left(set(&[1], &[], true), &[Fact::Comment(CommentId(1))]), Some(set(&[1], &[], true)));
    }
}
