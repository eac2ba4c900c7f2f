//! The task that has the store forget what need not be kept.

use std::sync::Arc;
use std::time::Duration;

use crate::queue::Queue;
use crate::shutdown::{Cause, Shutdown};

/// How often.
const INTERVAL: Duration = Duration::from_secs(60);

/// Runs until shutdown is requested.
pub async fn purge(queue: Arc<dyn Queue>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        // After a large backlog it takes seconds; a stop need not wait for it.
        let purged = tokio::select! {
            () = shutdown.requested() => return,
            purged = queue.purge() => purged,
        };
        match purged {
            Ok(()) => {}
            Err(error) if error.is_final() => {
                tracing::error!(%error, "the store is gone; bugrelay stops");
                shutdown.give_up(Cause::Store);
            }
            Err(error) => tracing::warn!(%error, "the store could not be tidied; it is tried again"),
        }
    }
}
