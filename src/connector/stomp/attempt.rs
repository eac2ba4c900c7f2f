//! One batch on its way: which messages are in flight, what became of each. It knows frames, and no sockets.
//!
//! Every message asks for a receipt, and many are under way at once; they leave in order on one connection, so the order of a bug's
//! messages is the order of the batch. What has no receipt when the connection is lost was perhaps delivered if all of it was
//! written, and certainly not if a byte of it was missing.

use std::collections::{HashSet, VecDeque};

use super::codec::Frame;
use super::config::StompConfig;
use super::connection::{Connection, Queued};
use super::outgoing;
use super::refusal::Refusal;
use crate::connector::{Outcomes, SendError};
use crate::message::{Envelope, MessageId};

/// Messages in flight at once.
const WINDOW: usize = 200;

/// Beyond this many bytes that wait to be written no further message is put behind them.
const OUTBOX: usize = 256 * 1024;

/// See the module. Dropped by a deadline, it writes down what certainly was not handed over.
pub(super) struct Attempt<'a> {
    batch: &'a [Envelope],
    outcomes: &'a Outcomes,
    /// The first that is neither in flight nor done with.
    next: usize,
    in_flight: VecDeque<InFlight>,
    /// What of the connection was written when it was looked at last.
    written: u64,
    /// The broker has taken something.
    accepted: bool,
    doubted: Option<Doubted>,
}

/// Refused again and alone; poison as soon as the broker takes another.
struct Doubted {
    index: usize,
    /// Until then.
    refused: SendError,
    poison: SendError,
}

struct InFlight {
    index: usize,
    queued: Queued,
}

/// Why an attempt ended before its end.
pub(super) enum Stopped {
    /// The connection is gone.
    Lost(SendError),
    /// The broker refused something, and ends the connection; which message it was, if that is known.
    Refused(Refusal, Option<Culprit>),
}

