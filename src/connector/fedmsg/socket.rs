//! A PUB socket: subscribers, what each has asked for, and a queue of each with a high water mark.
//!
//! A task of its own listens, or keeps the connection to the hub; each subscriber is served by one. Whose queue is full is waited for
//! as long as it takes a good part of it within [`GRACE`]; who does not is sent nothing until it has caught up, which is counted.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::task::TaskTracker;

use super::config::Place;
use crate::connector::SendError;
use crate::zmtp::{self, Incoming, Peer, Role};

/// How long a subscriber with a full queue may take to take a tenth of it.
const GRACE: Duration = Duration::from_millis(500);
/// Longest for a handshake, or for the rest of what a subscriber has begun to say.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what is queued may take to leave when we close.
const LINGER: Duration = Duration::from_secs(1);
/// How long it is waited for who had the address before us to let go of it.
const YIELDING: Duration = Duration::from_secs(3);
/// Between two attempts to listen, or to connect.
const AGAIN: Duration = Duration::from_millis(500);
/// Subscribers at once.
const PEERS: usize = 1000;
/// Subscriptions of one.
const SUBSCRIPTIONS: usize = 1000;
/// Bytes of what a subscriber says: a topic.
const SAID: usize = 1024;
/// Messages that are written at once.
const GATHER: usize = 64;

/// See the module. Dropped, it closes without waiting.
pub(super) struct Socket {
    shared: Arc<Shared>,
    place: Place,
    task: JoinHandle<()>,
    serving: TaskTracker,
}

struct Shared {
    high_water_mark: usize,
    subscribers: Mutex<HashMap<u64, Arc<Subscriber>>>,
    state: watch::Sender<State>,
}

/// Whether there is anything that messages could be handed to.
#[derive(Clone, Debug)]
enum State {
    /// Not known yet.
    Opening,
    /// It listens; or the hub has subscribed.
    Open,
    /// Why not.
    Trouble(SendError),
}

struct Subscriber {
    queue: mpsc::Sender<Bytes>,
    /// What topics begin with that it wants.
    wanted: Mutex<Vec<Bytes>>,
    /// It does not keep up.
    is_slow: AtomicBool,
    address: SocketAddr,
}

/// What became of a message.
pub(super) enum Handed {
    /// It was queued for all who want it, but for so many.
    Over { dropped: u64 },
    /// And nothing of it was.
    Failed(SendError),
}

/// Why an address cannot be listened on.
pub(super) fn not_bound(address: SocketAddr, error: &io::Error) -> SendError {
    SendError::misconfigured(format!("tcp://{address} cannot be listened on: {error}; see who has it, and `listen`"))
}

impl Socket {
    /// Begins to listen, or to connect, and goes on trying.
    pub(super) fn open(place: Place, high_water_mark: usize) -> Self {
        let shared = Arc::new(Shared {
            high_water_mark,
            subscribers: Mutex::default(),
            state: watch::Sender::new(State::Opening),
        });
        let serving = TaskTracker::new();
        let (of_task, tracker, at) = (Arc::clone(&shared), serving.clone(), place.clone());
        let task = tokio::spawn(async move {
            match at {
                Place::Listen(address) => listen(address, of_task, tracker).await,
                Place::Connect { .. } => connect(&at, of_task, tracker).await,
            }
        });
        Socket { shared, place, task, serving }
    }

    /// Waits until it listens, or the hub has subscribed.
    ///
    /// # Errors
    /// It did not until then.
    pub(super) async fn ready(&self, by: Instant) -> Result<(), SendError> {
        let by = if matches!(self.place, Place::Listen(_)) { by.min(Instant::now() + YIELDING) } else { by };
        let mut state = self.shared.state.subscribe();
        if matches!(timeout_at(by, state.wait_for(|state| matches!(state, State::Open))).await, Ok(Ok(_))) {
            return Ok(());
        }
        let state = self.shared.state.borrow().clone();
        match state {
            State::Trouble(trouble) => Err(trouble),
            _ => {
                Err(SendError::transient(format!("nobody at {} has subscribed; see whether the hub runs", self.place)))
            }
        }
    }

