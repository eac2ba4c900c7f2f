//! The server as the capture meets it: a connection, its settings, the columns of the watched tables, and what its errors mean.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row};

use super::columns::{Snapshot, TableColumns};
use super::gtid::GtidSet;
use super::position::FilePlace;
use crate::bugzilla::WatchedTable;
use crate::capture::{CaptureError, Gap};
use crate::database::mysql::Account;
use crate::tls;

/// Longest that connecting and any one question may take.
const PATIENCE: Duration = Duration::from_secs(20);

const SETTINGS: &str = include_str!("../../../sql/mysql/query/binlog_settings.sql");
const COLUMNS: &str = include_str!("../../../sql/mysql/query/watched_columns.sql");
const GTID_OF_PLACE: &str = include_str!("../../../sql/mysql/query/gtid_of_place.sql");

/// An open connection and what kind of server is at its end.
pub(super) struct Server {
    pub(super) conn: Conn,
    pub(super) settings: Settings,
}

/// The server's global variables, as far as they concern us.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings(HashMap<String, String>);

impl Settings {
    /// A variable's value; empty if the server does not have it.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(super) fn is_mariadb(&self) -> bool {
        self.get("version").to_ascii_lowercase().contains("mariadb")
    }

    /// Major and minor.
    pub(super) fn version(&self) -> (u32, u32) {
        let mut parts = self.get("version").split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    /// Who the server is: MySQL has an id of its own for it, MariaDB but the number that the administrator gave it.
    pub(super) fn identity(&self) -> String {
        self.get(if self.is_mariadb() { "server_id" } else { "server_uuid" }).to_owned()
    }

    pub(super) fn folds_case(&self) -> bool {
        self.get("lower_case_table_names") != "0"
    }

    /// Whether every transaction has a name. MySQL's modes between OFF and ON let some be without.
    pub(super) fn has_gtids(&self) -> bool {
        self.is_mariadb() || self.get("gtid_mode").eq_ignore_ascii_case("ON")
    }
}

/// Waits for the server's answer, but not for ever.
pub(super) async fn patiently<T>(what: impl Future<Output = Result<T, Error>>) -> Result<T, CaptureError> {
    match tokio::time::timeout(PATIENCE, what).await {
        Ok(answer) => answer.map_err(|error| classify(&error)),
        Err(_) => Err(CaptureError::transient(format!("the database did not answer within {} s", PATIENCE.as_secs()))),
    }
}

impl Server {
    /// Connects, and asks for the settings.
    pub(super) async fn connect(account: &Account) -> Result<Self, CaptureError> {
        let mut conn = patiently(Conn::new(account.opts())).await?;
        let settings: Vec<(String, String)> = patiently(conn.query(SETTINGS)).await?;
        let settings = settings.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Ok(Server { conn, settings: Settings(settings) })
    }

    /// The watched tables' columns as they are now.
    pub(super) async fn columns(&mut self, database: &str) -> Result<Snapshot, CaptureError> {
        let found: Vec<(String, String, String)> = patiently(self.conn.exec(COLUMNS, (database,))).await?;
        let mut tables: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        let fold = self.settings.folds_case();
        for (table, column, data_type) in found {
            tables.entry(if fold { table.to_ascii_lowercase() } else { table }).or_default().push((column, data_type));
        }
        let watched = |(name, columns): (String, Vec<_>)| Some((WatchedTable::by_name(&name)?, columns));
        let tables = tables.into_iter().filter_map(watched);
        Ok(tables.map(|(table, columns)| (table.name().to_owned(), TableColumns::new(table, &columns))).collect())
    }

