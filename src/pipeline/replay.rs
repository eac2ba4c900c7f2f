//! Replay: saves of the past are found in Bugzilla's history, their messages built anew and stored once more for some connectors.
//!
//! They are judged by what is public now, keep their ids and get new sequences, behind what waits. The capture does not notice: a
//! replay leaves it the last quarter of the store. It waits on a full disk, as the capture does.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::editor::Editor;
use super::sweep::Sweep;
use super::{CHANGE_SETS_MAX, parts};
use crate::backoff::Reconnect;
use crate::bugzilla::{BugId, LocalTime};
use crate::capture::history::{Clock, ClockFault, Span};
use crate::database::DatabaseError;
use crate::message::{Envelope, Message};
use crate::queue::{Queue, QueueError};

/// What a replay needs.
#[derive(Clone)]
pub struct Replay {
    /// Finds the saves.
    pub sweep: Sweep,
    /// Makes the messages.
    pub editor: Editor,
    /// Takes them.
    pub queue: Arc<dyn Queue>,
    /// Has the connectors' workers look at the queue.
    pub news: watch::Sender<()>,
}

/// What is to be told again. Times in seconds since 1970.
#[derive(Clone, Debug)]
pub struct Order {
    /// The first second.
    pub since: i64,
    /// The last one; none: until now.
    pub until: Option<i64>,
    /// Of these bugs alone; empty: of all.
    pub bugs: Vec<BugId>,
    /// To whom.
    pub connectors: Vec<String>,
    /// Count, and store nothing.
    pub dry_run: bool,
}

/// What a replay came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Saves found.
    pub saves: u64,
    /// Messages by routing key: stored for a connector at least, or in a dry run built.
    pub messages: BTreeMap<String, u64>,
    /// Those of them that are their event alone.
    pub private: u64,
}

/// A replay that did not come to its end: what was stored before stays stored.
#[derive(Debug, thiserror::Error)]
#[error("{why}; what was saved before {from} is stored: go on with --since {from}")]
pub struct Broken {
    /// What came in its way.
    pub why: ReplayError,
    /// A time as it can be ordered.
    pub from: jiff::Timestamp,
}

/// Why it did not.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Bugzilla's history.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The store.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The order's times mean something else to Bugzilla.
    #[error("{0}; `bugrelay check` has the line that mends it")]
    Clock(#[from] ClockFault),
}

impl Replay {
    /// Finds, builds and stores, page by page. Dropped halfway, what was stored stays stored.
    pub async fn run(&self, order: &Order) -> Result<Replayed, Broken> {
        let mut from = order.since;
        self.tell(order, &mut from).await.map_err(|why| {
            let from = jiff::Timestamp::from_second(from).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            Broken { why, from }
        })
    }

    /// All up to the second `reached` was stored.
    async fn tell(&self, order: &Order, reached: &mut i64) -> Result<Replayed, ReplayError> {
        let history = &self.sweep.history;
        let now = history.fit_clock(Clock::is_in).await??.now;
        let until = order.until.unwrap_or(now).min(now);
        let to = LocalTime::of_epoch(until, history.zone()).a_second_later();
        let from = LocalTime::of_epoch(order.since, history.zone());
        let span = Span { from, to: Some(to), bugs: order.bugs.clone() };
        let mut replayed = Replayed::default();
        let mut cursor = Some(span.begin()).filter(|_| !span.is_empty());
        while let Some(place) = cursor {
            *reached = place.at.to_epoch(history.zone()).max(order.since);
            let page = history.page(&span, place).await?;
            replayed.saves += page.saves.len() as u64;
            for sets in self.sweep.change_sets(&page).chunks(CHANGE_SETS_MAX) {
                let mut left = self.editor.edit(sets, 0);
                while let Some(edited) = left.next().await {
                    self.put(order, edited.messages, &mut replayed).await?;
                }
            }
            cursor = page.next;
        }
        Ok(replayed)
    }

    async fn put(&self, order: &Order, messages: Vec<Message>, replayed: &mut Replayed) -> Result<(), QueueError> {
        for part in parts::of(messages) {
            if order.dry_run {
                replayed.count(part.iter().map(|message| (message.routing_key(), message.body.is_private())));
                continue;
            }
            let stored = self.store(part, &order.connectors).await?;
            self.news.send_replace(());
            let told = |envelope: &Envelope| (envelope.routing_key.clone(), envelope.body.is_private());
            replayed.count(stored.iter().map(told));
        }
        Ok(())
    }

    /// Waits while there is no room for it: what Bugzilla says now comes first.
    async fn store(&self, part: Vec<Message>, connectors: &[String]) -> Result<Vec<Envelope>, QueueError> {
        let (mut said, mut pauses) = (String::new(), Reconnect::default());
        loop {
            let why = match self.queue.put_again(part.clone(), connectors.to_vec()).await {
                Ok(Some(stored)) => return Ok(stored),
                Ok(None) => {
                    "the last quarter of `max_megabytes` in [queue] is for what Bugzilla says now; `bugrelay backlog list` shows what \
                     fills the store"
                        .to_owned()
                }
                Err(QueueError::Full { reason, .. }) => reason,
                Err(error) => return Err(error),
            };
            if why != said {
                tracing::warn!("the replay waits for deliveries to make room: {why}");
                said = why;
            }
            tokio::time::sleep(pauses.next_delay()).await;
        }
    }
}

impl Replayed {
    fn count(&mut self, messages: impl Iterator<Item = (String, bool)>) {
        for (routing_key, is_private) in messages {
            *self.messages.entry(routing_key).or_default() += 1;
            self.private += u64::from(is_private);
        }
    }
}
