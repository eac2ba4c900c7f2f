//! `/messages/ID`: one message: its JSON as it would leave now, which rule decided, and what became of it for each connector.

use axum::extract::{Extension, Path, State};
use axum::response::Response;
use maud::{Markup, html};

use super::backlog::bug;
use super::json::pretty;
use super::layout::{self, Tab};
use super::log::outcome;
use super::viewer::Viewer;
use super::wording::{bytes, rule, time, time_and_distance};
use crate::admin::Admin;
use crate::admin::answer::Refusal;
use crate::admin::messages::{self, FateState, FateView, JudgementView, TracePage, TraceView};
use crate::admin::paging::Paging;

/// As often as it was stored: replays are rare.
const COPIES: usize = 20;

pub(super) async fn show(
    State(admin): State<Admin>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
) -> Response {
    match read(&admin, &id).await {
        Ok((page, _)) if page.messages.is_empty() => {
            let content = html! {
                section.card.narrow {
                    h1 { "Nothing is known of this message" }
                    p.code { (id) }
                    p { "Either its id is another site's, or it left so long ago that it is forgotten (" code { "[queue] sent_retention_hours" } ")." }
                    @if page.next.is_some() { p { "There are so many messages that not all of them were looked through: load this page again." } }
                }
            };
            layout::unknown(&viewer, "Message", &content)
        }
        Ok((page, unjudged)) => {
            let content = html! {
                h1 { "Message" }
                p.code.subtitle { (id) }
                @if let Some(why) = &unjudged { p.notice.warn { (why) } }
                @for message in &page.messages { (copy(&viewer, message, page.messages.len() > 1, unjudged.is_some())) }
            };
            layout::page(&viewer, "Message", Tab::None, &content)
        }
        Err(refusal) => layout::refused(refusal),
    }
}

/// With its body if that can be judged now; if not, why not.
async fn read(admin: &Admin, id: &str) -> Result<(TracePage, Option<String>), Refusal> {
    let sought = messages::message(id)?;
    let paging = Paging { limit: COPIES, bodies: true, ..Paging::default() };
    match messages::traces(admin, sought, &paging).await {
        Ok(page) => Ok((page, None)),
        Err(Refusal(_, why)) => {
            let page = messages::traces(admin, sought, &Paging { bodies: false, ..paging }).await?;
            Ok((page, Some(why.replace("; ask without bodies", ""))))
        }
    }
}

fn copy(viewer: &Viewer, message: &TraceView, is_one_of_many: bool, is_unjudged: bool) -> Markup {
    let id = format!("stored-{}", message.sequence);
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (message.target) "." (message.action) @if is_one_of_many { span.soft { " stored as " (message.sequence) } } }
            div.cards.two {
                section.card {
                    h3 { "What it is" }
                    dl.facts {
                        div { dt { "Bug" } dd { (bug(message.bug)) } }
                        div { dt { "Sequence" } dd { (message.sequence) } }
                        div { dt { "Saved" } dd { (time_and_distance(&message.committed_at)) } }
                        div { dt { "Captured and stored" } dd { (time(&message.stored_at)) } }
                        @if !message.change_set.is_empty() {
                            div.wide { dt { "Change set (user, second, bug)" } dd.code { (message.change_set) } }
                        }
                    }
                }
                (judgement(message))
            }
            section.card {
                h3 { "What became of it" }
                div.scroll tabindex="0" role="region" aria-label="What became of it" { (fates(viewer, message)) }
            }
            section.card {
                h3 { "What would leave now" @if let Some(size) = message.bytes { span.soft { " " (bytes(size as u64)) } } }
                @match &message.body {
                    Some(body) => (pretty(body)),
                    None if is_unjudged => p { "It cannot be judged now, so it is not shown." },
                    None => p { "Nobody waits for it any more, so its text is gone." },
                }
            }
        }
    }
}

/// Public or private, and by which rule: when it was stored, and now.
fn judgement(message: &TraceView) -> Markup {
    html! {
        section.card {
            h3 { "Public or private" }
            @if message.target == "relay" {
                p { "A script dropped it: it is none of Bugzilla's, and no rule judges it." }
            } @else {
                dl.judgements {
                    div {
                        dt { "When it was stored" }
                        dd { @match message.private {
                            Some(private) => (verdict(private, message.reason.as_deref(), &message.target)),
                            None => "an older version stored it, which did not keep that",
                        } }
                    }
                    @if let Some(JudgementView { private, reason }) = &message.now {
                        div { dt { "Now" } dd { (verdict(*private, reason.as_deref(), &message.target)) } }
                    }
                }
                p.hint { "It carries its object only if both are public; else its event leaves alone." }
            }
        }
    }
}

/// In a word, and by which rule.
pub(super) fn verdict(private: bool, reason: Option<&str>, target: &str) -> Markup {
    html! {
        (visibility(private)) " " (rule(private, reason, target)) "."
        @if let Some(reason) = reason { " " code.soft { (reason) } }
    }
}

pub(super) fn visibility(private: bool) -> Markup {
    if private {
        html! { span.badge.private { "private" } }
    } else {
        html! { span.badge.public { "public" } }
    }
}

fn fates(viewer: &Viewer, message: &TraceView) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Connector" } th scope="col" { "State" } th.number scope="col" { "Attempts" }
                th scope="col" { "Attempts that are remembered" } th scope="col" { "Do" }
            } }
            tbody { @for fate in &message.connectors { tr {
                th scope="row" { a href={ "/connectors/" (fate.connector) } { (fate.connector) } }
                td { (state(fate)) @if let Some(reason) = &fate.reason { div.reason { (reason) } } }
                td.number { (fate.attempts) @if fate.perhaps_sent { " " span.badge.paused { "perhaps sent" } } }
                td {
                    @if fate.log.is_empty() { span.soft { "none" } }
                    @else { ul.plain { @for attempt in &fate.log { li { (time(&attempt.at)) " " (outcome(attempt)) } } } }
                }
                td { (deeds(viewer, fate, message.sequence)) }
            } } }
        }
    }
}

/// Where it is, for one connector.
pub(super) fn state(fate: &FateView) -> Markup {
    let is_sent = fate.log.iter().any(|attempt| attempt.error.is_none());
    match fate.state {
        FateState::Waiting if fate.attempts == 0 => html! { span.badge { "waiting" } },
        FateState::Waiting => html! { span.badge.backlog { "waiting" } },
        FateState::Parked => html! { span.badge.paused { "set aside" } },
        FateState::Done if is_sent => html! { span.badge.well { "sent" } },
        FateState::Done => {
            html! { span.badge title="Sent, or never meant for it, or given up: that is not kept" { "done" } }
        }
    }
}

fn deeds(viewer: &Viewer, fate: &FateView, sequence: i64) -> Markup {
    let (list, deeds): (&str, &[(&str, &str)]) = match fate.state {
        FateState::Waiting => ("backlog", &[("skip", "Set aside"), ("drop", "Drop")]),
        FateState::Parked => ("parked", &[("retry", "Send after all"), ("drop", "Drop")]),
        FateState::Done => ("", &[]),
    };
    html! {
        @if viewer.session.is_some() {
            @for (deed, title) in deeds {
                @let href = format!("/connectors/{}/{list}/confirm?do={deed}&seq={sequence}", fate.connector);
                a href=(href) aria-label={ (title) " for " (fate.connector) } { (title) "…" } " "
            }
        } @else { span.soft { "–" } }
    }
}
