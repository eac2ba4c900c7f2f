//! The one task that writes, on the session that holds the lock. Jobs that wait together share a transaction.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::QueueError;
use super::fault::Fault;
use super::floor::Floors;
use super::lead::{self, BEAT, Lead, SILENCE, Watched};
use super::settle::Doubt;
use super::statement::{Names, standard};
use super::tx::Tx;
use super::work::Work;
use crate::backoff::Reconnect;
use crate::database::{Server, Session};

/// Jobs that may wait, and that share one transaction at most.
const WAITING: usize = 64;

/// How often one that stands by tries to take the lock.
const LOOK: Duration = Duration::from_millis(500);

/// How long a session of our own that is lost may still stand on the server: it is waited for.
const REGAINED_WITHIN: Duration = Duration::from_secs(15);

/// Whether this process may write.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Not yet: nobody knows who may.
    Away,
    /// Another does, and this one will when that one is gone.
    StandsBy,
    /// It may.
    Leads,
    /// It may not, and never will.
    Over(Fault),
}

/// Hands jobs to the task, which ends when this is dropped and all that was handed in is done.
#[derive(Debug)]
pub(super) struct Writer {
    store: String,
    jobs: mpsc::Sender<Box<dyn Job>>,
    state: watch::Receiver<State>,
    beside: watch::Receiver<bool>,
}

impl Writer {
    /// Starts the task, which tries to lead from then on.
    pub(super) fn start(store: String, server: Arc<dyn Server>, names: Names, floors: Arc<Floors>) -> Self {
        let (sender, jobs) = mpsc::channel(WAITING);
        let (state, told) = watch::channel(State::Away);
        let (lives, beside) = watch::channel(false);
        let desk = Desk {
            store: store.clone(),
            server,
            names,
            floors,
            session: None,
            turn: 0,
            is_in_doubt: false,
            state,
            watched: Watched::default(),
            lives,
        };
        tokio::spawn(desk.serve(jobs));
        Writer { store, jobs: sender, state: told, beside }
    }

    /// Does some work in a transaction.
    pub(super) async fn run<W: Work>(&self, work: W) -> Result<W::Done, QueueError> {
        let gone = || Fault::Other("its task is gone".to_owned()).of(&self.store);
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Box::new(Call { work, done: None, reply })).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Waits until this process leads.
    pub(super) async fn lead(&self) -> Result<(), QueueError> {
        let settled = |state: &State| matches!(state, State::Leads | State::Over(_));
        match &*self.state.clone().wait_for(settled).await.map_err(|_| self.gone())? {
            State::Over(fault) => Err(fault.clone().of(&self.store)),
            _ => Ok(()),
        }
    }

    /// Whether another process does.
    pub(super) fn stands_by(&self) -> bool {
        matches!(*self.state.borrow(), State::StandsBy)
    }

    /// Whether this process may write.
    pub(super) fn leads(&self) -> bool {
        matches!(*self.state.borrow(), State::Leads)
    }

    /// Waits until another process does, and is seen to live; said for good before this one leads.
    pub(super) async fn stood_by(&self) {
        if self.beside.clone().wait_for(|lives| *lives).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until this process does not lead any more.
    pub(super) async fn deposed(&self) -> QueueError {
        match self.state.clone().wait_for(|state| matches!(state, State::Over(_))).await.as_deref() {
            Ok(State::Over(fault)) => fault.clone().of(&self.store),
            _ => self.gone(),
        }
    }

    fn gone(&self) -> QueueError {
        Fault::Other("its task is gone".to_owned()).of(&self.store)
    }
}

#[async_trait]
trait Job: Send {
    async fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), Fault>;
    fn answer(self: Box<Self>, committed: Result<(), QueueError>);
}

struct Call<W: Work> {
    work: W,
    done: Option<W::Done>,
    reply: oneshot::Sender<Result<W::Done, QueueError>>,
}

#[async_trait]
impl<W: Work> Job for Call<W> {
    async fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        self.done = Some(self.work.run(tx).await?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), QueueError>) {
        self.work.over();
        // Who asked may have been cancelled: then nobody listens, and what was done stays done.
        match (committed, self.done) {
            (Err(error), _) => drop(self.reply.send(Err(error))),
            (Ok(()), Some(done)) => drop(self.reply.send(Ok(done))),
            (Ok(()), None) => {}
        }
    }
}

type Jobs = mpsc::Receiver<Box<dyn Job>>;

