//! One batch on its way: handed over in order, each report recorded as it comes, stopped at the first failure that is not a
//! message's own. Knows neither connections nor transactions.

use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::time::{Instant, timeout_at};

use super::super::{Outcomes, SendError};
use super::failure;
use super::record::{self, Topics};
use super::session::{Report, Session};
use crate::failure::Class;
use crate::message::Envelope;

const LARGER_THAN_ALL: &str = "larger than librdkafka's whole queue; raise options.\"queue.buffering.max.kbytes\"";
/// A record makes room a moment after its report came.
const ROOM: Duration = Duration::from_millis(2);

/// How batches travel.
#[derive(Clone, Copy)]
pub(super) struct Course<'a> {
    pub(super) session: &'a Session,
    pub(super) topics: &'a Topics,
    /// Each record is a request of its own, so that a refusal is about that record.
    pub(super) alone: bool,
    /// A refusal ends the batch: nothing behind it can show that the broker takes others.
    pub(super) all_or_nothing: bool,
    /// When what is not acknowledged is given up.
    pub(super) by: Instant,
    /// How long the reports of what was given up may take.
    pub(super) grace: Duration,
}

/// See the module.
struct Flight<'a> {
    course: Course<'a>,
    batch: &'a [Envelope],
    outcomes: &'a Outcomes,
    /// Handed over and not reported yet.
    open: usize,
    /// A broker took one of the batch.
    accepted: bool,
    /// Refused, and perhaps not for what they are.
    doubted: Vec<(usize, SendError)>,
    failure: Option<Failure>,
}

/// Why a batch was not sent whole.
#[derive(Debug)]
pub(super) struct Failure {
    /// The first that is not a message's own.
    pub(super) error: SendError,
    /// A broker refused several records together, and one of them may be at fault.
    pub(super) refused_together: bool,
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Failure { error, refused_together: false }
    }
}

impl Course<'_> {
    /// Sends a batch. When it returns, everything has an outcome.
    pub(super) async fn send(self, batch: &[Envelope], outcomes: &Outcomes) -> Result<(), Failure> {
        let alone = self.alone || batch.len() == 1;
        let course = Course { alone, ..self };
        Flight { course, batch, outcomes, open: 0, accepted: false, doubted: vec![], failure: None }.run().await
    }
}

