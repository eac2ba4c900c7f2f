//! Rows -> [`Snapshot`]. Knows the order of columns in the statements, and nothing else.

use std::collections::HashMap;

use super::Results;
use super::layout::{Layout, fields};
use super::numbering::Numbering;
use super::statement::Statement;
use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, FieldId, FieldType, FlagId, UserId};
use crate::changeset::{ActivityText, Subject};
use crate::database::Row;
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
        snapshot.activity.insert(ActivityId(row.int(0)), ActivityText { removed: row.text(1), added: row.text(2) });
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
    numbering.learn(BugId(row.int(0)), CommentId(row.int(1)), row.time(2));
}

/// How many comments a bug has.
pub(super) fn count(row: &Row, numbering: &mut Numbering) {
    numbering.count(BugId(row.int(0)), usize::try_from(row.int(1)).unwrap_or(0));
}

/// What hangs on bugs: aliases, keywords, groups, flags, multi-selects.
fn of_bugs(snapshot: &mut Snapshot, layout: &Layout, take: &mut impl FnMut(Statement) -> Vec<Row>) {
    let bugs = &mut snapshot.bugs;
    let mut each = |rows: Vec<Row>, add: &mut dyn FnMut(&mut Bug, &Row)| {
        for row in rows {
            if let Some(bug) = bugs.get_mut(&BugId(row.int(0))) {
                add(bug, &row);
            }
        }
    };
    each(take(Statement::Aliases), &mut |bug, row| bug.aliases.push(row.text(1)));
    each(take(Statement::Keywords), &mut |bug, row| bug.keywords.push(row.text(1)));
    each(take(Statement::Groups), &mut |bug, row| bug.groups.push(row.text(1)));
    for name in &layout.tables {
        each(take(Statement::MultiSelect(name.clone())), &mut |bug, row| {
            if let Some(custom) = bug.custom.iter_mut().find(|custom| custom.name == *name) {
                custom.values.push(row.text(1));
            }
        });
    }
    for bug in bugs.values_mut() {
        bug.aliases.sort_unstable();
        bug.keywords.sort_unstable();
        bug.custom.iter_mut().for_each(|custom| custom.values.sort_unstable());
    }
    for row in take(Statement::Flags) {
        let flag = Flag { id: FlagId(row.int(2)), name: row.text(3), status: row.text(4), requestee: user(&row, 5) };
        match row.opt_int(1) {
            Some(id) => {
                if let Some(attachment) = snapshot.attachments.get_mut(&AttachmentId(id)) {
                    attachment.flags.push(flag);
                }
            }
            None => {
                if let Some(bug) = bugs.get_mut(&BugId(row.int(0))) {
                    bug.flags.push(flag);
                }
            }
        }
    }
}

fn privacy_changes(snapshot: &mut Snapshot, rows: &[Row]) {
    for row in rows {
        let (attachment, comment) = (row.opt_int(4).map(AttachmentId), row.opt_int(5).map(CommentId));
        let of = snapshot.privacy_field(FieldId(row.int(3)), attachment, comment);
        if let (Some(of), Some(at)) = (of, row.time(2)) {
            let change = PrivacyChange {
                id: ActivityId(row.int(0)),
                at,
                of,
                text: ActivityText { removed: row.text(6), added: row.text(7) },
            };
            snapshot.privacy.entry(BugId(row.int(1))).or_default().push(change);
        }
    }
}

/// What decides, for each subject, whether it is public now.
pub(super) fn privacy(results: &Results, subjects: &[Subject]) -> Vec<Privacy> {
    let rows = |statement| results.get(&statement).map(Vec::as_slice).unwrap_or_default();
    let bugs: HashMap<i64, (bool, bool)> =
        rows(Statement::BugsJudged).iter().map(|row| (row.int(0), (row.truth(1), row.truth(2)))).collect();
    let of = |statement| -> HashMap<(i64, i64), bool> {
        rows(statement).iter().map(|row| ((row.int(1), row.int(0)), row.truth(2))).collect()
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

/// Columns of bugs before the custom ones, in `snapshot_bugs.sql`.
const BUG_COLUMNS: usize = 31;

fn bug(row: &Row, layout: &Layout) -> Bug {
    let named = |id, name| Named { id: row.opt_int(id), name: row.text(name) };
    let somebody =
        |at| user(row, at).unwrap_or_else(|| User { id: UserId(0), login: String::new(), real_name: String::new() });
    let columns = layout.columns.iter().enumerate().map(|(index, (name, kind))| {
        let values = row.opt_text(BUG_COLUMNS + index).into_iter().collect();
        Custom { name: name.clone(), kind: *kind, values }
    });
    let tables =
        layout.tables.iter().map(|name| Custom { name: name.clone(), kind: FieldType::MultiSelect, values: vec![] });
    let mut custom: Vec<Custom> = columns.chain(tables).collect();
    custom.sort_by(|a, b| a.name.cmp(&b.name));
    let alias = if layout.flavour.alias_is_column { row.opt_text(BUG_COLUMNS + layout.columns.len()) } else { None };
    Bug {
        id: BugId(row.int(0)),
        created: row.time(1),
        changed: row.time(2),
        groups: vec![],
        aliases: alias.into_iter().filter(|alias| !alias.is_empty()).collect(),
        summary: row.text(3),
        url: row.text(4),
        whiteboard: row.text(5),
        resolution: row.text(6),
        severity: row.text(7),
        priority: row.text(8),
        operating_system: row.text(9),
        platform: row.text(10),
        product: named(11, 12),
        classification: row.text(13),
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
        id: CommentId(row.int(0)),
        bug: BugId(row.int(1)),
        created: row.time(2),
        is_private: row.truth(3),
        text: row.text(4),
        number: 0,
    }
}

fn attachment(row: &Row) -> Attachment {
    Attachment {
        id: AttachmentId(row.int(0)),
        bug: BugId(row.int(1)),
        created: row.time(2),
        changed: row.time(3),
        description: row.text(4),
        content_type: row.text(5),
        file_name: row.text(6),
        is_patch: row.truth(7),
        is_obsolete: row.truth(8),
        is_private: row.truth(9),
        flags: vec![],
    }
}

/// Id, login and real name in three columns; none if the id is null.
fn user(row: &Row, at: usize) -> Option<User> {
    Some(User { id: UserId(row.opt_int(at)?), login: row.text(at + 1), real_name: row.text(at + 2) })
}
