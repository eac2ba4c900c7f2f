//! One batch on its way: which messages are in flight, and what became of each.
//!
//! They leave in order on one channel, and the broker confirms each. The first on a new session goes alone: what the broker refuses
//! then (the right to write, a key that no queue is bound for) it refuses to that message, and nothing else is in doubt.

use std::collections::VecDeque;
use std::time::Duration;

use lapin::{Confirmation, PublisherConfirm};

use super::config::AmqpConfig;
use super::refusal;
use super::session::{Session, Unanswered};
use crate::connector::{Outcomes, SendError};
use crate::message::Envelope;

/// Messages in flight at once.
const WINDOW: usize = 200;

/// How often it is looked whether a broker that blocks us still does.
const LOOK: Duration = Duration::from_millis(50);

/// See the module. Dropped by a deadline, it writes down what certainly was not handed over.
pub(super) struct Attempt<'a> {
    batch: &'a [Envelope],
    outcomes: &'a Outcomes,
    /// The first that is neither in flight nor done with.
    next: usize,
    in_flight: VecDeque<InFlight>,
    /// Being handed over: nobody knows how much of it has left.
    handing: Option<usize>,
    /// Why nothing more is handed over.
    stop: Option<SendError>,
}

struct InFlight {
    index: usize,
    confirm: PublisherConfirm,
    /// It was handed over in an earlier attempt.
    before: bool,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(batch: &'a [Envelope], outcomes: &'a Outcomes) -> Self {
        Attempt { batch, outcomes, next: 0, in_flight: VecDeque::new(), handing: None, stop: None }
    }

    /// Sends what is left, many at once.
    ///
    /// # Errors
    /// Why what is in flight, and what is not handed over yet, fails.
    pub(super) async fn run(&mut self, session: &mut Session, config: &AmqpConfig) -> Result<(), SendError> {
        loop {
            while self.has_room(session) && !session.is_blocked() {
                self.hand_over(session, config).await?;
            }
            if self.in_flight.is_empty() {
                match self.stop.take() {
                    Some(error) => return Err(error),
                    None if self.next == self.batch.len() => return Ok(()),
                    // Blocked before anything was handed over.
                    None => tokio::time::sleep(LOOK).await,
                }
                continue;
            }
            self.hear(session, config).await?;
        }
    }

    fn has_room(&self, session: &Session) -> bool {
        let window = if session.is_proven { WINDOW } else { 1 };
        self.stop.is_none() && self.next < self.batch.len() && self.in_flight.len() < window
    }

    async fn hand_over(&mut self, session: &mut Session, config: &AmqpConfig) -> Result<(), SendError> {
        let index = self.next;
        let envelope = &self.batch[index];
        self.next += 1;
        // They come first, and in this order ([`Session::awaits_only`]).
        if let Some(unanswered) = session.unanswered.pop_front() {
            self.in_flight.push_back(InFlight { index, confirm: unanswered.confirm, before: true });
            return Ok(());
        }
        let size = envelope.body.bytes.len();
        if size > config.max_message_bytes {
            let limit = config.max_message_bytes;
            let text = format!(
                "the message has {size} bytes, and `max_message_bytes` is {limit}; raise it if the broker takes more"
            );
            self.outcomes.failed(index, SendError::too_large(text));
            return Ok(());
        }
        self.handing = Some(index);
        let handed = session.publish(envelope, config).await;
        self.handing = None;
        match handed {
            Err(poison) => self.outcomes.failed(index, poison),
            Ok(Ok(confirm)) => self.in_flight.push_back(InFlight { index, confirm, before: false }),
            Ok(Err(error)) => {
                // What closed the channel is told by the first that waits for an answer.
                self.handing = Some(index);
                if self.in_flight.is_empty() {
                    return Err(refusal::of_sending(&error, &session.address, config));
                }
                self.stop = Some(refusal::of_sending(&error, &session.address, config));
            }
        }
        Ok(())
    }

