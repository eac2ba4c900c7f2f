//! One batch on its way: which messages are in flight, what became of each. It knows frames, and no sockets.
//!
//! Every message asks for a receipt, and many are under way at once; they leave in order on one connection, so the order of a bug's
//! messages is the order of the batch. What has no receipt when the connection is lost was perhaps delivered if all of it was
//! written, and certainly not if a byte of it was missing.

use std::collections::VecDeque;

use super::codec::Frame;
use super::config::StompConfig;
use super::connection::{Connection, Queued};
use super::outgoing;
use super::refusal::Refusal;
use crate::connector::{Outcomes, SendError};
use crate::message::{Envelope, MessageId};

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
    /// Refused again and alone; poison as soon as the broker takes another.
    doubted: Option<(usize, SendError)>,
}

struct InFlight {
    index: usize,
    queued: Queued,
}

/// Why an attempt ended before its end.
pub(super) enum Stopped {
    /// The connection is gone.
    Lost(SendError),
    /// The broker refused something, and ends the connection. The index is that of the message at fault, if it is known.
    Refused(Refusal, Option<usize>),
}

impl<'a> Attempt<'a> {
    pub(super) fn new(batch: &'a [Envelope], outcomes: &'a Outcomes) -> Self {
        Attempt { batch, outcomes, next: 0, in_flight: VecDeque::new(), written: 0, accepted: false, doubted: None }
    }

    /// Sends what is left, at most `window` at once. When it is stopped, what was in flight has no outcome yet.
    pub(super) async fn run(
        &mut self,
        connection: &mut Connection,
        config: &StompConfig,
        window: usize,
    ) -> Result<(), Stopped> {
        self.written = connection.written();
        loop {
            while self.next < self.batch.len() && self.in_flight.len() < window && connection.waiting() < OUTBOX {
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
            return self.outcomes.failed(index, SendError::poison(text));
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
                    if let Some((index, error)) = self.doubted.take() {
                        self.outcomes.failed(index, error);
                    }
                }
                Ok(())
            }
            "ERROR" => {
                let refusal = Refusal::of(frame);
                // Brokers do not always say which it was; of one it can be no other.
                let alone = (self.in_flight.len() == 1).then_some(0);
                let at = position(refusal.receipt).or(alone);
                Err(Stopped::Refused(refusal, at.map(|at| self.in_flight[at].index)))
            }
            // We subscribe to nothing.
            _ => Ok(()),
        }
    }

    pub(super) fn id(&self, index: usize) -> MessageId {
        self.batch[index].id
    }

    /// What was handed over, or is about to be, and has no outcome.
    pub(super) fn in_flight(&self) -> Vec<MessageId> {
        self.in_flight.iter().map(|sent| self.id(sent.index)).collect()
    }

    /// Goes on from this message, on another connection.
    pub(super) fn resume_at(&mut self, index: usize) {
        self.next = index;
    }

    /// The message is poison if the broker takes another, before it or behind it. `false`: a second one is in doubt, so neither is.
    pub(super) fn doubt(&mut self, index: usize, error: SendError) -> bool {
        if self.accepted {
            self.fail(index, error);
        } else if self.doubted.is_none() {
            self.in_flight.retain(|sent| sent.index != index);
            self.doubted = Some((index, error));
        } else {
            return false;
        }
        true
    }

    /// Nothing is left to be sent. A message that is still in doubt has failed for now; whether there was none.
    pub(super) fn settle_doubt(&mut self) -> bool {
        let Some((index, error)) = self.doubted.take() else { return true };
        self.outcomes.failed(index, SendError::transient(error.message));
        false
    }

    /// This message failed, by itself.
    pub(super) fn fail(&mut self, index: usize, error: SendError) {
        self.outcomes.failed(index, error);
        self.in_flight.retain(|sent| sent.index != index);
    }

    /// Nothing more is sent: this is why.
    pub(super) fn give_up(&mut self, error: &SendError) {
        self.settle_doubt();
        for sent in self.in_flight.drain(..) {
            let perhaps_delivered = sent.queued.end <= self.written;
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
