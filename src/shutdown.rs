//! Stopping: one signal to all tasks, a limit to how long they may take, and notice of a task that ends by itself.

use std::panic::{AssertUnwindSafe, Location};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Handed to every task: when to stop, and who still runs.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
    broken: CancellationToken,
    cause: Arc<OnceLock<Cause>>,
}

/// Why there is no going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A task ended that nobody had told to.
    Task,
    /// The store is not there any more.
    Store,
}

impl Shutdown {
    /// For a part of the tasks, which can be told to stop before the others, and is told when all are.
    pub fn part(&self) -> Shutdown {
        Shutdown { token: self.token.child_token(), ..self.clone() }
    }

    /// Resolves when tasks must stop taking new work and finish what is in flight.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Whether [`Shutdown::requested`] would resolve at once.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Tells all tasks to stop.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Spawns a task that [`Shutdown::finished`] waits for. It runs until it is told to stop: one that panics or ends before
    /// would leave a process that looks alive and does half of its work, so it resolves [`Shutdown::broken`].
    #[track_caller]
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let (spawned_at, shutdown) = (Location::caller(), self.clone());
        self.tasks.spawn(async move {
            let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
            if panicked || !shutdown.is_requested() {
                tracing::error!(%spawned_at, panicked, "a task ended that nobody had told to; please report this");
                shutdown.give_up(Cause::Task);
            }
        });
    }

    /// There is no going on: resolves [`Shutdown::broken`]. The first cause stands.
    pub fn give_up(&self, cause: Cause) {
        self.cause.get_or_init(|| cause);
        self.broken.cancel();
    }

    /// Resolves when there is no going on: a task has ended that nobody had told to, or a part has given up.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Why [`Shutdown::broken`] would resolve at once, if it would.
    pub fn broken_by(&self) -> Option<Cause> {
        self.cause.get().copied()
    }

    /// Waits until all tasks have ended; `false` if `grace` passed first.
    pub async fn finished(&self, grace: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(grace, self.tasks.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_not_waited_for_beyond_the_grace_period() {
        let shutdown = Shutdown::default();
        shutdown.spawn(std::future::pending());
        shutdown.request();
        assert!(!shutdown.finished(Duration::from_secs(20)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_end_when_they_are_told_to() {
        let shutdown = Shutdown::default();
        let told = shutdown.clone();
        shutdown.spawn(async move { told.requested().await });
        shutdown.request();
        assert!(shutdown.finished(Duration::from_secs(20)).await);
        assert_eq!(shutdown.broken_by(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_ends_by_itself_is_noticed() {
        async fn panic() {
            panic!("as a mistake of ours would");
        }
        for ends_by_itself in [true, false] {
            let shutdown = Shutdown::default();
            if ends_by_itself {
                shutdown.spawn(async {})
            } else {
                shutdown.spawn(panic())
            }
            tokio::time::timeout(Duration::from_secs(1), shutdown.broken()).await.unwrap();
            assert_eq!(shutdown.broken_by(), Some(Cause::Task));
        }
    }
}
