//! An authority of the test's own, and what it signed, as PEM files in a folder.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// `ca`, `server` for localhost and 127.0.0.1, the same as `expired`, and `client`, in this folder.
    pub(crate) fn make(folder: &Path) -> Self {
        let certificates = Certificates { folder: folder.to_owned() };
        let key = KeyPair::generate().expect("a key");
        let mut params = named("authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        certificates.write("ca.pem", &params.self_signed(&key).expect("signed").pem());
        let authority = Issuer::new(params, key);
        for name in ["server", "expired", "client"] {
            let mut params = named(name);
            params.extended_key_usages = vec![if name == "client" {
                ExtendedKeyUsagePurpose::ClientAuth
            } else {
                ExtendedKeyUsagePurpose::ServerAuth
            }];
            if name == "expired" {
                (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
            }
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &authority).expect("signed");
            certificates.write(&format!("{name}.pem"), &certificate.pem());
            certificates.write(&format!("{name}.key"), &key.serialize_pem());
        }
        certificates
    }

    /// A file: `ca.pem`, `client.pem`, `client.key`, ...
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder of them all.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("it is written");
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
