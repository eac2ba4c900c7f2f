//! Asks a server who it is. By plain SELECT, which every account may: no way in is needed for it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::{Found, Own, Refusal, Server, Verdict, instance};
use crate::capture::{Finding, Severity};
use crate::database::{Database, DatabaseError, Dialect, Row};
use crate::failure::Class;

/// The server answers at once what it need not look for.
const ANSWER: Duration = Duration::from_secs(20);

/// Connections that are compared at a time, and how often: one that leads elsewhere now and then is found.
const CONNECTIONS: usize = 4;
const ROUNDS: usize = 2;

const MYSQL: &str = include_str!("../../../sql/mysql/query/identity.sql");
const POSTGRESQL: &str = include_str!("../../../sql/postgresql/query/identity.sql");

/// The server that the configuration leads to.
pub struct Guard {
    database: Arc<dyn Database>,
    host: String,
    name: String,
}

impl Guard {
    /// Connects when it is first asked. `host` and `name` as they are configured: `HOST:PORT`, and the database.
    pub fn new(database: Arc<dyn Database>, host: String, name: String) -> Self {
        Guard { database, host, name }
    }

    /// Who answers whoever connects now.
    pub async fn look_anew(&self) -> Result<Found, DatabaseError> {
        // An open connection leads where it led when it was made.
        self.database.abandon();
        self.look().await
    }

    /// Who answers now.
    pub async fn look(&self) -> Result<Found, DatabaseError> {
        let sql = match self.database.dialect() {
            Dialect::Mysql => MYSQL,
            Dialect::Postgresql => POSTGRESQL,
            // A file is known by its place.
            Dialect::Sqlite => return Ok(self.found(Own::Sqlite)),
        };
        let statements: Vec<String> =
            [sql].into_iter().chain(instance(self.database.dialect())).map(str::to_owned).collect();
        let mut found: Option<Found> = None;
        let mut read = |statement, row: Row| match (statement, &mut found) {
            (0, found) => *found = self.understand(&row),
            (_, Some(found)) => found.instance = row.text(0),
            _ => {}
        };
        match tokio::time::timeout(ANSWER, self.database.read(&statements, &mut read)).await {
            Ok(read) => read?,
            Err(_) => {
                self.database.abandon();
                let message = format!("the database did not say who it is within {} s", ANSWER.as_secs());
                return Err(DatabaseError { class: Class::Transient, message });
            }
        }
        found.ok_or_else(|| DatabaseError {
            class: Class::Transient,
            message: "the database does not say who it is".to_owned(),
        })
    }

    /// Whether all connections lead to one server, and whether that is the server that was read before. Of a server that does not answer
    /// other findings tell.
    pub async fn check(&self, known: Option<&Server>) -> Vec<Finding> {
        let Ok(instances) = self.instances().await else { return vec![] };
        let id = "direct_connection";
        let remedy = Some("let [bugzilla] database name the server itself, and not a proxy before it");
        if instances > 1 {
            let message = format!(
                "connections to {} reach {instances} different servers: a proxy switches between them, and the binlog, locks and notifications \
                 need one",
                self.host
            );
            return vec![finding(id, Severity::Error, message, remedy)];
        }
        self.look().await.map(|found| recognised(found, known)).into_iter().collect()
    }

    /// How many servers answer.
    async fn instances(&self) -> Result<usize, DatabaseError> {
        let mut instances = BTreeSet::new();
        for _ in 0..ROUNDS {
            let found = try_join_all((0..CONNECTIONS).map(|_| self.look())).await?;
            instances.extend(found.into_iter().map(|found| found.instance));
            self.database.abandon();
        }
        Ok(instances.len())
    }

    fn understand(&self, row: &Row) -> Option<Found> {
        if self.database.dialect() == Dialect::Postgresql {
            let own = Own::Postgresql { system: row.opt_text(0)?, timeline: row.opt_int(1)?, lsn: row.opt_text(2)? };
            return Some(Found { is_replica: row.text(3) == "t", ..self.found(own) });
        }
        // A long set is printed in several lines.
        let list = |column| row.text(column).split_whitespace().collect::<String>();
        let (own, binlog_state) = match row.text(0).as_str() {
            "mysql" => (Own::Mysql { uuid: row.opt_text(1)?, gtids: list(2) }, String::new()),
            _ => (Own::Mariadb { server_id: row.opt_text(1)?.parse().ok()?, gtids: list(3) }, list(2)),
        };
        let is_replica = !matches!(row.text(4).as_str(), "0" | "OFF");
        Some(Found { is_replica, binlog_state, ..self.found(own) })
    }

    fn found(&self, own: Own) -> Found {
        let is_file = own == Own::Sqlite;
        let [host, database] = [&self.host, &self.name].map(|name| if is_file { String::new() } else { name.clone() });
        let server = Server { host, database, own, adopted: false };
        Found { server, is_replica: false, instance: String::new(), binlog_state: String::new() }
    }
}

fn finding(id: &'static str, severity: Severity, message: String, remedy: Option<&str>) -> Finding {
    Finding { id: id.into(), severity, message, remedy: remedy.map(str::to_owned) }
}

/// What `bugrelay run` would make of the server.
fn recognised(found: Found, known: Option<&Server>) -> Finding {
    let server = &found.server;
    let Some(known) = known else {
        return finding("identity", Severity::Good, format!("{server}: nothing was read of any server yet"), None);
    };
    match found.judge(known) {
        Verdict::Known => finding("identity", Severity::Good, format!("{server} is what was read before"), None),
        Verdict::Failover => {
            let message = format!("{server} continues what was read before, {known}: it is gone on with");
            finding("identity", Severity::Good, message, None)
        }
        Verdict::Adopted => finding("identity", Severity::Good, format!("{server} was adopted"), None),
        Verdict::Behind(why) => {
            let message =
                format!("{server} is a replica that does not have yet what was read: {why}; it is waited for");
            finding("identity", Severity::Unavailable, message, None)
        }
        Verdict::Restored(_, why) => {
            let message = format!(
                "{server} was restored from a backup, or lost the end of its log: {why}; what it has is told from Bugzilla's history"
            );
            finding("identity", Severity::Warning, message, None)
        }
        Verdict::Copy(why) => {
            let message = Refusal::new(Some(known.clone()), found.server, &why).message;
            finding("identity", Severity::Error, message, Some("bugrelay adopt, if it is the right one"))
        }
    }
}
