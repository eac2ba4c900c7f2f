//! What all views have around them: head, navigation, search, notices, foot.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::answer::closed;
use super::assets;
use super::viewer::Viewer;
use crate::admin::answer::Refusal;

/// Where in the navigation a view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Log,
    Tail,
    Configuration,
    /// In none of its places.
    None,
}

const TABS: [(Tab, &str, &str); 4] = [
    (Tab::Overview, "/", "Overview"),
    (Tab::Log, "/log", "Log"),
    (Tab::Tail, "/tail", "Live tail"),
    (Tab::Configuration, "/configuration", "Configuration"),
];

/// One view, whole.
pub(super) fn page(viewer: &Viewer, title: &str, tab: Tab, content: &Markup) -> Response {
    let content = html! {
        @if let Some(notice) = &viewer.notice { p.notice.good role="status" { (notice) } }
        (content)
    };
    answer(StatusCode::OK, &document(title, &header(Some(viewer), tab), &content))
}

/// One of which nothing is known.
pub(super) fn unknown(viewer: &Viewer, title: &str, content: &Markup) -> Response {
    answer(StatusCode::NOT_FOUND, &document(title, &header(Some(viewer), Tab::None), content))
}

/// A view for those who may not look yet.
pub(super) fn bare(status: StatusCode, title: &str, content: Markup) -> Response {
    let header = html! { header.top { div.bar { (brand()) } } };
    answer(status, &document(title, &header, &content))
}

/// What went wrong.
pub(super) fn failure(status: StatusCode, text: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let content = html! {
        section.card.narrow {
            h1 { (title) }
            p { (text.trim_end()) }
            p { a href="/" { "To the overview" } }
        }
    };
    closed(answer(status, &document(title, &header(None, Tab::None), &content)))
}

/// The same, as the API says it.
pub(super) fn refused(Refusal(status, text): Refusal) -> Response {
    failure(status, &text)
}

/// A path that is none.
pub(super) fn nowhere() -> Response {
    failure(StatusCode::NOT_FOUND, "There is no such page.")
}

fn answer(status: StatusCode, document: &Markup) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], document.0.clone()).into_response()
}

fn document(title: &str, header: &Markup, content: &Markup) -> Markup {
    let version = &*assets::VERSION;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · bugrelay" }
                link rel="icon" type="image/svg+xml" href={ (assets::ICON) "?" (version) };
                link rel="stylesheet" href={ (assets::STYLE) "?" (version) };
                script src={ (assets::SCRIPT) "?" (version) } defer {}
            }
            body {
                a.skip href="#content" { "To the content" }
                (header)
                main id="content" tabindex="-1" { (content) }
                footer { p { "bugrelay " (env!("CARGO_PKG_VERSION")) " · all times are UTC" } }
            }
        }
    }
}

fn brand() -> Markup {
    html! { a.brand href="/" { img src={ (assets::ICON) "?" (&*assets::VERSION) } alt="" width="22" height="22"; "bugrelay" } }
}

fn header(viewer: Option<&Viewer>, current: Tab) -> Markup {
    html! {
        header.top {
            div.bar {
                (brand())
                nav aria-label="Views" {
                    ul {
                        @for (tab, href, name) in TABS {
                            li { a href=(href) aria-current=[(tab == current).then_some("page")] { (name) } }
                        }
                    }
                }
                form.find role="search" method="get" action="/find" {
                    label.hidden for="find" { "Bug number or message id" }
                    input id="find" name="q" type="search" placeholder="Bug number or message id" autocomplete="off" spellcheck="false" required;
                    button type="submit" { "Find" }
                }
                @if let Some(viewer) = viewer { (who(viewer)) }
            }
        }
    }
}

fn who(viewer: &Viewer) -> Markup {
    html! {
        @if let Some(session) = &viewer.session {
            form.who method="post" action="/sign-out" {
                input type="hidden" name="form" value=(session.form);
                button.quiet type="submit" { "Sign out" }
            }
        } @else if viewer.has_token {
            form.who method="get" action="/sign-in" {
                input type="hidden" name="next" value=(viewer.place);
                button.quiet type="submit" { "Sign in" }
            }
        } @else {
            p.who.hint title="Without a token nothing can be changed: set token_file in [admin]." { "Looking only" }
        }
    }
}
