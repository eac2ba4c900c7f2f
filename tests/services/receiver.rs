//! A receiver of webhooks on 127.0.0.1: keeps what comes, and answers as the test says. With TLS, if it is given certificates.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Certificates;

/// See the module. It ends with the test's runtime.
pub(crate) struct Receiver {
    port: u16,
    shared: Arc<Shared>,
}

/// What decides about an answer.
type Script = Box<dyn FnMut(&Taken) -> Answer + Send>;

struct Shared {
    taken: Mutex<Vec<Taken>>,
    script: Mutex<Script>,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// Of the URL, without its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// What a request is answered with.
pub(crate) enum Answer {
    Status(u16),
    With(u16, [(&'static str, &'static str); 1]),
    /// Nothing, ever.
    Silence,
}

impl Taken {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }
}

impl Receiver {
    /// Listening. Until it is told otherwise it takes everything.
    pub(crate) async fn start() -> Self {
        let script: Script = Box::new(|_| Answer::Status(204));
        let shared = Arc::new(Shared { taken: Mutex::default(), script: Mutex::new(script) });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A port with TLS before it: it has the certificate of this name, and wants one of the client.
    pub(crate) async fn with_tls(&self, certificates: &Certificates, name: &str) -> u16 {
        let read = |name: &str| CertificateDer::from_pem_file(certificates.path(name)).expect("a certificate");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(read("ca.pem")).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
        let key = PrivateKeyDer::from_pem_file(certificates.path(&format!("{name}.key"))).expect("a key");
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(vec![read(&format!("{name}.pem"))], key)
            .expect("a configuration");
        let (acceptor, inner) = (TlsAcceptor::from(Arc::new(config)), self.port);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut outer = acceptor.accept(tcp).await.ok()?;
                    let mut inner = TcpStream::connect((Ipv4Addr::LOCALHOST, inner)).await.ok()?;
                    tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok()
                });
            }
        });
        port
    }

    /// From now on it answers like this.
    pub(crate) fn answers(&self, script: impl FnMut(&Taken) -> Answer + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// All requests that came, in order, whatever they were answered with.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }
}

async fn serve(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    let taken = Taken { path: uri.path().to_owned(), headers, body };
    let answer = (shared.script.lock().unwrap())(&taken);
    // In the order of the answers: a sender waits for one before it goes on with a bug.
    shared.taken.lock().unwrap().push(taken);
    match answer {
        Answer::Status(code) => StatusCode::from_u16(code).expect("a status").into_response(),
        Answer::With(code, headers) => {
            (StatusCode::from_u16(code).expect("a status"), headers, "needle").into_response()
        }
        Answer::Silence => std::future::pending().await,
    }
}
