//! What was released stays: the schema of the messages and the document of the API only grow, as schemas/README.md says.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// Said for people alone.
const WORDS: [&str; 8] = ["title", "description", "summary", "$id", "examples", "info", "operationId", "tags"];

/// What may get further entries.
const OPEN: [&str; 8] = ["properties", "$defs", "paths", "responses", "schemas", "parameters", "headers", "content"];

/// One of the two contracts.
struct Contract<'a> {
    released: &'a Value,
    now: &'a Value,
    /// Places that get no further entry, whatever they are.
    closed: &'a [&'a str],
    /// Where more may be required than was: what the program itself says.
    answers: BTreeSet<String>,
}

impl Contract<'_> {
    /// Every place where the present one breaks what was released.
    fn broken(&self) -> Vec<String> {
        let mut broken = vec![];
        self.hold(self.released, self.now, "", &mut broken);
        broken
    }

    fn hold(&self, released: &Value, now: &Value, at: &str, broken: &mut Vec<String>) {
        let key = at.rsplit('/').next().unwrap_or_default();
        match (released, now) {
            (Value::Object(released), Value::Object(now)) => {
                for (key, value) in released.iter().filter(|(key, _)| key_counts(at, key)) {
                    match now.get(key) {
                        Some(other) => self.hold(value, other, &format!("{at}/{}", key.replace('/', "~1")), broken),
                        None => broken.push(format!("{at}/{key} is gone")),
                    }
                }
                let is_open =
                    (OPEN.contains(&key) || at.rsplit('/').nth(1) == Some("paths")) && !self.closed.contains(&at);
                let new = now.keys().filter(|name| !released.contains_key(*name) && key_counts(at, name));
                broken.extend(new.filter(|_| !is_open).map(|name| format!("{at}/{name} is new there")));
            }
            (Value::Array(released), Value::Array(now)) if matches!(key, "required" | "enum" | "type") => {
                let (released, now): (BTreeSet<_>, BTreeSet<_>) = (words(released), words(now));
                broken.extend(released.difference(&now).map(|word| format!("{at} lacks {word}")));
                let may_grow = key == "required" && self.answers.iter().any(|answer| at.starts_with(answer.as_str()));
                broken.extend(now.difference(&released).filter(|_| !may_grow).map(|word| format!("{at} has {word}")));
            }
            (Value::Array(released), Value::Array(now)) if key == "parameters" => {
                for one in released {
                    match now.iter().find(|other| other["name"] == one["name"] && other["$ref"] == one["$ref"]) {
                        Some(other) => self.hold(one, other, &format!("{at}/{}", one["name"]), broken),
                        None => broken.push(format!("{at} lacks {}", one["name"])),
                    }
                }
                let needed = now.iter().filter(|one| one["required"] == true && !released.contains(one));
                broken.extend(needed.map(|one| format!("{at}: {} is needed", one["name"])));
            }
            (released, now) if released != now => broken.push(format!("{at} is another")),
            _ => {}
        }
    }
}

/// A property may be called like a word for people.
fn key_counts(at: &str, key: &str) -> bool {
    !WORDS.contains(&key) || at.ends_with("/properties")
}

fn words(list: &[Value]) -> BTreeSet<String> {
    list.iter().map(ToString::to_string).collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn now(name: &str) -> Value {
    let file = if name == "messages" { "src/message/schema.json" } else { "src/admin/openapi.json" };
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
}

/// Places in the document of the API that only answers use.
fn answers(document: &Value) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    let mut left: Vec<Value> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["requestBody"].clone())
        .collect();
    while let Some(value) = left.pop() {
        let text = value.to_string();
        for name in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            if asked.insert(name.to_owned()) {
                left.push(document["components"]["schemas"][name].clone());
            }
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap().keys();
    schemas.filter(|name| !asked.contains(*name)).map(|name| format!("/components/schemas/{name}/")).collect()
}

const PRIVATE: [&str; 2] = ["/$defs/private/properties", "/$defs/private_event/properties"];

fn broken(name: &str, released: &Value, now: &Value) -> Vec<String> {
    let answers = if name == "openapi" { answers(now) } else { BTreeSet::new() };
    Contract { released, now, closed: &PRIVATE, answers }.broken()
}

#[test]
fn what_was_released_of_messages_and_api_is_still_there_and_nothing_new_is_needed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let releases = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut count = 0;
    for release in releases {
        for name in ["messages", "openapi"] {
            let found = broken(name, &read(&release.join(format!("{name}.json"))), &now(name));
            assert!(
                found.is_empty(),
                "{}: {name} breaks what it promised; see schemas/README.md:\n{}",
                release.display(),
                found.join("\n")
            );
            count += 1;
        }
    }
    assert!(count >= 2, "no release is held");
}

#[test]
fn what_goes_changes_or_is_needed_anew_breaks_the_messages_contract_and_what_is_added_to_public_objects_does_not() {
    let released = now("messages");
    let with = |change: fn(&mut Value)| {
        let mut now = released.clone();
        change(&mut now);
        broken("messages", &released, &now)
    };
    let breaking: [fn(&mut Value); 8] = [
        |now| drop(now["$defs"]["bug"]["properties"].as_object_mut().unwrap().remove("url")),
        |now| now["$defs"]["bug"]["properties"]["url"]["type"] = serde_json::json!(["string", "null"]),
        |now| now["$defs"]["target"]["enum"].as_array_mut().unwrap().push("flag".into()),
        |now| now["$defs"]["bug"]["required"].as_array_mut().unwrap().push("cf_x".into()),
        |now| drop(now["$defs"]["bug"]["required"].as_array_mut().unwrap().pop()),
        |now| now["$defs"]["change_set"]["maxLength"] = 16.into(),
        |now| now["$defs"]["private_event"]["properties"]["changes"] = serde_json::json!({}),
        |now| now["$defs"]["private"]["additionalProperties"] = true.into(),
    ];
    for (number, change) in breaking.into_iter().enumerate() {
        assert_eq!(with(change).len(), 1, "change {number}: {:?}", with(change));
    }
    assert!(with(|now| now["$defs"]["bug"]["properties"]["cc"] = serde_json::json!({"type": "array"})).is_empty());
    assert!(with(|now| now["$defs"]["bug"]["description"] = "another word".into()).is_empty());
}

#[test]
fn the_api_may_answer_more_and_ask_for_nothing_more() {
    let released = now("openapi");
    let with = |change: fn(&mut Value)| {
        let mut now = released.clone();
        change(&mut now);
        broken("openapi", &released, &now)
    };
    assert!(with(|now| now["paths"]["/api/new"] = serde_json::json!({"get": {}})).is_empty());
    assert!(with(|now| now["info"]["version"] = "9.9.9".into()).is_empty());
    assert!(!with(|now| drop(now["paths"].as_object_mut().unwrap().remove("/api/status"))).is_empty());
    let order = |now: &mut Value| {
        let name = now["paths"]["/api/replay"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            .as_str()
            .unwrap();
        let name = name.rsplit('/').next().unwrap().to_owned();
        now["components"]["schemas"][&name]["required"].as_array_mut().unwrap().push("bugs".into());
    };
    assert!(!with(order).is_empty(), "an order needs more");
}
