//! What is done: connectors paused, resumed and tried again, messages set aside, sent after all and dropped; asked first, said afterwards.

use super::Browser;
use crate::services::{SqliteBugzilla, lines_in, poll};
use crate::verbs::connectors::{PATIENCE, connector, json, running, wait_for_backlog};

#[test]
fn a_connector_is_paused_resumed_and_tried_again_by_forms() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let browser = Browser::signed_in(&bugrelay);
    let order = |order: &str, name: &str| {
        let answer = browser.order(&format!("/connectors/{name}/{order}"), &[]);
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{answer:?}");
        browser.get("/").words()
    };
    assert!(order("pause", "out").contains("out is paused: its messages are collected."));
    assert!(!browser.get("/").words().contains("out is paused:"), "it is said once");
    assert!(order("pause", "out").contains("out was paused already."));
    assert_eq!(connector(&bugrelay, "out")["state"], "paused");
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    assert!(order("resume", "out").contains("out is resumed."));
    assert_eq!(bugrelay.wait_for(2).len(), 2);
    browser.get("/connectors/down").says("Last error");
    std::fs::create_dir(bugrelay.path("later")).unwrap();
    let own = browser.order("/connectors/down/retry", &[("back", "connector")]);
    assert_eq!(own.header("location"), "/connectors/down");
    assert!(poll(PATIENCE, || connector(&bugrelay, "down")["state"] == "well"), "{}", bugrelay.log());
    assert!(order("retry", "down").contains("there was nothing to try again."));
    let view = connector(&bugrelay, "down");
    assert!(view["last_success"].as_str().unwrap().ends_with('Z'), "{view:#}");
    let paused = browser.order("/connectors/nobody/pause", &[]);
    assert_eq!(paused.status, 404);
}

#[test]
fn messages_are_set_aside_sent_after_all_and_dropped_once_that_was_confirmed() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    for action in ["01_", "02_"] {
        bugzilla.play(action);
    }
    wait_for_backlog(&bugrelay, 3);
    let browser = Browser::signed_in(&bugrelay);
    let there = |list: &str| json(&bugrelay, &[list, "show", "down"])["entries"].as_array().unwrap().len();
    let confirm = browser.get("/connectors/down/backlog/confirm?do=skip&seq=1&seq=2");
    confirm.says("Set aside: 2 messages of down?");
    assert_eq!((there("backlog"), confirm.text.matches("name=\"seq\"").count()), (3, 2), "asking does nothing");
    let done = browser.order("/connectors/down/backlog/skip", &[("seq", "1"), ("seq", "2"), ("reason", "for later")]);
    assert_eq!((done.status, done.header("location")), (303, "/connectors/down/backlog"));
    browser.get("/connectors/down/backlog").says("2 messages of down were set aside.");
    browser.get("/connectors/down/parked").says("skipped by hand: for later");
    assert_eq!((there("backlog"), there("parked")), (1, 2));
    browser.get("/connectors/down/parked/confirm?do=drop&seq=1").says("It cannot be undone here");
    browser.order("/connectors/down/parked/drop", &[("seq", "1")]);
    browser.get("/connectors/down/parked").says("1 message of down was dropped.");
    browser.get("/connectors/down/parked/confirm?do=retry&all=true").says("Send after all: 1 message of down?");
    let through = browser.get("/connectors/down/parked/confirm?do=retry&all=true").value_of("up_to");
    browser.order("/connectors/down/parked/retry", &[("up_to", &through)]);
    browser.get("/connectors/down/parked").says("1 message of down was put back, to be sent.");
    assert_eq!((there("backlog"), there("parked")), (2, 0));
    std::fs::create_dir(bugrelay.path("later")).unwrap();
    browser.order("/connectors/down/retry", &[]);
    assert!(poll(PATIENCE, || lines_in(&bugrelay.path("later/out.jsonl")).len() == 2), "{}", bugrelay.log());
    for fields in [&[][..], &[("seq", "x")], &[("up_to", "x")], &[("all", "true")], &[("seq", "1"), ("up_to", "3")]] {
        assert_eq!(browser.order("/connectors/down/backlog/drop", fields).status, 400, "{fields:?}");
    }
    assert_eq!(browser.order("/connectors/down/parked/skip", &[("up_to", "3")]).status, 404);
}

#[test]
fn what_was_stored_after_the_question_is_left_as_it_is() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    let browser = Browser::signed_in(&bugrelay);
    let question = browser.get("/connectors/down/backlog/confirm?do=drop&all=true");
    question.says("Drop: 2 messages of down?");
    question.says("up to sequence 2 . What is stored from now on is left as it is.");
    bugzilla.play("02_");
    wait_for_backlog(&bugrelay, 3);
    browser.order("/connectors/down/backlog/drop", &[("up_to", &question.value_of("up_to"))]);
    browser.get("/connectors/down/backlog").says("2 messages of down were dropped.");
    let left = json(&bugrelay, &["backlog", "show", "down"]);
    let sequences: Vec<_> = left["entries"].as_array().unwrap().iter().map(|entry| &entry["sequence"]).collect();
    assert_eq!(sequences, [3]);
}
