//! `bugrelay tail`: what is captured, live, by way of the admin port.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use super::NOBODY;
use crate::services::{Bugrelay, Listener, SqliteBugzilla, poll};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn messages_are_shown_for_people_and_private_ones_are_marked() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let listener = Listener::start(&bugrelay, "tail", &["tail"]);
    bugzilla.play("01_");
    bugzilla.play("06_");
    let lines = listener.wait_for(bugrelay.wait_for(3).len());
    assert!(
        lines.iter().any(|line| line.contains("bug.create") && !line.contains("(private: event only)")),
        "{lines:#?}"
    );
    let private: Vec<_> = lines.iter().filter(|line| line.ends_with("(private: event only)")).collect();
    assert!(private.iter().any(|line| line.contains("bug.create")), "{lines:#?}");
}

#[test]
fn as_json_a_line_is_a_message_as_it_leaves() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let listener = Listener::start(&bugrelay, "tail", &["tail", "--json"]);
    bugzilla.play("01_");
    let left = bugrelay.wait_for(2);
    assert_eq!(listener.wait_for(left.len()), left);
}

#[test]
fn the_token_of_the_configuration_is_shown_to_the_instance() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    std::fs::write(bugrelay.path("token"), "secret\n").unwrap();
    let text = std::fs::read_to_string(bugrelay.path("bugrelay.toml")).unwrap();
    let line = format!("[admin]\ntoken_file = \"{}\"", bugrelay.path("token").display());
    bugrelay.configure(&text.replace("[admin]", &line));
    bugrelay.start();
    bugrelay.wait_until_ready();
    drop(Listener::start(&bugrelay, "tail", &["tail"]));
    std::fs::write(bugrelay.path("token"), "another\n").unwrap();
    let refused = bugrelay.verb(&["tail"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("401") && refused.err.contains("not the token"), "{}", refused.err);
    assert!(!refused.err.contains("another"), "{}", refused.err);
}

#[test]
fn it_ends_well_when_the_instance_is_stopped() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let mut command = bugrelay.command(&["tail"]);
    command.stdout(Stdio::null()).stderr(File::create(bugrelay.path("tail.err")).unwrap());
    let mut child = command.spawn().unwrap();
    let err = bugrelay.path("tail.err");
    assert!(poll(PATIENCE, || std::fs::read_to_string(&err).unwrap().contains("listening")));
    assert!(bugrelay.terminate().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_instance_that_does_not_run_is_unavailable() {
    let ended = Bugrelay::configured(NOBODY, "", "").verb(&["tail"]);
    assert_eq!(ended.code, 69);
    assert!(ended.err.contains("is `bugrelay run` running?"), "{}", ended.err);
}
