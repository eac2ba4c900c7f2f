//! Signing in with the token of `[admin]`, and out. The token is in no address and no page.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use secrecy::ExposeSecret as _;

use super::answer::go_to;
use super::form::{field, fields, is_foreign, is_made_for};
use super::layout;
use super::session::Session;
use crate::admin::Admin;
use crate::secret::same;

pub(super) async fn show(State(admin): State<Admin>, RawQuery(query): RawQuery) -> Response {
    let fields = fields(query.unwrap_or_default().as_bytes());
    form(&admin, StatusCode::OK, next(&fields), None)
}

pub(super) async fn sign_in(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields = fields(&body);
    let next = next(&fields);
    if is_foreign(&headers) {
        return form(&admin, StatusCode::FORBIDDEN, "/", Some("Another site sent that form. Sign in here."));
    }
    let given = field(&fields, "token").trim();
    let Some(token) = admin.token.get() else { return form(&admin, StatusCode::FORBIDDEN, next, None) };
    if !same(token.expose_secret().as_bytes(), given.as_bytes()) {
        admin.guesses.answer_wrong(peer).await;
        return form(&admin, StatusCode::UNAUTHORIZED, next, Some("This is not the token of [admin]."));
    }
    let session = match admin.sessions.begin(&token) {
        Ok(session) => session,
        Err(error) => {
            let text = format!("the system gives no random numbers: {error}");
            return layout::failure(StatusCode::INTERNAL_SERVER_ERROR, &text);
        }
    };
    tracing::info!(%peer, "somebody signed in to the page");
    with_cookie(go_to(next), &session.cookie(&headers))
}

pub(super) async fn sign_out(State(admin): State<Admin>, headers: HeaderMap, body: Bytes) -> Response {
    let session = admin.sessions.find(&headers, admin.token.get().as_ref());
    if let Some(session) = session {
        if !is_made_for(&session, &fields(&body)) {
            return layout::failure(StatusCode::FORBIDDEN, "This form was not made for your session.");
        }
        admin.sessions.end(&session);
    }
    with_cookie(go_to("/"), &Session::no_cookie(&headers))
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A path of this page, and of no other site.
fn next(fields: &[(String, String)]) -> &str {
    let wanted = field(fields, "next");
    let is_path = wanted.starts_with('/') && !wanted.starts_with("//");
    let is_plain = wanted.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if is_path && is_plain { wanted } else { "/" }
}

fn form(admin: &Admin, status: StatusCode, next: &str, wrong: Option<&str>) -> Response {
    let content = if admin.token.get().is_some() { token_form(next, wrong) } else { no_token() };
    layout::bare(status, "Sign in", content)
}

fn token_form(next: &str, wrong: Option<&str>) -> Markup {
    html! {
        form.card.narrow method="post" action="/sign-in" {
            h1 { "Sign in" }
            @if let Some(wrong) = wrong { p.notice.bad role="alert" id="wrong" { (wrong) } }
            input type="hidden" name="next" value=(next);
            label for="token" { "Token" }
            input id="token" name="token" type="password" autocomplete="current-password" required autofocus
                aria-describedby="hint" aria-invalid[wrong.is_some()];
            p.hint id="hint" { "The one that " code { "token_file" } " in " code { "[admin]" } " holds. It is asked for again after twelve hours." }
            button.primary type="submit" { "Sign in" }
        }
    }
}

fn no_token() -> Markup {
    html! {
        section.card.narrow {
            h1 { "Sign in" }
            p { "There is no token, so nothing can be changed here. Set " code { "token_file" } " in " code { "[admin]" } ", and load this page again." }
            p { a href="/" { "Back to the overview" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_one_stays_on_this_page() {
        let next_of = |wanted: &str| next(&[("next".to_owned(), wanted.to_owned())]).to_owned();
        assert_eq!(next_of("/bugs/7?limit=2"), "/bugs/7?limit=2");
        for foreign in ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "evil", ""] {
            assert_eq!(next_of(foreign), "/", "{foreign:?}");
        }
        assert_eq!(next(&[]), "/");
    }
}
