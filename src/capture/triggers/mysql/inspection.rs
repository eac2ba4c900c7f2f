//! Is the server fit, are the triggers, their queue, the account that they act as and the rights on all of it as they should be? Rights are not
//! looked up but tried: a statement that would fail in a trigger fails here first. Each answer comes with what mends it.

use std::borrow::Cow;
use std::collections::HashMap;

use mysql_async::ServerError;

use super::MysqlTable;
use super::failure::said;
use super::installation::{definer_grants, is_body, reader_grants, trigger_text};
use super::names::{Names, TRIGGERS};
use crate::capture::triggers::QueueTable as _;
use crate::capture::{CaptureError, Finding, Severity};
use crate::database::Row;

/// What makes or mends everything of ours.
const INSTALL: &str =
    "bugrelay triggers install --as ... (an administrator; `bugrelay triggers sql` prints what it runs)";

/// A lock that nobody gives back holds up Bugzilla no longer than this, seconds.
const LOCK_WAIT_MAX: u64 = 300;

/// The oldest versions that are read.
const OLDEST: [(&str, (u32, u32)); 2] = [("MariaDB", (10, 5)), ("MySQL", (8, 0))];

/// Everything that there is to say.
pub(super) async fn inspect(table: &mut MysqlTable) -> Result<Vec<Finding>, CaptureError> {
    let settings = Settings::read(table).await?;
    let mut findings = settings.inspect();
    if findings.iter().any(|finding| finding.severity >= Severity::Error) {
        return Ok(findings);
    }
    let probed = Probed::ask(table).await?;
    match &probed {
        Ok(probed) => findings.extend(probed.inspect(&table.names, &settings)),
        Err(refusal) => findings.push(explain(&table.names, refusal)),
    }
    // Who may not ask is told all grants already.
    let may_ask = !probed.as_ref().is_err_and(|refusal| [1305, 1370].contains(&refusal.code));
    let lacking = if may_ask { rights(table).await? } else { vec![] };
    findings.push(table.table_grants().await?);
    let is_usable = lacking.is_empty() && probed.is_ok();
    findings.extend(lacking);
    if is_usable {
        findings.push(valve(table).await?);
    }
    Ok(findings)
}

/// The server's global variables, as far as they concern us.
struct Settings(HashMap<String, String>);

impl Settings {
    async fn read(table: &mut MysqlTable) -> Result<Self, CaptureError> {
        let rows = table.rows(include_str!("../../../../sql/mysql/query/trigger_server.sql")).await?;
        Ok(Settings(rows.iter().map(|row| (row.text(0).to_ascii_lowercase(), row.text(1))).collect()))
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).eq_ignore_ascii_case(value)
    }

    fn is_mariadb(&self) -> bool {
        self.get("version").to_ascii_lowercase().contains("mariadb")
    }

    fn inspect(&self) -> Vec<Finding> {
        let mut findings = vec![self.version()];
        if !self.is("read_only", "OFF") {
            let message = "the server is read_only: the queue is read and emptied on the primary alone".to_owned();
            findings.push(error("read_only", message, "let [bugzilla] database name the primary".to_owned()));
        }
        if self.is("log_bin", "ON") && !self.is("binlog_format", "ROW") {
            let format = self.get("binlog_format");
            let message = format!(
                "binlog_format is {format:?}: the triggers give out numbers, and such statements are unsafe to log by their text"
            );
            let remedy = "SET GLOBAL binlog_format = 'ROW' (and in the server's configuration; Bugzilla has it when it connects anew)".to_owned();
            // The isolation that we delete in cannot be logged by statement at all.
            let severity = if self.is("binlog_format", "STATEMENT") { Severity::Error } else { Severity::Warning };
            findings.push(Finding { id: "binlog_format".into(), severity, message, remedy: Some(remedy) });
        }
        let seconds = self.get("lock_wait_timeout").parse().unwrap_or(u64::MAX);
        if seconds > LOCK_WAIT_MAX {
            let message = format!(
                "lock_wait_timeout is {seconds} s: whoever locks the queue (LOCK TABLES, a dump without --single-transaction, an ALTER) \
                 holds up Bugzilla's writes for so long, and nothing in a trigger can prevent that"
            );
            let remedy = "SET GLOBAL lock_wait_timeout = 50 (and in the server's configuration)".to_owned();
            findings.push(warning("lock_wait_timeout", message, remedy));
        }
        findings
    }

    fn version(&self) -> Finding {
        let mut parts = self.get("version").split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        let (name, oldest) = OLDEST[usize::from(!self.is_mariadb())];
        let message = format!("{name} {}.{}", found.0, found.1);
        if found < oldest {
            let message = format!("{message}, expected {}.{} or later", oldest.0, oldest.1);
            return error("version", message, "upgrade the server".to_owned());
        }
        good("version", message)
    }
}

/// The triggers that there are, and that all they do was done on trial.
pub(super) struct Probed(Vec<Row>);

impl Probed {
    /// Refused: what would go wrong in a trigger.
    pub(super) async fn ask(table: &mut MysqlTable) -> Result<Result<Self, ServerError>, CaptureError> {
        match table.ask("CALL {probe}()").await? {
            // The trial gives rows as well: one, shorter, of the valve.
            Ok(rows) => Ok(Ok(Probed(rows))),
            Err(refusal) => {
                table.rows("ROLLBACK").await?;
                Ok(Err(refusal))
            }
        }
    }

    /// When the youngest of the triggers was made.
    pub(super) fn newest(&self) -> String {
        self.0.iter().map(|row| row.text(2)).max().unwrap_or_default()
    }

