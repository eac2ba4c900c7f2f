//! The reader of MySQL and MariaDB.

use std::sync::Arc;

use bugrelay::database::mysql::Mysql;
use bugrelay::snapshot;
use mysql_async::Opts;

use super::Site;
use super::flavours::{FLAVOUR_WITH_TABLE, assert_site};
use crate::services::{Database, MariaDb};

struct OnMariaDb(Database<'static>);

impl Site for OnMariaDb {
    fn new() -> Self {
        OnMariaDb(MariaDb::shared().database())
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

super::whole_contract! { OnMariaDb }

#[tokio::test]
async fn tables_of_any_charset_and_collation_are_read_together() {
    let site = OnMariaDb::new();
    let mixtures = [
        [
            "latin1 COLLATE latin1_german1_ci",
            "utf8mb3 COLLATE utf8mb3_general_ci",
            "utf8mb4 COLLATE utf8mb4_general_ci",
        ],
        ["utf8mb4 COLLATE utf8mb4_bin", "latin1 COLLATE latin1_german2_ci", "ucs2"],
        ["binary", "utf8mb4 COLLATE utf8mb4_general_ci", "latin2 COLLATE latin2_croatian_ci"],
    ];
    site.exec(
        "ALTER TABLE bugs MODIFY version varchar(64) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL, \
         MODIFY bug_status varchar(64) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL",
    );
    for [versions, milestones, states] in mixtures {
        for (table, charset) in [("versions", versions), ("milestones", milestones), ("bug_status", states)] {
            site.exec(&format!("ALTER TABLE {table} MODIFY value varchar(64) CHARACTER SET {charset} NOT NULL"));
        }
        assert_site(&site.reader(), FLAVOUR_WITH_TABLE).await;
    }
}

#[tokio::test]
async fn tables_without_transactions_are_read_and_named() {
    let site = OnMariaDb::new();
    site.exec("ALTER TABLE bug_group_map DROP FOREIGN KEY bug_group_map_ibfk_1, DROP FOREIGN KEY bug_group_map_ibfk_2");
    site.exec("ALTER TABLE bug_group_map ENGINE = MyISAM");
    assert_site(&site.reader(), FLAVOUR_WITH_TABLE).await;
    let survey = snapshot::survey(&*site.database()).await.unwrap();
    assert_eq!(survey.without_transactions, ["bug_group_map"]);
    assert!(survey.lacks.is_empty(), "{survey:?}");
}
