//! How far the capture is: for readiness, and for the lag that is read at scrape time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

/// After so long without another transaction the source is idle: what it had is stored.
const IDLE_MS: i64 = 2_000;

/// After so long without a word from a source that is read, it has nothing more that was committed before. A multiple of what a dead
/// connection, a slow look or a large transaction may take before it is noticed.
const QUIET_MS: i64 = 60_000;

/// Shared by the capture's tasks and the admin endpoints.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<State>,
    /// Tells that the source was opened.
    opened: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Read, and not stored yet.
    waiting: usize,
    /// A position is stored.
    running: bool,
    /// Since when the source is not read.
    away_since_ms: Option<i64>,
    /// Of the last one stored: when that was, and when it was committed.
    stored_at_ms: i64,
    committed_at_ms: i64,
    /// When something came from the source, or it was opened.
    heard_at_ms: i64,
}

impl Progress {
    /// A transaction was read from the source.
    pub(super) fn taken(&self) {
        let mut state = self.state();
        state.waiting += 1;
        state.heard_at_ms = now_ms();
    }

    /// So many transactions were stored; the last was committed then.
    pub(super) fn stored(&self, transactions: usize, committed_at_ms: i64) {
        let mut state = self.state();
        state.waiting = state.waiting.saturating_sub(transactions);
        state.running = true;
        state.stored_at_ms = now_ms();
        state.committed_at_ms = committed_at_ms;
    }

    /// The source is read, or is not any more.
    pub(super) fn connected(&self, connected: bool) {
        let mut state = self.state();
        state.heard_at_ms = now_ms();
        state.away_since_ms = if connected { None } else { state.away_since_ms.or(Some(now_ms())) };
        if connected {
            self.opened.notify_waiters();
        }
    }

    /// Returns as soon as the source is open: it is the one that was read before.
    pub(super) async fn opened(&self) {
        loop {
            // Registered before looking, so that no news falls between.
            let news = self.opened.notified();
            if self.state().is_open() {
                return;
            }
            news.await;
        }
    }

    /// The source is read from a position that an earlier run stored: an idle Bugzilla may give nothing to store for hours.
    pub(super) fn resumed(&self) {
        self.running();
    }

    /// A position is stored, and what is to be told before the source is read on has yet to be; or there is nothing to read.
    pub fn running(&self) {
        self.state().running = true;
    }

    /// Up to which second (since 1970) all that the source has was stored: without end while it is idle, and when it has been away
    /// for longer than `patience`. None: nobody knows.
    pub(super) fn settled_until(&self, now_ms: i64, patience: Duration) -> Option<i64> {
        self.state().settled_until(now_ms, i64::try_from(patience.as_millis()).unwrap_or(i64::MAX))
    }

    /// Whether the capture has run and a position is stored: from here on nothing is lost.
    pub fn is_running(&self) -> bool {
        self.state().running
    }

    /// Now minus the commit time of the last save stored; 0 when idle. While the source cannot be read nobody knows what it
    /// has: then at least the time since it was last.
    pub fn lag_seconds(&self) -> f64 {
        self.state().lag_ms(now_ms()).max(0) as f64 / 1000.0
    }

    /// Nothing in here can be half done: a panic elsewhere is no reason to stop.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_open(self) -> bool {
        self.heard_at_ms > 0 && self.away_since_ms.is_none()
    }

    fn settled_until(self, now_ms: i64, patience_ms: i64) -> Option<i64> {
        if let Some(since) = self.away_since_ms {
            return (now_ms - since > patience_ms).then_some(i64::MAX);
        }
        if self.heard_at_ms == 0 {
            return None;
        }
        if self.waiting == 0 && now_ms - self.heard_at_ms >= QUIET_MS {
            return Some(i64::MAX);
        }
        (self.stored_at_ms > 0).then_some(self.committed_at_ms / 1000)
    }

    fn lag_ms(self, now_ms: i64) -> i64 {
        let away = self.away_since_ms.map_or(0, |since| now_ms - since);
        // Before the first is stored nothing is known of how old it is.
        if self.stored_at_ms == 0 {
            return away;
        }
        let idle = self.waiting == 0 && now_ms - self.stored_at_ms > IDLE_MS;
        let behind = match (idle, self.waiting) {
            (true, _) => 0,
            (false, 0) => self.stored_at_ms - self.committed_at_ms,
            (false, _) => now_ms - self.committed_at_ms,
        };
        behind.max(away)
    }
}

/// Milliseconds since 1970, by this machine's clock.
pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: State = State {
        waiting: 0,
        running: true,
        away_since_ms: None,
        stored_at_ms: 100_000,
        committed_at_ms: 40_000,
        heard_at_ms: 100_000,
    };

    #[test]
    fn the_sweep_stays_behind_a_source_that_catches_up() {
        assert_eq!(STORED.settled_until(100_500, 300_000), Some(40));
        assert_eq!(State { waiting: 3, ..STORED }.settled_until(900_000, 300_000), Some(40));
    }

    #[test]
    fn the_sweep_sees_all_while_the_source_is_idle_or_long_away() {
        assert_eq!(STORED.settled_until(150_000, 300_000), Some(40), "it may be in the middle of a large transaction");
        assert_eq!(STORED.settled_until(160_000, 300_000), Some(i64::MAX));
        let away = State { away_since_ms: Some(200_000), ..STORED };
        assert_eq!(
            (away.settled_until(400_000, 300_000), away.settled_until(600_000, 300_000)),
            (None, Some(i64::MAX))
        );
        assert_eq!(State::default().settled_until(900_000, 300_000), None);
    }

    #[test]
    fn an_idle_source_does_not_lag_however_old_its_last_save_is() {
        assert_eq!(STORED.lag_ms(900_000), 0);
    }

    #[test]
    fn one_that_catches_up_lags_by_the_age_of_what_it_stored_even_between_two_transactions() {
        assert_eq!(STORED.lag_ms(100_500), 60_000);
        assert_eq!(State { waiting: 1, ..STORED }.lag_ms(130_000), 90_000);
    }

    #[test]
    fn before_anything_is_stored_the_lag_is_not_the_time_since_1970() {
        assert_eq!(State { waiting: 3, ..State::default() }.lag_ms(900_000), 0);
    }

    #[test]
    fn a_source_that_is_away_lags_by_the_time_that_it_is() {
        assert_eq!(State { away_since_ms: Some(850_000), ..STORED }.lag_ms(900_000), 50_000);
    }
}
