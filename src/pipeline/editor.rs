//! Change sets -> messages: one read of the tables for all of them, and what is built of it. Stores nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::objects;
use crate::changeset::ChangeSet;
use crate::message::{Builder, Message, MessageId, Wording};
use crate::metrics::PipelineMetrics;
use crate::snapshot::{Reader, Request};
use crate::visibility::{Reason, Rules};

/// Bytes of the objects that are read at once, at the most; those of one change set are read whatever they take. Bugzilla takes comments of
/// 65,535 characters; what is imported may be longer.
const READ_BYTES_MAX: usize = 16 << 20;

/// Makes messages; as many at a time as one likes.
#[derive(Clone)]
pub struct Editor {
    /// Bugzilla's tables.
    pub reader: Arc<dyn Reader>,
    /// How messages are worded.
    pub wording: Wording,
    /// What the site adds to the rules of visibility.
    pub rules: Rules,
    /// Where the time goes.
    pub metrics: PipelineMetrics,
}

/// Messages in order, and why some of them are their event alone.
#[derive(Default)]
pub(super) struct Edited {
    pub(super) messages: Vec<Message>,
    pub(super) reasons: HashMap<MessageId, Reason>,
}

/// What is left of some change sets.
pub(super) struct Left<'a> {
    editor: &'a Editor,
    sets: &'a [(ChangeSet, i64)],
    newest_ms: i64,
    /// How many are read at once: fewer, once it was too much.
    at_once: usize,
    is_done: bool,
}

impl Left<'_> {
    /// The messages of as many as can be held at once, mostly of all; one piece at least, which may be empty.
    pub(super) async fn next(&mut self) -> Option<Edited> {
        if self.is_done {
            return None;
        }
        loop {
            let (sets, left) = self.sets.split_at(self.at_once.min(self.sets.len()));
            if let Some(edited) = self.editor.edit_at_once(sets, self.newest_ms).await {
                self.sets = left;
                self.is_done = left.is_empty();
                return Some(edited);
            }
            self.at_once = sets.len() / 2;
        }
    }

    /// There is no other piece.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }
}

impl Editor {
    /// Of change sets with the times of their commits in milliseconds. What was committed `newest_ms` ago or later is waited for if
    /// the tables do not show it yet; 0 waits for nothing.
    pub(super) fn edit<'a>(&'a self, sets: &'a [(ChangeSet, i64)], newest_ms: i64) -> Left<'a> {
        Left { editor: self, sets, newest_ms, at_once: sets.len(), is_done: false }
    }

    /// None: it is too much to be held at once.
    async fn edit_at_once(&self, sets: &[(ChangeSet, i64)], newest_ms: i64) -> Option<Edited> {
        let mut edited = Edited::default();
        if sets.is_empty() {
            return Some(edited);
        }
        let mut request = Request::of(sets.iter().map(|(set, _)| set));
        request.bytes_max = Some(READ_BYTES_MAX).filter(|_| sets.len() > 1);
        let reading = self.stage("read");
        let snapshot = objects::read(&self.reader, &request, newest_ms).await;
        drop(reading);
        if snapshot.is_too_much {
            return None;
        }
        let _building = self.stage("build");
        let mut builder = Builder::new(&self.wording, &self.rules, &snapshot);
        for (set, committed_at_ms) in sets {
            for message in builder.build(set, *committed_at_ms) {
                edited.reasons.extend(message.withheld.map(|reason| (message.id, reason)));
                edited.messages.push(message);
            }
        }
        Some(edited)
    }

    /// Counts the time until it is dropped.
    pub(super) fn stage(&self, name: &'static str) -> Stage<'_> {
        Stage { metrics: &self.metrics, name, begun: Instant::now() }
    }
}

/// Counts the time from its making to its end.
pub(super) struct Stage<'a> {
    metrics: &'a PipelineMetrics,
    name: &'static str,
    begun: Instant,
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.metrics.stage_seconds.with_label_values(&[self.name]).inc_by(self.begun.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::bugzilla::{BugId, LocalTime, UserId, Zone};
    use crate::changeset::{ChangeSetId, Subject};
    use crate::message::{FieldFilter, Identity};
    use crate::metrics::Metrics;
    use crate::snapshot::{Privacy, Snapshot, SnapshotError};

    /// Whose bugs take so many bytes each.
    struct Heavy {
        bug_bytes: usize,
        /// How many bugs each read asked for.
        reads: Mutex<Vec<usize>>,
    }

    #[async_trait]
    impl Reader for Heavy {
        async fn read(&self, request: &Request) -> Result<Snapshot, SnapshotError> {
            self.reads.lock().unwrap().push(request.bugs.len());
            let is_too_much = request.bytes_max.is_some_and(|most| request.bugs.len() * self.bug_bytes > most);
            Ok(Snapshot { is_too_much, ..Snapshot::default() })
        }

        async fn privacy(&self, _: &[Subject]) -> Result<Vec<Privacy>, SnapshotError> {
            Ok(vec![])
        }
    }

    /// The bugs of each read, of so many that take so much each; and into how many pieces they came.
    async fn reads(bugs: i64, bug_bytes: usize) -> (Vec<usize>, usize) {
        let reader = Arc::new(Heavy { bug_bytes, reads: Mutex::default() });
        let editor = Editor {
            reader: Arc::clone(&reader) as Arc<dyn Reader>,
            wording: Wording {
                base_url: "https://bugs.example.org/".to_owned(),
                zone: Zone::utc(),
                identity: Identity::Full,
                real_comment_id: false,
                fields: FieldFilter::default(),
            },
            rules: Rules { require_login: false, zone: Zone::utc() },
            metrics: Metrics::new("0").unwrap().pipeline,
        };
        let at = LocalTime::new(2026, 11, 22, 5, 0, 0).unwrap();
        let set = |bug| (ChangeSet::new(ChangeSetId { bug: BugId(bug), who: UserId(1), at }), 0);
        let sets: Vec<_> = (0..bugs).map(set).collect();
        let (mut left, mut pieces) = (editor.edit(&sets, 0), 0);
        while left.next().await.is_some() {
            pieces += 1;
        }
        assert!(left.is_done());
        let reads = reader.reads.lock().unwrap().clone();
        (reads, pieces)
    }

    #[tokio::test]
    async fn what_is_too_much_to_be_held_is_read_in_pieces() {
        assert_eq!(reads(500, 100).await, (vec![500], 1));
        assert_eq!(reads(20, 4 << 20).await, (vec![20, 10, 5, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], 10));
        assert_eq!(reads(3, 100 << 20).await, (vec![3, 1, 1, 1], 3), "one at least, whatever it takes");
        assert_eq!(reads(0, 0).await, (vec![], 1), "what stands behind nothing is stored all the same");
    }
}
