//! Bugzillas of every kind on a real MariaDB: its life gives the same messages on all of them, and one may become another meanwhile.

mod postgresql;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::services::{Bugrelay, Database, MariaDb, Mysqld, poll, sample};

const FLAVOURS: [&str; 3] = ["4.4", "5.3", "harmony"];

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/sample").join(path);
    std::fs::read_to_string(path).unwrap()
}

fn become_flavour(bugzilla: &Database, flavour: &str) {
    bugzilla.exec(&file(&format!("flavour/{flavour}.sql")));
}

/// The actions of Bugzilla's life in order, each ten seconds after the other, and how many messages each leaves.
fn life() -> Vec<(String, usize)> {
    let action = |(number, path): (usize, &PathBuf)| {
        let time = jiff::Timestamp::from_second(1_795_327_200 + 10 * i64::try_from(number).unwrap()).unwrap();
        let sql = sample::read_at(path, time);
        let leaves = sql.lines().find_map(|line| line.strip_prefix("-- leaves: ")).unwrap();
        let count = if leaves == "nothing" { 0 } else { leaves.split(", ").count() };
        (sql, count)
    };
    sample::life().iter().enumerate().map(action).collect()
}

/// Plays the life; gives what left, without aliases.
fn lived(bugzilla: &Database) -> Vec<Value> {
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let mut expected = 0;
    for (sql, leaves) in life() {
        bugzilla.exec(&sql);
        expected += leaves;
        bugrelay.wait_for(expected);
    }
    let mut messages = bugrelay.messages();
    messages.iter_mut().for_each(without_aliases);
    messages
}

fn without_aliases(message: &mut Value) {
    match message {
        Value::Object(fields) => {
            fields.remove("alias");
            fields.values_mut().for_each(without_aliases);
        }
        Value::Array(values) => values.iter_mut().for_each(without_aliases),
        _ => {}
    }
}

#[test]
fn bugzillas_life_gives_the_same_messages_on_every_flavour() {
    let usual = lived(&MariaDb::shared().database());
    assert_eq!(usual.len(), 26);
    for flavour in FLAVOURS {
        let bugzilla = MariaDb::shared().database();
        become_flavour(&bugzilla, flavour);
        let check = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "").verb(&["check"]);
        assert_eq!(check.code, 0, "{flavour}: {}{}", check.out, check.err);
        assert_eq!(lived(&bugzilla), usual, "{flavour}");
    }
}

/// Takes the foreign keys away, and then the transactions.
fn become_myisam(bugzilla: &Database) {
    let keys = bugzilla.exec(
        "SELECT CONCAT('ALTER TABLE `', table_name, '` DROP FOREIGN KEY ', constraint_name, ';')
         FROM information_schema.table_constraints WHERE constraint_type = 'FOREIGN KEY' AND table_schema = DATABASE()",
    );
    bugzilla.exec(&keys);
    for table in ["attachments", "bug_group_map", "bugs", "bugs_activity", "duplicates", "flags", "longdescs"] {
        bugzilla.exec(&format!("ALTER TABLE {table} ENGINE = MyISAM"));
    }
}

#[test]
fn without_transactions_everything_is_told_and_nothing_private() {
    let bugzilla = MariaDb::shared().database();
    become_myisam(&bugzilla);
    let check = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "").verb(&["check"]);
    assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    assert!(check.out.contains("warning  engines: without transactions: attachments, bugs,"), "{}", check.out);
    // A save that comes in pieces may be told in pieces, and one that fails is told up to where it failed.
    let expected = lived(&MariaDb::shared().database());
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    for (sql, leaves) in life() {
        let before = bugrelay.lines().len();
        bugzilla.exec(&sql);
        bugrelay.wait_for(before + leaves);
    }
    let word = |message: &Value| format!("{} {}", message["event"]["routing_key"], message["event"]["bug_id"]);
    let told = || bugrelay.messages().iter().map(word).collect::<Vec<_>>();
    for word in expected.iter().map(word) {
        assert!(poll(Duration::from_secs(30), || told().contains(&word)), "{word} is not in {:#?}", told());
    }
    // What was not rolled back is there for everybody, in Bugzilla too.
    let private = |line: &String| line.replace("hush: never saved", "").contains("hush");
    assert!(!bugrelay.lines().iter().any(private), "a private word left");
}

/// A comment on bug 4, and the place of its number in all of them.
fn comment(bugzilla: &Database, id: u32) {
    bugzilla.exec(&format!(
        "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) \
         VALUES ({id}, 4, 3, '2026-11-22 06:00:00' + INTERVAL {id} SECOND, 'Tea?')"
    ));
}

/// The comments that were told, with the aliases of their bug.
fn comments(bugrelay: &Bugrelay) -> Vec<(i64, Value)> {
    let told = |message: Value| {
        (message["comment"]["comment_id"].as_i64().unwrap(), message["comment"]["bug"]["alias"].clone())
    };
    bugrelay.messages().into_iter().map(told).collect()
}

