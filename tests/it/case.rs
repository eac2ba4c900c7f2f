//! The cases of `tests/case`: SQL in, messages out, as plain files.
//!
//! A file is a fresh Bugzilla (`sql/sample`) and a story in steps, with a blank line between them: statements, and under
//! them a line `-- -> BODY` for each message that must leave for them, byte for byte, in order. `-- (no message)` says that
//! there is none. `fielddef('cc')` gives a field's id. With `BLESS=1` in the environment the lines are written anew from what left, with `CASE=004` of one case only:
//! read them before you commit them.
//!
//! The files are written for MySQL. Each way in plays them but those that it names, and must give the same: two ways all of them, the
//! others a dozen; with `BUGRELAY_MATRIX` in the environment (`scripts/test-matrix`) each plays all.

mod history;
mod late;
mod way;
mod words;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use self::late::compare_late;
use self::way::{Bugzilla, Way};
use crate::services::Bugrelay;

const MESSAGE: &str = "-- -> ";
const NOTHING: &str = "-- (no message)";

/// Told at the end of every step: nothing more may come before it. It is known by its change set, for its bug may be private.
const LAST_WORD: &str = "SET autocommit = 1; INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) \
                         VALUES (1, 1, '2037-01-01 00:00:00', fielddef('priority'), '', '')";
const LAST_WORD_ID: &str = "\"change_set\":\"1.2114380800.1\"";

/// Cases played at a time.
const PLAYERS: usize = 4;

struct Step {
    sql: String,
    messages: Vec<String>,
}

fn read(path: &Path) -> Vec<Step> {
    let text = std::fs::read_to_string(path).unwrap();
    let step = |paragraph: &str| {
        let (answers, sql): (Vec<&str>, Vec<&str>) =
            paragraph.lines().partition(|line| line.starts_with(MESSAGE) || *line == NOTHING);
        let messages = answers.iter().filter_map(|line| line.strip_prefix(MESSAGE)).map(ToOwned::to_owned);
        Step { sql: sql.join("\n"), messages: messages.collect() }
    };
    text.split("\n\n").map(step).collect()
}

fn write(path: &Path, steps: &[Step]) {
    let mut text = String::new();
    for step in steps {
        let _ = writeln!(text, "{}", step.sql.trim());
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

/// What left up to the last word; `before` lines are known.
fn up_to_the_last_word(bugzilla: &dyn Bugzilla, bugrelay: &Bugrelay, before: usize) -> Vec<String> {
    bugzilla.exec(LAST_WORD);
    let mut lines = vec![];
    while !lines.last().is_some_and(|line: &String| line.contains(LAST_WORD_ID)) {
        lines = bugrelay.wait_for(before + lines.len() + 1).split_off(before);
    }
    lines.pop();
    lines
}

/// What left for each step of a case, and what another bugrelay told of all of it that was stopped meanwhile.
struct Left {
    live: Vec<Vec<String>>,
    late: Vec<String>,
}

fn play(steps: &[Step], way: &Way) -> Left {
    let bugzilla = (way.bugzilla)();
    let of_the_late = way.has_one_reader.then(|| (way.bugzilla)());
    let start = |bugzilla: &dyn Bugzilla| {
        let mut bugrelay = Bugrelay::configured(&bugzilla.url(), way.settings, "");
        bugrelay.start();
        bugrelay.wait_until_ready();
        bugrelay
    };
    let mut stopped = start(of_the_late.as_deref().unwrap_or(&*bugzilla));
    assert!(stopped.terminate().success());
    let mut running = start(&*bugzilla);
    let mut before = 0;
    let live = steps.iter().map(|step| {
        bugzilla.exec(&step.sql);
        let left = up_to_the_last_word(&*bugzilla, &running, before);
        before += left.len() + 1;
        if let Some(other) = &of_the_late {
            other.exec(&step.sql);
            other.exec(LAST_WORD);
        }
        left
    });
    let live = live.collect();
    // Two that read the same as one replica throw each other out.
    assert!(running.terminate().success());
    stopped.start();
    let mut late = stopped.wait_for(before);
    late.retain(|line| !line.contains(LAST_WORD_ID));
    Left { live, late }
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/case");
    let only = std::env::var("CASE").unwrap_or_default();
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    cases.retain(|path| path.to_string_lossy().contains(&only));
    cases.sort();
    cases
}

/// Looks at all cases, a few at a time; returns what was found wrong, in the order of the cases.
fn each_case(look: impl Fn(&Path) -> String + Sync) -> String {
    let waiting = Mutex::new(cases().into_iter().collect::<VecDeque<_>>());
    let wrong = Mutex::new(Vec::new());
    let player = || {
        while let Some(path) = { waiting.lock().unwrap().pop_front() } {
            let found = look(&path);
            wrong.lock().unwrap().push((path, found));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(player);
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    wrong.into_iter().map(|(_, found)| found).collect()
}

#[test]
fn every_case_gives_its_messages_byte_for_byte_and_a_late_reader_none_other() {
    play_all(&way::BINLOG, std::env::var_os("BLESS").is_some());
}

#[test]
fn every_case_gives_the_same_on_sqlite() {
    play_all(&way::SQLITE, false);
}

#[test]
fn every_case_gives_the_same_by_triggers_on_postgresql() {
    play_all(&way::POSTGRES_TRIGGERS, false);
}

#[test]
fn telling_cases_give_the_same_by_binlog_on_mysql() {
    play_all(&way::MYSQL, false);
}

#[test]
fn telling_cases_give_the_same_by_logical_decoding() {
    play_all(&way::LOGICAL, false);
}

#[test]
fn telling_cases_give_the_same_by_triggers_on_mariadb() {
    play_all(&way::MARIADB_TRIGGERS, false);
}

#[test]
fn telling_cases_give_the_same_by_triggers_on_mysql() {
    play_all(&way::MYSQL_TRIGGERS, false);
}

fn play_all(way: &Way, bless: bool) {
    let wrong = each_case(|path| {
        let mut wrong = String::new();
        let name = path.file_name().unwrap().to_string_lossy();
        if !way.plays(&name) {
            return wrong;
        }
        let mut steps = read(path);
        let left = play(&steps, way);
        wrong.push_str(&compare_late(&left));
        for (step, left) in steps.iter_mut().zip(left.live) {
            if bless {
                step.messages = left;
            } else if step.messages != left {
                let sql = step.sql.trim();
                let _ = writeln!(wrong, "{sql}\nshould give {:#?}\nbut gives  {left:#?}\n", step.messages);
            }
        }
        if bless {
            write(path, &steps);
        }
        if wrong.is_empty() { wrong } else { format!("{name}:\n{wrong}\n") }
    });
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_message_of_the_cases_fits_the_schema() {
    let schema: Value = serde_json::from_str(bugrelay::message::schema::MESSAGES).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for message in cases().iter().flat_map(|path| read(path)).flat_map(|step| step.messages) {
        let value: Value = serde_json::from_str(&message).unwrap();
        if let Err(error) = schema.validate(&value) {
            panic!("{error}\n{message}");
        }
    }
}
