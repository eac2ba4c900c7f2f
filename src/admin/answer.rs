//! How the API answers: JSON for what was asked, a plain sentence for what went wrong. Decides nothing.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What went wrong, for whoever asked.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}

impl From<crate::queue::QueueError> for Refusal {
    fn from(error: crate::queue::QueueError) -> Self {
        Refusal(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

/// As JSON, never kept by anybody in between.
pub(super) fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let text = serde_json::to_vec(value)
        .map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}; please report this")))?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, text).into_response())
}

/// A time of the store for people and programs: RFC 3339, UTC.
pub(super) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}
