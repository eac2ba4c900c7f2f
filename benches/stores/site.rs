//! The stores, and the server that Bugzilla is on: what an administrator prepares there, and what can be read of its load.

use crate::load::Bugzilla;
use crate::services::{Bugrelay, Database, MariaDb, Mysqld, Postgres, PostgresDatabase};

/// Ours on the server.
const SCHEMA: &str = "bugrelay";

/// Where a store is, and on which server Bugzilla.
pub(crate) struct Store {
    /// As it is printed, and as `--stores` names it.
    pub(crate) name: &'static str,
    on_postgresql: bool,
    pub(crate) in_database: bool,
}

/// All there are: on each server first the one in a file, which shows what reading alone costs that server.
pub(crate) const STORES: [Store; 4] = [
    Store { name: "mariadb-sqlite", on_postgresql: false, in_database: false },
    Store { name: "mariadb-database", on_postgresql: false, in_database: true },
    Store { name: "postgresql-sqlite", on_postgresql: true, in_database: false },
    Store { name: "postgresql-database", on_postgresql: true, in_database: true },
];

impl Store {
    /// A fresh server. It keeps what is committed through a crash of its own, and may lose a second with the machine, as on a site that has
    /// one disk.
    pub(crate) fn server(&self) -> Server {
        if self.on_postgresql { Server::Postgresql(postgresql()) } else { Server::MariaDb(mariadb()) }
    }

    /// A bugrelay with a file connector `out` that keeps its store there, not started.
    pub(crate) fn bugrelay(&self, site: &dyn Site, rest: &str) -> Bugrelay {
        let bugrelay = Bugrelay::configured(&site.url(), "", rest);
        if self.in_database {
            bugrelay.keep_in_database();
        }
        bugrelay
    }

    /// What it takes on disk.
    pub(crate) fn bytes(&self, site: &dyn Site, bugrelay: &Bugrelay) -> f64 {
        if self.in_database {
            return site.store_bytes();
        }
        let files = bugrelay.files().into_iter().filter(|path| path.to_string_lossy().contains("store.db"));
        files.map(|path| path.metadata().map_or(0, |metadata| metadata.len()) as f64).sum()
    }
}

/// What Bugzilla's database runs on.
pub(crate) enum Server {
    MariaDb(Mysqld),
    Postgresql(Postgres),
}

impl Server {
    /// A fresh Bugzilla on it, which bugrelay may read, and where it may keep a store.
    pub(crate) fn site(&self) -> Box<dyn Site + '_> {
        match self {
            Server::MariaDb(server) => {
                let database = server.database();
                server.store_url(SCHEMA, "bugrelay");
                Box::new(database)
            }
            Server::Postgresql(server) => {
                let database = server.database();
                database.install_triggers();
                database.grant_store(SCHEMA);
                database.exec("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
                Box::new(database)
            }
        }
    }

    /// Its process; PostgreSQL's sessions are children of it.
    pub(crate) fn pid(&self) -> u32 {
        match self {
            Server::MariaDb(server) => server.pid(),
            Server::Postgresql(server) => server.pid(),
        }
    }
}

fn mariadb() -> Mysqld {
    MariaDb::start(&[
        "--innodb-buffer-pool-size=512M",
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-log-file-size=256M",
    ])
}

fn postgresql() -> Postgres {
    let mut server = Postgres::start(None);
    let mut restart_with = |settings: &[(&str, &str)]| {
        for (setting, value) in settings {
            server.exec(&format!("ALTER SYSTEM SET {setting} = '{value}'"));
        }
        server.shut_down();
        server.start_again();
    };
    restart_with(&[
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("shared_buffers", "512MB"),
        ("max_wal_size", "1GB"),
        ("shared_preload_libraries", "pg_stat_statements"),
    ]);
    // It counts statements, and those of different length are different ones to it. What it forgets is not counted.
    restart_with(&[("pg_stat_statements.max", "20000")]);
    server
}

/// A Bugzilla on a server that does nothing else.
pub(crate) trait Site: Bugzilla {
    /// For bugrelay, with no more rights than it needs.
    fn url(&self) -> String;
    /// Statements that clients have sent to the server until now.
    fn statements(&self) -> f64;
    /// What the server has written to its logs until now, bytes: a binlog and a redo log, or a write-ahead log.
    fn logged(&self) -> f64;
    /// What the store in the database takes.
    fn store_bytes(&self) -> f64;
    /// What the server does by and by otherwise: it would come in the middle of a measurement.
    fn settle(&self);
}

/// The sum of the last words of all lines.
fn sum(printed: &str) -> f64 {
    printed.lines().filter_map(|line| line.split('\t').next_back()?.trim().parse::<f64>().ok()).sum()
}

impl Site for Database<'_> {
    fn url(&self) -> String {
        self.bugrelay_url()
    }

    fn statements(&self) -> f64 {
        sum(&self.exec("SHOW GLOBAL STATUS LIKE 'Questions'"))
    }

    fn logged(&self) -> f64 {
        sum(&self.exec("SHOW BINARY LOGS")) + sum(&self.exec("SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'"))
    }

    fn store_bytes(&self) -> f64 {
        let of_ours = format!("NAME LIKE '{SCHEMA}/%'");
        sum(&self
            .exec(&format!("SELECT SUM(FILE_SIZE) FROM information_schema.INNODB_SYS_TABLESPACES WHERE {of_ours}")))
    }

    fn settle(&self) {
        self.exec("ANALYZE TABLE bugs, bugs_activity, longdescs");
    }
}

impl Site for PostgresDatabase<'_> {
    fn url(&self) -> String {
        self.bugrelay_url()
    }

    fn statements(&self) -> f64 {
        sum(&self.exec("SELECT sum(calls) FROM pg_stat_statements"))
    }

    fn logged(&self) -> f64 {
        sum(&self.exec("SELECT pg_current_wal_lsn() - '0/0'"))
    }

    fn store_bytes(&self) -> f64 {
        let of_ours =
            format!("relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'trigger%'");
        sum(&self.exec(&format!("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE {of_ours}")))
    }

    fn settle(&self) {
        for sql in ["VACUUM ANALYZE", "CHECKPOINT"] {
            self.exec(sql);
        }
    }
}
