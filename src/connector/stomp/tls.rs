//! TLS to a broker: whom we trust, who we are, and what a handshake that failed says to the operator.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::{Address, TlsConfig};
use crate::connector::SendError;

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
    let files = [&config.ca_file, &config.cert_file, &config.key_file].into_iter().flatten();
    let files: Vec<String> = files.map(|path| path.display().to_string()).collect();
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
    address: &Address,
    client: ClientConfig,
) -> Result<TlsStream<TcpStream>, SendError> {
    let name = ServerName::try_from(address.host.clone()).map_err(|_| {
        SendError::misconfigured(format!("{} is no name that a certificate can have; correct `url`", address.host))
    })?;
    let connected = TlsConnector::from(Arc::new(client)).connect(name, tcp).await;
    connected.map_err(|error| lost("TLS handshake", address, &error))
}

fn client(config: &TlsConfig) -> Result<ClientConfig, SendError> {
    // No default of the process is relied on: a test, or a library, may have set none or another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder
        .map_err(|error| SendError::misconfigured(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots(config)?);
    let (Some(certificate), Some(key)) = (&config.cert_file, &config.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates("cert_file", certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("key_file", key, &error))?;
    builder.with_client_auth_cert(chain, private).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        SendError::misconfigured(format!("the certificate {certificate} and the key {key} cannot be used: {error}"))
    })
}

fn roots(config: &TlsConfig) -> Result<RootCertStore, SendError> {
    let Some(path) = &config.ca_file else {
        return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca_file", path)? {
        roots.add(certificate).map_err(|error| unreadable("ca_file", path, &error))?;
    }
    Ok(roots)
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, SendError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(none) if none.is_empty() => Err(unreadable(key, path, &"there is no certificate in it")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unreadable(key, path, &error)),
    }
}

fn unreadable(key: &str, path: &Path, error: &dyn std::fmt::Display) -> SendError {
    let path = path.display();
    SendError::misconfigured(format!(
        "{path} cannot be used: {error}; let `{key}` name a PEM file that bugrelay may read"
    ))
}

/// A connection that failed, with TLS or without: what is a matter of certificates does not pass by itself.
pub(super) fn lost(doing: &str, address: &Address, error: &io::Error) -> SendError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
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
            say("the broker speaks no TLS on this port; write stomp://, or its TLS port")
        }
        Some(error @ rustls::Error::PeerIncompatible(_)) => say(&format!("{error}; see the broker's TLS settings")),
        _ => SendError::transient(format!(
            "{doing} with {address} failed: {error}; see whether the broker runs and can be reached"
        )),
    }
}
