//! Rows -> [`Snapshot`]. Knows the order of columns in the statements, and nothing else.

use std::collections::HashMap;

use mysql_async::{Row, Value};

use super::Results;
use super::layout::Layout;
use super::query::Statement;
use crate::bugzilla::{
    ActivityId, AttachmentId, BugId, CommentId, Field, FieldDefs, FieldId, FieldType, FlagId, LocalTime, UserId,
};
use crate::changeset::{ActivityText, Subject};
use crate::snapshot::numbering::Numbering;
use crate::snapshot::{Attachment, Bug, Comment, Custom, Flag, Named, Privacy, PrivacyChange, Request, Snapshot, User};

/// The snapshot, and whether every comment in it has its number.
pub(super) fn assemble(
    mut results: Results,
    request: &Request,
    layout: &Layout,
    numbering: &Numbering,
) -> (Snapshot, bool) {
    let mut take = |statement| results.remove(&statement).unwrap_or_default();
    let mut snapshot = Snapshot { fields: fields(&take(Statement::Fields)), ..Snapshot::default() };
    for row in take(Statement::Bugs) {
        let bug = bug(&row, layout);
        snapshot.bugs.insert(bug.id, bug);
    }
    for row in take(Statement::Attachments) {
        let attachment = attachment(&row);
        snapshot.attachments.insert(attachment.id, attachment);
    }
    of_bugs(&mut snapshot, layout, &mut take);
    privacy_changes(&mut snapshot, &take(Statement::Privacy));
    for row in take(Statement::Activity) {
        snapshot
            .activity
            .insert(ActivityId(int(&row, 0)), ActivityText { removed: text(&row, 1), added: text(&row, 2) });
    }
    for row in take(Statement::Users) {
        if let Some(user) = user(&row, 0) {
            snapshot.users.insert(user.id, user);
        }
    }
    let mut complete = true;
    for row in take(Statement::Comments) {
        let comment = comment(&row);
        let number = numbering.number(comment.bug, comment.id);
        // A comment moved to another bug by hand is under neither; it is told without content then.
        complete &= number.is_some() || !request.comments.contains(&(comment.bug, comment.id));
        if let Some(number) = number {
            snapshot.comments.insert(comment.id, Comment { number, ..comment });
        }
    }
    (snapshot, complete)
}

/// One comment of the list that numbers them.
pub(super) fn learn(row: &Row, numbering: &mut Numbering) {
    numbering.learn(BugId(int(row, 0)), CommentId(int(row, 1)), time(row, 2));
}

/// What hangs on bugs: aliases, keywords, groups, flags, multi-selects.
fn of_bugs(snapshot: &mut Snapshot, layout: &Layout, take: &mut impl FnMut(Statement) -> Vec<Row>) {
    let bugs = &mut snapshot.bugs;
    let mut each = |rows: Vec<Row>, add: &mut dyn FnMut(&mut Bug, &Row)| {
        for row in rows {
            if let Some(bug) = bugs.get_mut(&BugId(int(&row, 0))) {
                add(bug, &row);
            }
        }
    };
    each(take(Statement::Aliases), &mut |bug, row| bug.aliases.push(text(row, 1)));
    each(take(Statement::Keywords), &mut |bug, row| bug.keywords.push(text(row, 1)));
    each(take(Statement::Groups), &mut |bug, row| bug.groups.push(text(row, 1)));
    for name in &layout.tables {
        each(take(Statement::MultiSelect(name.clone())), &mut |bug, row| {
            if let Some(custom) = bug.custom.iter_mut().find(|custom| custom.name == *name) {
                custom.values.push(text(row, 1));
            }
        });
    }
    for bug in bugs.values_mut() {
        bug.aliases.sort_unstable();
        bug.keywords.sort_unstable();
        bug.custom.iter_mut().for_each(|custom| custom.values.sort_unstable());
    }
    for row in take(Statement::Flags) {
        let flag =
            Flag { id: FlagId(int(&row, 2)), name: text(&row, 3), status: text(&row, 4), requestee: user(&row, 5) };
        match optional(&row, 1) {
            Some(id) => {
                if let Some(attachment) = snapshot.attachments.get_mut(&AttachmentId(id)) {
                    attachment.flags.push(flag);
                }
            }
            None => {
                if let Some(bug) = bugs.get_mut(&BugId(int(&row, 0))) {
                    bug.flags.push(flag);
                }
            }
        }
    }
}

fn privacy_changes(snapshot: &mut Snapshot, rows: &[Row]) {
    for row in rows {
        let (attachment, comment) = (optional(row, 4).map(AttachmentId), optional(row, 5).map(CommentId));
        let of = snapshot.privacy_field(FieldId(int(row, 3)), attachment, comment);
        if let (Some(of), Some(at)) = (of, time(row, 2)) {
            let change = PrivacyChange {
                id: ActivityId(int(row, 0)),
                at,
                of,
                text: ActivityText { removed: text(row, 6), added: text(row, 7) },
            };
            snapshot.privacy.entry(BugId(int(row, 1))).or_default().push(change);
        }
    }
}

