//! `/connectors/NAME`: one connector, with the orders that it can be given; on the overview the same in short.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Extension, Path, State};
use axum::response::Response;
use maud::{Markup, html};

use super::answer::go_to;
use super::form::Form;
use super::layout::{self, Tab};
use super::log::table;
use super::viewer::Viewer;
use super::wording::{bytes, distance, duration, number, time_and_distance};
use crate::admin::answer::Refusal;
use crate::admin::connectors::{self, Changed, ConnectorState, ConnectorView};
use crate::admin::{Admin, log};

/// Attempts that are shown with it.
const LATEST: usize = 20;

pub(super) async fn show(
    State(admin): State<Admin>,
    Extension(viewer): Extension<Viewer>,
    Path(name): Path<String>,
) -> Response {
    let read = async { Ok((connectors::read(&admin, &name).await?, log::read(&admin, Some(&name), LATEST).await?)) };
    let (connector, latest) = match read.await {
        Ok(read) => read,
        Err(refusal) => return layout::refused(refusal),
    };
    let content = html! {
        div.head {
            h1 { "Connector " (name) }
            p.live-control hidden { button.quiet type="button" id="live" aria-pressed="true" { "Updates itself" } }
        }
        (lists(&name, ""))
        p.hidden id="announce" role="status" {}
        div id="connector" data-live {
            (card(&viewer, &connector, Place::Own))
            section aria-labelledby="latest" {
                h2 id="latest" { "Latest attempts" }
                (table(&latest.entries, false))
                @if !latest.entries.is_empty() { p { a href={ "/log?connector=" (name) } { "All of its log" } } }
            }
        }
    };
    layout::page(&viewer, &name, Tab::None, &content)
}

/// The ways to what a connector has.
pub(super) fn lists(name: &str, current: &str) -> Markup {
    html! {
        nav.lists aria-label={ "Of connector " (name) } {
            ul {
                @for (list, title) in [("", "State"), ("/backlog", "Backlog"), ("/parked", "Set aside")] {
                    li { a href={ "/connectors/" (name) (list) } aria-current=[(list == current).then_some("page")] { (title) } }
                }
            }
        }
    }
}

/// Where a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Among those of the others.
    Overview,
    /// On the connector's own page.
    Own,
}

/// How it stands, and what it can be told.
pub(super) fn card(viewer: &Viewer, connector: &ConnectorView, place: Place) -> Markup {
    let ConnectorView { name, state, messages, parked, .. } = connector;
    html! {
        article.card.connector data-state=(state.as_str()) data-name=(name) aria-labelledby={ "connector-" (name) } {
            div.title {
                @match place {
                    Place::Overview => h3 id={ "connector-" (name) } { a href={ "/connectors/" (name) } { (name) } },
                    Place::Own => h2 id={ "connector-" (name) } { "State" },
                }
                (badge(connector))
                (orders(viewer, connector, place))
            }
            dl.facts {
                div {
                    dt { "Backlog" }
                    dd.figure {
                        a href={ "/connectors/" (name) "/backlog" } { (number(*messages)) }
                        @if *messages > 0 { span.soft { " " (bytes(connector.bytes)) } }
                    }
                }
                div { dt { "Oldest" } dd { (connector.oldest_age_seconds.map_or("–".to_owned(), duration)) } }
                div { dt { "Drained in" } dd { (drain(connector)) } }
                div { dt { "Set aside" } dd.figure { a href={ "/connectors/" (name) "/parked" } { (number(*parked)) } } }
                div {
                    dt { "Last success" }
                    dd { @match &connector.last_success { Some(at) => (time_and_distance(at)), None => span.soft { "none yet" } } }
                }
                div { dt { "Next attempt" } dd { (next_attempt(connector)) } }
            }
            @if let Some(error) = &connector.last_error {
                div.error {
                    p.label { "Last error" @if connector.class.as_deref() == Some("misconfigured") { " – somebody must act" } }
                    p { (error) }
                }
            }
        }
    }
}

