//! The same reader on MariaDB.

use bugrelay::snapshot;

use super::Site;
use super::flavours::{FLAVOUR_WITH_TABLE, assert_site};
use super::mysql::{Make, On};
use crate::services::{MariaDb, Mysqld};

impl Make for MariaDb {
    fn server() -> &'static Mysqld {
        MariaDb::shared()
    }
}

super::whole_contract! { On<MariaDb> }

#[tokio::test]
async fn tables_of_any_charset_and_collation_are_read_together() {
    let site = On::<MariaDb>::new();
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
    let site = On::<MariaDb>::new();
    site.exec("ALTER TABLE bug_group_map DROP FOREIGN KEY bug_group_map_ibfk_1, DROP FOREIGN KEY bug_group_map_ibfk_2");
    site.exec("ALTER TABLE bug_group_map ENGINE = MyISAM");
    assert_site(&site.reader(), FLAVOUR_WITH_TABLE).await;
    let survey = snapshot::survey(&*site.database()).await.unwrap();
    assert_eq!(survey.without_transactions, ["bug_group_map"]);
    assert!(survey.lacks.is_empty(), "{survey:?}");
}
