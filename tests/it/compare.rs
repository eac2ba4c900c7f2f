//! `bugrelay compare`: Push's stream beside ours. Ours are the messages of `tests/case`; Push's are made of them as Push would have told
//! the same saves.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::services::Ended;

/// The messages of each case, by its name.
fn cases() -> Vec<(String, Vec<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/case");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let messages = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("-- -> "))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let cases = files.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), messages(&path)));
    cases.filter(|(_, messages): &(String, Vec<Value>)| !messages.is_empty()).collect()
}

fn case(name: &str) -> Vec<Value> {
    let found = cases().into_iter().find(|(case, _)| case.contains(name));
    found.unwrap_or_else(|| panic!("no case {name}")).1
}

/// As Push tells it: its own change sets, no id of the bug, a stale time, what is private with its object and changes, flags twice, groups.
fn as_push(ours: &[Value]) -> Vec<Value> {
    let mut told = Vec::new();
    for (number, message) in ours.iter().enumerate() {
        let mut message = message.clone();
        let target = message["event"]["target"].as_str().unwrap().to_owned();
        let bug = message["event"].as_object_mut().unwrap().remove("bug_id").unwrap();
        message["event"]["change_set"] = format!("2866.1795329786.{number}").into();
        if message.get(&target).is_none() {
            let hidden = json!({"id": bug, "is_private": true, "summary": "hush"});
            message[&target] =
                if target == "bug" { hidden } else { json!({"is_private": true, "body": "hush", "bug": hidden}) };
            if message["event"]["action"] == "modify" {
                message["event"]["changes"] =
                    json!([{"field": "short_desc", "removed": "hush", "added": "hush again"}]);
            }
            told.push(message);
            continue;
        }
        let object = &mut message[&target];
        if let Some(comment) = object.as_object_mut().filter(|_| target == "comment") {
            comment.remove("comment_id");
        }
        let of_bug = if target == "bug" { &mut *object } else { &mut object["bug"] };
        of_bug["last_change_time"] = "2020-02-02T02:02:02".into();
        let is_of_bug = message["event"]["routing_key"] == "bug.modify";
        if let Some(changes) = message["event"].get("changes").and_then(Value::as_array).cloned() {
            let flags: Vec<Value> = changes
                .iter()
                .filter(|change| change["field"].as_str().unwrap().starts_with("flag."))
                .cloned()
                .collect();
            let fields: Vec<&str> = changes.iter().map(|change| change["field"].as_str().unwrap()).collect();
            message["event"]["routing_key"] = format!("{target}.modify:{}", fields.join(",")).into();
            if is_of_bug && !flags.is_empty() && flags.len() < changes.len() {
                let mut first = message.clone();
                first["event"]["changes"] = flags.into();
                told.push(first);
            }
        }
        told.push(message);
    }
    told
}

struct Streams(TempDir);

