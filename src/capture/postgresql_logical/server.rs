//! The server and the account, as far as a reader of its log must know them. Asked once when it is opened, and by `check`.

use tokio_postgres::{Client, Error, Row};

use super::refusal::{ANSWER, explain, in_time};
use crate::capture::CaptureError;

/// What it says of itself.
pub(super) struct Server {
    /// As `server_version_num`: 150018.
    pub(super) version: i32,
    pub(super) wal_level: String,
    pub(super) is_standby: bool,
    pub(super) slots_max: i64,
    pub(super) slots: i64,
    /// `max_slot_wal_keep_size` as the server prints it; -1 is no limit.
    pub(super) keep: String,
    pub(super) may_replicate: bool,
    /// May make a publication of Bugzilla's tables.
    pub(super) may_publish: bool,
    /// Where table bugs was found.
    pub(super) schema: Option<String>,
    /// The same on all of its standbys.
    pub(super) system: String,
    pub(super) timeline: u32,
}

impl Server {
    /// Asks for all of it.
    pub(super) async fn ask(client: &Client) -> Result<Self, CaptureError> {
        let sql = include_str!("../../../sql/postgresql/query/logical_server.sql");
        let rows = in_time(ANSWER, client.query_typed(sql, &[])).await?.map_err(|error| explain(&error))?;
        let row = rows.first().ok_or_else(|| CaptureError::transient("the server does not say what it is"))?;
        Server::read(row).map_err(|error| explain(&error))
    }

    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Server {
            version: row.try_get("version")?,
            wal_level: row.try_get("wal_level")?,
            is_standby: row.try_get("is_standby")?,
            slots_max: row.try_get("slots_max")?,
            slots: row.try_get("slots")?,
            keep: row.try_get::<_, Option<String>>("keep")?.unwrap_or_default(),
            may_replicate: row.try_get("may_replicate")?,
            may_publish: row.try_get::<_, Option<bool>>("may_publish")?.unwrap_or_default(),
            schema: row.try_get("schema")?,
            system: row.try_get("system")?,
            timeline: u32::try_from(row.try_get::<_, i64>("timeline")?).unwrap_or_default(),
        })
    }

    /// Whether a slot may make the server fill its disk.
    pub(super) fn keeps_without_limit(&self) -> bool {
        self.keep == "-1"
    }
}

/// Which of the tables that messages are made of the account may not read.
pub(super) async fn unreadable(client: &Client) -> Result<Vec<String>, CaptureError> {
    let sql = include_str!("../../../sql/postgresql/query/logical_unreadable.sql");
    let rows = in_time(ANSWER, client.query_typed(sql, &[])).await?.map_err(|error| explain(&error))?;
    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(|error| explain(&error))
}

/// Bugs that are inserted and not filed yet.
pub(super) async fn unfiled(client: &Client) -> Result<std::collections::BTreeSet<i64>, CaptureError> {
    let sql = include_str!("../../../sql/postgresql/query/logical_unfiled.sql");
    let rows = in_time(ANSWER, client.query_typed(sql, &[])).await?.map_err(|error| explain(&error))?;
    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(|error| explain(&error))
}
