//! The contract of a reader on other Bugzillas than 5.2, and while one becomes another, a sentence each.

use std::time::Duration;

use bugrelay::bugzilla::BugId;
use bugrelay::failure::Class;
use bugrelay::snapshot::{self, Reader};

use super::contract::{everything, heals};
use super::{Site, printed};

const V4_4: &str = include_str!("../../../sql/sample/flavour/4.4.sql");
const V5_3: &str = include_str!("../../../sql/sample/flavour/5.3.sql");
const HARMONY: &str = include_str!("../../../sql/sample/flavour/harmony.sql");

/// The aliases of bug 4: as a table tells them, and as a column does.
pub(super) const FLAVOUR_WITH_TABLE: &str = "aliases [\"caj\", \"too-hot\"]";
const FLAVOUR_WITH_COLUMN: &str = "aliases [\"caj\"]";

/// The same is read on every flavour, but for the aliases.
pub(super) async fn assert_site(reader: &impl Reader, aliases: &str) {
    let snapshot = reader.read(&everything()).await.unwrap_or_else(|error| panic!("{error}"));
    let expected = include_str!("site.txt").replace(FLAVOUR_WITH_TABLE, aliases);
    let found = printed::objects(&snapshot);
    assert_eq!(found, expected.lines().collect::<Vec<_>>(), "\n{}\n", found.join("\n"));
}

async fn assert_flavour(site: &impl Site, delta: &str, aliases: &str) {
    site.exec(delta);
    assert_site(&site.reader(), aliases).await;
    let survey = snapshot::survey(&*site.database()).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(survey.flavour.alias_is_column, aliases == FLAVOUR_WITH_COLUMN);
    assert!(survey.lacks.is_empty() && survey.absent_fields.is_empty(), "{survey:?}");
}

pub(super) async fn a_bugzilla_4_4_is_read_as_it_is(site: &impl Site) {
    assert_flavour(site, V4_4, FLAVOUR_WITH_COLUMN).await;
}

pub(super) async fn a_bugzilla_5_3_is_read_as_it_is(site: &impl Site) {
    assert_flavour(site, V5_3, FLAVOUR_WITH_TABLE).await;
}

pub(super) async fn one_of_the_harmony_family_is_read_as_it_is(site: &impl Site) {
    assert_flavour(site, HARMONY, FLAVOUR_WITH_COLUMN).await;
}

pub(super) async fn an_upgrade_is_noticed_and_what_is_read_is_what_is_there_then(site: &impl Site) {
    site.exec(V4_4);
    let reader = site.reader();
    assert_site(&reader, FLAVOUR_WITH_COLUMN).await;
    site.exec("CREATE TABLE bugs_aliases (alias varchar(40) NOT NULL, bug_id integer)");
    assert_site(&reader, FLAVOUR_WITH_COLUMN).await;
    site.exec("INSERT INTO bugs_aliases (bug_id, alias) SELECT bug_id, alias FROM bugs WHERE alias IS NOT NULL");
    site.exec("ALTER TABLE bugs DROP COLUMN alias");
    // The table is new; on MySQL and MariaDB alone a grant outlives its table, and there may be one.
    let Err(error) = reader.read(&everything()).await else { panic!("the column is away") };
    assert_eq!(error.class, Class::Transient, "{error}");
    if let Err(error) = reader.read(&everything()).await {
        assert_eq!(error.class, Class::Misconfigured, "{error}");
        assert!(error.to_string().contains("bugs_aliases"), "{error}");
    }
    site.grant("bugs_aliases", true);
    assert_site(&reader, FLAVOUR_WITH_COLUMN).await;
    site.exec(V5_3);
    assert_site(&reader, FLAVOUR_WITH_COLUMN).await;
}

pub(super) async fn an_alias_column_that_comes_beside_the_table_is_read_before_long(site: &impl Site) {
    let reader = site.reader();
    heals(&reader).await;
    site.exec("ALTER TABLE bugs ADD COLUMN alias varchar(40)");
    site.exec("UPDATE bugs SET alias = 'hot' WHERE bug_id = 4");
    let noticed = tokio::time::timeout(Duration::from_secs(30), async {
        while reader.read(&everything()).await.unwrap().bugs[&BugId(4)].aliases != ["hot"] {
            tokio::task::yield_now().await;
        }
    });
    noticed.await.expect("the column is noticed");
}

pub(super) async fn a_custom_field_is_read_as_soon_as_its_column_is_there(site: &impl Site) {
    let reader = site.reader();
    let names = async || {
        let snapshot = reader.read(&everything()).await.unwrap_or_else(|error| panic!("{error}"));
        snapshot.bugs[&BugId(4)].custom.iter().map(|custom| custom.name.clone()).collect::<Vec<_>>()
    };
    // Bugzilla defines a field first and makes its column afterwards.
    site.exec("INSERT INTO fielddefs (id, name, type, custom, description, sortkey) VALUES (90, 'cf_brew', 1, 1, 'Brew', 7000)");
    assert!(!names().await.contains(&"cf_brew".to_owned()));
    let survey = snapshot::survey(&*site.database()).await.unwrap();
    assert_eq!(survey.absent_fields, ["cf_brew"]);
    site.exec("ALTER TABLE bugs ADD cf_brew varchar(64) DEFAULT 'slow'");
    assert!(names().await.contains(&"cf_brew".to_owned()));
}

pub(super) async fn a_survey_names_every_missing_table_column_and_grant(site: &impl Site) {
    site.exec("ALTER TABLE bugs_aliases RENAME TO aliases_away");
    site.exec("ALTER TABLE attachments RENAME COLUMN isobsolete TO is_old");
    site.grant("keyworddefs", false);
    let survey = snapshot::survey(&*site.database()).await.unwrap_or_else(|error| panic!("{error}"));
    let expected = [
        ("bugs_aliases", "bugs_aliases", Class::Transient),
        ("keywords", "keyworddefs", Class::Misconfigured),
        ("attachments", "isobsolete", Class::Transient),
    ];
    assert_eq!(survey.lacks.len(), expected.len(), "{survey:?}");
    for ((found, lack), (about, word, class)) in survey.lacks.iter().zip(expected) {
        assert_eq!(*found, class, "{lack}");
        assert!(lack.starts_with(&format!("what is read of {about}: ")) && lack.contains(word), "{lack}");
    }
}
