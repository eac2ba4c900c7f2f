//! On MariaDB, and the contract on MySQL.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use bugrelay::database::Server;
use bugrelay::database::mysql::Mysql;
use bugrelay::queue::database::DatabaseQueue;

use super::shared::{Host, holds};
use super::{Rows, SCHEMA};
use crate::queue_suite::{Keep, Shelf, conforms};
use crate::services::{MariaDb, MySql};

/// As an account with the rights that the documentation tells an administrator to grant.
fn server(url: &str) -> Arc<dyn Server> {
    Arc::new(Mysql::new(mysql_async::Opts::from_url(url).unwrap()))
}

/// On MySQL if it says so.
struct Ours<const ON_MYSQL: bool>(Rows);

impl<const ON_MYSQL: bool> Shelf for Ours<ON_MYSQL> {
    type Store = DatabaseQueue;

    fn new() -> Self {
        Ours(Rows::new())
    }

    async fn open(&self, keep: Keep) -> DatabaseQueue {
        static MARIADB: LazyLock<String> = LazyLock::new(|| MariaDb::shared().store_url(SCHEMA, "keeper"));
        static MYSQL: LazyLock<String> = LazyLock::new(|| MySql::plain().store_url(SCHEMA, "keeper"));
        self.0.open(server(if ON_MYSQL { &MYSQL } else { &MARIADB }), keep).await
    }
}

conforms!(Ours<false>);

/// The same on MySQL.
mod mysql {
    crate::queue_suite::conforms!(super::Ours<true>);
}

/// A schema and an account of its own.
struct Own {
    name: String,
    url: String,
}

impl Host for Own {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("store_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let url = MariaDb::shared().store_url(&name, &name);
        Own { name, url }
    }

    fn schema(&self) -> String {
        self.name.clone()
    }

    fn server(&self) -> Arc<dyn Server> {
        server(&self.url)
    }

    fn exec(&self, sql: &str) -> String {
        MariaDb::shared().exec(sql)
    }

    fn kill_sessions(&self) {
        let ours =
            format!("SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE user = '{}'", self.name);
        let kills = self.exec(&ours);
        // One that ended meanwhile is no failure.
        self.exec(&format!(
            "DELIMITER //\nBEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; {kills} END//"
        ));
    }

    fn account(&self) -> String {
        format!("'{}'@'%'", self.name)
    }
}

holds!(Own);
