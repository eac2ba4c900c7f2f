//! The ways in that play the cases: a server with a Bugzilla on it, and what is said in `[bugzilla]`.

use super::words::{in_postgresql, in_sqlite};
use crate::services::{Database, MariaDb, MySql, Mysqld, Postgres, PostgresDatabase, SqliteBugzilla};

/// A way in, and how it plays.
pub(super) struct Way {
    /// A fresh Bugzilla.
    pub(super) bugzilla: fn() -> Box<dyn Bugzilla>,
    /// For `[bugzilla]`.
    pub(super) settings: &'static str,
    /// Cases that cannot be played there, by number.
    left_out: &'static [&'static str],
    /// Plays all the others always, and not only [`TELLING`] ones.
    is_thorough: bool,
    /// What one bugrelay has read another does not get: the late reader has a Bugzilla of its own.
    pub(super) has_one_reader: bool,
}

/// A Bugzilla that statements can be run on.
pub(super) trait Bugzilla {
    fn url(&self) -> String;
    fn exec(&self, sql: &str);
}

/// A dozen cases of which each asks something else of a way in.
const TELLING: [&str; 12] = ["002", "007", "008", "011", "014", "016", "019", "020", "022", "023", "026", "029"];

const TRIGGERS: &str = "capture = \"triggers\"";

/// Character sets of single tables are MySQL's.
const ONLY_ON_MYSQL: &[&str] = &["031", "032"];

pub(super) const BINLOG: Way = Way {
    bugzilla: || Box::new(mysql(MariaDb::shared())),
    settings: "",
    left_out: &[],
    is_thorough: true,
    has_one_reader: false,
};

pub(super) const MYSQL: Way = Way { bugzilla: || Box::new(mysql(MySql::full())), is_thorough: false, ..BINLOG };

pub(super) const MARIADB_TRIGGERS: Way = Way {
    bugzilla: || Box::new(with_triggers(mysql(MariaDb::shared()))),
    settings: TRIGGERS,
    left_out: &[],
    is_thorough: false,
    has_one_reader: true,
};

pub(super) const MYSQL_TRIGGERS: Way =
    Way { bugzilla: || Box::new(with_triggers(mysql(MySql::plain()))), ..MARIADB_TRIGGERS };

pub(super) const POSTGRES_TRIGGERS: Way = Way {
    bugzilla: || Box::new(postgresql(|database| database.install_triggers())),
    settings: TRIGGERS,
    left_out: ONLY_ON_MYSQL,
    is_thorough: true,
    has_one_reader: true,
};

pub(super) const LOGICAL: Way = Way {
    bugzilla: || Box::new(postgresql(|database| database.publish())),
    settings: "capture = \"logical\"",
    left_out: ONLY_ON_MYSQL,
    is_thorough: false,
    has_one_reader: true,
};

pub(super) const SQLITE: Way = Way {
    bugzilla: || Box::new(SqliteBugzilla::new()),
    settings: "",
    left_out: ONLY_ON_MYSQL,
    is_thorough: true,
    has_one_reader: true,
};

pub(super) const HISTORY: Way = Way { settings: AS_HISTORY, left_out: NOT_BY_HISTORY, ..BINLOG };

pub(super) const POSTGRES_HISTORY: Way = Way {
    bugzilla: || Box::new(postgresql(|_| {})),
    settings: AS_HISTORY,
    left_out: &["023", "024", "025", "028", "031", "032"],
    is_thorough: false,
    has_one_reader: false,
};

/// What the site had before a case is dated earlier.
const AS_HISTORY: &str = "capture = \"history\"\nstart = \"2026-02-01\"";

/// What history cannot see as others do: several commits or saves of one user on one bug in one second, and rows that are gone.
const NOT_BY_HISTORY: &[&str] = &["023", "024", "025", "028"];

const FIELDDEF: &str = "CREATE FUNCTION fielddef(wanted varchar(64)) RETURNS int READS SQL DATA \
                     RETURN (SELECT id FROM fielddefs WHERE name = wanted)";

const FIELDDEF_POSTGRESQL: &str = "CREATE FUNCTION fielddef(wanted varchar) RETURNS int LANGUAGE sql STABLE AS \
                     'SELECT id FROM fielddefs WHERE name = wanted'";

impl Way {
    /// Whether it plays the case of this file.
    pub(super) fn plays(&self, file: &str) -> bool {
        let is_one_of = |numbers: &[&str]| numbers.iter().any(|number| file.starts_with(number));
        let plays_all = self.is_thorough || std::env::var_os("BUGRELAY_MATRIX").is_some();
        !is_one_of(self.left_out) && (plays_all || is_one_of(&TELLING))
    }
}

fn mysql(server: &'static Mysqld) -> Database<'static> {
    let bugzilla = server.database();
    bugzilla.exec(FIELDDEF);
    bugzilla
}

fn with_triggers(bugzilla: Database<'static>) -> Database<'static> {
    bugzilla.install_triggers();
    bugzilla
}

impl Bugzilla for Database<'_> {
    fn url(&self) -> String {
        self.bugrelay_url()
    }

    fn exec(&self, sql: &str) {
        Database::exec(self, sql);
    }
}

impl Bugzilla for SqliteBugzilla {
    fn url(&self) -> String {
        self.bugrelay_url()
    }

    fn exec(&self, sql: &str) {
        SqliteBugzilla::exec(self, &in_sqlite(sql));
    }
}

/// Leaves no slot behind.
struct Postgresql(PostgresDatabase<'static>);

fn postgresql(prepare: fn(&PostgresDatabase)) -> Postgresql {
    let bugzilla = Postgres::shared().database();
    prepare(&bugzilla);
    bugzilla.exec(FIELDDEF_POSTGRESQL);
    Postgresql(bugzilla)
}

impl Bugzilla for Postgresql {
    fn url(&self) -> String {
        self.0.bugrelay_url()
    }

    fn exec(&self, sql: &str) {
        self.0.exec(&in_postgresql(sql));
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        self.0.drop_slots();
    }
}