    /// The present end of the log, by file and by GTIDs.
    pub(super) async fn end(&mut self) -> Result<(FilePlace, GtidSet), CaptureError> {
        let renamed = !self.settings.is_mariadb() && self.settings.version() >= (8, 4);
        let question = if renamed { "SHOW BINARY LOG STATUS" } else { "SHOW MASTER STATUS" };
        let row: Option<Row> = patiently(self.conn.query_first(question)).await?;
        let unreadable =
            || CaptureError::misconfigured("the server does not say where its binlog ends; is log_bin on?");
        let row = row.ok_or_else(unreadable)?;
        let name: String = row.get_opt(0).and_then(Result::ok).ok_or_else(unreadable)?;
        let pos: u64 = row.get_opt(1).and_then(Result::ok).ok_or_else(unreadable)?;
        let file = FilePlace { name, pos, born: 0 };
        let gtids = if self.settings.is_mariadb() {
            let text: Option<Option<String>> =
                patiently(self.conn.exec_first(GTID_OF_PLACE, (&file.name, file.pos))).await?;
            GtidSet::parse_mariadb(&text.flatten().unwrap_or_default())
        } else if self.settings.has_gtids() {
            let text: String = row.get_opt(4).and_then(Result::ok).unwrap_or_default();
            GtidSet::parse_mysql(&text)
        } else {
            GtidSet::parse_mysql("")
        };
        Ok((file, gtids.ok_or_else(unreadable)?))
    }

    /// The files of the log and their sizes, oldest first.
    pub(super) async fn files(&mut self) -> Result<Vec<(String, u64)>, CaptureError> {
        let rows: Vec<Row> = patiently(self.conn.query("SHOW BINARY LOGS")).await?;
        let file = |row: Row| Some((row.get_opt(0)?.ok()?, row.get_opt(1)?.ok()?));
        Ok(rows.into_iter().filter_map(file).collect())
    }
}

/// What an error of the driver or the server means. Server messages are passed on: for what we ask they hold names and numbers only.
pub(super) fn classify(error: &Error) -> CaptureError {
    let Error::Server(server) = error else {
        return match error {
            Error::Url(_) => CaptureError::misconfigured(format!("the database address cannot be used: {error}")),
            Error::Driver(mysql_async::DriverError::UnknownAuthPlugin { .. }) => CaptureError::misconfigured(format!(
                "cannot log in to the database: {error}; give the account a plugin that this version knows"
            )),
            Error::Driver(mysql_async::DriverError::NoClientSslFlagFromServer) => CaptureError::misconfigured(
                "the database offers no TLS; set it up there, or write tls = \"off\" where nobody can listen",
            ),
            _ => {
                let said = format!("the connection to the database failed: {error}");
                match tls::refusal(error) {
                    Some(refusal) => CaptureError::misconfigured(format!("{said}; {refusal}")),
                    None => CaptureError::transient(said),
                }
            }
        };
    };
    let said = format!("the database said: {} (error {})", server.message, server.code);
    match server.code {
        // MariaDB gives the second reader with a number an error of its own.
        1236 | 4052 => dump_refused(&server.message, &said),
        // Unknown database, no such table: a Bugzilla that is being installed or restored.
        1049 | 1146 => CaptureError::transient(said),
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 => CaptureError::misconfigured(format!(
            "{said}; create the account and grant it what sql/mysql/grants.sql lists: \
             GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account, and SELECT on the tables"
        )),
        // Too many connections, shutdown, lock and statement timeouts, killed, host blocked.
        1040 | 1053 | 1129 | 1159 | 1160 | 1161 | 1203 | 1205 | 1226 | 1317 | 1927 | 1969 | 3024 => {
            CaptureError::transient(said)
        }
        _ => CaptureError::misconfigured(said),
    }
}

/// Error 1236 has one number and many meanings; the text alone tells which.
fn dump_refused(message: &str, said: &str) -> CaptureError {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["same server_uuid/server_id", "same server_id"]) {
        return CaptureError::transient(format!(
            "another reader of the binlog uses our replication server id, and the server has thrown this one out; \
             if two bugrelays run with the same `base_url` and database on purpose, let one of them stand by ({said})"
        ));
    }
    let gap = if says(&["diverged", "higher sequence numbers"]) {
        Gap::ForeignServer
    } else if says(&["Could not find GTID state", "Could not find first log file", "purged", "has been purged"]) {
        Gap::Purged
    } else if says(&["not in the master's binlog", "position > file size", "impossible position", "more GTIDs than"]) {
        Gap::Ahead
    } else {
        return CaptureError::misconfigured(said.to_owned());
    };
    CaptureError::gap(
        gap,
        format!(
            "the binlog no longer has what follows the stored position; {said}. To prevent it keep the log longer (binlog_expire_logs_seconds)"
        ),
    )
}
