//! Is the server fit to be read? Each answer with the setting, what was found, what is expected, and the SQL that mends it.

use std::borrow::Cow;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};

use super::server::{Server, Settings, patiently};
use crate::bugzilla::WatchedTable;
use crate::capture::{CaptureError, Finding, Severity};
use crate::failure::Class;

/// What every Bugzilla has and bugrelay reads, and the columns where not all may be read.
const TABLES: [(&str, &str); 19] = [
    ("attachments", "1"),
    ("bug_group_map", "1"),
    ("bug_status", "1"),
    ("bugs", "1"),
    ("bugs_activity", "1"),
    ("classifications", "1"),
    ("components", "1"),
    ("duplicates", "1"),
    ("fielddefs", "1"),
    ("flags", "1"),
    ("flagtypes", "1"),
    ("groups", "1"),
    ("keyworddefs", "1"),
    ("keywords", "1"),
    ("longdescs", "1"),
    ("milestones", "1"),
    ("products", "1"),
    ("profiles", "userid, login_name, realname"),
    ("versions", "1"),
];

const FURTHER_TABLES: &str = include_str!("../../../sql/mysql/query/further_tables.sql");

const DAY: u64 = 24 * 60 * 60;

/// Everything that can be said of a server that answers.
pub(super) async fn inspect(server: &mut Server, database: &str) -> Result<Vec<Finding>, CaptureError> {
    let mut findings = settings(&server.settings);
    findings.extend(silent_replica(&server.settings));
    let grants: Vec<String> = patiently(server.conn.query("SHOW GRANTS")).await?;
    findings.extend(global_grants(&grants, server.settings.is_mariadb()));
    let readable = table_grants(&mut server.conn, database).await?;
    let may_read = readable.severity == Severity::Good;
    findings.push(readable);
    if may_read {
        findings.push(tables(server, database).await?);
    }
    Ok(findings)
}

/// The finding for a server that cannot be asked.
pub(super) fn unreachable(error: &CaptureError) -> Finding {
    let severity = if error.class == Class::Transient { Severity::Unavailable } else { Severity::Error };
    Finding { id: "connection".into(), severity, message: error.message.clone(), remedy: None }
}

/// The error that forbids to begin, if one of the findings does.
pub(super) fn refusal(findings: &[Finding]) -> Option<CaptureError> {
    let worst = findings.iter().find(|finding| finding.severity >= Severity::Error)?;
    let message = match &worst.remedy {
        Some(remedy) => format!("{}; {remedy}", worst.message),
        None => worst.message.clone(),
    };
    let is_passing = worst.severity == Severity::Unavailable;
    Some(if is_passing { CaptureError::transient(message) } else { CaptureError::misconfigured(message) })
}

/// A setting that must, or should, have a certain value.
fn setting(settings: &Settings, name: &'static str, expected: &str, otherwise: Severity, remedy: &str) -> Finding {
    let found = settings.get(name);
    let good = found.eq_ignore_ascii_case(expected);
    let message =
        if good { format!("{name} is {found}") } else { format!("{name} is {found:?}, expected {expected:?}") };
    let severity = if good { Severity::Good } else { otherwise };
    Finding { id: name.into(), severity, message, remedy: (!good).then(|| remedy.to_owned()) }
}

fn settings(settings: &Settings) -> Vec<Finding> {
    let set = |name, expected: &str, severity, sql: &str| setting(settings, name, expected, severity, sql);
    vec![
        version(settings),
        set(
            "log_bin",
            "ON",
            Severity::Error,
            "put log_bin = binlog under [mysqld] in the server's my.cnf and restart it",
        ),
        set("binlog_format", "ROW", Severity::Error, "SET GLOBAL binlog_format = 'ROW', also in my.cnf"),
        set("binlog_row_image", "FULL", Severity::Error, "SET GLOBAL binlog_row_image = 'FULL', also in my.cnf"),
        set(
            "binlog_row_metadata",
            "FULL",
            Severity::Warning,
            "SET GLOBAL binlog_row_metadata = 'FULL', also in my.cnf: then the log names its columns, and several ALTERs while bugrelay is down do no harm",
        ),
        set(
            "sync_binlog",
            "1",
            Severity::Warning,
            "SET GLOBAL sync_binlog = 1, also in my.cnf: otherwise a crash of the machine loses the log's end",
        ),
        gtid(settings),
        retention(settings),
    ]
}

