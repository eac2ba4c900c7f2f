//! In what two messages differ that tell the same.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::known::{Known, is_held_back};
use super::pairing::Pair;
use super::stream::{Change, Message, Stream};
use crate::message::FieldFilter;

/// A field that is not the same, by its path: `bug.summary`, `comment.bug.cf_notes`, `changes.priority`.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) field: String,
    pub(super) push: Value,
    pub(super) ours: Value,
}

/// What one pair has: differences, and those that are known.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) differences: Vec<Difference>,
    pub(super) known: BTreeSet<Known>,
}

/// What is needed to judge a pair besides itself.
pub(super) struct Judge<'a> {
    push: &'a Stream,
    ours: &'a Stream,
    tolerance: i64,
    ignored: FieldFilter,
    /// Places in Push's stream, and in ours, by bug.
    of_bug: [HashMap<i64, Vec<usize>>; 2],
}

impl<'a> Judge<'a> {
    /// `ignored`: globs of paths, or of their last part, that may differ.
    pub(super) fn new(push: &'a Stream, ours: &'a Stream, tolerance: i64, ignored: Vec<String>) -> Self {
        let by_bug = |stream: &Stream| {
            let mut places: HashMap<i64, Vec<usize>> = HashMap::new();
            for (place, message) in stream.messages.iter().enumerate() {
                places.entry(message.bug).or_default().push(place);
            }
            places
        };
        let of_bug = [by_bug(push), by_bug(ours)];
        Judge { push, ours, tolerance, ignored: FieldFilter { allow: ignored, deny: vec![] }, of_bug }
    }

    /// In what a pair differs.
    pub(super) fn judge(&self, pair: &Pair) -> Found {
        let (push, ours) = (&self.push.messages[pair.push], &self.ours.messages[pair.ours]);
        let mut found = Found::default();
        let (body, other) = (push.body(), ours.body());
        self.unlike(&mut found, "event.user", &body["event"]["user"], &other["event"]["user"], |_| None);
        let parts: Vec<&Message> = pair.parts.iter().map(|&place| &self.push.messages[place]).collect();
        let crosses = std::iter::once(push)
            .chain(parts.iter().copied())
            .flat_map(|message| &message.changes)
            .any(|change| change.field == "is_private");
        match (push.is_public, ours.is_public) {
            (false, false) => {
                if !push.carried().is_empty() || !push.changes.is_empty() {
                    found.known.insert(Known::PrivateObject);
                }
            }
            (true, true) => {
                self.changes(&mut found, push, &parts, ours, crosses);
                self.objects(&mut found, push, ours);
            }
            // It turns private: Push's first message has the old object.
            (true, false) if crosses => {
                found.known.insert(Known::Crossing);
            }
            (of_push, of_ours) => {
                let word = |is_public| Value::from(if is_public { "public" } else { "private" });
                self.unlike(&mut found, "visibility", &word(of_push), &word(of_ours), |_| None);
            }
        }
        found
    }

    /// Notes what is not alike, unless it is known.
    fn unlike(
        &self,
        found: &mut Found,
        path: &str,
        push: &Value,
        ours: &Value,
        known: impl FnOnce(&Self) -> Option<Known>,
    ) {
        if push == ours {
            return;
        }
        let key = path.rsplit('.').next().unwrap_or(path);
        if self.ignored.lets_pass(path) || self.ignored.lets_pass(key) {
            found.known.insert(Known::Ignored);
        } else if let Some(known) = known(self) {
            found.known.insert(known);
        } else {
            found.differences.push(Difference { field: path.to_owned(), push: push.clone(), ours: ours.clone() });
        }
    }