impl Flight<'_> {
    async fn run(mut self) -> Result<(), Failure> {
        let Course { session, by, grace, .. } = self.course;
        let handed = self.hand_over(by).await;
        while self.open > 0 && self.wait(by).await {}
        if self.open > 0 {
            self.fail(SendError::unanswered(format!(
                "{}: no acknowledgement came in time; see whether the brokers are overloaded, or raise `timeout_seconds`",
                self.place(handed.saturating_sub(1))
            )));
            session.purge_all();
            while self.open > 0 && self.wait(by + grace).await {}
        }
        self.settle_doubts();
        let Some(failure) = self.failure else { return Ok(()) };
        self.outcomes.failed_from(handed, &SendError { perhaps_delivered: false, ..failure.error.clone() });
        self.outcomes.failed_from(0, &SendError { perhaps_delivered: true, ..failure.error.clone() });
        Err(failure)
    }

    /// Hands over all that it can; from which index on nothing was.
    async fn hand_over(&mut self, deadline: Instant) -> usize {
        for (index, envelope) in self.batch.iter().enumerate() {
            let (topic, key) = (self.course.topics.of(envelope), record::key(envelope));
            let mut was_empty = false;
            loop {
                self.take_reports();
                if self.failure.is_some() {
                    return index;
                }
                match self.course.session.hand_over(record::record(envelope, &topic, &key, index)) {
                    Ok(()) => {
                        self.open += 1;
                        break;
                    }
                    // librdkafka's own limit, before any broker saw it.
                    Err(Code::MessageSizeTooLarge) => {
                        self.outcomes.failed(index, failure::of_record(Code::MessageSizeTooLarge, ""));
                        break;
                    }
                    Err(Code::QueueFull) if was_empty => {
                        self.outcomes.failed(index, SendError::too_large(LARGER_THAN_ALL));
                        break;
                    }
                    Err(Code::QueueFull) if self.open == 0 && Instant::now() < deadline => {
                        was_empty = self.course.session.is_empty();
                        if !was_empty {
                            tokio::time::sleep(ROOM).await;
                        }
                    }
                    Err(code) if self.is_of_chosen_topic(index, code) => {
                        self.outcomes.failed(index, failure::of_chosen_topic(&self.place(index)));
                        break;
                    }
                    // What is on its way makes room.
                    Err(Code::QueueFull) if self.wait(deadline).await => {}
                    Err(code) => {
                        let error = failure::of_record(code, &self.place(index));
                        self.fail(error);
                        return index;
                    }
                }
            }
        }
        self.batch.len()
    }

    /// Waits for reports; `false` when `until` has come.
    async fn wait(&mut self, until: Instant) -> bool {
        let came = timeout_at(until, self.course.session.news()).await.is_ok();
        self.take_reports();
        came
    }

    fn take_reports(&mut self) {
        for report in self.course.session.reports() {
            self.open = self.open.saturating_sub(1);
            self.record(report);
        }
    }

    fn record(&mut self, (index, fate): Report) {
        let code = match fate {
            Ok(()) => {
                self.accepted = true;
                return self.outcomes.sent(index);
            }
            // The cause says more than its consequence.
            Err(Code::Fatal) => self.course.session.fatal().unwrap_or(Code::Fatal),
            Err(code) => code,
        };
        if let (Code::PurgeQueue | Code::PurgeInflight, Some(failure)) = (code, &self.failure) {
            // A record that met a broker and was queued again, as after NotEnoughReplicasAfterAppend, looks the same as one that
            // never left. Better a first delivery counted as a possible duplicate than a repeat that is not.
            return self.outcomes.failed(index, SendError { perhaps_delivered: true, ..failure.error.clone() });
        }
        if self.is_of_chosen_topic(index, code) {
            return self.outcomes.failed(index, failure::of_chosen_topic(&self.place(index)));
        }
        let error = failure::of_record(code, &self.place(index));
        if error.class != Class::Poison {
            self.outcomes.failed(index, error.clone());
            self.fail(error);
        } else if self.course.alone && failure::is_doubtful(code) && !self.course.all_or_nothing {
            self.doubted.push((index, error));
        } else if self.course.alone {
            self.outcomes.failed(index, error);
        } else {
            let error = SendError::transient(format!(
                "{}: several messages were refused together ({code:?}); each is sent by itself until the one at fault is \
                 found; if none is, let options.\"batch.size\" be less than the topic's max.message.bytes",
                self.place(index)
            ));
            self.outcomes.failed(index, error.clone());
            self.fail(error);
            self.failure.iter_mut().for_each(|failure| failure.refused_together = true);
        }
    }

    /// A message is at fault if the broker took another; else the topic may be, and all of them wait.
    fn settle_doubts(&mut self) {
        for (index, poison) in std::mem::take(&mut self.doubted) {
            if self.accepted {
                self.outcomes.failed(index, poison);
                continue;
            }
            let error = SendError::transient(format!("{}: {}", self.place(index), poison.message));
            self.outcomes.failed(index, error.clone());
            self.fail(error);
        }
    }

    /// The first failure counts, and ends what is not on its way yet.
    fn fail(&mut self, error: SendError) {
        if self.failure.is_none() {
            self.failure = Some(error.into());
            self.course.session.purge_queue();
        }
    }

    fn is_of_chosen_topic(&self, index: usize, code: Code) -> bool {
        let is_chosen = |envelope: &Envelope| self.course.topics.are_chosen_by(envelope);
        failure::is_of_topic(code) && self.batch.get(index).is_some_and(is_chosen)
    }

    fn place(&self, index: usize) -> String {
        self.course
            .session
            .place(&self.batch.get(index).map(|envelope| self.course.topics.of(envelope)).unwrap_or_default())
    }
}
