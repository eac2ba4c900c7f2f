//! `?after=SEQUENCE&limit=NUMBER&bodies=true`: which part of a list is asked for, and with what. Reads nothing.

use axum::http::StatusCode;
use url::form_urlencoded;

use super::answer::Refusal;

/// Entries of a page, by default and at the most; with their bodies fewer, and no more than the queue reads at once.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;
const PAGE_WITH_BODIES_MAX: usize = 100;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Paging {
    /// Only what is behind this sequence.
    pub(super) after: i64,
    /// At most so many.
    pub(super) limit: usize,
    /// With the messages themselves.
    pub(super) bodies: bool,
}

impl Paging {
    /// From a query, in which every key may be left out.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let (mut after, mut limit, mut bodies) = (0, PAGE, false);
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let understood = match key.as_ref() {
                "after" => value.parse().map(|number| after = number).is_ok(),
                "limit" => value.parse().map(|number| limit = number).is_ok(),
                "bodies" => value.parse().map(|flag| bodies = flag).is_ok(),
                _ => false,
            };
            if !understood {
                let text = "write ?after=SEQUENCE&limit=NUMBER&bodies=true, or some of it".to_owned();
                return Err(Refusal(StatusCode::BAD_REQUEST, text));
            }
        }
        let most = if bodies { PAGE_WITH_BODIES_MAX } else { PAGE_MAX };
        Ok(Paging { after, limit: limit.clamp(1, most), bodies })
    }
}