    /// Waits for the oldest answer.
    async fn hear(&mut self, session: &mut Session, config: &AmqpConfig) -> Result<(), SendError> {
        let Some(oldest) = self.in_flight.front_mut() else { return Ok(()) };
        let (index, before) = (oldest.index, oldest.before);
        let answer = (&mut oldest.confirm).await;
        let address = &session.address;
        match answer {
            Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => {
                session.is_proven = true;
                if before { self.outcomes.sent_before(index) } else { self.outcomes.sent(index) }
            }
            // Its topic is the script's choice: what is behind it is not in doubt.
            Ok(Confirmation::Ack(Some(_))) if self.batch[index].origin.subject().is_none() => self.outcomes.failed(
                index,
                SendError::poison(format!(
                    "{address} has no queue bound to {} for the topic of this relayed message; bind one for it, or take \"relay\" \
                     out of `targets`",
                    config.exchange_for_people()
                )),
            ),
            Ok(Confirmation::Ack(Some(_))) => self.refused(
                index,
                SendError::misconfigured(format!(
                    "{address} has no queue bound to {} for such a message; bind one, narrow `targets`, or set \
                     mandatory = false, which has such messages dropped",
                    config.exchange_for_people()
                )),
            ),
            Ok(Confirmation::Nack(_)) => self.refused(
                index,
                SendError::unanswered(format!(
                    "{address} did not take a message (a queue is full, perhaps); its log says more"
                )),
            ),
            Err(error) => return Err(self.broken(&error, session, config)),
        }
        self.in_flight.pop_front();
        Ok(())
    }

    /// This one failed; what is in flight behind it is still heard.
    fn refused(&mut self, index: usize, error: SendError) {
        self.stop.get_or_insert_with(|| SendError { perhaps_delivered: false, ..error.clone() });
        self.outcomes.failed(index, error);
    }

    /// The channel or the connection is gone: of one message's doing, where that is known.
    fn broken(&mut self, error: &lapin::Error, session: &Session, config: &AmqpConfig) -> SendError {
        let told = refusal::of_sending(error, &session.address, config);
        let culprit = match refusal::too_large(error) {
            Some(size) => self.in_flight.iter().position(|sent| self.batch[sent.index].body.bytes.len() == size),
            // It was alone.
            None if refusal::is_of_channel(error) && self.in_flight.len() == 1 => Some(0),
            None => None,
        };
        let Some(culprit) = culprit else { return told };
        // The broker discards what follows on a channel that it has closed.
        for index in self.in_flight.drain(culprit + 1..).map(|sent| sent.index).chain(self.handing.take()) {
            self.outcomes.failed(index, told.clone());
        }
        if let Some(sent) = self.in_flight.pop_back() {
            let fate = match refusal::too_large(error) {
                Some(size) => SendError::too_large(format!(
                    "{} finds its {size} bytes too large; set `max_message_bytes` to what it takes",
                    session.address
                )),
                None => told.clone(),
            };
            self.outcomes.failed(sent.index, fate);
        }
        told
    }

    /// Nothing more is sent: this is why.
    pub(super) fn give_up(&mut self, error: &SendError) {
        let handing = self.handing.take();
        for index in std::mem::take(&mut self.in_flight).into_iter().map(|sent| sent.index).chain(handing) {
            self.outcomes.failed(index, SendError { perhaps_delivered: true, ..error.clone() });
        }
        self.outcomes.failed_from(0, &SendError { perhaps_delivered: false, ..error.clone() });
        self.next = self.batch.len();
    }

    /// The broker blocks us: what it was handed stays with the session, whose answers may still come.
    pub(super) fn leave(&mut self, session: &mut Session) {
        let error = SendError::transient(format!(
            "{} takes nothing for the time being, since it is short of memory or disk; make room there",
            session.address
        ));
        // Before those that this batch was too short for.
        for sent in std::mem::take(&mut self.in_flight).into_iter().rev() {
            self.outcomes.failed(sent.index, SendError { perhaps_delivered: true, ..error.clone() });
            session.unanswered.push_front(Unanswered::new(&self.batch[sent.index], sent.confirm));
        }
        self.give_up(&error);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.next < self.batch.len() || !self.in_flight.is_empty() {
            self.give_up(&SendError::transient(
                "no broker took everything before the deadline; see whether one is overloaded or hangs, or raise `timeout_seconds`",
            ));
        }
    }
}
