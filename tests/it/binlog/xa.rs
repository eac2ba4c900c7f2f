//! XA transactions: the log has their rows at PREPARE, long before anybody knows whether they will be.

use std::time::Instant;

use mysql_async::Error;
use mysql_async::prelude::Queryable;

use super::{PATIENCE, Site, comment, comment_told, open, saves};
use crate::services::Mysqld;

super::on_each_server! {
    a_prepared_transaction_is_told_at_its_commit
    a_prepared_transaction_that_is_rolled_back_is_never_told
    a_restart_between_prepare_and_commit_loses_and_repeats_nothing
}

fn prepare(name: &str, id: u32) -> String {
    format!("XA START '{name}'; {} XA END '{name}'; XA PREPARE '{name}';", comment(id))
}

/// Commits or rolls back what another session prepared. The server hands it over a moment after that session has ended.
async fn decide(site: &Site, sql: &str) {
    const UNKNOWN_XID: u16 = 1397;
    let mut session = site.session().await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match session.query_drop(sql).await {
            Ok(()) => return session.disconnect().await.expect("goodbye"),
            Err(Error::Server(error)) if error.code == UNKNOWN_XID && Instant::now() < deadline => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{sql}: {error}"),
        }
    }
}

async fn a_prepared_transaction_is_told_at_its_commit(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    site.run(&prepare("told1", 1)).await;
    site.run(&comment(2)).await;
    decide(&site, "XA COMMIT 'told1'").await;
    site.run(&comment(3)).await;
    assert_eq!(saves(&mut *capture, 3).await.0, [comment_told(2), comment_told(1), comment_told(3)]);
}

async fn a_prepared_transaction_that_is_rolled_back_is_never_told(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    site.run(&format!("{} XA ROLLBACK 'gone1'; {}", prepare("gone1", 1), comment(2))).await;
    site.run(&format!("XA START 'one1'; {} XA END 'one1'; XA COMMIT 'one1' ONE PHASE; {}", comment(3), comment(4)))
        .await;
    assert_eq!(saves(&mut *capture, 3).await.0, [comment_told(2), comment_told(3), comment_told(4)]);
}

async fn a_restart_between_prepare_and_commit_loses_and_repeats_nothing(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, _) = open(&site, None).await;
    site.run(&comment(1)).await;
    site.run(&prepare("kept1", 2)).await;
    site.run(&prepare("kept2", 3)).await;
    site.run(&comment(4)).await;
    let (told, position) = saves(&mut *capture, 2).await;
    assert_eq!(told, [comment_told(1), comment_told(4)]);
    drop(capture);

    let (mut capture, _) = open(&site, Some(&position)).await;
    decide(&site, "XA ROLLBACK 'kept2'").await;
    site.run(&comment(5)).await;
    let (told, position) = saves(&mut *capture, 1).await;
    assert_eq!(told, [comment_told(5)]);
    drop(capture);

    decide(&site, "XA COMMIT 'kept1'").await;
    site.run(&comment(6)).await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    let (told, position) = saves(&mut *capture, 2).await;
    assert_eq!(told, [comment_told(2), comment_told(6)]);
    drop(capture);

    let (mut capture, _) = open(&site, Some(&position)).await;
    site.run(&comment(7)).await;
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(7)]);
}
