//! What every reader of Bugzilla's tables must do, whatever server they lie on; each server runs all of `contract`, and its own tests
//! beside it. The site is the same everywhere, and so must be what is read of it.

mod contract;
mod mariadb;
mod postgres;
mod printed;
mod sqlite;

use bugrelay::snapshot::Reader;

/// A Bugzilla of its own, and an account that may do what the documented grants say.
trait Site {
    /// With the rows of `sql/sample`.
    fn new() -> Self;

    /// As bugrelay.
    fn reader(&self) -> impl Reader;

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
            super::contract::$sentence(&<$site as super::Site>::new()).await;
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
            changes_of_privacy_are_read_from_a_time_on_in_their_order
            what_decides_about_privacy_is_told_in_the_order_asked
            a_custom_field_that_comes_is_read_from_then_on_and_one_that_goes_is_not
            without_any_one_grant_it_says_which_and_goes_on_when_it_is_back
            a_table_that_is_away_for_a_while_is_waited_for
        }
    };
}
use whole_contract;
