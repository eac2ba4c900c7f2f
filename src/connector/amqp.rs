//! The AMQP 0-9-1 connector: RabbitMQ, and with `format = "fedora-messaging"` the consumers of Fedora Messaging.
//!
//! Each message is persistent, and confirmed by the broker before it counts as sent; many are under way at once ([`attempt`]). A
//! session is one connection with one channel ([`session`]), kept between batches; after a failure the next batch finds a new one, but
//! for a broker that blocks publishers: what it was handed waits in the connection, and is not sent again while that lives and nothing
//! of it has changed.

mod attempt;
mod config;
mod outgoing;
mod refusal;
mod session;

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

pub use self::config::{AmqpConfig, Format};

use self::attempt::Attempt;
use self::session::Session;
use super::broker::Dialer;
use super::{Connector, Outcomes, SendError};
use crate::message::Envelope;

/// What is kept of the deadline, so that it is known of each message whether it was handed over.
const RESERVE: Duration = Duration::from_millis(250);

impl AmqpConfig {
    /// Connects, logs in, looks for the exchange, disconnects.
    pub(super) async fn check(&self) -> Result<String, SendError> {
        let session = Session::open(&mut Dialer::default(), self).await?;
        let found = format!("{} lets us in, and has {}", session.address, self.exchange_for_people());
        session.close().await;
        Ok(format!("{found}; whether we may write shows when something is sent"))
    }
}

/// See the module. It connects at the first `send`.
pub struct AmqpConnector {
    config: AmqpConfig,
    /// Deadline of one attempt, as delivery has it.
    timeout: Duration,
    dialer: Dialer,
    session: Option<Session>,
}

impl AmqpConnector {
    /// Touches nothing yet. `timeout`: the deadline of each `send`.
    pub fn new(config: AmqpConfig, timeout: Duration) -> Self {
        AmqpConnector { config, timeout, dialer: Dialer::default(), session: None }
    }

    async fn session(&mut self, batch: &[Envelope]) -> Result<Session, SendError> {
        if let Some(session) = self.session.take().filter(Session::is_alive) {
            if session.awaits_only(batch) {
                return Ok(session);
            }
            tracing::info!(broker = %session.address, "disconnected: what waits for it has changed since it was handed over");
        }
        let session = Session::open(&mut self.dialer, &self.config).await?;
        tracing::info!(broker = %session.address, "connected");
        Ok(session)
    }
}

#[async_trait]
impl Connector for AmqpConnector {
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes) {
        let by = Instant::now() + self.timeout.saturating_sub(RESERVE);
        let mut attempt = Attempt::new(batch, outcomes);
        let mut session = match self.session(batch).await {
            Ok(session) => session,
            Err(error) => return attempt.give_up(&error),
        };
        let run = tokio::time::timeout_at(by, attempt.run(&mut session, &self.config)).await;
        match run {
            Ok(Ok(())) => self.session = Some(session),
            Ok(Err(error)) => attempt.give_up(&error),
            Err(_) if session.is_blocked() => {
                attempt.leave(&mut session);
                self.session = Some(session);
            }
            Err(_) => attempt.give_up(&SendError::transient(format!(
                "{} did not confirm everything before the deadline; see whether it is overloaded or hangs, or raise `timeout_seconds`",
                session.address
            ))),
        }
    }

    fn fits(&self, envelope: &Envelope) -> bool {
        envelope.body.bytes.len() <= self.config.max_message_bytes
    }

    async fn close(&mut self) -> u64 {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
        0
    }
}
