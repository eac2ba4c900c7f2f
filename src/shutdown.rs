//! Stopping: one signal to all tasks, and a limit to how long they may take.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Handed to every task: when to stop, and who still runs.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
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

    /// Spawns a task that [`Shutdown::finished`] waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
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
    }
}
