//! `/`: the whole at a glance: source, store, connectors, and who leads.

use axum::extract::{Extension, State};
use axum::response::Response;
use maud::{Markup, html};

use super::connector::{Place, card};
use super::layout::{self, Tab};
use super::viewer::Viewer;
use super::wording::{bytes, duration, messages, number, time_and_distance};
use crate::admin::Admin;
use crate::admin::adoption::AdoptionView;
use crate::admin::connectors::{ConnectorState, ConnectorView};
use crate::admin::status::{self, SourceView, StatusView};

pub(super) async fn show(State(admin): State<Admin>, Extension(viewer): Extension<Viewer>) -> Response {
    let status = match status::read(&admin).await {
        Ok(status) => status,
        Err(refusal) => return layout::refused(refusal),
    };
    let adoption = AdoptionView::of(admin.admission.refusal().as_deref());
    // Whoever stands by takes no orders.
    let shown_to = if status.stands_by { Viewer { session: None, ..viewer.clone() } } else { viewer.clone() };
    let content = html! {
        div.head {
            h1 { "Overview" }
            p.live-control hidden { button.quiet type="button" id="live" aria-pressed="true" { "Updates itself" } }
        }
        p.hidden id="announce" role="status" {}
        div id="overview" data-live {
            (headline(&status, &adoption))
            div.cards.two {
                (source(&status.source))
                (store(&status))
            }
            section aria-labelledby="connectors" {
                h2 id="connectors" { "Connectors" }
                @for connector in &status.connectors { (card(&shown_to, connector, Place::Overview)) }
                @if status.connectors.is_empty() { p.empty { "The store knows no connector yet." } }
            }
        }
    };
    layout::page(&viewer, "Overview", Tab::Overview, &content)
}

/// What matters first: what is wrong, or that nothing is.
fn headline(status: &StatusView, adoption: &AdoptionView) -> Markup {
    let ill: Vec<&str> = status.connectors.iter().filter(|c| is_ill(c)).map(|c| c.name.as_str()).collect();
    let parked: u64 = status.connectors.iter().map(|connector| connector.parked).sum();
    html! {
        @if let Some(reason) = &adoption.reason {
            p.notice.bad { strong { "Nothing is read or sent. " } (reason) }
        } @else if status.stands_by {
            p.notice {
                strong { "This instance stands by. " }
                "Another one leads: it reads the source, delivers, and answers all else"
                @if let Some(leader) = &status.leader { "; its session comes from " strong { (leader) } }
                "."
            }
        } @else if !status.ready {
            p.notice.bad { strong { "Not ready: " } "the capture has not stored a position yet; the log says what it waits for." }
        } @else if !status.source.connected && status.source.capture.is_some() {
            p.notice.bad { strong { "The database is not read. " } "It is connected to again and again; nothing is lost as long as the server keeps what is saved meanwhile, in its log, its slot or its queue." }
        } @else if ill.is_empty() {
            p.notice.good { "Everything leaves as it comes." @if parked > 0 { " " (messages(parked)) " set aside wait for a decision." } }
        } @else {
            @let need = if ill.len() == 1 { "needs" } else { "need" };
            p.notice.warn { strong { (ill.len()) " of " (status.connectors.len()) " connectors " (need) " a look: " } (ill.join(", ")) "." }
        }
    }
}

fn is_ill(connector: &ConnectorView) -> bool {
    let waits = matches!(connector.state, ConnectorState::Gone | ConnectorState::Disabled) && connector.messages > 0;
    waits || matches!(connector.state, ConnectorState::Backlog | ConnectorState::Paused)
}

fn source(source: &SourceView) -> Markup {
    let lag = if source.lag_seconds < 1.0 { "none".to_owned() } else { seconds(source.lag_seconds) };
    html! {
        section.card aria-labelledby="source" {
            h2 id="source" { "Source" }
            @if let Some(capture) = &source.capture {
                dl.facts {
                    div { dt { "Way in" } dd { (capture) " " (connected(source.connected)) } }
                    div { dt { "Lag" } dd.figure { (lag) } }
                    div { dt { "Last save" } dd { (optional(source.committed_at.as_deref())) } }
                    div { dt { "History compared" } dd { (optional(source.swept_until.as_deref())) } }
                    div.wide { dt { "Position" } dd.code { (source.position.as_deref().unwrap_or("none yet")) } }
                }
            } @else {
                p { "There is no Bugzilla: this is a relay alone." }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a lag is some seconds")]
fn seconds(seconds: f64) -> String {
    duration(seconds as u64)
}

fn connected(connected: bool) -> Markup {
    if connected {
        html! { span.badge.well { "connected" } }
    } else {
        html! { span.badge.backlog { "not connected" } }
    }
}

fn optional(time: Option<&str>) -> Markup {
    match time {
        Some(time) => time_and_distance(time),
        None => html! { span.soft { "none yet" } },
    }
}

fn store(status: &StatusView) -> Markup {
    let parked: u64 = status.connectors.iter().map(|connector| connector.parked).sum();
    let waiting: u64 = status.connectors.iter().map(|connector| connector.messages).sum();
    html! {
        section.card aria-labelledby="store" {
            h2 id="store" { "Queue" }
            dl.facts {
                div { dt { "Main queue" } dd.figure { (number(status.store.main_queue_messages)) } }
                div { dt { "In backlogs" } dd.figure { (number(waiting)) } }
                div { dt { "Set aside" } dd.figure { (number(parked)) } }
                div { dt { "On disk" } dd { (bytes(status.store.bytes)) } }
                div { dt { "Last sequence" } dd { (number(u64::try_from(status.store.last_sequence).unwrap_or(0))) } }
                div { dt { "This instance" } dd { (if status.stands_by { "stands by" } else { "leads" }) } }
            }
        }
    }
}
