//! What every store must do, whatever it is made of; each store runs all of `contract`, and its own tests beside it.

mod contract;
mod sample;
mod sqlite;

use std::time::Duration;

use bugrelay::queue::Queue;

/// A store that can be closed and opened again.
trait Shelf: Sized {
    /// What it opens.
    type Store: Queue;

    /// An empty one.
    fn new() -> Self;

    /// Opens what is on the shelf; whatever was opened before has been dropped.
    fn open(&self, keep: Keep) -> Self::Store;
}

/// How much, and how long.
#[derive(Clone, Copy, Debug)]
struct Keep {
    max_megabytes: u64,
    sent: Duration,
    parked: Duration,
    told: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        Keep { max_megabytes: 4096, sent: day, parked: day, told: day }
    }
}

/// Runs the contract's sentences over one store.
macro_rules! conforms {
    ($shelf:ty: $($sentence:ident)*) => {$(
        #[tokio::test]
        async fn $sentence() {
            super::contract::$sentence(&<$shelf as super::Shelf>::new()).await;
        }
    )*};
}
use conforms;