impl Streams {
    fn new(push: &[Value], ours: &[Value]) -> Self {
        let streams = Streams(tempfile::tempdir().unwrap());
        for (name, messages) in [("push", push), ("ours", ours)] {
            let lines: Vec<String> = messages.iter().map(|message| format!("{message}\n")).collect();
            std::fs::write(streams.path(name), lines.concat()).unwrap();
        }
        streams
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn compare(&self, options: &[&str]) -> Ended {
        let (push, ours) = (self.path("push"), self.path("ours"));
        run(&[&["compare", push.to_str().unwrap(), ours.to_str().unwrap()], options].concat(), "")
    }
}

fn run(arguments: &[&str], input: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bugrelay"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn what_differs_from_push_on_purpose_alone_is_the_same() {
    let mut known = String::new();
    for (name, ours) in cases() {
        let ended = Streams::new(&as_push(&ours), &ours).compare(&[]);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{name}:\n{}", ended.out);
        assert!(!ended.out.contains("hush"), "{name}: something private is printed");
        known += &ended.out;
    }
    for word in ["last_change_time", "comment_id", "private_object", "flags_twice"] {
        assert!(known.contains(&format!("\n{word} ")), "{word} was never met");
    }
}

#[test]
fn what_one_stream_lacks_and_what_differs_is_told_by_bug_and_field_and_without_a_text() {
    let ours = case("009_");
    let mut push = as_push(&ours);
    push.extend(as_push(&case("030_")));
    let mut ours = [ours, case("030_")].concat();
    let place = push
        .iter()
        .rposition(|message| message["event"]["target"] == "bug" && message["bug"]["summary"].is_string())
        .unwrap();
    push[place]["bug"]["summary"] = "A needle".into();
    let mut lost = ours.last().unwrap().clone();
    lost["event"]["bug_id"] = 4711.into();
    ours.push(lost);
    let streams = Streams::new(&push, &ours);

    let ended = streams.compare(&[]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("1 are missing, 1 differ"), "{}", ended.out);
    assert!(ended.out.lines().any(|line| line.starts_with("Push ") && line.contains("#4711")), "{}", ended.out);
    assert!(ended.out.contains("    bug.summary\n") && !ended.out.contains("needle"), "{}", ended.out);

    let ended = streams.compare(&["--values"]);
    assert!(ended.out.contains("    bug.summary: \"A needle\" -> "), "{}", ended.out);

    let report: Value = serde_json::from_str(&streams.compare(&["--json"]).out).unwrap();
    assert_eq!((&report["missing"][0]["from"], &report["missing"][0]["bug_id"]), (&json!("push"), &json!(4711)));
    assert_eq!(report["different"][0]["fields"], json!([{"field": "bug.summary"}]));

    for field in ["bug.summary", "summary", "bug.s*y"] {
        let ended = streams.compare(&["--ignore", field]);
        assert!(
            ended.out.contains("1 are missing, 0 differ") && ended.out.contains("\nignored "),
            "{field}: {}",
            ended.out
        );
    }
}

#[test]
fn what_is_public_on_one_side_alone_is_a_difference_whatever_else_is_the_same() {
    for (name, is_ours) in [("004_", true), ("004_", false)] {
        let ours = case(name);
        let place = ours.iter().position(|message| message.get("comment").is_some()).unwrap();
        let (mut push, mut ours) = (as_push(&ours), ours);
        if is_ours {
            push[place]["comment"]["is_private"] = true.into();
        } else {
            ours[place].as_object_mut().unwrap().remove("comment");
        }
        let ended = Streams::new(&push, &ours).compare(&["--values"]);
        let told = if is_ours { "\"private\" -> \"public\"" } else { "\"public\" -> \"private\"" };
        assert!(ended.code == 1 && ended.out.contains(&format!("    visibility: {told}\n")), "{}", ended.out);
    }
}

#[test]
fn a_bug_that_crosses_the_border_is_two_messages_of_pushs_and_one_of_ours() {
    let event = |change_set: &str, changes: Value| {
        json!({"routing_key": "bug.modify", "target": "bug", "action": "modify", "bug_id": 7, "change_set": change_set,
            "time": "2026-11-01T10:00:00", "user": {"id": 3, "login": "a@example.org", "real_name": "A"}, "changes": changes})
    };
    let crossing = json!([{"field": "is_private", "removed": "1", "added": "0"}]);
    let all = json!([{"field": "bug_group", "removed": "secret", "added": ""}, {"field": "short_desc", "removed": "hush", "added": "Open"}]);
    let bug = json!({"id": 7, "is_private": false, "summary": "Open"});
    let push = [
        json!({"event": event("9.1795000000.1", crossing.clone()), "bug": bug}),
        json!({"event": event("9.1795000000.1", all), "bug": bug}),
    ];
    let ended =
        Streams::new(&push, &[json!({"event": event("3.1795000000.7", crossing), "bug": bug})]).compare(&["--values"]);
    assert!(ended.code == 0 && ended.out.contains("\ncrossing ") && !ended.out.contains("hush"), "{}", ended.out);
}

#[test]
fn only_the_time_that_both_streams_cover_is_compared_unless_all_is_asked_for() {
    let later = |messages: &[Value]| -> Vec<Value> {
        let mut messages = messages.to_vec();
        for message in &mut messages {
            message["event"]["time"] = "2031-01-01T00:00:00".into();
        }
        messages
    };
    let ours = case("004_");
    let push = as_push(&ours);
    let streams = Streams::new(&[push.clone(), later(&push)].concat(), &ours);
    assert_eq!(streams.compare(&[]).code, 0);
    let ended = streams.compare(&["--all"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    // Nothing in common is no agreement.
    let ended = Streams::new(&later(&push), &ours).compare(&[]);
    assert!(ended.code == 2 && ended.err.contains("time_zone"), "{}{}", ended.out, ended.err);
}

#[test]
fn a_stream_may_come_by_standard_input_and_one_that_is_none_ends_it_with_2() {
    let ours = case("001_");
    let streams = Streams::new(&as_push(&ours), &ours);
    let path = streams.path("push");
    let lines: Vec<String> = ours.iter().map(|message| format!("{message}\n")).collect();
    let ended = run(&["compare", path.to_str().unwrap(), "-"], &lines.concat());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for (path, input, said) in [
        ("/not/there", "", "/not/there: cannot be read"),
        ("-", "nothing\n", "-: no message of Bugzilla's is in it"),
        ("-", "{\"event\": hush}\n", "standard input: line 1: it begins like JSON and is none"),
    ] {
        let ended = run(&["compare", path, streams.path("ours").to_str().unwrap()], input);
        assert!(ended.code == 2 && ended.err.contains(said) && !ended.err.contains("hush"), "{}", ended.err);
    }
    assert_eq!(run(&["compare", "-", "-"], "").code, 2);
}
