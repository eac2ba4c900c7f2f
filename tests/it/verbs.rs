//! The program as an operator meets it: verbs, exit codes, what is said and on which stream.

mod check;
pub(crate) mod connectors;
mod http;
mod openapi;
mod parked;
mod reload;
mod run;
mod tail;
mod terminal;

use std::process::Command;

use crate::services::{Bugrelay, Ended};

/// Where nobody listens: port 1 is no database's.
const NOBODY: &str = "mysql://bugrelay:bugrelay@127.0.0.1:1/bugs";

/// The program in an empty directory, with this command line alone.
fn program(arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bugrelay"));
    let output = command.args(arguments).current_dir(folder.path()).env_remove("BUGRELAY_CONFIG").output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn without_a_configuration_every_verb_that_needs_one_says_where_it_looked() {
    for verb in [&["run"][..], &["check"], &["tail"], &["backlog", "list"], &["connector", "list"], &["parked", "list"]]
    {
        let ended = program(verb);
        assert_eq!(ended.code, 78, "{verb:?}: {}", ended.err);
        for word in ["./bugrelay.toml", "/etc/bugrelay/bugrelay.toml", "-c FILE"] {
            assert!(ended.err.contains(word), "{verb:?}: {}", ended.err);
        }
        assert_eq!(ended.out, "");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_or_is_wrong_ends_every_verb() {
    let bugrelay = Bugrelay::configured(NOBODY, "", "");
    bugrelay.configure("[bugzila]\n");
    for verb in [&["run"][..], &["check"], &["check", "--offline"], &["tail"]] {
        let ended = bugrelay.verb(verb);
        assert_eq!(ended.code, 78, "{verb:?}");
        assert!(ended.err.contains("bugrelay.toml: line 1: [bugzila] not known here; did you mean `bugzilla`?"));
    }
    let missing = program(&["check", "-c", "/not/there.toml"]);
    assert_eq!(missing.code, 78);
    assert!(missing.err.contains("/not/there.toml: cannot be read"), "{}", missing.err);
}

#[test]
fn a_wrong_command_line_is_a_matter_of_usage() {
    for arguments in [&["fly"][..], &[], &["run", "--fast"], &["run", "--log-format", "xml"]] {
        assert_eq!(program(arguments).code, 2, "{arguments:?}");
    }
    let filter = program(&["run", "--log", "a=b=c"]);
    assert_eq!(filter.code, 2, "{}", filter.err);
    assert!(filter.err.contains("--log \"a=b=c\" is not understood"), "{}", filter.err);
}

#[test]
fn help_and_version_are_answers_and_no_errors() {
    let help = program(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    for verb in [
        "run",
        "check",
        "demo",
        "tail",
        "backlog",
        "connector",
        "replay",
        "emit",
        "compare",
        "schema",
        "man",
        "completions",
    ] {
        assert!(help.out.contains(&format!("\n  {verb} ")), "{}", help.out);
        assert_eq!(program(&[verb, "--help"]).code, 0);
    }
    let version = program(&["--version"]);
    assert_eq!((version.code, version.out), (0, format!("bugrelay {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_schema_is_one_and_its_private_variant_is_closed() {
    let ended = program(&["schema"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let schema: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let event = serde_json::json!({
        "routing_key": "bug.modify", "target": "bug", "action": "modify", "bug_id": 7, "change_set": "1.1.7",
        "time": "2026-01-01T00:00:00", "user": { "id": 1, "login": "a@example.org", "real_name": "A" }
    });
    assert!(validator.is_valid(&serde_json::json!({ "event": event })));
    for (key, value) in [("bug", serde_json::json!({ "id": 7 })), ("bug", serde_json::Value::Null), ("note", 1.into())]
    {
        let mut message = serde_json::json!({ "event": event });
        message[key] = value;
        assert!(!validator.is_valid(&message), "{message}");
    }
    let mut event = event;
    event["changes"] = serde_json::json!([{ "field": "short_desc", "removed": "a", "added": "b" }]);
    assert!(!validator.is_valid(&serde_json::json!({ "event": event })), "changes of what is private");
}
