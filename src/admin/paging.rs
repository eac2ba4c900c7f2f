//! `?after=SEQUENCE&limit=NUMBER&bodies=true&bug=ID&target=WORD&action=WORD`: which part of a list is asked for, and with what.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use url::form_urlencoded;

use super::answer::Refusal;
use crate::message::Origin;
use crate::queue::{Entry, Page, Parked, QueueError, Waiting};

/// Entries of a page, by default and at the most; with their bodies fewer, and no more than the queue reads at once.
pub(super) const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;
const PAGE_WITH_BODIES_MAX: usize = 100;

/// How long is looked on while nothing, or not enough, is found.
pub(super) const LOOKING: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Paging {
    /// Only what is behind this sequence.
    pub(super) after: i64,
    /// At most so many.
    pub(super) limit: usize,
    /// With the messages themselves.
    pub(super) bodies: bool,
    /// Only these.
    pub(super) wanted: Wanted,
}

/// Which entries of a list are wanted; each word narrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// About this bug and its parts.
    pub(super) bug: Option<i64>,
    /// `bug`, `comment`, `attachment`, `relay`.
    pub(super) target: Option<String>,
    /// `create`, `modify`, a topic.
    pub(super) action: Option<String>,
}

impl Wanted {
    fn is_everything(&self) -> bool {
        *self == Wanted::default()
    }

    fn has(&self, listed: &impl Listed) -> bool {
        // Of one of which the store has lost a part nobody knows.
        let Some((origin, routing_key)) = listed.about() else { return false };
        self.bug.is_none_or(|bug| origin.bug().is_some_and(|of| of.0 == bug))
            && self.target.as_ref().is_none_or(|target| origin.target() == target)
            && self.action.as_ref().is_none_or(|action| origin.action(routing_key) == action)
    }
}

impl Paging {
    /// From a query, in which every key may be left out. A word that is left empty wants everything.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let mut paging = Paging { limit: PAGE, ..Paging::default() };
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let wanted = &mut paging.wanted;
            let understood = match key.as_ref() {
                "after" => value.parse().map(|number| paging.after = number).is_ok(),
                "limit" => value.parse().map(|number| paging.limit = number).is_ok(),
                "bodies" => value.parse().map(|flag| paging.bodies = flag).is_ok(),
                "bug" | "target" | "action" if value.is_empty() => true,
                "bug" => value.trim().parse().map(|bug| wanted.bug = Some(bug)).is_ok(),
                "target" => wanted.target.replace(value.into_owned()).is_none(),
                "action" => wanted.action.replace(value.into_owned()).is_none(),
                _ => false,
            };
            if !understood {
                let text = "write ?after=SEQUENCE&limit=NUMBER&bodies=true, or some of it; in the lists of a connector also bug=ID, target=WORD \
                            and action=WORD";
                return Err(Refusal(StatusCode::BAD_REQUEST, text.to_owned()));
            }
        }
        let most = if paging.bodies { PAGE_WITH_BODIES_MAX } else { PAGE_MAX };
        paging.limit = paging.limit.clamp(1, most);
        Ok(paging)
    }

    /// Reads on until there are enough of those that are wanted, or it was looked long enough: then there is a `next`, and perhaps no entry.
    pub(super) async fn read<T, F>(&self, read: impl Fn(i64, usize) -> F) -> Result<Page<T>, QueueError>
    where
        T: Listed,
        F: Future<Output = Result<Page<T>, QueueError>>,
    {
        if self.wanted.is_everything() {
            return read(self.after, self.limit).await;
        }
        let (mut found, mut after, since) = (Vec::new(), self.after, Instant::now());
        loop {
            let page = read(after, if self.bodies { PAGE_WITH_BODIES_MAX } else { PAGE_MAX }).await?;
            for entry in page.entries.into_iter().filter(|entry| self.wanted.has(entry)) {
                let sequence = entry.sequence();
                found.push(entry);
                if found.len() == self.limit {
                    return Ok(Page { entries: found, next: Some(sequence) });
                }
            }
            // What one read brings is bounded, bodies and all; several are not.
            if self.bodies && !found.is_empty() {
                return Ok(Page { entries: found, next: page.next });
            }
            match page.next {
                Some(next) if since.elapsed() < LOOKING => after = next,
                next => return Ok(Page { entries: found, next }),
            }
        }
    }
}

/// What lists have entries of.
pub(super) trait Listed {
    /// Its place in the queue.
    fn sequence(&self) -> i64;

    /// Who tells it, and its routing key; `None`: the store has lost it.
    fn about(&self) -> Option<(Origin, &str)>;
}

impl Listed for Waiting {
    fn sequence(&self) -> i64 {
        self.sequence
    }

    fn about(&self) -> Option<(Origin, &str)> {
        Some((self.origin, &self.routing_key))
    }
}

impl Listed for Entry {
    fn sequence(&self) -> i64 {
        self.envelope.sequence
    }

    fn about(&self) -> Option<(Origin, &str)> {
        Some((self.envelope.origin, &self.envelope.routing_key))
    }
}

impl<T: Listed> Listed for Parked<T> {
    fn sequence(&self) -> i64 {
        self.sequence
    }

    fn about(&self) -> Option<(Origin, &str)> {
        self.entry.as_ref()?.about()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugzilla::{BugId, CommentId};
    use crate::changeset::Subject;
    use crate::message::MessageId;

    fn waiting(sequence: i64) -> Waiting {
        Waiting {
            sequence,
            id: MessageId::of("https://bugs.example.org/", "comment.create", &sequence.to_string()),
            routing_key: "comment.create".to_owned(),
            origin: Subject::Comment(BugId(sequence % 10), CommentId(sequence)).into(),
            committed_at_ms: 0,
            attempts: 0,
            perhaps_sent: false,
            bytes: 2,
        }
    }

    #[tokio::test]
    async fn a_filtered_list_is_read_on_until_a_page_is_full_and_goes_on_behind_it() {
        let read = async |after: i64, limit: usize| {
            let end = 5_000.min(after + i64::try_from(limit).unwrap());
            Ok(Page { entries: (after + 1..=end).map(waiting).collect(), next: (end < 5_000).then_some(end) })
        };
        let page = async |query: &str| {
            let page = Paging::parse(Some(query)).ok().unwrap().read(read).await.unwrap();
            (page.entries.len(), page.entries.first().map(|entry| entry.sequence), page.next)
        };
        assert_eq!(page("bug=7&limit=200").await, (200, Some(7), Some(1_997)));
        assert_eq!(page("bug=7&limit=200&after=1997").await, (200, Some(2_007), Some(3_997)));
        assert_eq!(page("bug=7&limit=200&after=3997&target=&action=create").await, (100, Some(4_007), None));
        assert_eq!(page("target=attachment").await, (0, None, None));
        assert_eq!(page("limit=3").await, (3, Some(1), Some(3)));
    }
}
