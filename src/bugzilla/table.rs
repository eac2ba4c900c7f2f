//! The tables that bugrelay watches, and the columns of them that it needs.

/// A table whose rows are news. All other tables are passed over undecoded; some of them hold whole
/// private texts (`mail_staging`, `bugs_fulltext`, `attach_data`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WatchedTable {
    /// A row whose `creation_ts` gets set is a new bug.
    Bugs,
    /// A row is a changed field.
    Activity,
    /// A row is a new comment.
    Comments,
    /// A row is a new attachment.
    Attachments,
    /// A row marks a bug as duplicate of another.
    Duplicates,
}

impl WatchedTable {
    /// All of them.
    pub const ALL: [WatchedTable; 5] =
        [Self::Bugs, Self::Activity, Self::Comments, Self::Attachments, Self::Duplicates];

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bugs => "bugs",
            Self::Activity => "bugs_activity",
            Self::Comments => "longdescs",
            Self::Attachments => "attachments",
            Self::Duplicates => "duplicates",
        }
    }

    /// By its name in the database.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The columns that a change is told by. No column with content: that is read afterwards, in one
    /// consistent snapshot and under the rules of visibility.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Bugs => &["bug_id", "reporter", "creation_ts"],
            Self::Activity => &["id", "bug_id", "who", "bug_when", "fieldid", "attach_id", "comment_id"],
            Self::Comments => &["comment_id", "bug_id", "who", "bug_when"],
            Self::Attachments => &["attach_id", "bug_id", "submitter_id", "creation_ts"],
            Self::Duplicates => &["dupe", "dupe_of"],
        }
    }
}
