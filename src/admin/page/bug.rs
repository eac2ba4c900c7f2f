//! `/bugs/ID`: what happened to a bug's changes: captured, grouped, judged, sent where and when.

use axum::extract::{Extension, Path, RawQuery, State};
use axum::response::Response;
use maud::{Markup, html};
use url::Url;

use super::layout::{self, Tab};
use super::list::pager;
use super::message::{state, visibility};
use super::viewer::Viewer;
use super::wording::{rule, time, time_and_distance};
use crate::admin::Admin;
use crate::admin::log::AttemptOutcome;
use crate::admin::messages::{self, FateView, TraceView};
use crate::admin::paging::Paging;

pub(super) async fn show(
    State(admin): State<Admin>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let read = async {
        let sought = messages::bug(&id)?;
        let paging = Paging { bodies: false, ..Paging::parse(query.as_deref())? };
        Ok((messages::traces(&admin, sought, &paging).await?, paging))
    };
    let (page, paging) = match read.await {
        Ok(read) => read,
        Err(refusal) => return layout::refused(refusal),
    };
    let title = format!("Bug {id}");
    let content = html! {
        h1 { "What happened to bug " (id) }
        p.subtitle {
            "As far as the store still knows: what was sent is remembered for " code { "[queue] sent_retention_hours" } "."
            @if let Some(url) = in_bugzilla(&admin, &id) { " " a href=(url) rel="noreferrer" { "The bug in Bugzilla" } }
        }
        @if page.messages.is_empty() {
            p.empty { @if page.next.is_some() { "Nothing was found so far; there is more to look through." } @else { "No message about it is known." } }
        }
        ol.saves { @for save in page.messages.chunk_by(|a, b| a.change_set == b.change_set) { (self::save(save)) } }
        (pager(&format!("/bugs/{id}"), &paging, page.next))
    };
    layout::page(&viewer, &title, Tab::None, &content)
}

/// Where the bug itself is to be seen, for those who may.
fn in_bugzilla(admin: &Admin, id: &str) -> Option<String> {
    let configuration = admin.configuration.borrow();
    let base = configuration.settings.get("bugzilla")?.get("base_url")?.as_str()?;
    let url = Url::parse(base).ok()?.join(&format!("show_bug.cgi?id={id}")).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// The messages of one change set.
fn save(messages: &[TraceView]) -> Markup {
    let Some(first) = messages.first() else { return html! {} };
    html! {
        li.card {
            h2 { "Saved " (time_and_distance(&first.committed_at)) }
            dl.facts {
                div { dt { "Captured and stored" } dd { (time(&first.stored_at)) } }
                div { dt { "Grouped into change set" } dd.code { (first.change_set) } }
                div { dt { "Messages" } dd { (messages.len()) } }
            }
            div.scroll tabindex="0" role="region" aria-label={ "Messages of change set " (first.change_set) } {
                table {
                    thead { tr { th scope="col" { "Message" } th scope="col" { "Judged" } th scope="col" { "Sent where and when" } } }
                    tbody { @for message in messages { tr {
                        th scope="row" { a href={ "/messages/" (message.message_id) } { (message.target) "." (message.action) } }
                        td { (judged(message)) }
                        td { ul.plain { @for fate in &message.connectors { li { (to(fate)) } } } }
                    } } }
                }
            }
        }
    }
}

fn judged(message: &TraceView) -> Markup {
    match message.private {
        Some(private) => {
            html! { (visibility(private)) " " span.soft { (rule(private, message.reason.as_deref(), &message.target)) } }
        }
        None => html! { span.soft { "not kept" } },
    }
}

fn to(fate: &FateView) -> Markup {
    let sent = fate.log.iter().rev().find(|attempt| attempt.outcome == AttemptOutcome::Sent);
    html! {
        (fate.connector) " " (state(fate))
        @if let Some(sent) = sent { " " (time(&sent.at)) }
        @else if fate.attempts > 0 { " " span.soft { "after " (fate.attempts) " attempt" @if fate.attempts != 1 { "s" } } }
        @if let Some(reason) = &fate.reason { div.reason { (reason) } }
    }
}
