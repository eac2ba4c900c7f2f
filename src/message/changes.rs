//! `event.changes`: what bugs_activity says of a deed, in the wire's words.

use std::collections::HashMap;

use serde::Deserialize;

use super::build::Wording;
use super::object::without_dash;
use crate::bugzilla::{Field, FieldId, FieldType, LocalTime};
use crate::changeset::{ActivityText, Change, ChangeSet, Deed, Subject, join};
use crate::snapshot::{Snapshot, User};
use crate::visibility::{Public, Told, is_tellable};

/// How users appear, everywhere that a login occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Login and real name, as the original.
    #[default]
    Full,
    /// The login up to its `@`, and the real name.
    LocalPart,
    /// The id, also in place of the login; no real name. A login in `changes` is left out: it has no id there.
    Id,
}

impl Identity {
    /// What stands as `login`.
    pub(super) fn login(self, user: &User) -> String {
        match self {
            Identity::Full => user.login.clone(),
            Identity::LocalPart => local_part(&user.login).to_owned(),
            Identity::Id => user.id.to_string(),
        }
    }

    /// A login, or a list of them, among changes.
    fn logins(self, value: &str) -> String {
        match self {
            Identity::Full => value.to_owned(),
            Identity::LocalPart => value.split(", ").map(local_part).collect::<Vec<_>>().join(", "),
            Identity::Id => String::new(),
        }
    }

    /// `? (login)` among changes.
    fn flag(self, value: &str) -> String {
        match (self, value.split_once(" (")) {
            (Identity::Full, _) | (_, None) => value.to_owned(),
            (Identity::LocalPart, Some((status, login))) => {
                format!("{status} ({})", local_part(login.trim_end_matches(')')))
            }
            (Identity::Id, Some((status, _))) => status.to_owned(),
        }
    }
}

fn local_part(login: &str) -> &str {
    login.split_once('@').map_or(login, |(local, _)| local)
}

/// The changes of a deed that may be told, sorted by field.
pub(super) fn changes(
    deed: &Deed,
    set: &ChangeSet,
    snapshot: &Snapshot,
    told: &Public<Told>,
    wording: &Wording,
) -> Vec<Change> {
    let mut changes = match told.get() {
        Told::Opened => vec![change("is_private", "1", "0")],
        Told::All => all(deed, set, snapshot, wording),
    };
    changes.sort_by(|a, b| a.field.cmp(&b.field));
    changes
}

fn all(deed: &Deed, set: &ChangeSet, snapshot: &Snapshot, wording: &Wording) -> Vec<Change> {
    let mut order: Vec<FieldId> = Vec::new();
    let mut rows: HashMap<FieldId, Vec<ActivityText>> = HashMap::new();
    for row in &deed.activity {
        let texts = rows.entry(row.field).or_default();
        if texts.is_empty() {
            order.push(row.field);
        }
        texts.push(snapshot.activity.get(&row.id).cloned().unwrap_or_default());
    }
    let mut changes = Vec::new();
    for id in order {
        let Some(field) = snapshot.fields.get(id).filter(|field| is_tellable(&field.name)) else { continue };
        if !field.custom || wording.fields.lets_pass(&field.name) {
            changes.extend(of_field(field, join(field, &rows[&id]), wording));
        }
    }
    if let (Subject::Bug(_), Some(duplicate)) = (deed.subject, set.duplicate) {
        let id = |bug: Option<crate::bugzilla::BugId>| bug.map(|bug| bug.to_string()).unwrap_or_default();
        changes.push(change("dup_id", &id(duplicate.removed), &id(duplicate.added)));
    }
    changes
}

fn of_field(field: &Field, text: ActivityText, wording: &Wording) -> Vec<Change> {
    if field.name == Field::FLAGS {
        let mut flags = text.flag_changes();
        for flag in &mut flags {
            flag.removed = wording.identity.flag(&flag.removed);
            flag.added = wording.identity.flag(&flag.added);
        }
        return flags;
    }
    let word = |value: &str| -> String {
        if Field::holds_logins(&field.name) {
            wording.identity.logins(value)
        } else if field.dash_is_empty() {
            without_dash(value).to_owned()
        } else if field.custom && field.kind == FieldType::DateTime {
            LocalTime::parse(value).map_or_else(|| value.to_owned(), |at| at.to_utc(&wording.zone).to_string())
        } else {
            value.to_owned()
        }
    };
    vec![change(wire_name(&field.name), &word(&text.removed), &word(&text.added))]
}

/// Fields of attachments and comments go by their bare column, `isprivate` as `is_private`.
fn wire_name(field: &str) -> &str {
    match field.strip_prefix("attachments.").or_else(|| field.strip_prefix("longdescs.")) {
        Some("isprivate") => "is_private",
        Some(column) => column,
        None => field,
    }
}

fn change(field: &str, removed: &str, added: &str) -> Change {
    Change { field: field.to_owned(), removed: removed.to_owned(), added: added.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_part_has_no_domain_anywhere() {
        let identity = Identity::LocalPart;
        assert_eq!(identity.logins("a@x.org, b@y.org"), "a, b");
        assert_eq!(identity.flag("? (rob@example.org)"), "? (rob)");
        assert_eq!(identity.flag("+"), "+");
    }

    #[test]
    fn with_ids_no_login_is_told() {
        assert_eq!(Identity::Id.logins("a@x.org"), "");
        assert_eq!(Identity::Id.flag("? (rob@example.org)"), "?");
    }

    #[test]
    fn attachments_go_by_their_bare_column() {
        let names = ["attachments.isprivate", "attachments.filename", "bug_status"].map(wire_name);
        assert_eq!(names, ["is_private", "filename", "bug_status"]);
    }
}
