//! How far the capture is: for readiness, and for the lag that is read at scrape time.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Shared by the capture's tasks and the admin endpoints.
#[derive(Debug, Default)]
pub struct Progress {
    taken: AtomicU64,
    stored: AtomicU64,
    committed_at: AtomicI64,
    running: AtomicBool,
}

impl Progress {
    /// A transaction was read from the source.
    pub(super) fn taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// So many transactions were stored; the last was committed then (seconds since 1970).
    pub(super) fn stored(&self, transactions: usize, committed_at: i64) {
        self.stored.fetch_add(transactions as u64, Ordering::Relaxed);
        self.committed_at.store(committed_at, Ordering::Relaxed);
        self.running.store(true, Ordering::Release);
    }

    /// The source is read from a position that an earlier run stored: an idle Bugzilla may give nothing to store for hours.
    pub(super) fn resumed(&self) {
        self.running.store(true, Ordering::Release);
    }

    /// Whether the capture has run and a position is stored: from here on nothing is lost.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// Now minus the commit time of the last save stored; 0 when everything that was read is stored.
    pub fn lag_seconds(&self) -> f64 {
        if self.taken.load(Ordering::Relaxed) == self.stored.load(Ordering::Relaxed) {
            return 0.0;
        }
        let committed_at_ms = self.committed_at.load(Ordering::Relaxed) * 1000;
        ((now_ms() - committed_at_ms).max(0) as f64) / 1000.0
    }
}

/// Milliseconds since 1970, by this machine's clock.
pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
