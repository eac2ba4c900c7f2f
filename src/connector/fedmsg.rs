//! The fedmsg connector: a ZeroMQ PUB socket, bound or connecting, with fedmsg's two frames and its envelope.
//!
//! ZeroMQ has no acknowledgement: `sent` means queued for whoever has subscribed to a bound socket, which drops for those who do not keep
//! up, counted ([`socket`]); or written to the hub that a connecting one waits for. Messages that came by ZeroMQ leave byte for byte as they
//! came; all others get an envelope ([`wrap`]), signed where that is wanted.

mod config;
mod json;
mod sign;
mod socket;
mod subscriber;
mod wrap;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

pub use self::config::{FedmsgConfig, Place};

use self::sign::Signer;
use self::socket::{Handed, Socket};
use self::wrap::Wrapper;
use super::{Connector, Outcomes, SendError};
use crate::message::Envelope;

/// What is kept of the deadline, so that it is known of each message whether it was handed over.
const RESERVE: Duration = Duration::from_millis(250);
/// How long `check` waits for the hub.
const LOOK: Duration = Duration::from_secs(5);

impl FedmsgConfig {
    /// Whether the address can be had, or the hub be reached, and the key used. Sends nothing.
    pub(super) async fn check(&self) -> Result<String, SendError> {
        if let Some(files) = self.sign.clone() {
            read(files).await?;
        }
        match &self.place {
            Place::Listen(address) => match TcpListener::bind(address).await {
                Ok(_) => Ok(format!("tcp://{address} can be listened on")),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    Ok(format!("tcp://{address} is listened on already, by a running bugrelay or by somebody else"))
                }
                Err(error) => Err(socket::not_bound(*address, &error)),
            },
            Place::Connect { host, port } => {
                let connected = timeout(LOOK, TcpStream::connect((host.as_str(), *port))).await;
                let found = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
                found.map_err(|error| {
                    SendError::transient(format!("cannot connect to {}: {error}; see `connect`", self.place))
                })?;
                Ok(format!("{} can be reached", self.place))
            }
        }
    }
}

/// See the module. A bound one listens from the beginning, so that subscribers are there before the first message.
pub struct FedmsgConnector {
    config: FedmsgConfig,
    /// Deadline of one attempt, as delivery has it.
    timeout: Duration,
    socket: Socket,
    /// Made when something is first sent.
    wrapper: Option<Arc<Wrapper>>,
}

impl FedmsgConnector {
    /// Opens the socket, in a task of its own. `timeout`: the deadline of each `send`.
    pub fn new(config: FedmsgConfig, timeout: Duration) -> Self {
        let socket = Socket::open(config.place.clone(), config.high_water_mark, timeout);
        FedmsgConnector { config, timeout, socket, wrapper: None }
    }

    async fn wrapper(&mut self) -> Result<Arc<Wrapper>, SendError> {
        if let Some(wrapper) = &self.wrapper {
            return Ok(Arc::clone(wrapper));
        }
        let signer = match self.config.sign.clone() {
            Some(files) => Some(read(files).await?),
            None => None,
        };
        let wrapper = Arc::new(Wrapper::new(self.config.topic_start(), signer));
        Ok(Arc::clone(self.wrapper.insert(wrapper)))
    }

    /// The frames of each, or why it has none. A signature takes about a millisecond: that is done where it holds up nobody.
    async fn encode(&mut self, batch: &[Envelope]) -> Result<Vec<Result<Frames, SendError>>, SendError> {
        let wrapper = self.wrapper().await?;
        let batch = batch.to_vec();
        let encoded = tokio::task::spawn_blocking(move || batch.iter().map(|one| wrapper.frames(one)).collect());
        encoded.await.map_err(|_| SendError::transient("the messages were not wrapped to their end"))
    }
}

/// Topic and body of a message.
pub(crate) struct Frames {
    topic: Bytes,
    body: Bytes,
}

#[async_trait]
impl Connector for FedmsgConnector {
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes) {
        let by = Instant::now() + self.timeout.saturating_sub(RESERVE);
        let prepared = match self.socket.ready(by).await {
            Ok(()) => self.encode(batch).await,
            Err(error) => Err(error),
        };
        let encoded = match prepared {
            Ok(encoded) => encoded,
            Err(error) => return outcomes.failed_from(0, &error),
        };
        for (index, frames) in encoded.into_iter().enumerate() {
            match frames {
                Err(poison) => outcomes.failed(index, poison),
                Ok(Frames { topic, body }) => match self.socket.publish(&topic, &body, by).await {
                    Handed::Over { dropped } => {
                        outcomes.sent(index);
                        outcomes.dropped(dropped);
                    }
                    Handed::Failed(error) => {
                        outcomes.failed(index, error.clone());
                        return outcomes.failed_from(index, &SendError { perhaps_delivered: false, ..error });
                    }
                },
            }
        }
    }

    async fn close(&mut self) -> u64 {
        self.socket.close().await
    }
}

async fn read(files: config::SignConfig) -> Result<Signer, SendError> {
    let read = tokio::task::spawn_blocking(move || Signer::read(&files)).await;
    read.unwrap_or_else(|_| Err("the files of `sign` were not read to their end".to_owned()))
        .map_err(SendError::misconfigured)
}
