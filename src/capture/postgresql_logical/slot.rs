//! The server's replication slot, over SQL: how it stands, and what it holds.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{PgLsn, ToSql, Type};
use tokio_postgres::{Client, Error, Row};

use super::position::Stored;
use super::publication;
use super::reader::Look;
use super::refusal::{ANSWER, explain, in_time, lost};
use crate::capture::{CaptureError, Gap};

/// What the server ends by itself before (`logical_session.sql`); beyond it the connection is dead.
const LONG_ANSWER: Duration = Duration::from_secs(330);

/// Names are no longer than this in PostgreSQL.
const NAME_MAX: usize = 63;

/// A slot's name and a session to ask for it.
pub(super) struct Slot<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a str,
}

/// How the slot stands.
pub(super) struct State {
    /// The server's process that answers.
    pub(super) process: i32,
    /// The end of the log that is safe on the server's disk.
    pub(super) flushed: PgLsn,
    /// None if it is not there.
    pub(super) found: Option<Found>,
}

/// A slot that is there.
pub(super) struct Found {
    pub(super) plugin: String,
    pub(super) database: String,
    /// The process that reads it at this moment.
    pub(super) reader: Option<i32>,
    /// The server has thrown away what it held.
    pub(super) is_lost: bool,
    /// The server will do so at its next checkpoint.
    pub(super) is_endangered: bool,
    /// What was acknowledged.
    pub(super) confirmed: PgLsn,
    /// What the server keeps for it, bytes.
    pub(super) retained: i64,
}

/// `bugrelay_DATABASE`. A slot's name has small letters, digits and `_` alone, and is the whole server's: what does not fit is
/// replaced, and a number of the true name stands behind it.
pub(super) fn name(database: &str) -> String {
    let name = format!("bugrelay_{database}");
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.len() <= NAME_MAX && name.chars().all(fits) {
        return name;
    }
    let fnv = database.bytes().fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    let fitting: String = name.to_ascii_lowercase().chars().map(|c| if fits(c) { c } else { '_' }).collect();
    // Only ASCII is left: any place is one between two characters.
    format!("{}_{fnv:08x}", fitting.get(..NAME_MAX - 9).unwrap_or(&fitting))
}

impl Slot<'_> {
    pub(super) async fn state(&self) -> Result<State, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/logical_slot.sql");
        let row = self.ask(ANSWER, sql, None).await?;
        State::read(&row).map_err(|error| explain(&error))
    }

    /// Everything up to `upto`, but after so many messages only the transaction that is begun.
    /// Gives the number of messages; what was taken before the error of a broken look is whole.
    pub(super) async fn peek(&self, upto: PgLsn, messages: i32, look: &mut Look<'_>) -> Result<i32, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/logical_peek.sql");
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&self.name, Type::TEXT), (&upto, Type::PG_LSN), (&messages, Type::INT4)];
        let mut count: i32 = 0;
        let reading = async {
            let rows = self.client.query_typed_raw(sql, parameters).await?;
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.try_next().await? {
                if let Err(error) = look.take(row.try_get(0)?) {
                    return Ok(Err(error));
                }
                count = count.saturating_add(1);
            }
            Ok(Ok(()))
        };
        match in_time(LONG_ANSWER, reading).await? {
            Ok(read) => read.map(|()| count),
            Err(error) => Err(self.why_not(&error).await),
        }
    }

    /// A slot that was dropped, and a publication, are called missing by the same code; others say that the slot is lost.
    async fn why_not(&self, error: &Error) -> CaptureError {
        let vague = [SqlState::UNDEFINED_OBJECT, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE];
        if !error.code().is_some_and(|code| vague.contains(code)) {
            return explain(error);
        }
        let at = match self.state().await {
            Err(error) => return error,
            Ok(State { found: Some(found), .. }) if !found.is_lost => found,
            Ok(_) => return lost("the slot was dropped, or the server has given it up"),
        };
        match publication::read(self.client).await {
            Err(error) => error,
            Ok(None) => CaptureError::misconfigured(publication::MISSING),
            Ok(Some(_)) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => lost(&format!(
                "the publication was made after changes that the slot still holds (from {}): they cannot be read",
                at.confirmed
            )),
            Ok(Some(_)) => explain(error),
        }
    }

    /// Lets the server forget what comes before `upto`.
    pub(super) async fn advance(&self, upto: PgLsn) -> Result<(), CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/logical_advance.sql");
        self.ask(LONG_ANSWER, sql, Some(upto)).await.map(drop)
    }

    /// Makes it, and tells where it begins.
    pub(super) async fn create(&self) -> Result<PgLsn, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/logical_create.sql");
        self.ask(LONG_ANSWER, sql, None).await?.try_get(0).map_err(|error| explain(&error))
    }

    pub(super) async fn drop(&self) -> Result<(), CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/logical_drop.sql");
        self.ask(ANSWER, sql, None).await.map(drop)
    }

    /// A statement about the slot, perhaps with a place, that answers with one row.
    async fn ask(&self, limit: Duration, sql: &str, place: Option<PgLsn>) -> Result<Row, CaptureError> {
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&self.name, Type::TEXT)];
        parameters.extend(place.as_ref().map(|place| (place as &(dyn ToSql + Sync), Type::PG_LSN)));
        let rows = in_time(limit, self.client.query_typed(sql, &parameters)).await?.map_err(|error| explain(&error))?;
        rows.into_iter().next().ok_or_else(|| CaptureError::transient("the server does not answer about the slot"))
    }
}

