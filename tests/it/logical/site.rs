//! A Bugzilla on PostgreSQL, and how logical decoding reads it.

use std::time::Duration;

use bugrelay::capture::ROWS_MAX;
use bugrelay::capture::postgresql_logical::{PostgresqlLogical, PostgresqlLogicalConfig};
use bugrelay::database::postgresql::Postgresql;
use bugrelay::tls::Tls;

use crate::services::{Postgres, PostgresDatabase, poll};

/// One Bugzilla of a server. Leaves no slot behind.
pub(crate) struct Site {
    database: PostgresDatabase<'static>,
}

impl Site {
    /// A new one on the server that others share, with what the documentation grants and no more.
    pub(crate) fn new() -> Self {
        let site = Self::bare();
        site.database.publish();
        site
    }

    /// The same without what logical decoding needs besides.
    pub(crate) fn bare() -> Self {
        Site { database: Postgres::shared().database() }
    }

    /// Runs statements as Bugzilla, in one session.
    pub(crate) fn run(&self, sql: &str) -> String {
        self.database.exec(sql)
    }

    /// Its database's name, and the account's.
    pub(crate) fn name(&self) -> &str {
        &self.database.name
    }

    /// For the whole program.
    pub(crate) fn url(&self) -> String {
        self.database.bugrelay_url()
    }

    /// What logical decoding needs, once more.
    pub(crate) fn publish(&self) {
        self.database.publish();
    }

    /// As bugrelay reads it.
    pub(crate) fn source(&self) -> PostgresqlLogical {
        source(&self.database.bugrelay_url())
    }

    /// A value of its slot.
    pub(crate) fn slot(&self, column: &str) -> String {
        let answer =
            self.run(&format!("SELECT {column} FROM pg_replication_slots WHERE slot_name = '{}'", self.slot_name()));
        answer.trim_end().to_owned()
    }

    /// Gives up the slot once nobody reads it.
    pub(crate) fn drop_slot(&self) {
        // The server notices the end of a reader that was in the middle of a look when it has done that look.
        assert!(poll(Duration::from_secs(30), || self.slot("active") == "f"), "the slot is still read");
        self.run(&format!("SELECT pg_drop_replication_slot('{}')", self.slot_name()));
    }

    pub(crate) fn slot_name(&self) -> String {
        format!("bugrelay_{}", self.name())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.database.drop_slots();
        }
    }
}

/// A database that somebody else keeps.
pub(crate) fn source(url: &str) -> PostgresqlLogical {
    PostgresqlLogical::new(PostgresqlLogicalConfig {
        server: Postgresql::new(url.parse().expect("a URL"), Tls::Off),
        allow_unlimited_wal: false,
        retained_bytes: None,
        rows_max: ROWS_MAX,
    })
}
