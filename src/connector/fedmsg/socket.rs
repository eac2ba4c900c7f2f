//! A PUB socket: it listens, or keeps the connection to the hub, and serves its subscribers.
//!
//! A task of its own listens or connects; each subscriber is served by one. Who listens to us has a queue ([`Subscriber`]); what waits in
//! it for longer than a send may take is dropped: it may have become private since. What is dropped is counted. A hub has none: `sent`
//! means written to its connection.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::Place;
use super::subscriber::{Subscriber, Unwritten, Waiting};
use crate::connector::SendError;
use crate::zmtp::{self, Incoming, Peer, Role};

/// How long subscribers without room may take to make some: a tenth of it.
const GRACE: Duration = Duration::from_millis(500);
/// Longest for a handshake, or for the rest of what a subscriber has begun to say.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what is queued may take to leave when we close.
const LINGER: Duration = Duration::from_secs(1);
/// Subscribers connect anew within a second (fedmsg's `zmq_reconnect_ivl_max`): nothing is sent before that. If none has come, twice.
const RETURN: Duration = Duration::from_secs(1);
/// How long it is waited for who had the address before us to let go of it, and then for subscribers.
const YIELDING: Duration = Duration::from_secs(5);
/// Between two attempts to listen, or to connect.
const AGAIN: Duration = Duration::from_millis(500);
/// Subscribers at once.
const PEERS: usize = 1000;
/// Bytes of what a subscriber says: a topic.
const SAID: usize = 1024;
/// Bytes that are written at once, but for a message that is longer.
const GATHER: usize = 256 << 10;

/// See the module. Dropped, it closes without waiting.
pub(super) struct Socket {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    serving: TaskTracker,
}

struct Shared {
    place: Place,
    high_water_mark: usize,
    /// How long a message may wait, or one write take.
    lifetime: Duration,
    subscribers: Mutex<HashMap<u64, Arc<Subscriber>>>,
    state: watch::Sender<State>,
    /// Somebody has subscribed.
    heard: Notify,
    /// Copies that were queued, and did not leave.
    missed: AtomicU64,
    /// Nothing is sent any more.
    ended: CancellationToken,
}

/// Whether there is anything that messages could be handed to.
#[derive(Clone, Debug)]
enum State {
    /// Not known yet.
    Opening,
    /// It listens, and subscribers have had time to come back; or the hub has subscribed.
    Open,
    /// Why not.
    Trouble(SendError),
}

/// What became of a message.
pub(super) enum Handed {
    /// It went to all who want it. So many copies were dropped: of it, or of earlier ones that waited for too long.
    Over { dropped: u64 },
    /// It did not.
    Failed(SendError),
}

/// Why an address cannot be listened on.
pub(super) fn not_bound(address: SocketAddr, error: &io::Error) -> SendError {
    SendError::misconfigured(format!("tcp://{address} cannot be listened on: {error}; see who has it, and `listen`"))
}

impl Socket {
    /// Begins to listen, or to connect, and goes on trying. `lifetime`: how long a message may wait for a subscriber.
    pub(super) fn open(place: Place, high_water_mark: usize, lifetime: Duration) -> Self {
        let shared = Arc::new(Shared {
            place,
            high_water_mark,
            lifetime,
            subscribers: Mutex::default(),
            state: watch::Sender::new(State::Opening),
            heard: Notify::new(),
            missed: AtomicU64::new(0),
            ended: CancellationToken::new(),
        });
        let serving = TaskTracker::new();
        let (of_task, tracker) = (Arc::clone(&shared), serving.clone());
        let task = tokio::spawn(async move {
            match of_task.place.clone() {
                Place::Listen(address) => listen(address, of_task, tracker).await,
                Place::Connect { host, port } => connect(&host, port, of_task, tracker).await,
            }
        });
        Socket { shared, task, serving }
    }

    /// Waits until it listens and subscribers may have come, or the hub has subscribed.
    ///
    /// # Errors
    /// It did not until then.
    pub(super) async fn ready(&self, by: Instant) -> Result<(), SendError> {
        let by = if self.shared.is_hub() { by } else { by.min(Instant::now() + YIELDING) };
        let mut state = self.shared.state.subscribe();
        if matches!(timeout_at(by, state.wait_for(|state| matches!(state, State::Open))).await, Ok(Ok(_))) {
            return Ok(());
        }
        let state = self.shared.state.borrow().clone();
        let place = &self.shared.place;
        Err(match state {
            State::Trouble(trouble) => trouble,
            _ if self.shared.is_hub() => {
                SendError::transient(format!("nobody at {place} has subscribed; see whether the hub runs"))
            }
            _ => SendError::transient(format!(
                "{place} has just been opened, and subscribers are given time to come; raise `timeout_seconds` if it stays so"
            )),
        })
    }

    /// Queues a message for each that wants it; to a hub it is written, by then.
    pub(super) async fn publish(&self, topic: &[u8], body: &[u8], by: Instant) -> Handed {
        let message = Bytes::from(zmtp::encode(&[topic, body]));
        let subscribers: Vec<Arc<Subscriber>> = lock(&self.shared.subscribers).values().cloned().collect();
        if self.shared.is_hub() {
            return self.hand(subscribers.first(), &message, by).await;
        }
        // All of them have it together: while one is waited for, the others can make room, too.
        let until = by.min(Instant::now() + GRACE);
        let mut dropped = self.shared.missed.swap(0, Ordering::Relaxed);
        for subscriber in subscribers.iter().filter(|subscriber| subscriber.wants(topic)) {
            dropped += u64::from(!subscriber.give(&message, until).await);
        }
        Handed::Over { dropped }
    }

