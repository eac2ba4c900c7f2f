//! A batch and what became of each envelope -> what is recorded. Pure; order per bug and topic is decided here.

use std::collections::HashSet;

use crate::connector::{Arrival, Outcome, SendError};
use crate::failure::Class;
use crate::message::Lane;
use crate::queue::{Entry, Settlement, Standing};

/// What becomes of a message that is too large for a connector's bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oversize {
    /// It is parked.
    #[default]
    Park,
    /// Its event is sent alone, as of one that is private.
    EventOnly,
}

/// What one attempt of a batch came to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Indices of the batch that are sent and done with.
    pub sent: Vec<usize>,
    /// Indices that the bus refuses for good, with the reason.
    pub parked: Vec<(usize, String)>,
    /// Indices to be tried again.
    pub failed: Vec<usize>,
    /// Of the failed: the bus has them, or nobody knows.
    pub perhaps_sent: Vec<usize>,
    /// Of the failed: too large for the bus, and sent as their events at once. No failure of the connector.
    pub shortened: Vec<usize>,
    /// The first failure that is not an envelope's own: why the failed ones failed.
    pub failure: Option<SendError>,
    /// Envelopes that had perhaps arrived before, and have perhaps arrived again.
    pub repeated: u64,
}

/// Judges an attempt. `silence` is why envelopes without an outcome have none; `oversize` is what becomes of those that are too
/// large for the bus. `relay_alone`: none of Bugzilla's messages come this way.
///
/// What the bus acknowledged behind a failed message of the same bug, or of the same topic, stays in the queue: it is sent once more
/// after that one, so that the bug's last word is heard last.
pub fn verdict(
    entries: &[Entry],
    outcomes: Vec<Option<Outcome>>,
    silence: SendError,
    oversize: Oversize,
    relay_alone: bool,
) -> Verdict {
    let mut verdict = Verdict::default();
    let mut failed_lanes: HashSet<Lane<'_>> = HashSet::new();
    let mut silent = false;
    // A connector cannot lose an entry by recording too few.
    let outcomes = outcomes.into_iter().chain(std::iter::repeat_with(|| None));
    for ((index, entry), outcome) in entries.iter().enumerate().zip(outcomes) {
        let lane = entry.envelope.lane();
        let arrived = match outcome {
            Some(Ok(arrival)) => {
                let done = if failed_lanes.contains(&lane) { &mut verdict.failed } else { &mut verdict.sent };
                done.push(index);
                Some(arrival)
            }
            // Its event takes its place, before what follows of its bug. An event alone cannot be made shorter.
            Some(Err(error))
                if error.too_large && oversize == Oversize::EventOnly && entry.envelope.body.is_reducible() =>
            {
                failed_lanes.insert(lane);
                verdict.failed.push(index);
                verdict.shortened.push(index);
                None
            }
            Some(Err(error)) if error.class == Class::Poison => {
                verdict.parked.push((index, error.message));
                continue;
            }
            Some(Err(error)) => {
                let perhaps = error.perhaps_delivered;
                failed_lanes.insert(lane);
                verdict.failed.push(index);
                verdict.failure.get_or_insert(error);
                perhaps.then_some(Arrival::Now)
            }
            None => {
                silent = true;
                failed_lanes.insert(lane);
                verdict.failed.push(index);
                Some(Arrival::Now)
            }
        };
        // What was there before, and not sent again, did not come twice.
        if arrived == Some(Arrival::Now) && entry.perhaps_sent {
            verdict.repeated += 1;
        }
        // Refused this time is not undelivered: an earlier attempt may have got through.
        if (arrived.is_some() || entry.perhaps_sent) && verdict.failed.last() == Some(&index) {
            verdict.perhaps_sent.push(index);
        }
    }
    if silent {
        verdict.failure.get_or_insert(silence);
    }
    if verdict.failure.is_none() && verdict.sent.is_empty() {
        verdict.failure = refusal(entries, &verdict.parked, relay_alone);
    }
    verdict
}

