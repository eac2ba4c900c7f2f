//! Whether a stored position is one of this server, and whether what follows it is still there. Asked before the stream is:
//! MariaDB answers a GTID domain that it never had by sending everything that it has.

use mysql_async::prelude::Queryable;

use super::gtid::{GtidSet, mariadb_list};
use super::position::{FilePlace, Place, Start, Stored, StoredPlace};
use super::server::{Server, patiently};
use crate::capture::{CaptureError, Gap};

const HISTORY_MARIADB: &str = include_str!("../../../sql/mysql/query/gtid_history_mariadb.sql");
const HISTORY_MYSQL: &str = include_str!("../../../sql/mysql/query/gtid_history_mysql.sql");

/// Where to begin for a stored position, or the gap.
pub(super) async fn resume(server: &mut Server, stored: &Stored) -> Result<Start, CaptureError> {
    let place = place(server, &stored.at)?;
    let from = stored.held.as_ref().map_or_else(|| Ok(place.clone()), |held| self::place(server, held))?;
    let is_named = !place.gtids.is_empty();
    if is_named {
        match &place.gtids {
            GtidSet::MariaDb(_) => check_mariadb(server, &place.gtids).await?,
            GtidSet::MySql(_) => check_mysql(server, &place.gtids, &from.gtids).await?,
        }
    }
    // A position by file only: there was no GTID yet, so that on MariaDB nothing is missing in the empty set.
    if from.gtids.is_empty() {
        if stored.server != server.settings.identity() {
            return Err(foreign(&format!(
                "it calls itself {:?}, and the position was issued by {:?}",
                server.settings.identity(),
                stored.server
            )));
        }
        check_file(server, &from.file).await?;
    }
    Ok(Start { knows_gtids: is_named || server.settings.is_mariadb(), place, from })
}

/// The server is not the one that issued the position.
pub(super) fn foreign(why: &str) -> CaptureError {
    CaptureError::gap(
        Gap::ForeignServer,
        format!(
            "the stored position was not issued by this server: {why}; it was restored from a backup, or its log was reset"
        ),
    )
}

fn ahead(why: &str) -> CaptureError {
    CaptureError::gap(
        Gap::Ahead,
        format!(
            "the stored position lies behind the end of the server's binlog: {why}; the server lost the end of its log \
             (sync_binlog = 0 and a crash) or was restored from a backup"
        ),
    )
}

fn place(server: &Server, stored: &StoredPlace) -> Result<Place, CaptureError> {
    let parse = if server.settings.is_mariadb() { GtidSet::parse_mariadb } else { GtidSet::parse_mysql };
    match stored {
        StoredPlace::File(file) => Ok(Place { gtids: parse("").ok_or_else(unreadable)?, file: file.clone() }),
        StoredPlace::Gtid { gtid } => match parse(gtid) {
            Some(gtids) if server.settings.has_gtids() => Ok(Place { gtids, file: FilePlace::default() }),
            Some(_) => Err(foreign("gtid_mode is not ON, and the position is one of GTIDs; SET GLOBAL gtid_mode = ON")),
            None => Err(foreign("its GTIDs are of another kind: one is MariaDB, the other MySQL")),
        },
    }
}

fn unreadable() -> CaptureError {
    CaptureError::misconfigured("the server's GTID state cannot be read")
}

async fn check_mariadb(server: &mut Server, gtids: &GtidSet) -> Result<(), CaptureError> {
    let history: Option<String> = patiently(server.conn.query_first(HISTORY_MARIADB)).await?;
    let history = mariadb_list(&history.unwrap_or_default()).ok_or_else(unreadable)?;
    for (domain, id, number) in mariadb_list(&gtids.to_string()).ok_or_else(unreadable)? {
        let of_domain = || history.iter().filter(|(known, ..)| *known == domain);
        if of_domain().next().is_none() {
            return Err(foreign(&format!("GTID domain {domain} is unknown to it")));
        }
        match of_domain().find(|(_, known, _)| *known == id) {
            None => return Err(foreign(&format!("its binlog has nothing of server {id} in GTID domain {domain}"))),
            Some((.., last)) if *last < number => {
                return Err(ahead(&format!("{domain}-{id}-{number}, and the log ends at {domain}-{id}-{last}")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn check_mysql(server: &mut Server, at: &GtidSet, from: &GtidSet) -> Result<(), CaptureError> {
    let answer: Option<(bool, bool, String)> =
        patiently(server.conn.exec_first(HISTORY_MYSQL, (at.to_string(), from.to_string()))).await?;
    let (executed, not_purged, history) = answer.ok_or_else(unreadable)?;
    if !executed {
        let (GtidSet::MySql(ours), Some(GtidSet::MySql(theirs))) = (at, GtidSet::parse_mysql(&history)) else {
            return Err(unreadable());
        };
        let knows_one = ours.keys().any(|source| theirs.contains_key(source));
        let why = "gtid_executed does not contain it";
        return Err(if knows_one { ahead(why) } else { foreign(why) });
    }
    if !not_purged {
        return Err(purged("gtid_purged goes beyond it"));
    }
    Ok(())
}

fn purged(why: &str) -> CaptureError {
    CaptureError::gap(
        Gap::Purged,
        format!(
            "the server has deleted the binlog that follows the stored position: {why}; keep it longer (binlog_expire_logs_seconds)"
        ),
    )
}

async fn check_file(server: &mut Server, place: &FilePlace) -> Result<(), CaptureError> {
    let files = server.files().await?;
    if let Some((name, size)) = files.iter().find(|(name, _)| *name == place.name) {
        // The server's own words for this are about max_allowed_packet, which helps nobody.
        return if *size < place.pos {
            Err(ahead(&format!("{name} ends at {size}, not {}", place.pos)))
        } else {
            Ok(())
        };
    }
    let newest = files.last().map_or("", |(name, _)| name.as_str());
    match (numbered(&place.name), numbered(newest)) {
        (Some((base, number)), Some((newest_base, last))) if base == newest_base && number > last => {
            Err(ahead(&format!("{}, and the newest file is {newest}", place.name)))
        }
        (Some((base, _)), Some((newest_base, _))) if base == newest_base => {
            Err(purged(&format!("{} is not in SHOW BINARY LOGS", place.name)))
        }
        _ => Err(foreign(&format!("its log files are not named like {}", place.name))),
    }
}

fn numbered(file: &str) -> Option<(&str, u64)> {
    let (base, number) = file.rsplit_once('.')?;
    Some((base, number.parse().ok()?))
}
