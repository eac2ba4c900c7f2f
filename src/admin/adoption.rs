//! `/api/identity`, `/api/adopt`: the server that was refused, and saying that it is the right one.
//!
//! One line in the log says who did, and which server it was. The store keeps it; whoever reads the source goes by it.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::answer::{Refusal, json};
use crate::capture::identity::{self, Server};
use crate::pipeline;

/// Whether a server was refused, as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionView {
    /// Nothing is read or sent until it is adopted, or the configuration leads to the other one again.
    pub refused: bool,
    /// Why; none: nothing is refused.
    pub reason: Option<String>,
    /// The server that was read before; none: nobody knows which it was.
    pub known: Option<ServerView>,
    /// The one that is there now.
    pub found: Option<ServerView>,
}

/// A server, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerView {
    /// As configured, `HOST:PORT`.
    pub host: String,
    /// As configured.
    pub database: String,
    /// By what it is told from others.
    pub id: String,
}

/// Which server is meant, as the API takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptionOrder {
    /// As it was shown: what has become another meanwhile is not adopted.
    pub server: ServerView,
}

impl From<&Server> for ServerView {
    fn from(server: &Server) -> Self {
        ServerView { host: server.host.clone(), database: server.database.clone(), id: server.id() }
    }
}

impl AdoptionView {
    /// Of what is refused, if something is.
    pub fn of(refusal: Option<&identity::Refusal>) -> Self {
        AdoptionView {
            refused: refusal.is_some(),
            reason: refusal.map(|refusal| refusal.message.clone()),
            known: refusal.and_then(|refusal| refusal.known.as_ref()).map(ServerView::from),
            found: refusal.map(|refusal| (&refusal.found).into()),
        }
    }
}

pub(super) async fn show(State(admin): State<Admin>) -> Result<Response, Refusal> {
    json(&AdoptionView::of(admin.admission.refusal().as_deref()))
}

pub(super) async fn adopt(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let order: AdoptionOrder = serde_json::from_slice(&body)
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("the order is not understood: {error}")))?;
    let conflict = |why: &str| Refusal(StatusCode::CONFLICT, why.to_owned());
    let refusal =
        admin.admission.refusal().ok_or_else(|| conflict("no server is refused: there is nothing to adopt"))?;
    if order.server != (&refusal.found).into() {
        return Err(conflict("the server that is there now is another than the one that is to be adopted; look again"));
    }
    pipeline::adopt(&*admin.queue, &refusal.found).await?;
    tracing::info!(%peer, server = %refusal.found, "a server was adopted by the admin API");
    admin.admission.adopt(&refusal.found);
    json(&AdoptionView { refused: false, ..AdoptionView::of(Some(&refusal)) })
}
