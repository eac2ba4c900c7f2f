//! What an upgrade does on PostgreSQL: other statements than on MariaDB, and by other ways in.

use std::time::Duration;

use super::{comments, file};
use crate::services::{Bugrelay, Postgres, PostgresDatabase, poll};

/// What checksetup does of 4.4 -> 5.0 -> 5.3, a save after each step. A column that changes its type has its table written anew.
const UPGRADE: [&str; 8] = [
    "CREATE TABLE bugs_aliases (alias varchar(40) NOT NULL, bug_id integer)",
    "INSERT INTO bugs_aliases (bug_id, alias) SELECT bug_id, alias FROM bugs WHERE alias IS NOT NULL;
     CREATE UNIQUE INDEX bugs_aliases_alias_idx ON bugs_aliases (alias);
     DROP INDEX bugs_alias_idx; ALTER TABLE bugs DROP COLUMN alias",
    "ALTER TABLE bugs ALTER COLUMN version TYPE varchar(64)",
    "ALTER TABLE profiles ADD COLUMN email varchar(255) NOT NULL DEFAULT ''; UPDATE profiles SET email = 'm' || login_name;
     CREATE UNIQUE INDEX profiles_email_idx ON profiles (email); ALTER TABLE profiles ALTER COLUMN email DROP DEFAULT",
    "ALTER TABLE longdescs ADD COLUMN is_markdown smallint NOT NULL DEFAULT 0",
    "ALTER TABLE longdescs ALTER COLUMN isprivate TYPE integer",
    "ALTER TABLE bug_group_map ALTER COLUMN group_id TYPE bigint",
    "ALTER TABLE bugs RENAME COLUMN status_whiteboard TO whiteboard; ALTER TABLE bugs RENAME COLUMN whiteboard TO status_whiteboard",
];

fn upgrade(bugzilla: &PostgresDatabase, step: usize) {
    bugzilla.exec(UPGRADE[step]);
    if step == 0 {
        // As the documentation says of a table that comes.
        bugzilla.exec(&format!("GRANT SELECT ON bugs_aliases TO {}", bugzilla.name));
    }
}

fn comment(bugzilla: &PostgresDatabase, id: u32) {
    bugzilla.exec(&format!(
        "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) \
         VALUES ({id}, 4, 3, timestamp '2026-11-22 06:00:00' + interval '{id} seconds', 'Tea?')"
    ));
}

/// A Bugzilla 4.4, read by this way.
fn old(capture: &str) -> (PostgresDatabase<'static>, Bugrelay) {
    let bugzilla = Postgres::shared().database();
    bugzilla.exec(&file("flavour/4.4.sql"));
    match capture {
        "logical" => bugzilla.publish(),
        _ => bugzilla.install_triggers(),
    }
    let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), &format!("capture = \"{capture}\""), "");
    (bugzilla, bugrelay)
}

fn upgraded_meanwhile(capture: &str) {
    let (bugzilla, mut bugrelay) = old(capture);
    bugrelay.start();
    bugrelay.wait_until_ready();
    comment(&bugzilla, 50);
    for (step, id) in (51..).enumerate().take(UPGRADE.len()) {
        upgrade(&bugzilla, step);
        comment(&bugzilla, id);
        bugrelay.wait_for(step + 2);
    }
    let expected: Vec<_> = (50..=58).map(|id| (id, serde_json::json!(["caj"]))).collect();
    assert_eq!(comments(&bugrelay), expected);
    // What is private stays so, however often its table was written anew.
    bugzilla.exec(
        "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext, isprivate) \
         VALUES (59, 4, 3, timestamp '2026-11-22 06:01:00', 'hush: tea', 1)",
    );
    bugrelay.wait_for(10);
    assert!(!bugrelay.lines().iter().any(|line| line.contains("hush")), "a private word left");
}

#[test]
fn on_postgresql_an_upgrade_while_bugrelay_runs_loses_nothing_and_tells_nothing_wrongly() {
    upgraded_meanwhile("triggers");
}

#[test]
fn so_it_does_by_logical_decoding() {
    upgraded_meanwhile("logical");
}

fn upgraded_while_away(capture: &str) {
    let (bugzilla, mut bugrelay) = old(capture);
    bugrelay.start();
    bugrelay.wait_until_ready();
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
fn on_postgresql_an_upgrade_while_bugrelay_is_away_is_understood() {
    upgraded_while_away("triggers");
}

#[test]
fn on_postgresql_an_upgrade_while_bugrelay_is_away_is_understood_by_logical_decoding() {
    upgraded_while_away("logical");
}

#[test]
fn on_postgresql_tables_that_are_away_for_a_while_are_waited_for_and_named() {
    let bugzilla = Postgres::shared().database();
    bugzilla.install_triggers();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    bugzilla.exec("ALTER TABLE bug_group_map RENAME TO away");
    comment(&bugzilla, 50);
    let named = || bugrelay.log().lines().any(|line| line.contains("changes wait") && line.contains("bug_group_map"));
    assert!(poll(Duration::from_secs(30), named), "{}", bugrelay.log());
    assert!(bugrelay.lines().is_empty(), "nothing is told unjudged");
    bugzilla.exec("ALTER TABLE away RENAME TO bug_group_map");
    bugrelay.wait_for(1);
}
