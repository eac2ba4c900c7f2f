//! Between those that read from publishers and the store: what was received and is not stored yet. Bounded in bytes, and nobody who
//! reads waits for the disk longer than a moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::tally::{Refusal, Tally};
use super::{Inbox, Topics, fedmsg, id_of_chance, now_ms};
use crate::backoff::Reconnect;
use crate::message::Relayed;
use crate::queue::{QueueError, Receipt};
use crate::shutdown::{Cause, Shutdown};

/// What may wait to be stored, in bytes: a burst of a hundred thousand small messages.
const ROOM: usize = 64 << 20;

/// What a message takes besides its frames.
const OVERHEAD: usize = 256;

/// So many can wait, whatever their size.
const MESSAGES_MAX: usize = ROOM / OVERHEAD;

/// Stored in one transaction.
const BATCH: usize = 1_000;
const BATCH_BYTES: usize = 4 << 20;

/// How long room for a message is waited for, or its turn, before it is dropped: a publisher that goes away waits a second itself
/// (`zmq_linger`).
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Received, and not looked at yet.
struct Received {
    frames: Vec<Bytes>,
    from: SocketAddr,
    at_ms: i64,
    /// Given back when it is stored.
    _room: OwnedSemaphorePermit,
}

/// Where those who read put what they have.
#[derive(Clone)]
pub(super) struct Entrance {
    room: Arc<Semaphore>,
    waiting: Sender<Received>,
    /// It was full for so long that nobody waits for it any more.
    is_jammed: Arc<AtomicBool>,
}

/// Where they are stored from.
pub(super) struct Spool {
    received: Receiver<Received>,
}

/// Both ends.
pub(super) fn spool() -> (Entrance, Spool) {
    let (waiting, received) = mpsc::channel(MESSAGES_MAX);
    let room = Arc::new(Semaphore::new(ROOM));
    (Entrance { room, waiting, is_jammed: Arc::default() }, Spool { received })
}

impl Entrance {
    /// Takes a message, or says why not: it is dropped then.
    pub(super) async fn put(&self, frames: Vec<Bytes>, from: SocketAddr) -> Result<(), Refusal> {
        let bytes = OVERHEAD + frames.iter().map(Bytes::len).sum::<usize>();
        let bytes = u32::try_from(bytes.min(ROOM)).unwrap_or(u32::MAX);
        let at_once = Arc::clone(&self.room).try_acquire_many_owned(bytes).ok();
        let room = match at_once {
            Some(room) => Some(room),
            None if self.is_jammed.load(Ordering::Relaxed) => None,
            None => tokio::time::timeout(PATIENCE, Arc::clone(&self.room).acquire_many_owned(bytes))
                .await
                .ok()
                .and_then(Result::ok),
        };
        self.is_jammed.store(room.is_none(), Ordering::Relaxed);
        let received = Received { frames, from, at_ms: now_ms(), _room: room.ok_or(Refusal::Full)? };
        // Its other end lives until everybody has stopped reading.
        self.waiting.send(received).await.map_err(|_| Refusal::Failed)
    }
}

impl Spool {
    /// Stores what comes, until nobody can bring anything any more.
    pub(super) async fn run(
        mut self,
        topics: Topics,
        max_message_bytes: usize,
        inbox: Inbox,
        tally: Arc<Tally>,
        shutdown: Shutdown,
    ) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.received.recv_many(&mut batch, BATCH).await > 0 {
            let mut rooms = Vec::with_capacity(batch.len());
            let (mut messages, mut bytes) = (Vec::with_capacity(batch.len()), 0);
            for Received { frames, from, at_ms, _room } in batch.drain(..) {
                let chance = id_of_chance();
                match fedmsg::read(&frames, &topics, &inbox.reserved, max_message_bytes, at_ms, chance) {
                    Ok(relayed) => {
                        bytes += relayed.body.bytes.len();
                        messages.push(relayed);
                        rooms.push(_room);
                    }
                    Err(refusal) => tally.refused(&from, &refusal),
                }
                if bytes >= BATCH_BYTES {
                    store(std::mem::take(&mut messages), &inbox, &tally, &shutdown).await;
                    rooms.clear();
                    bytes = 0;
                }
            }
            store(messages, &inbox, &tally, &shutdown).await;
        }
    }
}

/// Until it is done: a store that is full or fails is waited for, and meanwhile the spool fills up. What finds no room together goes in
/// parts: each message alone has some, sooner or later.
async fn store(messages: Vec<Relayed>, inbox: &Inbox, tally: &Tally, shutdown: &Shutdown) {
    let (mut parts, mut reconnect) = (vec![messages], Reconnect::default());
    while let Some(mut part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        match inbox.put(part.clone()).await {
            Ok(receipts) => {
                tally.stored(receipts.iter().filter(|receipt| matches!(receipt, Receipt::Stored(_))).count());
                reconnect = Reconnect::default();
            }
            Err(QueueError::Full { .. }) if part.len() > 1 => {
                parts.push(part.split_off(part.len() / 2));
                parts.push(part);
            }
            Err(error) if error.is_final() => {
                tracing::error!(%error, "the relay cannot store what it received; bugrelay stops");
                return shutdown.give_up(Cause::Store);
            }
            Err(error) if shutdown.is_requested() => {
                let lost = part.len() + parts.iter().map(Vec::len).sum::<usize>();
                return tracing::error!(%error, lost, "the relay cannot store what it received, and bugrelay is being stopped");
            }
            Err(error) => {
                say(&error);
                tokio::select! {
                    () = tokio::time::sleep(reconnect.next_delay()) => {}
                    () = shutdown.requested() => {}
                }
                parts.push(part);
            }
        }
    }
}

fn say(error: &QueueError) {
    tracing::error!(%error, "the relay waits for the store; what is received meanwhile is held in memory, as far as there is room");
}

#[cfg(test)]
mod tests {
    use tokio::sync::{broadcast, watch};

    use super::*;
    use crate::message::{Body, Endpoint};
    use crate::metrics::Metrics;
    use crate::queue::sqlite::{Settings, SqliteQueue};
    use crate::relay::Reserved;

    #[tokio::test]
    async fn what_never_finds_room_together_is_stored_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let forever = Duration::from_secs(3_600);
        let settings = Settings {
            path: folder.path().join("store.db"),
            max_megabytes: 16,
            sent_retention: forever,
            parked_retention: forever,
            told_retention: forever,
        };
        let (metrics, news, tail) =
            (Metrics::new("test").unwrap(), watch::Sender::default(), broadcast::Sender::new(1));
        let inbox = Inbox {
            queue: Arc::new(SqliteQueue::open(settings).unwrap()),
            news,
            tail,
            reserved: Reserved::default(),
            metrics: metrics.relay.clone(),
            is_open: Arc::default(),
        };
        let message = Relayed {
            id: id_of_chance(),
            endpoint: Endpoint::Zeromq,
            topic: "org.x".to_owned(),
            received_at_ms: 0,
            body: Body::relayed(vec![b'1'; 4_000_000]),
            is_repeatable: false,
        };
        let tally = Tally::new(Endpoint::Zeromq, metrics.relay.clone());
        let shutdown = Shutdown::default();
        let stored = store(vec![message; 5], &inbox, &tally, &shutdown);
        tokio::time::timeout(Duration::from_secs(60), stored)
            .await
            .expect("20 MB are waited for that 16 MiB never hold");
        assert_eq!(metrics.relay.received.with_label_values(&["zeromq", "stored"]).get(), 5);
    }
}
