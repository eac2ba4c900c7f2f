//! `/tail`: what is being stored, live. The stream is the API's own; without scripts it is there as text that grows.

use axum::extract::{Extension, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use maud::html;

use super::layout::{self, Tab};
use super::viewer::Viewer;
use crate::admin::{Admin, tail};

pub(super) async fn show(Extension(viewer): Extension<Viewer>) -> Response {
    let content = html! {
        div.head {
            h1 { "Live tail" }
            p.live-control hidden {
                button.quiet type="button" id="hold" aria-pressed="false" { "Hold" }
                button.quiet type="button" id="clear" { "Clear" }
            }
        }
        p.subtitle { "What is stored from now on, as it would leave now. Each listener costs a judgement of every message, so there are sixteen at the most." }
        noscript {
            p.notice { "This view needs scripts. Without them: " a href="/tail/text" { "the same stream as text that grows" } "." }
        }
        p id="tail-state" role="status" {}
        ol.tail id="tail" aria-label="Messages, the newest first" {}
    };
    layout::page(&viewer, "Live tail", Tab::Tail, &content)
}

/// For scripts, which cannot send the token: the session is enough.
pub(super) async fn events(State(admin): State<Admin>) -> Response {
    tail::tail(State(admin)).await
}

/// For people without scripts.
pub(super) async fn text(State(admin): State<Admin>) -> Response {
    let mut response = tail::tail(State(admin)).await;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