    fn changes(&self, found: &mut Found, push: &Message, parts: &[&Message], ours: &Message, crosses: bool) {
        // Of a bug that opens nothing but that is told.
        if crosses && ours.changes.iter().all(|change| change.field == "is_private") {
            return;
        }
        let mut told: Vec<&Change> = Vec::new();
        for change in std::iter::once(push).chain(parts.iter().copied()).flat_map(|message| &message.changes) {
            // A flag that is told twice: what its second message says it was before differs.
            if !told.iter().any(|other| (&other.field, &other.added) == (&change.field, &change.added)) {
                told.push(change);
            }
        }
        let fields: BTreeSet<&str> =
            told.iter().copied().chain(&ours.changes).map(|change| change.field.as_str()).collect();
        for field in fields {
            let pick = |changes: Vec<&Change>| -> Vec<Value> {
                let of_field = changes.into_iter().filter(|change| change.field == field);
                let mut values: Vec<[String; 2]> =
                    of_field.map(|change| [change.removed.clone(), change.added.clone()]).collect();
                values.sort();
                values
                    .into_iter()
                    .map(|[removed, added]| serde_json::json!({ "removed": removed, "added": added }))
                    .collect()
            };
            let (of_push, of_ours) = (pick(told.clone()), pick(ours.changes.iter().collect()));
            let is_held_back = told.iter().any(|change| change.field == field && is_held_back(change));
            let added = |values: &[Value]| values.iter().map(|value| value["added"].clone()).collect::<Vec<_>>();
            let has_all = added(&of_push).iter().all(|value| added(&of_ours).contains(value));
            let known = |_: &Self| match () {
                () if is_held_back && of_ours.is_empty() => Some(Known::HeldBack),
                () if field.starts_with("flag.") && !of_push.is_empty() && has_all => Some(Known::SeveralFlags),
                () => None,
            };
            self.unlike(found, &format!("changes.{field}"), &of_push.clone().into(), &of_ours.clone().into(), known);
        }
    }

    fn objects(&self, found: &mut Found, push: &Message, ours: &Message) {
        let (mut of_push, mut of_ours) = (push.carried(), ours.carried());
        let target = push.target.as_str();
        if target != "bug" {
            let bug = |object: &mut Map<String, Value>| match object.remove("bug") {
                Some(Value::Object(bug)) => bug,
                _ => Map::new(),
            };
            self.fields(found, push, &format!("{target}.bug"), &bug(&mut of_push), &bug(&mut of_ours));
        }
        self.fields(found, push, target, &of_push, &of_ours);
    }

    fn fields(
        &self,
        found: &mut Found,
        push: &Message,
        path: &str,
        of_push: &Map<String, Value>,
        of_ours: &Map<String, Value>,
    ) {
        let keys: BTreeSet<&String> = of_push.keys().chain(of_ours.keys()).collect();
        for key in keys {
            // What is absent is not null: `qa_contact` may be.
            let absent = Value::from("(absent)");
            let (there, here) = (of_push.get(key).unwrap_or(&absent), of_ours.get(key).unwrap_or(&absent));
            let known = |judge: &Self| match key.as_str() {
                "last_change_time" => Some(Known::LastChangeTime),
                "comment_id" if !of_push.contains_key(key) => Some(Known::CommentId),
                "flags" if judge.touches_flags(push) => Some(Known::FlagsOfTheSave),
                key if key.starts_with("cf_") && loose(there) == loose(here) => Some(Known::CustomFields),
                key if of_push.contains_key(key) && judge.is_newer(push, path, key, here) => Some(Known::Newer),
                _ => None,
            };
            self.unlike(found, &format!("{path}.{key}"), there, here, known);
        }
    }

    /// Whether the save of a message of Push's changes flags, as either stream tells it.
    fn touches_flags(&self, push: &Message) -> bool {
        [self.push, self.ours].into_iter().zip(&self.of_bug).any(|(stream, of_bug)| {
            of_bug.get(&push.bug).into_iter().flatten().map(|&place| &stream.messages[place]).any(|message| {
                (message.second - push.second).abs() <= self.tolerance
                    && message.changes.iter().any(Change::is_of_a_flag)
            })
        })
    }

    /// Whether a message of Push's that is not older has that value there.
    fn is_newer(&self, push: &Message, path: &str, key: &str, value: &Value) -> bool {
        let later = self.of_bug[0].get(&push.bug).into_iter().flatten().map(|&place| &self.push.messages[place]);
        later.filter(|message| message.second >= push.second).any(|message| {
            let object = message.carried();
            // Of a bug any of its messages tells; of a comment or an attachment its own.
            let part = match (path.ends_with("bug"), message.target.as_str()) {
                (true, "bug") => object.get(key),
                (true, _) => object.get("bug").and_then(|bug| bug.get(key)),
                (false, target) if target == push.target && message.object == push.object => object.get(key),
                (false, _) => None,
            };
            part == Some(value)
        })
    }
}

/// A custom field's value but for the order of a list, and for whether a number is written as a text.
fn loose(value: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut words: Vec<String> = match value {
        Value::Array(values) => values.iter().map(word).collect(),
        other => vec![word(other)],
    };
    words.sort();
    words
}
