//! `/log`: what the latest attempts came to, message by message.

use axum::extract::{Extension, RawQuery, State};
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{self, Tab};
use super::viewer::Viewer;
use super::wording::time;
use crate::admin::Admin;
use crate::admin::log::{self, AttemptOutcome, AttemptView};

pub(super) async fn show(
    State(admin): State<Admin>,
    Extension(viewer): Extension<Viewer>,
    RawQuery(query): RawQuery,
) -> Response {
    let read = async {
        let (connector, limit) = log::parse(query.as_deref())?;
        let page = log::read(&admin, connector.as_deref(), limit).await?;
        Ok((connector, page))
    };
    let (connector, page) = match read.await {
        Ok(read) => read,
        Err(refusal) => return layout::refused(refusal),
    };
    let content = html! {
        h1 { "Log" @if let Some(name) = &connector { " of " (name) } }
        p.subtitle { "The latest attempts, the newest first: kept in memory since this process began, up to 10\u{202f}000 of all connectors." }
        form.filter method="get" action="/log" aria-label="Narrow the list" {
            p {
                label for="connector" { "Connector" }
                select id="connector" name="connector" {
                    option value="" { "all" }
                    @for name in admin.connectors.names() {
                        option value=(name) selected[connector.as_ref() == Some(&name)] { (name) }
                    }
                }
            }
            p { button type="submit" { "Show" } }
        }
        (table(&page.entries, true))
    };
    layout::page(&viewer, "Log", Tab::Log, &content)
}

/// Attempts, one a row.
pub(super) fn table(entries: &[AttemptView], of_all: bool) -> Markup {
    html! {
        @if entries.is_empty() {
            p.empty { "No attempt was made since this process began." }
        } @else {
            div.scroll tabindex="0" role="region" aria-labelledby="attempts" {
                table {
                    caption.hidden id="attempts" { "Attempts, the newest first" }
                    thead { tr {
                        th scope="col" { "When" }
                        @if of_all { th scope="col" { "Connector" } }
                        th scope="col" { "Sequence" } th scope="col" { "Message" } th scope="col" { "Outcome" }
                    } }
                    tbody { @for entry in entries { tr {
                        td { (time(&entry.at)) }
                        @if of_all { td { a href={ "/connectors/" (entry.connector) } { (entry.connector) } } }
                        td { (entry.sequence) }
                        @let short = entry.message_id.get(..8).unwrap_or_default();
                        td.code.short { a href={ "/messages/" (entry.message_id) } title=(entry.message_id) { (short) "…" } }
                        td { (outcome(entry)) }
                    } } }
                }
            }
        }
    }
}

/// In a word, and why.
pub(super) fn outcome(attempt: &AttemptView) -> Markup {
    let (class, word) = match attempt.outcome {
        AttemptOutcome::Sent => ("badge well", "sent"),
        AttemptOutcome::Failed => ("badge backlog", "failed"),
        AttemptOutcome::Parked => ("badge paused", "set aside"),
    };
    html! { span class=(class) { (word) } @if let Some(error) = &attempt.error { " " span.reason { (error) } } }
}
