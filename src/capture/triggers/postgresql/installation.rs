//! What is installed on PostgreSQL, as SQL: the queue, its functions, one trigger on each watched table. Runs nothing.

use crate::capture::triggers::VALVE_ROWS;

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

/// What to install, and for whom.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Ours, on Bugzilla's server.
    pub schema: String,
    /// The account that bugrelay reads with.
    pub reader: String,
    /// Whether the triggers wake bugrelay; without, it looks once a second.
    pub notify: bool,
}

impl Installation {
    /// Makes or brings up to date all of it. Each text is a transaction, to be repeated when a lock is not to be had.
    pub fn install(&self) -> Vec<String> {
        let schema = SCHEMA.replace("{leave}", &leave(self.notify)).replace("{note}", NOTE);
        let triggers =
            TABLES.iter().map(|(table, events)| TRIGGER.replace("{table}", table).replace("{events}", events));
        std::iter::once(schema).chain(triggers).map(|text| self.named(&text)).collect()
    }

    /// Takes all of it away, in the same manner.
    pub fn remove(&self) -> Vec<String> {
        let triggers = TABLES.iter().map(|(table, _)| REMOVE_TRIGGER.replace("{table}", table));
        triggers.chain(std::iter::once(REMOVE.to_owned())).map(|text| self.named(&text)).collect()
    }

    fn named(&self, text: &str) -> String {
        text.replace("{valve_rows}", &VALVE_ROWS.to_string())
            .replace("{owner}", &owner(&self.schema))
            .replace("{schema}", &quoted(&self.schema))
            .replace("{reader}", &quoted(&self.reader))
    }
}

/// The bodies of the two functions, as the server keeps them.
pub(super) fn bodies(schema: &str, notify: bool) -> [String; 2] {
    [NOTE.to_owned(), leave(notify)].map(|body| body.replace("{schema}", &quoted(schema)))
}

fn leave(notify: bool) -> String {
    if notify { LEAVE.to_owned() } else { LEAVE.replace(NOTIFY, "") }
}

/// The role that owns what is ours.
fn owner(schema: &str) -> String {
    quoted(&format!("{schema}_owner"))
}

/// A name as SQL has it. The configuration lets letters, digits and `_` into a schema's; an account's may be anything.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_be_filled_in_and_notify_can_be_switched_off() {
        let installation = |notify| Installation { schema: "bugrelay".to_owned(), reader: "relay".to_owned(), notify };
        for notify in [true, false] {
            let texts = [installation(notify).install(), installation(notify).remove()].concat().join("\n");
            assert!(!texts.contains('{') && !texts.contains('}'), "{texts}");
            assert_eq!(texts.contains("pg_notify"), notify);
        }
    }

    #[test]
    fn an_account_of_any_name_is_quoted() {
        assert_eq!(["relay", "Relay \"x\"", "7"].map(quoted), ["relay", "\"Relay \"\"x\"\"\"", "\"7\""]);
    }
}
