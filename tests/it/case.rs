//! The cases of `tests/case`: SQL in, messages out, as plain files.
//!
//! A file is a fresh Bugzilla (`tests/bugzilla`) and a story in steps, with a blank line between them: statements, and under
//! them a line `-- -> BODY` for each message that must leave for them, byte for byte, in order. `-- (no message)` says that
//! there is none. `fielddef('cc')` gives a field's id. With `BLESS=1` in the environment the lines are written anew from what left, with `CASE=004` of one case only:
//! read them before you commit them.
//!
//! The files are written for MySQL. Each way in plays all of them but those that it names, and must give the same.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use crate::services::{Bugrelay, Database, MariaDb, MySql, Mysqld, Postgres, PostgresDatabase};

const MESSAGE: &str = "-- -> ";
const NOTHING: &str = "-- (no message)";

/// Told at the end of every step: nothing more may come before it. It is known by its change set, for its bug may be private.
const LAST_WORD: &str = "SET autocommit = 1; INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) \
                         VALUES (1, 1, '2037-01-01 00:00:00', fielddef('priority'), '', '')";
const LAST_WORD_ID: &str = "\"change_set\":\"1.2114380800.1\"";

/// A server with a Bugzilla on it, and a way to read it.
struct Way {
    /// A fresh Bugzilla.
    bugzilla: fn() -> Box<dyn Bugzilla>,
    /// For `[bugzilla]`.
    settings: &'static str,
    /// Cases that cannot be played there, by number.
    left_out: &'static [&'static str],
    /// What one bugrelay has read another does not get: the late reader has a Bugzilla of its own.
    has_one_reader: bool,
}

/// A Bugzilla that statements can be run on.
trait Bugzilla {
    fn url(&self) -> String;
    fn exec(&self, sql: &str);
}

const BINLOG: Way =
    Way { bugzilla: || Box::new(mysql(MariaDb::shared())), settings: "", left_out: &[], has_one_reader: false };

const MYSQL: Way =
    Way { bugzilla: || Box::new(mysql(MySql::full())), settings: "", left_out: &[], has_one_reader: false };

/// Character sets of single tables are MySQL's.
const LOGICAL: Way = Way {
    bugzilla: || Box::new(logical()),
    settings: "capture = \"logical\"",
    left_out: &["031", "032"],
    has_one_reader: true,
};

const TRIGGERS: Way = Way {
    bugzilla: || Box::new(triggers()),
    settings: "capture = \"triggers\"",
    left_out: &["031", "032"],
    has_one_reader: true,
};

const MYSQL_TRIGGERS: Way = Way {
    bugzilla: || Box::new(mysql_triggers(MariaDb::shared())),
    settings: "capture = \"triggers\"",
    left_out: &[],
    has_one_reader: true,
};

const FIELDDEF: &str = "CREATE FUNCTION fielddef(wanted varchar(64)) RETURNS int READS SQL DATA \
                     RETURN (SELECT id FROM fielddefs WHERE name = wanted)";

const FIELDDEF_POSTGRESQL: &str = "CREATE FUNCTION fielddef(wanted varchar) RETURNS int LANGUAGE sql STABLE AS \
                     'SELECT id FROM fielddefs WHERE name = wanted'";

/// Cases played at a time.
const PLAYERS: usize = 4;

struct Step {
    sql: String,
    messages: Vec<String>,
}

