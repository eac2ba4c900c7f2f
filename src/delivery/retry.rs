//! Outcome -> standing: how often it failed in a row, and when to try again. Pure; time and chance are handed in.

use std::time::{Duration, SystemTime};

use super::Verdict;
use crate::backoff::Schedule;
use crate::connector::SendError;
use crate::failure::Class;
use crate::queue::Standing;

/// How a connector stands after an attempt, and how long to wait before the next one; `None`: not at all.
pub(super) fn after(
    before: &Standing,
    verdict: &Verdict,
    schedule: &Schedule,
    now: SystemTime,
    jitter: f64,
) -> (Standing, Option<Duration>) {
    let Some(SendError { class, message, retry_after, .. }) = &verdict.failure else {
        return (Standing::default(), None);
    };
    // The first success begins the schedule anew, though the rest of its batch failed.
    let attempts = if verdict.sent.is_empty() { before.attempts.saturating_add(1) } else { 1 };
    let delay = match class {
        Class::Misconfigured => schedule.longest(),
        _ => schedule.delay(attempts, jitter),
    };
    let delay = delay.max(retry_after.unwrap_or_default());
    let standing = Standing {
        attempts,
        next_attempt: now.checked_add(delay),
        last_error: Some(message.clone()),
        class: Some(*class),
    };
    (standing, Some(delay))
}

/// What is left of the wait after a restart. A wall clock that was set back cannot make it longer than it was. What was misconfigured
/// may have been mended meanwhile, and is why somebody started it again: it is tried at once.
pub(super) fn remaining(standing: &Standing, schedule: &Schedule, now: SystemTime) -> Option<Duration> {
    if standing.attempts == 0 || standing.class == Some(Class::Misconfigured) {
        return None;
    }
    let whole = schedule.delay(standing.attempts, 0.0);
    Some(standing.next_attempt?.duration_since(now).unwrap_or_default().min(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(class: Class, sent: Vec<usize>) -> Verdict {
        let failure = Some(SendError { class, ..SendError::transient("down") });
        Verdict { sent, failure, ..Verdict::default() }
    }

    fn attempts(attempts: u32, next_attempt: Option<SystemTime>) -> Standing {
        Standing { attempts, next_attempt, ..Standing::default() }
    }

    #[test]
    fn failures_in_a_row_wait_longer_and_a_success_among_them_begins_anew() {
        let (schedule, now) = (Schedule::default(), SystemTime::UNIX_EPOCH);
        let wait = |before, verdict: &Verdict| after(&attempts(before, None), verdict, &schedule, now, 0.0).1;
        assert_eq!(wait(0, &failed(Class::Transient, vec![])), Some(Duration::from_secs(5)));
        assert_eq!(wait(2, &failed(Class::Transient, vec![])), Some(Duration::from_secs(125)));
        assert_eq!(wait(2, &failed(Class::Transient, vec![0])), Some(Duration::from_secs(5)));
        assert_eq!(wait(0, &failed(Class::Misconfigured, vec![])), Some(Duration::from_secs(900)));
        assert_eq!(wait(7, &Verdict::default()), None);
    }

    #[test]
    fn a_bus_that_asks_to_be_left_alone_is_left_alone_as_long_as_it_asks_and_never_asked_sooner_than_else() {
        let wait = |seconds: u64| {
            let retry_after = Some(Duration::from_secs(seconds));
            let failure = Some(SendError { retry_after, ..SendError::transient("busy") });
            let verdict = Verdict { failure, ..Verdict::default() };
            after(&attempts(1, None), &verdict, &Schedule::default(), SystemTime::UNIX_EPOCH, 0.0).1
        };
        assert_eq!(wait(600), Some(Duration::from_secs(600)));
        assert_eq!(wait(1), Some(Duration::from_secs(25)));
    }

    #[test]
    fn after_a_restart_the_rest_of_the_wait_is_kept_whatever_the_clock_did() {
        let (schedule, now) = (Schedule::default(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        let rest = |next| remaining(&attempts(3, Some(next)), &schedule, now);
        assert_eq!(rest(now + Duration::from_secs(60)), Some(Duration::from_secs(60)));
        assert_eq!(rest(now - Duration::from_secs(60)), Some(Duration::ZERO), "due while it was down");
        assert_eq!(rest(now + Duration::from_secs(86_400)), Some(Duration::from_secs(125)), "the clock was set back");
        assert_eq!(remaining(&attempts(0, None), &schedule, now), None);
        let next = Some(now + Duration::from_secs(60));
        let misconfigured = Standing { class: Some(Class::Misconfigured), ..attempts(3, next) };
        assert_eq!(remaining(&misconfigured, &schedule, now), None, "it may be mended");
    }
}
