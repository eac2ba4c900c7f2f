//! What an error of AMQP means. The broker's words may name what is nobody's business: of them its code is told alone.

use std::fmt::Display;

use lapin::protocol::AMQPError;
use lapin::{Error, ErrorKind};

use super::config::AmqpConfig;
use crate::connector::SendError;

/// The broker's codes, by AMQP's own names.
const CONTENT_TOO_LARGE: u16 = 311;
const NOT_FOUND: u16 = 404;
const ACCESS_REFUSED: u16 = 403;
const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;

/// While we connect, log in, and look for the exchange: nothing was handed over.
pub(super) fn of_us(error: &Error, address: &dyn Display, config: &AmqpConfig) -> SendError {
    let refused = |what: &str| SendError::misconfigured(format!("{address} {what}"));
    match code(error) {
        Some(ACCESS_REFUSED) => refused(
            "refuses us (403); see `username`, `password` or the certificate, and what the account may do in the vhost",
        ),
        Some(NOT_ALLOWED) => refused("does not let us into the vhost (530); see `vhost`, and what the account may do"),
        Some(NOT_FOUND) => {
            refused(&format!("does not have {} (404); make it, or correct `exchange`", config.exchange_for_people()))
        }
        _ => lost(error, address),
    }
}

/// In the middle of sending. Who was at fault is another question: see [`too_large`].
pub(super) fn of_sending(error: &Error, address: &dyn Display, config: &AmqpConfig) -> SendError {
    let exchange = config.exchange_for_people();
    let refused = |what: &str| SendError::misconfigured(format!("{address} {what}"));
    match code(error) {
        Some(ACCESS_REFUSED) => {
            refused(&format!("does not let us write to {exchange} (403); give the account the right to"))
        }
        Some(NOT_FOUND) => refused(&format!("does not have {exchange} any more (404); make it, or correct `exchange`")),
        _ => lost(error, address),
    }
}

/// The connection is gone, or never was.
fn lost(error: &Error, address: &dyn Display) -> SendError {
    match (error.kind(), code(error)) {
        (_, Some(code)) => {
            SendError::transient(format!("{address} ended the connection with the code {code}; its log says why"))
        }
        (ErrorKind::IOError(_) | ErrorKind::InvalidConnectionState(_) | ErrorKind::InvalidChannelState(..), _) => {
            SendError::transient(format!("{address} closed the connection; its log says why"))
        }
        (ErrorKind::MissingHeartbeatError, _) => {
            SendError::transient(format!("{address} was not heard for too long; see whether the broker hangs"))
        }
        (ErrorKind::InvalidProtocolVersion(_) | ErrorKind::ParsingError(_), _) => {
            SendError::transient(format!("{address} does not answer as a broker of AMQP 0-9-1 does; correct `url`"))
        }
        _ => SendError::transient(format!("the connection with {address} failed; see whether the broker runs")),
    }
}

/// How many bytes the message has that the broker finds too large, if that is what it says.
pub(super) fn too_large(error: &Error) -> Option<usize> {
    let ErrorKind::ProtocolError(error) = error.kind() else { return None };
    if ![PRECONDITION_FAILED, CONTENT_TOO_LARGE].contains(&error.get_id()) {
        return None;
    }
    let (_, rest) = error.get_message().as_str().split_once("message size ")?;
    rest.split(' ').next()?.parse().ok()
}

/// Whether it was the channel that was closed, because of what was sent on it.
pub(super) fn is_of_channel(error: &Error) -> bool {
    error.is_amqp_soft_error()
}

fn code(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(AMQPError::get_id(error)),
        _ => None,
    }
}
