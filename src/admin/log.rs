//! `/api/log`: what the latest attempts came to, message by message; as far as this process remembers. Reads only.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::answer::{Refusal, json, rfc3339};
use super::{Admin, connectors};
use crate::delivery::{Fate, Line};

const LINES: usize = 100;
const LINES_MAX: usize = 1_000;

/// The latest attempts.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogPage {
    /// The newest first.
    pub entries: Vec<AttemptView>,
}

/// One message in one attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttemptView {
    /// When it ended, RFC 3339.
    pub at: String,
    /// Whose attempt.
    pub connector: String,
    /// The message's place in the queue.
    pub sequence: i64,
    /// The same on every bus.
    pub message_id: String,
    /// What it came to.
    pub outcome: AttemptOutcome,
    /// Why it was not sent.
    pub error: Option<String>,
}

/// What an attempt came to for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The bus has it.
    Sent,
    /// It is tried again.
    Failed,
    /// It is set aside.
    Parked,
}

impl From<Line> for AttemptView {
    fn from(line: Line) -> Self {
        let (outcome, error) = match line.fate {
            Fate::Sent => (AttemptOutcome::Sent, None),
            Fate::Failed(why) => (AttemptOutcome::Failed, Some(why.to_string())),
            Fate::Parked(why) => (AttemptOutcome::Parked, Some(why.to_string())),
        };
        AttemptView {
            at: rfc3339(line.at_ms),
            connector: line.connector.to_string(),
            sequence: line.sequence,
            message_id: line.id.to_string(),
            outcome,
            error,
        }
    }
}

/// The newest first, of one connector or of all.
pub(super) async fn read(admin: &Admin, connector: Option<&str>, limit: usize) -> Result<LogPage, Refusal> {
    if let Some(name) = connector {
        connectors::must_be_known(admin, name).await?;
    }
    let lines = admin.journal.latest(connector, limit.clamp(1, LINES_MAX));
    Ok(LogPage { entries: lines.into_iter().map(AttemptView::from).collect() })
}

pub(super) async fn show(State(admin): State<Admin>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let (connector, limit) = parse(query.as_deref())?;
    json(&read(&admin, connector.as_deref(), limit).await?)
}

/// `?connector=NAME&limit=NUMBER`; an empty name is none.
pub(super) fn parse(query: Option<&str>) -> Result<(Option<String>, usize), Refusal> {
    let (mut connector, mut limit) = (None, LINES);
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let understood = match key.as_ref() {
            "connector" => {
                connector = Some(value.into_owned()).filter(|name| !name.is_empty());
                true
            }
            "limit" => value.parse().map(|number| limit = number).is_ok(),
            _ => false,
        };
        if !understood {
            let text = "write ?connector=NAME&limit=NUMBER, or some of it".to_owned();
            return Err(Refusal(StatusCode::BAD_REQUEST, text));
        }
    }
    Ok((connector, limit))
}
