//! `/api/openapi.json`: a valid document, and true of every answer.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::connectors::{running, said, wait_for_backlog};
use crate::services::{Bugrelay, SqliteBugzilla};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin/openapi.json");
const HEAD: &str = "Host: localhost\r\nAuthorization: Bearer open sesame";

fn document() -> Value {
    serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap()
}

/// An answer to one of its operations, held against it; gives the answer's JSON, or its text.
pub(super) fn ask(bugrelay: &Bugrelay, method: &str, template: &str, path: &str, body: &str) -> Value {
    let answer = bugrelay.send_with(method, path, HEAD, body);
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {answer}"));
    let status = head.split(' ').nth(1).unwrap();
    let pointer = format!("/paths/{}/{}", template.replace('/', "~1"), method.to_lowercase());
    let document = document();
    let operation = document.pointer(&pointer).unwrap_or_else(|| panic!("{method} {template} is not described"));
    if !body.is_empty() && status == "200" {
        fits(&document, &operation["requestBody"]["content"]["application/json"]["schema"], &parse(body));
    }
    let response = &operation["responses"][status];
    assert!(response.is_object(), "{method} {path}: {status} is not described: {text}");
    match response.pointer("/content/application~1json/schema") {
        Some(schema) => {
            let answer = parse(text);
            fits(&document, schema, &answer);
            answer
        }
        None => Value::String(text.to_owned()),
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether a value fits one of its schemas, by name.
pub(super) fn fits_named(name: &str, value: &Value) {
    fits(&document(), &json!({ "$ref": format!("#/components/schemas/{name}") }), value);
}

fn fits(document: &Value, schema: &Value, value: &Value) {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
}

#[test]
fn the_document_of_the_api_is_valid_openapi() {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/openapi/bin/python3");
    let python = if Path::new(own).exists() { own } else { "python3" };
    let validate = |file: &str| Command::new(python).args(["-m", "openapi_spec_validator", file]).output().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.json");
    std::fs::write(&broken, r#"{"openapi": "3.1.0", "info": {"title": "x"}}"#).unwrap();
    let refused = validate(broken.to_str().unwrap());
    if String::from_utf8_lossy(&refused.stderr).contains("No module named") {
        eprintln!("skipped: openapi-spec-validator is not installed; `scripts/install test` does it");
        return;
    }
    assert!(!refused.status.success(), "the validator refuses nothing");
    let output = validate(FILE);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_answer_of_the_api_is_as_its_document_says() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    assert_eq!(ask(&bugrelay, "GET", "/api/openapi.json", "/api/openapi.json", ""), document());
    for action in ["01_", "02_", "06_"] {
        bugzilla.play(action);
    }
    let waiting = bugrelay.wait_for(5).len();
    wait_for_backlog(&bugrelay, u64::try_from(waiting).unwrap());
    said(&bugrelay, &["backlog", "skip", "down", "1"]);
    let get = |template: &str, path: &str| ask(&bugrelay, "GET", template, path, "");
    get("/api/status", "/api/status");
    get("/api/connectors", "/api/connectors");
    get("/api/connectors/{name}", "/api/connectors/down");
    get("/api/connectors/{name}", "/api/connectors/nobody");
    for query in ["", "?connector=out&limit=1", "?connector=nobody", "?limit=x"] {
        get("/api/log", &format!("/api/log{query}"));
    }
    get("/api/configuration", "/api/configuration");
    for query in ["?bug=7&target=comment", "?action=create&bodies=true&limit=1", "?bug=x"] {
        get("/api/backlog/{name}", &format!("/api/backlog/down{query}"));
        get("/api/parked/{name}", &format!("/api/parked/down{query}"));
    }
    for query in ["", "?limit=1", "?bodies=true", "?after=x"] {
        get("/api/backlog/{name}", &format!("/api/backlog/down{query}"));
        get("/api/parked/{name}", &format!("/api/parked/down{query}"));
        get("/api/bugs/{id}", &format!("/api/bugs/7{query}"));
    }
    let first = get("/api/parked/{name}", "/api/parked/down")["entries"][0]["message"]["message_id"].clone();
    get("/api/messages/{id}", &format!("/api/messages/{}?bodies=true", first.as_str().unwrap()));
    get("/api/messages/{id}", "/api/messages/7");
    get("/api/bugs/{id}", "/api/bugs/seven");
    for path in ["/livez", "/readyz", "/metrics"] {
        get(path, path);
    }
    let post = |template: &str, name: &str, body: &str| {
        ask(&bugrelay, "POST", template, &template.replace("{name}", name), body);
    };
    for action in ["pause", "retry", "resume", "retry"] {
        post(&format!("/api/connectors/{{name}}/{action}"), "down", "");
        post(&format!("/api/connectors/{{name}}/{action}"), "nobody", "");
    }
    for (list, action) in [("parked", "retry"), ("backlog", "skip"), ("parked", "drop"), ("backlog", "drop")] {
        let template = format!("/api/{list}/{{name}}/{action}");
        for body in [r#"{"sequences": [{"first": 1, "last": 2}]}"#, r#"{"all": true}"#, "{}", "x"] {
            post(&template, "down", body);
        }
        post(&template, "nobody", r#"{"all": true}"#);
    }
    post("/api/backlog/{name}/skip", "out", r#"{"all": true, "reason": "for later"}"#);
    post("/api/replay", "", r#"{"since": "2026-01-01T00:00:00Z", "dry_run": true}"#);
    post("/api/replay", "", "{}");
    get("/api/identity", "/api/identity");
    post("/api/adopt", "", r#"{"server": {"host": "db:3306", "database": "bugs", "id": "server_id 1"}}"#);
    post("/api/adopt", "", "{}");
}

#[test]
fn every_path_of_the_api_takes_the_methods_of_its_document_and_no_other() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    for (path, operations) in document()["paths"].as_object().unwrap() {
        let real = path.replace("{name}", "out").replace("{id}", "7");
        let answer = bugrelay.send("DELETE", &real, HEAD);
        assert!(answer.starts_with("HTTP/1.1 405"), "{path}: {answer}");
        let allowed = answer.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap();
        let methods = if operations.get("get").is_some() { "GET,HEAD" } else { "POST" };
        assert_eq!((allowed, operations.as_object().unwrap().len()), (methods, 1), "{path}");
    }
}