fn badge(connector: &ConnectorView) -> Markup {
    let attempts = connector.attempts;
    let text = match connector.state {
        ConnectorState::Well => "well".to_owned(),
        ConnectorState::Backlog => format!("failing, {attempts} attempt{}", if attempts == 1 { "" } else { "s" }),
        ConnectorState::Paused => "paused".to_owned(),
        ConnectorState::Disabled => "disabled".to_owned(),
        ConnectorState::Gone => "not configured any more".to_owned(),
    };
    html! { span class={ "badge " (connector.state.as_str()) } { (text) } }
}

fn drain(connector: &ConnectorView) -> Markup {
    match connector.drain_seconds {
        Some(seconds) => html! { "about " (duration(seconds)) },
        None if connector.messages == 0 => html! { "–" },
        None => html! { span.soft { "nothing leaves" } },
    }
}

fn next_attempt(connector: &ConnectorView) -> Markup {
    match (&connector.next_attempt, connector.state) {
        (Some(at), ConnectorState::Backlog) => {
            let distance = distance(at);
            html! { time datetime=(at) { (if distance.ends_with("ago") { "now" } else { distance.as_str() }) } }
        }
        (_, ConnectorState::Paused) => html! { "when it is resumed" },
        _ => html! { "–" },
    }
}

/// A button for each order that makes sense now.
fn orders(viewer: &Viewer, connector: &ConnectorView, place: Place) -> Markup {
    let orders: &[(&str, &str)] = match connector.state {
        ConnectorState::Well => &[("pause", "Pause")],
        ConnectorState::Backlog => &[("retry", "Retry now"), ("pause", "Pause")],
        ConnectorState::Paused => &[("resume", "Resume")],
        ConnectorState::Disabled | ConnectorState::Gone => &[],
    };
    let name = &connector.name;
    html! {
        @if let Some(form) = viewer.form() {
            div.orders {
                @for (order, title) in orders {
                    form method="post" action={ "/connectors/" (name) "/" (order) } {
                        input type="hidden" name="form" value=(form);
                        @if place == Place::Own { input type="hidden" name="back" value="connector"; }
                        button type="submit" id={ (order) "-" (name) } aria-label={ (title) ": " (name) } { (title) }
                    }
                }
            }
        }
    }
}

type Ordered = (State<Admin>, ConnectInfo<SocketAddr>, Path<String>);

pub(super) async fn pause((State(admin), ConnectInfo(peer), Path(name)): Ordered, form: Form) -> Response {
    let done = connectors::hold(&admin, peer, &name, true).await;
    told(&admin, &form, &name, done, ["is paused: its messages are collected.", "was paused already."])
}

pub(super) async fn resume((State(admin), ConnectInfo(peer), Path(name)): Ordered, form: Form) -> Response {
    let done = connectors::hold(&admin, peer, &name, false).await;
    told(&admin, &form, &name, done, ["is resumed.", "was not paused."])
}

pub(super) async fn retry((State(admin), ConnectInfo(peer), Path(name)): Ordered, form: Form) -> Response {
    let done = connectors::try_now(&admin, peer, &name).await;
    told(&admin, &form, &name, done, ["is tried again now.", "does not fail: there was nothing to try again."])
}

/// Says on the page where the order came from what it came to.
fn told(admin: &Admin, form: &Form, name: &str, done: Result<Changed, Refusal>, words: [&str; 2]) -> Response {
    match done {
        Ok(Changed { changed, .. }) => {
            admin.sessions.note(&form.session, format!("{name} {}", words[usize::from(!changed)]));
            go_to(&if form.all("back").next() == Some("connector") {
                format!("/connectors/{name}")
            } else {
                "/".to_owned()
            })
        }
        Err(refusal) => layout::refused(refusal),
    }
}
