//! Are the triggers and their queue as they should be? Each answer with what mends it.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::installation::triggers;
use super::level;
use crate::capture::{Finding, Severity};

/// What makes or mends everything of ours.
const INSTALL: &str = "bugrelay triggers install (`bugrelay triggers sql` prints what it runs)";

/// Everything that there is to say.
pub(super) fn inspect(connection: &Connection) -> rusqlite::Result<Vec<Finding>> {
    let mut statement = connection.prepare(include_str!("../../../../sql/sqlite_source/query/trigger_objects.sql"))?;
    let objects = statement.query_map([], |row| Ok((row.get(1)?, row.get::<_, Option<String>>(2)?)))?;
    let found: BTreeMap<String, Option<String>> = objects.collect::<rusqlite::Result<_>>()?;
    let mut findings = vec![];
    for name in ["bugrelay_queue", "bugrelay_state"] {
        if !found.contains_key(name) {
            findings.push(finding("trigger_queue", Severity::Error, format!("table {name} is not there"), INSTALL));
        }
    }
    let has_queue = findings.is_empty();
    let mut whole = 0;
    for (name, table, sql) in triggers() {
        match found.get(&name) {
            _ if !found.contains_key(table) => {
                let message = format!("there is no table {table}: is Bugzilla being installed, or this another file?");
                let remedy = "name Bugzilla's own file in [bugzilla] database";
                findings.push(finding("tables", Severity::Unavailable, message, remedy));
            }
            None => {
                let message = format!("table {table} has no trigger {name}");
                findings.push(finding("trigger", Severity::Error, message, INSTALL));
            }
            Some(installed) if installed.as_ref() != Some(&sql) => {
                let message = format!("the trigger {name} is of another version of bugrelay");
                findings.push(finding("trigger_function", Severity::Warning, message, INSTALL));
            }
            Some(_) => whole += 1,
        }
    }
    if findings.is_empty() {
        findings.push(good("trigger", format!("the queue and its {whole} triggers are there")));
    }
    if has_queue {
        findings.push(valve(connection)?);
    }
    Ok(findings)
}

fn valve(connection: &Connection) -> rusqlite::Result<Finding> {
    let level = level(connection)?;
    if level.is_shut() {
        let message = "the queue reached its limit, and rows were left out of it".to_owned();
        let remedy = "bugrelay run goes on and says what it lost; see docs/how-to/triggers.md";
        return Ok(finding("trigger_valve", Severity::Warning, message, remedy));
    }
    let rows = level.oldest.map_or(0, |(oldest, _)| level.newest - oldest + 1);
    let room = level.closed_above - level.newest;
    Ok(good("trigger_valve", format!("at most {rows} rows wait, and {room} more are let in")))
}

fn finding(id: &'static str, severity: Severity, message: String, remedy: &str) -> Finding {
    Finding { id: id.into(), severity, message, remedy: Some(remedy.to_owned()) }
}

fn good(id: &'static str, message: String) -> Finding {
    Finding { id: id.into(), severity: Severity::Good, message, remedy: None }
}
