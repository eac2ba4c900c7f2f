//! Setting aside, sending after all, dropping: asked first, then done with exactly those that were asked about.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Extension, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::answer::{go_to, to_sign_in};
use super::form::{Form, field, fields};
use super::layout::{self, Tab};
use super::viewer::Viewer;
use super::wording::messages;
use crate::admin::Admin;
use crate::admin::answer::Refusal;
use crate::admin::connectors::{self, ConnectorView};
use crate::admin::disposal::{Choice, Disposed, Span, dispose, skipped};
use crate::queue::Disposal;

/// What is done with messages of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Skip,
    Drop,
    Retry,
    DropParked,
}

impl Deed {
    fn of(list: &str, name: &str) -> Result<Self, Refusal> {
        match (list, name) {
            ("backlog", "skip") => Ok(Deed::Skip),
            ("backlog", "drop") => Ok(Deed::Drop),
            ("parked", "retry") => Ok(Deed::Retry),
            ("parked", "drop") => Ok(Deed::DropParked),
            _ => Err(Refusal(StatusCode::NOT_FOUND, "There is no such page.".to_owned())),
        }
    }

    /// What its button says.
    fn title(self) -> &'static str {
        match self {
            Deed::Skip => "Set aside",
            Deed::Drop | Deed::DropParked => "Drop",
            Deed::Retry => "Send after all",
        }
    }

    /// What comes of it.
    fn consequence(self) -> &'static str {
        match self {
            Deed::Skip => {
                "They are not sent now, and what waits behind them goes on. They can be sent after all, or dropped, later."
            }
            Deed::Drop | Deed::DropParked => {
                "This connector never gets them. It cannot be undone here; a replay tells saves again."
            }
            Deed::Retry => {
                "They wait again at their old place: before whatever waits behind it, and after what was sent meanwhile."
            }
        }
    }

    /// What was done.
    fn done(self) -> &'static str {
        match self {
            Deed::Skip => "set aside",
            Deed::Drop | Deed::DropParked => "dropped",
            Deed::Retry => "put back, to be sent",
        }
    }
}

/// Asks.
pub(super) async fn confirm(
    State(admin): State<Admin>,
    Extension(viewer): Extension<Viewer>,
    Path((name, list)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(form) = viewer.form() else { return to_sign_in(&viewer.place) };
    let fields = fields(query.unwrap_or_default().as_bytes());
    let read = async {
        let deed = Deed::of(&list, field(&fields, "do"))?;
        Ok((deed, chosen(&fields)?, connectors::read(&admin, &name).await?))
    };
    match read.await {
        Ok((deed, choice, connector)) => {
            let title = format!("{}: {name}", deed.title());
            layout::page(&viewer, &title, Tab::None, &question(form, deed, &list, &choice, &connector))
        }
        Err(refusal) => layout::refused(refusal),
    }
}

fn question(form: &str, deed: Deed, list: &str, choice: &Choice, connector: &ConnectorView) -> Markup {
    let name = &connector.name;
    let there = if list == "parked" { connector.parked } else { connector.messages };
    let count = if choice.all { there } else { choice.sequences.len() as u64 };
    let path = format!("/connectors/{name}/{list}");
    let verb = match deed {
        Deed::Skip => "skip",
        Deed::Retry => "retry",
        Deed::Drop | Deed::DropParked => "drop",
    };
    let is_final = matches!(deed, Deed::Drop | Deed::DropParked);
    html! {
        form.card.narrow method="post" action={ (path) "/" (verb) } {
            h1 { (deed.title()) ": " (messages(count)) " of " (name) "?" }
            p { (deed.consequence()) }
            @if choice.all {
                p { "All that are there when the order is carried out; now there are " strong { (messages(there)) } "." }
                input type="hidden" name="all" value="true";
            } @else {
                @let sequences: Vec<String> = choice.sequences.iter().map(|span| span.first.to_string()).collect();
                p.sequences { "By sequence: " (sequences.join(", ")) }
                @for span in &choice.sequences { input type="hidden" name="seq" value=(span.first); }
            }
            @if deed == Deed::Skip {
                label for="reason" { "Why (shown with them)" }
                input id="reason" name="reason" maxlength="200" autocomplete="off";
            }
            input type="hidden" name="form" value=(form);
            p.row {
                button.primary.danger[is_final] type="submit" { (deed.title()) }
                a.button href=(path) { "Leave them as they are" }
            }
        }
    }
}

/// Does it.
pub(super) async fn carry_out(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((name, list, verb)): Path<(String, String, String)>,
    form: Form,
) -> Response {
    let order = async {
        let deed = Deed::of(&list, &verb)?;
        let disposal = match deed {
            Deed::Skip => skipped(form.all("reason").next())?,
            Deed::Drop => Disposal::Drop,
            Deed::Retry => Disposal::Retry,
            Deed::DropParked => Disposal::DropParked,
        };
        let choice = chosen(&form.fields)?;
        Ok((deed, dispose(admin.clone(), peer, name.clone(), &choice, disposal).await?))
    };
    match order.await {
        Ok((deed, Disposed { messages: count, .. })) => {
            let are = if count == 1 { "was" } else { "were" };
            admin.sessions.note(&form.session, format!("{} of {name} {are} {}.", messages(count), deed.done()));
            go_to(&format!("/connectors/{name}/{list}"))
        }
        Err(refusal) => layout::refused(refusal),
    }
}

/// Which messages are meant.
fn chosen(fields: &[(String, String)]) -> Result<Choice, Refusal> {
    let refuse = |text: &str| Refusal(StatusCode::BAD_REQUEST, text.to_owned());
    let all = field(fields, "all") == "true";
    let mut sequences = Vec::new();
    for (_, text) in fields.iter().filter(|(key, _)| key == "seq") {
        let first = text.parse().map_err(|_| refuse("A sequence is a number."))?;
        sequences.push(Span { first, last: first });
    }
    if all != sequences.is_empty() {
        return Err(refuse("No message was chosen. Go back, and choose some."));
    }
    Ok(Choice { sequences, all, reason: None })
}
