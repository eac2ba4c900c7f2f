//! `/find`: a bug by its number, a message by its id.

use axum::extract::{Extension, RawQuery};
use axum::response::Response;
use maud::html;
use uuid::Uuid;

use super::answer::go_to;
use super::form::{field, fields};
use super::layout;
use super::viewer::Viewer;

pub(super) async fn find(Extension(viewer): Extension<Viewer>, RawQuery(query): RawQuery) -> Response {
    let fields = fields(query.unwrap_or_default().as_bytes());
    let wanted = field(&fields, "q").trim();
    if let Ok(bug) = wanted.trim_start_matches('#').parse::<u64>() {
        return go_to(&format!("/bugs/{bug}"));
    }
    if let Ok(id) = Uuid::parse_str(wanted) {
        return go_to(&format!("/messages/{id}"));
    }
    let content = html! {
        section.card.narrow {
            h1 { "Not understood" }
            p { "“" (wanted) "” is neither a bug’s number nor a message’s id, which looks as 6f1ed002-ab59-5e21-9ba4-2d6c1b2a7f0e." }
        }
    };
    layout::unknown(&viewer, "Find", &content)
}
