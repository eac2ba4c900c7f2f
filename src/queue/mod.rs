//! The durable main queue, and one backlog per connector. Knows connectors by name alone.
//!
//! Every message has a sequence. For each subscriber that wants it there is an entry until it was sent or parked.
//! An entry of a connector that is well is in the main queue; those of one whose last attempt failed, or to which nothing is handed
//! over at present, are its backlog, and its new messages line up behind them. A message is gone from the main queue once no well connector has an entry of it.

pub mod database;
mod filter;
mod kept;
mod operator;
pub mod sqlite;

pub use filter::Filter;
pub use operator::{DISPOSED_MAX, Disposal, Held, Parked, Sought, Trace};

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::bugzilla::LocalTime;
use crate::changeset::{Position, Subject};
use crate::failure::Class;
use crate::message::{Envelope, Fact, Message, MessageId, Origin, Relayed};

/// Bytes of the bodies that are read at once for one connector, at the most; a larger one is read alone.
pub const READ_BYTES_MAX: usize = 4 << 20;

/// How long a repeatable message that was relayed is known again.
pub const RELAYED_KNOWN: Duration = Duration::from_secs(24 * 3600);

/// The store.
///
/// *Durability*: what a call returned `Ok` for is synced to disk, but for [`Queue::begin`]. *Order*: sequences rise in the order of `put`; `next` gives
/// entries by sequence. *Parallel calls*: any, from any task; each is a short transaction of its own, and those that wait together may share one.
/// *Errors*: nothing of the failed call was stored. *Memory*: bounded by [`READ_BYTES_MAX`], whatever waits and however large it is.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Waits until this process may write, which is at once where the store is its own. Several may share a store that a server keeps:
    /// one leads, the others stand by, and what they would write is refused with [`QueueError::StandsBy`].
    ///
    /// # Errors
    /// [`QueueError::Unusable`]; all else is waited for.
    async fn lead(&self) -> Result<(), QueueError> {
        Ok(())
    }

    /// Whether another process leads, and this one can take over.
    fn stands_by(&self) -> bool {
        false
    }

    /// Waits until this process has to stand by beside one that lives, and not just beside the session that one has left: for ever where
    /// the store is its own. Has returned before [`Queue::lead`] does, if it ever will.
    async fn stood_by(&self) {
        std::future::pending().await
    }

    /// Where the process that leads is, if that is another and it can be told: for people.
    async fn leader(&self) -> Option<String> {
        None
    }

    /// Waits until this process may not write any more, and says why: for ever where the store is its own.
    async fn deposed(&self) -> QueueError {
        std::future::pending().await
    }

    /// Who gets messages from now on. A subscriber not known before starts with the next message; one that is not named any more
    /// gets nothing new and keeps its backlog.
    async fn subscribe(&self, subscribers: Vec<Subscriber>) -> Result<(), QueueError>;

    /// Where the capture stands; `None` on a fresh store.
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, QueueError>;

    /// Stores messages and the position behind them in one transaction. A message all of whose facts were told before, of the same
    /// second, is left out: an id that comes with another second was given out again, and what bore it before is forgotten.
    /// Returns those stored, with their sequences.
    async fn put(&self, messages: Vec<Message>, checkpoint: Checkpoint) -> Result<Vec<Envelope>, QueueError>;

    /// Which of these facts, of these seconds, were not told before, in the order asked.
    async fn untold(&self, facts: Vec<(Fact, LocalTime)>) -> Result<Vec<(Fact, LocalTime)>, QueueError>;

    /// Stores messages for these connectors, as far as they want them, told before or not; neither the checkpoint nor what counts as
    /// told is changed. Returns those that somebody gets, with their new sequences. `None`: nothing was stored, for the last quarter of
    /// the room is left to what is told for the first time. Deliveries make room.
    async fn put_again(
        &self,
        messages: Vec<Message>,
        connectors: Vec<String>,
    ) -> Result<Option<Vec<Envelope>>, QueueError>;

    /// Stores what scripts dropped, in one transaction, for those that want it; neither the checkpoint nor what counts as told is changed.
    /// Gives what became of each, in order. One that is repeatable is known again for [`RELAYED_KNOWN`], and put once.
    ///
    /// # Errors
    /// [`QueueError::Full`] also when all but the last quarter of the room is taken: that is left to Bugzilla's own messages.
    async fn put_relayed(&self, messages: Vec<Relayed>) -> Result<Vec<Receipt>, QueueError>;

    /// How far Bugzilla's history was swept; `None` on a fresh store.
    async fn swept(&self) -> Result<Option<SweepMark>, QueueError>;

    /// The sweep begins there, or has something to tell first. Whoever reads the source on says so, and nobody else.
    async fn set_swept(&self, mark: SweepMark) -> Result<(), QueueError>;

    /// The sweep has come to that second: the mark goes forward, and never back. Nothing is done while something is to be told first.
    async fn swept_on(&self, until: i64) -> Result<(), QueueError>;

    /// The oldest entries of a connector, at most `limit` and as many as [`READ_BYTES_MAX`] allows, and how the connector stands.
    /// No entries while it is paused.
    async fn next(&self, connector: &str, limit: usize) -> Result<Batch, QueueError> {
        self.next_behind(connector, 0, limit).await
    }

    /// The same, of the entries behind the sequence `after`: what follows a batch that is in flight.
    async fn next_behind(&self, connector: &str, after: i64, limit: usize) -> Result<Batch, QueueError>;

    /// Holds back what a connector has to get, or lets it go on; also for one that never subscribed. Messages are collected
    /// meanwhile. Stays through restarts.
    async fn pause(&self, connector: &str, paused: bool) -> Result<(), QueueError>;

    /// What waits for a connector, to be looked at, paused or not: behind the sequence `after`, in order, at most `limit`. Reads
    /// no body.
    async fn backlog(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Waiting>, QueueError>;

    /// The same with the bodies, as many as [`READ_BYTES_MAX`] allows; without entries of which something is missing.
    async fn backlog_bodies(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Entry>, QueueError>;

    /// What is parked for a connector, to be looked at: behind the sequence `after`, in order, at most `limit`. Reads no body.
    async fn parked(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Parked<Waiting>>, QueueError>;

    /// The same with the bodies, as many as [`READ_BYTES_MAX`] allows.
    async fn parked_bodies(&self, connector: &str, after: i64, limit: usize)
    -> Result<Page<Parked<Entry>>, QueueError>;

    /// Does this with those messages of a connector that have these sequences: the oldest of them, at most [`DISPOSED_MAX`] and as
    /// many as [`READ_BYTES_MAX`] allows. Returns how many; 0: there is none (left), so it is called again until then. Of a
    /// connector that is gone from the configuration too. What is handed over just now may arrive all the same; what was only read
    /// is not begun any more. A connector for which nothing waits any more is well.
    async fn dispose(
        &self,
        connector: &str,
        disposal: Disposal,
        sequences: Vec<RangeInclusive<i64>>,
    ) -> Result<u64, QueueError>;

    /// What is known of messages: behind the sequence `after`, in order, at most `limit`. Looks at a bounded number of messages,
    /// so a page may be empty and another follow.
    async fn traces(&self, sought: Sought, after: i64, limit: usize) -> Result<Page<Trace>, QueueError>;

    /// Stored messages that carry more than their event, for whomever they are kept, and what they are about: those behind
    /// the sequence `after`, in order, at most `limit`.
    async fn public_bodies(&self, after: i64, limit: usize) -> Result<Vec<(i64, Subject)>, QueueError>;

    /// These are about to be handed over: if nothing more is heard of them, they were perhaps delivered. Survives a crash of this
    /// process. `false`: since they were read the connector was paused, or one of them does not wait any more; nothing is begun.
    async fn begin(&self, connector: &str, sequences: Vec<i64>) -> Result<bool, QueueError>;

    /// What the source's server knew last may be lost, and with it what a store there had recorded: of such a store all that waits was
    /// perhaps sent.
    async fn doubt(&self) -> Result<(), QueueError> {
        Ok(())
    }

    /// What became of entries, and how the connector stands after it.
    async fn settle(&self, connector: &str, settlement: Settlement) -> Result<(), QueueError>;

    /// Replaces stored bodies by their event: their targets are not public any more.
    async fn redact(&self, sequences: Vec<i64>) -> Result<(), QueueError>;

    /// Everything that the gauges show, read from the store.
    async fn stats(&self) -> Result<Stats, QueueError>;

    /// Forgets what need not be kept any more: facts that were told longer than their retention before the checkpoint came where it
    /// is, before the save that it stands behind, and before the sweep's mark, and those of saves that long before both, of which a
    /// start in the past tells many; sent messages and parked ones beyond their retention. In small steps: others need not wait.
    async fn purge(&self) -> Result<(), QueueError>;
}

/// A connector as the queue sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Its name in the configuration.
    pub connector: String,
    /// Which messages it wants.
    pub filter: Filter,
}

/// How far the capture is, stored with the messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Resume here.
    pub position: Position,
    /// Commit time of the last save before it, seconds since 1970.
    pub committed_at: i64,
    /// Which server the position is one of, for the capture to know it again; `None`: stored by a version that did not say.
    pub server: Option<Arc<str>>,
}

