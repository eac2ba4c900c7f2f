//! `/metrics`: gauges of state are read from the store here, at scrape time; everything else was counted as it happened.

use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, TextEncoder};

use super::Admin;
use crate::metrics::QueueMetrics;
use crate::queue::Stats;

pub(super) async fn metrics(State(admin): State<Admin>) -> Response {
    admin.metrics.source.lag_seconds.set(admin.progress.lag_seconds());
    let stats = admin.queue.stats().await;
    // Nothing in here can be half done: a panic elsewhere is no reason to stop.
    let _alone = admin.scraping.lock().unwrap_or_else(PoisonError::into_inner);
    match stats {
        Ok(stats) => set(&admin.metrics.queue, &stats),
        // The rest is still worth scraping; the state keeps what was read last.
        Err(error) => tracing::warn!(%error, "the state of the store cannot be read"),
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
}
