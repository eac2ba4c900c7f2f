//! Are the triggers, their queue and the account's rights on it as they should be? Each answer with what mends it.

use std::borrow::Cow;

use tokio_postgres::types::Type;

use super::installation::{TABLES, bodies};
use super::{PostgresqlTable, value};
use crate::capture::triggers::QueueTable as _;
use crate::capture::{CaptureError, Finding, Severity};

/// The oldest version that is read, as `server_version_num`.
const OLDEST: i32 = 130_000;

/// What makes or mends everything of ours.
const INSTALL: &str = "bugrelay triggers install (as an administrator; `bugrelay triggers sql` prints what it runs)";

/// Everything that there is to say. What could not be asked because something before it is missing is left out.
pub(super) async fn inspect(table: &mut PostgresqlTable) -> Result<Vec<Finding>, CaptureError> {
    let sql = include_str!("../../../../sql/postgresql/query/trigger_objects.sql");
    let row = table.row(sql, &[(&table.schema, Type::TEXT)]).await?;
    let version: i32 = value(&row, 0)?;
    if version < OLDEST {
        let message = format!("PostgreSQL {}, expected 13 or later", version / 10_000);
        return Ok(vec![error("version", message, "upgrade the server".to_owned())]);
    }
    let mut findings = vec![good("version", format!("PostgreSQL {}", version / 10_000))];
    if value(&row, 1)? {
        let message = "the server is a standby: the queue is read and emptied on the primary alone".to_owned();
        findings.push(error("standby", message, "let [bugzilla] database name the primary".to_owned()));
        return Ok(findings);
    }
    let is_whole = objects(table, &row, &mut findings)?;
    findings.extend(triggers(table).await?);
    if is_whole {
        findings.extend(dump(table, &row)?);
        findings.push(valve(table).await?);
    }
    Ok(findings)
}

/// The schema, the queue, its numbers, the valve, the functions. True if all can be used.
fn objects(
    table: &PostgresqlTable,
    row: &tokio_postgres::Row,
    findings: &mut Vec<Finding>,
) -> Result<bool, CaptureError> {
    let before = findings.len();
    let schema = &table.schema;
    let is = |column| value::<bool>(row, column);
    let things = [
        (2, "trigger_schema", format!("schema {schema}"), vec![(3, "USAGE", format!("SCHEMA {schema}"))]),
        (4, "trigger_queue", format!("table {schema}.trigger_queue"), {
            let name = format!("{schema}.trigger_queue");
            vec![(5, "SELECT", name.clone()), (6, "DELETE", name)]
        }),
        (7, "trigger_queue_id", format!("sequence {schema}.trigger_queue_id"), {
            vec![(8, "SELECT", format!("SEQUENCE {schema}.trigger_queue_id"))]
        }),
        (9, "trigger_valve", format!("sequence {schema}.trigger_valve"), {
            let name = format!("SEQUENCE {schema}.trigger_valve");
            vec![(10, "SELECT", name.clone()), (11, "UPDATE", name)]
        }),
    ];
    for (column, id, what, rights) in things {
        if !is(column)? {
            findings.push(error(id, format!("{what} is not there"), INSTALL.to_owned()));
            continue;
        }
        for (column, right, on) in rights {
            if !is(column)? {
                let remedy = format!("GRANT {right} ON {on} TO the account; or {INSTALL}");
                findings.push(error("grant_triggers", format!("the account lacks {right} on {on}"), remedy));
            }
        }
    }
    let (note, leave): (Option<String>, Option<String>) = (value(row, 12)?, value(row, 13)?);
    let installed = note.zip(leave).map(|(note, leave)| [note, leave]);
    match installed {
        None => findings.push(error(
            "trigger_function",
            "the triggers' functions are not there".to_owned(),
            INSTALL.to_owned(),
        )),
        Some(installed) if ![true, false].iter().any(|&notify| installed == bodies(schema, notify)) => {
            let message = "the triggers' functions are of another version of bugrelay".to_owned();
            findings.push(Finding {
                id: "trigger_function".into(),
                severity: Severity::Warning,
                message,
                remedy: Some(INSTALL.to_owned()),
            });
        }
        Some(_) if !is(14)? || !is(15)? => {
            let message = "the owner of the triggers' functions may not write to the queue: every change is lost to it"
                .to_owned();
            findings.push(error("trigger_owner", message, INSTALL.to_owned()));
        }
        Some(_) => {}
    }
    if findings.len() == before {
        findings.push(good("trigger_queue", format!("the queue {schema}.trigger_queue can be used")));
    }
    Ok(findings[before..].iter().all(|finding| finding.severity < Severity::Error))
}

