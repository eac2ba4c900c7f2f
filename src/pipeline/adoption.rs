//! Adopting a server: somebody says that one that was refused is the right one.

use crate::capture::identity::Server;
use crate::queue::{Checkpoint, Queue, QueueError};

/// Keeps it in the store: whoever reads the source next begins with that server anew, behind what its history tells. What waits stays.
pub async fn adopt(queue: &dyn Queue, server: &Server) -> Result<(), QueueError> {
    // Without a position there was no server before.
    let Some(stored) = queue.checkpoint().await? else { return Ok(()) };
    let checkpoint = Checkpoint { server: Some(server.adopted().to_text().into()), ..stored };
    queue.put(vec![], checkpoint).await.map(drop)
}
