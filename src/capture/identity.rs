//! Which server it is that is read, and whether it is the one that was read before. Asked before anything else of a server: a place in a log
//! says nothing of whose log it is.
//!
//! A server that is another goes on where the first one stood, if its history holds what was read: a standby has taken over. If it does
//! not, the server was restored from a backup where host and database are as they were; elsewhere it may be a copy of Bugzilla, and
//! nothing of it may be told, nor of the store.
//!
//! ```text
//! guard      asks a server who it is
//! admission  whether what waits may leave: for those who send
//! same       Bugzilla's tables, as that server has them and no other
//! ```

mod admission;
mod guard;
mod same;

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio_postgres::types::PgLsn;

pub use self::admission::{Admission, Refusal};
pub use self::guard::Guard;
pub use self::same::SameServer;
use super::Gap;
use super::mysql_binlog::{GtidSet, mariadb_list};
use crate::database::Dialect;

/// A server as it is known again: kept with the position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// As configured, `HOST:PORT`; empty for a file.
    pub host: String,
    /// As configured.
    pub database: String,
    #[serde(flatten)]
    own: Own,
    /// Somebody has said that it is the right one. The position beside it is another's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    adopted: bool,
}

/// What a server says of itself: its id, and the end of its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "make", rename_all = "lowercase")]
enum Own {
    /// A file has neither.
    Sqlite,
    /// It has no id but the number that an administrator gave it, 1 on most. (`server_uid` is made of the network card's address, which
    /// containers share.)
    Mariadb { server_id: u32, gtids: String },
    /// Without GTIDs there is no history.
    Mysql { uuid: String, gtids: String },
    /// Standbys have the same id. The place is as the server prints it, `16/B374D848`.
    Postgresql { system: String, timeline: i64, lsn: String },
}

/// A server at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is kept of it.
    pub server: Server,
    /// It is only read: what it replicates may come still.
    pub is_replica: bool,
    /// Differs from every other process that serves.
    pub instance: String,
    /// MariaDB's last transaction of each server in each domain.
    binlog_state: String,
}

/// What a server is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same, or nothing shows that it is not.
    Known,
    /// Another with the same history.
    Failover,
    /// The right one, as somebody has said: to be begun with anew.
    Adopted,
    /// A replica that does not have yet what was read.
    Behind(String),
    /// At the same place, and without what was read.
    Restored(Gap, String),
    /// Elsewhere, and without what was read.
    Copy(String),
}

/// Has a server say which of all it is: the same text in each of its sessions. A file is known by its place.
fn instance(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Mysql => Some(include_str!("../../sql/mysql/query/instance.sql")),
        Dialect::Postgresql => Some(include_str!("../../sql/postgresql/query/instance.sql")),
        Dialect::Sqlite => None,
    }
}

impl Server {
    /// As the checkpoint stores it.
    pub fn to_text(&self) -> String {
        // Strings and numbers: it cannot fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what the checkpoint stores; none for what nobody can know again.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The same, and the right one.
    #[must_use]
    pub fn adopted(&self) -> Self {
        Server { adopted: true, ..self.clone() }
    }

    /// Whether the configuration leads somewhere else than to that server.
    pub fn is_elsewhere(&self, known: &Server) -> bool {
        (&self.host, &self.database) != (&known.host, &known.database)
    }

    /// What is told apart by it: without the end of its history.
    pub fn id(&self) -> String {
        match &self.own {
            Own::Sqlite => String::new(),
            Own::Mariadb { server_id, .. } => format!("server_id {server_id}"),
            Own::Mysql { uuid, .. } => format!("server_uuid {uuid}"),
            Own::Postgresql { system, timeline, .. } => format!("system identifier {system}, timeline {timeline}"),
        }
    }

    fn make(&self) -> &'static str {
        match self.own {
            Own::Sqlite => "SQLite",
            Own::Mariadb { .. } => "MariaDB",
            Own::Mysql { .. } => "MySQL",
            Own::Postgresql { .. } => "PostgreSQL",
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {} of the {} at {} ({})", self.database, self.make(), self.host, self.id())
    }
}

impl Found {
    /// What the server is, when that one was read before.
    pub fn judge(&self, known: &Server) -> Verdict {
        let is_elsewhere = self.server.is_elsewhere(known);
        if self.server.database != known.database {
            return Verdict::Copy(format!("it is another database than {}", known.database));
        }
        match self.continues(known, is_elsewhere) {
            Ok(_) if known.adopted => Verdict::Adopted,
            Ok(true) => Verdict::Known,
            Ok(false) => Verdict::Failover,
            Err(why) if is_elsewhere => Verdict::Copy(why),
            Err(why) if self.is_replica => Verdict::Behind(why),
            Err(why) if self.server.id() == known.id() => Verdict::Restored(Gap::Ahead, why),
            Err(why) => Verdict::Restored(Gap::ForeignServer, why),
        }
    }

