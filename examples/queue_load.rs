//! Measures the embedded store: puts and delivers messages, reads gauges with a million waiting. Not part of any test.
//!
//! `cargo run --release --example queue_load -- DIRECTORY`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bugrelay::bugzilla::{ActivityId, BugId};
use bugrelay::changeset::{Kind, Position, Subject};
use bugrelay::message::{Body, Fact, Message, MessageId};
use bugrelay::queue::sqlite::{Settings, SqliteQueue};
use bugrelay::queue::{Checkpoint, Filter, Queue, QueueError, Settlement, Subscriber};

fn message(n: i64) -> Message {
    let body: Vec<u8> = (0..1300).map(|i| b'a' + ((i * 7 + n) % 26) as u8).collect();
    Message {
        id: MessageId::of("https://bugzilla.example.org/", "bug.modify", &n.to_string()),
        subject: Subject::Bug(BugId(n / 5)),
        kind: Kind::Modify,
        change_set: format!("17.1700000000.{}", n / 5),
        product: Some("Firefox".to_owned()),
        committed_at_ms: 1_700_000_000_000 + n,
        facts: (0..3).map(|k| Fact::Activity(ActivityId(n * 3 + k))).collect(),
        body: Body { bytes: body.into(), event_bytes: Some(200) },
    }
}

/// CPU seconds and resident megabytes of this process: now, and at most.
fn usage() -> String {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: Vec<f64> = stat.split(' ').skip(13).take(2).filter_map(|n| n.parse().ok()).collect();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let rss = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    let rss: Vec<String> = rss.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let cpu: Vec<f64> = ticks.iter().map(|ticks| ticks / 100.0).collect();
    format!("user+sys {cpu:?} {rss:?}")
}

async fn fill(queue: &SqliteQueue, from: i64, count: i64) -> Result<(), QueueError> {
    for start in (from..from + count).step_by(2_000) {
        let messages = (start..(start + 2_000).min(from + count)).map(message).collect();
        queue.put(messages, Checkpoint { position: Position(start.to_string()), committed_at: 0 }).await?;
    }
    Ok(())
}

async fn drain(queue: &SqliteQueue, count: usize) -> Result<(), QueueError> {
    let mut settled = 0;
    while settled < count {
        let sequences: Vec<i64> =
            queue.next("kafka", 500).await?.entries.iter().map(|entry| entry.envelope.sequence).collect();
        if sequences.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        settled += sequences.len();
        queue.begin("kafka", sequences.clone()).await?;
        queue.settle("kafka", Settlement { done: sequences, ..Settlement::default() }).await?;
    }
    Ok(())
}

#[tokio::main(worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it reports to who runs it")]
async fn main() -> Result<(), QueueError> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    let hour = Duration::from_secs(3600);
    let settings = Settings {
        path: directory.join("load.db"),
        max_megabytes: 4096,
        sent_retention: hour,
        parked_retention: hour,
        late_commit_window: hour,
    };
    let clock = std::cell::Cell::new(Instant::now());
    let report = |what: &str| {
        println!("{what:40} {:>8.3} s  {}", clock.get().elapsed().as_secs_f64(), usage());
        clock.set(Instant::now());
    };
    let queue = SqliteQueue::open(settings.clone())?;
    queue.subscribe(vec![Subscriber { connector: "kafka".to_owned(), filter: Filter::default() }]).await?;
    report("open");
    (0..200_000).map(message).for_each(|message| drop(std::hint::black_box(message)));
    report("200,000 messages made, and nothing else");
    let (filled, drained) = tokio::join!(fill(&queue, 0, 200_000), drain(&queue, 200_000));
    filled.and(drained)?;
    report("200,000 in and out at once");
    fill(&queue, 200_000, 200_000).await?;
    report("200,000 in");
    drain(&queue, 200_000).await?;
    report("200,000 out");
    queue.purge().await?;
    report("purge");
    fill(&queue, 400_000, 1_000_000).await?;
    report("1,000,000 in");
    let stats = queue.stats().await?;
    report(&format!("stats: {} waiting", stats.main_queue_messages));
    let failed = queue.next("kafka", 500).await?.entries.iter().map(|entry| entry.envelope.sequence).collect();
    let mut standing = stats.backlogs[0].standing.clone();
    standing.attempts = 1;
    queue.settle("kafka", Settlement { failed, standing, ..Settlement::default() }).await?;
    clock.set(Instant::now());
    let stats = queue.stats().await?;
    report(&format!("stats: {} in the backlog", stats.backlogs[0].messages));
    drop(queue);
    report("close");
    let queue = SqliteQueue::open(settings)?;
    report("open");
    queue.redact((1_000_000..1_000_100).collect()).await?;
    report("redact 100");
    queue.purge().await?;
    report("purge");
    drain(&queue, 1_000_000).await?;
    report("1,000,000 out");
    queue.purge().await?;
    report(&format!("purge, then {} bytes", queue.stats().await?.store_bytes));
    Ok(())
}
