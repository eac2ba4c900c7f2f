//! What is installed on PostgreSQL: the queue, its functions, one trigger on each watched table. All of it is SQL in files, for an
//! administrator to read first.

use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::error::SqlState;

use crate::capture::CaptureError;
use crate::capture::triggers::{Installer, VALVE_ROWS};
use crate::database::postgresql::Postgresql;

const SCHEMA: &str = include_str!("../../../../sql/postgresql/triggers/schema.sql");
const LEAVE: &str = include_str!("../../../../sql/postgresql/triggers/leave.sql");
const NOTE: &str = include_str!("../../../../sql/postgresql/triggers/note.sql");
const TRIGGER: &str = include_str!("../../../../sql/postgresql/triggers/trigger.sql");
const REMOVE_TRIGGER: &str = include_str!("../../../../sql/postgresql/triggers/remove_trigger.sql");
const REMOVE: &str = include_str!("../../../../sql/postgresql/triggers/remove.sql");

/// The line that wakes a bugrelay.
const NOTIFY: &str = "  PERFORM pg_notify('{schema}', '');\n";

/// The watched tables, and what of them is news.
pub(super) const TABLES: [(&str, &str); 5] = [
    ("bugs", "INSERT OR UPDATE"),
    ("bugs_activity", "INSERT"),
    ("longdescs", "INSERT"),
    ("attachments", "INSERT"),
    ("duplicates", "INSERT OR UPDATE OR DELETE"),
];

/// How often a lock is tried for, a second each time; between two Bugzilla goes on.
const ATTEMPTS: usize = 30;

/// How long Bugzilla goes on between two.
const PAUSE: Duration = Duration::from_millis(500);

/// What to install, and for whom.
pub struct Installation {
    /// Connects as somebody who may.
    pub server: Postgresql,
    /// Ours, on Bugzilla's server.
    pub schema: String,
    /// The account that bugrelay reads with.
    pub reader: String,
    /// Whether the triggers wake bugrelay; without, it looks once a second.
    pub notify: bool,
}

#[async_trait]
impl Installer for Installation {
    fn install(&self) -> Vec<String> {
        let schema = SCHEMA.replace("{leave}", &leave(self.notify)).replace("{note}", NOTE);
        let triggers =
            TABLES.iter().map(|(table, events)| TRIGGER.replace("{table}", table).replace("{events}", events));
        std::iter::once(schema).chain(triggers).map(|text| self.named(&text)).collect()
    }

    fn remove(&self) -> Vec<String> {
        let triggers = TABLES.iter().map(|(table, _)| REMOVE_TRIGGER.replace("{table}", table));
        triggers.chain(std::iter::once(REMOVE.to_owned())).map(|text| self.named(&text)).collect()
    }

    async fn run(&self, texts: &[String], told: &(dyn for<'t> Fn(&'t str) + Send + Sync)) -> Result<(), CaptureError> {
        let connection = self.server.connect().await?;
        for text in texts {
            let mut left = ATTEMPTS;
            while let Err(error) = connection.client.batch_execute(text).await {
                left -= 1;
                if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) || left == 0 {
                    return Err(refused(&error));
                }
                // It ends the transaction that failed.
                connection.client.batch_execute("ROLLBACK").await.map_err(|error| refused(&error))?;
                told("a table is in use and its lock not to be had within a second; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}

/// Nothing in our statements is a value of Bugzilla's: the server may be quoted.
fn refused(error: &tokio_postgres::Error) -> CaptureError {
    let Some(refusal) = error.as_db_error() else {
        return CaptureError::transient(format!("the database was lost: {error}"));
    };
    let said = format!("the server refuses: {} ({})", refusal.message(), refusal.code().code());
    match *refusal.code() {
        SqlState::LOCK_NOT_AVAILABLE => CaptureError::transient(format!("{said}; try again when Bugzilla is quieter")),
        SqlState::INSUFFICIENT_PRIVILEGE => CaptureError::misconfigured(format!(
            "{said}; name an administrator with --as, or let one run what `bugrelay triggers sql` prints"
        )),
        _ => CaptureError::misconfigured(said),
    }
}

impl Installation {
    fn named(&self, text: &str) -> String {
        let owner = format!("{}_owner", self.schema);
        let text = text
            .replace("{valve_rows}", &VALVE_ROWS.to_string())
            .replace("'{owner}'", &format!("'{owner}'"))
            .replace("{owner}", &quoted(&owner))
            .replace("{reader}", &quoted(&self.reader));
        in_schema(&text, &self.schema)
    }
}

/// Puts the schema's name where it is a name, a part of one, and a text. The configuration lets letters, digits and `_` into it.
pub(super) fn in_schema(text: &str, schema: &str) -> String {
    text.replace("'{schema}'", &format!("'{schema}'"))
        .replace("{schema}_note", &quoted(&format!("{schema}_note")))
        .replace("{schema}", &quoted(schema))
}

/// The bodies of the two functions, as the server keeps them.
pub(super) fn bodies(schema: &str, notify: bool) -> [String; 2] {
    [NOTE.to_owned(), leave(notify)].map(|body| in_schema(&body, schema))
}

fn leave(notify: bool) -> String {
    if notify { LEAVE.to_owned() } else { LEAVE.replace(NOTIFY, "") }
}

/// A name as SQL has it; an account's may be anything.
fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Tls;

    #[test]
    fn nothing_is_left_to_be_filled_in_and_notify_can_be_switched_off() {
        let installation = |notify| {
            let server = Postgresql::new(tokio_postgres::Config::new(), Tls::Off);
            Installation { server, schema: "bugrelay".to_owned(), reader: "relay".to_owned(), notify }
        };
        for notify in [true, false] {
            let texts = [installation(notify).install(), installation(notify).remove()].concat().join("\n");
            assert!(!texts.contains('{') && !texts.contains('}'), "{texts}");
            assert_eq!(texts.contains("pg_notify"), notify);
        }
    }

    #[test]
    fn a_name_with_capitals_is_quoted_where_it_is_a_name_and_not_where_it_is_a_text() {
        let text = in_schema("'{schema}' {schema}_note {schema}.trigger_queue", "Relay");
        assert_eq!(text, "'Relay' \"Relay_note\" \"Relay\".trigger_queue");
    }

    #[test]
    fn an_account_of_any_name_is_quoted() {
        assert_eq!(["relay", "Relay \"x\"", "7"].map(quoted), ["relay", "\"Relay \"\"x\"\"\"", "\"7\""]);
    }
}