fn mysql(server: &'static Mysqld) -> Database<'static> {
    let bugzilla = server.database();
    bugzilla.exec(FIELDDEF);
    bugzilla
}

fn mysql_triggers(server: &'static Mysqld) -> Database<'static> {
    let bugzilla = mysql(server);
    bugzilla.install_triggers();
    bugzilla
}

/// Leaves no slot behind.
struct Logical(PostgresDatabase<'static>);

fn logical() -> Logical {
    let bugzilla = Postgres::shared().database();
    bugzilla.publish();
    bugzilla.exec(FIELDDEF_POSTGRESQL);
    Logical(bugzilla)
}

struct Triggers(PostgresDatabase<'static>);

fn triggers() -> Triggers {
    let bugzilla = Postgres::shared().database();
    bugzilla.install_triggers();
    bugzilla.exec(FIELDDEF_POSTGRESQL);
    Triggers(bugzilla)
}

impl Bugzilla for Triggers {
    fn url(&self) -> String {
        self.0.bugrelay_url()
    }

    fn exec(&self, sql: &str) {
        self.0.exec(&in_postgresql(sql));
    }
}

impl Bugzilla for Database<'_> {
    fn url(&self) -> String {
        self.bugrelay_url()
    }

    fn exec(&self, sql: &str) {
        Database::exec(self, sql);
    }
}

impl Bugzilla for Logical {
    fn url(&self) -> String {
        self.0.bugrelay_url()
    }

    fn exec(&self, sql: &str) {
        self.0.exec(&in_postgresql(sql));
    }
}

impl Drop for Logical {
    fn drop(&mut self) {
        self.0.drop_slots();
    }
}

/// What the cases say in MySQL's words. `SET @name = value;` stands on a line of its own, and the value is put where
/// the name is.
fn in_postgresql(sql: &str) -> String {
    // In this order: the end of the one would begin the other.
    let words = [
        (", sql_mode = ''", ""),
        ("SET autocommit = 0", "BEGIN"),
        ("SET autocommit = 1;", ""),
        ("CHAR(", "CHR("),
        ("`", "\""),
        ("'0000-00-00 00:00:00'", "NULL"),
        ("'0000-00-00'", "NULL"),
        (" FIRST,", ","),
        (" AFTER bug_id", ""),
        (" AFTER id", ""),
    ];
    let sql = words.iter().fold(sql.to_owned(), |sql, (mysql, postgresql)| sql.replace(mysql, postgresql));
    let mut text = String::from("SET standard_conforming_strings = off; SET escape_string_warning = off;\n");
    let mut variables: Vec<(&str, &str)> = vec![];
    for line in sql.lines().filter(|line| !line.starts_with("SET NAMES")) {
        if let Some(set) = line.strip_prefix("SET @") {
            for (name, value) in set.trim_end_matches(';').split(", @").filter_map(|set| set.split_once(" = ")) {
                variables.retain(|(known, _)| *known != name);
                variables.push((name, value));
            }
            continue;
        }
        let put = |line: String, (name, value): &(&str, &str)| line.replace(&format!("@{name}"), value);
        text.push_str(&variables.iter().fold(line.to_owned(), put));
        text.push('\n');
    }
    text
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
    let running = start(&*bugzilla);
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
    play_all(&BINLOG, std::env::var_os("BLESS").is_some());
}

#[test]
fn on_mysql_every_case_gives_the_same() {
    play_all(&MYSQL, false);
}

#[test]
fn every_case_gives_the_same_by_logical_decoding() {
    play_all(&LOGICAL, false);
}

#[test]
fn every_case_gives_the_same_by_triggers_on_postgresql() {
    play_all(&TRIGGERS, false);
}

#[test]
fn every_case_gives_the_same_by_triggers_on_mariadb() {
    play_all(&MYSQL_TRIGGERS, false);
}

fn play_all(way: &Way, bless: bool) {
    let wrong = each_case(|path| {
        let mut wrong = String::new();
        let name = path.file_name().unwrap().to_string_lossy();
        if way.left_out.iter().any(|number| name.starts_with(number)) {
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

/// What history cannot see as others do: several commits or saves of one user on one bug in one second, and rows that are gone.
const NOT_BY_HISTORY: [&str; 4] = ["023_", "024_", "025_", "028_"];

#[test]
fn history_alone_gives_the_events_of_every_case_to_a_reader_that_comes_late() {
    let wrong = each_case(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if NOT_BY_HISTORY.iter().any(|unseen| name.starts_with(unseen)) {
            return String::new();
        }
        let steps = read(path);
        let bugzilla = MariaDb::shared().database();
        bugzilla.exec(FIELDDEF);
        steps.iter().for_each(|step| drop(bugzilla.exec(&step.sql)));
        // What the site had before the case is dated earlier.
        let settings = "capture = \"history\"\nstart = \"2026-02-01\"";
        let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), settings, "");
        bugrelay.start();
        bugrelay.wait_until_ready();
        let late = up_to_the_last_word(&bugzilla, &bugrelay, 0);
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
    (live.sort_by_key(when), left.late.sort_by_key(when));
    Left { live: vec![live], late: left.late }
}

/// A late reader tells the same events in the same order. It may hold back an object that is private by now; it never tells
/// one that was held back then, and it tells the same changes.
fn compare_late(left: &Left) -> String {
    let parse = |line: &String| -> Value { serde_json::from_str(line).unwrap() };
    let live: Vec<Value> = left.live.iter().flatten().map(parse).collect();
    let late: Vec<Value> = left.late.iter().map(parse).collect();
    let mut wrong = String::new();
    if live.iter().map(bare).ne(late.iter().map(bare)) {
        let _ = writeln!(wrong, "late, other events: {:#?}", late.iter().map(bare).collect::<Vec<_>>());
    }
    let is_public = |message: &Value| message.as_object().unwrap().len() == 2;
    for (live, late) in live.iter().zip(&late).filter(|(_, late)| is_public(late)) {
        if !is_public(live) || live["event"] != late["event"] {
            let _ = writeln!(wrong, "told otherwise:\n  live {live}\n  late {late}");
        }
    }
    wrong
}

/// The event without what only public messages have.
fn bare(message: &Value) -> Value {
    let mut event = message["event"].clone();
    event.as_object_mut().unwrap().remove("changes");
    event
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
