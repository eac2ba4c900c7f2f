//! The cases of `tests/case`: SQL in, messages out, as plain files.
//!
//! A file is a fresh Bugzilla (`tests/bugzilla`) and a story in steps: statements, and under them a line `-- -> BODY` for each
//! message that must leave for them, byte for byte, in order. `-- (no message)` says that there is none. With `BLESS=1` in the
//! environment the lines are written anew from what left: read them before you commit them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::services::{Bugrelay, MariaDb};

const MESSAGE: &str = "-- -> ";
const NOTHING: &str = "-- (no message)";

/// Told at the end of every case: nothing more may come before it.
const LAST_WORD: &str = "SET autocommit = 1; INSERT INTO longdescs (bug_id, who, bug_when, thetext) \
                         VALUES (1, 1, '2037-01-01 00:00:00', 'the last word');";

struct Step {
    sql: String,
    messages: Vec<String>,
}

fn read(path: &Path) -> Vec<Step> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut steps = vec![Step { sql: String::new(), messages: vec![] }];
    let mut answered = false;
    for line in text.lines() {
        let message = line.strip_prefix(MESSAGE);
        if message.is_some() || line == NOTHING {
            answered = true;
            steps.last_mut().unwrap().messages.extend(message.map(ToOwned::to_owned));
        } else {
            if answered && !line.trim().is_empty() {
                steps.push(Step { sql: String::new(), messages: vec![] });
                answered = false;
            }
            let sql = &mut steps.last_mut().unwrap().sql;
            sql.push_str(line);
            sql.push('\n');
        }
    }
    steps
}

fn write(path: &Path, steps: &[Step]) {
    let mut text = String::new();
    for step in steps {
        let _ = writeln!(text, "{}", step.sql.trim_end());
        if step.messages.is_empty() {
            let _ = writeln!(text, "{NOTHING}");
        }
        for message in &step.messages {
            let _ = writeln!(text, "{MESSAGE}{message}");
        }
        let _ = writeln!(text);
    }
    std::fs::write(path, text.trim_end().to_owned() + "\n").unwrap();
}

/// Plays a case; returns what left for each step.
fn play(steps: &[Step], bless: bool) -> Vec<Vec<String>> {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let mut left = Vec::new();
    let mut before = 0;
    for step in steps {
        // Words of earlier steps have left: what comes now is of this one.
        bugzilla.exec(&step.sql);
        if bless {
            bugzilla.exec(LAST_WORD);
            let lines = wait_for_last_word(&bugrelay, before);
            left.push(lines[before..lines.len() - 1].to_vec());
            before = lines.len();
        } else {
            let lines = bugrelay.wait_for(before + step.messages.len());
            left.push(lines[before..].to_vec());
            before = lines.len();
        }
    }
    if !bless {
        bugzilla.exec(LAST_WORD);
        let lines = wait_for_last_word(&bugrelay, before);
        let late = lines[before..lines.len() - 1].to_vec();
        left.last_mut().unwrap().extend(late);
    }
    left
}

fn wait_for_last_word(bugrelay: &Bugrelay, before: usize) -> Vec<String> {
    loop {
        let lines = bugrelay.wait_for(before + 1);
        if lines[before..].last().is_some_and(|line| line.contains("the last word")) {
            return lines;
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/case");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    cases.sort();
    cases
}

#[test]
fn every_case_gives_its_messages_byte_for_byte() {
    let bless = std::env::var_os("BLESS").is_some();
    let only = std::env::var("CASE").unwrap_or_default();
    let mut wrong = String::new();
    for path in cases().iter().filter(|path| path.to_string_lossy().contains(&only)) {
        let mut steps = read(path);
        let left = play(&steps, bless);
        for (step, left) in steps.iter_mut().zip(left) {
            if bless {
                step.messages = left;
            } else if step.messages != left {
                let name = path.file_name().unwrap().to_string_lossy();
                let _ = writeln!(
                    wrong,
                    "{name}:\n{}\nshould give {:#?}\nbut gives  {left:#?}\n",
                    step.sql.trim(),
                    step.messages
                );
            }
        }
        if bless {
            write(path, &steps);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_message_of_the_cases_fits_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(bugrelay::message::schema::MESSAGES).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut messages = 0;
    for message in cases().iter().flat_map(|path| read(path)).flat_map(|step| step.messages) {
        let value: serde_json::Value = serde_json::from_str(&message).unwrap();
        if let Err(error) = schema.validate(&value) {
            panic!("{error}\n{message}");
        }
        messages += 1;
    }
    assert!(messages > 20, "only {messages} messages were looked at");
}
