//! The ids of Bugzilla's rows, each a type of its own so that none can be taken for another.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

id! {
    /// `bugs.bug_id`.
    BugId
    /// `profiles.userid`.
    UserId
    /// `longdescs.comment_id`.
    CommentId
    /// `attachments.attach_id`.
    AttachmentId
    /// `bugs_activity.id`.
    ActivityId
    /// `fielddefs.id`: differs from site to site, so it is always resolved to a name.
    FieldId
    /// `flags.id`.
    FlagId
}
