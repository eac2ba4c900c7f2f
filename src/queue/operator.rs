//! What an operator is shown of messages, and what may be done with those that wait or are parked. Decides nothing.

use super::{Entry, Waiting};
use crate::bugzilla::BugId;
use crate::message::{MessageId, Origin};
use crate::visibility::Reason;

/// Messages that [`Queue::dispose`](super::Queue::dispose) does away with at once, at the most.
pub const DISPOSED_MAX: usize = 1_000;

/// A message that was set aside for one connector: a [`Waiting`], or a whole [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked<T> {
    /// Its place in the queue.
    pub sequence: i64,
    /// Why, for the operator.
    pub reason: String,
    /// When, milliseconds since 1970.
    pub parked_at_ms: i64,
    /// As it waited; `None`: the store has lost a part of it.
    pub entry: Option<T>,
}

impl From<&Parked<Entry>> for Parked<Waiting> {
    fn from(parked: &Parked<Entry>) -> Self {
        let Parked { sequence, ref reason, parked_at_ms, ref entry } = *parked;
        Parked { sequence, reason: reason.clone(), parked_at_ms, entry: entry.as_ref().map(Waiting::from) }
    }
}

/// What is done with messages of one connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposal {
    /// Those that wait are set aside, for this reason: they are parked.
    Skip(String),
    /// Those that wait are given up.
    Drop,
    /// Those that are parked wait again, at their old place: before whatever waits behind it, and after what was sent meanwhile,
    /// also of the same bug.
    Retry,
    /// Those that are parked are given up.
    DropParked,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Messages about this bug and its parts.
    Bug(BugId),
    /// The message of this id, as often as it was put.
    Message(MessageId),
}

/// What is known of a message that was put, for as long as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its place in the queue.
    pub sequence: i64,
    /// The same on every bus.
    pub id: MessageId,
    /// `<target>.<action>`, or the topic of what was relayed.
    pub routing_key: String,
    /// Who tells it, and of what.
    pub origin: Origin,
    /// The save that it belongs to.
    pub change_set: String,
    /// When that was committed, milliseconds since 1970.
    pub committed_at_ms: i64,
    /// When the store took it.
    pub put_at_ms: i64,
    /// Whether it was the event alone then; `None`: an older version put it.
    pub private: Option<bool>,
    /// Why it was; `None`: it was public, or an older version put it.
    pub reason: Option<Reason>,
    /// Bytes of its text; `None`: nobody waits for it any more.
    pub bytes: Option<usize>,
    /// Whom it waits for, by name. To all others it was sent, or it was not meant for them, or was given up.
    pub held: Vec<Held>,
}

/// What keeps a message for one connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub connector: String,
    /// Attempts that failed.
    pub attempts: u32,
    /// It was handed over before, and nobody knows whether it arrived.
    pub perhaps_sent: bool,
    /// Why it is parked; `None`: it waits to be sent.
    pub parked: Option<String>,
}
