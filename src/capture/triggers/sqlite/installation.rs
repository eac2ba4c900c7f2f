//! What is installed on SQLite, as SQL for the owner of the file to read first: two tables, and the triggers on the watched ones.
//!
//! SQLite numbers no transactions that a trigger could ask for. Saves come one after the other, so a row goes on with the transaction of the
//! row before it while user and second are the same, until its bug was touched (`delta_ts`), which ends a save.

use std::path::PathBuf;

use async_trait::async_trait;
use rusqlite::OpenFlags;

use super::blocking;
use crate::capture::CaptureError;
use crate::capture::triggers::{Installer, VALVE_ROWS};
use crate::database::sqlite::open;

const TABLES: &str = include_str!("../../../../sql/sqlite_source/triggers/tables.sql");
const TRIGGER: &str = include_str!("../../../../sql/sqlite_source/triggers/trigger.sql");
const GOES_ON: &str = include_str!("../../../../sql/sqlite_source/triggers/goes_on.sql");
const REMOVE: &str = include_str!("../../../../sql/sqlite_source/triggers/remove.sql");

/// One trigger. What is not said is null.
struct Trigger {
    name: &'static str,
    table: &'static str,
    event: &'static str,
    condition: &'static str,
    kind: &'static str,
    bug: &'static str,
    key: &'static str,
    /// The user and the second. None: the row has neither, and has those of the row before it.
    by: Option<(&'static str, &'static str)>,
    /// Field, attachment, comment.
    refers_to: [&'static str; 3],
}

const NOTHING: [&str; 3] = ["NULL"; 3];

const FILED: Trigger = Trigger {
    name: "bugs_insert",
    table: "bugs",
    event: "AFTER INSERT",
    condition: "NEW.creation_ts IS NOT NULL",
    kind: "b",
    bug: "NEW.bug_id",
    key: "NEW.bug_id",
    by: Some(("NEW.reporter", "NEW.creation_ts")),
    refers_to: NOTHING,
};

const MARKED: Trigger = Trigger {
    name: "duplicates_insert",
    table: "duplicates",
    event: "AFTER INSERT",
    condition: "1",
    kind: "d",
    bug: "NEW.dupe",
    key: "NEW.dupe_of",
    by: None,
    refers_to: NOTHING,
};

const UNMARKED: Trigger = Trigger {
    name: "duplicates_delete",
    event: "AFTER DELETE",
    kind: "u",
    bug: "OLD.dupe",
    key: "OLD.dupe_of",
    ..MARKED
};

const TRIGGERS: [Trigger; 10] = [
    FILED,
    // Bugzilla files a bug without creation_ts and sets it as the last step of the same transaction.
    Trigger {
        name: "bugs_filed",
        event: "AFTER UPDATE",
        condition: "NEW.creation_ts IS NOT NULL AND OLD.creation_ts IS NULL",
        ..FILED
    },
    Trigger {
        name: "bugs_touched",
        event: "AFTER UPDATE",
        condition: "OLD.creation_ts IS NOT NULL AND OLD.delta_ts IS NOT NEW.delta_ts",
        kind: "t",
        by: None,
        ..FILED
    },
    Trigger {
        name: "bugs_activity_insert",
        table: "bugs_activity",
        condition: "1",
        kind: "a",
        key: "NEW.id",
        by: Some(("NEW.who", "NEW.bug_when")),
        refers_to: ["NEW.fieldid", "NEW.attach_id", "NEW.comment_id"],
        ..FILED
    },
    Trigger {
        name: "longdescs_insert",
        table: "longdescs",
        condition: "1",
        kind: "c",
        key: "NEW.comment_id",
        by: Some(("NEW.who", "NEW.bug_when")),
        ..FILED
    },
    Trigger {
        name: "attachments_insert",
        table: "attachments",
        condition: "1",
        kind: "f",
        key: "NEW.attach_id",
        by: Some(("NEW.submitter_id", "NEW.creation_ts")),
        ..FILED
    },
    MARKED,
    UNMARKED,
    Trigger { name: "duplicates_update_before", event: "BEFORE UPDATE", ..UNMARKED },
    Trigger { name: "duplicates_update_after", event: "AFTER UPDATE", ..MARKED },
];

impl Trigger {
    fn sql(&self) -> String {
        let goes_on = match (self.by, self.kind) {
            (Some(_), _) => GOES_ON,
            // It only marks where its bug's save ends.
            (None, "t") => "1",
            (None, _) => "q.bug IS {bug}",
        };
        let (who, at) = match (self.by, self.kind) {
            (Some(by), _) => by,
            (None, "t") => ("q.who", "q.at"),
            (None, _) => ("CASE WHEN q.bug IS {bug} THEN q.who END", "CASE WHEN q.bug IS {bug} THEN q.at END"),
        };
        let [field, attachment, comment] = self.refers_to;
        let filled = [
            ("{goes_on}", goes_on.trim_end()),
            ("{name}", self.name),
            ("{table}", self.table),
            ("{event}", self.event),
            ("{condition}", self.condition),
            ("{kind}", self.kind),
            ("{who}", who),
            ("{at}", at),
            ("{bug}", self.bug),
            ("{key}", self.key),
            ("{field}", field),
            ("{attachment}", attachment),
            ("{comment}", comment),
        ];
        filled.iter().fold(TRIGGER.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// The names of all triggers, each with the statement that makes it, as the file keeps it.
pub(super) fn triggers() -> impl Iterator<Item = (String, &'static str, String)> {
    TRIGGERS.iter().map(|trigger| {
        let sql = trigger.sql();
        let made = sql.find("CREATE").map_or("", |at| &sql[at..]).trim_end().trim_end_matches(';').to_owned();
        (format!("bugrelay_{}", trigger.name), trigger.table, made)
    })
}

/// What to install, and where.
pub struct SqliteInstallation {
    /// Bugzilla's file.
    pub path: PathBuf,
}

#[async_trait]
impl Installer for SqliteInstallation {
    fn install(&self) -> Vec<String> {
        let count = TRIGGERS.len().to_string();
        let tables = TABLES.replace("{valve_rows}", &VALVE_ROWS.to_string()).replace("{triggers}", &count);
        let triggers: String = TRIGGERS.iter().map(Trigger::sql).collect();
        vec![format!("{tables}\n{triggers}COMMIT;\n")]
    }

    fn remove(&self) -> Vec<String> {
        let triggers: String =
            TRIGGERS.iter().map(|trigger| format!("DROP TRIGGER IF EXISTS bugrelay_{};\n", trigger.name)).collect();
        vec![format!("BEGIN IMMEDIATE;\n{triggers}{REMOVE}")]
    }

    /// A save that is under way is waited for, a few seconds.
    async fn run(&self, texts: &[String], _: &(dyn for<'t> Fn(&'t str) + Send + Sync)) -> Result<(), CaptureError> {
        let (path, texts) = (self.path.clone(), texts.to_vec());
        blocking(move || {
            let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            // What fails is undone when the connection is closed.
            Ok(texts.iter().try_for_each(|text| connection.execute_batch(text))?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        let installation = SqliteInstallation { path: PathBuf::new() };
        let texts = [installation.install(), installation.remove()].concat().join("\n");
        assert!(!texts.contains('{') && !texts.contains('}'), "{texts}");
        assert_eq!(texts.matches("CREATE TRIGGER").count(), texts.matches("END;").count());
    }
}
