//! docs/reference/configuration.md is written from `bugrelay.example.toml` (what a key means) and from the parser itself (which keys there
//! are, of which kind, with which default): see `generated`.

use std::collections::{BTreeMap, BTreeSet};

use super::example::{EXAMPLE, with_line};
use super::parse;
use crate::generated::{head, hold, linked, row};

/// A key of the example.
#[derive(Debug)]
struct Key {
    section: String,
    name: String,
    /// As it is written there.
    value: String,
    line: usize,
    meaning: String,
}

/// Values of every kind, and what the kind is called.
const KINDS: [(&str, &str); 5] =
    [("\"x\"", "text"), ("7", "number"), ("true", "true or false"), ("[]", "list"), ("{}", "section")];

/// Before a default that no value shows.
const DEFAULT: &str = " Default: ";

fn keys() -> Vec<Key> {
    let (mut section, mut meaning, mut found) = (String::new(), String::new(), Vec::<Key>::new());
    for (line, text) in EXAMPLE.lines().enumerate() {
        if let Some(name) = text.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
            meaning.clear();
            continue;
        }
        let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c == '_' || c.is_ascii_lowercase());
        let key = text.trim_start_matches("# ").split_once(" = ").filter(|(key, _)| is_key(key));
        match key {
            Some((name, value)) => {
                let stem = |key: &str| key.trim_end_matches("_file").trim_end_matches("_env").to_owned();
                if meaning.is_empty() && found.last().is_some_and(|last| stem(&last.name) == stem(name)) {
                    let way =
                        if name.ends_with("_env") { "by the name of an environment variable" } else { "in a file" };
                    meaning = format!("The same, {way}.");
                }
                let meaning = std::mem::take(&mut meaning).trim().to_owned();
                let (section, name, value) = (section.clone(), name.to_owned(), value.to_owned());
                found.push(Key { section, name, value, line, meaning });
            }
            None if text.is_empty() => meaning.clear(),
            None => meaning = format!("{meaning} {}", text.trim_start_matches("# ")),
        }
    }
    found
}

impl Key {
    /// What is said of the example with another line in this one's place.
    fn with(&self, line: &str) -> Result<String, String> {
        parse(&with_line(self.line, line), &[]).map(|config| format!("{config:?}"))
    }

    /// Of which kinds its value may be, by the parser's own word.
    fn kind(&self) -> String {
        let is_refused = |value: &str| {
            self.with(&format!("{} = {value}", self.name)).is_err_and(|error| {
                error.contains(&format!("{}: ", self.name))
                    && (error.contains("of the wrong kind") || error.contains("is not a string"))
            })
        };
        let kinds: Vec<&str> = KINDS.iter().filter(|(value, _)| !is_refused(value)).map(|(_, kind)| *kind).collect();
        // A word of a closed list might be a table of one key, and a section a list of its values: nobody writes them so.
        match kinds[..] {
            [.., "section"] if kinds.contains(&"text") && kinds.len() < KINDS.len() => "text".to_owned(),
            ["list", "section"] => "section".to_owned(),
            _ if kinds.len() == KINDS.len() => "text or time".to_owned(),
            _ => kinds.join(" or "),
        }
    }

    /// As the example says it, or as the parser has it.
    fn default(&self) -> String {
        if let Some((_, said)) = self.meaning.split_once(DEFAULT) {
            let said = said.trim_end_matches('.');
            // A literal is tried.
            if let Ok(given) = self.with(&format!("{} = {said}", self.name)) {
                assert_eq!(Ok(given), self.with(""), "{said} is not the default of {}", self.name);
            }
            return said.to_owned();
        }
        // The example is in order with it: what is wrong without it is that it is not there.
        let Ok(without) = self.with("") else { return "needed".to_owned() };
        let given = self.with(&format!("{} = {}", self.name, self.value));
        if given.is_ok_and(|given| given == without) { format!("`{}`", self.value) } else { "none".to_owned() }
    }
}

/// The keys that a section takes, as the parser tells them to whoever writes another one.
fn known(section: &str) -> BTreeSet<String> {
    let line = EXAMPLE.lines().position(|line| line == format!("[{section}]")).unwrap();
    let text = with_line(line, &format!("[{section}]\nnovelty = 1"));
    let error = parse(&text, &[]).unwrap_err();
    let (_, list) = error.split_once("; known are ").unwrap_or_else(|| panic!("[{section}]: {error}"));
    list.split(", ").map(|key| key.trim().to_owned()).collect()
}

#[test]
fn the_reference_of_the_configuration_is_what_the_code_says() {
    let mut tables: BTreeMap<String, String> = BTreeMap::new();
    // What all connectors share is shown once, with the first.
    let is_shown = |key: &Key| key.section == "connectors.log" || !matches!(key.name.as_str(), "type" | "enabled");
    for key in keys().into_iter().filter(is_shown) {
        assert!(
            !key.meaning.is_empty(),
            "bugrelay.example.toml does not say what {} of [{}] is",
            key.name,
            key.section
        );
        let table = tables.entry(key.section.clone()).or_insert_with(|| head(&["Key", "Kind", "Default", "Meaning"]));
        let meaning = key.meaning.split(DEFAULT).next().unwrap();
        table.push_str(&row(&[&format!("`{}`", key.name), &key.kind(), &key.default(), &linked(meaning)]));
    }
    for (section, table) in tables {
        hold("configuration.md", &section, &table);
    }
}

#[test]
fn the_example_has_every_key_that_the_parser_knows_and_no_other() {
    let all = keys();
    let sections: BTreeSet<&str> = all.iter().map(|key| key.section.as_str()).collect();
    for section in sections {
        let shown: BTreeSet<&str> =
            all.iter().filter(|key| key.section == section).map(|key| key.name.as_str()).collect();
        let known = known(section);
        // A secret may be given in three ways.
        let stem = |key: &str| key.trim_end_matches("_file").trim_end_matches("_env").to_owned();
        let stems: BTreeSet<String> = shown.iter().map(|key| stem(key)).collect();
        // What all connectors share is shown once, with the first.
        let shared: BTreeSet<&str> =
            all.iter().filter(|key| key.section == "connectors.log").map(|key| key.name.as_str()).collect();
        for key in &known {
            let is_shared = section.starts_with("connectors.") && shared.contains(key.as_str());
            let has_section = EXAMPLE.contains(&format!("[{section}.{key}]"));
            assert!(
                is_shared || has_section || stems.contains(&stem(key)),
                "bugrelay.example.toml lacks {key} of [{section}]"
            );
        }
        let known: BTreeSet<String> = known.iter().map(|key| stem(key)).collect();
        for key in shown {
            assert!(key == "type" || known.contains(&stem(key)), "there is no key {key} in [{section}]");
        }
    }
}
