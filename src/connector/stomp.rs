//! The STOMP connector: RabbitMQ, ActiveMQ and what else speaks STOMP 1.0 to 1.2.
//!
//! A batch goes over one connection, each message with a receipt ([`attempt`]). Between batches the connection is kept
//! alive ([`connection`]); a new one is dialled when a batch finds none ([`dial`]). What is in here decides how to go on after a
//! refusal. It knows no schedule and no backlog.

mod attempt;
#[doc(hidden)]
pub mod codec;
mod config;
mod connection;
mod dial;
mod frame;
mod outgoing;
mod refusal;
mod tls;

use async_trait::async_trait;

pub use self::config::{Address, StompConfig, TlsConfig};

use self::attempt::{Attempt, Stopped};
use self::connection::{Connection, Keeper};
use self::dial::Dialer;
use self::refusal::{Fault, Refusal};
use super::{Connector, Outcomes, SendError};
use crate::message::{Envelope, MessageId};

/// Messages in flight at once.
const WINDOW: usize = 200;

impl StompConfig {
    /// Connects, logs in, says who answered, disconnects.
    pub(super) async fn check(&self) -> Result<String, SendError> {
        let connection = Dialer::default().dial(self).await?;
        let (address, server) = (&connection.address, &connection.server);
        let found = format!("{address} lets us in: {server}, STOMP {}", connection.codec.version.as_str());
        connection.close().await;
        Ok(found)
    }
}

/// See the module.
pub struct StompConnector {
    config: StompConfig,
    dialer: Dialer,
    idle: Option<Keeper>,
    caution: Option<Caution>,
}

/// The broker refused something among many. Until a batch has passed, messages go one by one, so that it is seen what.
#[derive(Default)]
struct Caution {
    /// The message that seems to be at fault. Refused again, alone, it is.
    suspect: Option<MessageId>,
}

/// What follows from a refusal.
enum Next {
    /// On a new connection, from this message on.
    ResumeAt(usize),
    /// Nothing more in this attempt.
    GiveUp(SendError),
}

impl StompConnector {
    /// Connects to nothing yet.
    pub fn new(config: StompConfig) -> Self {
        StompConnector { config, dialer: Dialer::default(), idle: None, caution: None }
    }

    async fn connection(&mut self) -> Result<Connection, SendError> {
        if let Some(keeper) = self.idle.take()
            && let Some(connection) = keeper.release().await
        {
            return Ok(connection);
        }
        let connection = self.dialer.dial(&self.config).await?;
        tracing::info!(broker = %connection.address, server = connection.server, "connected");
        Ok(connection)
    }

    /// A message is at fault only if it was refused twice, and alone the second time: words are not to be trusted that far.
    fn after(&mut self, refusal: &Refusal, index: Option<usize>, attempt: &mut Attempt<'_>, to: &Address) -> Next {
        let error = refusal.explain(to);
        let caution = self.caution.get_or_insert_default();
        let Some(index) = index.filter(|_| refusal.fault != Fault::Theirs) else { return Next::GiveUp(error) };
        if refusal.fault == Fault::Ours {
            attempt.fail(index, error.clone());
            return Next::GiveUp(error);
        }
        let (id, alone) = (attempt.id(index), attempt.is_alone(index));
        let refused_before = caution.suspect.replace(id) == Some(id);
        if alone && refused_before {
            attempt.fail(index, refusal.of_message(to));
            caution.suspect = None;
            return Next::ResumeAt(index + 1);
        }
        // Only what the broker named was certainly not taken; nothing that it may have is sent again in silence.
        match refusal.receipt {
            Some(_) if alone => return Next::ResumeAt(index),
            Some(_) => attempt.fail(index, error.clone()),
            None => {}
        }
        Next::GiveUp(error)
    }
}

#[async_trait]
impl Connector for StompConnector {
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes) {
        let mut attempt = Attempt::new(batch, outcomes);
        loop {
            let mut connection = match self.connection().await {
                Ok(connection) => connection,
                Err(error) => return attempt.give_up(&error),
            };
            let window = if self.caution.is_some() { 1 } else { WINDOW };
            match attempt.run(&mut connection, &self.config, window).await {
                Ok(()) => {
                    self.caution = None;
                    self.idle = Some(Keeper::keep(connection));
                    return;
                }
                Err(Stopped::Lost(error)) => return attempt.give_up(&error),
                Err(Stopped::Refused(refusal, index)) => {
                    match self.after(&refusal, index, &mut attempt, &connection.address) {
                        Next::ResumeAt(index) => attempt.resume_at(index),
                        Next::GiveUp(error) => return attempt.give_up(&error),
                    }
                }
            }
        }
    }

    async fn close(&mut self) {
        if let Some(keeper) = self.idle.take()
            && let Some(connection) = keeper.release().await
        {
            connection.close().await;
        }
    }
}