/// A replica that keeps to itself what it replicates has a log, and nothing of Bugzilla in it.
fn silent_replica(settings: &Settings) -> Option<Finding> {
    let is = |name, value: &str| settings.get(name).eq_ignore_ascii_case(value);
    let logs = ["log_slave_updates", "log_replica_updates"].iter().any(|name| is(name, "ON"));
    if logs || ["", "OFF"].contains(&settings.get("read_only")) {
        return None;
    }
    Some(Finding {
        id: "log_slave_updates".into(),
        severity: Severity::Error,
        message: "the server is a replica (read_only), and log_slave_updates is OFF: its binlog has nothing of what it replicates".to_owned(),
        remedy: Some(
            "put log_slave_updates = ON under [mysqld] in the server's my.cnf and restart it; or let [bugzilla] database name the primary"
                .to_owned(),
        ),
    })
}

fn version(settings: &Settings) -> Finding {
    let oldest = if settings.is_mariadb() { (10, 5) } else { (8, 0) };
    let good = settings.version() >= oldest;
    let found = settings.get("version");
    let message = if good {
        format!("version is {found}")
    } else {
        format!("version is {found:?}, expected MariaDB 10.5 or MySQL 8.0 or later")
    };
    let remedy = (!good).then(|| "upgrade the server".to_owned());
    Finding { id: "version".into(), severity: if good { Severity::Good } else { Severity::Error }, message, remedy }
}

fn gtid(settings: &Settings) -> Finding {
    let good = settings.has_gtids();
    let message = if good {
        "transactions have GTIDs"
    } else {
        "gtid_mode is not ON: the position is one of a file, and no other server can take over"
    };
    let remedy = (!good).then(|| "SET GLOBAL enforce_gtid_consistency = ON, then gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE, ON, one after the other".to_owned());
    Finding {
        id: "gtid".into(),
        severity: if good { Severity::Good } else { Severity::Warning },
        message: message.to_owned(),
        remedy,
    }
}

/// How long the log is kept: it must outlast the longest time that bugrelay may be down, but not fill the disk.
fn retention(settings: &Settings) -> Finding {
    let seconds: u64 = settings.get("binlog_expire_logs_seconds").parse().unwrap_or(0);
    let days: f64 = settings.get("expire_logs_days").parse().unwrap_or(0.0);
    let kept = if seconds > 0 { seconds as f64 } else { days * DAY as f64 };
    let remedy = if settings.is_mariadb() && settings.version() < (10, 6) {
        "SET GLOBAL expire_logs_days = 7, also in my.cnf"
    } else {
        "SET GLOBAL binlog_expire_logs_seconds = 604800, also in my.cnf"
    };
    let (severity, message) = if kept == 0.0 {
        (Severity::Warning, "the binlog is never deleted (binlog_expire_logs_seconds is 0), expected 7 days: the disk will be full some day".to_owned())
    } else if kept < 3.0 * DAY as f64 {
        (
            Severity::Warning,
            format!(
                "the binlog is kept for {kept} s, expected 3 days or more: what bugrelay misses in a longer pause is gone from it"
            ),
        )
    } else {
        (Severity::Good, format!("the binlog is kept for {kept} s"))
    };
    Finding {
        id: "binlog_retention".into(),
        severity,
        message,
        remedy: (severity != Severity::Good).then(|| remedy.to_owned()),
    }
}

fn global_grants(grants: &[String], mariadb: bool) -> [Finding; 2] {
    let global: Vec<String> =
        grants.iter().map(|line| line.to_ascii_uppercase()).filter(|line| line.contains(" ON *.* TO ")).collect();
    let has = |names: &[&str]| global.iter().any(|line| names.iter().any(|name| line.contains(name)));
    // MySQL does not show what a role gives; opening the stream will tell.
    let missing = if grants.iter().any(|line| !line.contains(" ON ")) { Severity::Warning } else { Severity::Error };
    let finding = |id, name: &str, names: &[&str]| {
        let good = has(names) || has(&["ALL PRIVILEGES", " SUPER"]);
        let message = if good { format!("the account has {name}") } else { format!("the account lacks {name} ON *.*") };
        let remedy = (!good).then(|| format!("GRANT {name} ON *.* TO the account (sql/mysql/grants.sql)"));
        Finding { id: Cow::Borrowed(id), severity: if good { Severity::Good } else { missing }, message, remedy }
    };
    let monitor = if mariadb { "BINLOG MONITOR" } else { "REPLICATION CLIENT" };
    [
        finding(
            "grant_replication",
            "REPLICATION SLAVE",
            &["REPLICATION SLAVE,", "REPLICATION SLAVE ON", "REPLICATION REPLICA"],
        ),
        finding("grant_monitor", monitor, &["BINLOG MONITOR", "REPLICATION CLIENT"]),
    ]
}

