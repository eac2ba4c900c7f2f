//! The reader of MySQL and MariaDB, here on MySQL.

use std::marker::PhantomData;
use std::sync::Arc;

use bugrelay::database::mysql::Mysql;
use mysql_async::Opts;

use super::Site;
use crate::services::{Database, MySql, Mysqld};

/// Who makes the server.
pub(super) trait Make {
    fn server() -> &'static Mysqld;
}

impl Make for MySql {
    fn server() -> &'static Mysqld {
        MySql::plain()
    }
}

/// On a server of this make.
pub(super) struct On<M>(Database<'static>, PhantomData<M>);

impl<M: Make> Site for On<M> {
    fn new() -> Self {
        On(M::server().database(), PhantomData)
    }

    fn database(&self) -> Arc<dyn bugrelay::database::Database> {
        Arc::new(Mysql::new(Opts::from_url(&self.0.bugrelay_url()).unwrap()))
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

super::whole_contract! { On<MySql> }