    /// Whether it is the very same, if its history holds what was read of that one; or why it does not seem to.
    fn continues(&self, known: &Server, is_elsewhere: bool) -> Result<bool, String> {
        match (&known.own, &self.server.own) {
            (Own::Sqlite, Own::Sqlite) => Ok(true),
            (Own::Mariadb { server_id: before, gtids }, Own::Mariadb { server_id, .. }) => {
                self.has_mariadb(gtids, *server_id, is_elsewhere, before == server_id)
            }
            (Own::Mysql { uuid: before, gtids: read }, Own::Mysql { uuid, gtids }) => {
                let is_same = before == uuid;
                if read.is_empty() || gtids.is_empty() {
                    let why = format!(
                        "its server_uuid is {uuid}, and without GTIDs nothing shows that it continues {before}"
                    );
                    return if is_same { Ok(true) } else { Err(why) };
                }
                let (read, history) = (GtidSet::parse_mysql(read), GtidSet::parse_mysql(gtids));
                let contains = read.zip(history).is_some_and(|(read, history)| history.contains_all(&read));
                if contains {
                    Ok(is_same)
                } else {
                    Err("its gtid_executed lacks transactions that were read".to_owned())
                }
            }
            (
                Own::Postgresql { system: before, timeline: from, lsn: read },
                Own::Postgresql { system, timeline, lsn },
            ) => {
                if before != system {
                    return Err(format!("its system identifier is {system}, not {before}"));
                }
                if from > timeline {
                    return Err(format!("it is on timeline {timeline}, and the other was on {from} already"));
                }
                let is_behind = read.parse::<PgLsn>().ok().zip(lsn.parse().ok()).is_none_or(|(read, end)| read > end);
                if is_behind {
                    return Err(format!("its log ends at {lsn}, and the other's was at {read} already"));
                }
                Ok(from == timeline)
            }
            _ => Err(format!("it is a {}, not a {}", self.server.make(), known.make())),
        }
    }

    /// MariaDB numbers transactions by domain and server: a copy with the same number of a server gives them out once more.
    fn has_mariadb(&self, read: &str, own: u32, is_elsewhere: bool, is_same: bool) -> Result<bool, String> {
        let lists = mariadb_list(read).zip(mariadb_list(&self.binlog_state));
        let (read, history) = lists.ok_or("its GTIDs cannot be read")?;
        if read.is_empty() || history.is_empty() {
            return match (is_elsewhere, is_same) {
                (false, true) => Ok(true),
                _ => Err("without GTIDs nothing shows that it continues the other".to_owned()),
            };
        }
        for &(domain, server, number) in &read {
            let last = history.iter().filter(|&&(d, s, _)| (d, s) == (domain, server)).map(|&(.., last)| last).max();
            if last.is_none_or(|last| last < number) {
                return Err(format!("its binlog does not have {domain}-{server}-{number}, which was read"));
            }
        }
        if is_elsewhere && read.iter().all(|&(_, server, _)| server == own) {
            return Err(format!(
                "it has the server_id {own} of the other, which a replica has not: the same GTIDs may be other transactions"
            ));
        }
        Ok(is_same)
    }
}

#[cfg(test)]
mod tests;
