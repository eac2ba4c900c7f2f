//! What a live listener has not read yet, bounded in number and in bytes: what it leaves lying is held by nobody else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::task::AbortOnDropHandle;

use crate::message::Envelope;

/// Messages held for one listener, at the most.
const MESSAGES_MAX: usize = 1_000;

/// Bytes of their bodies, at the most; a larger one is held alone. Several listeners share what they hold.
const BYTES_MAX: usize = 4 << 20;

/// Taken from the channel as it comes: a channel that is not read holds on to messages for everybody.
pub(super) struct Unread {
    held: Arc<Held>,
    _reading: AbortOnDropHandle<()>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// This.
    Told(Arc<Envelope>),
    /// So many that there was no room for.
    Missed(u64),
}

#[derive(Default)]
struct Held {
    lines: Mutex<Lines>,
    news: Notify,
}

#[derive(Default)]
struct Lines {
    next: VecDeque<Next>,
    bytes: usize,
    is_over: bool,
}

impl Lines {
    fn take(&mut self, envelope: Arc<Envelope>) {
        let bytes = envelope.body.bytes.len();
        let has_room = self.next.len() < MESSAGES_MAX && self.bytes + bytes <= BYTES_MAX;
        if has_room || self.next.is_empty() {
            self.bytes += bytes;
            self.next.push_back(Next::Told(envelope));
        } else {
            self.miss(1);
        }
    }

    fn miss(&mut self, more: u64) {
        match self.next.back_mut() {
            Some(Next::Missed(missed)) => *missed += more,
            _ => self.next.push_back(Next::Missed(more)),
        }
    }

    fn give(&mut self) -> Option<Next> {
        let next = self.next.pop_front()?;
        if let Next::Told(envelope) = &next {
            self.bytes -= envelope.body.bytes.len();
        }
        Some(next)
    }
}

impl Unread {
    /// Of this channel, from now on.
    pub(super) fn of(receiver: Receiver<Arc<Envelope>>) -> Self {
        let held = Arc::<Held>::default();
        let reading = tokio::spawn(read(receiver, Arc::clone(&held)));
        Unread { held, _reading: AbortOnDropHandle::new(reading) }
    }

    /// Waits for it; none: nothing more will come.
    pub(super) async fn next(&self) -> Option<Next> {
        loop {
            // Registered before looking, so that no news falls between.
            let news = self.held.news.notified();
            {
                let mut lines = self.held.lines();
                if let Some(next) = lines.give() {
                    return Some(next);
                }
                if lines.is_over {
                    return None;
                }
            }
            news.await;
        }
    }
}

impl Held {
    /// Nothing in here can be half done.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(mut receiver: Receiver<Arc<Envelope>>, held: Arc<Held>) {
    loop {
        let received = receiver.recv().await;
        let mut lines = held.lines();
        match received {
            Ok(envelope) => lines.take(envelope),
            Err(RecvError::Lagged(missed)) => lines.miss(missed),
            Err(RecvError::Closed) => lines.is_over = true,
        }
        let is_over = lines.is_over;
        drop(lines);
        held.news.notify_one();
        if is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;
    use crate::bugzilla::BugId;
    use crate::changeset::Subject;
    use crate::message::{Body, MessageId, Origin};

    fn envelope(sequence: i64, bytes: usize) -> Arc<Envelope> {
        Arc::new(Envelope {
            sequence,
            id: MessageId::of("https://bugs.example.org/", "bug.modify", &sequence.to_string()),
            routing_key: "bug.modify".to_owned(),
            origin: Origin::Bugzilla(Subject::Bug(BugId(7))),
            change_set: String::new(),
            committed_at_ms: 0,
            body: Body { bytes: vec![b' '; bytes].into(), event_bytes: None },
        })
    }

    async fn told(unread: &Unread, count: usize) -> Vec<i64> {
        let mut told = Vec::new();
        for _ in 0..count {
            told.push(match unread.next().await.unwrap() {
                Next::Told(envelope) => envelope.sequence,
                Next::Missed(missed) => -i64::try_from(missed).unwrap(),
            });
        }
        told
    }

    #[tokio::test]
    async fn of_large_messages_few_are_held_for_a_listener_that_reads_nothing_and_it_is_told_how_many_it_missed() {
        let (sender, receiver) = broadcast::channel(4);
        let unread = Unread::of(receiver);
        let weak: Vec<_> = (1..=100)
            .map(|sequence| {
                let envelope = envelope(sequence, 1 << 20);
                let weak = Arc::downgrade(&envelope);
                sender.send(envelope).unwrap();
                weak
            })
            .collect();
        // The channel itself drops what it has no room for; what is left of it is taken at once.
        while !sender.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(weak.iter().filter(|weak| weak.strong_count() > 0).count(), 4);
        assert_eq!(told(&unread, 5).await, [-96, 97, 98, 99, 100]);
        sender.send(envelope(101, 9 << 20)).unwrap();
        assert_eq!(told(&unread, 1).await, [101], "one at least");
    }

    #[tokio::test]
    async fn what_came_while_there_was_no_room_is_missed_in_its_place() {
        let (sender, receiver) = broadcast::channel(100);
        let unread = Unread::of(receiver);
        for sequence in 1..=6 {
            sender.send(envelope(sequence, 2 << 20)).unwrap();
        }
        while !sender.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(told(&unread, 3).await, [1, 2, -4]);
        sender.send(envelope(7, 1)).unwrap();
        assert_eq!(told(&unread, 1).await, [7]);
        drop(sender);
        assert!(unread.next().await.is_none());
    }
}