/// Bugzilla's owner dumps the database, and `pg_dump` ends at the first thing that it may not read.
fn dump(table: &PostgresqlTable, row: &tokio_postgres::Row) -> Result<Option<Finding>, CaptureError> {
    let Some(owner) = value::<Option<String>>(row, 16)? else { return Ok(None) };
    let schema = &table.schema;
    let rights = [
        (17, format!("USAGE ON SCHEMA {schema}")),
        (18, format!("SELECT ON {schema}.trigger_queue")),
        (19, format!("SELECT ON SEQUENCE {schema}.trigger_queue_id, {schema}.trigger_valve")),
    ];
    for (column, right) in rights {
        if value::<Option<bool>>(row, column)? == Some(false) {
            return Ok(Some(Finding {
                id: "grant_dump".into(),
                severity: Severity::Warning,
                message: format!("the owner of Bugzilla's tables, {owner}, lacks {right}: its pg_dump fails"),
                remedy: Some(format!("GRANT {right} TO \"{owner}\"; or {INSTALL}")),
            }));
        }
    }
    Ok(None)
}

async fn triggers(table: &PostgresqlTable) -> Result<Vec<Finding>, CaptureError> {
    let names = TABLES.map(|(name, _)| name);
    let sql = include_str!("../../../../sql/postgresql/query/trigger_list.sql");
    let rows = table.rows(sql, &[(&table.schema, Type::TEXT), (&&names[..], Type::TEXT_ARRAY)]).await?;
    let mut findings = vec![];
    for row in &rows {
        let (name, is_there): (String, bool) = (value(row, 0)?, value(row, 1)?);
        let (has_trigger, fires): (bool, bool) = (value(row, 2)?, value(row, 3)?);
        let trigger = format!("{}_note", table.schema);
        findings.extend(match (is_there, has_trigger, fires) {
            (false, ..) => Some(Finding {
                id: "tables".into(),
                severity: Severity::Unavailable,
                message: format!("there is no table {name}: is Bugzilla being installed, or its schema not in the account's search_path?"),
                remedy: Some("GRANT USAGE ON SCHEMA ..., ALTER ROLE the account SET search_path = ... (sql/postgresql/grants.sql)".to_owned()),
            }),
            (_, false, _) => Some(error("trigger", format!("table {name} has no trigger {trigger}"), INSTALL.to_owned())),
            (_, _, false) => {
                let remedy = format!("ALTER TABLE {name} ENABLE TRIGGER {trigger}");
                Some(error("trigger_disabled", format!("the trigger {trigger} of table {name} is switched off"), remedy))
            }
            _ => None,
        });
    }
    if findings.is_empty() {
        findings.push(good("trigger", format!("{} tables have their trigger", rows.len())));
    }
    Ok(findings)
}

async fn valve(table: &mut PostgresqlTable) -> Result<Finding, CaptureError> {
    let level = table.level().await?;
    let rows = level.oldest.map_or(0, |(oldest, _)| level.newest - oldest + 1);
    if level.is_shut() {
        let message = "the queue reached its limit, and rows were left out of it".to_owned();
        let remedy = "bugrelay run goes on and says what it lost; see docs/how-to/triggers.md".to_owned();
        return Ok(Finding { id: "trigger_valve".into(), severity: Severity::Warning, message, remedy: Some(remedy) });
    }
    Ok(good(
        "trigger_valve",
        format!("at most {rows} rows wait, and {} more are let in", level.closed_above - level.newest),
    ))
}

fn error(id: &'static str, message: String, remedy: String) -> Finding {
    Finding { id: Cow::Borrowed(id), severity: Severity::Error, message, remedy: Some(remedy) }
}

fn good(id: &'static str, message: String) -> Finding {
    Finding { id: Cow::Borrowed(id), severity: Severity::Good, message, remedy: None }
}