/// How far Bugzilla's history was compared with what was told. Times of saves in seconds since 1970, by Bugzilla's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepMark {
    /// Nothing before it is told.
    pub start: i64,
    /// All saves up to here are told, but for those that were committed late.
    pub until: i64,
    /// What lies between `until` and here is told before the source is read on: a start in the past, or a gap.
    pub first: Option<i64>,
}

/// What `next` found.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// In order of sequence.
    pub entries: Vec<Entry>,
    /// Entries of which something is missing in the store: sequence, and what. They can only be parked.
    pub broken: Vec<(i64, String)>,
    /// Whether there are others behind these.
    pub more: bool,
    /// How the connector stands.
    pub standing: Standing,
}

/// One message waiting for one connector.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What to send.
    pub envelope: Envelope,
    /// It was handed over before, and nobody knows whether it arrived.
    pub perhaps_sent: bool,
    /// Attempts that failed.
    pub attempts: u32,
}

/// What became of a message that a script dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is stored.
    Stored(Envelope),
    /// It was stored before, at this place.
    Known(i64),
    /// Under its id another body was stored before: it is not stored.
    Conflict,
}

/// Some of what waits for one connector.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// In order of sequence.
    pub entries: Vec<T>,
    /// What follows is behind this sequence; `None`: that was all.
    pub next: Option<i64>,
}

