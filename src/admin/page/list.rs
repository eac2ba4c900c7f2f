//! What the lists of a connector have in common: narrowing them, going on, choosing from them.

use maud::{Markup, html};
use url::form_urlencoded;

use super::viewer::Viewer;
use crate::admin::paging::{PAGE, Paging, Wanted};

/// Whether some are left out.
fn is_narrowed(paging: &Paging) -> bool {
    paging.wanted != Wanted::default()
}

/// Narrows the list that this page shows.
pub(super) fn filter(path: &str, paging: &Paging) -> Markup {
    let Wanted { bug, target, action } = &paging.wanted;
    html! {
        form.filter method="get" action=(path) aria-label="Narrow the list" {
            p { label for="bug" { "Bug" } input id="bug" name="bug" inputmode="numeric" pattern="[0-9]*" size="8" value=[bug.as_ref()]; }
            p {
                label for="target" { "About" }
                select id="target" name="target" {
                    option value="" { "anything" }
                    @for name in ["bug", "comment", "attachment", "relay"] {
                        option value=(name) selected[target.as_deref() == Some(name)] { (name) }
                    }
                }
            }
            p { label for="action" { "Action or topic" } input id="action" name="action" size="12" value=[action.as_ref()]; }
            p { button type="submit" { "Show" } @if is_narrowed(paging) { " " a href=(path) { "Show all" } } }
        }
    }
}

/// To what follows, and back to the beginning.
pub(super) fn pager(path: &str, paging: &Paging, next: Option<i64>) -> Markup {
    let to = |after: i64| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let Wanted { bug, target, action } = &paging.wanted;
        let (bug, after) = (bug.map(|bug| bug.to_string()), (after > 0).then(|| after.to_string()));
        let limit = (paging.limit != PAGE).then(|| paging.limit.to_string());
        let words = [("bug", &bug), ("target", target), ("action", action), ("limit", &limit), ("after", &after)];
        query.extend_pairs(words.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))));
        format!("{path}?{}", query.finish())
    };
    html! {
        @if paging.after > 0 || next.is_some() {
            nav.pager aria-label="Pages" {
                @if paging.after > 0 { a href=(to(0)) { "First page" } }
                @if let Some(next) = next { a rel="next" href=(to(next)) { "Next page" } }
            }
        }
    }
}

/// What can be done with those that are chosen, or with all; each asks before it does so. Where some are left out there is no "all": it would be
/// more than is seen.
pub(super) fn deeds(viewer: &Viewer, path: &str, paging: &Paging, deeds: &[(&str, &str)]) -> Markup {
    html! {
        @if viewer.session.is_some() {
            div.deeds {
                p {
                    "Those that are chosen: "
                    @for (deed, title) in deeds { button type="submit" name="do" value=(deed) { (title) "…" } " " }
                }
                @if !is_narrowed(paging) {
                    p {
                        "All of them: "
                        @for (deed, title) in deeds { a href={ (path) "/confirm?do=" (deed) "&all=true" } { (title) "…" } " " }
                    }
                }
            }
        } @else if viewer.has_token {
            p.hint { "Sign in to send, set aside or drop messages." }
        }
    }
}

/// A box to choose a message by.
pub(super) fn choice(viewer: &Viewer, sequence: i64) -> Markup {
    html! {
        @if viewer.session.is_some() {
            td.choose { input type="checkbox" name="seq" value=(sequence) aria-label={ "Choose " (sequence) }; }
        }
    }
}
