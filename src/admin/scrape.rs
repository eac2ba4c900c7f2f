//! `/metrics`: gauges of state are read from the store here, at scrape time; everything else was counted as it happened.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, TextEncoder};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Admin;
use crate::metrics::QueueMetrics;
use crate::queue::Stats;

/// Counting takes a twentieth of the time at the most: what was counted stands so many times as long as that took.
const REST: u32 = 20;

/// But no longer than this.
const STANDS_MAX: Duration = Duration::from_secs(15);

/// What was counted last. Held while gauges are set and gathered: two scrapes must not mix.
#[derive(Debug, Default)]
pub struct Counts(Mutex<Option<Counted>>);

#[derive(Debug)]
struct Counted {
    stats: Stats,
    at: Instant,
    took: Duration,
}

impl Counted {
    /// Whether it need not be counted again yet.
    fn stands(&self) -> bool {
        self.at.elapsed() < (self.took * REST).min(STANDS_MAX)
    }
}

pub(super) async fn metrics(State(admin): State<Admin>) -> Response {
    admin.metrics.source.lag_seconds.set(admin.progress.lag_seconds());
    let mut counted = admin.scraping.0.lock().await;
    if !counted.as_ref().is_some_and(Counted::stands) {
        let begun = Instant::now();
        match admin.queue.stats().await {
            Ok(stats) => *counted = Some(Counted { stats, at: Instant::now(), took: begun.elapsed() }),
            // The rest is still worth scraping; the state keeps what was read last.
            Err(error) => tracing::warn!(%error, "the state of the store cannot be read"),
        }
    }
    if let Some(counted) = &*counted {
        set(&admin.metrics.queue, &counted.stats);
    }
    let mut text = Vec::new();
    match TextEncoder::new().encode(&admin.metrics.registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

fn set(gauges: &QueueMetrics, stats: &Stats) {
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    gauges.main_queue_messages.set(whole(stats.main_queue_messages));
    gauges.store_bytes.set(whole(stats.store_bytes));
    // A connector that the store has forgotten has no state any more.
    gauges.forget_connectors();
    let now = SystemTime::now();
    for backlog in &stats.backlogs {
        let connector = &[backlog.connector.as_str()];
        gauges.backlog_messages.with_label_values(connector).set(whole(backlog.messages));
        gauges.backlog_bytes.with_label_values(connector).set(whole(backlog.bytes));
        let age = backlog.oldest_committed_at_ms.map_or(0.0, |ms| (epoch_seconds(now) - ms as f64 / 1000.0).max(0.0));
        gauges.backlog_oldest_age_seconds.with_label_values(connector).set(age);
        gauges.backlog_attempts.with_label_values(connector).set(i64::from(backlog.standing.attempts));
        let next = backlog.standing.next_attempt.map_or(0.0, epoch_seconds);
        gauges.backlog_next_attempt.with_label_values(connector).set(next);
        gauges.connector_paused.with_label_values(connector).set(i64::from(backlog.paused));
        gauges.parked_messages.with_label_values(connector).set(whole(backlog.parked));
    }
}

fn epoch_seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).map_or(0.0, |age| age.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::queue::BacklogStats;

    #[test]
    fn a_connector_that_the_store_has_forgotten_has_no_gauges_any_more() {
        let metrics = Metrics::new("test").unwrap();
        let stats = |names: &[&str]| {
            let of = |name: &&str| BacklogStats { connector: (*name).to_owned(), parked: 1, ..BacklogStats::default() };
            Stats { backlogs: names.iter().map(of).collect(), ..Stats::default() }
        };
        let shown = || {
            let text = TextEncoder::new().encode_to_string(&metrics.registry.gather()).unwrap();
            ["gone", "kafka"].map(|name| text.lines().filter(|line| line.contains(&format!("\"{name}\""))).count())
        };
        set(&metrics.queue, &stats(&["gone", "kafka"]));
        assert_eq!(shown(), [7, 7]);
        set(&metrics.queue, &stats(&["kafka"]));
        assert_eq!(shown(), [0, 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_counting_takes_the_seldomer_it_is_done_but_at_least_every_15_s() {
        let counted = |took| Counted { stats: Stats::default(), at: Instant::now(), took };
        let [cheap, dear, dearest] = [2, 300, 60_000].map(|took| counted(Duration::from_millis(took)));
        let stand = || [cheap.stands(), dear.stands(), dearest.stands()];
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(stand(), [false, true, true]);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(stand(), [false, false, true]);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(stand(), [false; 3]);
    }
}