/// The task's own state.
struct Desk {
    store: String,
    server: Arc<dyn Server>,
    names: Names,
    floors: Arc<Floors>,
    /// With the lock, while it leads.
    session: Option<Box<dyn Session>>,
    /// The last turn that was stored.
    turn: i64,
    /// The store went back behind that: it lost its end with its server, and what waits was perhaps sent.
    is_in_doubt: bool,
    state: watch::Sender<State>,
    /// Who has the lock, while this one stands by.
    watched: Watched,
    /// Whether that was ever a process that lives.
    lives: watch::Sender<bool>,
}

impl Desk {
    async fn serve(mut self, mut jobs: Jobs) {
        let Some(lead) = self.stand_by(&mut jobs).await else { return self.refuse(jobs).await };
        self.state.send_replace(State::Leads);
        loop {
            let first = tokio::select! {
                job = jobs.recv() => job,
                () = tokio::time::sleep(BEAT) => {
                    self.beat(lead).await;
                    if self.is_over() { return self.refuse(jobs).await } else { continue }
                }
            };
            let Some(first) = first else { return };
            let mut group = vec![first];
            while group.len() < WAITING
                && let Ok(job) = jobs.try_recv()
            {
                group.push(job);
            }
            if group.len() > 1 && self.commit(lead, &mut group).await.is_ok() {
                group.into_iter().for_each(|job| job.answer(Ok(())));
            } else {
                // If one of them failed, all were rolled back: each has a transaction of its own now.
                for mut job in group {
                    let committed = self.commit(lead, std::slice::from_mut(&mut job)).await;
                    job.answer(committed.map_err(|fault| fault.of(&self.store)));
                }
            }
            if self.is_over() {
                return self.refuse(jobs).await;
            }
        }
    }

