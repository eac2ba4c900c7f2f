//! On PostgreSQL.

use std::sync::{Arc, LazyLock};

use bugrelay::database::Server;
use bugrelay::database::postgresql::Postgresql;
use bugrelay::queue::database::DatabaseQueue;
use bugrelay::tls::Tls;

use super::shared::{Host, holds};
use super::{Rows, SCHEMA};
use crate::queue_suite::{Keep, Shelf, conforms};
use crate::services::{Postgres, PostgresDatabase};

/// As an account with the rights that the documentation tells an administrator to grant.
fn server(url: &str) -> Arc<dyn Server> {
    Arc::new(Postgresql::new(url.parse().unwrap(), Tls::Off))
}

struct Ours(Rows);

impl Shelf for Ours {
    type Store = DatabaseQueue;

    fn new() -> Self {
        Ours(Rows::new())
    }

    async fn open(&self, keep: Keep) -> DatabaseQueue {
        // Not in UTF-8, as few are: the database's encoding must not matter.
        static URL: LazyLock<String> =
            LazyLock::new(|| Postgres::shared().empty_database("LATIN1").grant_store(SCHEMA));
        self.0.open(server(&URL), keep).await
    }
}

conforms!(Ours);

/// A database and an account of its own.
struct Own {
    database: PostgresDatabase<'static>,
    url: String,
}

impl Host for Own {
    fn new() -> Self {
        let database = Postgres::shared().empty_database("UTF8");
        let url = database.grant_store(SCHEMA);
        Own { database, url }
    }

    fn schema(&self) -> String {
        SCHEMA.to_owned()
    }

    fn server(&self) -> Arc<dyn Server> {
        server(&self.url)
    }

    fn exec(&self, sql: &str) -> String {
        self.database.exec(sql)
    }

    fn kill_sessions(&self) {
        let name = &self.database.name;
        self.exec(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'"));
    }

    fn account(&self) -> String {
        self.database.name.clone()
    }
}

holds!(Own);
