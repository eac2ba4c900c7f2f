//! Transactions read ahead of whoever takes them: bounded in number and in rows.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::CaptureError;
use crate::changeset::Transaction;

/// Transactions that wait.
const TRANSACTIONS_MAX: usize = 64;

/// Their rows, about 90 bytes each; a transaction of more waits alone.
const ROWS_MAX: u32 = 20_000;

type Told = Result<Transaction, CaptureError>;

/// The reading end.
pub(super) struct Sender {
    out: mpsc::Sender<(Told, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

/// The taking end.
pub(super) struct Receiver {
    told: mpsc::Receiver<(Told, OwnedSemaphorePermit)>,
    /// The room of what was taken last: it is in somebody's hands until the next is asked for.
    taken: Option<OwnedSemaphorePermit>,
}

/// Both ends.
pub(super) fn channel() -> (Sender, Receiver) {
    let (out, told) = mpsc::channel(TRANSACTIONS_MAX);
    (Sender { out, room: Arc::new(Semaphore::new(ROWS_MAX as usize)) }, Receiver { told, taken: None })
}

impl Sender {
    /// Waits for room; `false`: nobody listens any more.
    pub(super) async fn send(&self, told: Told) -> bool {
        let rows = told.as_ref().map_or(0, |transaction| transaction.rows.len());
        let rows = u32::try_from(rows).unwrap_or(ROWS_MAX).min(ROWS_MAX);
        let room = tokio::select! {
            room = Arc::clone(&self.room).acquire_many_owned(rows) => room,
            () = self.out.closed() => return false,
        };
        match room {
            Ok(room) => self.out.send((told, room)).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Resolves when nobody listens any more.
    pub(super) async fn closed(&self) {
        self.out.closed().await;
    }
}

impl Receiver {
    /// The next; `None` when the reading end is gone. Dropped, it loses nothing.
    pub(super) async fn recv(&mut self) -> Option<Told> {
        self.taken = None;
        let (told, room) = self.told.recv().await?;
        self.taken = Some(room);
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::bugzilla::BugId;
    use crate::changeset::{Position, RowChange};

    fn transaction(rows: usize) -> Told {
        let row = RowChange::DuplicateMarked { bug: BugId(1), of: BugId(2) };
        Ok(Transaction { position: Position(rows.to_string()), committed_at: 0, rows: vec![row; rows] })
    }

    #[tokio::test]
    async fn a_large_transaction_is_read_ahead_alone_and_the_next_when_it_was_dealt_with() {
        let (sender, mut receiver) = channel();
        assert!(sender.send(transaction(50_000)).await);
        assert!(sender.send(transaction(1)).now_or_never().is_none(), "there is no room");
        assert!(receiver.recv().await.is_some());
        assert!(sender.send(transaction(1)).now_or_never().is_none(), "it is in somebody's hands");
        assert!(receiver.recv().now_or_never().is_none());
        assert!(sender.send(transaction(1)).await);
        drop(receiver);
        assert!(!sender.send(transaction(1)).await);
    }
}
