//! Request -> the statements that answer it.

use std::fmt::Display;

use super::layout::Layout;
use super::statement::Statement;
use crate::bugzilla::BugId;
use crate::changeset::Subject;
use crate::database::Dialect;
use crate::snapshot::Request;

macro_rules! query {
    ($name:literal) => {
        include_str!(concat!("../../../sql/standard/query/", $name, ".sql"))
    };
}

/// The statements that tell which columns and custom fields there are: the columns of `bugs`, and those of the tables of custom fields.
pub(super) fn describing(dialect: Dialect) -> Vec<(Statement, String)> {
    let columns = match dialect {
        Dialect::Mysql => include_str!("../../../sql/mysql/query/snapshot_layout.sql"),
        Dialect::Postgresql => include_str!("../../../sql/postgresql/query/snapshot_layout.sql"),
        Dialect::Sqlite => include_str!("../../../sql/sqlite_source/query/snapshot_layout.sql"),
    };
    vec![(Statement::Layout, columns.to_owned()), (Statement::Fields, query!("snapshot_fields").to_owned())]
}

/// The statement that tells which tables know no transactions; PostgreSQL and SQLite have none such.
pub(super) fn engines(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Mysql => Some(include_str!("../../../sql/mysql/query/engines.sql")),
        Dialect::Postgresql | Dialect::Sqlite => None,
    }
}

/// Lets PostgreSQL hold the tables of these statements before it takes its snapshot; MySQL and MariaDB refuse to read a table that was
/// changed behind a snapshot. Of `profiles` we may read some columns only, which is not enough to hold it: it decides about no privacy.
pub(super) fn held(dialect: Dialect, mut statements: Vec<(Statement, String)>) -> Vec<(Statement, String)> {
    let mut tables: Vec<String> = statements.iter().flat_map(|(statement, _)| statement.tables()).collect();
    tables.retain(|table| table != "profiles");
    tables.sort_unstable();
    tables.dedup();
    if let (Dialect::Postgresql, Some((_, first)), false) = (dialect, statements.first_mut(), tables.is_empty()) {
        let hold = include_str!("../../../sql/postgresql/query/hold.sql").trim_end();
        let quoted: Vec<String> = tables.iter().map(|table| format!("\"{table}\"")).collect();
        // One that gives no rows goes unnoticed in front of another.
        *first = format!("{};\n{first}", hold.replace("{tables}", &quoted.join(", ")));
    }
    statements
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
    let known = list(unknown.iter().filter(|(_, above)| *above > 0).map(|(bug, _)| bug));
    add(Statement::Counts, query!("snapshot_counts"), "{bugs}", known);
    add(Statement::Attachments, query!("snapshot_attachments"), "{attachments}", list(&request.attachments));
    add(Statement::Activity, query!("snapshot_activity"), "{activity}", list(&request.activity));
    add(Statement::Users, query!("snapshot_users"), "{users}", list(&request.users));
    // After all content: where tables know no transactions, what turns private meanwhile counts as private.
    add(Statement::Groups, query!("snapshot_groups"), "{bugs}", list(&request.bugs));
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
    add(Statement::BugsJudged, query!("privacy_bugs"), "{bugs}", list(&bugs));
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
    ranges.extend(news.map(|(bug, above)| format!("(bug_id IN ({bug}) AND comment_id > {above})")));
    ranges.join(" OR ")
}
