//! Rows of a transaction -> what a user did to a bug. Pure: no async, no SQL, no clock.
//!
//! A capture yields [`Transaction`]s of [`RowChange`]s; [`group`] makes [`ChangeSet`]s of them; once
//! the site's field names are known, [`ChangeSet::deeds`] says which messages a change set gives and in
//! which order. No content is in here, only ids and times: content is read later, in one snapshot,
//! and judged by `visibility`.

mod activity;
mod deed;
mod group;

pub use activity::{ActivityText, Change, join};
pub use deed::{Deed, Kind, Subject};
pub use group::group;

use std::fmt;

use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, FieldId, LocalTime, UserId, Zone};

/// A place in the change source. Opaque to all but the capture that issued it; the one stored with
/// the messages is the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position(pub String);

/// All watched rows of one commit.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The place right behind this commit: resuming there repeats nothing and loses nothing.
    pub position: Position,
    /// When it was committed, seconds since 1970 by the source's clock; 0 if the source does not say: then it counts as
    /// committed with the one before, and without any as committed now.
    pub committed_at: i64,
    /// In the order of writing. Empty: nothing of ours was in it, only the position moved.
    pub rows: Vec<RowChange>,
}

/// One row written to a watched table, as far as it is news.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each field is the column that its type names")]
pub enum RowChange {
    /// A bug whose `creation_ts` was set.
    BugCreated { bug: BugId, reporter: UserId, at: LocalTime },
    /// A row of longdescs.
    CommentAdded { comment: CommentId, bug: BugId, who: UserId, at: LocalTime },
    /// A row of attachments.
    AttachmentAdded { attachment: AttachmentId, bug: BugId, who: UserId, at: LocalTime },
    /// A row of bugs_activity.
    Activity { bug: BugId, who: UserId, at: LocalTime, row: ActivityRow },
    /// A row added to duplicates: `bug` is now a duplicate of `of`.
    DuplicateMarked { bug: BugId, of: BugId },
    /// A row taken out of duplicates.
    DuplicateUnmarked { bug: BugId, of: BugId },
}

impl RowChange {
    /// The bug that was written to.
    pub fn bug(&self) -> BugId {
        match *self {
            RowChange::BugCreated { bug, .. }
            | RowChange::CommentAdded { bug, .. }
            | RowChange::AttachmentAdded { bug, .. }
            | RowChange::Activity { bug, .. }
            | RowChange::DuplicateMarked { bug, .. }
            | RowChange::DuplicateUnmarked { bug, .. } => bug,
        }
    }

    /// Who saved, and when, where the row says so.
    pub fn save(&self) -> Option<(UserId, LocalTime)> {
        match *self {
            RowChange::BugCreated { reporter: who, at, .. }
            | RowChange::CommentAdded { who, at, .. }
            | RowChange::AttachmentAdded { who, at, .. }
            | RowChange::Activity { who, at, .. } => Some((who, at)),
            RowChange::DuplicateMarked { .. } | RowChange::DuplicateUnmarked { .. } => None,
        }
    }
}

/// What a row of bugs_activity is about; its texts are read with the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ActivityRow {
    /// `bugs_activity.id`.
    pub id: ActivityId,
    /// `bugs_activity.fieldid`.
    pub field: FieldId,
    /// Set when the change is one of an attachment.
    pub attachment: Option<AttachmentId>,
    /// Set when the change is one of a comment's privacy.
    pub comment: Option<CommentId>,
}

/// Who did it, to which bug, when: what the rows of one save have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChangeSetId {
    /// The user who saved.
    pub who: UserId,
    /// The second of the save, in Bugzilla's zone.
    pub at: LocalTime,
    /// The bug.
    pub bug: BugId,
}

impl ChangeSetId {
    /// The wire's form: `<user id>.<epoch second>.<bug id>`, at most 32 characters for any id Bugzilla can hold.
    pub fn to_wire(self, zone: &Zone) -> String {
        format!("{}.{}.{}", self.who, self.at.to_utc(zone).epoch_second(), self.bug)
    }
}

/// What one user did to one bug in one save, as far as one commit shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSet {
    /// Who, when, which bug.
    pub id: ChangeSetId,
    /// The bug was filed by it.
    pub created: bool,
    /// Comments added, in the order of their ids.
    pub comments: Vec<CommentId>,
    /// Attachments added, in the order of their ids.
    pub attachments: Vec<AttachmentId>,
    /// Fields changed, in the order of their ids.
    pub activity: Vec<ActivityRow>,
    /// The bug it became, or stopped to be, a duplicate of.
    pub duplicate: Option<DuplicateChange>,
}

/// A change of table duplicates, which bugs_activity does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DuplicateChange {
    /// The bug it was a duplicate of before.
    pub removed: Option<BugId>,
    /// The bug it is a duplicate of now.
    pub added: Option<BugId>,
}

impl ChangeSet {
    /// How much is to be read and built for it: its rows, and one more.
    pub fn size(&self) -> usize {
        1 + self.comments.len() + self.attachments.len() + self.activity.len()
    }

    /// Nothing yet.
    pub fn new(id: ChangeSetId) -> Self {
        ChangeSet { id, created: false, comments: vec![], attachments: vec![], activity: vec![], duplicate: None }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
