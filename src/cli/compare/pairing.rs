//! Which message of one stream is which of the other: the same bug, kind, author and, where it is known, object, at about the same
//! time; of several the one whose changes are most alike.

use std::collections::HashMap;

use super::known::Known;
use super::stream::{Message, Stream};

/// Two streams, message by message; numbers are places in them.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    pub(super) pairs: Vec<Pair>,
    /// In the first stream alone, and in the second.
    pub(super) alone: [Vec<usize>; 2],
    /// What stands in one stream alone, and is known to.
    pub(super) known: Vec<Known>,
}

/// Two messages that tell the same.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) push: usize,
    pub(super) ours: usize,
    /// Further ones of the first stream, which the second tells in the same message.
    pub(super) parts: Vec<usize>,
}

impl Pairing {
    /// `tolerance`: how far apart the times of the same message may be, in seconds.
    pub(super) fn of(push: &Stream, ours: &Stream, tolerance: i64) -> Self {
        let mut pairing = Pairing::default();
        let mut groups: HashMap<(i64, &str, &str, i64), [Vec<usize>; 2]> = HashMap::new();
        for (side, stream) in [push, ours].into_iter().enumerate() {
            for (place, message) in stream.messages.iter().enumerate() {
                let key = (message.bug, message.target.as_str(), message.action.as_str(), message.user);
                groups.entry(key).or_default()[side].push(place);
            }
        }
        for sides in groups.into_values() {
            pairing.pair(push, ours, sides, tolerance);
        }
        pairing.pairs.sort_by_key(|pair| pair.ours);
        let [of_push, of_ours] = std::mem::take(&mut pairing.alone);
        for place in of_push {
            match pairing.absorbed(push, ours, place, tolerance) {
                Some(known) => pairing.known.push(known),
                None => pairing.alone[0].push(place),
            }
        }
        pairing.alone[1] = of_ours;
        let Pairing { alone, known, .. } = &mut pairing;
        for (side, stream) in [push, ours].into_iter().enumerate() {
            alone[side].sort_unstable();
            let mut first: HashMap<&str, usize> = HashMap::new();
            for (place, message) in stream.messages.iter().enumerate() {
                first.entry(message.text()).or_insert(place);
            }
            alone[side].retain(|&place| {
                let message = &stream.messages[place];
                // Whichever of the two has found its like.
                let is_repeated = first.get(message.text()).is_some_and(|&first| first < place);
                let found = Known::alone(side, message).or_else(|| is_repeated.then_some(Known::Repeated));
                known.extend(found);
                found.is_none()
            });
        }
        pairing
    }

    /// The best pairs first, until nothing fits any more.
    fn pair(&mut self, push: &Stream, ours: &Stream, [of_push, of_ours]: [Vec<usize>; 2], tolerance: i64) {
        let mut candidates = Vec::new();
        for &p in &of_push {
            let of_push = &push.messages[p];
            for &o in &of_ours {
                let of_ours = &ours.messages[o];
                let apart = (of_push.second - of_ours.second).abs();
                if apart <= tolerance && is_same_object(of_push, of_ours) {
                    // Of two of Push's that are one of ours the one that tells more; else by time, then by their order.
                    let rank = (
                        std::cmp::Reverse(likeness(of_push, of_ours)),
                        apart,
                        std::cmp::Reverse(of_push.changes.len()),
                    );
                    candidates.push((rank, p, o));
                }
            }
        }
        candidates.sort_unstable();
        let (mut free_push, mut free_ours) = (of_push, of_ours);
        for (_, push, ours) in candidates {
            let places = (free_push.iter().position(|&p| p == push), free_ours.iter().position(|&o| o == ours));
            if let (Some(p), Some(o)) = places {
                free_push.remove(p);
                free_ours.remove(o);
                self.pairs.push(Pair { push, ours, parts: vec![] });
            }
        }
        self.alone[0].extend(free_push);
        self.alone[1].extend(free_ours);
    }

    /// Whether one of Push's messages is a part of another one's save, which bugrelay tells at once.
    fn absorbed(&mut self, push: &Stream, ours: &Stream, place: usize, tolerance: i64) -> Option<Known> {
        let message = &push.messages[place];
        let near = |pair: &&mut Pair| {
            let other = &push.messages[pair.push];
            let is_near = (other.second - message.second).abs() <= tolerance && is_same_object(other, message);
            is_near
                && (other.bug, &other.target, &other.action, other.user)
                    == (message.bug, &message.target, &message.action, message.user)
        };
        let crosses = |message: &Message| message.changes.iter().any(|change| change.field == "is_private");
        let of_flags = |message: &Message| {
            !message.changes.is_empty() && message.changes.iter().all(super::stream::Change::is_of_a_flag)
        };
        self.pairs.iter_mut().filter(near).filter(|_| message.action == "modify").find_map(|pair| {
            let other = &push.messages[pair.push];
            let known = if crosses(message) || crosses(other) {
                Known::Crossing
            } else if of_flags(message) || of_flags(other) {
                Known::FlagsTwice
            } else {
                return None;
            };
            // What it tells must be there, unless it is held back.
            let told = &ours.messages[pair.ours];
            let has = |field: &str| told.changes.iter().any(|change| change.field == field);
            let is_told =
                known == Known::Crossing || !told.is_public || message.changes.iter().all(|change| has(&change.field));
            is_told.then(|| {
                pair.parts.push(place);
                known
            })
        })
    }
}

fn is_same_object(a: &Message, b: &Message) -> bool {
    a.object.zip(b.object).is_none_or(|(a, b)| a == b)
}

/// How many changes both tell.
fn likeness(a: &Message, b: &Message) -> usize {
    a.changes
        .iter()
        .filter(|change| b.changes.iter().any(|other| (&other.field, &other.added) == (&change.field, &change.added)))
        .count()
}