    /// Queues a message for each that wants it. A hub is waited for until `by`.
    pub(super) async fn publish(&self, topic: &[u8], body: &[u8], by: Instant) -> Handed {
        let message = Bytes::from(zmtp::encode(&[topic, body]));
        let subscribers: Vec<Arc<Subscriber>> = lock(&self.shared.subscribers).values().cloned().collect();
        if let Place::Connect { .. } = self.place {
            let Some(hub) = subscribers.first() else { return Handed::Failed(self.lost()) };
            return match timeout_at(by, hub.queue.send(message)).await {
                Ok(Ok(())) => Handed::Over { dropped: 0 },
                Ok(Err(_)) => Handed::Failed(self.lost()),
                Err(_) => {
                    Handed::Failed(SendError::transient(format!("{} takes nothing; see whether it hangs", self.place)))
                }
            };
        }
        let mut dropped = 0;
        for subscriber in subscribers.iter().filter(|subscriber| subscriber.wants(topic)) {
            dropped += u64::from(!subscriber.give(&message, self.shared.high_water_mark).await);
        }
        Handed::Over { dropped }
    }

    fn lost(&self) -> SendError {
        SendError::transient(format!("the connection to {} was lost; see whether the hub runs", self.place))
    }

    /// Lets what is queued leave for a moment, and closes.
    pub(super) async fn close(&self) {
        self.task.abort();
        // A queue that nobody fills any more ends when it is empty, and its task with it.
        lock(&self.shared.subscribers).clear();
        self.serving.close();
        let _ = timeout(LINGER, self.serving.wait()).await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Subscriber {
    fn wants(&self, topic: &[u8]) -> bool {
        lock(&self.wanted).iter().any(|start| topic.starts_with(start))
    }

    /// `false`: it was dropped.
    async fn give(&self, message: &Bytes, high_water_mark: usize) -> bool {
        let is_behind = || self.queue.capacity() < high_water_mark / 2;
        if self.is_slow.load(Ordering::Relaxed) {
            if is_behind() {
                return false;
            }
            self.is_slow.store(false, Ordering::Relaxed);
            tracing::info!(subscriber = %self.address, "has caught up");
        }
        match self.queue.try_send(message.clone()) {
            Ok(()) => return true,
            // It has gone: nothing is dropped that anybody waits for.
            Err(mpsc::error::TrySendError::Closed(_)) => return true,
            Err(mpsc::error::TrySendError::Full(_)) => {}
        }
        let part = self.queue.reserve_many((high_water_mark / 10).max(1));
        match timeout(GRACE, part).await {
            Ok(Ok(mut permits)) => {
                if let Some(permit) = permits.next() {
                    permit.send(message.clone());
                }
                true
            }
            Ok(Err(_)) => true,
            Err(_) => {
                self.is_slow.store(true, Ordering::Relaxed);
                tracing::warn!(subscriber = %self.address, "does not keep up: messages to it are dropped until it has caught up");
                false
            }
        }
    }

    /// 1 and what topics begin with: it wants them; 0: it does not any more.
    fn note(&self, said: &[u8]) {
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

impl Shared {
    /// Serves one until it goes, it is told to, or does what nobody may.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, address: SocketAddr) -> io::Result<()> {
        let greeted = timeout(PATIENCE, Peer::greet(stream, Role::Publisher, SAID)).await;
        let mut peer = greeted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let (queue, mut queued) = mpsc::channel(self.high_water_mark);
        let subscriber =
            Arc::new(Subscriber { queue, wanted: Mutex::default(), is_slow: AtomicBool::new(false), address });
        let place = self.enter(&subscriber);
        // Held by the list alone: who is taken out of it is sent what is queued, and no more.
        let wanted = Arc::downgrade(&subscriber);
        drop(subscriber);
        let (mut messages, mut bytes) = (Vec::with_capacity(GATHER), BytesMut::new());
        let served = loop {
            tokio::select! {
                begun = peer.begins() => {
                    let heard = async { begun?; peer.next().await };
                    match timeout(PATIENCE, heard).await {
                        Ok(Ok(Incoming::Message(said))) => self.note(&wanted, said.first()),
                        Ok(Ok(Incoming::TooLarge)) => {}
                        Ok(Ok(Incoming::End)) => break Ok(()),
                        Ok(Err(error)) => break Err(error),
                        Err(_) => break Err(io::ErrorKind::TimedOut.into()),
                    }
                }
                count = queued.recv_many(&mut messages, GATHER) => {
                    if count == 0 {
                        break Ok(());
                    }
                    bytes.clear();
                    messages.drain(..).for_each(|message: Bytes| bytes.extend_from_slice(&message));
                    if let Err(error) = peer.send(&bytes).await {
                        break Err(error);
                    }
                }
            }
        };
        lock(&self.subscribers).remove(&place);
        served
    }

    fn enter(&self, subscriber: &Arc<Subscriber>) -> u64 {
        let mut subscribers = lock(&self.subscribers);
        let place = (0..).find(|place| !subscribers.contains_key(place)).unwrap_or_default();
        subscribers.insert(place, Arc::clone(subscriber));
        place
    }

    fn note(&self, subscriber: &Weak<Subscriber>, said: Option<&Bytes>) {
        if let (Some(subscriber), Some(said)) = (subscriber.upgrade(), said) {
            subscriber.note(said);
            // A hub that has subscribed can be sent to; who listens is open already.
            self.state.send_replace(State::Open);
        }
    }

    /// Says it once, until it is over.
    fn trouble(&self, error: SendError) {
        if !matches!(&*self.state.borrow(), State::Trouble(_)) {
            tracing::warn!(error = error.message, "the fedmsg socket is not open");
        }
        self.state.send_replace(State::Trouble(error));
    }
}

async fn listen(address: SocketAddr, shared: Arc<Shared>, serving: TaskTracker) {
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => shared.trouble(not_bound(address, &error)),
        }
        sleep(AGAIN).await;
    };
    shared.state.send_replace(State::Open);
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Of files there are too many open, mostly.
                tracing::warn!(%error, "a subscriber cannot be let in");
                sleep(AGAIN).await;
                continue;
            }
        };
        // With those that are still being greeted.
        if serving.len() >= PEERS {
            tracing::warn!(subscriber = %from, "sent away: there are {PEERS} already");
            continue;
        }
        // Messages are written in batches already.
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        serving.spawn(async move {
            tracing::debug!(subscriber = %from, "has come");
            let ended = shared.serve(stream, from).await;
            tracing::debug!(subscriber = %from, error = ended.err().map(tracing::field::display), "is gone");
        });
    }
}

async fn connect(place: &Place, shared: Arc<Shared>, serving: TaskTracker) {
    let Place::Connect { host, port } = place else { return };
    loop {
        let opened = timeout(PATIENCE, TcpStream::connect((host.as_str(), *port))).await;
        let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let ended = match opened.and_then(|stream| Ok((stream.peer_addr()?, stream))) {
            Err(error) => Err(error),
            Ok((address, stream)) => {
                let _ = stream.set_nodelay(true);
                let served = Arc::clone(&shared);
                // Not in here: what is queued may leave though this task is told to end.
                let task = serving.spawn(async move { served.serve(stream, address).await });
                task.await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
            }
        };
        let why = ended.err().map_or_else(|| "it closed the connection".to_owned(), |error| error.to_string());
        shared.trouble(SendError::transient(format!(
            "{place} does not serve us: {why}; see whether the hub runs, and `connect`"
        )));
        sleep(AGAIN).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
