//! What the writer does for others, each piece in a transaction that it may share with others.

use async_trait::async_trait;

use super::fault::Fault;
use super::tx::Tx;

/// Something to do in a transaction. May be done again after its transaction was rolled back.
#[async_trait]
pub(super) trait Work: Send + Sync + 'static {
    /// What it comes to.
    type Done: Send + 'static;

    /// Does it.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Done, Fault>;

    /// Its transaction is over, whatever came of it: called before the answer, and also where nobody waits for that any more.
    fn over(&self) {}
}
