//! What is wrong with a configuration, in the operator's words: line, section, key, what was probably meant. Never a value that
//! may be a secret.

use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

/// One mistake and its place.
#[derive(Debug)]
pub(super) struct Fault {
    /// From the outermost section to the key.
    path: Vec<String>,
    what: String,
    /// A value that is not a string stands where one must.
    wants_text: bool,
}

impl Fault {
    /// About the value of a key, or about a section.
    pub(super) fn at(key: &str, what: impl Into<String>) -> Self {
        Fault { path: vec![key.to_owned()], what: what.into(), wants_text: false }
    }

    /// A value that must be a string is something else.
    pub(super) fn no_text(key: &str) -> Self {
        Fault { wants_text: true, ..Fault::at(key, "the value is of the wrong kind; write a string in quotes") }
    }

    /// About the section as a whole.
    pub(super) fn here(what: impl Into<String>) -> Self {
        Fault { path: vec![], what: what.into(), wants_text: false }
    }

    /// The same, seen from the section around it.
    pub(super) fn within(mut self, section: &str) -> Self {
        self.path.insert(0, section.to_owned());
        self
    }

    /// The text is no TOML.
    pub(super) fn syntax(error: &toml::de::Error, text: &str) -> Self {
        let line = error.span().map_or(1, |span| line_at(text, span.start));
        let what = format!("line {line}: {}; strings stand in quotes, sections in [brackets]", error.message().trim());
        Fault { path: vec![], what, wants_text: false }
    }

    /// The result, with the parser's error in our words.
    pub(super) fn catch<T>(result: Result<T, toml::de::Error>) -> Result<T, Self> {
        Fault::catch_among(result, &[])
    }

    /// The same, where further keys are known besides those that the parser had to look for.
    pub(super) fn catch_among<T>(result: Result<T, toml::de::Error>, further: &[&str]) -> Result<T, Self> {
        result.map_err(|error| {
            // The keys are told in the error's display alone, on a line of their own.
            let shown = error.to_string();
            let keys = shown.trim_end().rsplit_once("in `").and_then(|(_, keys)| keys.strip_suffix('`'));
            let mut path: Vec<String> = keys.iter().flat_map(|keys| keys.split('.')).map(ToOwned::to_owned).collect();
            let message = error.message().trim();
            if let Some((key, what)) = of_key(message) {
                // A key of ours has no dot; what follows one is the name of a bus's own setting.
                path.extend(key.splitn(2, '.').map(ToOwned::to_owned));
                return Fault { path, what: what.to_owned(), wants_text: false };
            }
            path.extend(unknown_field(message).map(ToOwned::to_owned));
            let wants_text = message.starts_with("invalid type") && message.ends_with(" string");
            Fault { what: reworded(message, further), path, wants_text }
        })
    }

    /// Whether a string was expected, and something else was there.
    pub(super) fn wants_text(&self) -> bool {
        self.wants_text
    }

    /// Where it is.
    pub(super) fn path(&self) -> &[String] {
        &self.path
    }

    /// `line 7: [section] key: what`, with the line of the file or the environment variable that said it.
    pub(super) fn told(&self, text: &str, variable: Option<&str>) -> String {
        let place = match variable {
            Some(name) => format!("environment variable {name}: "),
            None => line_of(text, &self.path).map_or_else(String::new, |line| format!("line {line}: ")),
        };
        let depth = match self.path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["connectors", ..] => 2,
            ["relay", "clients", _, ..] => 3,
            _ => 1,
        };
        let (section, key) = self.path.split_at(depth.min(self.path.len()));
        match (section, key) {
            ([], _) => format!("{place}{}", self.what),
            (_, []) => format!("{place}[{}] {}", section.join("."), self.what),
            _ => format!("{place}[{}] {}: {}", section.join("."), key.join("."), self.what),
        }
    }
}

/// Out of "`key`: what is wrong", which a part says of its own keys.
fn of_key(message: &str) -> Option<(&str, &str)> {
    message.strip_prefix('`')?.split_once("`: ")
}

/// Out of serde's "unknown field `x`, expected ...".
fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

/// The parser's message without the value that it met: that may be a secret.
fn reworded(message: &str, further: &[&str]) -> String {
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("{key} is missing; bugrelay.example.toml explains it");
    }
    if message.starts_with("unknown ") {
        let mut quoted = message.split('`').skip(1).step_by(2);
        let given = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.chain(further.iter().copied()).collect();
        let what = if unknown_field(message).is_some() {
            "not known here".to_owned()
        } else {
            format!("{given:?} is not known")
        };
        return format!(
            "{what}{}; known are {}",
            suggest(given, known.iter().copied()).unwrap_or_default(),
            known.join(", ")
        );
    }
    // "invalid type: string "much", expected u64".
    let Some((found, expected)) = message.split_once(": ").and_then(|(_, rest)| rest.rsplit_once(", expected ")) else {
        return format!("{message}; bugrelay.example.toml shows how it is written");
    };
    let kind = found.split([' ', ',']).next().unwrap_or_default();
    let expected = match expected {
        "u64" | "usize" => "a whole number, 0 or more",
        "a boolean" => "true or false",
        "path string" | "a string" => "a string in quotes",
        "a sequence" => "a list, as [\"a\", \"b\"]",
        other if other.starts_with("struct ") || other == "a map" => "a section with keys of its own",
        other => other,
    };
    format!("the value is of the wrong kind ({kind}); write {expected}")
}

/// `; did you mean ...?`, if one of the known words is near.
pub(crate) fn suggest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let nearest = known.map(|word| (strsim::damerau_levenshtein(given, word), word)).min()?;
    (nearest.0 <= 1 + given.len() / 4).then(|| format!("; did you mean `{}`?", nearest.1))
}

/// The line on which the key stands, or the innermost section around it that is there.
fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut start = None;
    for wanted in path {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref().as_ref() == wanted.as_str()) else { break };
        start = Some(key.span().start);
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    start.map(|start| line_at(text, start))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}

/// The number, if it makes sense.
pub(super) fn within(key: &str, number: u64, range: RangeInclusive<u64>) -> Result<u64, Fault> {
    if range.contains(&number) {
        return Ok(number);
    }
    Err(Fault::at(key, format!("{number} is out of range; write {} to {}", range.start(), range.end())))
}