/// What is known of an entry without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the queue.
    pub sequence: i64,
    /// The same on every bus.
    pub id: MessageId,
    /// `<target>.<action>`, or the topic of what was relayed.
    pub routing_key: String,
    /// Who tells it, and of what.
    pub origin: Origin,
    /// When its save was committed, milliseconds since 1970.
    pub committed_at_ms: i64,
    /// Attempts that failed.
    pub attempts: u32,
    /// It was handed over before, and nobody knows whether it arrived.
    pub perhaps_sent: bool,
    /// Of its body.
    pub bytes: usize,
}

impl From<&Entry> for Waiting {
    fn from(entry: &Entry) -> Self {
        let envelope = &entry.envelope;
        Waiting {
            sequence: envelope.sequence,
            id: envelope.id,
            routing_key: envelope.routing_key.clone(),
            origin: envelope.origin,
            committed_at_ms: envelope.committed_at_ms,
            attempts: entry.attempts,
            perhaps_sent: entry.perhaps_sent,
            bytes: envelope.body.bytes.len(),
        }
    }
}

/// How a connector stands; `attempts` 0 means well, all else: it has a backlog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Failures in a row.
    pub attempts: u32,
    /// Not before; wall clock, for people and for after a restart.
    pub next_attempt: Option<SystemTime>,
    /// The last failure, for the operator.
    pub last_error: Option<String>,
    /// Its class.
    pub class: Option<Class>,
}