impl State {
    /// The slot, if it holds what follows `at`; else the gap.
    pub(super) fn holds(&self, slot: &Slot<'_>, database: &str, at: &Stored) -> Result<&Found, CaptureError> {
        let name = slot.name;
        let Some(found) = &self.found else {
            return Err(lost(&format!(
                "the slot {name} is not there any more: it was dropped, or a standby that never had it has taken over"
            )));
        };
        found.check(name, database)?;
        if found.is_lost {
            return Err(lost(&format!(
                "the server has given up the slot {name}: it would have had to keep more than max_slot_wal_keep_size of its log"
            )));
        }
        if found.confirmed > at.lsn {
            return Err(lost(&format!(
                "the slot {name} begins at {}, behind the stored position {}: it was made anew, or another bugrelay reads it",
                found.confirmed, at.lsn
            )));
        }
        if self.flushed < at.lsn {
            return Err(CaptureError::gap(
                Gap::Ahead,
                format!(
                    "the stored position {} lies behind the end of the server's log, {}: the server lost the end of its log or was \
                     restored from a backup; what lies between is told as far as Bugzilla's history has it",
                    at.lsn, self.flushed
                ),
            ));
        }
        Ok(found)
    }

    fn read(row: &Row) -> Result<Self, Error> {
        let is_there: bool = row.try_get("is_there")?;
        let found = if is_there { Some(Found::read(row)?) } else { None };
        Ok(State { process: row.try_get("process")?, flushed: row.try_get("flushed")?, found })
    }
}

impl Found {
    /// Whether it is ours to read.
    pub(super) fn check(&self, name: &str, database: &str) -> Result<(), CaptureError> {
        if self.plugin == "pgoutput" && self.database == database {
            return Ok(());
        }
        Err(CaptureError::misconfigured(format!(
            "the slot {name} is another program's: its plug-in is {:?} and its database {:?}; \
             SELECT pg_drop_replication_slot('{name}') if nobody needs it",
            self.plugin, self.database
        )))
    }

    fn read(row: &Row) -> Result<Self, Error> {
        let text = |name| row.try_get::<_, Option<String>>(name).map(Option::unwrap_or_default);
        let status = text("wal_status")?;
        Ok(Found {
            plugin: text("plugin")?,
            database: text("database")?,
            reader: row.try_get("reader")?,
            is_lost: status == "lost",
            is_endangered: status == "unreserved",
            confirmed: row.try_get::<_, Option<PgLsn>>("confirmed")?.unwrap_or(PgLsn::from(0)),
            retained: row.try_get::<_, Option<i64>>("retained")?.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_named_after_the_database_and_never_like_anothers() {
        assert_eq!(name("bugs"), "bugrelay_bugs");
        assert!(name("Bugs-5").starts_with("bugrelay_bugs_5_"), "{}", name("Bugs-5"));
        assert_ne!(name("bugs-5"), name("bugs.5"));
        assert!(name(&"b".repeat(63)).len() <= NAME_MAX);
        assert_ne!(name(&"b".repeat(60)), name(&"b".repeat(61)));
        assert!(name("čaj").is_ascii());
    }
}
