//! Setting aside, sending after all, dropping: asked first, then done with those that were named, or all up to the sequence that was named;
//! with nothing that was stored after it was asked.

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

/// Which messages are meant.
enum Chosen {
    /// All of the list up to this sequence: the last that there was when it was asked.
    UpTo(i64),
    /// Those of these sequences.
    These(Vec<i64>),
}

impl Chosen {
    fn of(fields: &[(String, String)]) -> Result<Self, Refusal> {
        let refuse = |text: &str| Refusal(StatusCode::BAD_REQUEST, text.to_owned());
        let numbers = |name: &str| -> Result<Vec<i64>, Refusal> {
            let texts = fields.iter().filter(|(key, _)| key == name).map(|(_, text)| text.parse());
            texts.collect::<Result<_, _>>().map_err(|_| refuse("A sequence is a number."))
        };
        match (numbers("up_to")?.as_slice(), numbers("seq")?) {
            ([last], sequences) if sequences.is_empty() => Ok(Chosen::UpTo(*last)),
            ([], sequences) if !sequences.is_empty() => Ok(Chosen::These(sequences)),
            _ => Err(refuse("No message was chosen. Go back, and choose some.")),
        }
    }

    fn choice(&self) -> Choice {
        let sequences = match self {
            Chosen::UpTo(last) => vec![Span { first: 0, last: *last }],
            Chosen::These(sequences) => sequences.iter().map(|n| Span { first: *n, last: *n }).collect(),
        };
        Choice { sequences, ..Choice::default() }
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
        let chosen = match field(&fields, "all") {
            "true" => Chosen::UpTo(admin.queue.stats().await?.last_sequence),
            _ => Chosen::of(&fields)?,
        };
        Ok((deed, chosen, connectors::read(&admin, &name).await?))
    };
    match read.await {
        Ok((deed, chosen, connector)) => {
            let title = format!("{}: {name}", deed.title());
            layout::page(&viewer, &title, Tab::None, &question(form, deed, &list, &chosen, &connector))
        }
        Err(refusal) => layout::refused(refusal),
    }
}

fn question(form: &str, deed: Deed, list: &str, chosen: &Chosen, connector: &ConnectorView) -> Markup {
    let name = &connector.name;
    let there = if list == "parked" { connector.parked } else { connector.messages };
    let count = match chosen {
        Chosen::UpTo(_) => there,
        Chosen::These(sequences) => sequences.len() as u64,
    };
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
            @match chosen {
                Chosen::UpTo(last) => {
                    p { "All that are in this list when the order is carried out, up to sequence " strong { (last) } ". What is stored from now on is left as it is." }
                    input type="hidden" name="up_to" value=(last);
                }
                Chosen::These(sequences) => {
                    @let texts: Vec<String> = sequences.iter().map(i64::to_string).collect();
                    p.sequences { "By sequence: " (texts.join(", ")) }
                    @for sequence in sequences { input type="hidden" name="seq" value=(sequence); }
                }
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
        let choice = Chosen::of(&form.fields)?.choice();
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
