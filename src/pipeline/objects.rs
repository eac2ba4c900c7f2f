//! The read of the objects that a batch speaks of: waits for the database, and for what it has committed but does not show yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::pause;
use super::progress::now_ms;
use crate::backoff::Reconnect;
use crate::failure::Class;
use crate::snapshot::{Reader, Request, Snapshot, SnapshotError};

/// A server sends its log before readers see the commit: mostly a moment, but with semi-synchronous replication as long as
/// the replica takes to answer, 10 s if it never does.
const VISIBLE_AFTER: Duration = Duration::from_secs(15);

/// What was committed longer ago than this, and is not there, was deleted; it is given a moment, for clocks may differ.
const LONG_AGO_MS: i64 = 60_000;
const MOMENT: Duration = Duration::from_secs(1);

/// A read that takes longer has lost its server without a word: the connection is given up, and the next read makes another.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// When to look for it again: mostly it is there at once, and Bugzilla's database is not to be asked too often.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Everything asked for that is still there, or nothing if that is too much, or takes too long; the newest of it was committed at this time, or 0: nothing is waited for.
pub(super) async fn read(reader: &Arc<dyn Reader>, request: &Request, committed_at_ms: i64) -> Snapshot {
    let is_recent = (now_ms() - committed_at_ms).abs() < LONG_AGO_MS;
    let patience = match committed_at_ms {
        // What the tables told themselves, and do not show, was deleted since.
        0 => Duration::ZERO,
        _ if is_recent => VISIBLE_AFTER,
        _ => MOMENT,
    };
    let mut reconnect = Reconnect::default();
    let (mut first_read, mut wait) = (None, SHORTEST_WAIT);
    loop {
        let answer = tokio::time::timeout(READ_TIMEOUT, reader.read(request)).await;
        if answer.is_err() && request.bytes_max.is_some() {
            // The same again would take as long again; less of it may come in time.
            tracing::warn!(
                "changes wait: their objects were not read within {} s; fewer are asked for",
                READ_TIMEOUT.as_secs()
            );
            return Snapshot { is_too_much: true, ..Snapshot::default() };
        }
        match answer.unwrap_or_else(|_| Err(silence())) {
            Ok(snapshot) => {
                let waited = first_read.get_or_insert_with(Instant::now).elapsed();
                if snapshot.is_too_much || snapshot.answers(request) || waited >= patience {
                    return snapshot;
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            Err(error) => {
                tracing::warn!(class = error.class.as_str(), %error, "changes wait: their objects cannot be read");
                pause(error.class, &mut reconnect).await;
            }
        }
    }
}

fn silence() -> SnapshotError {
    let message = format!("the database did not answer within {} s", READ_TIMEOUT.as_secs());
    SnapshotError { class: Class::Transient, message }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::bugzilla::ActivityId;
    use crate::changeset::{ActivityText, Subject};
    use crate::snapshot::Privacy;

    /// Shows the activity row from its `shown_at`th read on.
    struct Late {
        reads: AtomicU32,
        shown_at: u32,
        first_hangs: bool,
    }

    #[async_trait]
    impl Reader for Late {
        async fn read(&self, request: &Request) -> Result<Snapshot, SnapshotError> {
            let read = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
            if read == 1 && self.first_hangs {
                std::future::pending::<()>().await;
            }
            let mut snapshot = Snapshot::default();
            if read >= self.shown_at {
                let text = || ActivityText { removed: String::new(), added: String::new() };
                snapshot.activity = request.activity.iter().map(|&id| (id, text())).collect();
            }
            Ok(snapshot)
        }

        async fn privacy(&self, _: &[Subject]) -> Result<Vec<Privacy>, SnapshotError> {
            Ok(vec![])
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_in_time_is_asked_for_in_smaller_parts() {
        let reader: Arc<dyn Reader> = Arc::new(Late { reads: AtomicU32::new(0), shown_at: 1, first_hangs: true });
        let request = Request { activity: [ActivityId(1)].into(), bytes_max: Some(1 << 24), ..Request::default() };
        assert!(read(&reader, &request, 0).await.is_too_much);
        assert!(!read(&reader, &request, 0).await.is_too_much);
    }

    async fn found(shown_at: u32, first_hangs: bool, committed_at_ms: i64) -> (usize, Duration) {
        let reader: Arc<dyn Reader> = Arc::new(Late { reads: AtomicU32::new(0), shown_at, first_hangs });
        let request = Request { activity: [ActivityId(1)].into(), ..Request::default() };
        let began = Instant::now();
        let snapshot = read(&reader, &request, committed_at_ms).await;
        (snapshot.activity.len(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_log_tells_before_the_tables_show_it_is_waited_for() {
        assert_eq!(found(20, false, now_ms()).await.0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_deleted_is_not_waited_for_long() {
        let (rows, took) = found(u32::MAX, false, now_ms() - 3_600_000).await;
        assert_eq!(rows, 0);
        assert!(took < Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_in_the_tables_and_deleted_since_is_not_waited_for() {
        assert_eq!(found(u32::MAX, false, 0).await, (0, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_vanished_without_a_word_is_given_up_and_asked_anew() {
        assert_eq!(found(2, true, now_ms()).await.0, 1);
    }
}