    fn inspect(&self, names: &Names, settings: &Settings) -> Vec<Finding> {
        let mut findings = vec![];
        for trigger in TRIGGERS {
            let (table, event, ..) = trigger;
            let name = names.trigger(table, event);
            let Some(row) = self.0.iter().find(|row| row.text(0).eq_ignore_ascii_case(&name)) else {
                let may_not = settings.is("log_bin", "ON") && settings.is("log_bin_trust_function_creators", "OFF");
                let who = if may_not { "; the server has a binlog, so that it must have SUPER" } else { "" };
                findings.push(error(
                    "trigger",
                    format!(
                        "table {table} has no trigger {name}, or the account {} lacks TRIGGER on it",
                        names.definer()
                    ),
                    format!("{INSTALL}{who}"),
                ));
                continue;
            };
            let definer = names.definer().replace('\'', "");
            if row.text(1) != definer {
                let message = format!(
                    "the trigger {name} acts as {}, and not as {definer}, which may do nothing else",
                    row.text(1)
                );
                findings.push(error("trigger_definer", message, format!("DROP TRIGGER {name}; then {INSTALL}")));
            } else if !is_body(&trigger_text(names, trigger), &row.text(3)) {
                let message = format!("the trigger {name} is of another version of bugrelay");
                findings.push(warning("trigger_version", message, INSTALL.to_owned()));
            }
        }
        if findings.is_empty() {
            findings
                .push(good("trigger", format!("all {} triggers are there, and may do what they do", TRIGGERS.len())));
        }
        findings
    }
}

/// What a trial of the triggers' work that failed means to Bugzilla, and what mends it.
fn explain(names: &Names, refusal: &ServerError) -> Finding {
    let (definer, said) = (names.definer(), said(refusal));
    match refusal.code {
        1449 => error(
            "trigger_definer",
            format!(
                "the account {definer} is gone: IF TRIGGERS OF OURS ARE THERE, EVERY WRITE OF BUGZILLA TO THEIR TABLES FAILS (1449), and nothing in a trigger can prevent that"
            ),
            format!("CREATE USER {definer} ACCOUNT LOCK;\n{}", definer_grants(names)),
        ),
        1142 | 1143 if said.contains("_triggers'@") => error(
            "trigger_grants",
            format!("the account that the triggers act as lacks a right, and changes are lost to the queue: {said}"),
            definer_grants(names),
        ),
        1054 => error(
            "columns",
            format!("a column that the triggers read is gone (was Bugzilla upgraded?), and changes are lost to the queue: {said}"),
            "let the triggers go, if Bugzilla's writes fail: bugrelay triggers remove --as ...; and use capture = \"history\" until a bugrelay that knows \
             this Bugzilla is there"
                .to_owned(),
        ),
        1305 | 1370 => error("trigger_probe", format!("the triggers are not installed, or the account may not ask: {said}"), {
            format!("{INSTALL}\n{}", reader_grants(names))
        }),
        1146 if said.contains(&format!("'{}.", names.database())) => Finding {
            id: "tables".into(),
            severity: Severity::Unavailable,
            message: format!("a table of Bugzilla's is not there; is it being installed or upgraded? {said}"),
            remedy: None,
        },
        1146 => error("trigger_queue", format!("a table is gone: {said}"), INSTALL.to_owned()),
        _ => error("trigger_probe", format!("what the triggers do fails: {said}"), INSTALL.to_owned()),
    }
}

/// What bugrelay's own account lacks.
async fn rights(table: &mut MysqlTable) -> Result<Vec<Finding>, CaptureError> {
    let mut findings = vec![];
    for statement in include_str!("../../../../sql/mysql/query/trigger_rights.sql").split(';') {
        match table.ask(statement).await? {
            Err(refusal) if [1142, 1143].contains(&refusal.code) => {
                let message = format!("the account lacks a right on the queue: {}", said(&refusal));
                findings.push(error("grant_triggers", message, reader_grants(&table.names)));
            }
            Err(refusal) if refusal.code == 1146 => {
                findings.push(error("trigger_queue", said(&refusal), INSTALL.to_owned()));
            }
            Err(refusal) => return Err(super::explain(&refusal)),
            Ok(_) => {}
        }
    }
    Ok(findings)
}

async fn valve(table: &mut MysqlTable) -> Result<Finding, CaptureError> {
    let level = table.level().await?;
    if level.is_shut() {
        let message = "the queue reached its limit, and rows were left out of it".to_owned();
        let remedy = "bugrelay run goes on and says what it lost; see docs/how-to/triggers.md".to_owned();
        return Ok(warning("trigger_valve", message, remedy));
    }
    let rows = level.oldest.map_or(0, |(oldest, _)| level.newest - oldest + 1);
    let more = level.closed_above - level.newest;
    Ok(good(
        "trigger_valve",
        format!("in {} at most {rows} rows wait, and {more} more are let in", table.names.queue()),
    ))
}

fn error(id: &'static str, message: String, remedy: String) -> Finding {
    Finding { id: Cow::Borrowed(id), severity: Severity::Error, message, remedy: Some(remedy) }
}

fn warning(id: &'static str, message: String, remedy: String) -> Finding {
    Finding { id: Cow::Borrowed(id), severity: Severity::Warning, message, remedy: Some(remedy) }
}

fn good(id: &'static str, message: String) -> Finding {
    Finding { id: Cow::Borrowed(id), severity: Severity::Good, message, remedy: None }
}
