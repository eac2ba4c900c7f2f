//! What all stores keep in the same way, whatever they are made of. Pure.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Filter, RELAYED_KNOWN};
use crate::bugzilla::{AttachmentId, BugId, CommentId};
use crate::changeset::Subject;
use crate::message::{Body, Endpoint, Envelope, Fact, Message, MessageId, Origin, Relayed};
use crate::visibility::Reason;

/// The ledger's key of a fact: its id and the letter of its kind in one number, since one whole number is found fastest.
pub(super) fn fact_key(fact: Fact) -> i64 {
    let (kind, id) = match fact {
        Fact::Bug(id) => (b'b', id.0),
        Fact::Comment(id) => (b'c', id.0),
        Fact::Attachment(id) => (b't', id.0),
        Fact::Activity(id) => (b'a', id.0),
        Fact::Duplicate(id) => (b'd', id.0),
    };
    numbered(kind, id)
}

/// The keys of all that a message tells. One that tells of no fact is known by its id.
pub(super) fn keys(message: &Message) -> Vec<i64> {
    if message.facts.is_empty() {
        let (half, _) = message.id.0.as_u64_pair();
        return vec![numbered(b'm', half.cast_signed())];
    }
    message.facts.iter().copied().map(fact_key).collect()
}

fn numbered(kind: u8, id: i64) -> i64 {
    id.wrapping_mul(256) | i64::from(kind)
}

/// A body from its two columns.
pub(super) fn body_from_columns(bytes: impl Into<Arc<[u8]>>, event_bytes: Option<i64>) -> Body {
    Body { bytes: bytes.into(), event_bytes: event_bytes.and_then(|n| usize::try_from(n).ok()) }
}

/// The routing key and the origin, from the columns of a message's row. What was relayed has its topic as action, no bug, and the number
/// of its endpoint in the place of an object.
pub(super) fn origin(target: &str, action: &str, bug: i64, object: Option<i64>) -> (String, Origin) {
    if target == "relay" {
        let endpoint = if object == Some(endpoint_number(Endpoint::Http)) { Endpoint::Http } else { Endpoint::Zeromq };
        return (action.to_owned(), Origin::Relay(endpoint));
    }
    (format!("{target}.{action}"), Origin::Bugzilla(subject(target, bug, object)))
}

/// What stands in the place of an object. Never changed: it is in stores.
fn endpoint_number(endpoint: Endpoint) -> i64 {
    match endpoint {
        Endpoint::Zeromq => 1,
        Endpoint::Http => 2,
    }
}

/// What a message of Bugzilla's is about, from the columns of its row.
pub(super) fn subject(target: &str, bug: i64, object: Option<i64>) -> Subject {
    let bug = BugId(bug);
    match (target, object) {
        ("comment", Some(id)) => Subject::Comment(bug, CommentId(id)),
        ("attachment", Some(id)) => Subject::Attachment(bug, AttachmentId(id)),
        _ => Subject::Bug(bug),
    }
}

/// The column beside the bug: the comment or attachment.
fn object(subject: Subject) -> Option<i64> {
    match subject {
        Subject::Bug(_) => None,
        Subject::Comment(_, comment) => Some(comment.0),
        Subject::Attachment(_, attachment) => Some(attachment.0),
    }
}

/// A message as its row has it, whoever tells it.
#[derive(Clone, Copy)]
pub(super) struct Record<'m> {
    pub(super) id: MessageId,
    pub(super) origin: Origin,
    pub(super) action: &'m str,
    pub(super) change_set: &'m str,
    pub(super) committed_at_ms: i64,
    pub(super) body: &'m Body,
    /// None: it was relayed.
    message: Option<&'m Message>,
}

impl<'m> From<&'m Message> for Record<'m> {
    fn from(message: &'m Message) -> Self {
        Record {
            id: message.id,
            origin: message.subject.into(),
            action: message.kind.as_str(),
            change_set: &message.change_set,
            committed_at_ms: message.committed_at_ms,
            body: &message.body,
            message: Some(message),
        }
    }
}

impl<'m> From<&'m Relayed> for Record<'m> {
    fn from(relayed: &'m Relayed) -> Self {
        Record {
            id: relayed.id,
            origin: Origin::Relay(relayed.endpoint),
            action: &relayed.topic,
            change_set: "",
            committed_at_ms: relayed.received_at_ms,
            body: &relayed.body,
            message: None,
        }
    }
}

