//! Request -> the statements that answer it.

use std::fmt::Display;

use super::layout::Layout;
use crate::bugzilla::BugId;
use crate::changeset::Subject;
use crate::database::Dialect;
use crate::snapshot::Request;

macro_rules! query {
    ($name:literal) => {
        include_str!(concat!("../../../sql/standard/query/", $name, ".sql"))
    };
}

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

/// The statements that tell which columns and custom fields there are: the columns of `bugs` and `bugs_aliases`, and those of the tables
/// of custom fields.
pub(super) fn describing(dialect: Dialect) -> Vec<(Statement, String)> {
    let columns = match dialect {
        Dialect::Mysql => include_str!("../../../sql/mysql/query/snapshot_layout.sql"),
        Dialect::Postgresql => include_str!("../../../sql/postgresql/query/snapshot_layout.sql"),
        Dialect::Sqlite => include_str!("../../../sql/sqlite_source/query/snapshot_layout.sql"),
    };
    vec![(Statement::Layout, columns.to_owned()), (Statement::Fields, query!("snapshot_fields").to_owned())]
}

/// The statements of a read; those that nothing is asked of are left out.
pub(super) fn reading(request: &Request, layout: &Layout, unknown: &[(BugId, i64)]) -> Vec<(Statement, String)> {
    let mut statements = vec![(Statement::Fields, query!("snapshot_fields").to_owned())];
    if !request.bugs.is_empty() {
        of_bugs(request, layout, &mut statements);
    }
    let mut add = |statement, sql: &str, name: &str, ids: String| {
        if !ids.is_empty() {
            statements.push((statement, sql.replace(name, &ids)));
        }
    };
    add(
        Statement::Comments,
        query!("snapshot_comments"),
        "{comments}",
        list(request.comments.iter().map(|(_, id)| id)),
    );
    add(Statement::Numbering, query!("snapshot_numbering"), "{ranges}", ranges(unknown));
    add(Statement::Attachments, query!("snapshot_attachments"), "{attachments}", list(&request.attachments));
    add(Statement::Activity, query!("snapshot_activity"), "{activity}", list(&request.activity));
    add(Statement::Users, query!("snapshot_users"), "{users}", list(&request.users));
    statements
}

fn of_bugs(request: &Request, layout: &Layout, statements: &mut Vec<(Statement, String)>) {
    let bugs = list(&request.bugs);
    let mut columns: String = layout.columns.iter().map(|(name, _)| format!(", b.\"{name}\"")).collect();
    if layout.flavour.alias_is_column {
        columns.push_str(", b.alias");
    }
    let sql = query!("snapshot_bugs").replace("{columns}", &columns);
    let mut add = |statement, sql: &str| statements.push((statement, sql.replace("{bugs}", &bugs)));
    add(Statement::Bugs, &sql);
    if !layout.flavour.alias_is_column {
        add(Statement::Aliases, query!("snapshot_aliases"));
    }
    add(Statement::Keywords, query!("snapshot_keywords"));
    add(Statement::Groups, query!("snapshot_groups"));
    add(Statement::Flags, query!("snapshot_flags"));
    for field in &layout.tables {
        add(Statement::MultiSelect(field.clone()), &query!("snapshot_multi_select").replace("{field}", field));
    }
    if let Some(since) = request.since.filter(|_| !layout.privacy_fields.is_empty()) {
        let sql = query!("snapshot_privacy").replace("{fields}", &list(&layout.privacy_fields));
        add(Statement::Privacy, &sql.replace("{since}", &since.to_sql()));
    }
}

/// The statements that judge whether these are public now.
pub(super) fn judgement(subjects: &[Subject]) -> Vec<(Statement, String)> {
    let (mut bugs, mut comments, mut attachments) = (vec![], vec![], vec![]);
    for subject in subjects {
        bugs.push(subject.bug());
        match *subject {
            Subject::Bug(_) => {}
            Subject::Comment(_, id) => comments.push(id),
            Subject::Attachment(_, id) => attachments.push(id),
        }
    }
    bugs.sort_unstable();
    bugs.dedup();
    let mut statements = Vec::new();
    let mut add = |statement, sql: &str, name: &str, ids: String| {
        if !ids.is_empty() {
            statements.push((statement, sql.replace(name, &ids)));
        }
    };
    add(Statement::Bugs, query!("privacy_bugs"), "{bugs}", list(&bugs));
    add(Statement::Comments, query!("privacy_comments"), "{comments}", list(&comments));
    add(Statement::Attachments, query!("privacy_attachments"), "{attachments}", list(&attachments));
    statements
}

fn list<T: Display>(ids: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for id in ids {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&id.to_string());
    }
    text
}

/// Whole bugs in one list, those of which only the news are read one by one.
fn ranges(unknown: &[(BugId, i64)]) -> String {
    let whole = list(unknown.iter().filter(|(_, above)| *above == 0).map(|(bug, _)| bug));
    let mut ranges: Vec<String> = Vec::new();
    if !whole.is_empty() {
        ranges.push(format!("bug_id IN ({whole})"));
    }
    let news = unknown.iter().filter(|(_, above)| *above > 0);
    ranges.extend(news.map(|(bug, above)| format!("(bug_id = {bug} AND comment_id > {above})")));
    ranges.join(" OR ")
}
