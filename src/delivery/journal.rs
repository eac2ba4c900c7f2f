//! What became of the latest attempts, message by message: in memory, for people. Decides nothing, and is gone with the process.
//!
//! The store forgets an entry as soon as it is done with; writing down each success would cost more than the success.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Verdict;
use crate::message::MessageId;
use crate::queue::Entry;

/// Lines that are kept, at the most; some megabytes with long errors.
const LINES_MAX: usize = 10_000;

/// Characters of an error that are kept.
const ERROR_MAX: usize = 1_000;

/// How far it is looked back for how fast a connector is.
const RATE: Duration = Duration::from_secs(60);

/// The latest attempts of all connectors. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<Line>,
    successes: BTreeMap<Arc<str>, i64>,
}

/// One message in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When the attempt ended, milliseconds since 1970.
    pub at_ms: i64,
    /// Whose.
    pub connector: Arc<str>,
    /// Its place in the queue.
    pub sequence: i64,
    /// The same on every bus.
    pub id: MessageId,
    /// What became of it.
    pub fate: Fate,
}

/// What an attempt came to for one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The bus has it.
    Sent,
    /// It is tried again, because of this.
    Failed(Arc<str>),
    /// It is set aside, because of this.
    Parked(Arc<str>),
}

impl Journal {
    /// An attempt of these came to this.
    pub(super) fn attempt(&self, connector: &str, entries: &[Entry], verdict: &Verdict) {
        let at_ms = now_ms();
        let connector: Arc<str> = connector.into();
        let line = |index: usize, fate| {
            let envelope = &entries[index].envelope;
            Line { at_ms, connector: Arc::clone(&connector), sequence: envelope.sequence, id: envelope.id, fate }
        };
        let failure = verdict
            .failure
            .as_ref()
            .map_or("behind another message of its bug that failed", |failure| &failure.message);
        let failure = short(failure);
        let sent = verdict.sent.iter().map(|&index| line(index, Fate::Sent));
        let failed = verdict.failed.iter().map(|&index| line(index, Fate::Failed(Arc::clone(&failure))));
        let parked = verdict.parked.iter().map(|(index, reason)| line(*index, Fate::Parked(short(reason))));
        let mut kept = self.lock();
        kept.lines.extend(sent.chain(failed).chain(parked));
        let superfluous = kept.lines.len().saturating_sub(LINES_MAX);
        kept.lines.drain(..superfluous);
        if !verdict.sent.is_empty() {
            kept.successes.insert(connector, at_ms);
        }
    }

    /// The latest, of one connector or of all, the newest first.
    pub fn latest(&self, connector: Option<&str>, limit: usize) -> Vec<Line> {
        let kept = self.lock();
        let of = |line: &&Line| connector.is_none_or(|connector| *line.connector == *connector);
        kept.lines.iter().rev().filter(of).take(limit).cloned().collect()
    }

    /// What became of one message, the oldest first.
    pub fn of(&self, sequence: i64) -> Vec<Line> {
        self.lock().lines.iter().filter(|line| line.sequence == sequence).cloned().collect()
    }

    /// When the connector's bus took something last, milliseconds since 1970; `None`: not since this process began.
    pub fn last_success_ms(&self, connector: &str) -> Option<i64> {
        self.lock().successes.get(connector).copied()
    }

    /// Messages that the connector sent in a second, over the last minute or as far as is kept; 0: none.
    pub fn per_second(&self, connector: &str) -> f64 {
        let now = now_ms();
        let since = now - i64::try_from(RATE.as_millis()).unwrap_or(i64::MAX);
        let kept = self.lock();
        // A fast connector fills what is kept in less than a minute: then that is the time.
        let is_whole = kept.lines.len() < LINES_MAX;
        let oldest = kept.lines.front().map_or(now, |line| line.at_ms);
        let from = if is_whole { since } else { since.max(oldest) };
        let is_sent = |line: &&Line| line.at_ms >= from && line.fate == Fate::Sent && *line.connector == *connector;
        let sent = kept.lines.iter().rev().take_while(|line| line.at_ms >= from).filter(is_sent).count();
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let per_second = sent as f64 * 1000.0 / (now - from).max(1) as f64;
        per_second
    }

    /// Nothing in here can be half done.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn short(text: &str) -> Arc<str> {
    text.char_indices().nth(ERROR_MAX).map_or(text, |(end, _)| &text[..end]).into()
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugzilla::BugId;
    use crate::changeset::Subject;
    use crate::connector::SendError;
    use crate::message::{Body, Envelope};

    fn entries(sequences: std::ops::RangeInclusive<i64>) -> Vec<Entry> {
        let entry = |sequence: i64| Entry {
            envelope: Envelope {
                sequence,
                id: MessageId::of("https://bugs.example.org/", "bug.modify", &sequence.to_string()),
                routing_key: "bug.modify".to_owned(),
                origin: Subject::Bug(BugId(1)).into(),
                change_set: String::new(),
                committed_at_ms: 0,
                body: Body { bytes: Arc::from(*b"{}"), event_bytes: None },
            },
            perhaps_sent: false,
            attempts: 0,
        };
        sequences.map(entry).collect()
    }

    #[test]
    fn what_became_of_each_message_is_told_and_only_the_latest_are_kept() {
        let journal = Journal::default();
        let failed = Verdict { failed: vec![0], failure: Some(SendError::transient("down")), ..Verdict::default() };
        journal.attempt("kafka", &entries(1..=1), &failed);
        assert_eq!(journal.last_success_ms("kafka"), None);
        let mixed = Verdict { sent: vec![0], parked: vec![(1, "no".repeat(ERROR_MAX))], ..Verdict::default() };
        journal.attempt("kafka", &entries(1..=2), &mixed);
        let fates: Vec<Fate> = journal.of(1).into_iter().map(|line| line.fate).collect();
        assert_eq!(fates, [Fate::Failed("down".into()), Fate::Sent]);
        assert!(journal.last_success_ms("kafka").is_some() && journal.per_second("kafka") > 0.0);
        assert!(matches!(&journal.latest(Some("kafka"), 1)[0].fate, Fate::Parked(why) if why.len() == ERROR_MAX));
        let many = i64::try_from(LINES_MAX).unwrap();
        let sent = Verdict { sent: (0..LINES_MAX).collect(), ..Verdict::default() };
        journal.attempt("stomp", &entries(1..=many), &sent);
        assert_eq!(journal.latest(None, usize::MAX).len(), LINES_MAX);
        assert!(journal.latest(Some("kafka"), 1).is_empty() && journal.per_second("kafka") == 0.0);
        assert!(journal.last_success_ms("kafka").is_some(), "that is known for longer");
    }
}
