//! How many messages may come: so many a second, and so many at once.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A bucket that fills at a steady rate.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    /// What it holds when it is full.
    at_once: f64,
    /// How much is in it, and when that was.
    level: Mutex<(f64, Instant)>,
}

impl Rate {
    /// Full.
    pub(super) fn new(per_second: u32, at_once: u32) -> Self {
        let (per_second, at_once) = (f64::from(per_second), f64::from(at_once));
        Rate { per_second, at_once, level: Mutex::new((at_once, Instant::now())) }
    }

    /// Whether one more may come now.
    pub(super) fn takes_one(&self) -> bool {
        self.takes_one_at(Instant::now())
    }

    fn takes_one_at(&self, now: Instant) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(level.1).as_secs_f64() * self.per_second;
        *level = ((level.0 + gained).min(self.at_once), now.max(level.1));
        let is_enough = level.0 >= 1.0;
        level.0 -= f64::from(u8::from(is_enough));
        is_enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_come_at_once_and_then_as_many_as_a_second_has() {
        let rate = Rate::new(10, 30);
        let begin = Instant::now();
        let taken = |at: Duration| (0..100).filter(|_| rate.takes_one_at(begin + at)).count();
        assert_eq!(taken(Duration::from_secs(1)), 30);
        assert_eq!(taken(Duration::from_millis(1_250)), 2);
        assert_eq!(taken(Duration::from_secs(60)), 30, "what was not used does not pile up");
    }
}
