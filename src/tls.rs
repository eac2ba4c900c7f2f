//! Whom we trust when we connect: the authorities of a PEM file, or the built-in ones. Reads the file, connects to nothing.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

/// How a connection to a server is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    Off,
    /// The server's certificate is verified, by this authority or by the built-in ones.
    Verify {
        /// PEM.
        ca_file: Option<PathBuf>,
    },
}

/// A file or setting that somebody has to mend; the text says which key names it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);

/// Trusts what `ca_file` signed; without it, the authorities that browsers trust. Whether we show a certificate is still to be said.
///
/// # Errors
/// The file cannot be read, or is no PEM file of certificates.
pub fn trusting(ca_file: Option<&Path>) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    // No default of the process is relied on: a test, or a library, may have set none or another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(format!("TLS cannot be set up: {error}")))?;
    Ok(builder.with_root_certificates(roots(ca_file)?))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let Some(path) = ca_file else {
        return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca_file", path)? {
        roots.add(certificate).map_err(|error| unreadable("ca_file", path, &error))?;
    }
    Ok(roots)
}

/// What somebody has to mend where it is TLS that a connection failed by; `None`: it was something else, which may pass by itself.
pub fn refusal(error: &(dyn Error + 'static)) -> Option<&'static str> {
    match cause(error)? {
        rustls::Error::InvalidCertificate(_) => Some(
            "the server's certificate is not trusted (let `ca_file` name who signed it, and the address the host it is for)",
        ),
        _ => Some("the server refuses TLS as we speak it (see its TLS settings)"),
    }
}

/// The error of TLS that is behind another one, if there is one.
pub fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|mut cause| {
        // An I/O error is not the source of what it carries, and may carry another one.
        while let Some(carried) = cause.downcast_ref().and_then(io::Error::get_ref) {
            cause = carried;
        }
        cause.downcast_ref()
    })
}

/// The certificates of the PEM file that the key `key` names; at least one.
///
/// # Errors
/// As [`trusting`].
pub fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(none) if none.is_empty() => Err(unreadable(key, path, &"there is no certificate in it")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unreadable(key, path, &error)),
    }
}

/// A PEM file that cannot be used, and what to do about it.
pub fn unreadable(key: &str, path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    let path = path.display();
    TlsError(format!("{path} cannot be used: {error}; let `{key}` name a PEM file that bugrelay may read"))
}
