//! What an ERROR frame means. STOMP gives it no codes, so the words of RabbitMQ, ActiveMQ and Artemis are all there is.
//!
//! They may quote the message that is refused: nothing of them is kept but which of the words below stood in them.

use super::codec::Frame;
use crate::connector::SendError;
use crate::connector::broker::Address;

/// Somebody must change something.
const OURS: [&str; 10] = [
    "access_refused",
    "not_found",
    "not_allowed",
    "not authorized",
    "not authorised",
    "unauthorized",
    "security",
    "password",
    "unknown destination",
    "bad connect",
];

/// The broker is in trouble, or about to go.
const THEIRS: [&str; 9] = [
    "connection_forced",
    "shut",
    "stopp",
    "resource_error",
    "internal_error",
    "timeout",
    "unavailable",
    "disposed",
    "usage",
];

/// The message is too large for the broker.
const MESSAGES: [&str; 6] =
    ["larger than", "too large", "too big", "data length was exceeded", "maximum frame size", "size limit"];

/// An ERROR frame, judged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The receipt that the frame at fault asked for, where the broker says so.
    pub(super) receipt: Option<u64>,
    /// What is wrong, where the words tell.
    pub(super) fault: Fault,
    /// The word of ours that told.
    word: Option<&'static str>,
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Our account, or the destination.
    Ours,
    /// The broker.
    Theirs,
    /// The message.
    Messages,
    /// Perhaps the message: the words are not known.
    Unclear,
}

impl Refusal {
    pub(super) fn of(error: &Frame) -> Self {
        let (fault, word) = fault(error.header("message").unwrap_or_default(), &error.body);
        let receipt = error.header("receipt-id").and_then(|id| id.trim().parse().ok());
        Refusal { receipt, fault, word }
    }

    /// The answer to `CONNECT`.
    pub(super) fn of_us(&self, address: &Address) -> SendError {
        let said = self.said();
        let text = format!(
            "{address} refuses us, {said}; see `login`, `passcode` and `vhost`, and the broker's log, which says more"
        );
        if self.fault == Fault::Theirs { SendError::transient(text) } else { SendError::misconfigured(text) }
    }

    /// The answer to a message, or to nothing.
    pub(super) fn explain(&self, address: &Address) -> SendError {
        let said = self.said();
        match self.fault {
            Fault::Ours => SendError::misconfigured(format!(
                "{address} does not let us send, {said}; let the account write there, or correct `destination_template`"
            )),
            _ => SendError::transient(format!("{address} ended the connection, {said}; the broker's log says more")),
        }
    }

    /// The answer to a message that is at fault.
    pub(super) fn of_message(&self, address: &Address) -> SendError {
        let said = self.said();
        let text = format!("{address} refuses this message and takes others, {said}; the broker's log says more");
        if self.fault == Fault::Messages { SendError::too_large(text) } else { SendError::poison(text) }
    }

    fn said(&self) -> String {
        match self.word {
            Some(word) => format!("with the word {word:?}"),
            None => "in words that are not known".to_owned(),
        }
    }
}

/// Who is at fault, and the word that told. The body explains the `message` header: it is asked for the size alone.
fn fault(message: &str, body: &[u8]) -> (Fault, Option<&'static str>) {
    let message = message.to_ascii_lowercase();
    let body = String::from_utf8_lossy(&body[..body.len().min(400)]).to_ascii_lowercase();
    let tells = |text: &str, list: &[&'static str]| list.iter().copied().find(|word| text.contains(word));
    let known = [
        (Fault::Ours, tells(&message, &OURS)),
        (Fault::Theirs, tells(&message, &THEIRS)),
        (Fault::Messages, tells(&message, &MESSAGES).or_else(|| tells(&body, &MESSAGES))),
    ];
    known.into_iter().find(|(_, word)| word.is_some()).unwrap_or((Fault::Unclear, None))
}
