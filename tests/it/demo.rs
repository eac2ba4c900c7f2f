//! `bugrelay demo`: what somebody sees who has nothing but the program.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::services::poll;

/// From the start to the first message.
const FIRST_MESSAGE_MAX: Duration = Duration::from_secs(5);

fn demo(arguments: &[&str], folder: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bugrelay"));
    command.arg("demo").args(arguments).env("TMPDIR", folder).env_remove("BUGRELAY_LOG");
    command
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn every_scripted_action_gives_what_it_says_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(&["--minutes", "0", "--pace", "0.1"], folder.path()).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(out.matches("as expected: ").count(), 15, "{out}");
    assert!(!out.contains("WRONG") && !out.contains("hush"), "{out}");
    assert!(out.contains("\n    bugrelay_connector_up{connector=\"broken\"} 0\n"), "{out}");
    assert!(out.contains("#7 alice@example.org  comment 0: It should sing in A."), "{out}");
    assert!(out.contains("#8 carol@example.org  (private: event only)"), "{out}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the folder is gone");
}

#[test]
fn the_first_message_comes_soon_the_day_goes_on_and_ctrl_c_ends_it_well() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut child = demo(&["--pace", "0.02"], folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("comment.create")), "a message comes");
    let took = began.elapsed();
    assert!(took < FIRST_MESSAGE_MAX, "the first message took {took:?}");
    assert!(lines.any(|line| line.contains("An ordinary day goes on")), "the script ends");
    assert!(lines.by_ref().filter(|line| line.contains("as expected")).take(5).count() == 5, "the day goes on");
    interrupt(&child);
    let last = lines.last().unwrap();
    assert!(last.ends_with("every one as expected."), "{last}");
    assert!(poll(Duration::from_secs(10), || child.try_wait().unwrap().is_some()), "it ends");
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the folder is gone");
}
