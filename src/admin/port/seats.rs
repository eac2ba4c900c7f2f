//! Who is connected, and who of them keeps us waiting: when all seats are taken, that is who has to go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};

/// See the module.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    waits: Mutex<Waits>,
    /// Somebody has begun to keep us waiting.
    news: Notify,
}

#[derive(Default)]
struct Waits {
    /// How to call away who keeps us waiting, longest first.
    clients: BTreeMap<u64, Arc<Notify>>,
    begun: u64,
}

/// One that keeps us waiting, until this is dropped.
pub(super) struct Wait {
    seats: Arc<Seats>,
    number: u64,
}

impl Seats {
    pub(super) fn new(count: usize) -> Self {
        Seats { free: Arc::new(Semaphore::new(count)), waits: Mutex::default(), news: Notify::new() }
    }

    /// A seat, given back when it is dropped. If all are taken and nobody keeps us waiting, it lasts until an answer is given.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        loop {
            if let Ok(seat) = Arc::clone(&self.free).try_acquire_owned() {
                return Ok(seat);
            }
            let longest = self.waits().clients.pop_first();
            if let Some((_, client)) = &longest {
                client.notify_one();
            }
            tokio::select! {
                seat = Arc::clone(&self.free).acquire_owned() => return seat,
                () = self.news.notified(), if longest.is_none() => {}
            }
        }
    }

    /// This client keeps us waiting from now on.
    pub(super) fn wait(self: &Arc<Self>, client: &Arc<Notify>) -> Wait {
        let mut waits = self.waits();
        waits.begun += 1;
        let number = waits.begun;
        waits.clients.insert(number, Arc::clone(client));
        drop(waits);
        self.news.notify_one();
        Wait { seats: Arc::clone(self), number }
    }

    /// Nothing in here can be half done.
    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.seats.waits().clients.remove(&self.number);
    }
}
