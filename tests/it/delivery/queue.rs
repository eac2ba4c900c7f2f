//! A queue in memory that keeps the contract of [`Queue`], durability aside.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bugrelay::bugzilla::LocalTime;
use bugrelay::changeset::Subject;
use bugrelay::message::{Envelope, Fact, Message, Relayed};
use bugrelay::queue::{
    BacklogStats, Batch, Checkpoint, Disposal, Entry, Page, Parked, Queue, QueueError, Receipt, Settlement, Sought,
    Standing, Stats, Subscriber, SweepMark, Trace, Waiting,
};

#[derive(Default)]
pub(crate) struct MemoryQueue(Mutex<State>);

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
    checkpoint: Option<Checkpoint>,
    swept: Option<SweepMark>,
    told: HashSet<(Fact, LocalTime)>,
    envelopes: Vec<Envelope>,
    lines: HashMap<String, Line>,
}

/// What one connector waits for.
#[derive(Default)]
struct Line {
    /// Sequence -> perhaps sent, attempts.
    entries: BTreeMap<i64, (bool, u32)>,
    /// Begun and not settled.
    flight: HashSet<i64>,
    parked: Vec<(i64, String)>,
    standing: Standing,
    paused: bool,
}

impl MemoryQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn envelope(&mut self, sequence: i64) -> &mut Envelope {
        self.envelopes.iter_mut().find(|envelope| envelope.sequence == sequence).unwrap()
    }

    /// For those connectors that want them, of these.
    fn add(&mut self, messages: Vec<Message>, of: impl Fn(&str) -> bool) -> Vec<Envelope> {
        let mut stored = vec![];
        for message in messages {
            let envelope = Envelope {
                sequence: i64::try_from(self.envelopes.len()).unwrap() + 1,
                id: message.id,
                routing_key: message.routing_key(),
                origin: message.subject.into(),
                change_set: message.change_set.clone(),
                committed_at_ms: message.committed_at_ms,
                body: message.body.clone(),
            };
            let wanting = self.subscribers.iter().filter(|s| of(&s.connector) && s.filter.wants(&message));
            for connector in wanting.map(|s| s.connector.clone()).collect::<Vec<_>>() {
                self.lines.entry(connector).or_default().entries.insert(envelope.sequence, (false, 0));
            }
            self.envelopes.push(envelope.clone());
            stored.push(envelope);
        }
        stored
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn subscribe(&self, subscribers: Vec<Subscriber>) -> Result<(), QueueError> {
        self.state().subscribers = subscribers;
        Ok(())
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, QueueError> {
        Ok(self.state().checkpoint.clone())
    }

    async fn put(&self, messages: Vec<Message>, checkpoint: Checkpoint) -> Result<Vec<Envelope>, QueueError> {
        let mut state = self.state();
        state.checkpoint = Some(checkpoint);
        let facts = |message: &Message| message.facts.iter().map(|&fact| (fact, message.saved_at)).collect::<Vec<_>>();
        state.told.extend(messages.iter().flat_map(facts));
        Ok(state.add(messages, |_| true))
    }

    async fn untold(&self, facts: Vec<(Fact, LocalTime)>) -> Result<Vec<(Fact, LocalTime)>, QueueError> {
        let told = self.state().told.clone();
        Ok(facts.into_iter().filter(|fact| !told.contains(fact)).collect())
    }

    async fn put_again(
        &self,
        messages: Vec<Message>,
        connectors: Vec<String>,
    ) -> Result<Option<Vec<Envelope>>, QueueError> {
        Ok(Some(self.state().add(messages, |connector| connectors.iter().any(|named| named == connector))))
    }

    async fn put_relayed(&self, _: Vec<Relayed>) -> Result<Vec<Receipt>, QueueError> {
        unimplemented!("delivery stores nothing")
    }

    async fn swept(&self) -> Result<Option<SweepMark>, QueueError> {
        Ok(self.state().swept)
    }

    async fn set_swept(&self, mark: SweepMark) -> Result<(), QueueError> {
        self.state().swept = Some(mark);
        Ok(())
    }

    async fn swept_on(&self, until: i64) -> Result<(), QueueError> {
        if let Some(mark) = self.state().swept.as_mut().filter(|mark| mark.first.is_none()) {
            mark.until = mark.until.max(until);
        }
        Ok(())
    }

    async fn next_behind(&self, connector: &str, after: i64, limit: usize) -> Result<Batch, QueueError> {
        let mut state = self.state();
        let Some(line) = state.lines.get(connector) else { return Ok(Batch::default()) };
        let standing = line.standing.clone();
        let limit = if line.paused { 0 } else { limit };
        let (behind, flight) = (line.entries.range(after + 1..), line.flight.clone());
        let more = behind.clone().count() > limit;
        let oldest: Vec<_> = behind.take(limit).map(|(&sequence, &entry)| (sequence, entry)).collect();
        let entry = |(sequence, (perhaps_sent, attempts))| Entry {
            envelope: state.envelope(sequence).clone(),
            perhaps_sent: perhaps_sent || flight.contains(&sequence),
            attempts,
        };
        Ok(Batch { entries: oldest.into_iter().map(entry).collect(), more, standing, ..Batch::default() })
    }

    async fn pause(&self, connector: &str, paused: bool) -> Result<(), QueueError> {
        self.state().lines.entry(connector.to_owned()).or_default().paused = paused;
        Ok(())
    }

    async fn backlog(&self, _: &str, _: i64, _: usize) -> Result<Page<Waiting>, QueueError> {
        unimplemented!("delivery does not look at backlogs")
    }

    async fn backlog_bodies(&self, _: &str, _: i64, _: usize) -> Result<Page<Entry>, QueueError> {
        unimplemented!("delivery does not look at backlogs")
    }

    async fn parked(&self, _: &str, _: i64, _: usize) -> Result<Page<Parked<Waiting>>, QueueError> {
        unimplemented!("delivery does not look at what is parked")
    }

    async fn parked_bodies(&self, _: &str, _: i64, _: usize) -> Result<Page<Parked<Entry>>, QueueError> {
        unimplemented!("delivery does not look at what is parked")
    }

    async fn dispose(&self, _: &str, _: Disposal, _: Vec<RangeInclusive<i64>>) -> Result<u64, QueueError> {
        unimplemented!("an operator does that")
    }

    async fn traces(&self, _: Sought, _: i64, _: usize) -> Result<Page<Trace>, QueueError> {
        unimplemented!("delivery looks for nothing")
    }

    async fn public_bodies(&self, after: i64, limit: usize) -> Result<Vec<(i64, Subject)>, QueueError> {
        let state = self.state();
        let behind = state.envelopes.iter().filter(|e| e.sequence > after && !e.body.is_private());
        Ok(behind.take(limit).filter_map(|envelope| Some((envelope.sequence, envelope.origin.subject()?))).collect())
    }

    async fn begin(&self, connector: &str, sequences: Vec<i64>) -> Result<bool, QueueError> {
        let mut state = self.state();
        let line = state.lines.get_mut(connector).unwrap();
        if line.paused {
            return Ok(false);
        }
        assert!(sequences.iter().all(|sequence| line.entries.contains_key(sequence)), "begun what was not waiting");
        line.flight.extend(sequences);
        Ok(true)
    }

    async fn settle(&self, connector: &str, settlement: Settlement) -> Result<(), QueueError> {
        let mut state = self.state();
        let line = state.lines.get_mut(connector).unwrap();
        line.flight.clear();
        for sequence in settlement.done.iter().chain(settlement.parked.iter().map(|(sequence, _)| sequence)) {
            assert!(line.entries.remove(sequence).is_some(), "settled what was not waiting");
        }
        line.parked.extend(settlement.parked);
        for sequence in settlement.failed {
            let (perhaps_sent, attempts) = line.entries.get_mut(&sequence).unwrap();
            *perhaps_sent = settlement.perhaps_sent.contains(&sequence);
            *attempts += 1;
        }
        line.standing = settlement.standing;
        Ok(())
    }

    async fn redact(&self, sequences: Vec<i64>) -> Result<(), QueueError> {
        let mut state = self.state();
        for sequence in sequences {
            let envelope = state.envelope(sequence);
            envelope.body = envelope.body.redacted();
        }
        Ok(())
    }

    async fn stats(&self) -> Result<Stats, QueueError> {
        let state = self.state();
        let backlog = |(connector, line): (&String, &Line)| BacklogStats {
            connector: connector.clone(),
            messages: if line.standing.attempts > 0 { u64::try_from(line.entries.len()).unwrap() } else { 0 },
            parked: u64::try_from(line.parked.len()).unwrap(),
            standing: line.standing.clone(),
            paused: line.paused,
            ..BacklogStats::default()
        };
        Ok(Stats { backlogs: state.lines.iter().map(backlog).collect(), ..Stats::default() })
    }

    async fn purge(&self) -> Result<(), QueueError> {
        Ok(())
    }
}
