//! The names of the statements: what a result set is of.

/// Which statement a result set is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Statement {
    Layout,
    Fields,
    Bugs,
    Aliases,
    Keywords,
    Groups,
    Flags,
    Privacy,
    MultiSelect(String),
    Comments,
    Numbering,
    Attachments,
    Activity,
    Users,
}
