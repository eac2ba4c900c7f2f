//! Batches as transactions: a reader of what is committed sees each once, whenever we or a broker died.
//!
//! With the records travels a mark of what they were: a committed offset of a group that bears the transaction's name. A new
//! producer ends whatever its predecessor left open and reads the mark; what it speaks of has arrived and is not sent again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
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

/// Messages that one mark can speak of. A broker takes 4096 characters beside an offset (`offset.metadata.max.bytes`); a tag has 5 bytes,
/// which are 3334 characters for all of them.
pub(super) const MESSAGES_MAX: usize = 500;

/// A batch that was committed: the sequences at its ends, and a tag of each message. It speaks of these and of no others, also of those
/// between them that had no part in it: one that was parked then may be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    first: i64,
    last: i64,
    tags: HashSet<Tag>,
}

/// 40 bits of what only this message has: its id, and its place in the store. Another store tells of other messages in the same
/// places; a replay tells of the same ones in other places.
type Tag = [u8; 5];

/// The group whose offsets are the marks, and what they said when the producer began.
pub(super) struct Ledger {
    group: Arc<ConsumerGroupMetadata>,
    marks: Vec<Mark>,
}

impl Mark {
    fn of(batch: &[Envelope]) -> Option<Self> {
        let (first, last) = (batch.first()?.sequence, batch.last()?.sequence);
        Some(Mark { first, last, tags: batch.iter().map(tag).collect() })
    }

    fn write(&self) -> String {
        let tags: Vec<u8> = self.tags.iter().flatten().copied().collect();
        format!("{} {} {}", self.first, self.last, STANDARD_NO_PAD.encode(tags))
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let tags = STANDARD_NO_PAD.decode(words.next()?).ok()?;
        Some(Mark { first, last, tags: tags.as_chunks().0.iter().copied().collect() })
    }

    /// As a committed offset; the number itself means nothing.
    fn place(&self, topic: &str) -> Result<TopicPartitionList, KafkaError> {
        let mut places = TopicPartitionList::new();
        let mut place = places.add_partition(topic, 0);
        place.set_offset(Offset::Offset(0))?;
        place.set_metadata(self.write());
        Ok(places)
    }

    fn speaks_of(&self, envelope: &Envelope) -> bool {
        (self.first..=self.last).contains(&envelope.sequence) && self.tags.contains(&tag(envelope))
    }
}

fn tag(envelope: &Envelope) -> Tag {
    // The low half of an id of version 5 is a hash but for its first two bits.
    let (_, hash) = envelope.id.0.as_u64_pair();
    let [_, _, _, tag @ ..] = (hash ^ envelope.sequence.cast_unsigned()).to_be_bytes();
    tag
}

