//! The one place that decides what is public. Pure.
//!
//! The reader is Bugzilla's logged-out user, who is in no group (Bugzilla/User.pm `visible_bugs`): a bug is public if it is
//! filed and in no group, a comment or attachment if its bug is and its own `isprivate` is 0. A message carries its object only
//! if the target was public when its save was committed and is public now. In doubt: not public.
//!
//! [`Public`] is the proof. It can be made nowhere else, and the serialiser takes objects only inside it.

mod history;

use self::history::History;
use crate::bugzilla::{Field, Zone};
use crate::changeset::{ActivityRow, ChangeSet, Deed, Subject};
use crate::snapshot::{Attachment, Bug, Comment, Privacy, Snapshot};

/// Something that an unprivileged user may see.
///
/// ```compile_fail
/// // Forging one outside of `visibility` does not compile.
/// let forged = bugrelay::visibility::Public("secret");
/// ```
#[derive(Clone, Copy)]
pub struct Public<T>(T);

impl<T> Public<T> {
    /// It, to be told.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// The site's own rules.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Bugzilla's parameter `requirelogin`: a logged-out user sees nothing at all.
    pub require_login: bool,
    /// Bugzilla's zone, which may repeat an hour.
    pub zone: Zone,
}

/// What may be told of a deed.
pub enum Verdict<'a> {
    /// The event alone.
    Private(Reason),
    /// The object, and of the changes what [`Told`] says.
    Public(Public<Object<'a>>, Public<Told>),
}

/// The object of a message.
#[derive(Clone, Copy)]
pub enum Object<'a> {
    /// A bug.
    Bug(&'a Bug),
    /// A comment, with its bug.
    Comment(&'a Comment, &'a Bug),
    /// An attachment, with its bug.
    Attachment(&'a Attachment, &'a Bug),
}

/// How much of the changes may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was public before as well: all removed and added values but those that are never told.
    All,
    /// The save made it public: only that it did. Other values of the save are of the time when it was private.
    Opened,
}

/// Why an object is held back: the label of `redacted_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The site requires login.
    LoginRequired,
    /// The bug, comment or attachment is not there any more.
    Gone,
    /// The bug is in a group now.
    BugPrivate,
    /// The comment or attachment is private now.
    OwnPrivate,
    /// It was private when the save was committed, or may have been.
    WasPrivate,
}

impl Reason {
    /// All labels.
    pub const ALL: [Reason; 5] =
        [Reason::LoginRequired, Reason::Gone, Reason::BugPrivate, Reason::OwnPrivate, Reason::WasPrivate];

    /// The metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::LoginRequired => "login_required",
            Reason::Gone => "gone",
            Reason::BugPrivate => "bug_private",
            Reason::OwnPrivate => "own_private",
            Reason::WasPrivate => "was_private",
        }
    }
}

impl Rules {
    /// What may be told of one deed of a change set.
    pub fn judge<'a>(&self, deed: &Deed, set: &ChangeSet, snapshot: &'a Snapshot) -> Verdict<'a> {
        let Some(object) = Object::find(deed.subject, snapshot) else { return Verdict::Private(Reason::Gone) };
        if let Some(reason) = self.hidden(object.privacy()) {
            return Verdict::Private(reason);
        }
        let history = History::new(set, snapshot, &self.zone);
        let (own_before, own_then) = history.own(object);
        // What was saved before the bug was filed was nobody's to see, even if it is filed by now.
        let filed_since = object.bug().created.is_some_and(|created| created > set.id.at);
        if filed_since || history.bug_then_private() || own_then {
            return Verdict::Private(Reason::WasPrivate);
        }
        let told = if history.bug_before_private() || own_before { Told::Opened } else { Told::All };
        Verdict::Public(Public(object), Public(told))
    }

    /// Whether a deed is news at all: groups that came and went within one commit, the bug public before and after it, are none.
    pub fn is_news(&self, deed: &Deed, set: &ChangeSet, snapshot: &Snapshot) -> bool {
        let is_group = |row: &ActivityRow| snapshot.fields.name(row.field) == Field::GROUPS;
        let of_groups_alone = matches!(deed.subject, Subject::Bug(_))
            && set.duplicate.is_none()
            && !deed.activity.is_empty()
            && deed.activity.iter().all(is_group);
        // Of a bug that is gone nothing is known: it is told, without content.
        if !of_groups_alone || !snapshot.bugs.contains_key(&set.id.bug) {
            return true;
        }
        let history = History::new(set, snapshot, &self.zone);
        history.bug_before_private() || history.bug_then_private()
    }

    /// Whether something that was told as public may still be: nothing, or why not.
    pub fn hidden(&self, privacy: Privacy) -> Option<Reason> {
        if self.require_login {
            Some(Reason::LoginRequired)
        } else if !privacy.exists {
            Some(Reason::Gone)
        } else if !privacy.bug_is_filed || privacy.bug_in_groups {
            Some(Reason::BugPrivate)
        } else if privacy.own {
            Some(Reason::OwnPrivate)
        } else {
            None
        }
    }
}

impl<'a> Object<'a> {
    fn find(subject: Subject, snapshot: &'a Snapshot) -> Option<Self> {
        let bug = snapshot.bugs.get(&subject.bug())?;
        match subject {
            Subject::Bug(_) => Some(Object::Bug(bug)),
            Subject::Comment(_, id) => {
                snapshot.comments.get(&id).filter(|c| c.bug == bug.id).map(|comment| Object::Comment(comment, bug))
            }
            Subject::Attachment(_, id) => {
                snapshot.attachments.get(&id).filter(|a| a.bug == bug.id).map(|a| Object::Attachment(a, bug))
            }
        }
    }

    /// The bug that it is, or is of.
    pub fn bug(&self) -> &'a Bug {
        match *self {
            Object::Bug(bug) | Object::Comment(_, bug) | Object::Attachment(_, bug) => bug,
        }
    }

    fn privacy(&self) -> Privacy {
        let bug = self.bug();
        let own = match self {
            Object::Bug(_) => false,
            Object::Comment(comment, _) => comment.is_private,
            Object::Attachment(attachment, _) => attachment.is_private,
        };
        Privacy { exists: true, bug_is_filed: bug.created.is_some(), bug_in_groups: !bug.groups.is_empty(), own }
    }
}

impl Public<Object<'_>> {
    /// The bug of a public object is public.
    pub fn bug(&self) -> Public<&Bug> {
        Public(self.0.bug())
    }
}

/// Fields of a change set that may be told at all: never time tracking, never groups.
pub fn is_tellable(name: &str) -> bool {
    !name.is_empty() && name != Field::GROUPS && !Field::is_time_tracking(name)
}
