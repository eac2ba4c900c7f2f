//! The judgement at each attempt: what was public when it was committed may have become private while it waited.
//!
//! How it is found out is the implementer's (a read of Bugzilla's database); what follows from it is the worker's.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;

use crate::changeset::Subject;
use crate::queue::Entry;
use crate::visibility::Reason;

/// A read that takes longer counts as failed.
pub(super) const GATE_TIMEOUT: Duration = Duration::from_secs(10);

/// Says what is public now.
///
/// *Parallel calls*: any. *Errors*: nothing is known; the caller waits and asks again, and sends nothing meanwhile.
#[async_trait]
pub trait Gate: Send + Sync {
    /// For each subject, in order, why it is not public at this moment; one that is gone is not. `None`: it is. One read for all.
    async fn hidden_now(&self, subjects: &[Subject]) -> Result<Vec<Option<Reason>>, GateError>;

    /// The same without the why: whether each is public.
    async fn public_now(&self, subjects: &[Subject]) -> Result<Vec<bool>, GateError> {
        Ok(self.hidden_now(subjects).await?.iter().map(Option::is_none).collect())
    }

    /// Waits until it is known whether the database is the one that messages are judged by; an error if it may be another, and nothing may leave.
    async fn admitted(&self) -> Result<(), GateError> {
        Ok(())
    }
}

/// Where there is no Bugzilla. What an earlier run stored of one can be judged no more, and stays; what scripts drop is not judged.
pub struct NoBugzilla;

#[async_trait]
impl Gate for NoBugzilla {
    async fn hidden_now(&self, _: &[Subject]) -> Result<Vec<Option<Reason>>, GateError> {
        let message =
            "messages of a Bugzilla wait here, and [bugzilla], by which they are judged, is missing".to_owned();
        Err(GateError { message })
    }

    async fn admitted(&self) -> Result<(), GateError> {
        self.hidden_now(&[]).await.map(drop)
    }
}

/// Why nothing could be judged, or nothing may leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is sent: {message}")]
pub struct GateError {
    /// What, where, how to mend it.
    pub message: String,
}

/// Sequences of the entries that carry an object and may not carry it any more.
pub async fn no_longer_public(
    gate: &dyn Gate,
    entries: impl Iterator<Item = &Entry> + Clone,
) -> Result<Vec<i64>, GateError> {
    let public = || entries.clone().map(|entry| &entry.envelope).filter(|envelope| !envelope.body.is_private());
    // What was relayed is nothing of Bugzilla's: there is nothing to judge.
    let subjects = || public().filter_map(|envelope| Some((envelope.origin.subject()?, envelope.sequence)));
    let closed = closed(gate, subjects().map(|(subject, _)| subject)).await?;
    Ok(subjects().filter(|(subject, _)| closed.contains(subject)).map(|(_, sequence)| sequence).collect())
}

/// Why each of these is not public at this moment, in order; `None`: it is.
pub async fn hidden(gate: &dyn Gate, subjects: &[Subject]) -> Result<Vec<Option<Reason>>, GateError> {
    let answer = tokio::time::timeout(GATE_TIMEOUT, gate.hidden_now(subjects)).await;
    let verdicts = answer.map_err(|_| GateError {
        message: format!("the database did not answer within {} s", GATE_TIMEOUT.as_secs()),
    })??;
    if verdicts.len() != subjects.len() {
        let message = format!("{} answers to {} questions; please report this", verdicts.len(), subjects.len());
        return Err(GateError { message });
    }
    Ok(verdicts)
}

/// Of these, what is not public at this moment.
pub(super) async fn closed(
    gate: &dyn Gate,
    subjects: impl Iterator<Item = Subject>,
) -> Result<HashSet<Subject>, GateError> {
    let mut subjects: Vec<Subject> = subjects.collect();
    subjects.sort_unstable();
    subjects.dedup();
    if subjects.is_empty() {
        return Ok(HashSet::new());
    }
    let verdicts = hidden(gate, &subjects).await?;
    Ok(subjects.into_iter().zip(verdicts).filter_map(|(subject, reason)| reason.map(|_| subject)).collect())
}