impl Record<'_> {
    /// The column of the bug.
    pub(super) fn bug(&self) -> i64 {
        self.origin.bug().map_or(0, |bug| bug.0)
    }

    /// The column beside it; see [`origin`].
    pub(super) fn object(&self) -> Option<i64> {
        match self.origin {
            Origin::Bugzilla(subject) => object(subject),
            Origin::Relay(endpoint) => Some(endpoint_number(endpoint)),
        }
    }

    /// The column `private`: see [`judgement`].
    pub(super) fn private(&self) -> i64 {
        match self.message.and_then(|message| message.withheld) {
            Some(reason) => reason_number(reason),
            None => i64::from(self.body.is_private()),
        }
    }

    /// Whether a connector of this filter gets it.
    pub(super) fn is_wanted_by(&self, filter: &Filter) -> bool {
        self.message.map_or_else(|| filter.wants_relayed(), |message| filter.wants(message))
    }

    /// It was given its place.
    pub(super) fn envelope(&self, sequence: i64) -> Envelope {
        Envelope {
            sequence,
            id: self.id,
            routing_key: self.message.map_or_else(|| self.action.to_owned(), Message::routing_key),
            origin: self.origin,
            change_set: self.change_set.to_owned(),
            committed_at_ms: self.committed_at_ms,
            body: self.body.clone(),
        }
    }
}

/// What a reason is in the column `private`. A number that was written once keeps its meaning.
fn reason_number(reason: Reason) -> i64 {
    match reason {
        Reason::LoginRequired => 2,
        Reason::Gone => 3,
        Reason::BugPrivate => 4,
        Reason::OwnPrivate => 5,
        Reason::WasPrivate => 6,
    }
}

/// What the column `private` says: whether a message was its event alone when it was put, and why. 0: public; 1: private, and
/// nobody knows why, for an older version wrote it.
pub(super) fn judgement(private: i64) -> (bool, Option<Reason>) {
    (private != 0, Reason::ALL.into_iter().find(|reason| reason_number(*reason) == private))
}

/// Bytes of the bodies.
pub(super) fn size_of<'m>(bodies: impl IntoIterator<Item = &'m Body>) -> u64 {
    bodies.into_iter().map(|body| body.bytes.len() as u64).sum()
}

/// Whether bodies of so many bytes that were relayed may be put into a store that uses so many of `max`; if not, why.
pub(super) fn room_for_relayed(used: u64, more: u64, empty: u64, max: u64) -> Result<(), String> {
    let most = max / 4 * 3;
    if used > empty && used.saturating_add(more) > most {
        return Err(format!(
            "it holds {used} of {max} bytes, and the last quarter is left to Bugzilla's own messages; mend the connector that fills it \
             (`bugrelay backlog list`), or raise `max_megabytes` in [queue]"
        ));
    }
    Ok(())
}

/// Before that time a repeatable message that was relayed is not known again.
pub(super) fn relayed_before() -> i64 {
    now_ms().saturating_sub(i64::try_from(RELAYED_KNOWN.as_millis()).unwrap_or(i64::MAX))
}

/// Whether bodies of so many bytes may be put into a store that uses so many of `max`, and `empty` with nothing in it; if not, why.
pub(super) fn room(used: u64, more: u64, empty: u64, max: u64) -> Result<(), String> {
    if more.saturating_add(empty) > max {
        let megabytes = more.saturating_add(empty).div_ceil(1 << 20) + 1;
        return Err(format!(
            "{more} bytes that belong together never fit into {max}; raise `max_megabytes` in [queue] to {megabytes} or more"
        ));
    }
    if used.saturating_add(more) > max {
        return Err(format!(
            "it holds {used} of {max} bytes; mend the connector that fills it (`bugrelay backlog list`), or raise \
             `max_megabytes` in [queue]"
        ));
    }
    Ok(())
}

/// Ranges without holes.
pub(super) fn runs(mut sequences: Vec<i64>) -> Vec<(i64, i64)> {
    sequences.sort_unstable();
    sequences.dedup();
    sequences.chunk_by(|a, b| a + 1 == *b).map(|run| (run[0], run[run.len() - 1])).collect()
}

/// Ranges by where they begin.
pub(super) fn in_order(ranges: &[RangeInclusive<i64>]) -> Vec<&RangeInclusive<i64>> {
    let mut sorted: Vec<_> = ranges.iter().collect();
    sorted.sort_unstable_by_key(|range| *range.start());
    sorted
}

/// Messages that are looked at for one page of traces, at the most: some hundredths of a second.
pub(super) const TRACED: i64 = 100_000;

/// Databases know signed numbers alone.
pub(super) fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970.
pub(super) fn to_ms(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    to_ms(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::{judgement, reason_number, runs};
    use crate::visibility::Reason;

    #[test]
    fn a_reason_is_read_as_it_was_written_and_what_an_older_version_wrote_has_none() {
        for reason in Reason::ALL {
            assert_eq!(judgement(reason_number(reason)), (true, Some(reason)));
        }
        assert_eq!([0, 1].map(judgement), [(false, None), (true, None)]);
    }

    #[test]
    fn sequences_are_joined_to_ranges_without_holes() {
        assert_eq!(runs(vec![5, 1, 2, 3, 7, 8, 3]), [(1, 3), (5, 5), (7, 8)]);
        assert_eq!(runs(vec![]), []);
    }
}
