//! HTTP beside the way: `/livez`, `/readyz`, `/metrics`, the API that the verbs ask, and the page. State is changed by way of the queue
//! and delivery alone.
//!
//! Health and metrics are open to everybody who reaches the port; all else from beyond this machine, or through a proxy on it, needs the
//! token, and so does every change of state, wherever it comes from.

mod adoption;
mod answer;
mod backlog;
mod configuration;
mod connectors;
mod disposal;
mod guesses;
mod log;
mod messages;
mod openapi;
mod page;
mod paging;
mod parked;
mod port;
mod replay;
mod scrape;
mod standby;
mod status;
mod tail;

pub use adoption::{AdoptionOrder, AdoptionView, ServerView};
pub use backlog::{BacklogPage, EntryView};
pub use configuration::Configuration;
pub use connectors::{Changed, ConnectorState, ConnectorView};
pub use disposal::{Choice, Disposed, Span};
pub use guesses::Guesses;
pub use log::{AttemptOutcome, AttemptView, LogPage};
pub use messages::{FateState, FateView, JudgementView, TracePage, TraceView};
pub use page::Sessions;
pub use parked::{ParkedPage, ParkedView};
pub use replay::{ReplayOrder, ReplayView};
pub use scrape::Counts;
pub use status::{SourceView, StatusView, StoreView};
pub use tail::LISTENERS_MAX;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast, watch};

use crate::bugzilla::Zone;
use crate::capture::identity::Admission;
use crate::delivery::{Gate, Journal, Served};
use crate::message::Envelope;
use crate::metrics::Metrics;
use crate::pipeline::{Progress, Replay};
use crate::queue::Queue;
use crate::secret::{Secret, same};
use crate::shutdown::Shutdown;

/// What the endpoints look at.
#[derive(Clone)]
pub struct Admin {
    /// The store's state.
    pub queue: Arc<dyn Queue>,
    /// What is public at this moment.
    pub gate: Arc<dyn Gate>,
    /// Whether the server that is read is ours.
    pub admission: Arc<Admission>,
    /// The capture's state.
    pub progress: Arc<Progress>,
    /// Tells saves of the past again; none: there is no Bugzilla.
    pub replay: Option<Arc<Replay>>,
    /// Held by the replay that runs: one at a time.
    pub replaying: Arc<Semaphore>,
    /// The zone of times without one.
    pub zone: Zone,
    /// Everything counted.
    pub metrics: Metrics,
    /// What is being stored, live.
    pub tail: broadcast::Sender<Arc<Envelope>>,
    /// Live listeners that may still come.
    pub listeners: Arc<Semaphore>,
    /// Every connector of the configuration.
    pub connectors: Served,
    /// Has the connectors' workers look at the queue.
    pub news: watch::Sender<()>,
    /// What the last scrape counted.
    pub scraping: Arc<Counts>,
    /// What became of the latest attempts.
    pub journal: Journal,
    /// The way in, for people; none: there is no Bugzilla.
    pub capture: Option<&'static str>,
    /// What is configured, without its secrets.
    pub configuration: watch::Receiver<Configuration>,
    /// Who has signed in to the page.
    pub sessions: Arc<Sessions>,
    /// Who gives wrong tokens.
    pub guesses: Arc<Guesses>,
    /// Who knows it may use the API from elsewhere, and change state.
    pub token: Secret,
    /// Ends live listeners.
    pub shutdown: Shutdown,
}

