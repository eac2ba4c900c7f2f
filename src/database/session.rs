//! Statements of our own schema: one connection that is asked in a row. Knows no table, and judges no answer but by its class.

use std::time::Duration;

use async_trait::async_trait;

use super::{Dialect, Row};
use crate::failure::Class;

/// A server in which we keep something.
#[async_trait]
pub trait Server: Send + Sync {
    /// Whose SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// A connection of its own.
    async fn session(&self) -> Result<Box<dyn Session>, SessionError>;
}

/// One connection. *Order*: as asked. *Dropped halfway*: not to be used again, and the server undoes what was not committed.
#[async_trait]
pub trait Session: Send {
    /// Runs these statements, in as few round trips as fit, and gives the rows of each. What follows one that fails is not run.
    /// An answer is waited for, but not for ever.
    async fn run(&mut self, statements: &[String]) -> Result<Vec<Vec<Row>>, SessionError>;
}

/// Why it was not done. The text holds no value of a row.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{said}")]
pub struct SessionError {
    /// The server's number or SQLSTATE; none: the connection is lost.
    pub code: Option<String>,
    /// Misconfigured: it will say the same until somebody changes something.
    pub class: Class,
    /// For the operator.
    pub said: String,
}

/// Longest that one round trip may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What travels at once: a server takes a packet of its `max_allowed_packet`, which has been 4 MiB or more for long.
const PACKET_BYTES: usize = 1 << 20;

/// Waits for an answer, but not for ever.
pub(super) async fn patiently<T>(what: impl Future<Output = Result<T, SessionError>>) -> Result<T, SessionError> {
    tokio::time::timeout(PATIENCE, what).await.unwrap_or_else(|_| {
        let said = format!("it did not answer within {} s", PATIENCE.as_secs());
        Err(SessionError { code: None, class: Class::Transient, said })
    })
}

/// Statements that travel together, in order.
pub(super) fn packets(statements: &[String]) -> Vec<&[String]> {
    let (mut packets, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (index, statement) in statements.iter().enumerate() {
        if index > first && bytes + statement.len() > PACKET_BYTES {
            packets.push(&statements[first..index]);
            (first, bytes) = (index, 0);
        }
        bytes += statement.len();
    }
    if first < statements.len() {
        packets.push(&statements[first..]);
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_no_larger_than_a_server_takes_and_one_statement_is_never_cut() {
        let sizes = |statements: &[usize]| -> Vec<usize> {
            let statements: Vec<String> = statements.iter().map(|size| "x".repeat(*size)).collect();
            packets(&statements).iter().map(|packet| packet.len()).collect()
        };
        assert_eq!(sizes(&[1, 1, PACKET_BYTES, 1, PACKET_BYTES - 1, 1]), [2, 1, 2, 1]);
        assert_eq!(sizes(&[PACKET_BYTES * 2]), [1]);
        assert!(sizes(&[]).is_empty());
    }
}