/// A bus that takes none of several messages may be refusing us rather than them: they are parked as it says, but the connector is
/// not called well, and what follows waits. Of what scripts chose it says nothing where Bugzilla's messages come the same way: nobody may
/// hold them up with it.
fn refusal(entries: &[Entry], parked: &[(usize, String)], relay_alone: bool) -> Option<SendError> {
    let counts = |(index, _): &&(usize, String)| relay_alone || entries[*index].envelope.origin.subject().is_some();
    let ours: Vec<&(usize, String)> = parked.iter().filter(counts).collect();
    let [(_, reason), _, ..] = ours[..] else { return None };
    Some(SendError::transient(format!(
        "each of {} messages was refused for good and is parked, the first because: {reason}; if others are refused too, it is the \
         bus that must be mended, and not the messages",
        ours.len()
    )))
}

impl Verdict {
    /// For the store, together with what needed no sending.
    pub(super) fn settlement(&self, entries: &[Entry], ignored: Vec<i64>, standing: Standing) -> Settlement {
        let sequence = |&index: &usize| entries[index].envelope.sequence;
        Settlement {
            done: ignored.into_iter().chain(self.sent.iter().map(sequence)).collect(),
            parked: self.parked.iter().map(|(index, reason)| (sequence(index), reason.clone())).collect(),
            failed: self.failed.iter().map(sequence).collect(),
            perhaps_sent: self.perhaps_sent.iter().map(sequence).collect(),
            withheld: vec![],
            standing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bugzilla::BugId;
    use crate::changeset::Subject;
    use crate::message::{Body, Endpoint, Envelope, MessageId, Origin};

    fn entry(bug: i64) -> Entry {
        let envelope = Envelope {
            sequence: 1,
            id: MessageId::of("https://bugzilla.example.org/", "bug.modify", "1"),
            routing_key: "bug.modify".into(),
            origin: Subject::Bug(BugId(bug)).into(),
            change_set: "1.1.1".into(),
            committed_at_ms: 0,
            body: Body { bytes: Arc::from(*b"{}"), event_bytes: None },
        };
        Entry { envelope, perhaps_sent: false, attempts: 0 }
    }

    fn judge(bugs: &[i64], outcomes: Vec<Option<Outcome>>) -> Verdict {
        let entries: Vec<Entry> = bugs.iter().map(|&bug| entry(bug)).collect();
        verdict(&entries, outcomes, SendError::unanswered("silence"), Oversize::Park, false)
    }

    fn sent() -> Option<Outcome> {
        Some(Ok(Arrival::Now))
    }

    fn down() -> Option<Outcome> {
        Some(Err(SendError::transient("down")))
    }

    #[test]
    fn what_was_acknowledged_behind_a_failed_message_of_its_bug_is_sent_again_and_others_are_done() {
        let v = judge(&[1, 1, 2], vec![down(), sent(), sent()]);
        assert_eq!((v.sent, v.failed, v.perhaps_sent), (vec![2], vec![0, 1], vec![1]));
        assert_eq!(v.repeated, 0, "it is counted when it is sent again");
    }

    #[test]
    fn a_poisonous_message_holds_up_nothing_behind_it() {
        let v = judge(&[1, 1], vec![Some(Err(SendError::poison("too large"))), sent()]);
        assert_eq!((v.sent, v.parked, v.failed), (vec![1], vec![(0, "too large".to_owned())], vec![]));
        assert!(v.failure.is_none());
    }

    #[test]
    fn the_event_of_what_is_too_large_goes_before_what_follows_of_its_bug() {
        let whole = |bug| {
            let body = Body { bytes: Arc::from(*br#"{"event":{},"bug":{}}"#), event_bytes: Some(10) };
            let Entry { envelope, .. } = entry(bug);
            Entry { envelope: Envelope { body, ..envelope }, perhaps_sent: false, attempts: 0 }
        };
        let outcomes = vec![Some(Err(SendError::too_large("2 MB"))), sent(), sent()];
        let judge = |entries: &[Entry], oversize| {
            verdict(entries, outcomes.clone(), SendError::unanswered("silence"), oversize, false)
        };
        let v = judge(&[whole(1), whole(1), whole(2)], Oversize::EventOnly);
        assert_eq!((v.sent, v.failed, v.shortened, v.perhaps_sent), (vec![2], vec![0, 1], vec![0], vec![1]));
        assert!(v.failure.is_none() && v.parked.is_empty(), "the connector is well");
        let v = judge(&[entry(1), whole(1), whole(2)], Oversize::EventOnly);
        assert_eq!((v.sent.len(), v.parked.len()), (2, 1), "an event that is too large is parked");
        let v = judge(&[whole(1), whole(1), whole(2)], Oversize::Park);
        assert_eq!((v.sent.len(), v.parked.len()), (2, 1));
    }

    #[test]
    fn a_bus_that_refuses_each_of_several_messages_has_failed_and_one_that_refuses_some_has_not() {
        let poison = || Some(Err(SendError::poison("no such format")));
        let all = judge(&[1, 2], vec![poison(), poison()]);
        assert_eq!((all.parked.len(), all.failed.len()), (2, 0));
        let failure = all.failure.unwrap();
        assert_eq!(failure.class, Class::Transient);
        assert!(failure.message.contains("each of 2 messages") && failure.message.contains("no such format"));
        assert!(judge(&[1], vec![poison()]).failure.is_none(), "one alone says nothing of the others");
        assert!(judge(&[1, 2, 3], vec![poison(), poison(), sent()]).failure.is_none());
    }

    #[test]
    fn what_scripts_chose_and_a_bus_refuses_holds_up_nothing_of_bugzillas() {
        let mut entries: Vec<Entry> = (1..=9).map(entry).collect();
        entries[..8].iter_mut().for_each(|entry| entry.envelope.origin = Origin::Relay(Endpoint::Http));
        let poison = || entries.iter().map(|_| Some(Err(SendError::poison("no such topic")))).collect();
        let judge =
            |relay_alone| verdict(&entries, poison(), SendError::unanswered("silence"), Oversize::Park, relay_alone);
        let v = judge(false);
        assert_eq!((v.parked.len(), v.failure), (9, None));
        assert!(judge(true).failure.is_some(), "where nothing of Bugzilla's comes it says the same as of Bugzilla's");
    }

    #[test]
    fn silence_is_a_failure_that_perhaps_arrived() {
        let v = judge(&[1, 2, 3], vec![sent(), None]);
        assert_eq!((v.sent, v.failed, v.perhaps_sent), (vec![0], vec![1, 2], vec![1, 2]));
        assert_eq!(v.failure.map(|f| f.message), Some("silence".to_owned()));
    }

    #[test]
    fn a_failure_with_a_text_explains_the_silence_around_it() {
        let v = judge(&[1, 2], vec![None, down()]);
        assert_eq!(v.failure.map(|f| f.message), Some("down".to_owned()));
    }

    #[test]
    fn what_perhaps_arrived_once_stays_so_through_a_refusal_and_counts_when_it_arrives_again() {
        let once = Entry { perhaps_sent: true, ..entry(1) };
        let silence = SendError::unanswered("silence");
        let refused = verdict(std::slice::from_ref(&once), vec![down()], silence.clone(), Oversize::Park, false);
        assert_eq!((refused.perhaps_sent, refused.repeated), (vec![0], 0));
        let taken = verdict(std::slice::from_ref(&once), vec![sent()], silence.clone(), Oversize::Park, false);
        assert_eq!((taken.sent, taken.repeated), (vec![0], 1));
        let known = verdict(&[once], vec![Some(Ok(Arrival::Before))], silence, Oversize::Park, false);
        assert_eq!((known.sent, known.repeated), (vec![0], 0), "it was not sent again");
    }
}