/// What decides, for each subject, whether it is public now.
pub(super) fn privacy(results: &Results, subjects: &[Subject]) -> Vec<Privacy> {
    let rows = |statement| results.get(&statement).map(Vec::as_slice).unwrap_or_default();
    let bugs: HashMap<i64, (bool, bool)> =
        rows(Statement::Bugs).iter().map(|row| (int(row, 0), (truth(row, 1), truth(row, 2)))).collect();
    let of = |statement| -> HashMap<(i64, i64), bool> {
        rows(statement).iter().map(|row| ((int(row, 1), int(row, 0)), truth(row, 2))).collect()
    };
    let (comments, attachments) = (of(Statement::Comments), of(Statement::Attachments));
    let judge = |subject: &Subject| {
        let (bug_is_filed, bug_in_groups) = *bugs.get(&subject.bug().0)?;
        let own = match *subject {
            Subject::Bug(_) => false,
            Subject::Comment(bug, id) => *comments.get(&(bug.0, id.0))?,
            Subject::Attachment(bug, id) => *attachments.get(&(bug.0, id.0))?,
        };
        Some(Privacy { exists: true, bug_is_filed, bug_in_groups, own })
    };
    subjects.iter().map(|subject| judge(subject).unwrap_or_default()).collect()
}

fn fields(rows: &[Row]) -> FieldDefs {
    FieldDefs::new(rows.iter().map(|row| {
        let kind = FieldType::from_code(int(row, 2));
        (FieldId(int(row, 0)), Field { name: text(row, 1), kind, custom: truth(row, 3), obsolete: truth(row, 4) })
    }))
}

/// Columns of bugs before the custom ones, in `snapshot_bugs.sql`.
const BUG_COLUMNS: usize = 31;

fn bug(row: &Row, layout: &Layout) -> Bug {
    let named = |id, name| Named { id: optional(row, id), name: text(row, name) };
    let somebody =
        |at| user(row, at).unwrap_or_else(|| User { id: UserId(0), login: String::new(), real_name: String::new() });
    let columns = layout.columns.iter().enumerate().map(|(index, (name, kind))| {
        let values = opt_text(row, BUG_COLUMNS + index).into_iter().collect();
        Custom { name: name.clone(), kind: *kind, values }
    });
    let tables =
        layout.tables.iter().map(|name| Custom { name: name.clone(), kind: FieldType::MultiSelect, values: vec![] });
    let mut custom: Vec<Custom> = columns.chain(tables).collect();
    custom.sort_by(|a, b| a.name.cmp(&b.name));
    let alias = if layout.flavour.alias_is_column { opt_text(row, BUG_COLUMNS + layout.columns.len()) } else { None };
    Bug {
        id: BugId(int(row, 0)),
        created: time(row, 1),
        changed: time(row, 2),
        groups: vec![],
        aliases: alias.into_iter().filter(|alias| !alias.is_empty()).collect(),
        summary: text(row, 3),
        url: text(row, 4),
        whiteboard: text(row, 5),
        resolution: text(row, 6),
        severity: text(row, 7),
        priority: text(row, 8),
        operating_system: text(row, 9),
        platform: text(row, 10),
        product: named(11, 12),
        classification: text(row, 13),
        component: named(14, 15),
        version: named(16, 17),
        target_milestone: named(18, 19),
        status: named(20, 21),
        assigned_to: somebody(22),
        reporter: somebody(25),
        qa_contact: user(row, 28),
        keywords: vec![],
        flags: vec![],
        custom,
    }
}

fn comment(row: &Row) -> Comment {
    Comment {
        id: CommentId(int(row, 0)),
        bug: BugId(int(row, 1)),
        created: time(row, 2),
        is_private: truth(row, 3),
        text: text(row, 4),
        number: 0,
    }
}

fn attachment(row: &Row) -> Attachment {
    Attachment {
        id: AttachmentId(int(row, 0)),
        bug: BugId(int(row, 1)),
        created: time(row, 2),
        changed: time(row, 3),
        description: text(row, 4),
        content_type: text(row, 5),
        file_name: text(row, 6),
        is_patch: truth(row, 7),
        is_obsolete: truth(row, 8),
        is_private: truth(row, 9),
        flags: vec![],
    }
}

/// Id, login and real name in three columns; none if the id is null.
fn user(row: &Row, at: usize) -> Option<User> {
    Some(User { id: UserId(optional(row, at)?), login: text(row, at + 1), real_name: text(row, at + 2) })
}

fn bytes(row: &Row, column: usize) -> Option<&[u8]> {
    match row.as_ref(column) {
        Some(Value::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

fn opt_text(row: &Row, column: usize) -> Option<String> {
    bytes(row, column).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Null as `""`.
fn text(row: &Row, column: usize) -> String {
    opt_text(row, column).unwrap_or_default()
}

fn optional(row: &Row, column: usize) -> Option<i64> {
    std::str::from_utf8(bytes(row, column)?).ok()?.parse().ok()
}

/// Null as 0: asked only of columns that cannot be null.
fn int(row: &Row, column: usize) -> i64 {
    optional(row, column).unwrap_or_default()
}

/// Anything but 0 is true: an unreadable value counts as private.
fn truth(row: &Row, column: usize) -> bool {
    optional(row, column) != Some(0)
}

/// Zero dates as none.
fn time(row: &Row, column: usize) -> Option<LocalTime> {
    LocalTime::parse(std::str::from_utf8(bytes(row, column)?).ok()?)
}
