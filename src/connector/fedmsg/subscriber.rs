//! One who subscribes: what it has asked for, and what waits for it. Whose room is full is waited for a moment; who does not make some is
//! sent nothing until it has caught up.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

/// Bytes that wait for one, at the most.
const ROOM: u32 = 16 << 20;
/// Subscriptions of one.
const SUBSCRIPTIONS: usize = 1000;

/// See the module.
pub(super) struct Subscriber {
    queue: Sender<Waiting>,
    /// In bytes: a message takes its own, and at least its share of what may wait.
    room: Arc<Semaphore>,
    share: u32,
    /// What topics begin with that it wants.
    wanted: Mutex<Vec<Bytes>>,
    /// It does not keep up.
    is_slow: AtomicBool,
    address: SocketAddr,
}

/// A message that waits for a subscriber.
pub(super) struct Waiting {
    pub(super) since: Instant,
    pub(super) bytes: Bytes,
    /// Told when it was written; who asked may have given up since.
    pub(super) written: Option<oneshot::Sender<()>>,
    _room: OwnedSemaphorePermit,
}

/// Why something was not written.
pub(super) enum Unwritten {
    /// The subscriber is gone. It may have got it.
    Gone,
    /// It takes nothing. It may have got a part.
    Late,
}

impl Subscriber {
    /// And what will wait for it: `high_water_mark` messages at the most.
    pub(super) fn new(address: SocketAddr, high_water_mark: usize) -> (Self, Receiver<Waiting>) {
        let share = (ROOM / u32::try_from(high_water_mark).unwrap_or(ROOM).max(1)).max(1);
        // Who has room has a place: each takes a share at least.
        let (queue, queued) = channel((ROOM / share) as usize);
        let (room, wanted) = (Arc::new(Semaphore::new(ROOM as usize)), Mutex::default());
        (Subscriber { queue, room, share, wanted, is_slow: AtomicBool::new(false), address }, queued)
    }

    pub(super) fn wants(&self, topic: &[u8]) -> bool {
        lock(&self.wanted).iter().any(|start| topic.starts_with(start))
    }

    /// Queues a message; one who has no room for it has until then to make some. `false`: it was dropped.
    pub(super) async fn give(&self, message: &Bytes, until: Instant) -> bool {
        if self.is_slow.load(Ordering::Relaxed) {
            if self.room.available_permits() < (ROOM / 2) as usize {
                return false;
            }
            self.is_slow.store(false, Ordering::Relaxed);
            tracing::info!(subscriber = %self.address, "has caught up");
        }
        let size = self.size(message);
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(size) {
            self.put(message, room, None);
            return true;
        }
        let part = Arc::clone(&self.room).acquire_many_owned(size.max(ROOM / 10));
        match timeout_at(until, part).await {
            Ok(Ok(mut part)) => {
                if let Some(room) = part.split(size as usize) {
                    self.put(message, room, None);
                }
                true
            }
            _ => {
                self.is_slow.store(true, Ordering::Relaxed);
                tracing::warn!(subscriber = %self.address, "does not keep up: messages to it are dropped until it has caught up");
                false
            }
        }
    }

    /// Queues a message, and waits until it is written.
    ///
    /// # Errors
    /// It was not, by then.
    pub(super) async fn hand(&self, message: &Bytes, by: Instant) -> Result<(), Unwritten> {
        let written = async {
            let room = Arc::clone(&self.room).acquire_many_owned(self.size(message)).await.ok()?;
            let (written, answer) = oneshot::channel();
            self.put(message, room, Some(written));
            answer.await.ok()
        };
        timeout_at(by, written).await.map_err(|_| Unwritten::Late)?.ok_or(Unwritten::Gone)
    }

    fn size(&self, message: &Bytes) -> u32 {
        u32::try_from(message.len()).unwrap_or(ROOM).clamp(self.share, ROOM)
    }

    fn put(&self, message: &Bytes, room: OwnedSemaphorePermit, written: Option<oneshot::Sender<()>>) {
        // One who has gone waits for nothing.
        let _ = self.queue.try_send(Waiting { since: Instant::now(), bytes: message.clone(), written, _room: room });
    }

    /// 1 and what topics begin with: it wants them; 0: it does not any more.
    pub(super) fn note(&self, said: &[u8]) {
        let mut wanted = lock(&self.wanted);
        match said.split_first() {
            Some((1, start)) if wanted.len() < SUBSCRIPTIONS => {
                wanted.push(Bytes::copy_from_slice(start));
                tracing::debug!(subscriber = %self.address, "has subscribed");
            }
            Some((0, start)) => {
                // Who subscribed twice must leave twice.
                if let Some(at) = wanted.iter().position(|one| one == start) {
                    wanted.swap_remove(at);
                }
            }
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
