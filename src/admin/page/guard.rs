//! Who may look at the page.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::to_sign_in;
use super::layout;
use super::viewer::Viewer;
use crate::admin::{Admin, standby};

/// Paths that an instance that stands by answers as well.
const OWN: [&str; 2] = ["/", "/configuration"];

/// Lets in whoever has signed in, and whoever may ask the API without the token. All others are sent to sign in.
pub(super) async fn admit(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = admin.token.get();
    let session = admin.sessions.find(request.headers(), token.as_ref());
    let is_look = request.method() == Method::GET;
    let place = request.uri().path_and_query().filter(|_| is_look).map_or("/", |place| place.as_str()).to_owned();
    if session.is_none()
        && let Err((_, text)) = admin.access(peer, &Method::GET, request.headers()).await
    {
        return match token {
            Some(_) => to_sign_in(&place),
            None => layout::failure(StatusCode::FORBIDDEN, text),
        };
    }
    // A page that looks by itself whether something is new shows nothing else than what it is made of.
    let is_whole = is_look && !request.headers().contains_key("x-refresh");
    let notice = session.as_ref().filter(|_| is_whole).and_then(|session| admin.sessions.take_notice(session));
    request.extensions_mut().insert(Viewer { session, notice, has_token: token.is_some(), place });
    next.run(request).await
}

/// Sends whoever asks an instance that stands by to the leader.
pub(super) async fn refer(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    if OWN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    match standby::refusal(&admin).await {
        Some(refusal) => layout::refused(refusal),
        None => next.run(request).await,
    }
}
