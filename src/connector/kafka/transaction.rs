//! Batches as transactions: a reader of what is committed sees each once, whenever we or a broker died.
//!
//! With the records travels a mark of what they were: a committed offset of a group that bears the transaction's name. A new
//! producer ends whatever its predecessor left open and reads the mark; what it speaks of has arrived and is not sent again.

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

/// The last batch that was committed. Its last message's id proves that the store still tells of the same messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    first: i64,
    last: i64,
    id: String,
}

/// The group whose offset is the mark, and what it said when the producer began.
pub(super) struct Ledger {
    group: Arc<ConsumerGroupMetadata>,
    /// Forgotten after the first look: from then on we know by ourselves.
    mark: Option<Mark>,
}

impl Mark {
    fn write(&self) -> String {
        format!("{} {} {}", self.first, self.last, self.id)
    }

    /// As a committed offset; the number itself means nothing.
    fn place(&self, topic: &str) -> Result<TopicPartitionList, KafkaError> {
        let mut places = TopicPartitionList::new();
        let mut place = places.add_partition(topic, 0);
        place.set_offset(Offset::Offset(0))?;
        place.set_metadata(self.write());
        Ok(places)
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Mark { first, last, id: words.next()?.to_owned() })
    }

    /// Which of these it speaks of: none, unless its last message is among them.
    ///
    /// A batch is the oldest that waits, whole; so if its last message is unsettled, all others between are of that batch too.
    fn covers(&self, batch: &[Envelope]) -> Vec<usize> {
        let is_ours = |envelope: &Envelope| envelope.sequence == self.last && envelope.id.to_string() == self.id;
        if !batch.iter().any(is_ours) {
            return vec![];
        }
        let within = |(_, envelope): &(usize, &Envelope)| (self.first..=self.last).contains(&envelope.sequence);
        batch.iter().enumerate().filter(within).map(|(index, _)| index).collect()
    }
}

impl Ledger {
    /// Ends what a predecessor left open, and reads the mark.
    pub(super) async fn open(
        session: &Session,
        config: &KafkaConfig,
        id: &str,
        topics: Vec<String>,
        deadline: Instant,
    ) -> Result<Self, SendError> {
        let left = move || deadline.saturating_duration_since(Instant::now());
        session
            .blocking(move |producer| producer.init_transactions(left()))
            .await?
            .map_err(|e| explain(session, &e))?;
        let mut client = config.client();
        client.set("group.id", id).set("enable.auto.commit", "false");
        let read = session.blocking(move |_| {
            let consumer: BaseConsumer<Watch> = client.create_with_context(Watch::default())?;
            let mut places = TopicPartitionList::new();
            for topic in &topics {
                places.add_partition(topic, 0);
            }
            let marks = consumer.committed_offsets(places, left())?;
            let mark =
                marks.elements().iter().filter_map(|place| Mark::read(place.metadata())).max_by_key(|mark| mark.last);
            let group = consumer.group_metadata().ok_or(KafkaError::Canceled)?;
            Ok((group, mark))
        });
        let (group, mark) = read.await?.map_err(|error: KafkaError| explain(session, &error))?;
        Ok(Ledger { group: Arc::new(group), mark })
    }

    /// Sends a batch: all of it or nothing, but for messages that are poison.
    pub(super) async fn send(
        &mut self,
        course: Course<'_>,
        batch: &[Envelope],
        outcomes: &Outcomes,
    ) -> Result<(), Failure> {
        let arrived = self.mark.take().map(|mark| mark.covers(batch)).unwrap_or_default();
        arrived.iter().for_each(|&index| outcomes.sent(index));
        let rest: Vec<usize> = (0..batch.len()).filter(|index| !arrived.contains(index)).collect();
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
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(()) };
        let session = course.session;
        let left = move || (course.by + course.grace).saturating_duration_since(Instant::now()).max(LAST_WAIT);
        let begun = session.blocking(|producer| producer.begin_transaction()).await?;
        begun.map_err(|error| explain(session, &error))?;
        if let Err(failure) = course.send(batch, trial).await {
            // Whether or not it answers: what is not committed is not delivered, and the next producer ends it.
            let _ = session.blocking(move |producer| producer.abort_transaction(left())).await;
            return Err(Failure { error: SendError { perhaps_delivered: false, ..failure.error }, ..failure });
        }
        let mark = Mark { first: first.sequence, last: last.sequence, id: last.id.to_string() };
        let (group, topic) = (Arc::clone(&self.group), course.topics.of(last));
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

/// Nothing of a transaction was delivered that was not committed.
fn explain(session: &Session, error: &KafkaError) -> SendError {
    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
    let code = if code == Code::Fatal { session.fatal().unwrap_or(code) } else { code };
    let told = failure::of_record(code, &session.place_of_transaction());
    let told = if told.perhaps_delivered && session.is_lost() { session.explain(code) } else { told };
    SendError { perhaps_delivered: false, ..told }
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
        let mark = Mark { first: 4, last: 6, id: batch[3].id.to_string() };
        assert_eq!(Mark::read(&mark.write()), Some(mark.clone()));
        assert_eq!(mark.covers(&batch), [1, 2, 3]);
        assert!(mark.covers(&batch[..3]).is_empty(), "its last message is settled");
        let another: Vec<Envelope> = (3..=9).map(|n| envelope(n, "b")).collect();
        assert!(mark.covers(&another).is_empty(), "a fresh store counts from 1 again");
    }
}
