//! The names of the statements: what a result set is of, and of which tables.

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
    Counts,
    Attachments,
    Activity,
    Users,
    /// What decides about bugs, without their content.
    BugsJudged,
}

impl Statement {
    /// The tables that it reads, the one that it is about first. `profiles` is left out where it is not the only one.
    pub(super) fn tables(&self) -> Vec<String> {
        let tables: &[&str] = match self {
            Self::Layout => &[],
            Self::Fields => &["fielddefs"],
            Self::Bugs => {
                &["bugs", "products", "classifications", "components", "versions", "milestones", "bug_status"]
            }
            Self::BugsJudged => &["bugs", "bug_group_map"],
            Self::Aliases => &["bugs_aliases"],
            Self::Keywords => &["keywords", "keyworddefs"],
            Self::Groups => &["bug_group_map", "groups"],
            Self::Flags => &["flags", "flagtypes"],
            Self::Privacy | Self::Activity => &["bugs_activity"],
            Self::MultiSelect(field) => return vec![format!("bug_{field}")],
            Self::Comments | Self::Numbering | Self::Counts => &["longdescs"],
            Self::Attachments => &["attachments"],
            Self::Users => &["profiles"],
        };
        tables.iter().map(|&table| table.to_owned()).collect()
    }
}
