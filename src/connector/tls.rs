//! TLS to a bus: whom we trust, who we are, and what a handshake that failed says to the operator.

use std::error::Error;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::SendError;
use crate::tls::{self, TlsError};

/// `tls = { ca_file, cert_file, key_file }`: files in PEM, read anew for each connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The authority that signed the other side's certificate. Absent: the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, and those between it and its authority.
    pub cert_file: Option<PathBuf>,
    /// The key to it.
    pub key_file: Option<PathBuf>,
}

impl TlsConfig {
    pub(super) fn files(&self) -> Vec<PathBuf> {
        [&self.ca_file, &self.cert_file, &self.key_file].into_iter().flatten().cloned().collect()
    }

    /// Whether its keys go together, and with what `url` says; `encrypted` is a scheme with TLS.
    pub(super) fn check(&self, is_encrypted: bool, plain: &str, encrypted: &str) -> Result<(), String> {
        if *self != TlsConfig::default() && !is_encrypted {
            return Err(format!(
                "`tls` is given though `url` says {plain}://; write {encrypted}://, or take `tls` out"
            ));
        }
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Err("`tls`: it has one of `cert_file` and `key_file`; they are needed together".to_owned());
        }
        Ok(())
    }
}

/// Longest to read the files. It is part of what one address may take.
const READING: Duration = Duration::from_secs(3);

/// Reads the files of `tls`, each time it is asked: renewed ones need no restart. A mount may hang, so that is done on a thread that
/// may block, and on one at most.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Under way; left over from an earlier time if that one was given up.
    reading: Option<JoinHandle<Result<ClientConfig, SendError>>>,
}

impl Files {
    /// # Errors
    /// The files cannot be read or used, or what they lie on hangs.
    pub(super) async fn read(&mut self, config: &TlsConfig) -> Result<ClientConfig, SendError> {
        if self.reading.as_ref().is_some_and(|reading| !reading.is_finished()) {
            return Err(hangs(config));
        }
        let files = config.clone();
        let reading = self.reading.insert(tokio::task::spawn_blocking(move || client(&files)));
        let Ok(read) = tokio::time::timeout(READING, reading).await else { return Err(hangs(config)) };
        self.reading = None;
        read.unwrap_or_else(|_| Err(SendError::transient("the files of `tls` were not read to their end")))
    }
}

fn hangs(config: &TlsConfig) -> SendError {
    let files: Vec<String> = config.files().iter().map(|path| path.display().to_string()).collect();
    SendError::transient(format!(
        "reading the files of `tls` hangs ({}); see to the disk or the mount that they lie on",
        files.join(", ")
    ))
}

/// Encrypts a connection.
///
/// # Errors
/// What either side thinks of the other's certificate.
pub(super) async fn encrypt(
    tcp: TcpStream,
    host: &str,
    address: &(dyn Display + Sync),
    client: ClientConfig,
) -> Result<TlsStream<TcpStream>, SendError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        SendError::misconfigured(format!("{host} is no name that a certificate can have; correct `url`"))
    })?;
    let connected = TlsConnector::from(Arc::new(client)).connect(name, tcp).await;
    connected.map_err(|error| lost("TLS handshake", &address.to_string(), &error))
}

fn client(config: &TlsConfig) -> Result<ClientConfig, SendError> {
    let builder = tls::trusting(config.ca_file.as_deref())?;
    let (Some(certificate), Some(key)) = (&config.cert_file, &config.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = tls::certificates("cert_file", certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| tls::unreadable("key_file", key, &error))?;
    builder.with_client_auth_cert(chain, private).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        SendError::misconfigured(format!("the certificate {certificate} and the key {key} cannot be used: {error}"))
    })
}

impl From<TlsError> for SendError {
    fn from(error: TlsError) -> Self {
        SendError::misconfigured(error.to_string())
    }
}

/// A connection that failed, with TLS or without: what is a matter of certificates does not pass by itself.
pub(super) fn lost(doing: &str, address: &dyn Display, error: &(dyn Error + 'static)) -> SendError {
    let tls = tls::cause(error);
    let say = |what: &str| SendError::misconfigured(format!("{doing} with {address}: {what}"));
    match tls {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                say("the broker's certificate has expired; renew it")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                say("the broker's certificate is not valid yet; compare the clocks")
            }
            CertificateError::UnknownIssuer => {
                say("the broker's certificate is signed by nobody we trust; name its authority in `tls.ca_file`")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                say("the broker's certificate is for another name; write that one in `url`")
            }
            other => say(&format!("the broker's certificate cannot be trusted ({other}); have it made anew")),
        },
        Some(rustls::Error::AlertReceived(alert)) => match alert {
            AlertDescription::CloseNotify | AlertDescription::InternalError | AlertDescription::UserCanceled => {
                SendError::transient(format!("{doing} with {address}: the broker ended it ({alert:?}); see its log"))
            }
            AlertDescription::CertificateExpired => say("the broker says that our certificate has expired; renew it"),
            _ => say(&format!(
                "the broker refuses us ({alert:?}); give it a certificate that it trusts, by `tls.cert_file`"
            )),
        },
        Some(rustls::Error::InvalidMessage(_)) => {
            say("the broker speaks no TLS on this port; write its TLS port, or the scheme without TLS")
        }
        Some(error @ rustls::Error::PeerIncompatible(_)) => say(&format!("{error}; see the broker's TLS settings")),
        _ => SendError::transient(format!(
            "{doing} with {address} failed: {error}; see whether the broker runs and can be reached"
        )),
    }
}
