//! The reader of SQLite. It has no accounts: what may be read is the file's mode's business.

use std::sync::Arc;

use bugrelay::database::Database;
use bugrelay::database::sqlite::Sqlite;
use bugrelay::failure::Class;
use bugrelay::snapshot::{self, Reader};

use super::Site;
use super::contract::{everything, heals};
use crate::services::SqliteBugzilla;

struct OnSqlite(SqliteBugzilla);

impl Site for OnSqlite {
    fn new() -> Self {
        OnSqlite(SqliteBugzilla::without_triggers())
    }

    fn database(&self) -> Arc<dyn Database> {
        Arc::new(Sqlite::new(self.0.path()))
    }

    fn exec(&self, sql: &str) {
        self.0.exec(sql);
    }

    fn grant(&self, _: &str, _: bool) {
        unreachable!("there is nobody to grant anything to");
    }
}

super::conforms! { OnSqlite:
    everything_of_the_site_is_read_as_it_is
    what_is_not_there_is_left_out
    comments_are_numbered_by_time_private_ones_counted_and_late_ones_too
    comments_that_are_gone_are_not_counted_any_more
    a_read_of_more_than_may_be_held_gives_nothing
    changes_of_privacy_are_read_from_a_time_on_in_their_order
    what_decides_about_privacy_is_told_in_the_order_asked
    a_custom_field_that_comes_is_read_from_then_on_and_one_that_goes_is_not
    a_table_that_is_away_for_a_while_is_waited_for
    a_bugzilla_4_4_is_read_as_it_is
    one_of_the_harmony_family_is_read_as_it_is
    an_alias_column_that_comes_beside_the_table_is_read_before_long
    a_custom_field_is_read_as_soon_as_its_column_is_there
}

#[tokio::test]
async fn a_file_that_is_not_there_or_no_database_is_misconfigured() {
    let site = OnSqlite::new();
    let nowhere = snapshot::reader(Arc::new(Sqlite::new(site.0.folder().join("nowhere"))));
    let error = nowhere.read(&everything()).await.err().expect("it is refused");
    assert_eq!(error.class, Class::Misconfigured);
    assert!(error.to_string().contains("is not there"), "{error}");
    assert!(!site.0.folder().join("nowhere").exists(), "nothing is made");
    std::fs::write(site.0.folder().join("letter"), "Dear Sir or Madam, ".repeat(100)).unwrap();
    let letter = snapshot::reader(Arc::new(Sqlite::new(site.0.folder().join("letter"))));
    assert_eq!(letter.read(&everything()).await.err().expect("it is refused").class, Class::Misconfigured);
}

#[tokio::test]
async fn a_bugzilla_that_is_saving_hinders_no_read_and_a_read_hinders_no_save() {
    let site = OnSqlite::new();
    let reader = site.reader();
    let bugzilla = site.0.connect();
    bugzilla.execute_batch("BEGIN IMMEDIATE; UPDATE bugs SET priority = 'Low'").unwrap();
    heals(&reader).await;
    bugzilla.execute_batch("COMMIT").unwrap();
    heals(&reader).await;
}
