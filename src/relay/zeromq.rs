//! The endpoint that fedmsg's publishers connect to (`relay_inbound`): a bound SUB that listens to everybody.
//!
//! A task for each publisher reads and hands over; none of them waits for the disk or for a bus, and each is subscribed to as soon as it
//! has connected: a publisher throws away what it sends before that. ZeroMQ has no acknowledgement: what a killed process had received and
//! not stored is lost.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::spool::{Entrance, Spool, spool};
use super::tally::{Refusal, Tally};
use super::{Inbox, Topics};
use crate::message::Endpoint;
use crate::shutdown::Shutdown;
use crate::zmtp::{Incoming, Peer, Role};

/// How long a greeting may take, and a message from its first byte to its last.
const HANDSHAKE: Duration = Duration::from_secs(10);
const MESSAGE: Duration = Duration::from_secs(60);

/// How long is read on, after a stop was requested, from a publisher that goes on sending.
const DRAIN: Duration = Duration::from_secs(2);

/// After the system would give no connection.
const AGAIN: Duration = Duration::from_millis(100);

/// When a publisher that is silent is asked whether it is there, and how often: as fedmsg-relay does, in seconds.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;

/// `[relay] zeromq`, with its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZeromqConfig {
    /// `tcp://HOST:PORT`, without the scheme; `*` for the host means every address.
    pub address: String,
    /// Which topics are taken.
    pub topics: Topics,
    /// Bytes of a message, topic and body.
    pub max_message_bytes: usize,
    /// Publishers at a time.
    pub max_connections: usize,
}

/// The endpoint, bound and not served yet.
pub struct ZeromqRelay {
    config: ZeromqConfig,
    listener: TcpListener,
}

/// What the tasks share.
struct Shared {
    entrance: Entrance,
    tally: Arc<Tally>,
    max_message_bytes: usize,
    shutdown: Shutdown,
}

impl ZeromqRelay {
    /// Takes the port.
    ///
    /// # Errors
    /// What the system says: the port is taken, the name is unknown.
    pub async fn bind(config: ZeromqConfig) -> io::Result<Self> {
        let address = config.address.replacen('*', "0.0.0.0", usize::from(config.address.starts_with("*:")));
        let listener = TcpListener::bind(address).await?;
        Ok(ZeromqRelay { config, listener })
    }

    /// Starts to serve it; after shutdown was requested, what was received is stored.
    pub fn spawn(self, inbox: Inbox, shutdown: &Shutdown) {
        let (entrance, spool): (Entrance, Spool) = spool();
        let tally = Arc::new(Tally::new(Endpoint::Zeromq, inbox.metrics.clone()));
        let ZeromqRelay { config: ZeromqConfig { topics, max_message_bytes, max_connections, .. }, listener } = self;
        let shared =
            Arc::new(Shared { entrance, tally: Arc::clone(&tally), max_message_bytes, shutdown: shutdown.clone() });
        let seats = Arc::new(Semaphore::new(max_connections));
        let connections = inbox.metrics.connections.clone();
        shutdown.spawn(async move {
            let mut readers = JoinSet::new();
            loop {
                tokio::select! {
                    () = shared.shutdown.requested() => break,
                    Some(_) = readers.join_next(), if !readers.is_empty() => {}
                    accepted = listener.accept() => match accepted {
                        Ok((stream, from)) => {
                            let Some(seat) = seat(&seats, &shared.tally, from) else { continue };
                            readers.spawn(read(Arc::clone(&shared), stream, from, seat));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "the relay cannot take a connection");
                            tokio::time::sleep(AGAIN).await;
                        }
                    },
                }
                connections.set(i64::try_from(readers.len()).unwrap_or(i64::MAX));
            }
            // What they have in hand is handed over; with them and `shared` the spool's entrance is gone.
            while readers.join_next().await.is_some() {}
            connections.set(0);
        });
        shutdown.spawn(spool.run(topics, inbox, tally, shutdown.clone()));
    }
}

/// One that is too many is closed at once: libzmq tries again by itself.
fn seat(seats: &Arc<Semaphore>, tally: &Tally, from: SocketAddr) -> Option<OwnedSemaphorePermit> {
    let seat = Arc::clone(seats).try_acquire_owned().ok();
    if seat.is_none() {
        tally.refused(&from, &Refusal::Connections);
    }
    seat
}

/// Everything that one publisher sends.
async fn read(shared: Arc<Shared>, stream: TcpStream, from: SocketAddr, _seat: OwnedSemaphorePermit) {
    let refused = |refusal| shared.tally.refused(&from, &refusal);
    if let Err(error) = keep_alive(&stream) {
        tracing::debug!(%from, %error, "a publisher's connection cannot be watched");
    }
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(HANDSHAKE, Peer::greet(stream, Role::Subscriber, shared.max_message_bytes)) => greeted,
        () = shared.shutdown.requested() => return,
    };
    let mut peer = match greeted {
        Ok(Ok(peer)) => peer,
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
            return refused(Refusal::Protocol(error.to_string()));
        }
        // Gone before it said anything: a look at the port.
        Ok(Err(_)) => return,
        Err(_) => return refused(Refusal::Slow),
    };
    let mut stops: Option<Instant> = None;
    loop {
        tokio::select! {
            // What has arrived goes first: it is stored before the end.
            biased;
            begun = peer.begins() => if begun.is_err() { return },
            () = shared.shutdown.requested() => return,
        }
        let next = tokio::select! {
            next = tokio::time::timeout(MESSAGE, peer.next()) => next,
            // One that goes on and on, or never comes to the end of a message, is not waited for.
            () = drained(&shared.shutdown) => return,
        };
        match next {
            Ok(Ok(Incoming::Message(frames))) => {
                if let Err(refusal) = shared.entrance.put(frames, from).await {
                    refused(refusal);
                }
            }
            Ok(Ok(Incoming::Command)) => {}
            Ok(Ok(Incoming::TooLarge)) => refused(Refusal::TooLarge(shared.max_message_bytes)),
            Ok(Ok(Incoming::End)) => return,
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                return refused(Refusal::Protocol(error.to_string()));
            }
            Ok(Err(_)) => return,
            Err(_) => return refused(Refusal::Slow),
        }
        if shared.shutdown.is_requested()
            && stops.get_or_insert_with(|| Instant::now() + DRAIN).elapsed() > Duration::ZERO
        {
            return;
        }
    }
}

/// Returns when a stop was requested, and a while ago.
async fn drained(shutdown: &Shutdown) {
    shutdown.requested().await;
    tokio::time::sleep(DRAIN).await;
}

/// So that one whose machine is gone does not keep its seat.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    stream.set_nodelay(true)
}
