//! `event.changes`: what bugs_activity says of a deed, in the wire's words.

use std::collections::HashMap;

use super::object::without_dash;
use super::wording::Wording;
use crate::bugzilla::{Field, FieldId, FieldType, LocalTime};
use crate::changeset::{ActivityText, Change, ChangeSet, Deed, Subject, join};
use crate::snapshot::Snapshot;
use crate::visibility::{Public, Told, is_tellable};

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
    fn attachments_go_by_their_bare_column() {
        let names = ["attachments.isprivate", "attachments.filename", "bug_status"].map(wire_name);
        assert_eq!(names, ["is_private", "filename", "bug_status"]);
    }
}