/// The message that an ERROR is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Culprit {
    pub(super) index: usize,
    /// The broker says so. Otherwise it was alone in flight, and the ERROR may have another reason after it was taken.
    pub(super) is_named: bool,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(batch: &'a [Envelope], outcomes: &'a Outcomes) -> Self {
        Attempt { batch, outcomes, next: 0, in_flight: VecDeque::new(), written: 0, accepted: false, doubted: None }
    }

    /// Sends what is left, many at once but each of the suspects alone. When it is stopped, what was in flight has no outcome yet.
    pub(super) async fn run(
        &mut self,
        connection: &mut Connection,
        config: &StompConfig,
        suspects: &HashSet<MessageId>,
    ) -> Result<(), Stopped> {
        self.written = connection.written();
        loop {
            while self.next < self.batch.len() && self.has_room(suspects) && connection.waiting() < OUTBOX {
                self.queue_next(connection, config);
            }
            if self.in_flight.is_empty() && self.next == self.batch.len() {
                return Ok(());
            }
            let turned = connection.turn().await;
            self.written = connection.written();
            if let Some(frame) = turned.map_err(Stopped::Lost)? {
                self.answered(&frame)?;
            }
        }
    }

    /// For the next message. Nothing is in flight beside a suspect, or while another is in doubt: an ERROR then has one meaning.
    fn has_room(&self, suspects: &HashSet<MessageId>) -> bool {
        let first = self.in_flight.front().map(|sent| sent.index);
        let is_suspect = |index: usize| self.batch.get(index).is_some_and(|envelope| suspects.contains(&envelope.id));
        let alone = self.doubted.is_some() || is_suspect(self.next) || first.is_some_and(is_suspect);
        self.in_flight.len() < if alone { 1 } else { WINDOW }
    }

    /// A message that no broker would take is not shown to one: it would end the connection for all.
    fn queue_next(&mut self, connection: &mut Connection, config: &StompConfig) {
        let index = self.next;
        self.next += 1;
        let frame = outgoing::send(&self.batch[index], config);
        let size = outgoing::size(&frame);
        if size > config.max_message_bytes {
            let limit = config.max_message_bytes;
            let text = format!(
                "the message has {size} bytes, and `max_message_bytes` is {limit}; raise it if the broker takes more"
            );
            return self.outcomes.failed(index, SendError::too_large(text));
        }
        self.in_flight.push_back(InFlight { index, queued: connection.queue(frame) });
    }

    fn answered(&mut self, frame: &Frame) -> Result<(), Stopped> {
        let position =
            |receipt: Option<u64>| self.in_flight.iter().position(|sent| Some(sent.queued.receipt) == receipt);
        match frame.command.as_str() {
            "RECEIPT" => {
                let receipt = frame.header("receipt-id").and_then(|id| id.trim().parse().ok());
                if let Some(sent) = position(receipt).and_then(|at| self.in_flight.remove(at)) {
                    self.outcomes.sent(sent.index);
                    self.accepted = true;
                    if let Some(doubted) = self.doubted.take() {
                        self.outcomes.failed(doubted.index, doubted.poison);
                    }
                }
                Ok(())
            }
            "ERROR" => {
                let refusal = Refusal::of(frame);
                // Brokers do not always say which it was; of one it can be no other.
                let alone = (self.in_flight.len() == 1).then_some(0);
                let named = position(refusal.receipt);
                let culprit =
                    named.or(alone).map(|at| Culprit { index: self.in_flight[at].index, is_named: named.is_some() });
                Err(Stopped::Refused(refusal, culprit))
            }
            // We subscribe to nothing.
            _ => Ok(()),
        }
    }

    pub(super) fn id(&self, index: usize) -> MessageId {
        self.batch[index].id
    }

    /// What was handed over, or is about to be, and has no outcome.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = MessageId> {
        self.in_flight.iter().map(|sent| self.id(sent.index))
    }

    /// The message is poison if the broker takes another, before it or behind it. `false`: a second one is in doubt, so neither is.
    pub(super) fn doubt(&mut self, culprit: Culprit, refused: SendError, poison: SendError) -> bool {
        let index = culprit.index;
        if self.accepted {
            self.fail(index, poison);
            return true;
        }
        if self.doubted.is_some() {
            return false;
        }
        let perhaps_delivered =
            !culprit.is_named && self.in_flight.iter().any(|sent| sent.index == index && self.left(sent));
        self.doubted = Some(Doubted { index, refused: SendError { perhaps_delivered, ..refused }, poison });
        self.in_flight.retain(|sent| sent.index != index);
        true
    }

    /// All of it was written.
    fn left(&self, sent: &InFlight) -> bool {
        sent.queued.end <= self.written
    }

    /// Nothing is left to be sent. A message that is still in doubt has failed for now.
    fn settle_doubt(&mut self) {
        if let Some(doubted) = self.doubted.take() {
            self.outcomes.failed(doubted.index, doubted.refused);
        }
    }

    /// This message failed, by itself.
    pub(super) fn fail(&mut self, index: usize, error: SendError) {
        self.outcomes.failed(index, error);
        self.in_flight.retain(|sent| sent.index != index);
    }

    /// Nothing more is sent: this is why.
    pub(super) fn give_up(&mut self, error: &SendError) {
        self.settle_doubt();
        for sent in std::mem::take(&mut self.in_flight) {
            let perhaps_delivered = self.left(&sent);
            self.outcomes.failed(sent.index, SendError { perhaps_delivered, ..error.clone() });
        }
        self.outcomes.failed_from(self.next, error);
        self.next = self.batch.len();
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.settle_doubt();
        if self.next < self.batch.len() || !self.in_flight.is_empty() {
            self.give_up(&SendError::transient(
                "the broker did not take everything before the deadline; see whether it is overloaded or hangs, or raise `timeout_seconds`",
            ));
        }
    }
}
