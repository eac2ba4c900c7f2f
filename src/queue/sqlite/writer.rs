//! The one thread that writes. Jobs that wait together share a transaction, and so a sync of the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::QueueError;
use super::custody::Custody;
use super::fault::Fault;
use super::file;
use super::reserve::Reserve;
use super::spent;
use super::upkeep;

/// Jobs that may wait, and that share one transaction at most.
const WAITING: usize = 64;

/// What a job asks of the disk. A group gets the most that one of its jobs asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effort {
    /// Survives the end of this process.
    Written,
    /// Survives the end of the machine, and makes the store grow: the reserve is not for it.
    Grown,
    /// Survives the end of the machine.
    Synced,
    /// And nothing that was deleted is left in the log. May be done twice.
    Scrubbed,
}

/// Hands jobs to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    custody: Arc<Custody>,
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(custody: Arc<Custody>, connection: Connection, reserve: Arc<Reserve>) -> Result<Self, Fault> {
        let (sender, jobs) = mpsc::channel(WAITING);
        let desk = Desk { custody: Arc::clone(&custody), connection, reserve, effort: None, suspect: false };
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || desk.serve(jobs));
        let thread = thread.map_err(|error| Fault::Other(format!("its thread cannot be started: {error}")))?;
        Ok(Writer { custody, jobs: Some(sender), thread: Some(thread) })
    }

    /// Does some work in a transaction. `work` may be called again after its transaction was rolled back.
    pub(super) async fn run<T, F>(&self, effort: Effort, work: F) -> Result<T, QueueError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let gone = || self.custody.error(Fault::Other("it is closed".to_owned()));
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        self.custody.sound()?;
        jobs.send(Box::new(Call { effort, work, done: None, reply })).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Waits for what was handed in, and for the file to be closed: it can be opened again at once.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(store = self.custody.store(), "the store's thread panicked");
        }
    }
}

trait Job: Send {
    fn effort(&self) -> Effort;
    fn run(&mut self, connection: &Connection) -> Result<(), Fault>;
    fn answer(self: Box<Self>, committed: Result<(), QueueError>);
}

struct Call<T, F> {
    effort: Effort,
    work: F,
    done: Option<T>,
    reply: oneshot::Sender<Result<T, QueueError>>,
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, Fault> + Send,
{
    fn effort(&self) -> Effort {
        self.effort
    }

    fn run(&mut self, connection: &Connection) -> Result<(), Fault> {
        self.done = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), QueueError>) {
        // Who asked may have been cancelled: then nobody listens, and what was done stays done.
        match (committed, self.done) {
            (Err(error), _) => drop(self.reply.send(Err(error))),
            (Ok(()), Some(done)) => drop(self.reply.send(Ok(done))),
            (Ok(()), None) => {}
        }
    }
}

/// The thread's own state.
struct Desk {
    custody: Arc<Custody>,
    connection: Connection,
    reserve: Arc<Reserve>,
    /// What the connection is set to.
    effort: Option<Effort>,
    /// The system failed to write: what the log holds may never have reached the disk.
    suspect: bool,
}

impl Desk {
    fn serve(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut group = vec![first];
            while group.len() < WAITING
                && let Ok(job) = jobs.try_recv()
            {
                group.push(job);
            }
            let together = group.len() > 1 && group.iter().all(|job| job.effort() != Effort::Scrubbed);
            if together && self.commit(&mut group).is_ok() {
                group.into_iter().for_each(|job| job.answer(Ok(())));
                continue;
            }
            // If one of them failed, all were rolled back: each has a transaction of its own now.
            for mut job in group {
                let committed = self.commit_alone(&mut job);
                job.answer(committed.map_err(|fault| self.custody.error(fault)));
            }
        }
    }

    fn commit_alone(&mut self, job: &mut Box<dyn Job>) -> Result<(), Fault> {
        match self.commit(std::slice::from_mut(job)) {
            Err(fault) if fault.is_disk_full() && job.effort() != Effort::Grown && self.reserve.release() => {
                tracing::warn!(store = self.custody.store(), "the disk is full; the store uses its reserve");
                file::truncate_log(&self.connection)?;
                self.commit(std::slice::from_mut(job))
            }
            Err(Fault::Crowded(wanted)) => {
                self.make_room(wanted)?;
                self.commit(std::slice::from_mut(job))
            }
            committed => committed,
        }
    }

    /// Gives free pages of the file, and those of spent bodies, back to the disk, if there are some by now. In small steps: each needs a
    /// little room itself.
    fn make_room(&self, wanted: u64) -> Result<(), Fault> {
        for _ in 0..=wanted / file::PAGE / 32 {
            file::truncate_log(&self.connection)?;
            let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            spent::drop_spent(&transaction, 32)?;
            transaction.commit()?;
            file::truncate_log(&self.connection)?;
            if !upkeep::release_pages(&self.connection, 0, 32)? {
                break;
            }
        }
        file::truncate_log(&self.connection)
    }

    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        let effort = group.iter().map(|job| job.effort()).max().unwrap_or(Effort::Synced);
        // A panic must not be the end of the thread: everybody would wait for it for ever.
        let committed = catch_unwind(AssertUnwindSafe(|| self.try_commit(effort, group)))
            .unwrap_or_else(|_| Err(Fault::Other("its thread panicked; please report this".to_owned())));
        self.suspect |= committed.as_ref().is_err_and(Fault::is_input_output);
        committed
    }

    fn try_commit(&mut self, effort: Effort, group: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        if self.suspect {
            // A second sync proves nothing about the first. All that counts goes into the file anew, and a new log begins.
            file::truncate_log(&self.connection)?;
            self.suspect = false;
        }
        self.set_effort(effort)?;
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        for job in group {
            job.run(&transaction)?;
        }
        transaction.commit()?;
        if effort == Effort::Scrubbed { file::truncate_log(&self.connection) } else { Ok(()) }
    }

    fn set_effort(&mut self, effort: Effort) -> Result<(), Fault> {
        if self.effort != Some(effort) {
            let synchronous = if effort == Effort::Written { "NORMAL" } else { "FULL" };
            self.connection.pragma_update(None, "synchronous", synchronous)?;
            self.effort = Some(effort);
        }
        Ok(())
    }
}
