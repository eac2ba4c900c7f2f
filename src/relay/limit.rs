//! How many messages may come: so many a second, and so many at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// A bucket that fills at a steady rate.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    /// What it holds when it is full.
    at_once: f64,
    /// How much is in it, and when that was.
    level: Mutex<(f64, Instant)>,
    /// Who waits for the next one: whoever came first has it first.
    turn: tokio::sync::Mutex<()>,
}

impl Rate {
    /// Full.
    pub(super) fn new(per_second: u32, at_once: u32) -> Self {
        let (per_second, at_once) = (f64::from(per_second), f64::from(at_once));
        Rate { per_second, at_once, level: Mutex::new((at_once, Instant::now())), turn: tokio::sync::Mutex::default() }
    }

    /// Whether one more may come now.
    pub(super) fn takes_one(&self) -> bool {
        self.take_at(Instant::now()).is_ok()
    }

    /// Returns when one more may come, and takes it. Each that waits has its turn: one that has many waits as long for each of them as
    /// another for its only one. Given up at any moment it has taken nothing.
    pub(super) async fn one(&self) {
        let _turn = self.turn.lock().await;
        while let Err(wait) = self.take_at(Instant::now()) {
            sleep(wait).await;
        }
    }

    /// Or says how long it is until there is one.
    fn take_at(&self, now: Instant) -> Result<(), Duration> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(level.1).as_secs_f64() * self.per_second;
        *level = ((level.0 + gained).min(self.at_once), now.max(level.1));
        if level.0 < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - level.0) / self.per_second));
        }
        level.0 -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn so_many_come_at_once_and_then_as_many_as_a_second_has() {
        let rate = Rate::new(10, 30);
        let begin = Instant::now();
        let taken = |at: Duration| (0..100).filter(|_| rate.take_at(begin + at).is_ok()).count();
        assert_eq!(taken(Duration::from_secs(1)), 30);
        assert_eq!(taken(Duration::from_millis(1_250)), 2);
        assert_eq!(taken(Duration::from_secs(60)), 30, "what was not used does not pile up");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_few_waits_for_nobody_who_has_many() {
        let rate = Arc::new(Rate::new(100, 1));
        for _ in 0..3 {
            let rate = Arc::clone(&rate);
            tokio::spawn(async move {
                loop {
                    rate.one().await;
                }
            });
        }
        tokio::task::yield_now().await;
        for _ in 0..20 {
            let begin = Instant::now();
            rate.one().await;
            // Each of the others has one in between, every 10 ms.
            assert!(begin.elapsed() < Duration::from_millis(60), "{:?}", begin.elapsed());
        }
    }
}
