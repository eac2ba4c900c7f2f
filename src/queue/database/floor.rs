//! Behind which sequence the entries of each connector begin, as far as this process knows, which alone writes.
//!
//! What was sent is deleted; but as long as anybody reads what was there before (a dump, for hours), PostgreSQL must keep it, and whoever looks from the
//! first sequence on walks over all of it, each time. So it is looked from where the last look found the first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often it is looked from the first sequence on all the same: what somebody else put there is found.
const WHOLE: Duration = Duration::from_secs(60);

/// One for each connector that was asked for.
#[derive(Debug, Default)]
pub(super) struct Floors(Mutex<HashMap<String, Known>>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Nothing waits up to here.
    behind: i64,
    /// The highest that was ever found.
    last: i64,
    /// How often something may have been put back since.
    turns: u64,
    /// When it was looked from the first sequence on.
    whole_at: Option<Instant>,
}

impl Known {
    fn forget(&mut self) {
        self.behind = 0;
        self.turns += 1;
    }
}

/// Where one look begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) behind: i64,
    turns: u64,
}

impl Floors {
    /// Where to begin.
    pub(super) fn of(&self, connector: &str) -> Floor {
        let mut all = self.lock();
        let known = all.entry(connector.to_owned()).or_default();
        if known.whole_at.is_none_or(|at| at.elapsed() >= WHOLE) {
            known.whole_at = Some(Instant::now());
            known.behind = 0;
        }
        Floor { behind: known.behind, turns: known.turns }
    }

    /// What a look that began there found: the first and the last entry of some, or none at all.
    pub(super) fn found(&self, connector: &str, floor: Floor, first: Option<i64>, last: Option<i64>) {
        let mut all = self.lock();
        let Some(known) = all.get_mut(connector).filter(|known| known.turns == floor.turns) else { return };
        known.last = known.last.max(last.unwrap_or_default());
        // What comes later comes behind all that was there.
        known.behind = first.map_or(known.last, |first| first - 1);
    }

    /// Something was perhaps put back at its old place.
    pub(super) fn forget(&self, connector: &str) {
        self.lock().get_mut(connector).into_iter().for_each(Known::forget);
    }

    /// The same of every connector.
    pub(super) fn forget_all(&self) {
        self.lock().values_mut().for_each(Known::forget);
    }

    /// Nothing in here can be half done.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_looked_from_where_the_first_was_found() {
        let floors = Floors::default();
        let found = |first, last| {
            let floor = floors.of("a");
            floors.found("a", floor, first, last);
            floor.behind
        };
        assert_eq!([found(Some(7), Some(9)), found(Some(8), Some(12)), found(None, None)], [0, 6, 7]);
        assert_eq!(found(Some(13), Some(13)), 12, "all up to the last one that was ever seen is gone");
        assert_eq!(floors.of("b").behind, 0);
        tokio::time::advance(WHOLE).await;
        assert_eq!([found(Some(13), Some(13)), found(None, None)], [0, 12]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_put_back_while_somebody_looks_is_not_passed_over() {
        let floors = Floors::default();
        let before = floors.of("a");
        floors.forget("a");
        floors.found("a", before, Some(7), Some(9));
        assert_eq!(floors.of("a").behind, 0);
    }
}
