//! Change set + public objects -> [`Message`]: bytes made once, in the shape of the Push extension. Pure.
//!
//! The only way an object gets into a message is inside `visibility::Public`.

mod build;
mod changes;
mod event;
mod json;
mod object;
mod origin;
mod relayed;
pub mod schema;
mod wording;

pub use build::Builder;
pub use origin::{Endpoint, Lane, Origin};
pub use relayed::Relayed;
pub use wording::{FieldFilter, Identity, Wording};

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, LocalTime};
use crate::changeset::{Kind, Subject};
use crate::visibility::Reason;

/// The same for the same thing, whatever captured it: see [`MessageId::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub Uuid);

/// One thing told to the buses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it stands on every bus.
    pub id: MessageId,
    /// What it is about.
    pub subject: Subject,
    /// What happened to it.
    pub kind: Kind,
    /// The wire's `event.change_set`.
    pub change_set: String,
    /// The product's name; only in public messages, for the filters of connectors.
    pub product: Option<String>,
    /// When its save was committed: milliseconds since 1970, as near as the source tells.
    pub committed_at_ms: i64,
    /// What it tells of: the ledger's entries that keep it from being told twice.
    pub facts: Vec<Fact>,
    /// The second that the rows of its save bear. A server that lost its end gives ids out again; with other seconds.
    pub saved_at: LocalTime,
    /// Why its object is held back, so that the event alone leaves; `None`: it is public.
    pub withheld: Option<Reason>,
    /// What leaves.
    pub body: Body,
}

/// The bytes that leave, and how much of them is the event alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// Compact ASCII JSON; what a script dropped as it came.
    pub bytes: Arc<[u8]>,
    /// `None`: event only. 0: no event is in it, it is a script's own and leaves whole. Else: these first bytes, closed by `}}`, are the
    /// event without its changes.
    pub event_bytes: Option<usize>,
}

/// A row that a message tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// A bug was filed.
    Bug(BugId),
    /// A comment was added.
    Comment(CommentId),
    /// An attachment was added.
    Attachment(AttachmentId),
    /// A field was changed.
    Activity(ActivityId),
    /// A bug was made, or unmade, a duplicate, by the save that wrote this comment.
    Duplicate(CommentId),
}

/// A message as it is handed to a connector: with the properties that stand beside the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Place in the main queue, strictly rising.
    pub sequence: i64,
    /// Property `message_id`.
    pub id: MessageId,
    /// Property `routing_key`: `<target>.<action>`, or the topic of what a script dropped.
    pub routing_key: String,
    /// Who tells it; the bug that it is about is property `bug_id`.
    pub origin: Origin,
    /// Property `change_set`; empty where there is none.
    pub change_set: String,
    /// See [`Message::committed_at_ms`]; of what was relayed, when it was received.
    pub committed_at_ms: i64,
    /// What leaves; event only is property `is_private`.
    pub body: Body,
}

impl Envelope {
    /// What stands beside the body, by name: headers, where the bus has headers. What was relayed says so (`origin`), and has neither bug
    /// nor change set.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        let mut properties = vec![("message_id", self.id.to_string()), ("routing_key", self.routing_key.clone())];
        match self.origin.bug() {
            Some(bug) => properties.extend([("bug_id", bug.to_string()), ("change_set", self.change_set.clone())]),
            None => properties.push(("origin", self.origin.target().to_owned())),
        }
        properties.extend([
            ("sequence", self.sequence.to_string()),
            ("is_private", self.body.is_private().to_string()),
            ("content_type", "application/json".to_owned()),
        ]);
        properties
    }

    /// `bug`, `comment`, `attachment` or `relay`: what stands for `{target}` in a destination.
    pub fn target(&self) -> &'static str {
        self.origin.target()
    }

    /// `create`, `modify`, or the topic of what was relayed: what stands for `{action}` in a destination.
    pub fn action(&self) -> &str {
        self.origin.action(&self.routing_key)
    }

    /// What it keeps its order in.
    pub fn lane(&self) -> Lane<'_> {
        self.origin.bug().map_or(Lane::Topic(&self.routing_key), Lane::Bug)
    }
}

impl Message {
    /// `<target>.<action>`.
    pub fn routing_key(&self) -> String {
        format!("{}.{}", self.subject.target(), self.kind)
    }
}

impl Body {
    /// What a script dropped.
    pub fn relayed(bytes: impl Into<Arc<[u8]>>) -> Self {
        Body { bytes: bytes.into(), event_bytes: Some(0) }
    }

    /// Whether only the event leaves.
    pub fn is_private(&self) -> bool {
        self.event_bytes.is_none()
    }

    /// Whether it carries more than an event that could leave alone.
    pub fn is_reducible(&self) -> bool {
        self.event_bytes.is_some_and(|event_bytes| event_bytes > 0)
    }

    /// The event alone, without changes: what may still be told of a target that is not public any more. What has no event is the same.
    #[must_use]
    pub fn redacted(&self) -> Body {
        let Some(event_bytes) = self.event_bytes.filter(|_| self.is_reducible()) else { return self.clone() };
        let mut bytes = Vec::with_capacity(event_bytes + 2);
        bytes.extend_from_slice(&self.bytes[..event_bytes]);
        bytes.extend_from_slice(b"}}");
        Body { bytes: bytes.into(), event_bytes: None }
    }
}

/// Never the content: a body in a log would be a leak.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_private() { "private" } else { "public" };
        write!(f, "Body({kind}, {} bytes)", self.bytes.len())
    }
}

impl MessageId {
    /// From the site's base URL and what happened; no time in it, so that capture, catch-up, sweep and replay agree.
    ///
    /// Creates: the routing key and the object's id. `bug.modify`, `attachment.modify`: the smallest activity id that they
    /// tell. `comment.modify`: the comment's id and that activity id.
    pub fn of(base_url: &str, routing_key: &str, what: &str) -> Self {
        let site = Uuid::new_v5(&Uuid::NAMESPACE_URL, base_url.as_bytes());
        MessageId(Uuid::new_v5(&site, format!("{routing_key}/{what}").as_bytes()))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}