/// Asks for no row of every table that is read.
pub(in crate::capture) async fn table_grants(conn: &mut Conn, database: &str) -> Result<Finding, CaptureError> {
    let mut denied = Vec::new();
    for (table, columns) in TABLES {
        if !may_read(conn, database, table, columns).await? {
            denied.push((table.to_owned(), columns));
        }
    }
    // Which further ones there must be is told by some of those.
    if denied.is_empty() && may_read(conn, database, "fielddefs", "custom, type").await? {
        let further: Vec<String> = match conn.query(FURTHER_TABLES).await {
            Ok(further) => further,
            // No Bugzilla there yet: for the tables' own finding.
            Err(Error::Server(error)) if error.code == 1146 => vec![],
            Err(error) => return Err(super::server::classify(&error)),
        };
        for table in further {
            if !may_read(conn, database, &table, "1").await? {
                denied.push((table, "1"));
            }
        }
    }
    let quoted = database.replace('`', "``");
    let Some((first, columns)) = denied.first() else {
        let message = format!("the account may read the tables of {database}");
        return Ok(Finding { id: "grant_select".into(), severity: Severity::Good, message, remedy: None });
    };
    let names: Vec<&str> = denied.iter().map(|(table, _)| table.as_str()).collect();
    let columns = if *columns == "1" { String::new() } else { format!(" ({columns})") };
    Ok(Finding {
        id: "grant_select".into(),
        severity: Severity::Error,
        message: format!("the account may not read {} of database {database}", names.join(", ")),
        remedy: Some(format!(
            "GRANT SELECT{columns} ON `{quoted}`.`{first}` TO the account, and so on (sql/mysql/grants.sql)"
        )),
    })
}

/// Whether the table may be read, or is not there: whether it must be is for the tables' own finding.
async fn may_read(conn: &mut Conn, database: &str, table: &str, columns: &str) -> Result<bool, CaptureError> {
    let (database, table) = (database.replace('`', "``"), table.replace('`', "``"));
    match conn.query_drop(format!("SELECT {columns} FROM `{database}`.`{table}` LIMIT 0")).await {
        Ok(()) => Ok(true),
        Err(Error::Server(error)) if matches!(error.code, 1049 | 1146) => Ok(true),
        Err(Error::Server(error)) if matches!(error.code, 1044 | 1142 | 1143) => Ok(false),
        Err(error) => Err(super::server::classify(&error)),
    }
}

async fn tables(server: &mut Server, database: &str) -> Result<Finding, CaptureError> {
    let columns = server.columns(database).await?;
    let finding = |severity, message| Finding { id: "tables".into(), severity, message, remedy: None };
    for table in WatchedTable::ALL {
        match columns.get(table.name()) {
            // While Bugzilla is installed or upgraded this is so, and passes.
            None => {
                let message = format!(
                    "database {database} has no table {}: is Bugzilla still being installed, or is the name wrong?",
                    table.name()
                );
                return Ok(finding(Severity::Unavailable, message));
            }
            Some(found) => {
                if let Some(column) = found.missing(table) {
                    let message =
                        format!("table {} has no column {column}; expected a Bugzilla 4.4 or later", table.name());
                    return Ok(finding(Severity::Error, message));
                }
            }
        }
    }
    Ok(finding(Severity::Good, format!("database {database} has Bugzilla's tables")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severities(grants: &[&str]) -> [Severity; 2] {
        let grants: Vec<String> = grants.iter().map(|line| (*line).to_owned()).collect();
        global_grants(&grants, true).map(|finding| finding.severity)
    }

    #[test]
    fn global_rights_are_read_from_the_grants() {
        let [good, error] = [Severity::Good, Severity::Error];
        assert_eq!(severities(&["GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `b`@`%`"]), [good, good]);
        assert_eq!(severities(&["GRANT BINLOG MONITOR ON *.* TO `b`@`%`"]), [error, good]);
        assert_eq!(severities(&["GRANT ALL PRIVILEGES ON *.* TO `root`@`%`"]), [good, good]);
        assert_eq!(severities(&["GRANT ALL PRIVILEGES ON `bugs`.* TO `b`@`%`"]), [error, error]);
        assert_eq!(severities(&["GRANT REPLICATION SLAVE ADMIN ON *.* TO `b`@`%`"]), [error, error]);
    }

    #[test]
    fn what_a_role_gives_is_not_called_missing() {
        assert_eq!(
            severities(&["GRANT USAGE ON *.* TO `b`@`%`", "GRANT `reader`@`%` TO `b`@`%`"]),
            [Severity::Warning; 2]
        );
    }
}
