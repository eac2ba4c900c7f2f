//! When to try again: reconnecting (in process) and the durable backlog (from the attempts alone).

use std::time::Duration;

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff as _};

/// The schedule of a backlog: a pure function of the attempts that failed, so that it can be stored with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Schedule {
    /// The delays after the first, second, ... failure; the last repeats. `None` if there are none.
    pub fn new(delays: Vec<Duration>) -> Option<Self> {
        (!delays.is_empty()).then_some(Schedule(delays))
    }

    /// The delay after `attempts` failures in a row, shortened by up to a fifth so that connectors do not march in step.
    /// `jitter` is a random number between 0 and 1.
    pub fn delay(&self, attempts: u32, jitter: f64) -> Duration {
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(self.0.len() - 1);
        self.0[index].mul_f64(1.0 - 0.2 * jitter.clamp(0.0, 1.0))
    }

    /// The longest delay: for what only a person can mend.
    pub fn longest(&self) -> Duration {
        self.0.iter().copied().max().unwrap_or_default()
    }
}

impl Default for Schedule {
    /// Push's own: 5, 25, 125, 625, then 900 seconds.
    fn default() -> Self {
        Schedule([5, 25, 125, 625, 900].map(Duration::from_secs).to_vec())
    }
}

/// Delays between attempts to reconnect: from a tenth of a second up to half a minute, for ever.
#[derive(Debug)]
pub struct Reconnect(ExponentialBackoff);

impl Default for Reconnect {
    fn default() -> Self {
        let delays = ExponentialBackoffBuilder::new()
            .with_initial_interval(Duration::from_millis(100))
            .with_multiplier(2.0)
            .with_max_interval(Duration::from_secs(30))
            // The crate's default gives up after a quarter of an hour.
            .with_max_elapsed_time(None)
            .build();
        Reconnect(delays)
    }
}

impl Reconnect {
    /// How long to wait before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        self.0.next_backoff().unwrap_or(Duration::from_secs(30))
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_pushs_and_its_last_delay_repeats() {
        let delays: Vec<u64> = (1..=7).map(|n| Schedule::default().delay(n, 0.0).as_secs()).collect();
        assert_eq!(delays, [5, 25, 125, 625, 900, 900, 900]);
    }

    #[test]
    fn jitter_shortens_by_a_fifth_at_most() {
        let delay = Schedule::default().delay(5, 1.0);
        assert_eq!(delay, Duration::from_secs(720));
    }

    #[test]
    fn reconnecting_never_gives_up() {
        let mut reconnect = Reconnect::default();
        let longest = (0..1000).map(|_| reconnect.next_delay()).max().unwrap();
        assert!(longest <= Duration::from_secs(45));
    }
}
