//! The reader of MySQL and MariaDB.

use std::sync::Arc;

use bugrelay::database::mysql::Mysql;
use bugrelay::snapshot::{self, Reader};
use mysql_async::Opts;

use super::Site;
use crate::services::{Database, MariaDb};

struct OnMariaDb(Database<'static>);

impl Site for OnMariaDb {
    fn new() -> Self {
        OnMariaDb(MariaDb::shared().database())
    }

    fn reader(&self) -> impl Reader {
        snapshot::reader(Arc::new(Mysql::new(Opts::from_url(&self.0.bugrelay_url()).unwrap())))
    }

    fn exec(&self, sql: &str) {
        self.0.exec(sql);
    }

    fn grant(&self, table: &str, is_granted: bool) {
        let columns = if table == "profiles" { " (userid, login_name, realname)" } else { "" };
        let (verb, preposition) = if is_granted { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
        self.0.exec(&format!("{verb} SELECT{columns} ON `{table}` {preposition} 'bugrelay'@'%'"));
    }
}

super::whole_contract! { OnMariaDb }
