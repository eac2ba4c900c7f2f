//! The configuration as it may be shown to people: what is written, the environment over it, and no secret. Pure.
//!
//! What might be a secret counts as one: a key that a type of connector calls so, one whose name says so, and whatever stands in tables
//! with free keys (`headers`, `options`).

use std::fmt;

use toml::{Table, Value};
use url::Url;

use crate::connector::Kind;

/// In the place of a secret.
const HIDDEN: &str = "(hidden)";

/// Names of secrets hold one of these, unless they end in [`POINTERS`].
const SECRET_WORDS: [&str; 6] = ["password", "passcode", "secret", "token", "authorization", "credential"];

/// What such a key names is a place where the secret is, or how it is used.
const POINTERS: [&str; 3] = ["_file", "_env", "_location"];

/// Tables in which a site may write any key.
const FREE: [&str; 2] = ["headers", "options"];

/// All that is written. Not printed with what it makes: that says it in full.
#[derive(Clone, Default)]
pub struct Shown(Table);

impl Shown {
    /// Of the whole file, the environment over it.
    pub(super) fn of(file: &Table) -> Self {
        Shown(without_secrets(file))
    }

    /// By section.
    pub fn settings(&self) -> &Table {
        &self.0
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

fn without_secrets(file: &Table) -> Table {
    let mut shown = file.clone();
    for (section, value) in shown.iter_mut() {
        match value {
            Value::Table(connectors) if section == "connectors" => {
                for (_, connector) in connectors.iter_mut() {
                    let kind = connector.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
                    hide(connector, Kind::secrets(&kind));
                }
            }
            value => hide(value, &[]),
        }
    }
    shown
}

/// Whatever is, or might be, a secret below this value.
fn hide(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::Table(table) => {
            for (key, value) in table.iter_mut() {
                if secrets.contains(&key.as_str()) || sounds_secret(key) {
                    *value = HIDDEN.into();
                } else if FREE.contains(&key.as_str()) {
                    hide_all(value);
                } else {
                    hide(value, secrets);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| hide(value, secrets)),
        Value::String(text) => *text = without_password(text),
        _ => {}
    }
}

/// Every value, and no key.
fn hide_all(value: &mut Value) {
    match value {
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| hide_all(value)),
        value => *value = HIDDEN.into(),
    }
}

fn sounds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word)) && !POINTERS.iter().any(|end| key.ends_with(end))
}

/// A URL keeps its account's name; what follows a `?` may be anything.
fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    if url.password().is_none() && url.query().is_none() {
        return text.to_owned();
    }
    // Fails for URLs that have no account anyway.
    let _ = url.set_password(None);
    if url.query().is_some() {
        url.set_query(Some("hidden"));
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_wherever_it_is_written_and_all_else_is() {
        let file = r#"
            [bugzilla]
            database = "mysql://bugrelay:hush@db.example.org/bugs?x=hush"
            password = "hush"
            password_file = "/run/secrets/db"
            [admin]
            token = "hush"
            [relay.clients.cron]
            token = "hush"
            topics = ["org.example.*"]
            [connectors.hook]
            type = "webhook"
            url = "https://hooks.example.org/hush"
            secret = "hush"
            headers = { X-Key = "hush" }
            [connectors.kafka]
            type = "kafka"
            topic = "bugzilla"
            sasl_password = "hush"
            options = { "sasl.oauthbearer.config" = "hush" }
            [connectors.stomp]
            type = "stomp"
            passcode = "hush"
            url = "stomp://bus.example.org:61613"
        "#;
        let shown = Shown::of(&file.parse().unwrap()).settings().to_string();
        assert!(!shown.contains("hush"), "{shown}");
        for word in
            ["bugrelay@db.example.org", "/run/secrets/db", "org.example.*", "X-Key", "61613", "sasl.oauthbearer"]
        {
            assert!(shown.contains(word), "{word} in {shown}");
        }
    }
}
