//! The batch behind the one in flight: read while that one is on its way, so that the bus need not wait for the store. Judges
//! nothing, and hands nothing over; what it read is of use only if all of the batch before it was sent. So two batches of each
//! connector are in memory at the most.

use std::future::ready;
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, MaybeDone, maybe_done, select};

use crate::queue::{Batch, Queue};

/// A read that may still be under way. Dropped, it leaves nothing behind.
pub(super) struct Ahead(MaybeDone<BoxFuture<'static, Option<Batch>>>);

impl Ahead {
    /// Reads nothing.
    pub(super) fn nothing() -> Self {
        Ahead(maybe_done(ready(None).boxed()))
    }

    /// Will read what waits for the connector behind the sequence `after`.
    pub(super) fn behind(after: i64, queue: Arc<dyn Queue>, connector: String, limit: usize) -> Self {
        // What is in its way, an entry that is not whole or a store that fails, is told when it is the next batch's turn.
        let read = async move {
            let batch = queue.next_behind(&connector, after, limit).await.ok()?;
            (batch.broken.is_empty() && !batch.entries.is_empty()).then_some(batch)
        };
        Ahead(maybe_done(read.boxed()))
    }

    /// Reads while this is done, and does not make it last longer.
    pub(super) async fn during<T>(&mut self, attempt: impl Future<Output = T>) -> T {
        match select(pin!(attempt), &mut self.0).await {
            Either::Left((done, _)) => done,
            Either::Right(((), attempt)) => attempt.await,
        }
    }

    /// What was read, once it is.
    pub(super) async fn batch(mut self) -> Option<Batch> {
        (&mut self.0).await;
        Pin::new(&mut self.0).take_output().flatten()
    }
}
