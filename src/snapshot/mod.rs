//! Reads the objects that change sets speak of, many at once, in one consistent read.
//!
//! Everything here may be private. It is data for `visibility` to judge, and for nothing else; types with
//! content have no `Debug`, so that none of it can slip into a log.

mod sql;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;

use crate::bugzilla::{
    ActivityId, AttachmentId, BugId, CommentId, FieldDefs, FieldId, FieldType, FlagId, Flavour, LocalTime, UserId,
};
use crate::changeset::{ActivityText, ChangeSet, Subject};
use crate::database::{Database, DatabaseError};
use crate::failure::Class;

/// Reads Bugzilla's tables.
///
/// *Consistency*: each call is one snapshot of committed data, taken after the call began. *Cost*: one statement per table,
/// whatever is asked for. *Parallel calls*: any; each takes a connection of its own. *Errors*: nothing was changed, call again.
#[async_trait]
pub trait Reader: Send + Sync {
    /// All that is needed to build the messages of these change sets.
    async fn read(&self, request: &Request) -> Result<Snapshot, SnapshotError>;

    /// What decides whether these are public now, in the order asked.
    async fn privacy(&self, subjects: &[Subject]) -> Result<Vec<Privacy>, SnapshotError>;
}

/// Reads the tables of this database. Connects when it is first asked.
pub fn reader(database: Arc<dyn Database>) -> impl Reader {
    sql::SqlReader::new(database)
}

/// Looks whether everything that a [`Reader`] needs is there and may be read. Reads no content.
///
/// *Errors*: not even the fields can be read; all else that is missing is in the [`Survey`].
pub async fn survey(database: &dyn Database) -> Result<Survey, SnapshotError> {
    sql::survey(database).await
}

/// What kind of Bugzilla this is, and what of it cannot be read as it should.
#[derive(Debug)]
pub struct Survey {
    /// Of which kind.
    pub flavour: Flavour,
    /// What cannot be read, and why: transient if it may come with an upgrade, misconfigured if it is a grant.
    pub lacks: Vec<(Class, String)>,
    /// Custom fields that are defined and have no column or table. They are left out.
    pub absent_fields: Vec<String>,
    /// Tables of an engine without transactions, MyISAM mostly.
    pub without_transactions: Vec<String>,
}

/// Why the tables could not be read. The text holds no row value.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SnapshotError {
    /// Transient: lost connection, tables being upgraded. Misconfigured: missing grant.
    pub class: Class,
    /// For the operator.
    pub message: String,
}

impl From<DatabaseError> for SnapshotError {
    fn from(DatabaseError { class, message }: DatabaseError) -> Self {
        SnapshotError { class, message }
    }
}

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Bugs whose objects are told, and whose privacy is judged.
    pub bugs: BTreeSet<BugId>,
    /// Those of them that were filed.
    pub filed: BTreeSet<BugId>,
    /// Comments told, with their bugs.
    pub comments: BTreeSet<(BugId, CommentId)>,
    /// Attachments told.
    pub attachments: BTreeSet<AttachmentId>,
    /// Activity rows told.
    pub activity: BTreeSet<ActivityId>,
    /// Users who saved.
    pub users: BTreeSet<UserId>,
    /// An hour before the oldest save, for hours can repeat: changes of privacy since then are read.
    pub since: Option<LocalTime>,
    /// As many bytes as may be held of it; none: all, whatever it takes.
    pub bytes_max: Option<usize>,
}

impl Request {
    /// For these change sets.
    pub fn of<'a>(sets: impl IntoIterator<Item = &'a ChangeSet>) -> Self {
        let mut request = Request::default();
        for set in sets {
            request.bugs.insert(set.id.bug);
            request.filed.extend(set.created.then_some(set.id.bug));
            request.users.insert(set.id.who);
            let since = set.id.at.an_hour_before();
            request.since = Some(request.since.map_or(since, |earlier| earlier.min(since)));
            request.comments.extend(set.comments.iter().map(|&comment| (set.id.bug, comment)));
            request.attachments.extend(&set.attachments);
            for row in &set.activity {
                request.activity.insert(row.id);
                request.comments.extend(row.comment.map(|comment| (set.id.bug, comment)));
                request.attachments.extend(row.attachment);
            }
        }
        request
    }
}

/// What was read.
#[derive(Default)]
pub struct Snapshot {
    /// The site's fields.
    pub fields: FieldDefs,
    /// Bugs that exist.
    pub bugs: HashMap<BugId, Bug>,
    /// Comments that exist.
    pub comments: HashMap<CommentId, Comment>,
    /// Attachments that exist.
    pub attachments: HashMap<AttachmentId, Attachment>,
    /// Users that exist.
    pub users: HashMap<UserId, User>,
    /// Texts of activity rows.
    pub activity: HashMap<ActivityId, ActivityText>,
    /// Changes of privacy since the oldest save, by bug, in the order of time and id.
    pub privacy: HashMap<BugId, Vec<PrivacyChange>>,
    /// It was more than [`Request::bytes_max`], and nothing of it is here.
    pub is_too_much: bool,
}

/// One row of bugs_activity that made something private or public.
pub struct PrivacyChange {
    /// `bugs_activity.id`.
    pub id: ActivityId,
    /// When.
    pub at: LocalTime,
    /// Of what.
    pub of: PrivacyOf,
    /// Group names, or `0` and `1`.
    pub text: ActivityText,
}

/// What a [`PrivacyChange`] changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivacyOf {
    /// The bug's groups.
    Groups,
    /// A comment's `isprivate`.
    Comment(CommentId),
    /// An attachment's `isprivate`.
    Attachment(AttachmentId),
}

