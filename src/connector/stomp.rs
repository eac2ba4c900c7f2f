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
    /// What was in flight when the broker refused something, and perhaps it.
    suspects: Vec<MessageId>,
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

    /// Which message it was is mostly not said, so it is found out: next time they go one by one. One that is refused alone, after a
    /// first time, is at fault if the broker takes another: a broker that is in trouble refuses everything.
    fn after(&mut self, refusal: &Refusal, index: Option<usize>, attempt: &mut Attempt<'_>, to: &Address) -> Next {
        let error = refusal.explain(to);
        let caution = self.caution.get_or_insert_default();
        if refusal.fault == Fault::Theirs {
            return Next::GiveUp(error);
        }
        let Some(index) = index else {
            caution.suspects = attempt.in_flight();
            return Next::GiveUp(error);
        };
        let poisonous = match refusal.fault {
            Fault::Messages => true,
            Fault::Unclear => caution.suspects.contains(&attempt.id(index)),
            Fault::Ours | Fault::Theirs => false,
        };
        if poisonous && refusal.fault == Fault::Messages {
            attempt.fail(index, refusal.of_message(to));
        } else if !poisonous || !attempt.doubt(index, refusal.of_message(to)) {
            caution.suspects = attempt.in_flight();
            // Named by the broker, or alone: it was not taken.
            attempt.fail(index, error.clone());
            return Next::GiveUp(error);
        }
        // Others were in flight, and are not sent again in silence.
        if attempt.in_flight().is_empty() { Next::ResumeAt(index + 1) } else { Next::GiveUp(error) }
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
                    // A message that is still in doubt was the last one: it stays under suspicion.
                    if attempt.settle_doubt() {
                        self.caution = None;
                    }
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
