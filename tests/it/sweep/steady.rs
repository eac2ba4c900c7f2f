//! A way in that always has something more does not keep out what the sweep found.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bugrelay::bugzilla::Zone;
use bugrelay::capture::history::History;
use bugrelay::capture::{Capture, CaptureError, Finding, Source};
use bugrelay::changeset::{Position, Transaction};
use bugrelay::database::Database;
use bugrelay::database::sqlite::Sqlite;
use bugrelay::message::{FieldFilter, Identity, Wording};
use bugrelay::metrics::Metrics;
use bugrelay::pipeline::{Editor, Pipeline, Progress, Sweep};
use bugrelay::queue::{Checkpoint, Queue, SweepMark};
use bugrelay::shutdown::Shutdown;
use bugrelay::visibility::Rules;
use tokio::sync::{broadcast, watch};

use super::PATIENCE;
use crate::delivery::queue::MemoryQueue;
use crate::services::SqliteBugzilla;

/// Has transactions without end, and nothing in them.
struct Busy;

#[async_trait]
impl Source for Busy {
    async fn open(&self, _from: Option<&Position>) -> Result<Box<dyn Capture>, CaptureError> {
        Ok(Box::new(Busy))
    }

    async fn check(&self) -> Vec<Finding> {
        vec![]
    }
}

#[async_trait]
impl Capture for Busy {
    async fn next(&mut self) -> Result<Transaction, CaptureError> {
        let committed_at = jiff::Timestamp::now().as_second();
        Ok(Transaction { position: Position("busy".to_owned()), committed_at, rows: vec![] })
    }

    async fn acknowledge(&mut self, _position: &Position) -> Result<(), CaptureError> {
        Ok(())
    }
}

fn pipeline(bugzilla: &SqliteBugzilla, queue: Arc<dyn Queue>, shutdown: Shutdown) -> Pipeline {
    let database: Arc<dyn Database> = Arc::new(Sqlite::new(bugzilla.path()));
    let (base_url, zone) = ("https://bugs.example.org/".to_owned(), Zone::utc());
    let wording = Wording {
        base_url,
        zone: zone.clone(),
        identity: Identity::Full,
        real_comment_id: false,
        fields: FieldFilter::default(),
    };
    let metrics = Metrics::new("test").unwrap();
    Pipeline {
        source: Arc::new(Busy),
        editor: Editor {
            reader: Arc::new(bugrelay::snapshot::reader(Arc::clone(&database))),
            wording,
            rules: Rules { require_login: false, zone: zone.clone() },
            metrics: metrics.pipeline.clone(),
        },
        sweep: Sweep {
            history: History::new(database, zone),
            interval: Duration::from_secs(5),
            window: Duration::from_secs(900),
            start: None,
        },
        queue,
        metrics,
        progress: Arc::new(Progress::default()),
        news: watch::Sender::new(()),
        tail: broadcast::channel(1).0,
        shutdown,
        from_now: false,
    }
}

/// On one thread the way in has more whenever the pipeline has waited for the store.
#[tokio::test]
async fn what_the_sweep_found_is_told_though_the_way_in_always_has_something_more() {
    let bugzilla = SqliteBugzilla::without_triggers();
    // A minute ago, and the way in knows nothing of it.
    bugzilla.exec(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, datetime('now', '-60 seconds'), 'Overheard.')",
    );
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::default());
    let since = jiff::Timestamp::now().as_second() - 120;
    queue.put(vec![], Checkpoint { position: Position("busy".to_owned()), committed_at: since }).await.unwrap();
    queue.set_swept(SweepMark { start: since, until: since, first: None }).await.unwrap();
    let shutdown = Shutdown::default();
    let pipeline = pipeline(&bugzilla, Arc::clone(&queue), shutdown.clone());
    let swept = pipeline.metrics.pipeline.swept.clone();
    let running = tokio::spawn(pipeline.run());
    let told = async {
        while swept.get() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = tokio::time::timeout(PATIENCE / 4, told).await;
    shutdown.request();
    running.await.unwrap();
    assert!(told.is_ok(), "it waits for the way in to have nothing more");
}