    async fn hand(&self, hub: Option<&Arc<Subscriber>>, message: &Bytes, by: Instant) -> Handed {
        let place = &self.shared.place;
        let lost = format!("the connection to {place} was lost; see whether the hub runs");
        let Some(hub) = hub else { return Handed::Failed(SendError::transient(lost)) };
        match hub.hand(message, by).await {
            Ok(()) => Handed::Over { dropped: 0 },
            Err(Unwritten::Gone) => Handed::Failed(SendError::unanswered(lost)),
            Err(Unwritten::Late) => {
                Handed::Failed(SendError::unanswered(format!("{place} takes nothing; see whether it hangs")))
            }
        }
    }

    /// Lets what is queued leave for a moment, and closes. What is left after that is lost: returns how many copies that, and what was
    /// dropped since the last message, are.
    pub(super) async fn close(&self) -> u64 {
        self.task.abort();
        // A queue that nobody fills any more ends when it is empty, and its task with it.
        lock(&self.shared.subscribers).clear();
        self.serving.close();
        if timeout(LINGER, self.serving.wait()).await.is_err() {
            self.shared.ended.cancel();
            self.serving.wait().await;
        }
        let messages = self.shared.missed.swap(0, Ordering::Relaxed);
        if messages > 0 {
            tracing::warn!(messages, "subscribers that did not keep up missed what waited for them until the end");
        }
        messages
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.ended.cancel();
    }
}

impl Shared {
    fn is_hub(&self) -> bool {
        matches!(self.place, Place::Connect { .. })
    }

    /// Serves one until it goes, it is told to, or does what nobody may.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, address: SocketAddr) -> io::Result<()> {
        let mut peer = self.within(PATIENCE, Peer::greet(stream, Role::Publisher, SAID)).await?;
        let (subscriber, mut queued) = Subscriber::new(address, self.high_water_mark);
        let subscriber = Arc::new(subscriber);
        let place = self.enter(&subscriber);
        // Held by the list alone: who is taken out of it is sent what is queued, and no more.
        let wanted = Arc::downgrade(&subscriber);
        drop(subscriber);
        let served = self.talk(&mut peer, &mut queued, &wanted).await;
        lock(&self.subscribers).remove(&place);
        if served.is_err() {
            queued.close();
            while let Ok(waiting) = queued.try_recv() {
                self.misses(&waiting);
            }
        }
        served
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        peer: &mut Peer<S>,
        queued: &mut Receiver<Waiting>,
        wanted: &Weak<Subscriber>,
    ) -> io::Result<()> {
        loop {
            tokio::select! {
                begun = peer.begins() => {
                    begun?;
                    match self.within(PATIENCE, peer.next()).await? {
                        Incoming::Message(said) => self.note(wanted, said.first()),
                        Incoming::TooLarge | Incoming::NoRoom | Incoming::Command => {}
                        Incoming::End => return Ok(()),
                    }
                }
                first = queued.recv() => match first {
                    None => return Ok(()),
                    Some(first) => self.write(peer, first, queued).await?,
                },
                () = self.ended.cancelled() => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }

    /// Writes what waits, a good part of it at once.
    async fn write<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        peer: &mut Peer<S>,
        first: Waiting,
        queued: &mut Receiver<Waiting>,
    ) -> io::Result<()> {
        let (mut bytes, mut taken, mut next) = (BytesMut::new(), vec![], Some(first));
        while let Some(waiting) = next {
            let is_given_up = waiting.written.as_ref().is_some_and(oneshot::Sender::is_closed);
            if is_given_up || waiting.since.elapsed() > self.lifetime {
                self.misses(&waiting);
            } else {
                bytes.extend_from_slice(&waiting.bytes);
                taken.push(waiting);
            }
            next = if bytes.len() < GATHER { queued.try_recv().ok() } else { None };
        }
        let written = self.within(self.lifetime, peer.send(&bytes)).await;
        for waiting in taken {
            match (&written, waiting.written) {
                (Ok(()), Some(written)) => drop(written.send(())),
                (Err(_), None) => drop(self.missed.fetch_add(1, Ordering::Relaxed)),
                _ => {}
            }
        }
        written
    }

    /// Not for longer than that, nor than we live.
    async fn within<T>(&self, most: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        tokio::select! {
            done = timeout(most, work) => done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            () = self.ended.cancelled() => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// It counts, unless whoever handed it over knows.
    fn misses(&self, waiting: &Waiting) {
        self.missed.fetch_add(u64::from(waiting.written.is_none()), Ordering::Relaxed);
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
            self.heard.notify_one();
            // A hub that has subscribed can be sent to; who listens waits for others, too.
            if self.is_hub() {
                self.state.send_replace(State::Open);
            }
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
    shared.state.send_replace(State::Opening);
    let opening = async {
        sleep(RETURN).await;
        // Nobody may be there to come.
        let _ = timeout(RETURN, shared.heard.notified()).await;
        shared.state.send_replace(State::Open);
    };
    tokio::join!(opening, accept(listener, &shared, &serving));
}

async fn accept(listener: TcpListener, shared: &Arc<Shared>, serving: &TaskTracker) {
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
        let shared = Arc::clone(shared);
        serving.spawn(async move {
            tracing::debug!(subscriber = %from, "has come");
            let ended = shared.serve(stream, from).await;
            tracing::debug!(subscriber = %from, error = ended.err().map(tracing::field::display), "is gone");
        });
    }
}

async fn connect(host: &str, port: u16, shared: Arc<Shared>, serving: TaskTracker) {
    loop {
        let opened = timeout(PATIENCE, TcpStream::connect((host, port))).await;
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
            "{} does not serve us: {why}; see whether the hub runs, and `connect`",
            shared.place
        )));
        sleep(AGAIN).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
