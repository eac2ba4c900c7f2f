//! On PostgreSQL.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bugrelay::database::Server;
use bugrelay::database::postgresql::Postgresql;
use bugrelay::queue::Queue as _;
use bugrelay::queue::database::{DatabaseQueue, Settings};
use bugrelay::tls::Tls;

use super::shared::{Host, holds};
use super::{Rows, SCHEMA};
use crate::queue_suite::sample::{done, put, subscribe};
use crate::queue_suite::{Keep, Shelf, conforms};
use crate::services::{Postgres, PostgresDatabase};

/// As an account with the rights that the documentation tells an administrator to grant.
fn server(url: &str) -> Arc<dyn Server> {
    Arc::new(Postgresql::new(url.parse().unwrap(), Tls::Off))
}

struct Ours(Rows);

impl Shelf for Ours {
    type Store = DatabaseQueue;

    fn new() -> Self {
        Ours(Rows::new())
    }

    async fn open(&self, keep: Keep) -> DatabaseQueue {
        // Not in UTF-8, as few are: the database's encoding must not matter.
        static URL: LazyLock<String> =
            LazyLock::new(|| Postgres::shared().empty_database("LATIN1").grant_store(SCHEMA));
        self.0.open(server(&URL), keep).await
    }
}

conforms!(Ours);

/// A database and an account of its own.
struct Own {
    database: PostgresDatabase<'static>,
    url: String,
}

impl Host for Own {
    fn new() -> Self {
        let database = Postgres::shared().empty_database("UTF8");
        let url = database.grant_store(SCHEMA);
        Own { database, url }
    }

    fn schema(&self) -> String {
        SCHEMA.to_owned()
    }

    fn server(&self) -> Arc<dyn Server> {
        server(&self.url)
    }

    fn exec(&self, sql: &str) -> String {
        self.database.exec(sql)
    }

    fn kill_sessions(&self) {
        let name = &self.database.name;
        self.exec(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'"));
    }

    fn account(&self) -> String {
        self.database.name.clone()
    }
}

holds!(Own);

#[tokio::test]
async fn what_was_sent_and_must_stay_for_a_dump_is_not_walked_over_again_and_again() {
    const MESSAGES: i64 = 400;
    let host = Own::new();
    let rows = Rows::new();
    let settings = Settings { schema: host.schema(), ..rows.settings(Keep::default()) };
    let queue = DatabaseQueue::open(host.server(), settings);
    queue.lead().await.unwrap();
    subscribe(&queue, &["kafka"]).await;
    let (dump, connection) = tokio_postgres::connect(&host.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    dump.batch_execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM {SCHEMA}.entry"))
        .await
        .unwrap();
    for sequence in 1..=MESSAGES {
        // One at a time: what waits is not what is meant.
        put(&queue, [sequence]).await;
        let batch = queue.next("kafka", 1).await.unwrap();
        assert_eq!(batch.entries[0].envelope.sequence, sequence);
        queue.settle("kafka", done([sequence])).await.unwrap();
    }
    assert!(queue.next("kafka", 1).await.unwrap().entries.is_empty());
    drop((queue, dump));
    // What a session has read is counted when it is over.
    let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}'", host.database.name);
    let over = async {
        while host.exec(&sessions).trim() != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), over).await.expect("its sessions end");
    let read = host.exec("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'entry_pkey'");
    let read: i64 = read.trim().parse().unwrap();
    assert!(read < 40 * MESSAGES, "{read} entries of the index for {MESSAGES} messages");
}
