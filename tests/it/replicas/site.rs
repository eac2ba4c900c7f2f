//! A Bugzilla whose database keeps bugrelay's store as well, on either server.

use super::SCHEMA;
use crate::crash::oracle::Committed;
use crate::services::{Database, MariaDb, Mysqld, Postgres, PostgresDatabase};

/// A fresh one, of a server that others may share.
pub(super) struct Site<'a> {
    server: Server<'a>,
    /// Of bugrelay's account.
    pub(super) our_url: String,
    /// Of somebody who saves.
    pub(super) url: String,
    /// `[bugzilla] schema`.
    pub(super) schema: &'static str,
}

enum Server<'a> {
    MariaDb(&'a Mysqld, Database<'a>),
    Postgresql(PostgresDatabase<'a>),
}

impl Site<'static> {
    pub(super) fn on_mariadb() -> Self {
        Site::of_mariadb(MariaDb::shared())
    }

    pub(super) fn on_postgresql() -> Self {
        Site::of_postgresql(Postgres::shared())
    }
}

impl<'a> Site<'a> {
    pub(super) fn of_mariadb(server: &'a Mysqld) -> Self {
        let database = server.database();
        server.store_url(SCHEMA, "bugrelay");
        let (our_url, url) = (database.bugrelay_url(), database.url());
        Site { server: Server::MariaDb(server, database), our_url, url, schema: SCHEMA }
    }

    /// Read by triggers.
    pub(super) fn of_postgresql(server: &'a Postgres) -> Self {
        let database = server.database();
        database.install_triggers();
        database.grant_store("bugrelay");
        let (our_url, url) = (database.bugrelay_url(), database.web_url());
        Site { server: Server::Postgresql(database), our_url, url, schema: "bugrelay" }
    }

    /// Its database.
    pub(super) fn name(&self) -> String {
        match &self.server {
            Server::MariaDb(_, database) => database.name.clone(),
            Server::Postgresql(database) => database.name.clone(),
        }
    }

    /// Alice says something about bug 1.
    pub(super) fn says(&self, text: &str) {
        let say = |now: &str| {
            format!("INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, {now}, '{text}')")
        };
        match &self.server {
            Server::MariaDb(_, database) => database.exec(&say("UTC_TIMESTAMP()")),
            Server::Postgresql(database) => database.exec(&say("LOCALTIMESTAMP(0)")),
        };
    }

    /// Of bugrelay's account; whoever has only the old one cannot get in any more, and nobody is in.
    pub(super) fn set_password(&self, password: &str) {
        match &self.server {
            Server::MariaDb(server, _) => {
                server.exec(&format!("ALTER USER bugrelay@'%' IDENTIFIED BY '{password}'; KILL USER bugrelay"))
            }
            Server::Postgresql(database) => database.exec(&format!(
                "ALTER ROLE {0} PASSWORD '{password}'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{0}'",
                database.name
            )),
        };
    }

    /// What the load committed.
    pub(super) fn committed(&self) -> Committed {
        match &self.server {
            Server::MariaDb(server, database) => Committed::read(server, &database.name),
            Server::Postgresql(database) => Committed::read_on(database),
        }
    }
}
