//! A server of its own with a Bugzilla on it, and a way to read it. The server falls and rises with its data.

use super::Telling;
use crate::crash::database::DURABLE;
use crate::services::{Database, MariaDb, MySql, Mysqld, Postgres, PostgresDatabase};

/// The bugs that everybody saves: so few that people meet. Of the last two nobody outside may know.
pub(super) const BUGS: std::ops::RangeInclusive<u64> = 101..=112;
const PRIVATE_BUGS: [u64; 2] = [111, 112];

/// How many people save at once, and the id of the first.
pub(super) const PEOPLE: u64 = 8;
pub(super) const FIRST_USER: u64 = 201;

/// The change set of the save that comes last.
pub(super) const LAST_WORD: &str = "\"change_set\":\"1.2114380800.1\"";

const TRIGGERS: &str = "capture = \"triggers\"";
const HISTORY: &str = "capture = \"history\"";

/// See the module.
pub(super) struct Site {
    server: Server,
    /// The database's name.
    name: String,
    /// As Bugzilla; it may do no more than that.
    web_url: String,
    bugrelay_url: String,
    /// For `[bugzilla]`.
    pub(super) settings: &'static str,
    pub(super) telling: Telling,
}

enum Server {
    Mysqld(Mysqld),
    Postgres(Postgres),
}

pub(super) fn binlog() -> Site {
    mysqld(MariaDb::start(&DURABLE), |_| {}, "", Telling::EachSave)
}

pub(super) fn mariadb_triggers() -> Site {
    mysqld(MariaDb::start(&DURABLE), |bugzilla| bugzilla.install_triggers(), TRIGGERS, Telling::MergedInOrder)
}

pub(super) fn mysql_triggers() -> Site {
    mysqld(MySql::start(&DURABLE), |bugzilla| bugzilla.install_triggers(), TRIGGERS, Telling::MergedInOrder)
}

pub(super) fn mysql_binlog() -> Site {
    mysqld(MySql::start(&[&DURABLE[..], &MySql::EVERYTHING].concat()), |_| {}, "", Telling::EachSave)
}

pub(super) fn history() -> Site {
    mysqld(MariaDb::start(&DURABLE), |_| {}, HISTORY, Telling::MergedByTime)
}

pub(super) fn postgres_triggers() -> Site {
    postgres(|bugzilla| bugzilla.install_triggers(), TRIGGERS, Telling::EachSave)
}

pub(super) fn logical() -> Site {
    postgres(|bugzilla| bugzilla.publish(), "capture = \"logical\"", Telling::EachSave)
}

pub(super) fn postgres_history() -> Site {
    postgres(|_| {}, HISTORY, Telling::MergedByTime)
}

fn mysqld(server: Mysqld, prepare: fn(&Database), settings: &'static str, telling: Telling) -> Site {
    let bugzilla = server.database();
    bugzilla.exec(&people_and_bugs());
    prepare(&bugzilla);
    let (name, web_url, bugrelay_url) = (bugzilla.name.clone(), bugzilla.url(), bugzilla.bugrelay_url());
    Site { server: Server::Mysqld(server), name, web_url, bugrelay_url, settings, telling }
}

fn postgres(prepare: fn(&PostgresDatabase), settings: &'static str, telling: Telling) -> Site {
    let server = Postgres::start(None);
    // As an administrator has it: what was said to be committed is there after a crash.
    server.set("synchronous_commit", "on");
    let bugzilla = server.database();
    bugzilla.exec(&people_and_bugs());
    prepare(&bugzilla);
    let (name, web_url, bugrelay_url) = (bugzilla.name.clone(), bugzilla.web_url(), bugzilla.bugrelay_url());
    Site { server: Server::Postgres(server), name, web_url, bugrelay_url, settings, telling }
}

/// Beside the site's. `storm_saves` is nobody's business but the judge's: it has every save under its number in the order of its
/// bug's commits, for the number is taken under the lock of the bug, which is held until the commit.
fn people_and_bugs() -> String {
    let mut sql = String::from(
        "CREATE TABLE storm_bugs (bug_id integer NOT NULL PRIMARY KEY, number integer NOT NULL);
         CREATE TABLE storm_saves (bug_id integer NOT NULL, number integer NOT NULL, save varchar(32) NOT NULL);",
    );
    for user in FIRST_USER..FIRST_USER + PEOPLE {
        sql +=
            &format!("INSERT INTO profiles (userid, login_name, realname) VALUES ({user}, 'p{user}@example.org', '');");
    }
    for bug in BUGS {
        sql += &format!(
            "INSERT INTO bugs (bug_id, {COLUMNS}) VALUES ({bug}, {VALUES}, 'a bug', 2, '2026-01-05 08:00:00', '2026-01-05 08:00:00');
             INSERT INTO storm_bugs (bug_id, number) VALUES ({bug}, 0);"
        );
    }
    for bug in PRIVATE_BUGS {
        sql += &format!("INSERT INTO bug_group_map (bug_id, group_id) VALUES ({bug}, 2);");
    }
    sql
}

/// What a bug must have, and what all have the same.
pub(super) const COLUMNS: &str = "product_id, component_id, version, bug_status, everconfirmed, bug_severity, priority, op_sys, \
                                  rep_platform, assigned_to, target_milestone, short_desc, reporter, creation_ts, delta_ts";
pub(super) const VALUES: &str = "1, 1, '2.0', 'CONFIRMED', 1, 'normal', '---', 'All', 'All', 3, '---'";

/// Nobody outside may know of it.
pub(super) fn is_private(bug: u64) -> bool {
    PRIVATE_BUGS.contains(&bug)
}

impl Site {
    pub(super) fn bugrelay_url(&self) -> String {
        self.bugrelay_url.clone()
    }

    pub(super) fn web_url(&self) -> String {
        self.web_url.clone()
    }

    /// Runs statements as the administrator; gives what they print, columns separated by tabs.
    pub(super) fn exec(&self, sql: &str) -> String {
        match &self.server {
            Server::Mysqld(server) => server.exec(&format!("USE {};\n{sql}", self.name)),
            Server::Postgres(server) => server.exec_in(&self.name, sql),
        }
    }

    /// The seconds since 1970 of a column, in SQL. The servers' time zone is UTC.
    pub(super) fn epoch(&self, column: &str) -> String {
        match &self.server {
            Server::Mysqld(_) => format!("UNIX_TIMESTAMP({column})"),
            Server::Postgres(_) => format!("CAST(EXTRACT(EPOCH FROM {column}) AS bigint)"),
        }
    }

    /// A save that is known by its change set, and that nobody else can make.
    pub(super) fn last_word(&self) {
        self.exec(
            "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
               VALUES (1, 1, '2037-01-01 00:00:00', (SELECT id FROM fielddefs WHERE name = 'priority'), '', '')",
        );
    }

    pub(super) fn shut_down(&mut self) {
        match &mut self.server {
            Server::Mysqld(server) => server.shut_down(),
            Server::Postgres(server) => server.shut_down(),
        }
    }

    pub(super) fn kill9(&mut self) {
        match &mut self.server {
            Server::Mysqld(server) => server.kill9(),
            Server::Postgres(server) => server.kill9(),
        }
    }

    pub(super) fn start_again(&mut self) {
        match &mut self.server {
            Server::Mysqld(server) => server.start_again(),
            Server::Postgres(server) => server.start_again(),
        }
    }
}