/// What checksetup does of 4.4 -> 5.0 -> 5.3, a save after each step.
const UPGRADE: [&str; 8] = [
    "CREATE TABLE bugs_aliases (alias varchar(40) NOT NULL, bug_id mediumint, UNIQUE KEY (alias), KEY (bug_id))",
    "INSERT INTO bugs_aliases (bug_id, alias) SELECT bug_id, alias FROM bugs WHERE alias IS NOT NULL;
     ALTER TABLE bugs DROP INDEX bugs_alias_idx; ALTER TABLE bugs DROP COLUMN alias",
    "ALTER TABLE bugs MODIFY COLUMN version varchar(64) CHARACTER SET utf8mb3 NOT NULL; ALTER TABLE bugs ENGINE = InnoDB",
    "ALTER TABLE profiles ADD COLUMN email varchar(255) AFTER login_name; UPDATE profiles SET email = CONCAT('m', login_name);
     ALTER TABLE profiles MODIFY email varchar(255) NOT NULL, ADD UNIQUE KEY (email)",
    "ALTER TABLE longdescs ADD COLUMN is_markdown tinyint NOT NULL DEFAULT 0 AFTER comment_id",
    "SET FOREIGN_KEY_CHECKS = 0; ALTER TABLE longdescs CONVERT TO CHARACTER SET utf8mb3",
    "SET FOREIGN_KEY_CHECKS = 0; CREATE TABLE fresh LIKE longdescs; INSERT INTO fresh SELECT * FROM longdescs; DROP TABLE longdescs; RENAME TABLE fresh TO longdescs",
    "ALTER TABLE longdescs MODIFY COLUMN thetext longtext NOT NULL, MODIFY COLUMN who mediumint NOT NULL FIRST",
];

fn upgrade(bugzilla: &Database, step: usize) {
    bugzilla.exec(UPGRADE[step]);
    if step == 0 {
        // As the documentation says of a table that comes.
        bugzilla.exec("GRANT SELECT ON bugs_aliases TO 'bugrelay'@'%'");
    }
}

fn upgraded_meanwhile(server: &Mysqld) {
    let bugzilla = server.database();
    become_flavour(&bugzilla, "4.4");
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    comment(&bugzilla, 50);
    for (step, id) in (51..).enumerate().take(UPGRADE.len()) {
        upgrade(&bugzilla, step);
        comment(&bugzilla, id);
        bugrelay.wait_for(step + 2);
    }
    let told = comments(&bugrelay);
    let expected: Vec<_> = (50..=58).map(|id| (id, serde_json::json!(["caj"]))).collect();
    assert_eq!(told, expected);
}

#[test]
fn an_upgrade_while_bugrelay_runs_loses_nothing_and_tells_nothing_wrongly() {
    upgraded_meanwhile(MariaDb::shared());
}

#[test]
fn so_it_is_when_the_log_names_its_columns() {
    upgraded_meanwhile(&MariaDb::start(&["--binlog-row-metadata=FULL"]));
}

/// Saves come before and after the upgrade, as at a site that is closed for it; bugrelay sees all of it afterwards.
fn upgraded_while_away(server: &Mysqld) {
    let bugzilla = server.database();
    become_flavour(&bugzilla, "4.4");
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    assert!(bugrelay.terminate().success());
    comment(&bugzilla, 50);
    for step in 0..UPGRADE.len() {
        upgrade(&bugzilla, step);
        // Upgrades write rows that are no news, between one change of a definition and the next.
        bugzilla.exec("UPDATE longdescs SET work_time = work_time + 1 WHERE comment_id = 50");
    }
    comment(&bugzilla, 51);
    bugrelay.start();
    bugrelay.wait_for(2);
    let aliases = serde_json::json!(["caj"]);
    assert_eq!(comments(&bugrelay), [(50, aliases.clone()), (51, aliases)]);
}

#[test]
fn an_upgrade_while_bugrelay_is_away_is_understood() {
    upgraded_while_away(MariaDb::shared());
}

#[test]
fn an_upgrade_while_bugrelay_is_away_is_understood_when_the_log_names_its_columns() {
    upgraded_while_away(&MariaDb::start(&["--binlog-row-metadata=FULL"]));
}

#[test]
fn tables_that_are_away_for_a_while_are_waited_for_and_named() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    bugzilla.exec("RENAME TABLE bug_group_map TO away");
    comment(&bugzilla, 50);
    let named = || bugrelay.log().lines().any(|line| line.contains("changes wait") && line.contains("bug_group_map"));
    assert!(poll(Duration::from_secs(30), named), "{}", bugrelay.log());
    let check = bugrelay.verb(&["check"]);
    assert_eq!(check.code, 78, "{}", check.out);
    let says = |line: &str| line.starts_with("ERROR    bugzilla: ") && line.contains("bug_group_map");
    assert!(check.out.lines().any(says), "{}", check.out);
    assert!(bugrelay.lines().is_empty(), "nothing is told unjudged");
    bugzilla.exec("RENAME TABLE away TO bug_group_map");
    bugrelay.wait_for(1);
}
