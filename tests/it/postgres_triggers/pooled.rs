//! A pooler before the server: one that gives each transaction another session would keep our lock, and have us read without it.

use bugrelay::capture::{Severity, Source as _};
use bugrelay::failure::Class;

use super::{bugzilla, comment, comments, next, open, source_at, web};
use crate::services::{PgBouncer, Postgres, PostgresDatabase};

/// Locks by which one bugrelay keeps others from the queue.
fn locks(database: &PostgresDatabase) -> usize {
    let of_ours =
        "locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    database.exec(&format!("SELECT count(*) FROM pg_locks WHERE {of_ours}")).trim().parse().unwrap()
}

#[tokio::test]
async fn a_pooler_that_gives_each_transaction_another_session_is_refused_and_nothing_of_ours_stays_in_it() {
    let bugzilla = bugzilla();
    let pooler = PgBouncer::before(Postgres::shared(), &bugzilla, "transaction");
    let source = source_at(&pooler.url(&bugzilla.bugrelay_url()));
    let error = source.open(None).await.err().expect("it is refused");
    assert_eq!(error.class, Class::Misconfigured, "{error}");
    assert!(error.to_string().contains("pooler"), "{error}");
    let findings = source.check().await;
    assert!(findings.iter().any(|finding| finding.severity == Severity::Error), "{findings:?}");
    assert_eq!(locks(&bugzilla), 0);
    let pooled = web(&pooler.url(&bugzilla.bugrelay_url())).await;
    let timeout: String = pooled.query_one("SHOW statement_timeout", &[]).await.unwrap().get(0);
    assert_eq!(timeout, "0", "whoever is given the session next finds it as it was");
}

#[tokio::test]
async fn a_pooler_that_leaves_us_our_session_is_as_good_as_the_server() {
    let bugzilla = bugzilla();
    let pooler = PgBouncer::before(Postgres::shared(), &bugzilla, "session");
    let source = source_at(&pooler.url(&bugzilla.bugrelay_url()));
    let mut capture = source.open(None).await.unwrap_or_else(|error| panic!("{error}"));
    next(capture.as_mut()).await;
    bugzilla.exec(&comment("one"));
    assert_eq!(comments(&next(capture.as_mut()).await), 1);
}

#[tokio::test]
async fn a_session_that_is_given_away_under_us_is_noticed_and_its_lock_given_back() {
    let bugzilla = bugzilla();
    let pooler = PgBouncer::before(Postgres::shared(), &bugzilla, "session");
    let url = pooler.url(&bugzilla.bugrelay_url());
    let mut capture = source_at(&url).open(None).await.unwrap_or_else(|error| panic!("{error}"));
    next(capture.as_mut()).await;
    bugzilla.exec(&format!("BEGIN; {} COMMIT", comment("one")));
    let save = next(capture.as_mut()).await;
    pooler.set_mode("transaction");
    capture.acknowledge(&save.position).await.unwrap();
    // Is given the session that has our lock.
    let other = web(&url).await;
    other.batch_execute("BEGIN").await.unwrap();
    bugzilla.exec(&comment("two"));
    let read = tokio::spawn(async move { capture.next().await.expect_err("it is not told without the lock") });
    tokio::time::timeout(super::PATIENCE, other.batch_execute("SELECT pg_sleep(1.5); COMMIT")).await.unwrap().unwrap();
    let error = read.await.unwrap();
    assert_eq!(error.class, Class::Misconfigured, "{error}");
    assert!(error.to_string().contains("pooler"), "{error}");
    assert_eq!(locks(&bugzilla), 0, "a bugrelay before the server itself is not kept out");
    open(&bugzilla).await;
}
