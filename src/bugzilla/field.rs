//! Fields: what `fielddefs` says of them, and what only Bugzilla's code says.

use std::collections::HashMap;

use super::FieldId;

/// Longest piece of a value, in characters, that one row of bugs_activity holds; longer values
/// are cut over several rows (Bugzilla/Bug.pm `MAX_LINE_LENGTH`, `LogActivityEntry`).
pub const MAX_LINE_LENGTH: usize = 254;

/// `fielddefs.type` (Bugzilla/Constants.pm `FIELD_TYPE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// 2: one of the values of a table named like the field.
    SingleSelect,
    /// 3: rows of `bug_<field>`.
    MultiSelect,
    /// 5: date and time, in Bugzilla's zone.
    DateTime,
    /// 6: a bug id, or none.
    Bug,
    /// 9: a date.
    Date,
    /// 10: a whole number.
    Integer,
    /// Free text, text areas, and all that a later Bugzilla may add: told as a string.
    Text,
}

impl FieldType {
    /// From the number that `fielddefs.type` holds.
    pub fn from_code(code: i64) -> Self {
        match code {
            2 => FieldType::SingleSelect,
            3 => FieldType::MultiSelect,
            5 => FieldType::DateTime,
            6 => FieldType::Bug,
            9 => FieldType::Date,
            10 => FieldType::Integer,
            _ => FieldType::Text,
        }
    }
}

/// One row of `fielddefs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `fielddefs.name`: the name that `changes` use.
    pub name: String,
    /// What its values are.
    pub kind: FieldType,
    /// Made by the site's administrator (`cf_*`).
    pub custom: bool,
    /// Custom and put out of use: not in the objects any more.
    pub obsolete: bool,
}

impl Field {
    /// The bug's groups. Their names never leave; they decide about privacy.
    pub const GROUPS: &'static str = "bug_group";
    /// Several flags in one value: `needinfo?(a@b), review+`.
    pub const FLAGS: &'static str = "flagtypes.name";
    /// A comment became private (`added` 1) or public (0).
    pub const COMMENT_PRIVACY: &'static str = "longdescs.isprivate";
    /// An attachment became private or public.
    pub const ATTACHMENT_PRIVACY: &'static str = "attachments.isprivate";

    /// Time tracking, which Bugzilla shows to members of its time tracking group alone
    /// (Bugzilla/Bug.pm `GetBugActivity`, Bugzilla/WebService/Bug.pm `_bug_to_hash`).
    pub fn is_time_tracking(name: &str) -> bool {
        matches!(name, "estimated_time" | "remaining_time" | "work_time" | "actual_time" | "percentage_complete")
    }

    /// Whether values are lists joined by `", "`.
    pub fn is_list(&self) -> bool {
        self.kind == FieldType::MultiSelect
            || matches!(
                self.name.as_str(),
                "cc" | "keywords" | "alias" | "dependson" | "blocked" | "see_also" | Self::GROUPS | Self::FLAGS | "tag"
            )
    }

    /// Whether values are logins, one or a list of them.
    pub fn holds_logins(name: &str) -> bool {
        matches!(
            name,
            "assigned_to"
                | "qa_contact"
                | "cc"
                | "reporter"
                | "attachments.submitter"
                | "setters.login_name"
                | "requestees.login_name"
        )
    }

    /// Whether the objects show `---` and `--` of this field as nothing, so that `changes` do too.
    pub fn dash_is_empty(&self) -> bool {
        matches!(self.name.as_str(), "priority" | "target_milestone")
            || (self.custom && self.kind == FieldType::SingleSelect)
    }
}

/// The site's `fielddefs`, by id.
#[derive(Clone, Debug, Default)]
pub struct FieldDefs {
    by_id: HashMap<FieldId, Field>,
}

impl FieldDefs {
    /// From all rows of the table.
    pub fn new(rows: impl IntoIterator<Item = (FieldId, Field)>) -> Self {
        FieldDefs { by_id: rows.into_iter().collect() }
    }

    /// The field of an activity row; `None` if its definition is gone.
    pub fn get(&self, id: FieldId) -> Option<&Field> {
        self.by_id.get(&id)
    }

    /// The name of a field, `""` if its definition is gone.
    pub fn name(&self, id: FieldId) -> &str {
        self.by_id.get(&id).map_or("", |field| field.name.as_str())
    }

    /// The id of a field by its name.
    pub fn id(&self, name: &str) -> Option<FieldId> {
        self.by_id.iter().find(|(_, field)| field.name == name).map(|(id, _)| *id)
    }

    /// The custom fields in use, sorted by name.
    pub fn custom(&self) -> Vec<&Field> {
        let mut fields: Vec<&Field> = self.by_id.values().filter(|f| f.custom && !f.obsolete).collect();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
    }
}