impl Ledger {
    /// Ends what a predecessor left open, and reads the marks. They are where the first message of their batch went.
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
        let mut topics = config.topics.all();
        topics.extend(config.topics.of_batch(batch));
        let read = session.blocking(move |_| {
            let consumer: BaseConsumer<Watch> = client.create_with_context(Watch::default())?;
            let mut places = TopicPartitionList::new();
            for topic in &topics {
                places.add_partition(topic, 0);
            }
            let places = consumer.committed_offsets(places, left())?;
            places.elements().iter().try_for_each(told)?;
            let marks: Vec<Mark> = places.elements().iter().filter_map(|place| Mark::read(place.metadata())).collect();
            let group = consumer.group_metadata().ok_or(KafkaError::Canceled)?;
            Ok((group, marks))
        });
        let (group, marks) = read.await?.map_err(|error: KafkaError| explain(session, &error))?;
        Ok(Ledger { group: Arc::new(group), marks })
    }

    /// Sends a batch: all of it or nothing.
    pub(super) async fn send(
        &self,
        course: Course<'_>,
        batch: &[Envelope],
        outcomes: &Outcomes,
    ) -> Result<(), Failure> {
        let (arrived, rest): (Vec<usize>, Vec<usize>) =
            (0..batch.len()).partition(|&index| self.marks.iter().any(|mark| mark.speaks_of(&batch[index])));
        arrived.into_iter().for_each(|index| outcomes.sent_before(index));
        let envelopes: Vec<Envelope> = rest.iter().map(|&index| batch[index].clone()).collect();
        let trial = Outcomes::new(envelopes.len());
        let result = self.transact(course, batch, &envelopes, &trial).await;
        for (fate, &index) in trial.take().into_iter().zip(&rest) {
            match (fate, &result) {
                (Some(Err(error)), _) if error.class == Class::Poison => outcomes.failed(index, error),
                (_, Ok(())) => outcomes.sent(index),
                (_, Err(failure)) => outcomes.failed(index, failure.error.clone()),
            }
        }
        result
    }

    /// Sends `batch`, and marks all of `whole`: the mark takes the place of one that spoke of what had arrived of it.
    async fn transact(
        &self,
        course: Course<'_>,
        whole: &[Envelope],
        batch: &[Envelope],
        trial: &Outcomes,
    ) -> Result<(), Failure> {
        let Some(mark) = Mark::of(whole).filter(|_| !batch.is_empty()) else { return Ok(()) };
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
        let topic = batch.first().map(|first| course.topics.of(first)).unwrap_or_default();
        let group = Arc::clone(&self.group);
        let marked = session
            .blocking(move |producer| producer.send_offsets_to_transaction(&mark.place(&topic)?, &group, left()));
        marked.await?.map_err(|error| explain(session, &error))?;
        let committed = session.blocking(move |producer| producer.commit_transaction(left())).await?;
        committed.map_err(|error| {
            // Without an answer it may be committed; the next producer finds out.
            let undone = matches!(&error, KafkaError::Transaction(error) if error.txn_requires_abort());
            SendError { perhaps_delivered: !undone, ..explain(session, &error) }.into()
        })
    }
}

/// A place of which no answer came may hold the one mark that counts. Where we may not look we never wrote.
fn told(place: &TopicPartitionListElem<'_>) -> Result<(), KafkaError> {
    const NONE: [Code; 2] = [Code::TopicAuthorizationFailed, Code::UnknownTopicOrPartition];
    place.error().or_else(|error| match error.rdkafka_error_code() {
        Some(code) if NONE.contains(&code) => Ok(()),
        _ => Err(error),
    })
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
            origin: Subject::Bug(BugId(1)).into(),
            change_set: String::new(),
            committed_at_ms: 0,
            body: Body { bytes: b"{}".to_vec().into(), event_bytes: None },
        }
    }

    #[test]
    fn a_mark_speaks_of_its_batch_and_of_nothing_else() {
        let batch: Vec<Envelope> = (3..=9).map(|n| envelope(n, "a")).collect();
        let sent = [batch[1].clone(), batch[3].clone(), batch[4].clone()];
        let mark = Mark::read(&Mark::of(&sent).unwrap().write()).unwrap();
        let spoken_of = |batch: &[Envelope]| -> Vec<i64> {
            batch.iter().filter(|envelope| mark.speaks_of(envelope)).map(|envelope| envelope.sequence).collect()
        };
        assert_eq!(spoken_of(&batch), [4, 6, 7]);
        let another: Vec<Envelope> = (3..=9).map(|n| envelope(n, "b")).collect();
        assert_eq!(spoken_of(&another), [0; 0], "a fresh store counts from 1 again");
        let replayed = Envelope { sequence: 5, ..batch[1].clone() };
        assert_eq!(spoken_of(&[replayed]), [0; 0]);
    }

    #[test]
    fn a_mark_of_the_largest_batch_is_taken_by_every_broker() {
        let far = i64::MAX - 1_000;
        let batch: Vec<Envelope> = (far..).take(MESSAGES_MAX).map(|n| envelope(n, "a")).collect();
        let mark = Mark::of(&batch).unwrap();
        assert_eq!(mark.tags.len(), MESSAGES_MAX);
        assert!(mark.write().len() <= 4096, "{}", mark.write().len());
    }
}