/// The outcomes of one attempt of a batch.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// Done: sent, or not wanted any more.
    pub done: Vec<i64>,
    /// Set aside for good, with the reason.
    pub parked: Vec<(i64, String)>,
    /// To be tried again, because of this.
    pub failed: Vec<i64>,
    /// Of the failed: handed over, fate unknown.
    pub perhaps_sent: Vec<i64>,
    /// Begun, and not handed over after all: they wait as they did before.
    pub withheld: Vec<i64>,
    /// How the connector stands now.
    pub standing: Standing,
}

/// State of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The highest sequence that was given out; 0: none was.
    pub last_sequence: i64,
    /// Messages that some well connector has not sent yet.
    pub main_queue_messages: u64,
    /// One per connector that the store knows, by name.
    pub backlogs: Vec<BacklogStats>,
    /// Size on disk.
    pub store_bytes: u64,
}

/// State of one connector's backlog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BacklogStats {
    /// The connector.
    pub connector: String,
    /// Nothing is handed over until it is resumed.
    pub paused: bool,
    /// It gets messages; `false`: disabled, or gone from the configuration.
    pub subscribed: bool,
    /// Entries waiting after a failure or because nothing is handed over; 0 when the connector is well.
    pub messages: u64,
    /// Their bodies' bytes.
    pub bytes: u64,
    /// Commit time of the oldest of them, milliseconds since 1970.
    pub oldest_committed_at_ms: Option<i64>,
    /// Set aside.
    pub parked: u64,
    /// How the connector stands.
    pub standing: Standing,
}

impl BacklogStats {
    /// Its messages leave as they come: they are in the main queue, and there is no backlog.
    pub fn is_well(&self) -> bool {
        self.standing.attempts == 0 && !self.paused && self.subscribed
    }
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No room: capture pauses, deliveries go on, and it heals by itself.
    #[error("the store {store} is full: {reason}; capture waits until there is room again")]
    Full {
        /// Which.
        store: String,
        /// The disk, or `max_megabytes`.
        reason: String,
    },
    /// Another process has it.
    #[error(
        "the store {store} is in use by another bugrelay; stop that one, or give this one a store of its own ([queue] store)"
    )]
    InUse {
        /// Which.
        store: String,
    },
    /// Another process leads, and this one can take over from it.
    #[error("another instance leads the store {store}, and this one stands by; ask that one")]
    StandsBy {
        /// Which.
        store: String,
    },
    /// Another process leads by now: nothing more is written by this one.
    #[error(
        "another bugrelay has taken over the store {store}; this one stops, and stands by when it is started again"
    )]
    Deposed {
        /// Which.
        store: String,
    },
    /// It is not ours to use: damaged, or of a newer version.
    #[error("the store {store} cannot be used: {reason}")]
    Unusable {
        /// Which.
        store: String,
        /// And how to go on.
        reason: String,
    },
    /// It was damaged, and moved out of the way. What was told and what waited is not known any more, so nothing is told until
    /// somebody says from when on.
    #[error(
        "the store {store} {found}. Say how to go on: `bugrelay run --recover-since TIME` makes a new store and tells every save \
         since TIME from Bugzilla's history{known}, with the same message ids, so that what had been sent is sent once more; \
         `bugrelay run --from-now` makes one and tells nothing of what came before; a sound copy put in its place goes on where \
         that stands"
    )]
    Damaged {
        /// Which.
        store: String,
        /// What was found, and where it is now.
        found: String,
        /// What it still tells of the time to begin with; may be empty.
        known: String,
    },
    /// Its file is not there any more: whatever is stored now would be gone with this process.
    #[error(
        "the store {store} was {what} while it was in use; nothing more is put into it. Find out who did that, and start \
         again: with a copy of the file it goes on where that stands, without one from then on"
    )]
    Lost {
        /// Which.
        store: String,
        /// What became of it.
        what: &'static str,
    },
    /// Anything else: input/output errors.
    #[error("the store {store} failed: {reason}")]
    Failed {
        /// Which.
        store: String,
        /// What the system said.
        reason: String,
    },
}

impl QueueError {
    /// Whether it is no use to ask again: the process is to end.
    pub fn is_final(&self) -> bool {
        matches!(self, QueueError::Lost { .. } | QueueError::Damaged { .. } | QueueError::Deposed { .. })
    }
}
