//! HTTP beside the way: `/livez`, `/readyz`, `/metrics`, `/api/tail`. Reads only.
//!
//! Health and metrics are open to everybody who reaches the port; all else beyond loopback needs the token.

mod scrape;
mod tail;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use crate::delivery::Gate;
use crate::message::Envelope;
use crate::metrics::Metrics;
use crate::pipeline::Progress;
use crate::queue::Queue;
use crate::shutdown::Shutdown;

/// What the endpoints look at.
#[derive(Clone)]
pub struct Admin {
    /// The store's state.
    pub queue: Arc<dyn Queue>,
    /// What is public at this moment.
    pub gate: Arc<dyn Gate>,
    /// The capture's state.
    pub progress: Arc<Progress>,
    /// Everything counted.
    pub metrics: Metrics,
    /// What is being stored, live.
    pub tail: broadcast::Sender<Arc<Envelope>>,
    /// Who knows it may use the API from elsewhere.
    pub token: Option<SecretString>,
    /// Ends live listeners.
    pub shutdown: Shutdown,
}

impl Admin {
    /// Serves until shutdown is requested; requests under way are finished.
    pub async fn serve(self, listener: TcpListener) {
        let shutdown = self.shutdown.clone();
        let api = Router::new()
            .route("/api/tail", get(tail::tail))
            .layer(middleware::from_fn_with_state(self.clone(), authorize));
        let router = Router::new()
            .route("/livez", get(async || "ok\n"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(scrape::metrics))
            .merge(api)
            .with_state(self);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let served = axum::serve(listener, service).with_graceful_shutdown(async move { shutdown.requested().await });
        if let Err(error) = served.await {
            tracing::error!(%error, "the admin port is not served any more");
        }
    }
}

async fn readyz(State(admin): State<Admin>) -> Response {
    if admin.progress.is_running() {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: the capture has not stored a position yet; see the log\n")
            .into_response()
    }
}

async fn authorize(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let allowed = match (&admin.token, bearer(request.headers())) {
        (Some(token), Some(given)) => equal(token.expose_secret().as_bytes(), given.as_bytes()),
        (_, None) => peer.ip().is_loopback(),
        (None, Some(_)) => false,
    };
    if allowed {
        next.run(request).await
    } else if admin.token.is_none() {
        (StatusCode::FORBIDDEN, "from elsewhere the API needs a token: set [admin] token_file\n").into_response()
    } else {
        (StatusCode::UNAUTHORIZED, "the API needs the token of [admin]: Authorization: Bearer TOKEN\n").into_response()
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// In a time that tells nothing of where they differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
