//! The same reader on MariaDB.

use super::mysql::{Make, On};
use crate::services::{MariaDb, Mysqld};

impl Make for MariaDb {
    fn server() -> &'static Mysqld {
        MariaDb::shared()
    }
}

super::whole_contract! { On<MariaDb> }