impl Admin {
    /// Serves until shutdown is requested, and what the relay serves beside it; requests under way are finished.
    pub async fn serve(self, listener: TcpListener, relay: Option<Router>) {
        let shutdown = self.shutdown.clone();
        let api = api()
            .into_iter()
            .fold(Router::new(), |router, (path, answer)| router.route(path, answer))
            .layer(middleware::from_fn_with_state(self.clone(), standby::refer))
            .layer(middleware::from_fn_with_state(self.clone(), authorize));
        let router = Router::new()
            .route("/livez", get(async || "ok\n"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(scrape::metrics))
            .merge(api)
            .merge(page::routes(&self))
            .fallback(page::nowhere)
            .with_state(self)
            .merge(relay.unwrap_or_default());
        port::serve(listener, router, shutdown).await;
    }

    /// Whether the API may be asked; a wrong token is counted, and perhaps answered late.
    async fn access(&self, peer: SocketAddr, method: &Method, headers: &HeaderMap) -> Result<(), Denial> {
        let token = self.token.get();
        let answer = access(token.as_ref(), peer.ip(), method, headers);
        if answer.is_err() && token.is_some() && bearer(headers).is_some() {
            self.guesses.answer_wrong(peer).await;
        }
        answer
    }
}

/// Why not.
type Denial = (StatusCode, &'static str);

/// Every path of the API, and what answers it. `openapi.json` has the same.
fn api() -> Vec<(&'static str, MethodRouter<Admin>)> {
    vec![
        ("/api/status", get(status::status)),
        ("/api/tail", get(tail::tail)),
        ("/api/connectors", get(connectors::list)),
        ("/api/connectors/{name}", get(connectors::one)),
        ("/api/connectors/{name}/pause", post(connectors::pause)),
        ("/api/connectors/{name}/resume", post(connectors::resume)),
        ("/api/connectors/{name}/retry", post(connectors::retry)),
        ("/api/backlog/{name}", get(backlog::page)),
        ("/api/backlog/{name}/skip", post(disposal::skip)),
        ("/api/backlog/{name}/drop", post(disposal::drop_waiting)),
        ("/api/parked/{name}", get(parked::page)),
        ("/api/parked/{name}/retry", post(disposal::retry_parked)),
        ("/api/parked/{name}/drop", post(disposal::drop_parked)),
        ("/api/log", get(log::show)),
        ("/api/configuration", get(configuration::show)),
        ("/api/bugs/{id}", get(messages::of_bug)),
        ("/api/messages/{id}", get(messages::of_id)),
        ("/api/replay", post(replay::replay)),
        ("/api/identity", get(adoption::show)),
        ("/api/adopt", post(adoption::adopt)),
        ("/api/openapi.json", get(openapi::document)),
    ]
}

async fn readyz(State(admin): State<Admin>) -> Response {
    if let Some(refusal) = admin.admission.refusal() {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", refusal.message)).into_response()
    } else if admin.progress.is_running() {
        (StatusCode::OK, "ready\n").into_response()
    } else if admin.queue.stands_by() {
        (StatusCode::OK, "ready: standing by, another instance leads\n").into_response()
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
    match admin.access(peer, request.method(), request.headers()).await {
        Ok(()) => next.run(request).await,
        Err((status, text)) => (status, text).into_response(),
    }
}

/// The token opens the API from everywhere; without it this machine alone, to look, by an address that no other site can take on.
/// To change something it is needed here too: a page in a browser on this machine can send a request as well.
fn access(token: Option<&SecretString>, peer: IpAddr, method: &Method, headers: &HeaderMap) -> Result<(), Denial> {
    if let (Some(token), Some(given)) = (token, bearer(headers)) {
        if same(token.expose_secret().as_bytes(), given.as_bytes()) {
            return Ok(());
        }
        return Err((StatusCode::UNAUTHORIZED, "this is not the token of [admin]\n"));
    }
    if !is_this_machine(peer, headers) {
        return Err(match token {
            None => (StatusCode::FORBIDDEN, "from elsewhere the API needs a token: set [admin] token_file\n"),
            Some(_) => (StatusCode::UNAUTHORIZED, "the API needs the token of [admin]: Authorization: Bearer TOKEN\n"),
        });
    }
    if !method.is_safe() {
        return Err(match token {
            None => (StatusCode::FORBIDDEN, "a change of state needs a token: set [admin] token_file\n"),
            Some(_) => (StatusCode::UNAUTHORIZED, "a change of state needs the token: Authorization: Bearer TOKEN\n"),
        });
    }
    if !names_an_address(headers) {
        let text = "without a token the API is asked by address: http://127.0.0.1 or http://localhost\n";
        return Err((StatusCode::FORBIDDEN, text));
    }
    Ok(())
}

/// What a proxy says of whom it asks for: any of them, and whoever connects is not whoever asks.
const OF_PROXIES: [&str; 6] =
    ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "via"];

/// Whether somebody on this machine asks, and no proxy on it for somebody else. Of the loopback network only what connections get by
/// themselves: Istio's sidecar connects from 127.0.0.6.
fn is_this_machine(peer: IpAddr, headers: &HeaderMap) -> bool {
    let is_here = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].contains(&peer.to_canonical());
    is_here && !OF_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// Whether `Host` is an IP address or localhost. A page of another site that has its name point here (DNS rebinding) makes a
/// browser on this machine ask with that name.
fn names_an_address(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(token: Option<&str>, peer: &str, host: &str, given: Option<&str>) -> u16 {
        asked_by(Method::GET, token, peer, host, given)
    }

    fn asked_by(method: Method, token: Option<&str>, peer: &str, host: &str, given: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(given) = given {
            headers.insert(header::AUTHORIZATION, format!("Bearer {given}").parse().unwrap());
        }
        let token = token.map(SecretString::from);
        access(token.as_ref(), peer.parse().unwrap(), &method, &headers)
            .map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn from_elsewhere_the_api_needs_the_token() {
        assert_eq!(asked(None, "192.0.2.7", "192.0.2.1:9464", None), 403);
        assert_eq!(asked(None, "192.0.2.7", "192.0.2.1:9464", Some("guess")), 403);
        assert_eq!(asked(Some("secret"), "192.0.2.7", "192.0.2.1:9464", None), 401);
        assert_eq!(asked(Some("secret"), "192.0.2.7", "192.0.2.1:9464", Some("Secret")), 401);
        assert_eq!(asked(Some("secret"), "192.0.2.7", "relay.example.org", Some("secret")), 200);
    }

    #[test]
    fn on_this_machine_it_is_open_but_a_wrong_token_is_wrong() {
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(asked(None, peer, "localhost:9464", None), 200, "{peer}");
        }
        assert_eq!(asked(Some("secret"), "127.0.0.1", "127.0.0.1:9464", None), 200);
        assert_eq!(asked(Some("secret"), "127.0.0.1", "127.0.0.1:9464", Some("guess")), 401);
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        let asked = |peer: &str, header: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:9464".parse().unwrap());
            headers.insert(header, "https".parse().unwrap());
            access(Some(&"secret".into()), peer.parse().unwrap(), &Method::GET, &headers).map_err(|(status, _)| status)
        };
        for header in OF_PROXIES {
            assert_eq!(asked("127.0.0.1", header), Err(StatusCode::UNAUTHORIZED), "{header}");
        }
        for (peer, is_here) in [("127.0.0.1", true), ("::1", true), ("127.0.0.6", false), ("::ffff:127.0.0.6", false)] {
            assert_eq!(asked(peer, "accept").is_ok(), is_here, "{peer}");
        }
    }

    #[test]
    fn a_change_of_state_needs_the_token_on_this_machine_too() {
        let post = |token, given| asked_by(Method::POST, token, "127.0.0.1", "localhost", given);
        assert_eq!(post(None, None), 403);
        assert_eq!(post(None, Some("guess")), 403);
        assert_eq!(post(Some("secret"), None), 401);
        assert_eq!(post(Some("secret"), Some("guess")), 401);
        assert_eq!(post(Some("secret"), Some("secret")), 200);
    }

    #[test]
    fn a_name_that_another_site_may_point_here_is_refused_without_the_token() {
        for (host, status) in [
            ("evil.example", 403),
            ("localhost.evil.example:9464", 403),
            ("127.0.0.1.evil.example", 403),
            ("", 403),
            ("[::1]:9464", 200),
            ("LOCALHOST", 200),
        ] {
            assert_eq!(asked(Some("secret"), "127.0.0.1", host, None), status, "{host}");
            let with_token = asked(Some("secret"), "127.0.0.1", host, Some("secret"));
            assert_eq!(with_token, 200, "{host}");
        }
    }
}
