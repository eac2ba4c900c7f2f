//! The page: what an operator sees and does in a browser. Made of what the API tells; works without scripts, better with them.
//!
//! Everything is served from here, nothing is inline, and every word that came from elsewhere is escaped. Whoever changes something has
//! signed in with the token, and sends a form that was made for that session.

mod answer;
mod assets;
mod backlog;
mod bug;
mod configuration;
mod connector;
mod disposal;
mod door;
mod find;
mod form;
mod guard;
mod json;
mod layout;
mod list;
mod log;
mod message;
mod overview;
mod parked;
mod session;
mod tail;
mod viewer;
mod wording;

pub use session::Sessions;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use super::Admin;

/// Bytes of a form: of a thousand messages that were chosen one by one there are fewer.
const FORM_MAX: usize = 64 << 10;

/// Every path of the page.
pub(super) fn routes(admin: &Admin) -> Router<Admin> {
    let views = Router::new()
        .route("/", get(overview::show))
        .route("/connectors/{name}", get(connector::show))
        .route("/connectors/{name}/pause", post(connector::pause))
        .route("/connectors/{name}/resume", post(connector::resume))
        .route("/connectors/{name}/retry", post(connector::retry))
        .route("/connectors/{name}/backlog", get(backlog::show))
        .route("/connectors/{name}/parked", get(parked::show))
        .route("/connectors/{name}/{list}/confirm", get(disposal::confirm))
        .route("/connectors/{name}/{list}/{deed}", post(disposal::carry_out))
        .route("/messages/{id}", get(message::show))
        .route("/bugs/{id}", get(bug::show))
        .route("/find", get(find::find))
        .route("/log", get(log::show))
        .route("/tail", get(tail::show))
        .route("/tail/events", get(tail::events))
        .route("/tail/text", get(tail::text))
        .route("/configuration", get(configuration::show))
        .route_layer(from_fn_with_state(admin.clone(), guard::refer))
        .route_layer(from_fn_with_state(admin.clone(), guard::admit));
    Router::new()
        .merge(views)
        .route("/sign-in", get(door::show).post(door::sign_in))
        .route("/sign-out", post(door::sign_out))
        .route(assets::STYLE, get(assets::style))
        .route(assets::SCRIPT, get(assets::script))
        .route(assets::ICON, get(assets::icon))
        .layer(DefaultBodyLimit::max(FORM_MAX))
        .layer(from_fn(answer::close))
}

/// What is nowhere.
pub(super) async fn nowhere() -> Response {
    layout::nowhere()
}
