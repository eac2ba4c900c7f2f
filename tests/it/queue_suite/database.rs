//! The store in the database: the contract on every server, and what is true of one that several processes may have open.

mod mariadb;
mod postgres;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bugrelay::database::Server;
use bugrelay::queue::Queue as _;
use bugrelay::queue::database::{DatabaseQueue, Settings};

use super::Keep;

/// Where the tests keep their stores.
const SCHEMA: &str = "bugrelay_store";

/// The rows of a Bugzilla of its own in a store that the tests share.
struct Rows {
    database: String,
}

impl Rows {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        Rows { database: format!("bug's \\ of test {}", NUMBER.fetch_add(1, Ordering::Relaxed)) }
    }

    /// Open, and leading.
    async fn open(&self, server: Arc<dyn Server>, keep: Keep) -> DatabaseQueue {
        let queue = DatabaseQueue::open(server, self.settings(keep));
        queue.lead().await.unwrap();
        queue
    }

    fn settings(&self, keep: Keep) -> Settings {
        Settings {
            schema: SCHEMA.to_owned(),
            database: self.database.clone(),
            max_megabytes: keep.max_megabytes,
            sent_retention: keep.sent,
            parked_retention: keep.parked,
            told_retention: keep.told,
        }
    }
}
