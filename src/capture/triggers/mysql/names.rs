//! How the things of ours are called on MySQL and MariaDB, and where the names go in the SQL. Several Bugzillas of one server may share
//! our schema: all names carry the name of Bugzilla's database.

use crate::capture::triggers::VALVE_ROWS;

/// The watched tables' triggers: the table, the event, when a row of it is news, and the rows that it leaves.
pub(super) const TRIGGERS: [(&str, &str, &str, &str); 8] = [
    (
        "bugs",
        "INSERT",
        "NEW.creation_ts IS NOT NULL",
        "VALUES (CONNECTION_ID(), 'b', NEW.bug_id, NEW.bug_id, NEW.reporter, NEW.creation_ts, NULL, NULL, NULL, UNIX_TIMESTAMP())",
    ),
    // Bugzilla files a bug without creation_ts and sets it as the last step of the same transaction. A row with a new delta_ts is written
    // under the lock of the bug, and at the end of a save: the order of these rows is the order of the commits. The second save of a bug
    // in one second writes the delta_ts that is there: of a bug that was saved just now each update counts, but the one when mail is sent.
    // Of other bugs it must not: a version that is renamed is written into all bugs of it.
    (
        "bugs",
        "UPDATE",
        "(OLD.creation_ts IS NULL AND NEW.creation_ts IS NOT NULL) OR NOT OLD.delta_ts <=> NEW.delta_ts \
         OR (OLD.lastdiffed <=> NEW.lastdiffed AND NEW.delta_ts > LOCALTIMESTAMP - INTERVAL 1 MINUTE)",
        "VALUES (CONNECTION_ID(), IF(OLD.creation_ts IS NULL AND NEW.creation_ts IS NOT NULL, 'b', 't'), NEW.bug_id, NEW.bug_id, \
         IF(OLD.creation_ts IS NULL AND NEW.creation_ts IS NOT NULL, NEW.reporter, NULL), \
         IF(OLD.creation_ts IS NULL AND NEW.creation_ts IS NOT NULL, NEW.creation_ts, NEW.delta_ts), NULL, NULL, NULL, UNIX_TIMESTAMP())",
    ),
    (
        "bugs_activity",
        "INSERT",
        "TRUE",
        "VALUES (CONNECTION_ID(), 'a', NEW.bug_id, NEW.id, NEW.who, NEW.bug_when, NEW.fieldid, NEW.attach_id, NEW.comment_id, UNIX_TIMESTAMP())",
    ),
    (
        "longdescs",
        "INSERT",
        "TRUE",
        "VALUES (CONNECTION_ID(), 'c', NEW.bug_id, NEW.comment_id, NEW.who, NEW.bug_when, NULL, NULL, NULL, UNIX_TIMESTAMP())",
    ),
    (
        "attachments",
        "INSERT",
        "TRUE",
        "VALUES (CONNECTION_ID(), 'f', NEW.bug_id, NEW.attach_id, NEW.submitter_id, NEW.creation_ts, NULL, NULL, NULL, UNIX_TIMESTAMP())",
    ),
    ("duplicates", "INSERT", "TRUE", MARKED),
    (
        "duplicates",
        "UPDATE",
        "TRUE",
        "VALUES (CONNECTION_ID(), 'u', OLD.dupe, OLD.dupe_of, NULL, NULL, NULL, NULL, NULL, UNIX_TIMESTAMP()), \
         (CONNECTION_ID(), 'd', NEW.dupe, NEW.dupe_of, NULL, NULL, NULL, NULL, NULL, UNIX_TIMESTAMP())",
    ),
    (
        "duplicates",
        "DELETE",
        "TRUE",
        "VALUES (CONNECTION_ID(), 'u', OLD.dupe, OLD.dupe_of, NULL, NULL, NULL, NULL, NULL, UNIX_TIMESTAMP())",
    ),
];

const MARKED: &str =
    "VALUES (CONNECTION_ID(), 'd', NEW.dupe, NEW.dupe_of, NULL, NULL, NULL, NULL, NULL, UNIX_TIMESTAMP())";

/// How the variable begins in which a session that writes remembers where the valve stood.
const REMEMBERED: &str = "@`bugrelay_";

/// Whose things they are.
#[derive(Clone, Debug)]
pub(super) struct Names {
    schema: String,
    database: String,
    /// No other installation has it: what a session remembers of a queue that is gone says nothing of the next one.
    token: String,
}

impl Names {
    /// Of the Bugzilla in `database`, in our `schema`.
    pub(super) fn new(schema: &str, database: &str) -> Self {
        let token = format!("{:016x}", fastrand::u64(..));
        Names { schema: schema.to_owned(), database: database.to_owned(), token }
    }

    /// Bugzilla's.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// A statement with our names put in.
    pub(super) fn fill(&self, sql: &str) -> String {
        let Names { schema, database, token } = self;
        let ours = |what: &str| format!("{}.{}", quoted(schema), quoted(&format!("{what}_{database}")));
        let pattern = format!("{schema}_").replace('_', "\\_") + "%";
        sql.replace("{queue}", &ours("trigger_queue"))
            .replace("{valve}", &ours("trigger_valve"))
            .replace("{valve_rows}", &VALVE_ROWS.to_string())
            .replace("{closed}", &format!("{REMEMBERED}{token}`"))
            .replace("{probe}", &ours("trigger_probe"))
            .replace("{definer}", &self.definer())
            .replace("{schema}", &quoted(schema))
            .replace("{database}", &quoted(database))
            .replace("{schema_text}", &text(schema))
            .replace("{queue_text}", &text(&format!("trigger_queue_{database}")))
            .replace("{database_text}", &text(database))
            // A pattern in which the backslash is the pattern's own.
            .replace("{trigger_text}", &format!("'{pattern}'"))
    }

    /// The account that the triggers act as, as a statement names it.
    pub(super) fn definer(&self) -> String {
        account(&format!("{}_triggers", self.schema), "localhost")
    }

    /// The name of a trigger; a database has one of each name.
    pub(super) fn trigger(&self, table: &str, event: &str) -> String {
        format!("{}_{table}_{}", self.schema, event.to_ascii_lowercase())
    }

    /// The queue, for people.
    pub(super) fn queue(&self) -> String {
        format!("{}.trigger_queue_{}", self.schema, self.database)
    }
}

/// A trigger's body, whichever installation it is of.
pub(super) fn without_token(body: &str) -> String {
    let mut parts = body.split(REMEMBERED);
    let mut bare = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        bare.push_str(REMEMBERED);
        bare.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    bare
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// An account as SQL has it.
pub(super) fn account(user: &str, host: &str) -> String {
    format!("{}@{}", text(user), text(host))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_kind_are_quoted() {
        let names = Names::new("bug_relay", "bugs`x'y");
        let filled = names.fill("{queue} {database} {database_text} {trigger_text} {definer}");
        assert_eq!(
            filled,
            "`bug_relay`.`trigger_queue_bugs``x'y` `bugs``x'y` 'bugs`x''y' 'bug\\_relay\\_%' 'bug_relay_triggers'@'localhost'"
        );
    }
}
