//! Where scripts drop messages: bound at the start, opened when this instance leads.

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use axum::Router;

use super::AppError;
use crate::config::RelayConfig;
use crate::queue::Queue;
use crate::relay::{HttpRelay, Inbox, ZeromqRelay};
use crate::shutdown::Shutdown;

/// The endpoints, bound and not open.
pub(super) struct Doors {
    zeromq: Option<ZeromqRelay>,
    inbox: Inbox,
}

impl Doors {
    /// Takes the port, and gives what the admin port serves beside its own.
    pub(super) async fn bind(config: &RelayConfig, inbox: Inbox) -> Result<(Self, Option<Router>), AppError> {
        let zeromq = match &config.zeromq {
            None => None,
            Some(zeromq) => Some(
                ZeromqRelay::bind(zeromq.clone())
                    .await
                    .map_err(|error| AppError::Relay { address: zeromq.address.clone(), error })?,
            ),
        };
        let http = (!config.clients.is_empty())
            .then(|| HttpRelay::new(config.clients.clone(), config.max_message_bytes, inbox.clone()).router());
        Ok((Doors { zeromq, inbox }, http))
    }

    /// While this instance stands by, nobody is to believe that it listens.
    pub(super) async fn turn_away(&self, queue: &dyn Queue) -> Infallible {
        queue.stood_by().await;
        match &self.zeromq {
            Some(zeromq) => zeromq.turn_away(&self.inbox.metrics).await,
            None => std::future::pending().await,
        }
    }

    /// From now on the store knows who wants what comes.
    pub(super) fn open(self, shutdown: &Shutdown) {
        self.inbox.is_open.store(true, Ordering::Release);
        tracing::info!(zeromq = self.zeromq.is_some(), "the relay is open");
        if let Some(zeromq) = self.zeromq {
            zeromq.spawn(self.inbox, shutdown);
        }
    }
}
