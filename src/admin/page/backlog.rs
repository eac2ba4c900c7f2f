//! `/connectors/NAME/backlog`: what waits for a connector, oldest first.

use axum::extract::{Extension, Path, RawQuery, State};
use axum::response::Response;
use maud::{Markup, html};

use super::connector::lists;
use super::layout::{self, Tab};
use super::list::{choice, deeds, filter, pager};
use super::viewer::Viewer;
use super::wording::{bytes, time};
use crate::admin::Admin;
use crate::admin::backlog::{self, BacklogPage, EntryView};
use crate::admin::paging::Paging;

pub(super) async fn show(
    State(admin): State<Admin>,
    Extension(viewer): Extension<Viewer>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let read = async {
        let paging = Paging { bodies: false, ..Paging::parse(query.as_deref())? };
        Ok((backlog::read(&admin, name, &paging).await?, paging))
    };
    match read.await {
        Ok((page, paging)) => layout::page(
            &viewer,
            &format!("Backlog of {}", page.connector),
            Tab::None,
            &content(&viewer, &page, &paging),
        ),
        Err(refusal) => layout::refused(refusal),
    }
}

fn content(viewer: &Viewer, page: &BacklogPage, paging: &Paging) -> Markup {
    let name = &page.connector;
    let path = format!("/connectors/{name}/backlog");
    html! {
        h1 { "Backlog of " (name) }
        (lists(name, "/backlog"))
        (filter(&path, paging))
        @if page.entries.is_empty() {
            p.empty { @if page.next.is_some() { "Nothing was found so far; there is more to look through." } @else { "Nothing waits here." } }
        } @else {
            form method="get" action={ (path) "/confirm" } {
                div.scroll tabindex="0" role="region" aria-labelledby="waiting" {
                    table {
                        caption id="waiting" { "Messages that wait, oldest first" }
                        thead { tr {
                            @if viewer.session.is_some() { th scope="col" { span.hidden { "Choose" } } }
                            th scope="col" { "Sequence" } th scope="col" { "Message" } th scope="col" { "Bug" }
                            th scope="col" { "Committed" } th.number scope="col" { "Attempts" } th.number scope="col" { "Size" }
                        } }
                        tbody { @for entry in &page.entries { tr { (choice(viewer, entry.sequence)) (cells(entry)) } } }
                    }
                }
                (deeds(viewer, &path, paging, &[("skip", "Set aside"), ("drop", "Drop")]))
            }
        }
        (pager(&path, paging, page.next))
    }
}

/// What is known of one that waits, or did.
pub(super) fn cells(entry: &EntryView) -> Markup {
    html! {
        td { (entry.sequence) }
        td { a href={ "/messages/" (entry.message_id) } { (entry.target) "." (entry.action) } }
        td { (bug(entry.bug)) }
        td { (time(&entry.committed_at)) }
        td.number { (entry.attempts) @if entry.perhaps_sent { " " span.badge.paused { "perhaps sent" } } }
        td.number { (bytes(entry.bytes as u64)) }
    }
}

/// A way to its life.
pub(super) fn bug(bug: Option<i64>) -> Markup {
    match bug {
        Some(bug) => html! { a href={ "/bugs/" (bug) } { (bug) } },
        None => html! { "–" },
    }
}
