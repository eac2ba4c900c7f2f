//! From a list of addresses to a connection that a broker has let in.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Address;
use crate::connector::SendError;
use crate::connector::tls::{self, Files, TlsConfig};
use crate::failure::Class;

/// Longest for one address: the files of `tls`, TCP, TLS, and the broker's answer. Another address must get its turn within an attempt.
const PATIENCE: Duration = Duration::from_secs(5);

/// TCP, with TLS around it or not.
pub(in crate::connector) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Tries the addresses, beginning with the one that let us in last.
#[derive(Debug, Default)]
pub(in crate::connector) struct Dialer {
    /// The address to begin with. Moved on before each try: one that hangs until the deadline is not the first one next time.
    first: usize,
    files: Files,
}

impl Dialer {
    /// A connection on which `greet` has said what is to be said first.
    ///
    /// # Errors
    /// No address let us in. It is misconfigured only if each of them is: one that comes back is enough.
    pub(in crate::connector) async fn dial<'a, T>(
        &mut self,
        addresses: &[Address],
        tls: &TlsConfig,
        greet: impl Fn(Box<dyn Stream>, Address) -> BoxFuture<'a, Result<T, SendError>>,
    ) -> Result<T, SendError> {
        let mut refusals: Vec<SendError> = vec![];
        for _ in addresses {
            let at = self.first % addresses.len();
            let address = &addresses[at];
            self.first = at + 1;
            let opened = async { greet(self.connect(address, tls).await?, address.clone()).await };
            match tokio::time::timeout(PATIENCE, opened).await {
                Ok(Ok(connection)) => {
                    self.first = at;
                    return Ok(connection);
                }
                Ok(Err(error)) => refusals.push(error),
                Err(_) => refusals.push(SendError::transient(format!(
                    "{address} took the connection and did not answer within {} s; see whether such a broker runs there",
                    PATIENCE.as_secs()
                ))),
            }
        }
        let texts: Vec<&str> = refusals.iter().map(|error| error.message.as_str()).collect();
        let text = texts.join("; and ");
        let mends_itself = refusals.iter().any(|error| error.class == Class::Transient);
        Err(if mends_itself { SendError::transient(text) } else { SendError::misconfigured(text) })
    }

    async fn connect(&mut self, address: &Address, tls: &TlsConfig) -> Result<Box<dyn Stream>, SendError> {
        // Before the broker is kept waiting.
        let client = if address.encrypted { Some(self.files.read(tls).await?) } else { None };
        let tcp = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(|error| {
            SendError::transient(format!(
                "cannot connect to {address}: {error}; see whether the broker runs, and `url`"
            ))
        })?;
        // What is written is gathered already. Without it that is only slower.
        let _ = tcp.set_nodelay(true);
        Ok(match client {
            Some(client) => Box::new(tls::encrypt(tcp, &address.host, address, client).await?),
            None => Box::new(tcp),
        })
    }
}
