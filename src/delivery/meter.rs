//! One connector's metrics, with its label already in them: every series exists, at 0, from the start.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{Histogram, IntCounter, IntGauge};

use super::Verdict;
use crate::failure::Class;
use crate::metrics::Metrics;
use crate::queue::Entry;

/// See the module.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) up: IntGauge,
    sent: IntCounter,
    ignored: IntCounter,
    transient: IntCounter,
    misconfigured: IntCounter,
    poison: IntCounter,
    dropped: IntCounter,
    possible_duplicates: IntCounter,
    send_seconds: Histogram,
    end_to_end_seconds: Histogram,
}

impl Meter {
    pub(super) fn new(metrics: &Metrics, connector: &str) -> Self {
        let delivery = &metrics.delivery;
        let outcome = |outcome: &str| delivery.deliveries.with_label_values(&[connector, outcome]);
        Meter {
            up: delivery.connector_up.with_label_values(&[connector]),
            sent: outcome("sent"),
            ignored: outcome("ignored"),
            transient: outcome(Class::Transient.as_str()),
            misconfigured: outcome(Class::Misconfigured.as_str()),
            poison: outcome(Class::Poison.as_str()),
            dropped: outcome("dropped"),
            possible_duplicates: delivery.possible_duplicates.with_label_values(&[connector]),
            send_seconds: delivery.send_seconds.with_label_values(&[connector]),
            end_to_end_seconds: delivery.end_to_end_seconds.with_label_values(&[connector]),
        }
    }

    /// An attempt that took so long came to this.
    pub(super) fn attempt(&self, entries: &[Entry], verdict: &Verdict, took: Duration) {
        self.send_seconds.observe(took.as_secs_f64());
        self.sent.inc_by(count(verdict.sent.len()));
        self.poison.inc_by(count(verdict.parked.len()));
        self.possible_duplicates.inc_by(verdict.repeated);
        if let Some(failure) = &verdict.failure {
            let failed = if failure.class == Class::Misconfigured { &self.misconfigured } else { &self.transient };
            failed.inc_by(count(verdict.failed.len()));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        // 0: the source did not say when.
        let committed = verdict.sent.iter().map(|&i| entries[i].envelope.committed_at_ms).filter(|&ms| ms > 0);
        for milliseconds in committed {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit into 53 bits for ages")]
            let age = now - milliseconds as f64 / 1000.0;
            self.end_to_end_seconds.observe(age.max(0.0));
        }
    }

    /// So many copies were not made for consumers that do not keep up.
    pub(super) fn dropped(&self, copies: u64) {
        self.dropped.inc_by(copies);
    }

    /// So many were not wanted any more.
    pub(super) fn ignored(&self, messages: usize) {
        self.ignored.inc_by(count(messages));
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
