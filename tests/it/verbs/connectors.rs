//! `bugrelay backlog` and `bugrelay connector`: what an operator sees of the connectors, and what they can be told.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::NOBODY;
use crate::services::{Bugrelay, Listener, SqliteBugzilla, poll};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// With the connector `out`, and one that cannot write before its folder `later` is made; a token opens changes of state.
pub(crate) fn running(bugzilla: &SqliteBugzilla) -> Bugrelay {
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    std::fs::write(bugrelay.path("token"), "open sesame\n").unwrap();
    let line = format!("[admin]\ntoken_file = \"{}\"", bugrelay.path("token").display());
    bugrelay.replace("[admin]", &line);
    let down = bugrelay.path("later/out.jsonl");
    let down = format!("[connectors.down]\ntype = \"file\"\nbackoff_seconds = [600]\npath = \"{}\"\n", down.display());
    bugrelay.replace("[connectors.out]", &format!("{down}[connectors.out]"));
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay
}

/// What a verb says, when all is well.
pub(crate) fn said(bugrelay: &Bugrelay, arguments: &[&str]) -> String {
    let ended = bugrelay.verb(arguments);
    assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.err);
    ended.out
}

pub(crate) fn json(bugrelay: &Bugrelay, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(bugrelay, &[arguments, &["--json"]].concat())).unwrap()
}

/// One connector as `backlog list` tells of it.
pub(crate) fn connector(bugrelay: &Bugrelay, name: &str) -> Value {
    let all = json(bugrelay, &["backlog", "list"]);
    let found = all.as_array().unwrap().iter().find(|view| view["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {all:#}")).clone()
}

pub(super) fn metric(bugrelay: &Bugrelay, name: &str, connector: &str) -> f64 {
    bugrelay.metric(&format!("bugrelay_{name}{{connector=\"{connector}\"}}")).unwrap_or(f64::NAN)
}

pub(crate) fn wait_for_backlog(bugrelay: &Bugrelay, messages: u64) {
    let waits = || connector(bugrelay, "down")["messages"] == messages;
    assert!(poll(PATIENCE, waits), "{}", connector(bugrelay, "down"));
}

#[test]
fn a_backlog_is_listed_shown_and_tried_again_at_once() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    let down = connector(&bugrelay, "down");
    assert_eq!((&down["state"], &down["attempts"]), (&"backlog".into(), &1.into()), "{down:#}");
    assert!(down["last_error"].as_str().unwrap().contains("later"), "the last error in full: {down:#}");
    assert!(down["next_attempt"].as_str().unwrap().ends_with('Z') && down["bytes"].as_u64().unwrap() > 100, "{down:#}");
    assert_eq!(connector(&bugrelay, "out")["state"], "well");
    let table = said(&bugrelay, &["backlog", "list"]);
    let line = table.lines().find(|line| line.starts_with("down ")).unwrap();
    assert!(line.contains(down["last_error"].as_str().unwrap()) && line.contains("backlog"), "{table}");

    let first = json(&bugrelay, &["backlog", "show", "down", "--limit", "1"]);
    assert_eq!((first["entries"].as_array().unwrap().len(), &first["next"]), (1, &first["entries"][0]["sequence"]));
    let after = first["next"].to_string();
    let rest = json(&bugrelay, &["backlog", "show", "down", "--after", &after]);
    let entry = &rest["entries"][0];
    assert_eq!((&entry["target"], &entry["action"], &entry["bug"]), (&"bug".into(), &"create".into(), &7.into()));
    assert_eq!((&entry["attempts"], &entry["perhaps_sent"]), (&1.into(), &false.into()));
    assert!(rest["next"].is_null() && entry["body"].is_null(), "{rest:#}");
    assert!(said(&bugrelay, &["backlog", "show", "down"]).contains("bug.create"));

    std::fs::create_dir(bugrelay.path("later")).unwrap();
    assert!(said(&bugrelay, &["backlog", "retry", "down"]).contains("tried again now"));
    assert!(poll(PATIENCE, || connector(&bugrelay, "down")["state"] == "well"), "{}", bugrelay.log());
    assert_eq!(std::fs::read_to_string(bugrelay.path("later/out.jsonl")).unwrap().lines().count(), 2);
    assert!(said(&bugrelay, &["backlog", "retry", "down"]).contains("nothing to try again"));
}

#[test]
fn a_paused_connector_gets_nothing_until_it_is_resumed_restart_or_not() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = running(&bugzilla);
    assert_eq!(said(&bugrelay, &["connector", "pause", "out"]), "out is paused\n");
    assert_eq!(said(&bugrelay, &["connector", "pause", "out"]), "out was paused already\n");
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    assert!(bugrelay.terminate().success());
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugzilla.play("02_");
    // The other connector tells that it came: what is paused had the same chance.
    wait_for_backlog(&bugrelay, 3);
    let out = connector(&bugrelay, "out");
    assert_eq!((&out["state"], &out["messages"], &out["attempts"]), (&"paused".into(), &3.into(), &0.into()));
    assert!(bugrelay.lines().is_empty(), "{:?}", bugrelay.lines());
    let of_out = |name| metric(&bugrelay, name, "out").to_string();
    assert_eq!(
        ["connector_paused", "backlog_messages", "backlog_attempts", "connector_up"].map(of_out),
        ["1", "3", "0", "1"]
    );
    assert_eq!(bugrelay.metric("bugrelay_main_queue_messages"), Some(0.0));
    let refused = bugrelay.verb(&["backlog", "retry", "out"]);
    assert!(refused.code == 1 && refused.err.contains("resume it"), "{}", refused.err);
    assert!(said(&bugrelay, &["connector", "list"]).lines().any(|l| l.starts_with("out ") && l.contains("paused")));

    assert_eq!(said(&bugrelay, &["connector", "resume", "out"]), "out is resumed\n");
    assert_eq!(bugrelay.wait_for(3).len(), 3);
    assert!(poll(PATIENCE, || connector(&bugrelay, "out")["state"] == "well"));
    assert_eq!(metric(&bugrelay, "connector_paused", "out").to_string(), "0");
}

