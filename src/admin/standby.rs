//! What an instance answers that stands by: it knows no connector's state and reads no source, so whoever asks is sent to the leader.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Admin;
use super::answer::Refusal;

/// What it can answer all the same.
const OWN: [&str; 2] = ["/api/status", "/api/openapi.json"];

/// Refuses all else.
pub(super) async fn refer(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    if OWN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    match refusal(&admin).await {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    }
}

/// Why this instance cannot answer; `None`: it leads.
pub(super) async fn refusal(admin: &Admin) -> Option<Refusal> {
    if !admin.queue.stands_by() {
        return None;
    }
    let from = admin.queue.leader().await.map_or_else(String::new, |host| format!(", whose session comes from {host}"));
    let text = format!("this instance stands by; ask the leader{from}");
    Some(Refusal(StatusCode::SERVICE_UNAVAILABLE, text))
}
