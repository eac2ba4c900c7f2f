//! `bugrelay parked`, and what `backlog` does with messages: setting aside, sending after all, giving up, looking up.

use serde_json::{Value, json as value};

use super::connectors::{PATIENCE, connector, json, running, said, wait_for_backlog};
use super::openapi::{ask, fits_named};
use crate::services::{Bugrelay, SqliteBugzilla, lines_in, poll};

/// Sequences of what a connector has in a list.
fn sequences(bugrelay: &Bugrelay, list: &str, name: &str) -> Vec<i64> {
    let page = json(bugrelay, &[list, "show", name]);
    page["entries"].as_array().unwrap().iter().map(|entry| entry["sequence"].as_i64().unwrap()).collect()
}

fn down(bugrelay: &Bugrelay) -> Vec<Value> {
    lines_in(&bugrelay.path("later/out.jsonl")).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_is_skipped_is_parked_shown_exported_and_sent_after_all_in_its_place() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    let skipped = json(&bugrelay, &["backlog", "skip", "down", "1", "--reason", "the bus chokes on it"]);
    fits_named("Disposed", &skipped);
    assert_eq!(skipped, value!({"connector": "down", "messages": 1}));
    assert_eq!(said(&bugrelay, &["backlog", "skip", "down", "1"]), "0 messages of down are parked\n", "it is already");
    assert_eq!((sequences(&bugrelay, "backlog", "down"), sequences(&bugrelay, "parked", "down")), (vec![2], vec![1]));
    assert_eq!(connector(&bugrelay, "down")["parked"], 1);
    assert!(
        said(&bugrelay, &["parked", "list"]).lines().any(|line| line.split_whitespace().eq(["down", "backlog", "1"]))
    );
    let table = said(&bugrelay, &["parked", "show", "down"]);
    assert!(table.contains("skipped by hand: the bus chokes on it") && table.contains("comment.create"), "{table}");
    let export = said(&bugrelay, &["parked", "export", "down"]);
    let exported: Value = serde_json::from_str(export.trim()).unwrap();
    fits_named("Parked", &exported);
    assert_eq!(exported["message"]["body"]["comment"]["body"], "It should sing in A.");

    assert_eq!(said(&bugrelay, &["parked", "retry", "down", "--all"]), "1 messages of down wait again\n");
    assert_eq!(sequences(&bugrelay, "backlog", "down"), [1, 2]);
    std::fs::create_dir(bugrelay.path("later")).unwrap();
    said(&bugrelay, &["backlog", "retry", "down"]);
    assert!(poll(PATIENCE, || down(&bugrelay).len() == 2), "{}", bugrelay.log());
    bugrelay.wait_for(2);
    assert_eq!(down(&bugrelay), bugrelay.messages(), "in the same order as everybody else has them");
    assert_eq!(connector(&bugrelay, "down")["parked"], 0);
}

#[test]
fn what_is_given_up_is_never_sent_and_must_be_meant() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    said(&bugrelay, &["backlog", "skip", "down", "2"]);
    for verb in [["backlog", "drop", "down", "--all"], ["parked", "drop", "down", "--all"]] {
        let ended = bugrelay.verb(&verb);
        assert!(ended.code == 2 && ended.err.contains("add --yes"), "{}", ended.err);
    }
    assert_eq!((sequences(&bugrelay, "backlog", "down"), sequences(&bugrelay, "parked", "down")), (vec![1], vec![2]));
    let dropped = |list| said(&bugrelay, &[list, "drop", "down", "1-9", "--yes"]);
    assert_eq!(dropped("backlog"), "1 messages of down are given up\n");
    assert_eq!(dropped("parked"), "1 messages of down are given up\n");
    assert_eq!(dropped("parked"), "0 messages of down are given up\n");
    assert_eq!(connector(&bugrelay, "down")["state"], "well", "nothing is left that it could fail with");
    std::fs::create_dir(bugrelay.path("later")).unwrap();
    bugzilla.play("02_");
    assert!(poll(PATIENCE, || !down(&bugrelay).is_empty()), "{}", bugrelay.log());
    bugrelay.wait_for(3);
    assert_eq!(down(&bugrelay), bugrelay.messages()[2..]);
}

#[test]
fn a_connector_that_is_gone_is_forgotten_when_its_backlog_is_given_up() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    assert!(bugrelay.terminate().success());
    bugrelay.replace("[connectors.down]", "[connectors.new]");
    bugrelay.start();
    bugrelay.wait_until_ready();
    assert_eq!(connector(&bugrelay, "down")["state"], "gone");
    said(&bugrelay, &["backlog", "skip", "down", "1"]);
    said(&bugrelay, &["parked", "retry", "down", "1"]);
    assert_eq!(said(&bugrelay, &["backlog", "drop", "down", "--all", "--yes"]), "2 messages of down are given up\n");
    let names = json(&bugrelay, &["connector", "list"]);
    assert!(names.as_array().unwrap().iter().all(|view| view["name"] != "down"), "{names:#}");
}

