//! Our tables: which version of them is there, how they are made, and what the account may do with them.

use super::fault::Fault;
use super::statement::{Names, Value, dialect, standard};
use crate::database::{Dialect, Session};

/// How many versions there are.
pub(super) const VERSION: i64 = 2;

/// What each version adds. A released one is never edited; what takes it away again lies beside it, `.down.sql`, and is run by hand.
fn migration(dialect: Dialect, version: i64) -> &'static str {
    match version {
        1 => dialect!(dialect, "migration/0001_store"),
        2 => dialect!(dialect, "migration/0002_relayed"),
        _ => "",
    }
}

/// Every table, and what bugrelay does in it.
const TABLES: [(&str, &[&str]); 9] = [
    ("store_version", &["SELECT"]),
    ("site", &["SELECT", "INSERT", "UPDATE"]),
    ("message", &["SELECT", "INSERT", "DELETE"]),
    ("body", &["SELECT", "INSERT", "DELETE"]),
    ("connector", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("entry", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("parked", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("ledger", &["SELECT", "INSERT", "DELETE"]),
    ("relayed", &["SELECT", "INSERT", "DELETE"]),
];

/// Version of the tables; 0: they are not there, or not to be seen.
pub(super) async fn version(session: &mut dyn Session, names: &Names) -> Result<i64, Fault> {
    let is_there = session.run(&[names.fill(dialect!(names.dialect, "version_find"), &[])]).await?;
    if is_there.iter().flatten().all(|row| row.int(0) == 0) {
        return Ok(0);
    }
    let version = session.run(&[names.fill(standard!("version_read"), &[])]).await?;
    let version = version.iter().flatten().next().map_or(0, |row| row.int(0));
    if version > VERSION {
        return Err(Fault::Unusable(format!(
            "its tables are of version {version}, made by a newer bugrelay, and this one knows version {VERSION}; start the newer one again"
        )));
    }
    Ok(version)
}

/// The SQL that leads from this version to ours.
pub(super) fn missing(names: &Names, version: i64) -> Vec<String> {
    let mut statements = Vec::new();
    if version == 0 {
        statements.push(names.fill(dialect!(names.dialect, "schema_make"), &[]));
    }
    for version in version + 1..=VERSION {
        let sql = migration(names.dialect, version);
        statements.extend(sql.split(";\n").map(|statement| names.fill(statement.trim(), &[])));
        statements.push(names.fill(standard!("version_write"), &[("version", Value::Int(version))]));
    }
    statements
}

/// Makes what is missing.
pub(super) async fn make(session: &mut dyn Session, names: &Names) -> Result<(), Fault> {
    let version = version(session, names).await?;
    let schema = session.run(&[names.fill(dialect!(names.dialect, "schema_find"), &[])]).await?;
    let is_there = schema.iter().flatten().any(|row| row.int(0) > 0);
    let missing = missing(names, version);
    for statement in missing.into_iter().skip(usize::from(version == 0 && is_there)) {
        if let Err(error) = session.run(&[statement]).await {
            let fault = Fault::from(error);
            return Err(if fault.is_denied() { Fault::Unusable(not_made(names, version, &fault)) } else { fault });
        }
    }
    Ok(())
}

/// What an account says that may not make the tables.
pub(super) fn not_made(names: &Names, version: i64, fault: &Fault) -> String {
    let what = if version == 0 { "are not there" } else { "are of an older version" };
    format!(
        "its tables in {} {what}, and the account may not make them ({fault}); let an administrator run the SQL that `bugrelay check` prints",
        names.schema
    )
}

/// What the account may not do though it must. Nothing is changed.
pub(super) async fn denied(session: &mut dyn Session, names: &Names) -> Result<Vec<String>, Fault> {
    let mut denied = Vec::new();
    for (table, rights) in TABLES {
        for right in rights {
            let sql = match *right {
                "SELECT" => standard!("probe_select"),
                "INSERT" => standard!("probe_insert"),
                "UPDATE" => standard!("probe_update"),
                _ => standard!("probe_delete"),
            };
            let column = if table == "site" { "turn" } else { "attempts" };
            let values = [("table", Value::Sql(table)), ("column", Value::Sql(column))];
            match session.run(&[names.fill(sql, &values)]).await.map_err(Fault::from) {
                Ok(_) => {}
                Err(fault) if fault.is_denied() => denied.push(format!("{right} ON {}.{table}", names.schema)),
                Err(fault) => return Err(fault),
            }
        }
    }
    Ok(denied)
}
