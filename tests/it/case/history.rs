//! The cases as history tells them, to a reader that comes when they are over.

use serde_json::Value;

use super::late::compare_late;
use super::way::{self, Way};
use super::{Left, each_case, read, up_to_the_last_word};
use crate::services::Bugrelay;

#[test]
fn history_alone_gives_the_events_of_every_case_to_a_reader_that_comes_late() {
    play_all(&way::HISTORY);
}

#[test]
fn telling_cases_give_the_same_events_by_history_on_postgresql() {
    play_all(&way::POSTGRES_HISTORY);
}

fn play_all(way: &Way) {
    let wrong = each_case(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        if !way.plays(&name) {
            return String::new();
        }
        let steps = read(path);
        let bugzilla = (way.bugzilla)();
        steps.iter().for_each(|step| bugzilla.exec(&step.sql));
        let mut bugrelay = Bugrelay::configured(&bugzilla.url(), way.settings, "");
        bugrelay.start();
        bugrelay.wait_until_ready();
        let late = up_to_the_last_word(&*bugzilla, &bugrelay, 0);
        let live = steps.into_iter().map(|step| step.messages).collect();
        let wrong = compare_late(&without_unmarked(Left { live, late }));
        if wrong.is_empty() { wrong } else { format!("{name}:\n{wrong}\n") }
    });
    assert!(wrong.is_empty(), "{wrong}");
}

/// Of the bug that another was a duplicate of before, history shows nothing; and saves leave by their time.
fn without_unmarked(mut left: Left) -> Left {
    let forget = |line: &mut String| {
        let mut message: Value = serde_json::from_str(line).unwrap();
        if let Some(changes) = message["event"].get_mut("changes").and_then(Value::as_array_mut) {
            let duplicate = changes.iter_mut().find(|change| change["field"] == "dup_id");
            duplicate.into_iter().for_each(|change| change["removed"] = "".into());
            changes.retain(|change| change["field"] != "dup_id" || change["added"] != "");
        }
        *line = message.to_string();
    };
    left.live.iter_mut().flatten().chain(&mut left.late).for_each(forget);
    let when = |line: &String| {
        let message: Value = serde_json::from_str(line).unwrap();
        (message["event"]["time"].to_string(), message["event"]["bug_id"].as_i64())
    };
    let mut live: Vec<String> = left.live.into_iter().flatten().collect();
    live.sort_by_key(when);
    left.late.sort_by_key(when);
    Left { live: vec![live], late: left.late }
}
