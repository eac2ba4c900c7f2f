//! What every answer of the page tells a browser to keep others from; and where to go on.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

/// Only what is served here, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Unless an answer says otherwise itself. No referrer leaves for other sites; without any at all a browser would hide where a form came from.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// Puts them on whatever is answered.
pub(super) async fn close(request: Request, next: Next) -> Response {
    closed(next.run(request).await)
}

/// With all of them.
pub(super) fn closed(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Goes on there, by a request that changes nothing.
pub(super) fn go_to(place: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// To the form for the token, and back to where they wanted to go.
pub(super) fn to_sign_in(place: &str) -> Response {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("next", place).finish();
    go_to(&format!("/sign-in?{query}"))
}
