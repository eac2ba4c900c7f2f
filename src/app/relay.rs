//! Where scripts drop messages: bound at the start, opened when this instance leads.

use std::sync::atomic::Ordering;

use axum::Router;

use super::AppError;
use crate::config::RelayConfig;
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

    /// From now on the store knows who wants what comes.
    pub(super) fn open(self, shutdown: &Shutdown) {
        self.inbox.is_open.store(true, Ordering::Release);
        tracing::info!(zeromq = self.zeromq.is_some(), "the relay is open");
        if let Some(zeromq) = self.zeromq {
            zeromq.spawn(self.inbox, shutdown);
        }
    }
}