#[test]
fn a_change_of_state_is_one_line_in_the_log_that_says_who_what_and_which() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    said(&bugrelay, &["connector", "pause", "out"]);
    said(&bugrelay, &["connector", "resume", "out"]);
    let log = bugrelay.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("told by the admin API")).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for (line, action) in lines.iter().zip(["pause", "resume"]) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&line["action"], &line["connector"], &line["level"]),
            (&action.into(), &"out".into(), &"INFO".into())
        );
        assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    }
    assert!(!log.contains("open sesame"));
}

#[test]
fn an_unknown_connector_is_answered_with_those_that_are_known() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    for verb in [&["connector", "pause"][..], &["connector", "resume"], &["backlog", "retry"], &["backlog", "show"]] {
        let ended = bugrelay.verb(&[verb, &["../kafka"]].concat());
        assert_eq!(ended.code, 1, "{verb:?}: {}", ended.err);
        assert!(ended.err.contains("404") && ended.err.contains("known are down, out"), "{verb:?}: {}", ended.err);
    }
}

#[test]
fn state_is_changed_by_post_with_the_token_alone() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let path = "/api/connectors/out/pause";
    assert!(bugrelay.get(path).starts_with("HTTP/1.1 405"), "{}", bugrelay.get(path));
    let post = |head: &str| bugrelay.send("POST", path, head);
    assert!(post("Host: localhost").starts_with("HTTP/1.1 401"));
    assert!(post("Host: localhost\r\nAuthorization: Bearer guess").starts_with("HTTP/1.1 401"));
    assert_eq!(connector(&bugrelay, "out")["state"], "well");
    assert!(post("Host: localhost\r\nAuthorization: Bearer open sesame").starts_with("HTTP/1.1 200"));
    assert_eq!(connector(&bugrelay, "out")["state"], "paused");
    assert!(bugrelay.get("/api/backlog/out?limit=x").starts_with("HTTP/1.1 400"));
}

#[test]
fn a_message_that_turned_private_while_it_waits_is_shown_as_its_event() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    let shown = || said(&bugrelay, &["backlog", "show", "down", "--bodies"]);
    assert!(shown().contains("The whistle is flat"));
    bugzilla.exec("INSERT INTO bug_group_map (bug_id, group_id) VALUES (7, 2)");
    let private = shown();
    assert!(!private.contains("whistle") && !private.contains("sing in A"), "{private}");
    let page = json(&bugrelay, &["backlog", "show", "down", "--bodies"]);
    let keys: Vec<&String> = page["entries"][1]["body"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["event"]);
}

#[test]
fn an_instance_that_does_not_run_is_unavailable_to_them_too() {
    let bugrelay = Bugrelay::configured(NOBODY, "", "");
    for verb in
        [&["backlog", "list"][..], &["backlog", "show", "out"], &["connector", "list"], &["connector", "pause", "out"]]
    {
        let ended = bugrelay.verb(verb);
        assert_eq!(ended.code, 69, "{verb:?}: {}", ended.err);
        assert!(ended.err.contains("is `bugrelay run` running?"), "{}", ended.err);
    }
    assert_eq!(bugrelay.verb(&["backlog", "list", "--url", "nonsense"]).code, 2);
}

#[test]
fn an_instance_that_hangs_is_unavailable_in_the_end() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugrelay.signal("STOP");
    let verbs = [&["backlog", "list"][..], &["backlog", "show", "out"], &["connector", "pause", "out"], &["tail"]];
    // Side by side: each waits as long as an answer may take.
    let hanging: Vec<_> = verbs
        .map(|verb| bugrelay.command(verb).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
        .into_iter()
        .collect();
    for (mut child, verb) in hanging.into_iter().zip(verbs) {
        let ended = poll(PATIENCE, || child.try_wait().unwrap().is_some());
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(ended, "{verb:?} waits for ever");
        assert_eq!(output.status.code(), Some(69), "{verb:?}: {err}");
        assert!(err.contains("does not answer within 15 s"), "{verb:?}: {err}");
    }
}

#[test]
fn of_live_listeners_there_are_sixteen_at_the_most() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let listeners: Vec<Listener> =
        (0..16).map(|n| Listener::start(&bugrelay, &format!("listener{n}"), &["tail", "--json"])).collect();
    let status = || bugrelay.status("/api/tail", Duration::from_secs(5));
    assert!(status().contains("503"), "{}", status());
    let refused = bugrelay.verb(&["tail"]);
    assert!(refused.code == 69 && refused.err.contains("16 listeners"), "{}", refused.err);
    drop(listeners);
    assert!(poll(PATIENCE, || status().contains("200")), "whoever leaves gives his place back");
}
