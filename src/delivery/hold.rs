//! Waiting for the store or the gate: what keeps a worker from sending though its connector may be well.

use std::time::Duration;

use super::GateError;
use crate::backoff::Reconnect;
use crate::queue::QueueError;

/// What is in the way. None of it is the connector's fault, so its standing stays as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Obstacle {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Gate(#[from] GateError),
}

/// Counts the time out, and says each trouble once.
#[derive(Debug, Default)]
pub(super) struct Hold {
    reconnect: Reconnect,
    said: Option<String>,
}

impl Hold {
    /// How long to wait now. Logs the obstacle when it is new or another one than before.
    pub(super) fn delay(&mut self, connector: &str, obstacle: &Obstacle) -> Duration {
        let text = obstacle.to_string();
        if self.said.as_ref() != Some(&text) {
            tracing::warn!(connector, error = text, "delivery waits; nothing is lost");
            self.said = Some(text);
        }
        self.reconnect.next_delay()
    }

    /// The way is free.
    pub(super) fn over(&mut self, connector: &str) {
        if self.said.take().is_some() {
            tracing::info!(connector, "delivery goes on");
            self.reconnect.reset();
        }
    }
}