/// What decides whether something is public now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// The target is still there.
    pub exists: bool,
    /// Its bug has a `creation_ts`.
    pub bug_is_filed: bool,
    /// Its bug is in some group.
    pub bug_in_groups: bool,
    /// The comment or attachment itself is private.
    pub own: bool,
}

/// A row of profiles.
#[derive(Clone)]
pub struct User {
    /// `userid`.
    pub id: UserId,
    /// `login_name`.
    pub login: String,
    /// `realname`.
    pub real_name: String,
}

/// A value that is stored by name and has an id in a table of its own; no id if it is in that table no more.
#[derive(Clone)]
pub struct Named {
    /// The id.
    pub id: Option<i64>,
    /// The name.
    pub name: String,
}

/// A row of bugs, with the names of what it points to.
pub struct Bug {
    /// `bug_id`.
    pub id: BugId,
    /// `creation_ts`: none while the bug is being filed.
    pub created: Option<LocalTime>,
    /// `delta_ts`.
    pub changed: Option<LocalTime>,
    /// Names of the groups that it is in; none: everybody may see it.
    pub groups: Vec<String>,
    /// Sorted.
    pub aliases: Vec<String>,
    /// Who works on it.
    pub assigned_to: User,
    /// Who filed it.
    pub reporter: User,
    /// Who checks it.
    pub qa_contact: Option<User>,
    /// Of its product.
    pub classification: String,
    /// `products`.
    pub product: Named,
    /// `components`.
    pub component: Named,
    /// `versions`.
    pub version: Named,
    /// `milestones`.
    pub target_milestone: Named,
    /// `bug_status`.
    pub status: Named,
    /// `resolution`.
    pub resolution: String,
    /// `bug_severity`.
    pub severity: String,
    /// `priority`.
    pub priority: String,
    /// `op_sys`.
    pub operating_system: String,
    /// `rep_platform`.
    pub platform: String,
    /// `short_desc`.
    pub summary: String,
    /// `bug_file_loc`.
    pub url: String,
    /// `status_whiteboard`.
    pub whiteboard: String,
    /// Sorted.
    pub keywords: Vec<String>,
    /// Of the bug itself, in order.
    pub flags: Vec<Flag>,
    /// Sorted by name.
    pub custom: Vec<Custom>,
}

/// A custom field of a bug.
pub struct Custom {
    /// `cf_...`.
    pub name: String,
    /// How it is told.
    pub kind: FieldType,
    /// As stored; the values of a multi-select, sorted.
    pub values: Vec<String>,
}

/// A flag of a bug or an attachment.
pub struct Flag {
    /// `flags.id`.
    pub id: FlagId,
    /// `flagtypes.name`.
    pub name: String,
    /// `?`, `+` or `-`.
    pub status: String,
    /// Who is asked.
    pub requestee: Option<User>,
}

/// A row of longdescs.
pub struct Comment {
    /// `comment_id`.
    pub id: CommentId,
    /// Its bug.
    pub bug: BugId,
    /// `bug_when`.
    pub created: Option<LocalTime>,
    /// `isprivate`.
    pub is_private: bool,
    /// `thetext`; not even read of a private comment.
    pub text: String,
    /// Its place among all comments of the bug, from 0.
    pub number: usize,
}

/// A row of attachments.
pub struct Attachment {
    /// `attach_id`.
    pub id: AttachmentId,
    /// Its bug.
    pub bug: BugId,
    /// `creation_ts`.
    pub created: Option<LocalTime>,
    /// `modification_time`.
    pub changed: Option<LocalTime>,
    /// `description`.
    pub description: String,
    /// `mimetype`.
    pub content_type: String,
    /// `filename`.
    pub file_name: String,
    /// `ispatch`.
    pub is_patch: bool,
    /// `isobsolete`.
    pub is_obsolete: bool,
    /// `isprivate`.
    pub is_private: bool,
    /// In order.
    pub flags: Vec<Flag>,
}

impl Snapshot {
    /// Whether all that was asked for is in it. What is not was deleted since, or is not to be seen yet: a server may show
    /// a commit in its binlog a moment before it shows it to readers.
    pub fn answers(&self, request: &Request) -> bool {
        request.bugs.iter().all(|id| self.bugs.contains_key(id))
            && request.filed.iter().all(|id| self.bugs.get(id).is_some_and(|bug| bug.created.is_some()))
            && request.comments.iter().all(|(_, id)| self.comments.contains_key(id))
            && request.attachments.iter().all(|id| self.attachments.contains_key(id))
            && request.activity.iter().all(|id| self.activity.contains_key(id))
    }

    /// A user, by name if known: one that was deleted is told by id alone.
    pub fn user(&self, id: UserId) -> User {
        self.users.get(&id).cloned().unwrap_or_else(|| User { id, login: String::new(), real_name: String::new() })
    }

    /// What a changed field made private or public, if it is one that can.
    fn privacy_field(
        &self,
        field: FieldId,
        attachment: Option<AttachmentId>,
        comment: Option<CommentId>,
    ) -> Option<PrivacyOf> {
        use crate::bugzilla::Field;
        match self.fields.name(field) {
            Field::GROUPS => Some(PrivacyOf::Groups),
            Field::COMMENT_PRIVACY => comment.map(PrivacyOf::Comment),
            Field::ATTACHMENT_PRIVACY => attachment.map(PrivacyOf::Attachment),
            _ => None,
        }
    }
}