#[test]
fn what_is_parked_is_shown_as_it_would_leave_now() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    said(&bugrelay, &["backlog", "skip", "down", "--all"]);
    let id = json(&bugrelay, &["parked", "show", "down"])["entries"][0]["message"]["message_id"].clone();
    let of_id = format!("/api/messages/{}?bodies=true", id.as_str().unwrap());
    let shown = || {
        let message = ask(&bugrelay, "GET", "/api/messages/{id}", &of_id, "");
        [
            said(&bugrelay, &["parked", "show", "down", "--bodies"]),
            said(&bugrelay, &["parked", "export", "down"]),
            message.to_string(),
        ]
    };
    assert!(shown().iter().all(|text| text.contains("sing in A")));
    bugzilla.exec("INSERT INTO bug_group_map (bug_id, group_id) VALUES (7, 2)");
    for text in shown() {
        assert!(!text.contains("whistle") && !text.contains("sing in A") && text.contains("routing_key"), "{text}");
    }
}

#[test]
fn what_became_of_a_bugs_changes_is_told_for_each_connector() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    bugrelay.wait_for(2);
    // Else it is tried again when something was skipped.
    said(&bugrelay, &["connector", "pause", "down"]);
    said(&bugrelay, &["backlog", "skip", "down", "1"]);
    let done =
        || connector(&bugrelay, "out")["messages"] == 0 && bugrelay.metric("bugrelay_main_queue_messages") == Some(0.0);
    assert!(poll(PATIENCE, done));
    let page = ask(&bugrelay, "GET", "/api/bugs/{id}", "/api/bugs/7", "");
    let outcomes = |fate: &Value| -> Value {
        let mut fate = fate.clone();
        let attempts = fate["log"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].clone());
        fate["log"] = attempts.collect();
        fate
    };
    let of = |message: &Value| -> Value { message["connectors"].as_array().unwrap().iter().map(outcomes).collect() };
    let fates: Vec<Value> = page["messages"].as_array().unwrap().iter().map(of).collect();
    let fate = |connector: &str, state: &str, attempts: u32, reason: Option<&str>, outcome: &str| value!({"connector": connector, "state": state, "attempts": attempts, "perhaps_sent": false, "reason": reason, "log": [outcome]});
    let skipped = Some("skipped by hand");
    assert_eq!(fates[0], value!([fate("down", "parked", 1, skipped, "failed"), fate("out", "done", 0, None, "sent")]));
    assert_eq!(fates[1], value!([fate("down", "waiting", 1, None, "failed"), fate("out", "done", 0, None, "sent")]));
    let message = &page["messages"][1];
    assert_eq!(
        (&message["target"], &message["action"], &message["private"]),
        (&"bug".into(), &"create".into(), &false.into())
    );
    assert_eq!(message["change_set"], page["messages"][0]["change_set"], "of one save");
    let path = format!("/api/messages/{}", message["message_id"].as_str().unwrap());
    let same = ask(&bugrelay, "GET", "/api/messages/{id}", &path, "");
    assert_eq!(&same["messages"][0], message);
}

#[test]
fn what_is_done_with_messages_needs_the_token_and_is_one_line_in_the_log() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    let done = [
        ("backlog", "skip", "skip"),
        ("parked", "retry", "retry_parked"),
        ("backlog", "skip", "skip"),
        ("parked", "drop", "drop_parked"),
        ("backlog", "drop", "drop"),
    ];
    for (list, action, _) in done {
        let path = format!("/api/{list}/down/{action}");
        let refused = bugrelay.send_with("POST", &path, "Host: localhost", r#"{"all": true}"#);
        assert!(refused.starts_with("HTTP/1.1 401"), "{path}: {refused}");
        assert!(bugrelay.get(&path).starts_with("HTTP/1.1 405"), "{path}");
    }
    assert_eq!(sequences(&bugrelay, "backlog", "down"), [1, 2]);
    for (list, action, _) in done {
        let head = "Host: localhost\r\nAuthorization: Bearer open sesame";
        let path = format!("/api/{list}/down/{action}");
        let answer = bugrelay.send_with("POST", &path, head, r#"{"all": true}"#);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let log = bugrelay.log();
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("disposed of by the admin API"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> =
        lines.iter().map(|line| (line["action"].as_str().unwrap(), line["messages"].as_u64().unwrap())).collect();
    assert_eq!(told, [("skip", 2), ("retry_parked", 2), ("skip", 2), ("drop_parked", 2), ("drop", 0)]);
    for line in &lines {
        assert_eq!(
            (&line["first"], &line["last"]),
            (&0.into(), &2.into()),
            "what is there, and nothing that comes later"
        );
        assert!(line["connector"] == "down" && line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    }
}
