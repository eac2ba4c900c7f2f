//! The endpoint that fedmsg's publishers connect to (`relay_inbound`): a bound SUB that listens to everybody.
//!
//! A publisher throws away what it sends before it has been subscribed to, and may live for half a second. So one thread, which touches
//! no disk and no bus and does nothing else, takes connections, greets, subscribes and reads; what was read waits in the [`spool`]. ZeroMQ
//! has no acknowledgement: what a killed process had received and not stored is lost.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prometheus::IntGauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::greetings::{Greeted, Greetings};
use super::limit::Rate;
use super::spool::{Entrance, PATIENCE, Spool, spool};
use super::tally::{Refusal, Tally};
use super::{Inbox, Topics};
use crate::message::Endpoint;
use crate::metrics::RelayMetrics;
use crate::shutdown::Shutdown;
use crate::zmtp::Incoming;

/// How long a message may take from its first byte to its last.
const MESSAGE: Duration = Duration::from_secs(60);

/// What is held of messages that are being read, bytes, beside 32 KiB for each publisher.
const READING: usize = 32 << 20;

/// So many seconds' worth of messages may come at once.
const BURST_SECONDS: u32 = 10;

/// How long is read on, after a stop was requested, from a publisher that goes on sending.
const DRAIN: Duration = Duration::from_secs(2);

/// After the system would give no connection.
const AGAIN: Duration = Duration::from_millis(100);

/// Who may wait with the system to be taken, as far as that allows it.
const BACKLOG: i32 = 4_096;

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
    /// Messages of all publishers together, in a second; ten seconds' worth may come at once. Who sends more is kept waiting.
    pub messages_per_second: u32,
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
    rate: Rate,
    /// Bytes of messages that are not whole yet.
    reading: Arc<Semaphore>,
    max_message_bytes: usize,
    shutdown: Shutdown,
}

/// What the thread needs beside the port.
struct Door {
    shared: Arc<Shared>,
    max_connections: usize,
    connections: IntGauge,
}

impl ZeromqRelay {
    /// Takes the port.
    ///
    /// # Errors
    /// What the system says: the port is taken, the name is unknown.
    pub async fn bind(config: ZeromqConfig) -> io::Result<Self> {
        let address = config.address.replacen('*', "0.0.0.0", usize::from(config.address.starts_with("*:")));
        let listener = TcpListener::bind(address).await?;
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(ZeromqRelay { config, listener })
    }

    /// Closes every connection at once, counted: who publishes to an instance that stands by is not to believe that somebody listens, and
    /// libzmq tries again by itself.
    pub async fn turn_away(&self, metrics: &RelayMetrics) -> Infallible {
        let tally = Tally::new(Endpoint::Zeromq, metrics.clone());
        loop {
            match self.listener.accept().await {
                Ok((_, from)) => tally.refused(&from, &Refusal::StandsBy),
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// Starts to serve it; after shutdown was requested, what was received is stored.
    pub fn spawn(self, inbox: Inbox, shutdown: &Shutdown) {
        let (entrance, spool): (Entrance, Spool) = spool();
        let tally = Arc::new(Tally::new(Endpoint::Zeromq, inbox.metrics.clone()));
        let ZeromqConfig { topics, max_message_bytes, max_connections, messages_per_second, .. } = self.config;
        let shared = Arc::new(Shared {
            entrance,
            tally: Arc::clone(&tally),
            rate: Rate::new(messages_per_second, messages_per_second.saturating_mul(BURST_SECONDS)),
            reading: Arc::new(Semaphore::new(READING.max(max_message_bytes))),
            max_message_bytes,
            shutdown: shutdown.clone(),
        });
        let door = Door { shared, max_connections, connections: inbox.metrics.connections.clone() };
        let listener = self.listener;
        shutdown.spawn(async move {
            if let Err(error) = door.serve(listener).await {
                tracing::error!(%error, "the relay cannot serve its ZeroMQ port");
            }
        });
        shutdown.spawn(spool.run(topics, max_message_bytes, inbox, tally, shutdown.clone()));
    }
}

impl Door {
    /// Returns when its thread has ended.
    async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let listener = listener.into_std()?;
        let (told, ended) = oneshot::channel();
        std::thread::Builder::new().name("relay".to_owned()).spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            // Who waits for it is there as long as the process is.
            let _ = told.send(runtime.and_then(|runtime| runtime.block_on(self.attend(listener))));
        })?;
        ended.await.unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
    }

