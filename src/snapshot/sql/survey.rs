//! Is this a Bugzilla that can be read? Tries every statement of a read, for ids that nobody has, and lets the server say what is missing.
//! Knows no list of columns: the statements are the list.

use super::layout::Layout;
use super::query::{describing, engines, reading};
use super::{Results, add};
use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, LocalTime, UserId};
use crate::database::{Database, Row};
use crate::snapshot::{Request, SnapshotError, Survey};

/// What [`crate::snapshot::survey`] promises.
pub(in crate::snapshot) async fn survey(database: &dyn Database) -> Result<Survey, SnapshotError> {
    let mut results = Results::new();
    let (names, texts): (Vec<_>, Vec<_>) = describing(database.dialect()).into_iter().unzip();
    database.read(&texts, &mut |index: usize, row| add(&mut results, &names[index], row)).await?;
    let layout = Layout::of(&results);
    let mut lacks = Vec::new();
    // Bug 0 is nobody's; its comments would be numbered from the first one on.
    for (statement, sql) in reading(&nobody(), &layout, &[(BugId(0), 0)]) {
        if let Err(error) = database.read(&[sql], &mut |_, _| {}).await {
            let about = statement.tables().into_iter().next().unwrap_or_default();
            lacks.push((error.class, format!("what is read of {about}: {error}")));
        }
    }
    let mut without_transactions = Vec::new();
    if let Some(sql) = engines(database.dialect()) {
        let mut each = |_, row: Row| without_transactions.push(row.text(0));
        database.read(&[sql.to_owned()], &mut each).await?;
    }
    Ok(Survey { flavour: layout.flavour, lacks, absent_fields: layout.absent, without_transactions })
}

/// Asks for something of every kind.
fn nobody() -> Request {
    Request {
        bugs: [BugId(0)].into(),
        comments: [(BugId(0), CommentId(0))].into(),
        attachments: [AttachmentId(0)].into(),
        activity: [ActivityId(0)].into(),
        users: [UserId(0)].into(),
        since: LocalTime::parse("2000-01-01 00:00:00"),
        ..Request::default()
    }
}
