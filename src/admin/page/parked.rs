//! `/connectors/NAME/parked`: what is set aside for a connector.

use axum::extract::{Extension, Path, RawQuery, State};
use axum::response::Response;
use maud::{Markup, html};

use super::backlog::cells;
use super::connector::lists;
use super::layout::{self, Tab};
use super::list::{choice, deeds, filter, pager};
use super::viewer::Viewer;
use super::wording::time;
use crate::admin::Admin;
use crate::admin::paging::Paging;
use crate::admin::parked::{self, ParkedPage, ParkedView};

pub(super) async fn show(
    State(admin): State<Admin>,
    Extension(viewer): Extension<Viewer>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let read = async {
        let paging = Paging { bodies: false, ..Paging::parse(query.as_deref())? };
        Ok((parked::read(&admin, name, &paging).await?, paging))
    };
    match read.await {
        Ok((page, paging)) => layout::page(
            &viewer,
            &format!("Set aside for {}", page.connector),
            Tab::None,
            &content(&viewer, &page, &paging),
        ),
        Err(refusal) => layout::refused(refusal),
    }
}

fn content(viewer: &Viewer, page: &ParkedPage, paging: &Paging) -> Markup {
    let name = &page.connector;
    let path = format!("/connectors/{name}/parked");
    html! {
        h1 { "Set aside for " (name) }
        (lists(name, "/parked"))
        (filter(&path, paging))
        @if page.entries.is_empty() {
            p.empty { @if page.next.is_some() { "Nothing was found so far; there is more to look through." } @else { "Nothing is set aside." } }
        } @else {
            form method="get" action={ (path) "/confirm" } {
                div.scroll tabindex="0" role="region" aria-labelledby="parked" {
                    table {
                        caption id="parked" { "Messages that are set aside, in order" }
                        thead { tr {
                            @if viewer.session.is_some() { th scope="col" { span.hidden { "Choose" } } }
                            th scope="col" { "Sequence" } th scope="col" { "Message" } th scope="col" { "Bug" }
                            th scope="col" { "Committed" } th.number scope="col" { "Attempts" } th.number scope="col" { "Size" }
                            th scope="col" { "Set aside" } th scope="col" { "Why" }
                        } }
                        tbody { @for entry in &page.entries { (row(viewer, entry)) } }
                    }
                }
                (deeds(viewer, &path, paging, &[("retry", "Send after all"), ("drop", "Drop")]))
            }
        }
        (pager(&path, paging, page.next))
    }
}

fn row(viewer: &Viewer, parked: &ParkedView) -> Markup {
    html! {
        tr {
            (choice(viewer, parked.sequence))
            @match &parked.message {
                Some(entry) => (cells(entry)),
                None => { td { (parked.sequence) } td colspan="5" { span.soft { "the store has lost a part of it" } } },
            }
            td { (time(&parked.parked_at)) }
            td.reason { (parked.reason) }
        }
    }
}