    /// Until this process leads; `None` if it never will, or nobody asks any more.
    async fn stand_by(&mut self, jobs: &mut Jobs) -> Option<Lead> {
        let (mut reconnect, mut said) = (Reconnect::default(), String::new());
        loop {
            let (why, pause) = match self.try_to_lead().await {
                Ok(Some(lead)) => {
                    tracing::info!(store = self.store, epoch = lead.epoch, "this instance leads");
                    return Some(lead);
                }
                Ok(None) => {
                    reconnect.reset();
                    self.state.send_replace(State::StandsBy);
                    (Fault::StandsBy, LOOK)
                }
                Err(fault @ Fault::Unusable(_)) => {
                    self.over(fault);
                    return None;
                }
                Err(fault) => {
                    self.session = None;
                    self.state.send_replace(State::Away);
                    (fault, reconnect.next_delay())
                }
            };
            // Said once, and again when it changes.
            if why.to_string() != said {
                said = why.to_string();
                match why {
                    Fault::StandsBy => tracing::info!(store = self.store, "standing by: another bugrelay leads"),
                    _ => tracing::error!(
                        store = self.store,
                        class = why.class().as_str(),
                        error = said,
                        "the store cannot be opened yet"
                    ),
                }
            }
            let until = Instant::now() + pause;
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(until) => break,
                    job = jobs.recv() => job?.answer(Err(why.clone().of(&self.store))),
                }
            }
        }
    }

    async fn try_to_lead(&mut self) -> Result<Option<Lead>, Fault> {
        let session = match &mut self.session {
            Some(session) => session,
            slot => slot.insert(lead::session(&*self.server, &self.names, SILENCE).await?),
        };
        if !lead::lock(session.as_mut(), &self.names).await? {
            // What was once seen to live needs no more questions, which cost the server something.
            if !*self.lives.borrow() {
                let asked = Instant::now();
                let holder = lead::holder(session.as_mut(), &self.names).await?;
                if self.watched.lives(holder, asked) {
                    self.lives.send_replace(true);
                }
            }
            return Ok(None);
        }
        lead::claim(session.as_mut(), &self.names).await.map(Some)
    }

    /// Tells the server that we live, and asks whether we still lead.
    async fn beat(&mut self, lead: Lead) {
        if let Err(fault) = self.ask(lead).await {
            tracing::debug!(store = self.store, error = %fault, "the store's session did not answer");
            self.failed(&fault).await;
        }
    }

    /// The store's turn.
    async fn ask(&mut self, lead: Lead) -> Result<i64, Fault> {
        let names = self.names.clone();
        lead::turn(self.regain(lead).await?, &names, lead).await
    }

    /// The session, or another one with the lock, if nobody has led in between.
    async fn regain(&mut self, lead: Lead) -> Result<&mut (dyn Session + 'static), Fault> {
        if self.session.is_none() {
            let mut session = lead::session(&*self.server, &self.names, SILENCE).await?;
            let until = Instant::now() + REGAINED_WITHIN;
            loop {
                let locked = lead::lock(session.as_mut(), &self.names).await?;
                if lead::find(session.as_mut(), &self.names).await? != Some(lead) {
                    return Err(Fault::Deposed);
                }
                if locked {
                    break;
                }
                if Instant::now() >= until {
                    return Err(Fault::Other("another session holds its lock".to_owned()));
                }
                tokio::time::sleep(LOOK).await;
            }
            let turn = lead::turn(session.as_mut(), &self.names, lead).await?;
            self.is_in_doubt |= turn < self.turn;
            self.turn = turn;
            self.session = Some(session);
        }
        let session = self.session.as_deref_mut();
        session.ok_or_else(|| Fault::Other("it has no session".to_owned()))
    }

    async fn commit(&mut self, lead: Lead, group: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        if self.is_over() {
            return Err(Fault::Deposed);
        }
        let mut turn = None;
        let Err(fault) = self.settle_doubt_and_commit(lead, group, &mut turn).await else { return Ok(()) };
        self.failed(&fault).await;
        match turn {
            Some(turn) if fault.is_lost() => self.ask_for(turn, lead, fault).await,
            _ => Err(fault),
        }
    }

    /// Lost at the commit: only the server knows whether it was done, so it is asked until it says. Done twice would be sent twice.
    async fn ask_for(&mut self, turn: i64, lead: Lead, fault: Fault) -> Result<(), Fault> {
        tracing::warn!(store = self.store, error = %fault, "nobody knows whether it was stored: the server is asked until it says");
        loop {
            match self.ask(lead).await {
                Ok(stands) if stands >= turn => return Ok(()),
                Ok(_) => return Err(fault),
                Err(error) => {
                    self.failed(&error).await;
                    if self.is_over() {
                        return Err(error);
                    }
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Nothing is begun of what may have been sent before that is said of it.
    async fn settle_doubt_and_commit(
        &mut self,
        lead: Lead,
        group: &mut [Box<dyn Job>],
        turn: &mut Option<i64>,
    ) -> Result<(), Fault> {
        self.regain(lead).await?;
        if self.is_in_doubt {
            tracing::warn!(
                store = self.store,
                "the store lost what was recorded last: what waits in it counts as perhaps sent"
            );
            let (names, mut from) = (self.names.clone(), Some((0, 0)));
            while let Some(after) = from {
                let mut tx = Tx::begin(self.regain(lead).await?, &names, lead).await?;
                from = Doubt { after }.run(&mut tx).await?;
                tx.commit().await?;
            }
            self.floors.forget_all();
            self.is_in_doubt = false;
        }
        self.try_commit(lead, group, turn).await
    }

    /// `turn` is set once all that is left is the commit.
    async fn try_commit(
        &mut self,
        lead: Lead,
        group: &mut [Box<dyn Job>],
        turn: &mut Option<i64>,
    ) -> Result<(), Fault> {
        let names = self.names.clone();
        let mut tx = Tx::begin(self.regain(lead).await?, &names, lead).await?;
        for job in group {
            job.run(&mut tx).await?;
        }
        // What only looked is asked again.
        *turn = tx.writes.then_some(tx.turn);
        tx.commit().await?;
        self.turn = turn.unwrap_or(self.turn);
        Ok(())
    }

    /// What was begun is undone, and no session is used again that cannot be.
    async fn failed(&mut self, fault: &Fault) {
        if matches!(fault, Fault::Deposed) {
            tracing::error!(store = self.store, "another bugrelay leads by now: nothing more is written by this one");
            self.over(fault.clone());
        }
        let rolled_back = match &mut self.session {
            Some(session) if !fault.is_lost() => {
                session.run(&[standard!("rollback").trim_end().to_owned()]).await.is_ok()
            }
            _ => false,
        };
        if !rolled_back || self.is_over() {
            self.session = None;
        }
    }

    fn over(&mut self, fault: Fault) {
        self.session = None;
        self.state.send_replace(State::Over(fault));
    }

    fn is_over(&self) -> bool {
        matches!(*self.state.borrow(), State::Over(_))
    }

    /// Nothing more is written.
    async fn refuse(self, mut jobs: Jobs) {
        while let Some(job) = jobs.recv().await {
            let fault = match &*self.state.borrow() {
                State::Over(fault) => fault.clone(),
                _ => Fault::StandsBy,
            };
            job.answer(Err(fault.of(&self.store)));
        }
    }
}

#[cfg(test)]
mod tests;
