//! The ways in: which server each is on, what it has to be given there, and how bugrelay is told.

use std::cell::OnceCell;

use crate::load::Bugzilla;
use crate::services::{Bugrelay, Database, MariaDb, Mysqld, Postgres, PostgresDatabase};

/// A server and one way to read it.
pub(crate) struct Way {
    /// As it is printed, and as `--ways` names it.
    pub(crate) name: &'static str,
    capture: &'static str,
    site: fn(&Servers) -> Site<'_>,
    /// Whether something is put into the server for it, which is there when bugrelay is away too.
    pub(crate) installs: bool,
}

/// All there are, in the order in which they are printed.
pub(crate) const WAYS: [Way; 6] = [
    Way { name: "mariadb-binlog", capture: "binlog", site: Servers::mariadb, installs: false },
    Way { name: "mariadb-triggers", capture: "triggers", site: Servers::mariadb, installs: true },
    Way { name: "mariadb-history", capture: "history", site: Servers::mariadb, installs: false },
    Way { name: "postgresql-triggers", capture: "triggers", site: Servers::postgresql, installs: true },
    Way { name: "postgresql-logical", capture: "logical", site: Servers::postgresql, installs: true },
    Way { name: "postgresql-history", capture: "history", site: Servers::postgresql, installs: false },
];

impl Way {
    /// A fresh Bugzilla, with nothing of ours but the account.
    pub(crate) fn site<'a>(&self, servers: &'a Servers) -> Site<'a> {
        (self.site)(servers)
    }

    /// Puts into the server what is needed.
    pub(crate) fn install(&self, site: &Site<'_>) {
        site.host.install(self.capture);
    }

    /// Takes it out. Nobody reads any more.
    pub(crate) fn remove(&self, site: &Site<'_>) {
        site.host.remove(self.capture);
    }

    /// A bugrelay that reads it this way, with a store of its own, not started. `settings` are for `[bugzilla]`.
    pub(crate) fn bugrelay(&self, site: &Site<'_>, settings: &str) -> Bugrelay {
        Bugrelay::configured(&site.host.url(), &format!("capture = \"{}\"\n{settings}", self.capture), "")
    }

    /// It knows saves by their time alone, and can begin in the past by itself.
    pub(crate) fn is_by_time(&self) -> bool {
        self.capture == "history"
    }
}

/// A server's process, and a Bugzilla there.
pub(crate) struct Site<'a> {
    pub(crate) host: Box<dyn Host + 'a>,
    pub(crate) server: u32,
}

/// What an administrator of the database does.
pub(crate) trait Host: Bugzilla {
    /// For bugrelay, with no more rights than it needs.
    fn url(&self) -> String;
    fn install(&self, capture: &str);
    fn remove(&self, capture: &str);
    /// Statistics, and what the server does by and by otherwise: it would come in the middle of a measurement.
    fn settle(&self);
}

/// Started when first asked for. Both keep what is committed through a crash of their own, and may lose a second with the machine,
/// as on a site that has one disk.
#[derive(Default)]
pub(crate) struct Servers {
    mariadb: OnceCell<Mysqld>,
    postgresql: OnceCell<Postgres>,
}

impl Servers {
    fn mariadb(&self) -> Site<'_> {
        let options = ["--innodb-buffer-pool-size=512M", "--innodb-flush-log-at-trx-commit=2"];
        let server = self.mariadb.get_or_init(|| MariaDb::start(&options));
        Site { host: Box::new(server.database()), server: server.pid() }
    }

    fn postgresql(&self) -> Site<'_> {
        let server = self.postgresql.get_or_init(|| {
            let mut server = Postgres::start(None);
            server.exec("ALTER SYSTEM SET fsync = on");
            server.exec("ALTER SYSTEM SET full_page_writes = on");
            server.exec("ALTER SYSTEM SET shared_buffers = '512MB'");
            server.shut_down();
            server.start_again();
            server
        });
        Site { host: Box::new(server.database()), server: server.pid() }
    }
}

impl Host for Database<'_> {
    fn url(&self) -> String {
        self.bugrelay_url()
    }

    /// The binlog is there anyway.
    fn install(&self, capture: &str) {
        if capture == "triggers" {
            self.install_triggers();
        }
    }

    fn remove(&self, capture: &str) {
        if capture == "triggers" {
            self.remove_triggers();
        }
    }

    fn settle(&self) {
        self.exec("ANALYZE TABLE bugs, bugs_activity, longdescs");
    }
}

impl Host for PostgresDatabase<'_> {
    fn url(&self) -> String {
        self.bugrelay_url()
    }

    fn install(&self, capture: &str) {
        match capture {
            "triggers" => self.install_triggers(),
            "logical" => self.publish(),
            _ => {}
        }
    }

    fn remove(&self, capture: &str) {
        match capture {
            "triggers" => self.remove_triggers(),
            "logical" => {
                self.drop_slots();
                self.exec("DROP PUBLICATION bugrelay; ALTER TABLE duplicates REPLICA IDENTITY DEFAULT");
            }
            _ => {}
        }
    }

    fn settle(&self) {
        for sql in ["VACUUM ANALYZE", "CHECKPOINT"] {
            self.exec(sql);
        }
    }
}
