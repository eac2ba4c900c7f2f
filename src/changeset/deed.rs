//! Change set -> the deeds that are told of it, one message each, in the order they leave.

use std::fmt;

use super::{ActivityRow, ChangeSet};
use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, Field, FieldDefs};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The bug itself.
    Bug(BugId),
    /// A comment of the bug.
    Comment(BugId, CommentId),
    /// An attachment of the bug.
    Attachment(BugId, AttachmentId),
}

impl Subject {
    /// The bug, whichever it is of.
    pub fn bug(self) -> BugId {
        match self {
            Subject::Bug(bug) | Subject::Comment(bug, _) | Subject::Attachment(bug, _) => bug,
        }
    }

    /// `event.target`.
    pub fn target(self) -> &'static str {
        match self {
            Subject::Bug(_) => "bug",
            Subject::Comment(..) => "comment",
            Subject::Attachment(..) => "attachment",
        }
    }
}

/// `event.action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The subject is new.
    Create,
    /// The subject was changed.
    Modify,
}

impl Kind {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Create => "create",
            Kind::Modify => "modify",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that a save did: one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What it was done to.
    pub subject: Subject,
    /// What was done.
    pub kind: Kind,
    /// The activity rows that tell it, in id order; empty on `Create`.
    pub activity: Vec<ActivityRow>,
}

impl Deed {
    fn create(subject: Subject) -> Self {
        Deed { subject, kind: Kind::Create, activity: vec![] }
    }

    fn modify(subject: Subject, activity: Vec<ActivityRow>) -> Self {
        Deed { subject, kind: Kind::Modify, activity }
    }

    /// The smallest activity id that it tells.
    pub fn first_activity(&self) -> Option<ActivityId> {
        self.activity.first().map(|row| row.id)
    }
}

impl ChangeSet {
    /// What is told of this change set, in the order of the original: attachment.create, comment.create,
    /// comment.modify, bug.create, bug.modify, attachment.modify.
    ///
    /// Time tracking is not told at all; a save of nothing else gives nothing.
    pub fn deeds(&self, fields: &FieldDefs) -> Vec<Deed> {
        let bug = self.id.bug;
        let (mut of_bug, mut of_comments, mut of_attachments) = (vec![], vec![], vec![]);
        for row in &self.activity {
            let name = fields.name(row.field);
            match (row.attachment, row.comment) {
                (Some(attachment), _) => of_attachments.push((Subject::Attachment(bug, attachment), *row)),
                (None, Some(comment)) if name == Field::COMMENT_PRIVACY => {
                    of_comments.push((Subject::Comment(bug, comment), *row));
                }
                _ if Field::is_time_tracking(name) => {}
                _ => of_bug.push(*row),
            }
        }
        let mut deeds: Vec<Deed> = Vec::new();
        deeds.extend(self.attachments.iter().map(|&a| Deed::create(Subject::Attachment(bug, a))));
        deeds.extend(self.comments.iter().map(|&c| Deed::create(Subject::Comment(bug, c))));
        deeds.extend(per_subject(of_comments));
        if self.created {
            deeds.push(Deed::create(Subject::Bug(bug)));
        }
        if !of_bug.is_empty() || self.duplicate.is_some() {
            deeds.push(Deed::modify(Subject::Bug(bug), of_bug));
        }
        deeds.extend(per_subject(of_attachments));
        deeds
    }
}

/// One modify per subject, subjects in the order of their ids.
fn per_subject(mut rows: Vec<(Subject, ActivityRow)>) -> impl Iterator<Item = Deed> {
    rows.sort_by_key(|(subject, row)| (*subject, row.id));
    let mut deeds: Vec<Deed> = Vec::new();
    for (subject, row) in rows {
        match deeds.last_mut() {
            Some(deed) if deed.subject == subject => deed.activity.push(row),
            _ => deeds.push(Deed::modify(subject, vec![row])),
        }
    }
    deeds.into_iter()
}

#[cfg(test)]
mod tests {
    use super::super::{ChangeSetId, DuplicateChange};
    use super::*;
    use crate::bugzilla::{FieldId, FieldType, LocalTime, UserId};

    fn fields() -> FieldDefs {
        let names = ["", "bug_status", "work_time", "longdescs.isprivate", "attachments.isobsolete"];
        FieldDefs::new(names.iter().enumerate().map(|(id, name)| {
            let field = Field { name: (*name).to_owned(), kind: FieldType::Text, custom: false, obsolete: false };
            (FieldId(id as i64), field)
        }))
    }

    fn set() -> ChangeSet {
        let at = LocalTime::new(2026, 11, 22, 5, 0, 0).unwrap();
        ChangeSet::new(ChangeSetId { who: UserId(2), at, bug: BugId(7) })
    }

    fn row(id: i64, field: i64, attachment: Option<i64>, comment: Option<i64>) -> ActivityRow {
        let (attachment, comment) = (attachment.map(AttachmentId), comment.map(CommentId));
        ActivityRow { id: ActivityId(id), field: FieldId(field), attachment, comment }
    }

    fn told(set: &ChangeSet) -> Vec<String> {
        set.deeds(&fields()).iter().map(|d| format!("{}.{}", d.subject.target(), d.kind)).collect()
    }

    #[test]
    fn deeds_leave_in_the_order_of_the_original() {
        let mut set = set();
        set.created = true;
        set.comments = vec![CommentId(1)];
        set.attachments = vec![AttachmentId(4)];
        set.activity = vec![row(1, 4, Some(3), None), row(2, 1, None, None), row(3, 3, None, Some(9))];
        let order =
            ["attachment.create", "comment.create", "comment.modify", "bug.create", "bug.modify", "attachment.modify"];
        assert_eq!(told(&set), order);
    }

    #[test]
    fn time_tracking_alone_gives_nothing() {
        let mut set = set();
        set.activity = vec![row(1, 2, None, Some(9))];
        assert!(told(&set).is_empty());
    }

    #[test]
    fn all_changes_of_one_attachment_are_one_message() {
        let mut set = set();
        set.activity = vec![row(1, 4, Some(3), None), row(2, 1, Some(5), None), row(3, 1, Some(3), None)];
        let deeds = set.deeds(&fields());
        let ids: Vec<Vec<i64>> = deeds.iter().map(|d| d.activity.iter().map(|r| r.id.0).collect()).collect();
        assert_eq!(ids, [vec![1, 3], vec![2]]);
    }

    #[test]
    fn a_duplicate_alone_is_a_change_of_the_bug() {
        let mut set = set();
        set.duplicate = Some(DuplicateChange { removed: Some(BugId(1)), added: Some(BugId(2)) });
        assert_eq!(told(&set), ["bug.modify"]);
    }
}
