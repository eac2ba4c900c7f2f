//! `/api/parked/NAME`: what is set aside for one connector, a page at a time; with `bodies=true` as it would leave now. Reads only.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::answer::{Refusal, json, rfc3339};
use super::backlog::{EntryView, judge};
use super::paging::Paging;
use super::{Admin, connectors};
use crate::queue::{Page, Parked};

/// Some parked messages of one connector.
#[derive(Debug, Serialize, Deserialize)]
pub struct ParkedPage {
    /// Which connector's.
    pub connector: String,
    /// In order of sequence.
    pub entries: Vec<ParkedView>,
    /// Ask for what follows with `after` this; `None`: that was all.
    pub next: Option<i64>,
}

/// One message that is set aside for one connector.
#[derive(Debug, Serialize, Deserialize)]
pub struct ParkedView {
    /// Its place in the queue.
    pub sequence: i64,
    /// Why.
    pub reason: String,
    /// When, RFC 3339.
    pub parked_at: String,
    /// As it waited; `None`: the store has lost a part of it.
    pub message: Option<EntryView>,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    json(&read(&admin, name, &Paging::parse(query.as_deref())?).await?)
}

/// What of it is asked for.
pub(super) async fn read(admin: &Admin, name: String, paging: &Paging) -> Result<ParkedPage, Refusal> {
    connectors::must_be_known(admin, &name).await?;
    let Page { entries, next } = if paging.bodies {
        let page = paging.read(|after, limit| admin.queue.parked_bodies(&name, after, limit)).await?;
        let Page { mut entries, next } = page;
        judge(admin, entries.iter_mut().filter_map(|parked| parked.entry.as_mut()).collect()).await?;
        Page {
            entries: entries.into_iter().map(|parked| view(parked, |entry| EntryView::with_body(&entry))).collect(),
            next,
        }
    } else {
        let Page { entries, next } = paging.read(|after, limit| admin.queue.parked(&name, after, limit)).await?;
        Page { entries: entries.into_iter().map(|parked| view(parked, EntryView::from)).collect(), next }
    };
    Ok(ParkedPage { connector: name, entries, next })
}

fn view<T>(parked: Parked<T>, message: impl FnOnce(T) -> EntryView) -> ParkedView {
    let Parked { sequence, reason, parked_at_ms, entry } = parked;
    ParkedView { sequence, reason, parked_at: rfc3339(parked_at_ms), message: entry.map(message) }
}
