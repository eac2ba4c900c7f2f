//! Batches as transactions: a reader of what is committed sees each once, whenever we or a broker died.
//!
//! With the records travels a mark of what they were: a committed offset of a group that bears the transaction's name. A new
//! producer ends whatever its predecessor left open and reads the mark; what it speaks of has arrived and is not sent again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::time::Instant;

use super::super::{Outcomes, SendError};
use super::config::KafkaConfig;
use super::failure;
use super::flight::{Course, Failure};
use super::session::{Session, Watch};
use crate::failure::Class;
use crate::message::Envelope;

/// What a call gets at the least, though the deadline has come.
const LAST_WAIT: Duration = Duration::from_millis(100);

/// A batch that was committed, by its sequences. The ids at its ends prove that the store still tells of the same messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    first: i64,
    last: i64,
    /// Of messages.
    count: usize,
    first_id: String,
    last_id: String,
}

/// The group whose offsets are the marks, and what they said when the producer began.
pub(super) struct Ledger {
    group: Arc<ConsumerGroupMetadata>,
    /// Proven by the batch that the producer began with; forgotten as soon as nothing of them waits any more.
    marks: Vec<Mark>,
}

impl Mark {
    fn of(batch: &[Envelope]) -> Option<Self> {
        let (first, last) = (batch.first()?, batch.last()?);
        Some(Mark {
            first: first.sequence,
            last: last.sequence,
            count: batch.len(),
            first_id: first.id.to_string(),
            last_id: last.id.to_string(),
        })
    }

    fn write(&self) -> String {
        format!("{} {} {} {} {}", self.first, self.last, self.count, self.first_id, self.last_id)
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let count = words.next()?.parse().ok()?;
        Some(Mark { first, last, count, first_id: words.next()?.to_owned(), last_id: words.next()?.to_owned() })
    }

    /// As committed offsets; the number itself means nothing.
    fn places(&self, topics: &BTreeSet<String>) -> Result<TopicPartitionList, KafkaError> {
        let mut places = TopicPartitionList::new();
        for topic in topics {
            let mut place = places.add_partition(topic, 0);
            place.set_offset(Offset::Offset(0))?;
            place.set_metadata(self.write());
        }
        Ok(places)
    }

    fn spans(&self, envelope: &Envelope) -> bool {
        (self.first..=self.last).contains(&envelope.sequence)
    }

    /// Whether what it spans of this batch, the oldest that waits, is what it speaks of.
    ///
    /// A batch is the oldest that waits, whole; so if one of its ends is unsettled, all others between are of that batch too. One
    /// end is enough: batches may be smaller now, or the other end unwanted. More messages than it had are a doubt, and
    /// then they are rather sent twice than not at all.
    fn is_of(&self, batch: &[Envelope]) -> bool {
        let is_end = |envelope: &Envelope| {
            let id = envelope.id.to_string();
            (envelope.sequence == self.first && id == self.first_id)
                || (envelope.sequence == self.last && id == self.last_id)
        };
        batch.iter().any(is_end) && batch.iter().filter(|envelope| self.spans(envelope)).count() <= self.count
    }
}

impl Ledger {
    /// Ends what a predecessor left open, and reads the marks that speak of this batch, the oldest that waits.
    pub(super) async fn open(
        session: &Session,
        config: &KafkaConfig,
        id: &str,
        batch: &[Envelope],
        deadline: Instant,
    ) -> Result<Self, SendError> {
        let left = move || deadline.saturating_duration_since(Instant::now());
        session
            .blocking(move |producer| producer.init_transactions(left()))
            .await?
            .map_err(|e| explain(session, &e))?;
        let mut client = config.client();
        client.set("group.id", id).set("enable.auto.commit", "false");
        let topics = config.topics.of_batch(batch);
        let read = session.blocking(move |_| {
            let consumer: BaseConsumer<Watch> = client.create_with_context(Watch::default())?;
            let mut places = TopicPartitionList::new();
            for topic in &topics {
                places.add_partition(topic, 0);
            }
            let places = consumer.committed_offsets(places, left())?;
            let marks: Vec<Mark> = places.elements().iter().filter_map(|place| Mark::read(place.metadata())).collect();
            let group = consumer.group_metadata().ok_or(KafkaError::Canceled)?;
            Ok((group, marks))
        });
        let (group, mut marks) = read.await?.map_err(|error: KafkaError| explain(session, &error))?;
        marks.retain(|mark| mark.is_of(batch));
        Ok(Ledger { group: Arc::new(group), marks })
    }

