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

impl Editor {
    /// Of change sets with the times of their commits in milliseconds. What was committed `newest_ms` ago or later is waited for if
    /// the tables do not show it yet; 0 waits for nothing.
    pub(super) async fn edit(&self, sets: &[(ChangeSet, i64)], newest_ms: i64) -> Edited {
        let mut edited = Edited::default();
        if sets.is_empty() {
            return edited;
        }
        let request = Request::of(sets.iter().map(|(set, _)| set));
        let reading = self.stage("read");
        let snapshot = objects::read(&self.reader, &request, newest_ms).await;
        drop(reading);
        let _building = self.stage("build");
        let mut builder = Builder::new(&self.wording, &self.rules, &snapshot);
        for (set, committed_at_ms) in sets {
            for message in builder.build(set, *committed_at_ms) {
                edited.reasons.extend(message.withheld.map(|reason| (message.id, reason)));
                edited.messages.push(message);
            }
        }
        edited
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