    /// Takes connections until a stop is requested, and ends when all that was read is handed over.
    async fn attend(self, listener: std::net::TcpListener) -> io::Result<()> {
        let Door { shared, max_connections, connections } = self;
        let listener = TcpListener::from_std(listener)?;
        let mut greetings = Greetings::new(Arc::clone(&shared.tally), shared.max_message_bytes);
        let mut readers = JoinSet::new();
        loop {
            let free_at = greetings.free_at();
            tokio::select! {
                () = shared.shutdown.requested() => break,
                Some(_) = readers.join_next(), if !readers.is_empty() => {}
                greeted = greetings.next() => if let Some((peer, from)) = greeted {
                    // One that is too many is closed at once: libzmq tries again by itself.
                    if readers.len() < max_connections {
                        readers.spawn(read(Arc::clone(&shared), (peer, from)));
                    } else {
                        shared.tally.refused(&from, &Refusal::Connections);
                    }
                },
                accepted = accept(&listener, free_at) => match accepted {
                    Ok((stream, from)) => {
                        greetings.begin(stream, from);
                        // Others are to get on before the next of a crowd is let in.
                        tokio::task::yield_now().await;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the relay cannot take a connection");
                        tokio::time::sleep(AGAIN).await;
                    }
                },
            }
            connections.set(i64::try_from(readers.len()).unwrap_or(i64::MAX));
        }
        drop(listener);
        // What they have in hand is handed over; with them and `shared` the spool's entrance is gone.
        while readers.join_next().await.is_some() {}
        connections.set(0);
        Ok(())
    }
}

/// Who comes meanwhile waits with the system.
async fn accept(listener: &TcpListener, free_at: Option<Instant>) -> io::Result<(TcpStream, SocketAddr)> {
    if let Some(at) = free_at {
        tokio::time::sleep_until(at).await;
    }
    listener.accept().await
}

/// Everything that one publisher sends.
async fn read(shared: Arc<Shared>, (peer, from): Greeted) {
    let mut peer = peer.within(Arc::clone(&shared.reading));
    if peer.subscribe().await.is_err() {
        return;
    }
    if let Err(error) = keep_alive(peer.connection()) {
        tracing::debug!(%from, %error, "a publisher's connection cannot be watched");
    }
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
        let refusal = match next {
            Ok(Ok(Incoming::Message(frames))) => shared.take(frames, from).await.err(),
            Ok(Ok(Incoming::Command)) => None,
            Ok(Ok(Incoming::TooLarge)) => Some(Refusal::TooLarge(shared.max_message_bytes)),
            Ok(Ok(Incoming::NoRoom)) => Some(Refusal::Full),
            Ok(Ok(Incoming::End)) => return,
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                return shared.tally.refused(&from, &Refusal::Protocol(error.to_string()));
            }
            Ok(Err(_)) => return,
            Err(_) => return shared.tally.refused(&from, &Refusal::Slow),
        };
        if let Some(refusal) = refusal {
            shared.tally.refused(&from, &refusal);
        }
        if shared.shutdown.is_requested()
            && stops.get_or_insert_with(|| Instant::now() + DRAIN).elapsed() > Duration::ZERO
        {
            return;
        }
    }
}

impl Shared {
    /// While it waits nothing more is read from that publisher: TCP holds it back, and it alone.
    async fn take(&self, frames: Vec<Bytes>, from: SocketAddr) -> Result<(), Refusal> {
        let has_its_turn = tokio::time::timeout(PATIENCE, self.rate.one()).await.is_ok();
        // Where the whole machine stood still, there is enough for everybody by now.
        if !has_its_turn && !self.rate.takes_one() {
            return Err(Refusal::TooMany);
        }
        self.entrance.put(frames, from).await
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
    Ok(sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?)
}
