//! fedmsg's x509 signature: RSA with SHA-1 over the message without its signature and certificate. SHA-1 is fedmsg's choice, and broken
//! against those who may choose what is signed; there is no other that its consumers understand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::PrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use sha1::Sha1;

use super::config::SignConfig;
use crate::tls;

/// A key, and the certificate that goes with each message.
pub(super) struct Signer {
    key: SigningKey<Sha1>,
    /// As it stands in a message.
    pub(super) certificate: String,
}

impl Signer {
    /// Blocks: reads files.
    ///
    /// # Errors
    /// What is wrong with the files, and how to mend it.
    pub(super) fn read(files: &SignConfig) -> Result<Self, String> {
        let certificates = tls::certificates("sign.cert_file", &files.cert_file).map_err(|error| error.to_string())?;
        let certificate = certificates.first().ok_or("there is no certificate in `sign.cert_file`")?;
        let unusable =
            |error: &dyn std::fmt::Display| tls::unreadable("sign.key_file", &files.key_file, error).to_string();
        let pem = std::fs::read_to_string(&files.key_file).map_err(|error| unusable(&error))?;
        let key = PrivateKey::from_pkcs8_pem(&pem).ok().or_else(|| PrivateKey::from_pkcs1_pem(&pem).ok());
        let key = key.ok_or_else(|| unusable(&"there is no RSA key in it that has no password"))?;
        let public = key.to_public_key().to_pkcs1_der().map_err(|error| unusable(&error))?;
        // A certificate holds the public key as it is.
        if !certificate.windows(public.as_bytes().len()).any(|part| part == public.as_bytes()) {
            return Err(format!(
                "the key {} does not belong to the certificate {}; name those that were made together in `sign`",
                files.key_file.display(),
                files.cert_file.display()
            ));
        }
        let lines = wrapped(&STANDARD.encode(certificate), 64);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n");
        Ok(Signer { key: SigningKey::new(key), certificate: wrapped(&STANDARD.encode(pem), 76) })
    }

    /// The signature as it stands in a message.
    ///
    /// # Errors
    /// The key is too short.
    pub(super) fn sign(&self, message: &str) -> Result<String, rsa::signature::Error> {
        let signature = self.key.try_sign(message.as_bytes())?;
        Ok(wrapped(&STANDARD.encode(signature.to_bytes()), 76))
    }
}

/// In lines of this many letters, a line break behind the last one too.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / width + 1);
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at % width == 0 {
            lines.push('\n');
        }
        lines.push(c);
    }
    lines.push('\n');
    lines
}
