//! One connection with one channel, on which the broker confirms what it takes. Never connects anew.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_compat::CompatExt as _;
use futures_util::FutureExt as _;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties, ExchangeKind, PublisherConfirm};
use secrecy::ExposeSecret as _;
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::AbortOnDropHandle;

use super::config::AmqpConfig;
use super::{outgoing, refusal};
use crate::connector::SendError;
use crate::connector::broker::{Address, Dialer, Stream};
use crate::message::{Envelope, MessageId};

/// How long the broker may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct Session {
    pub(super) address: Address,
    connection: Connection,
    channel: Channel,
    /// The broker has taken something.
    pub(super) is_proven: bool,
    /// Handed over in an earlier attempt, in this order, and not answered: the broker blocks us.
    pub(super) unanswered: VecDeque<Unanswered>,
    /// Without a session nothing more gets from the client to the broker.
    _copying: AbortOnDropHandle<()>,
}

/// What the broker has, or will have as soon as it does not block us any more.
pub(super) struct Unanswered {
    id: MessageId,
    body: Arc<[u8]>,
    pub(super) confirm: PublisherConfirm,
}

impl Unanswered {
    pub(super) fn new(envelope: &Envelope, confirm: PublisherConfirm) -> Self {
        Unanswered { id: envelope.id, body: Arc::clone(&envelope.body.bytes), confirm }
    }
}

impl Session {
    /// # Errors
    /// As [`Dialer::dial`]; or the exchange is not there.
    pub(super) async fn open(dialer: &mut Dialer, config: &AmqpConfig) -> Result<Self, SendError> {
        dialer.dial(&config.addresses, &config.tls, |stream, address| greet(stream, address, config).boxed()).await
    }

    /// Whether it can be used, as far as that is known.
    pub(super) fn is_alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Whether all that it still waits for is what this batch begins with: nothing has been withdrawn, or become private, since.
    pub(super) fn awaits_only(&self, batch: &[Envelope]) -> bool {
        let mut both = self.unanswered.iter().zip(batch);
        both.all(|(handed, wanted)| handed.id == wanted.id && handed.body == wanted.body.bytes)
    }

    /// Whether the broker takes nothing for the time being: it is short of memory or disk.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_alive() && self.connection.status().blocked()
    }

    /// Hands a message over; the answer comes later.
    pub(super) async fn publish(
        &self,
        envelope: &Envelope,
        config: &AmqpConfig,
    ) -> Result<Result<PublisherConfirm, lapin::Error>, SendError> {
        let (key, properties) = (outgoing::routing_key(envelope, config)?, outgoing::properties(envelope, config)?);
        let options = BasicPublishOptions { mandatory: config.mandatory, immediate: false };
        let exchange = config.exchange.as_str().into();
        Ok(self.channel.basic_publish(exchange, key, options, &envelope.body.bytes, properties).await)
    }

    /// Says goodbye, and waits a moment for the answer.
    pub(super) async fn close(self) {
        // Nothing is in flight: without an answer nothing is lost.
        let _ = tokio::time::timeout(FAREWELL, self.connection.close(200, "done".into())).await;
    }
}

async fn greet(stream: Box<dyn Stream>, address: Address, config: &AmqpConfig) -> Result<Session, SendError> {
    let refused = |error: &lapin::Error| refusal::of_us(error, &address, config);
    let (socket, copying) = socket(stream).map_err(|error| {
        SendError::transient(format!("no socket can be made: {error}; see the limits of this process"))
    })?;
    let socket = Mutex::new(Some(socket));
    let connect = async move |_, _| {
        let socket = socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let socket = socket.ok_or_else(|| lapin::Error::from(io::Error::from(io::ErrorKind::NotConnected)))?;
        Ok(AsyncTcpStream::Plain(socket.compat()))
    };
    let runtime = lapin::runtime::default_runtime().map_err(|error| refused(&error))?;
    let properties = ConnectionProperties::default().with_connection_name("bugrelay".into());
    let connection = Connection::connector(uri(&address, config), runtime, connect, properties);
    let connection = connection.await.map_err(|error| refused(&error))?;
    let channel = connection.create_channel().await.map_err(|error| refused(&error))?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(|error| refused(&error))?;
    // The default exchange is always there, and may not be asked for.
    if !config.exchange.is_empty() {
        let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let (exchange, kind) = (config.exchange.as_str().into(), ExchangeKind::Topic);
        let found = channel.exchange_declare(exchange, kind, passive, FieldTable::default()).await;
        found.map_err(|error| refused(&error))?;
    }
    Ok(Session { address, connection, channel, is_proven: false, unanswered: VecDeque::new(), _copying: copying })
}

fn uri(address: &Address, config: &AmqpConfig) -> AMQPUri {
    let (userinfo, mechanism) = match &config.account {
        Some((username, password)) => {
            let password = password.expose_secret().to_owned();
            (AMQPUserInfo { username: username.clone(), password }, SASLMechanism::Plain)
        }
        // The certificate says it.
        None => (AMQPUserInfo { username: String::new(), password: String::new() }, SASLMechanism::External),
    };
    AMQPUri {
        // TLS is below it already.
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority { userinfo, host: address.host.clone(), port: address.port },
        vhost: config.vhost.clone(),
        query: AMQPQueryString {
            heartbeat: Some(config.heartbeat_seconds),
            auth_mechanism: Some(mechanism),
            ..AMQPQueryString::default()
        },
    }
}

/// The AMQP client takes a socket, and has a TLS of its own; ours is the same for all buses. So it gets one end of a pair, and what
/// passes is copied. Whichever side ends, the other one ends too.
fn socket(mut stream: Box<dyn Stream>) -> io::Result<(TcpStream, AbortOnDropHandle<()>)> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let copying = tokio::spawn(async move {
        // How it ended is seen at the other end.
        let _ = tokio::io::copy_bidirectional(&mut ours, &mut stream).await;
    });
    let theirs = TcpStream::from_std(std::net::TcpStream::from(OwnedFd::from(theirs.into_std()?)))?;
    Ok((theirs, AbortOnDropHandle::new(copying)))
}
