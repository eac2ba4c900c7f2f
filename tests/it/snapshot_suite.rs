//! What every reader of Bugzilla's tables must do, whatever server they lie on; each server runs all of `contract`, and its own tests
//! beside it. The site is the same everywhere, and so must be what is read of it.

mod contract;
mod flavours;
mod mariadb;
mod mysql;
mod postgres;
mod printed;
mod sqlite;

use std::sync::Arc;

use bugrelay::database::Database;
use bugrelay::snapshot::{self, Reader};

/// All sentences.
mod all {
    pub(super) use super::contract::*;
    pub(super) use super::flavours::*;
}

/// A Bugzilla of its own, and an account that may do what the documented grants say.
trait Site {
    /// With the rows of `sql/sample`.
    fn new() -> Self;

    /// As bugrelay.
    fn database(&self) -> Arc<dyn Database>;

    /// As bugrelay.
    fn reader(&self) -> impl Reader {
        snapshot::reader(self.database())
    }

    /// As the administrator.
    fn exec(&self, sql: &str);

    /// Takes SELECT on a table away from bugrelay, or gives it back.
    fn grant(&self, table: &str, is_granted: bool);
}

/// Runs the contract's sentences over one server.
macro_rules! conforms {
    ($site:ty: $($sentence:ident)*) => {$(
        #[tokio::test]
        async fn $sentence() {
            super::all::$sentence(&<$site as super::Site>::new()).await;
        }
    )*};
}
use conforms;

/// All of them, for each server.
macro_rules! whole_contract {
    ($site:ty) => {
        super::conforms! { $site:
            everything_of_the_site_is_read_as_it_is
            what_is_not_there_is_left_out
            comments_are_numbered_by_time_private_ones_counted_and_late_ones_too
            comments_that_are_gone_are_not_counted_any_more
            a_read_of_more_than_may_be_held_gives_nothing
            changes_of_privacy_are_read_from_a_time_on_in_their_order
            what_decides_about_privacy_is_told_in_the_order_asked
            a_custom_field_that_comes_is_read_from_then_on_and_one_that_goes_is_not
            without_any_one_grant_it_says_which_and_goes_on_when_it_is_back
            a_table_that_is_away_for_a_while_is_waited_for
            a_bugzilla_4_4_is_read_as_it_is
            a_bugzilla_5_3_is_read_as_it_is
            one_of_the_harmony_family_is_read_as_it_is
            an_upgrade_is_noticed_and_what_is_read_is_what_is_there_then
            an_alias_column_that_comes_beside_the_table_is_read_before_long
            a_custom_field_is_read_as_soon_as_its_column_is_there
            a_survey_names_every_missing_table_column_and_grant
        }
    };
}
use whole_contract;
