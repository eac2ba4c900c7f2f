//! The STOMP connector: RabbitMQ, ActiveMQ and what else speaks STOMP 1.0 to 1.2.
//!
//! A batch goes over one connection, each message with a receipt ([`attempt`]). Between batches the connection is kept
//! alive ([`connection`]); a new one is dialled when a batch finds none ([`dial`](mod@dial)). What is in here decides how to go on after a
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

use std::collections::HashSet;

use async_trait::async_trait;

pub use self::config::StompConfig;

use self::attempt::{Attempt, Culprit, Stopped};
use self::connection::{Connection, Keeper};
use self::refusal::{Fault, Refusal};
use super::broker::{Address, Dialer};
use super::{Connector, Outcomes, SendError};
use crate::message::{Envelope, MessageId};

impl StompConfig {
    /// Connects, logs in, says who answered, disconnects.
    pub(super) async fn check(&self) -> Result<String, SendError> {
        let connection = dial::dial(&mut Dialer::default(), self).await?;
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
    /// What was in flight when the broker refused something and did not say what: it goes alone next time, so that it is seen.
    suspects: HashSet<MessageId>,
}

impl StompConnector {
    /// Connects to nothing yet.
    pub fn new(config: StompConfig) -> Self {
        StompConnector { config, dialer: Dialer::default(), idle: None, suspects: HashSet::new() }
    }

    async fn connection(&mut self) -> Result<Connection, SendError> {
        if let Some(keeper) = self.idle.take()
            && let Some(connection) = keeper.release().await
        {
            return Ok(connection);
        }
        let connection = dial::dial(&mut self.dialer, &self.config).await?;
        tracing::info!(broker = %connection.address, server = connection.server, "connected");
        Ok(connection)
    }

    /// What follows from a refusal: going on, on a new connection, or why nothing more is sent in this attempt.
    ///
    /// Which message it was is mostly not said, so it is found out: what was in flight falls under suspicion. One that is refused
    /// alone, after a first time, is at fault if the broker takes another: a broker that is in trouble refuses everything.
    fn after(
        &mut self,
        refusal: &Refusal,
        culprit: Option<Culprit>,
        attempt: &mut Attempt<'_>,
        to: &Address,
    ) -> Result<(), SendError> {
        let error = refusal.explain(to);
        match (refusal.fault, culprit) {
            // No message is at fault. Going one by one would only be slower.
            (Fault::Theirs, _) | (Fault::Ours, None) => return Err(error),
            (Fault::Ours, Some(culprit)) => {
                attempt.fail(culprit.index, error.clone());
                return Err(error);
            }
            (Fault::Messages, Some(culprit)) => attempt.fail(culprit.index, refusal.of_message(to)),
            (Fault::Unclear, Some(culprit))
                if self.suspects.contains(&attempt.id(culprit.index))
                    && attempt.doubt(culprit, error.clone(), refusal.of_message(to)) => {}
            (Fault::Messages | Fault::Unclear, culprit) => {
                self.suspects.extend(attempt.in_flight());
                if let Some(Culprit { index, is_named: true }) = culprit {
                    attempt.fail(index, error.clone());
                }
                return Err(error);
            }
        }
        // Others were in flight, and are not sent again in silence.
        if attempt.in_flight().next().is_none() { Ok(()) } else { Err(error) }
    }
}

#[async_trait]
impl Connector for StompConnector {
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes) {
        // Who is not here any more has passed, or never comes again.
        let here: HashSet<MessageId> = batch.iter().map(|envelope| envelope.id).collect();
        self.suspects.retain(|id| here.contains(id));
        let mut attempt = Attempt::new(batch, outcomes);
        loop {
            let mut connection = match self.connection().await {
                Ok(connection) => connection,
                Err(error) => return attempt.give_up(&error),
            };
            match attempt.run(&mut connection, &self.config, &self.suspects).await {
                Ok(()) => {
                    // A message still in doubt has failed for now: the attempt writes that down as it ends.
                    self.idle = Some(Keeper::keep(connection));
                    return;
                }
                Err(Stopped::Lost(error)) => return attempt.give_up(&error),
                Err(Stopped::Refused(refusal, culprit)) => {
                    if let Err(error) = self.after(&refusal, culprit, &mut attempt, &connection.address) {
                        return attempt.give_up(&error);
                    }
                }
            }
        }
    }

    fn fits(&self, envelope: &Envelope) -> bool {
        outgoing::size(&outgoing::send(envelope, &self.config)) <= self.config.max_message_bytes
    }

    async fn close(&mut self) -> u64 {
        if let Some(keeper) = self.idle.take()
            && let Some(connection) = keeper.release().await
        {
            connection.close().await;
        }
        0
    }
}
