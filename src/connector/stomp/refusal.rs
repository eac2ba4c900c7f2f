//! What an ERROR frame means. STOMP gives it no codes, so the words of RabbitMQ, ActiveMQ and Artemis are all there is.

use super::codec::Frame;
use super::config::Address;
use crate::connector::SendError;

/// Of the `message` header no more than this gets into a log.
const EXCERPT: usize = 100;

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
    /// What the broker says, cut down to what cannot be a message.
    said: String,
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
        let message = error.header("message").unwrap_or_default();
        let excerpt = message.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(EXCERPT).collect();
        Refusal {
            receipt: error.header("receipt-id").and_then(|id| id.trim().parse().ok()),
            fault: fault(message, &error.body),
            said: excerpt,
        }
    }

    /// The answer to `CONNECT`.
    pub(super) fn of_us(&self, address: &Address) -> SendError {
        let text = format!("{address} refuses us ({}); see `login`, `passcode` and `vhost`", self.said);
        if self.fault == Fault::Theirs { SendError::transient(text) } else { SendError::misconfigured(text) }
    }

    /// The answer to a message, or to nothing.
    pub(super) fn explain(&self, address: &Address) -> SendError {
        let said = &self.said;
        match self.fault {
            Fault::Ours => SendError::misconfigured(format!(
                "{address} does not let us send ({said}); let the account write there, or correct `destination_template`"
            )),
            _ => SendError::transient(format!("{address} ended the connection ({said}); the broker's log says more")),
        }
    }

    /// The answer to a message that is at fault.
    pub(super) fn of_message(&self, address: &Address) -> SendError {
        SendError::poison(format!("{address} refuses this message and takes others ({})", self.said))
    }
}

/// The body explains the `message` header, and may quote what was sent: it is asked for the size alone, and stays here.
fn fault(message: &str, body: &[u8]) -> Fault {
    let message = message.to_ascii_lowercase();
    let body = String::from_utf8_lossy(&body[..body.len().min(400)]).to_ascii_lowercase();
    let holds = |text: &str, list: &[&str]| list.iter().any(|word| text.contains(word));
    if holds(&message, &OURS) {
        Fault::Ours
    } else if holds(&message, &THEIRS) {
        Fault::Theirs
    } else if holds(&message, &MESSAGES) || holds(&body, &MESSAGES) {
        Fault::Messages
    } else {
        Fault::Unclear
    }
}
