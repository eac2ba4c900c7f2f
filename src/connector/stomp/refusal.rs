//! What an ERROR frame means. STOMP gives it no codes, so the words of RabbitMQ, ActiveMQ and Artemis are all there is.

use super::codec::Frame;
use super::config::Address;
use crate::connector::SendError;

/// Of the `message` header no more than this gets into a log.
const EXCERPT: usize = 100;

/// Somebody must change something.
const MISCONFIGURED: [&str; 12] = [
    "access_refused",
    "access refused",
    "not_found",
    "not_allowed",
    "precondition_failed",
    "not authorized",
    "not authorised",
    "unauthorized",
    "security",
    "password",
    "unknown destination",
    "bad connect",
];

/// The broker is at fault, or about to go.
const TRANSIENT: [&str; 9] = [
    "connection_forced",
    "connection-forced",
    "shut",
    "stopp",
    "resource_error",
    "internal_error",
    "timeout",
    "unavailable",
    "disposed",
];

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
    /// Perhaps the message: the words are not known.
    Unclear,
}

impl Refusal {
    pub(super) fn of(error: &Frame) -> Self {
        let message = error.header("message").unwrap_or_default();
        // The body explains; it may also quote the message, so its words decide where the header's are not known, and stay here.
        let body = String::from_utf8_lossy(&error.body[..error.body.len().min(400)]).into_owned();
        let fault = [message, &body].into_iter().map(fault).find(|fault| *fault != Fault::Unclear);
        let excerpt = message.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(EXCERPT).collect();
        Refusal {
            receipt: error.header("receipt-id").and_then(|id| id.trim().parse().ok()),
            fault: fault.unwrap_or(Fault::Unclear),
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

    /// The answer to a message that was refused twice, alone.
    pub(super) fn of_message(&self, address: &Address) -> SendError {
        SendError::poison(format!("{address} refused this message twice, the second time alone ({})", self.said))
    }
}

fn fault(words: &str) -> Fault {
    let words = words.to_ascii_lowercase();
    let holds = |list: &[&str]| list.iter().any(|word| words.contains(word));
    match () {
        () if holds(&MISCONFIGURED) => Fault::Ours,
        () if holds(&TRANSIENT) => Fault::Theirs,
        () => Fault::Unclear,
    }
}