    /// Sends a batch: all of it or nothing.
    pub(super) async fn send(
        &mut self,
        course: Course<'_>,
        batch: &[Envelope],
        outcomes: &Outcomes,
    ) -> Result<(), Failure> {
        // What lies before a batch is settled, and may be put back one day to be sent.
        self.marks.retain(|mark| batch.first().is_some_and(|first| first.sequence <= mark.last));
        let (arrived, rest): (Vec<usize>, Vec<usize>) =
            (0..batch.len()).partition(|&index| self.marks.iter().any(|mark| mark.spans(&batch[index])));
        arrived.into_iter().for_each(|index| outcomes.sent(index));
        let envelopes: Vec<Envelope> = rest.iter().map(|&index| batch[index].clone()).collect();
        let trial = Outcomes::new(envelopes.len());
        let result = self.transact(course, &envelopes, &trial).await;
        for (fate, &index) in trial.take().into_iter().zip(&rest) {
            match (fate, &result) {
                (Some(Err(error)), _) if error.class == Class::Poison => outcomes.failed(index, error),
                (_, Ok(())) => outcomes.sent(index),
                (_, Err(failure)) => outcomes.failed(index, failure.error.clone()),
            }
        }
        result
    }

    async fn transact(&self, course: Course<'_>, batch: &[Envelope], trial: &Outcomes) -> Result<(), Failure> {
        let Some(mark) = Mark::of(batch) else { return Ok(()) };
        let session = course.session;
        let left = move || (course.by + course.grace).saturating_duration_since(Instant::now()).max(LAST_WAIT);
        let begun = session.blocking(|producer| producer.begin_transaction()).await?;
        begun.map_err(|error| explain(session, &error))?;
        let sent = match course.send(batch, trial).await {
            // A mark of this batch would speak of the refused ones too; and if a broker refused them, it takes no commit.
            Ok(()) if trial.hold_poison() => Err(SendError::transient(format!(
                "{}: a message was refused and is parked; the others of its batch go in the next attempt",
                session.place_of_transaction()
            ))
            .into()),
            sent => sent,
        };
        if let Err(failure) = sent {
            // Whether or not it answers: what is not committed is not delivered, and the next producer ends it.
            let _ = session.blocking(move |producer| producer.abort_transaction(left())).await;
            return Err(Failure { error: SendError { perhaps_delivered: false, ..failure.error }, ..failure });
        }
        // With both ends, that whoever begins with either of them looks where a mark is.
        let ends = course.topics.of_ends(batch);
        let group = Arc::clone(&self.group);
        let marked = session
            .blocking(move |producer| producer.send_offsets_to_transaction(&mark.places(&ends)?, &group, left()));
        marked.await?.map_err(|error| explain(session, &error))?;
        let committed = session.blocking(move |producer| producer.commit_transaction(left())).await?;
        committed.map_err(|error| {
            // Without an answer it may be committed; the next producer finds out.
            let undone = matches!(&error, KafkaError::Transaction(error) if error.txn_requires_abort());
            SendError { perhaps_delivered: !undone, ..explain(session, &error) }.into()
        })
    }
}

/// Nothing of a transaction was delivered that was not committed.
fn explain(session: &Session, error: &KafkaError) -> SendError {
    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
    let code = if code == Code::Fatal { session.fatal().unwrap_or(code) } else { code };
    if session.is_lost() && failure::of_record(code, "").perhaps_delivered {
        return session.explain(code);
    }
    failure::of_nothing_sent(code, &session.place_of_transaction())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugzilla::BugId;
    use crate::changeset::Subject;
    use crate::message::{Body, MessageId};

    fn envelope(sequence: i64, site: &str) -> Envelope {
        Envelope {
            sequence,
            id: MessageId::of(site, "bug.modify", &sequence.to_string()),
            routing_key: "bug.modify".into(),
            subject: Subject::Bug(BugId(1)),
            change_set: String::new(),
            committed_at_ms: 0,
            body: Body { bytes: b"{}".to_vec().into(), event_bytes: None },
        }
    }

    #[test]
    fn a_mark_speaks_of_its_batch_and_of_no_other_store() {
        let batch: Vec<Envelope> = (3..=9).map(|n| envelope(n, "a")).collect();
        let mark = Mark::of(&batch[1..4]).unwrap();
        assert_eq!(Mark::read(&mark.write()), Some(mark.clone()));
        assert!(mark.is_of(&batch));
        assert_eq!(batch.iter().filter(|envelope| mark.spans(envelope)).count(), 3);
        assert!(mark.is_of(&batch[1..2]) && mark.is_of(&batch[3..]), "one end is enough");
        assert!(!mark.is_of(&batch[..1]) && !mark.is_of(&batch[4..]));
        let another: Vec<Envelope> = (3..=9).map(|n| envelope(n, "b")).collect();
        assert!(!mark.is_of(&another), "a fresh store counts from 1 again");
    }

    #[test]
    fn a_message_that_was_put_back_between_others_is_not_taken_for_sent() {
        let batch: Vec<Envelope> = (3..=6).map(|n| envelope(n, "a")).collect();
        let without = [batch[0].clone(), batch[2].clone(), batch[3].clone()];
        assert!(!Mark::of(&without).unwrap().is_of(&batch));
    }
}
