//! What `bugrelay check` says of the server and of what stands before it.

use super::{STAGING, STAGING_POSTGRES, said};
use crate::services::{Bugrelay, MariaDb, PgBouncer, Postgres, Proxy};

/// The same database by another port.
fn by_way_of(url: &str, server: u16, port: u16) -> String {
    url.replace(&format!(":{server}/"), &format!(":{port}/"))
}

fn assert_refused(url: &str, bugzilla: &str, words: &str) {
    let check = Bugrelay::configured(url, bugzilla, "").verb(&["check"]);
    assert!(check.code == 78, "{}{}", check.out, check.err);
    let line = check.out.lines().find(|line| line.contains("direct_connection")).unwrap_or(&check.out);
    assert!(line.starts_with("ERROR") && line.contains(words), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_switches_between_servers_is_refused() {
    let one = MariaDb::shared().database();
    STAGING.database_called(&one.name);
    let proxy = Proxy::among(&[MariaDb::shared().port(), STAGING.port()]).await;
    let url = by_way_of(&one.bugrelay_url(), MariaDb::shared().port(), proxy.port());
    assert_refused(&url, "", "2 different servers");

    let one = Postgres::shared().database();
    STAGING_POSTGRES.database_called(&one.name);
    let proxy = Proxy::among(&[Postgres::shared().port(), STAGING_POSTGRES.port()]).await;
    let url = by_way_of(&one.bugrelay_url(), Postgres::shared().port(), proxy.port());
    assert_refused(&url, "capture = \"history\"", "2 different servers");
}

#[test]
fn a_pooler_that_gives_each_transaction_another_session_is_refused() {
    let database = Postgres::shared().database();
    let pooler = PgBouncer::before(&database, Postgres::shared().port());
    let url = by_way_of(&database.bugrelay_url(), Postgres::shared().port(), pooler.port());
    assert_refused(&url, "capture = \"history\"", "share sessions");
}

#[test]
fn the_server_that_was_read_is_known_again_beside_a_running_bugrelay_too() {
    let database = MariaDb::shared().database();
    let fresh = Bugrelay::configured(&database.bugrelay_url(), "", "");
    assert!(said(&fresh, &["check"]).contains("nothing was read of any server yet"));
    let mut bugrelay = Bugrelay::running(&database.bugrelay_url());
    assert!(said(&bugrelay, &["check"]).contains("is what was read before"));
    assert!(bugrelay.terminate().success());
    assert!(said(&bugrelay, &["check"]).contains("is what was read before"));
}
